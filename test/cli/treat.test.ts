import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromConfig, load } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...words: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 120_000 });

const netOf = (name: string, kernelInitializer: string, optimizer: unknown): string => {
  const path = join(folder, name);
  const hidden = Array.from({ length: 3 }, () => ({ kind: 'dense', units: 32, activation: 'relu', kernelInitializer }));
  const ends = [
    { kind: 'input', shape: [28, 28], dtype: 'uint8' },
    { kind: 'flatten' },
    { kind: 'rescaling', scale: 1 / 255 },
    ...hidden,
    { kind: 'dense', units: 10, activation: 'softmax' },
  ];
  writeFileSync(
    path,
    JSON.stringify({ seed: 1, layers: ends, compile: { optimizer, loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] } }),
  );
  return path;
};
const sick = netOf('sick.json', 'zeros', 'sgd');
const healthy = netOf('healthy.json', 'he_normal', 'adam');

describe('evenkeel treat', () => {
  it('tells what was wrong, what was changed and by what it is proven; writes the page and the model', async () => {
    const [page, out] = [join(folder, 'page.html'), join(folder, 'cured.safetensors')];
    const { status, stdout, stderr } = run('treat', sick, '--data', 'glyphs', '--epochs', '2', '--report', page, '--out', out);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^(cured|better, but not cured)\n {2}was ill: constant-weights: /);
    expect(stdout).toMatch(/remedy: initialize dense_1 to dense_3 \(3 layers\) with 'auto' \(answers constant-weights/);
    expect(stdout).toMatch(/^\+ .*kernelInitializer: 'auto'/m);
    expect(stdout).toMatch(/cost: \d+ steps, 1\.\d\d times one training/);
    expect(stderr).toMatch(/^trial, untreated: score -?\d\.\d{3} after \d+ steps$/m);
    const html = readFileSync(page, 'utf8');
    for (const part of ['Before: accuracy', 'After: accuracy', '<section id="trials">', 'keras.layers.Dense', 'nn.Linear'])
      expect(html).toContain(part);
    expect(html).not.toMatch(/(?:src|href)="(?!#|data:)|url\(|@import|<script/);
    const cured = await load(out);
    expect(cured.layer('dense_1').config()).toMatchObject({ kernelInitializer: { name: 'auto' } });
  });

  it('asks for the module that has a layer class of the user, which no description makes', () => {
    const path = join(folder, 'own.ts');
    writeFileSync(
      path,
      `import { Layer, layers, sequential } from 'evenkeel';
      class Same extends Layer { kind = 'same'; call([x]) { return x; } config() { return {}; } }
      export default sequential([layers.input([28, 28]), layers.flatten(), new Same(), layers.dense(10, { activation: 'softmax' })])
        .compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });`,
    );
    const { status, stderr } = run('treat', path, '--data', 'glyphs', '--epochs', '1', '--quiet');
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `evenkeel: ${path}: custom functions and classes are no part of a description: 'same' (layer same_1). Pass the module that exports them: --custom FILE\n`,
    });
  });

  it('prints JSON: the outcome, what was tried, the model, and the change in the code that was asked for', () => {
    const { status, stdout, stderr } = run(
      'treat',
      sick,
      '--data',
      'glyphs',
      '--epochs',
      '1',
      '--json',
      '--quiet',
      '--code',
      'keras',
      '--trials',
      '1',
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { outcome, trials, model, code, steps, plainSteps } = JSON.parse(stdout);
    expect(['cured', 'improved']).toContain(outcome);
    expect(trials.filter(({ kind, remedies }: { kind: string; remedies: unknown[] }) => kind === 'short' && remedies.length > 0)).toHaveLength(1);
    expect(fromConfig(model).layers.length).toBeGreaterThanOrEqual(7);
    expect(code).toMatch(/^\+ .*keras\.layers\.Dense\(32, activation="relu", kernel_initializer="he_normal"\)/m);
    expect(steps).toBeGreaterThan(plainSteps);
  });

  it('goes on from before the trouble where it is asked to', () => {
    // Steps far too large from the fourth of five epochs on.
    const rates = { name: 'piecewiseConstantDecay', config: { boundaries: [1000], values: [0.05, 5] } };
    const breaks = netOf('breaks.json', 'he_normal', { name: 'sgd', config: { learningRate: rates } });
    const { status, stdout } = run('treat', breaks, '--data', 'glyphs', '--epochs', '5', '--during', '--json', '--quiet');
    expect(status).toBe(0);
    const { before, after, plainSteps } = JSON.parse(stdout);
    expect(before.grade.score).toBeLessThan(0.5);
    expect(after.grade.score).toBeGreaterThan(0.9);
    // Three epochs stay as they were.
    expect(after.steps).toBeLessThanOrEqual(Math.ceil((2 / 5) * plainSteps));
  });

  it('leaves a healthy network as it is', () => {
    const { status, stdout } = run('treat', healthy, '--data', 'glyphs', '--epochs', '2', '--quiet');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^nothing is ill: the network was trained as it is\n/);
    expect(stdout).not.toContain('as code');
  });

  it('keeps what must stay, and ends with 1 where nothing that is left helps', () => {
    const { status, stdout } = run('treat', sick, '--data', 'glyphs', '--epochs', '1', '--quiet', '--allow', 'larger-batch');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^none of the remedies tried helps/);
  });

  it('keeps the best so far on Ctrl-C', async () => {
    const out = join(folder, 'stopped.safetensors');
    const child = spawn(process.execPath, ['dist/cli/main.js', 'treat', sick, '--data', 'glyphs', '--epochs', '60', '--out', out]);
    let told = '';
    child.stdout.on('data', (text) => {
      told += text;
    });
    child.stderr.on('data', (text) => {
      if (/trial, (?!untreated)/.test(String(text))) child.kill('SIGINT');
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status).toBe(130);
    expect(told).toMatch(/^stopped early; the best result so far: /);
    expect(existsSync(out)).toBe(true);
  });

  it('says on Ctrl-C in the first run that nothing was written', () => {
    const module = join(folder, 'stopped.mjs');
    writeFileSync(
      module,
      `import { layers, sequential } from 'evenkeel';
      export default () => {
        process.kill(process.pid, 'SIGINT');
        return sequential([layers.input([28, 28], { dtype: 'uint8' }), layers.flatten(), layers.rescaling(1 / 255), layers.dense(10, { activation: 'softmax' })]);
      };`,
    );
    const [page, out] = [join(folder, 'none.html'), join(folder, 'none.safetensors')];
    const { status, stderr } = run('treat', module, '--data', 'glyphs', '--epochs', '60', '--quiet', '--report', page, '--out', out);
    expect(stderr).toMatch(/aborted.*; no trial was completed, and neither '.*none\.safetensors' nor '.*none\.html' was written\n$/);
    expect(status).toBe(130);
    expect(existsSync(page) || existsSync(out)).toBe(false);
  });

  it.each<[string, string[], string]>([
    ['a model that is not there', ['nowhere.json', '--data', 'glyphs'], 'nowhere.json'],
    ['no data', [sick], "required option '--data"],
    ['a budget that is no time', [sick, '--data', 'glyphs', '--budget', 'soon'], 'Expected a time such as 60s or 5m'],
    ['a budget too small', [sick, '--data', 'glyphs', '--budget', '0.01s', '--quiet'], 'is too small'],
    ['an unknown thing to keep', [sick, '--data', 'glyphs', '--keep', 'activation'], "did you mean 'activations'"],
    ['an unknown remedy', [sick, '--data', 'glyphs', '--deny', 'normalise'], "did you mean 'normalize'"],
    ['nothing left to try', [sick, '--data', 'glyphs', '--allow', 'lsuv', '--deny', 'lsuv'], "allow and deny leave no remedy: both name 'lsuv'"],
    ['an unknown framework', [sick, '--data', 'glyphs', '--code', 'jax'], 'evenkeel, keras, pytorch'],
    ['a folder that is not there', [sick, '--data', 'glyphs', '--report', 'no/such/page.html'], "the folder of 'no/such/page.html' does not exist"],
  ])('%s: status 2', (_, words, message) => {
    const { status, stderr } = run('treat', ...words);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
