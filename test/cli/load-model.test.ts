import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadCustom, loadModel } from '#src/cli/load-model.js';
import { FileError } from '#src/core/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each<[string, object, RegExp]>([
  [
    'a TF.js model',
    { format: 'layers-model', modelTopology: {}, weightsManifest: [] },
    /model\.json: this is a TF\.js model, which Evenkeel cannot read; describe its layers in Evenkeel's format/,
  ],
  ['a Keras model', { class_name: 'Sequential', config: {} }, /model\.json: this is a Keras model/],
  ['no model', { name: 'x' }, /model\.json: 'layers' of a model's description must be a list/],
  [
    'a function of the user’s own',
    {
      layers: [
        { kind: 'input', shape: [2] },
        { kind: 'dense', units: 2, activation: { name: 'sines', custom: true } },
      ],
    },
    /model\.json: .*'sines' \(.*\)\. Pass the module that exports them: --custom FILE$/,
  ],
])('names the file and what it holds: %s', async (_, description, message) => {
  const path = join(folder, 'model.json');
  writeFileSync(path, JSON.stringify(description));
  await expect(loadModel(path, {})).rejects.toThrow(FileError);
  await expect(loadModel(path, {})).rejects.toThrow(message);
});

it.each(['model.ts', 'model.js', 'model.mjs'])('gives a module this copy of the library, in a project with another one: %s', async (name) => {
  const project = mkdtempSync(join(folder, 'project-'));
  const write = (path: string, text: string): void => writeFileSync(join(project, path), text);
  mkdirSync(join(project, 'node_modules/evenkeel'), { recursive: true });
  write('node_modules/evenkeel/package.json', '{ "name": "evenkeel", "type": "module", "exports": "./index.js" }');
  write('node_modules/evenkeel/index.js', 'export class Layer {}; export const layers = {}; export const sequential = () => ({});');
  write('package.json', '{ "type": "module" }');
  write(
    'own.mjs',
    `import { Layer } from 'evenkeel';
    export class Same extends Layer { kind = 'Same'; config() { return {}; } call([x]) { return x; } }`,
  );
  write(
    name,
    `import { layers, sequential } from 'evenkeel';
    import { Same } from './own.mjs';
    export default sequential([layers.input([2]), new Same(), layers.dense(1)]);`,
  );
  const { model } = await loadModel(join(project, name), {});
  expect(model.layers.map(({ kind }) => kind)).toEqual(['input', 'Same', 'dense']);
  const described = { layers: [{ kind: 'input', shape: [2] }, { kind: 'Same', custom: true }] }; // biome-ignore format: one line
  write('model.json', JSON.stringify(described));
  const handed = await loadModel(join(project, 'model.json'), { custom: await loadCustom(join(project, 'own.mjs')) });
  expect(handed.model.layers[1]?.kind).toBe('Same');
});
