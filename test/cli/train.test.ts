import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-train-'));
afterAll(() => rmSync(folder, { recursive: true }));

function train(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['dist/cli/main.js', 'train', ...words, '--quiet'], { encoding: 'utf8', timeout: 60_000 });
}
const file = (name: string, text = ''): string => {
  const path = join(folder, name);
  if (text !== '') writeFileSync(path, text);
  return path;
};
const table = file('t.csv', `a,b,y\n${Array.from({ length: 60 }, (_, i) => `${i % 9},${(i * 7) % 11},${(i % 9) - 0.5}`).join('\n')}\n`);

it('saves the weights by which it grades, where the optimizer averages them', async () => {
  const model = file(
    'model.json',
    JSON.stringify({
      layers: [
        { kind: 'input', shape: [2] },
        { kind: 'dense', units: 1 },
      ],
      compile: { loss: 'mse', optimizer: { name: 'sgd', config: { learningRate: 0.003, useEma: true, emaMomentum: 0.9 } } },
    }),
  );
  const out = file('out.safetensors');
  expect(train(model, '--data', table, '--test-split', '0.5', '--epochs', '3', '--out', out).status).toBe(0);
  const state = await (await load(out)).getState();
  const averages = [...state].filter(([name]) => name.endsWith('/average'));
  expect(averages).toHaveLength(2);
  for (const [name, average] of averages) expect(state.get(name.slice(0, -'/average'.length))).toEqual(average);
});

describe('files that would be lost', () => {
  const evenkeel = (...words: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 60_000 });
  const run = file('run.jsonl', '{}\n');
  const saved = file('saved.safetensors', 'none');
  symlinkSync(table, join(folder, 'link.csv'));

  it.each<[string, string[], string, RegExp]>([
    [
      'a table by its records',
      ['train', table, '--trace', table],
      table,
      /^evenkeel: --trace: '.*t\.csv' is the file of the data as well, which would be lost; name another file/,
    ],
    [
      'a table behind a link',
      ['train', '--data', table, '--trace', join(folder, 'link.csv')],
      table,
      /--trace: .*link\.csv' is the file of the data/,
    ],
    ['a model by its records', ['train', saved, '--data', table, '--trace', saved], saved, /--trace: .* is the file of MODEL/],
    [
      'one of two files',
      ['train', table, '--trace', file('s.safetensors'), '--out', file('s.safetensors')],
      table,
      /--trace: .* is the file of --out as well/,
    ],
    ['a trace by its report', ['report', run, '-o', run], run, /--out: .* is the file of TRACE/],
    ['a table by what is predicted', ['predict', saved, '--data', table, '--out', table], table, /--out: .* is the file of --data/],
    ['a model by what is predicted', ['predict', saved, '--data', table, '--out', saved], saved, /--out: .* is the file of FILE/],
    ['a model by the report of its treatment', ['treat', saved, '--data', table, '--report', saved], saved, /--report: .* is the file of MODEL/],
  ])('%s', (_, words, kept, message) => {
    const before = readFileSync(kept);
    const { status, stderr } = evenkeel(...words);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(readFileSync(kept)).toEqual(before);
  });

  it('are not those of a device, nor a saved model that goes on', () => {
    expect(evenkeel('train', table, '--quiet', '--epochs', '1', '--trace', '/dev/null', '--out', file('own.safetensors')).status).toBe(0);
    expect(evenkeel('train', file('own.safetensors'), '--data', table, '--quiet', '--out', file('own.safetensors')).status).toBe(0);
  }, 60_000);
});
