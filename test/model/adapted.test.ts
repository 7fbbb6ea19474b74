import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Layer, layers, load, type Model, NdArray, ndarray, sequential, model as wire } from 'evenkeel';
import { describe, expect, it } from 'vitest';

// Mean 103, variance 5.
const x = ndarray([[100], [102], [104], [106]]);
const y = ndarray([[0], [0], [1], [1]]);
const quiet = { verbose: 0 } as const;

const net = (normalization: Layer = layers.normalization({ name: 'n' })): Model =>
  sequential([layers.input([1]), normalization, layers.dense(1, { name: `d${Math.random()}` })], { seed: 2 }).compile({ loss: 'mse' });
async function momentsOf(model: Model): Promise<number[]> {
  const state = await model.getState();
  return ['n/mean', 'n/variance'].map((name) => state.get(name)?.at(0) ?? Number.NaN);
}
async function afterFit(model: Model): Promise<number[]> {
  await model.fit(x, y, quiet);
  return momentsOf(model);
}

describe('moments', () => {
  it('of features that are large beside how far they vary', async () => {
    const rows = 5000;
    const seconds = new NdArray(
      Float64Array.from({ length: rows }, (_, i) => 1.7e9 + (i % 1000)),
      [rows, 1],
    );
    const model = sequential([layers.input([1]), layers.normalization({ name: 'n' }), layers.dense(1)], { dtype: 'float64' }).compile({
      loss: 'mse',
    });
    await model.fit(seconds, NdArray.zeros([rows, 1]), quiet);
    const [mean, variance] = await momentsOf(model);
    expect(mean).toBeCloseTo(1.7e9 + 499.5, 5);
    // Of the numbers 0 to n − 1: (n² − 1) / 12.
    expect((variance ?? 0) / ((1000 ** 2 - 1) / 12)).toBeCloseTo(1, 8);
  });

  it.each([0.1, -3e7])('of a feature that is always %d: it keeps its scale', async (value) => {
    const model = sequential([layers.input([1]), layers.normalization({ name: 'n' }), layers.dense(1)], { dtype: 'float64' }).compile({
      loss: 'mse',
    });
    await model.fit(new NdArray(new Float64Array(3000).fill(value), [3000, 1]), NdArray.zeros([3000, 1]), quiet);
    const [mean, variance] = await momentsOf(model);
    expect([(mean ?? 0) / value, variance]).toEqual([expect.closeTo(1, 12), 0]);
  });

  it.each([7e-27, 3e24])('are refused of a feature that varies by %d, since its variance is none in float32', async (scale) => {
    const rows = NdArray.from(Array.from({ length: 8 }, (_, i) => [i, i % 2 ? scale : -scale]));
    const targets = NdArray.zeros([8, 1]);
    const of = (dtype: 'float32' | 'float64') =>
      sequential([layers.input([2]), layers.normalization({ name: 'n' }), layers.dense(1)], { dtype }).compile({ loss: 'mse' });
    await expect(of('float32').fit(rows, targets, quiet)).rejects.toThrow(
      `n: feature 1 has a standard deviation of ${scale}, whose variance overflows or underflows float32. Rescale the feature, for example divide it by 1e`,
    );
    const wide = of('float64');
    await wide.fit(rows, targets, quiet);
    expect(((await wide.getState()).get('n/variance')?.at(1) ?? 0) / scale ** 2).toBeCloseTo(1, 6);
  });

  it.each<[string, Layer]>([
    ['by a normalization', layers.normalization({ name: 'n' })],
    ['by weights', layers.dense(4, { kernelInitializer: 'lsuv' })],
  ])('are taken behind a layer that keeps a state for some rows, %s', async (_, layer) => {
    const steps = new NdArray(
      Float32Array.from({ length: 12 * 3 }, (_, i) => Math.sin(i * i)),
      [12, 3, 1],
    );
    const stateful = sequential([layers.input([3, 1]), layers.lstm(2, { stateful: true, batchSize: 4 }), layer, layers.dense(1)]);
    const { steps: taken } = await stateful.compile({ loss: 'mse' }).fit(steps, NdArray.zeros([12, 1]), { ...quiet, batchSize: 4 });
    expect(taken).toBe(3);
    if (layer.kind === 'normalization')
      expect(Array.from((await stateful.getState()).get('n/variance')?.data ?? [0], Number).every((v) => v > 0)).toBe(true);
  });
});

describe('what layers take from data', () => {
  it('is taken in every model that a normalization layer is part of', async () => {
    const shared = layers.normalization({ name: 'n' });
    for (const model of [net(shared), net(shared)]) {
      expect([...model.adapted]).toEqual([]);
      expect(await afterFit(model)).toEqual([103, 5]);
      expect([...model.adapted]).toEqual(['n']);
    }
  });

  it("is taken where only another layer's arrays were set", async () => {
    const model = net();
    const bias = model.variables.find(({ weight }) => weight === 'bias')?.name ?? '';
    await model.setState(new Map([[bias, ndarray([0.5])]]));
    expect(await afterFit(model)).toEqual([103, 5]);
  });

  it('is taken where the state that was there is set again, as after a transfer of other arrays', async () => {
    const model = net();
    await model.setState(await model.getState());
    expect(await afterFit(model)).toEqual([103, 5]);
    const [from, to] = [net(), net()];
    await to.setWeights(await from.getWeights());
    expect(await afterFit(to)).toEqual([103, 5]);
  });

  it('is taken by a normalization layer that is applied to every step', async () => {
    const steps = layers.timeDistributed(layers.normalization(), { name: 'n' });
    const model = sequential([layers.input([2, 1]), steps, layers.flatten(), layers.dense(1)], { seed: 2 }).compile({ loss: 'mse' });
    const sequences = ndarray([
      [[100], [102]],
      [[104], [106]],
    ]);
    await model.fit(sequences, ndarray([[0], [1]]), quiet);
    expect(await momentsOf(model)).toEqual([103, 5]);
    expect([...model.adapted]).toEqual(['n']);
    await model.adapt(ndarray([[[1], [3]]]));
    expect(await momentsOf(model)).toEqual([2, 1]);
  });

  it('stays where moments are set', async () => {
    const model = net();
    await model.setState(
      new Map([
        ['n/mean', ndarray([7])],
        ['n/variance', ndarray([4])],
      ]),
    );
    expect([...model.adapted]).toEqual(['n']);
    expect(await afterFit(model)).toEqual([7, 4]);
  });

  it('is taken again where the state of before the first fit comes back', async () => {
    const model = net();
    const start = await model.getState();
    const first = (await model.fit(x, y, quiet)).last;
    await model.setState(start);
    expect((await model.fit(x, y, quiet)).last).toEqual(first);
    expect(await momentsOf(model)).toEqual([103, 5]);
  });

  it('travels with a file, be it known or not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
    try {
      const path = join(folder, 'model.safetensors');
      const model = net();
      await model.save(path);
      const fresh = await load(path);
      expect([...fresh.adapted]).toEqual([]);
      expect(await afterFit(fresh)).toEqual([103, 5]);
      await fresh.save(path);
      const known = await load(path);
      expect([...known.adapted]).toEqual(['n']);
      await known.fit(x.cast('float32'), y, quiet);
      await known.fit(ndarray([[1], [2], [3], [4]]), y, quiet);
      expect(await momentsOf(known)).toEqual([103, 5]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is scaled by lsuv where weights stayed as they were, and not where they were set', async () => {
    const made = (): Model =>
      sequential([layers.input([1]), layers.dense(8, { kernelInitializer: 'lsuv', name: 'l' }), layers.dense(1)], { seed: 3 }).compile({
        loss: 'mse',
      });
    // The kernel alone makes the sums: their variance over rows and units is 1 after one pass.
    const spread = async (model: Model): Promise<number> => {
      const kernel = (await model.getState()).get('l/kernel') as NdArray;
      const sums = Array.from({ length: 4 }, (_, row) => Array.from({ length: 8 }, (_, unit) => x.at(row) * kernel.at(unit))).flat();
      const mean = sums.reduce((a, b) => a + b) / sums.length;
      return sums.reduce((a, b) => a + (b - mean) ** 2, 0) / sums.length;
    };
    const plain = made();
    await plain.setState(await plain.getState());
    await plain.setState(new Map([['l/bias', NdArray.zeros([8])]]));
    expect([...plain.adapted]).toEqual([]);
    await plain.adapt(x);
    expect(await spread(plain)).toBeCloseTo(1, 4);
    const set = made();
    await set.setState(new Map([['l/kernel', NdArray.from(new Float32Array(8).fill(2)).reshape([1, 8])]]));
    await set.adapt(x);
    expect(((await set.getState()).get('l/kernel') as NdArray).at(3)).toBe(2);
  });

  it('comes from the output that a normalization layer stands behind, which may be none of the first', async () => {
    const inputs = layers.input([3, 2]);
    const state = layers.lstm(2, { returnState: true, name: 'l' }).applyAll(inputs);
    const normalized = state.map((signal, i) => layers.normalization({ name: `n${i}` }).apply(signal));
    const wired = wire({ inputs, outputs: [...state, ...normalized] });
    const rows = NdArray.from(Float32Array.from({ length: 60 }, (_, i) => Math.sin(i * i))).reshape([10, 3, 2]);
    await wired.adapt(rows);
    const outputs = await wired.predict(rows, { all: true });
    const moments = await wired.getState();
    for (const [i, name] of ['n0', 'n1', 'n2'].entries()) {
      for (const unit of [0, 1]) {
        const values = Array.from({ length: 10 }, (_, row) => outputs[i]?.at(2 * row + unit) ?? Number.NaN);
        const mean = values.reduce((a, b) => a + b) / 10;
        expect(moments.get(`${name}/mean`)?.at(unit)).toBeCloseTo(mean, 5);
        expect(moments.get(`${name}/variance`)?.at(unit)).toBeCloseTo(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 10, 5);
      }
    }
    expect(moments.get('n2/mean')?.at(0)).not.toBeCloseTo(moments.get('n1/mean')?.at(0) ?? 0, 3);
  });
});
