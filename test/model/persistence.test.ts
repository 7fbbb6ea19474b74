import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileError, fromConfig, layers, load, type Model, model, NdArray, ops, saveModel, sequential, toConfig } from 'evenkeel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
});
afterAll(() => rm(folder, { recursive: true }));

const rows = 70;
const x = new NdArray(
  Float32Array.from({ length: rows * 6 }, (_, i) => Math.sin(i * 1.7) + (i % 5)),
  [rows, 6],
);
const y = new NdArray(Int32Array.from({ length: rows }, (_, i) => (i * 7) % 3));

function build(): Model {
  return sequential(
    [
      layers.input([6]),
      layers.normalization(),
      layers.dense(8, { activation: 'selu' }),
      layers.batchNormalization(),
      layers.dropout(0.2),
      layers.dense(3, { activation: 'softmax' }),
    ],
    { seed: 5 },
  ).compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

const options = { batchSize: 16, verbose: 0 } as const;

describe('a saved model', () => {
  it('predicts the same bits', async () => {
    const path = join(folder, 'a.safetensors');
    const trained = build();
    await trained.fit(x, y, { ...options, epochs: 2 });
    await saveModel(trained, path);
    const loaded = await load(path);
    expect((await loaded.predict(x)).data).toEqual((await trained.predict(x)).data);
    expect(toConfig(loaded)).toEqual(toConfig(trained));
  });

  it('goes on bit for bit where it stopped', async () => {
    const path = join(folder, 'b.safetensors');
    const whole = build();
    await whole.fit(x, y, { ...options, epochs: 4 });
    const half = build();
    await half.fit(x, y, { ...options, epochs: 2 });
    await saveModel(half, path);
    const resumed = await load(path);
    await resumed.fit(x, y, { ...options, epochs: 4, initialEpoch: 2 });
    expect(await resumed.getState()).toEqual(await whole.getState());
  });

  it('keeps shared layers and skip connections', async () => {
    const path = join(folder, 'c.safetensors');
    const entry = layers.input([6]);
    const shared = layers.dense(6, { activation: 'tanh' });
    const once = shared.apply(entry);
    const skip = layers.add().apply([entry, shared.apply(once)]);
    const wired = model({ inputs: entry, outputs: layers.dense(2).apply(skip) }, { seed: 1 });
    await saveModel(wired, path);
    const loaded = await load(path);
    expect((await loaded.predict(x)).data).toEqual((await wired.predict(x)).data);
    expect(loaded.layers).toHaveLength(4);
  });

  it('asks for activations of the user’s own, and takes them back', async () => {
    const path = join(folder, 'd.safetensors');
    const twice = (tensor: Parameters<typeof ops.neg>[0]) => ops.mul(tensor, 2);
    const own = sequential([layers.input([6]), layers.dense(2, { activation: twice })], { seed: 1 });
    await saveModel(own, path);
    await expect(load(path)).rejects.toThrow(/twice.*custom/s);
    const loaded = await load(path, { custom: { twice } });
    expect((await loaded.predict(x)).data).toEqual((await own.predict(x)).data);
  });

  it('refuses files that are cut, foreign or of another version', async () => {
    const path = join(folder, 'e.safetensors');
    await saveModel(build(), path);
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 9));
    await expect(load(path)).rejects.toThrow(FileError);
    await writeFile(path, Buffer.from(bytes.toString('latin1').replace('"version":"1"', '"version":"9"'), 'latin1'));
    await expect(load(path)).rejects.toThrow(/version 9/);
    await expect(load(join(folder, 'nothing'))).rejects.toThrow(FileError);
    await expect(saveModel(build(), join(folder, 'missing', 'f.safetensors'))).rejects.toThrow(FileError);
  });
});

describe('a description written by hand', () => {
  it('makes a model', () => {
    const made = fromConfig({
      layers: [
        { kind: 'input', shape: [4] },
        { kind: 'dense', units: 3, activation: 'relu' },
      ],
      compile: { loss: 'mse' },
    });
    expect(made.outputs[0]?.shape).toEqual(['N', 3]);
    expect(made.isCompiled).toBe(true);
  });

  it('names unknown layers and options', () => {
    expect(() =>
      fromConfig({
        layers: [
          { kind: 'input', shape: [4] },
          { kind: 'dens', units: 3 },
        ],
      }),
    ).toThrow(/'dense'/);
    expect(() =>
      fromConfig({
        layers: [
          { kind: 'input', shape: [4] },
          { kind: 'dense', units: 3, activaton: 'relu' },
        ],
      }),
    ).toThrow(/'activation'/);
    expect(() => fromConfig([])).toThrow(/layers/);
  });
});
