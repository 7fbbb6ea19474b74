import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'evenkeel';
import { afterAll, expect, it } from 'vitest';

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
