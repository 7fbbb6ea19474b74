import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadModel } from '#src/cli/load-model.js';
import { FileError } from '#src/core/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-load-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each<[string, object, RegExp]>([
  [
    'a TF.js model',
    { format: 'layers-model', modelTopology: {}, weightsManifest: [] },
    /model\.json: this is a TF\.js model, which Evenkeel does not read; describe its layers anew/,
  ],
  ['a Keras model', { class_name: 'Sequential', config: {} }, /model\.json: this is a Keras model/],
  ['no model', { name: 'x' }, /model\.json: a model's description needs a list 'layers'/],
  [
    'a function of the user’s own',
    {
      layers: [
        { kind: 'input', shape: [2] },
        { kind: 'dense', units: 2, activation: { name: 'sines', custom: true } },
      ],
    },
    /model\.json: .*'sines' \(.*\)\. Name the module that exports them: --custom FILE$/,
  ],
])('names the file and what it holds: %s', async (_, description, message) => {
  const path = join(folder, 'model.json');
  writeFileSync(path, JSON.stringify(description));
  await expect(loadModel(path, {})).rejects.toThrow(FileError);
  await expect(loadModel(path, {})).rejects.toThrow(message);
});
