import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '#src/storage/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-schedule-'));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...words: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 60_000 });
const lossesOf = ({ stdout }: { stdout: string }): number[] => (JSON.parse(stdout) as { history: { loss: number[] } }).history.loss;
const stepsIn = (path: string): number | undefined => decodeSafetensors(readFileSync(path)).tensors.iterations?.at(0);

// 96 of 120 rows are trained on: 6 steps of 16 an epoch.
const table = join(folder, 'table.csv');
const rows = Array.from({ length: 120 }, (_, i) => `${i % 9},${(i * 7) % 11},${(3 * (i % 9) - 2 * ((i * 7) % 11)) / 2}`);
writeFileSync(table, ['a,b,y', ...rows].join('\n'));
const words = ['--validation-split', '0.2', '--json', '--quiet'];

describe('a schedule at its end', () => {
  it('begins anew in a network that the command made', () => {
    const saved = join(folder, 'automatic.safetensors');
    const first = run('train', table, '--epochs', '10', ...words, '--out', saved);
    expect(first.stderr).toBe('');
    const before = lossesOf(first).at(-1) ?? 0;
    expect(stepsIn(saved)).toBe(60);
    const more = run('train', saved, '--data', table, '--epochs', '20', ...words, '--batch-size', '16', '--out', saved);
    expect(more.stderr).toContain(
      "the model's learning rate had decayed to 0 in the 60 steps it was trained for: the schedule starts again over the next 120",
    );
    const losses = lossesOf(more);
    expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] ?? 0));
    // Its first epoch takes up where the last one ended, and the counter of steps goes on.
    expect(losses[0]).toBeLessThan(1.2 * before);
    expect(stepsIn(saved)).toBe(180);
    // The rate of a step as SGDR has it, from the trace: highest at the first, 0 behind the last.
    const trace = join(folder, 'again.jsonl');
    const again = run('train', saved, '--data', table, '--epochs', '5', ...words, '--batch-size', '16', '--trace', trace);
    expect(again.stderr).toContain('in the 180 steps it was trained for');
    const records = readFileSync(trace, 'utf8').trim().split('\n');
    const rates = records
      .map((line) => JSON.parse(line) as { kind?: string; step: number; learningRate: number })
      .filter(({ kind }) => kind === 'step');
    expect(rates.length).toBeGreaterThan(0);
    for (const { step, learningRate } of rates) expect(learningRate).toBeCloseTo(5e-4 * (1 + Math.cos((Math.PI * (step - 181)) / 30)), 7);
  });

  it.each([53, 54, 107])('is that of the training, of %d rows, some of which validate', (count) => {
    const few = join(folder, `few-${count}.csv`);
    writeFileSync(few, ['a,b,y', ...rows.slice(0, count)].join('\n'));
    const saved = join(folder, `few-${count}.safetensors`);
    expect(run('train', few, '--epochs', '4', '--json', '--quiet', '--out', saved).stderr).toBe('');
    const more = run('train', saved, '--data', few, '--epochs', '2', '--quiet', '--out', saved);
    expect(more.stderr).toContain("the model's learning rate had decayed to 0 in the");
    expect(more.stderr).not.toContain('nothing is learned');
  });

  it('goes on where an interrupted run left it, and says which steps it leaves at rest', () => {
    const [half, whole, all] = ['half', 'whole', 'all'].map((name) => join(folder, `${name}.safetensors`)) as [string, string, string];
    const module = join(folder, 'own.mjs');
    writeFileSync(
      module,
      `import { layers, optimizers, schedules, sequential } from 'evenkeel';
      export default () => sequential([layers.input([2]), layers.dense(1)], { name: 'default', seed: 3 }).compile({
        optimizer: optimizers.adamW({ learningRate: schedules.cosineDecay({ initialLearningRate: 1e-3, decaySteps: 24 }) }), loss: 'mse' });`,
    );
    const length = ['--batch-size', '16', ...words];
    expect(run('train', module, '--data', table, '--epochs', '2', ...length, '--out', half).stderr).toBe('');
    expect(run('train', half, '--data', table, '--epochs', '2', ...length, '--out', whole).stderr).toBe('');
    const longer = run('train', half, '--data', table, '--epochs', '4', ...length, '--out', all);
    expect(longer.stderr).toMatch(/ends after step 24: in the last 12 of 24 steps the rate is 0, and nothing is learned; --lr sets/);
    const weights = (path: string) => decodeSafetensors(readFileSync(path)).tensors['dense_1/kernel']?.data;
    expect(weights(all)).toEqual(weights(whole));
    expect(weights(half)).not.toEqual(weights(whole));
  });

  it('is told of, before the training, where it is the user’s own', () => {
    const module = join(folder, 'short.mjs');
    writeFileSync(
      module,
      `import { layers, optimizers, schedules, sequential } from 'evenkeel';
      export default () => sequential([layers.input([2]), layers.dense(1)]).compile({
        optimizer: optimizers.sgd({ learningRate: schedules.cosineDecay({ initialLearningRate: 1e-3, decaySteps: 6 }) }), loss: 'mse' });`,
    );
    const saved = join(folder, 'short.safetensors');
    const length = ['--epochs', '1', '--batch-size', '16', ...words];
    expect(run('train', module, '--data', table, ...length, '--out', saved).stderr).toBe('');
    expect(run('train', saved, '--data', table, ...length).stderr).toMatch(
      /^the learning rate schedule ended before step 7: the rate is 0, and nothing will be learned; --lr sets a constant one\n$/,
    );
    expect(run('train', saved, '--data', table, '--lr', '0.001', ...length).stderr).toBe('');
  });
});
