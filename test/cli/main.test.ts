import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '#src/storage/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 60_000 });
}

const table = join(folder, 'table.csv');
writeFileSync(table, ['a,b,kind', ...Array.from({ length: 90 }, (_, i) => `${i % 9},${(i * 7) % 11},${i % 9 > 4 ? 'high' : 'low'}`)].join('\n'));
const description = join(folder, 'model.json');
writeFileSync(
  description,
  JSON.stringify({
    layers: [
      { kind: 'input', shape: [2] },
      { kind: 'dense', units: 8, activation: 'tanh' },
      { kind: 'dense', units: 2, activation: 'softmax' },
    ],
  }),
);

describe('evenkeel', () => {
  it('trains on a table, saves, and predicts from the file', () => {
    const saved = join(folder, 'model.safetensors');
    const trained = run(
      'train',
      description,
      '--data',
      table,
      '--target',
      'kind',
      '--epochs',
      '30',
      '--optimizer',
      'adam',
      '--lr',
      '0.02',
      '--json',
      '--quiet',
      '--out',
      saved,
    );
    expect(trained.stderr).toBe('');
    const report = JSON.parse(trained.stdout) as { history: { accuracy: number[] } };
    expect(report.history.accuracy).toHaveLength(30);
    expect(report.history.accuracy.at(-1)).toBeGreaterThan(0.9);
    const out = join(folder, 'predictions.csv');
    expect(run('predict', saved, '--data', table, '--out', out)).toMatchObject({ status: 0 });
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    expect(lines).toHaveLength(91);
    expect(lines[0]).toBe('high,low');
    expect(run('info', saved).stdout).toContain('dense_1/kernel  float32 [2, 8]');
    expect(run('summary', saved).stdout).toContain('dense_2 (dense)');
  });

  it('goes on with a saved model, whose classes keep their numbers where a table lacks one', () => {
    const saved = join(folder, 'classes.safetensors');
    const wide = join(folder, 'wide.csv');
    const kinds = ['low', 'middle', 'high'];
    const rows = (some: readonly number[]): string =>
      ['a,b,kind', ...some.flatMap((k) => Array.from({ length: 40 }, (_, i) => `${k * 9},${i},${kinds[k]}`))].join('\n');
    writeFileSync(wide, rows([0, 1, 2]));
    const three = join(folder, 'three.json');
    writeFileSync(
      three,
      JSON.stringify({
        layers: [
          { kind: 'input', shape: [2] },
          { kind: 'dense', units: 3, activation: 'softmax' },
        ],
      }),
    );
    const options = ['--epochs', '20', '--lr', '0.1', '--json', '--quiet'];
    expect(run('train', three, '--data', wide, '--standardize', ...options, '--out', saved).status).toBe(0);
    const part = join(folder, 'part.csv');
    writeFileSync(part, rows([0, 1]));
    const more = run('train', saved, '--data', part, ...options, '--out', saved);
    expect(more.stderr).toBe('');
    const { history } = JSON.parse(more.stdout) as { history: { accuracy: number[] } };
    // 'low' and 'middle' would be other numbers if the smaller table counted them anew.
    expect(history.accuracy[0]).toBeGreaterThan(0.9);
    expect(run('predict', saved, '--data', part).stdout.split('\n')[0]).toBe('high,low,middle');
    writeFileSync(part, rows([0]).replaceAll('low', 'lower'));
    expect(run('train', saved, '--data', part, ...options)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/class 'lower'.*high, low, middle/s),
    });
    expect(run('train', saved, '--data', part, '--seed', '1')).toMatchObject({ status: 2, stderr: expect.stringContaining('keeps its own seed') });
  });

  it('takes a module, a function in it, and what it names of your own', () => {
    const module = join(folder, 'module.ts');
    writeFileSync(
      module,
      `import { layers, ops, sequential, type Tensor } from 'evenkeel';
       const cube = (x: Tensor): Tensor => ops.mul(x, ops.square(x));
       export default ({ inputShape, classes, seed }: { inputShape: number[]; classes: number; seed: number }) =>
         sequential([layers.input(inputShape), layers.dense(4, { activation: cube }), layers.dense(classes, { activation: 'softmax' })], { seed, name: 'mine' });
       export { cube };`,
    );
    const saved = join(folder, 'mine.safetensors');
    expect(run('train', module, '--data', table, '--epochs', '1', '--quiet', '--out', saved)).toMatchObject({ status: 0, stderr: '' });
    expect(run('summary', module, '--input-shape', '7', '--classes', '3').stdout).toContain('mine');
    expect(run('predict', saved, '--data', table)).toMatchObject({ status: 1, stderr: expect.stringMatching(/'cube'.*--custom FILE$/m) });
    expect(run('predict', saved, '--data', table, '--custom', module)).toMatchObject({ status: 0, stderr: '' });
  });

  it('standardizes behind the input of an untrained model, whose weights stay, and of no other', () => {
    const own = join(folder, 'own.ts');
    const module = (then: string): string => `import { layers, NdArray, sequential } from 'evenkeel';
      export default async () => {
        const model = sequential([layers.input([2]), layers.dense(2, { activation: 'softmax' })]);
        model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
        const [kernel, bias] = [new NdArray(new Float32Array([1, 2, 3, 4]), [2, 2]), new NdArray(new Float32Array(2))];
        ${then}
        return model;
      };`;
    const saved = join(folder, 'own.safetensors');
    const words = ['train', own, '--data', table, '--standardize', '--epochs', '1', '--lr', '0', '--quiet', '--out', saved];
    writeFileSync(own, module('await model.setWeights([kernel, bias]);'));
    expect(run(...words)).toMatchObject({ status: 0, stderr: '' });
    const { tensors } = decodeSafetensors(readFileSync(saved));
    expect([...(tensors['dense_1/kernel']?.data ?? [])]).toEqual([1, 2, 3, 4]);
    expect(tensors['normalization_1/mean']?.at(0)).toBeGreaterThan(3);
    writeFileSync(own, module('await model.fit(kernel, new NdArray(new Int32Array(2)), { epochs: 2, verbose: 0 });'));
    expect(run(...words)).toMatchObject({ status: 2, stderr: expect.stringContaining('the model was trained for 2 steps') });
  });

  it('keeps what is learned when it is interrupted, and says so by its status', { timeout: 60_000 }, async () => {
    const saved = join(folder, 'interrupted.safetensors');
    const words = ['dist/cli/main.js', 'train', description, '--data', table, '--epochs', '1000000', '--out', saved, '--json'];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const stderr: string[] = [];
    const stdout: string[] = [];
    child.stdout.on('data', (text) => stdout.push(String(text)));
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (text) => {
        stderr.push(String(text));
        if (stderr.join('').includes('Epoch 3/')) resolve();
      });
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    const { history, interrupted } = JSON.parse(stdout.join('')) as { history: Record<string, number[]>; interrupted: boolean };
    expect(interrupted).toBe(true);
    expect(history.loss?.length).toBeGreaterThanOrEqual(2);
    expect(stderr.join('')).toMatch(/aborted after step \d+/);
    expect(run('predict', saved, '--data', table)).toMatchObject({ status: 0 });
  });

  it('leaves the file that is there as it is when it is interrupted before an epoch is done', { timeout: 60_000 }, () => {
    const module = join(folder, 'stopped.mjs');
    const stopped = (delay: number, out: string) => {
      // The interrupt comes from within, at once or in the middle of an epoch of many small steps.
      writeFileSync(
        module,
        `import { layers, sequential } from 'evenkeel';
        export default () => {
          setTimeout(() => process.kill(process.pid, 'SIGINT'), ${delay});
          return sequential([layers.input([28, 28], { dtype: 'uint8' }), layers.flatten(), layers.dense(2048), layers.dense(10, { activation: 'softmax' })]);
        };`,
      );
      return run('train', module, '--data', 'glyphs', '--batch-size', '1', '--lr', '1e-8', '--quiet', '--out', out);
    };
    const [old, fresh] = [join(folder, 'old.safetensors'), join(folder, 'fresh.safetensors')];
    writeFileSync(old, 'what was there');
    const atOnce = stopped(0, old);
    expect(atOnce.stderr).toMatch(/aborted after step 0; nothing was learned, and '.*old\.safetensors' is unchanged/);
    expect(atOnce).toMatchObject({ status: 130, stdout: '' });
    expect(stopped(0, fresh).stderr).toMatch(/nothing was learned, and '.*fresh\.safetensors' was not written/);
    expect(existsSync(fresh)).toBe(false);
    expect(stopped(2500, old).stderr).toMatch(/aborted after step [1-9]\d*; no epoch was completed, and '.*old\.safetensors' is unchanged/);
    expect(readFileSync(old, 'utf8')).toBe('what was there');
    expect(stopped(2500, fresh)).toMatchObject({ status: 130, stdout: expect.stringContaining('saved: ') });
    expect(existsSync(fresh)).toBe(true);
  });

  it('runs the demo', () => {
    const page = join(folder, 'treatment.html');
    const { status, stdout, stderr } = run('demo', '--epochs', '2', '--rows', '2000', '--report', page);
    expect(status).toBe(0);
    expect(stdout).toMatch(/forecast, from theory alone: \d+ % of the entries saturated/);
    expect(stdout).toMatch(/^ILL {2}saturation in dense_1…dense_20/m);
    expect(stdout).toMatch(/^(cured|better, but not cured)$/m);
    expect(stdout).toMatch(/^test: loss \d/m);
    expect(stderr).toContain('trial, untreated');
    expect(readFileSync(page, 'utf8')).toContain('Before: accuracy');
  });

  it.each([
    [['trian'], /train/],
    [['train', description], /--data/],
    [['train'], /no data: pass a table/],
    [['train', description, '--data', table, '--out', tmpdir()], /is a folder; name a file in it/],
    [['demo', '--report', join('nowhere', 'x.html')], /--report: the folder of/],
    [['train', table, '--data', table], /is a table, but --data names other data/],
    [['train', description, '--data', 'glyphz'], /glyphs/],
    [['train', 'nothing.ts', '--data', 'glyphs'], /nothing\.ts/],
    [['train', description, '--data', table, '--epochs', '0'], /whole number/],
    [['train', description, '--data', table, '--out', join(folder, 'x.png')], /--out: models are saved as \.safetensors, but '.*x\.png'/],
    [['train', description, '--data', table, '--threads', '100000'], /This machine runs \d+ at once, and more than \d+ only wait/],
    [['train', description, '--data', table, '--optimizer', 'adma'], /did you mean .*adam.*\?$/m],
    [['predict', description, '--data', table, '--out', join('nowhere', 'x.csv')], /--out: the folder of/],
    [['train', description, '--data', table, '--out', join(folder, 'no', 'where')], /folder/],
  ])('%j is wrong usage: status 2 and the mistake named', (words, message) => {
    const { status, stderr } = run(...words);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
    expect(status).toBe(2);
  });

  it.each([
    [
      "import { layers } from 'evenkeel';\n\nexport default () =>\n  layers.dense(8, { activation: 'rellu' });",
      /mistaken\.ts:4: dense: unknown activation 'rellu'; did you mean/,
    ],
    ["import { nothing } from './not-there.js';\nexport default nothing;", /mistaken\.ts:1: Error: Cannot find module '\.\/not-there\.js'\n$/],
    ["import { sequental } from 'evenkeel';\n\nexport default sequental([]);", /mistaken\.ts:3: TypeError: sequental is not a function/],
    ['export default async () => {\n  await undefined;\n  throw new Error("my own");\n};', /mistaken\.ts:3: Error: my own/],
    ['export default (;', /mistaken\.ts:1:\d+: Unexpected token; the module cannot be read/],
  ])('says where the mistake in a module stands: %j', (code, message) => {
    const module = join(folder, 'mistaken.ts');
    writeFileSync(module, code);
    for (const [words, code] of [
      [['train', module, '--data', table], 1],
      [['check', module], 2],
    ] as const) {
      const { status, stderr } = run(...words);
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain('    at ');
      expect(status).toBe(code);
    }
  });

  it('says where a function of a module fails that is called later', () => {
    const module = join(folder, 'late.mjs');
    writeFileSync(
      module,
      `import { layers, sequential } from 'evenkeel';
      const broken = (x) => x.nothing.at(0);
      export default ({ inputShape }) => sequential([layers.input(inputShape), layers.dense(2, { activation: broken })]);`,
    );
    expect(run('train', module, '--data', table)).toMatchObject({ status: 1, stderr: expect.stringMatching(/late\.mjs:2.*TypeError: Cannot read/) });
  });

  it.runIf(existsSync('/dev/full'))('says in a line that its results cannot be written, and nothing where nobody reads them', () => {
    const through = (tail: string) =>
      spawnSync('bash', ['-c', `set -o pipefail; ${process.execPath} dist/cli/main.js list activations ${tail}`], { encoding: 'utf8' });
    expect(through('> /dev/full')).toMatchObject({
      status: 1,
      stderr: 'evenkeel: cannot write to standard output: the disk is full; free some space or choose another disk\n',
    });
    expect(through('| true')).toMatchObject({ status: 0, stderr: '' });
    expect(through('2> /dev/full').stdout).toContain('selu');
  });

  it('fails with status 1 on a broken file', () => {
    const broken = join(folder, 'broken.safetensors');
    writeFileSync(broken, 'not a model');
    const { status, stderr } = run('predict', broken, '--data', table);
    expect(status).toBe(1);
    expect(stderr).toContain('broken.safetensors');
  });

  it('shows examples in the help', () => {
    const { status, stdout } = run('train', '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('Examples:');
  });
});
