import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

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

  it('runs the demo', () => {
    const { status, stdout, stderr } = run('demo', '--epochs', '1', '--rows', '500');
    expect(status).toBe(0);
    expect(stdout).toMatch(/test accuracy \d/);
    expect(stderr).toContain('Epoch 1/1');
  });

  it.each([
    [['trian'], /train/],
    [['train', description], /--data/],
    [['train', description, '--data', 'glyphz'], /glyphs/],
    [['train', 'nothing.ts', '--data', 'glyphs'], /nothing\.ts/],
    [['train', description, '--data', table, '--epochs', '0'], /whole number/],
    [['train', description, '--data', table, '--optimizer', 'adma'], /adam/],
    [['train', description, '--data', table, '--out', join(folder, 'no', 'where')], /folder/],
  ])('%j is wrong usage: status 2 and the mistake named', (words, message) => {
    const { status, stderr } = run(...words);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
    expect(status).toBe(2);
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
