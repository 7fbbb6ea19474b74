import { layers, type Model, NdArray, optimizers, sequential, model as wire } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { Normalization } from '#src/layers/normalization.js';
import { numbers } from '../graph/engine.js';
import { values } from '../training/sets.js';
import { randomArray } from './wiring.js';

/** Mean and variance of each column, as NumPy's mean and var give them. */
function moments(columns: readonly (readonly number[])[]): { mean: number[]; variance: number[] } {
  const mean = columns.map((column) => column.reduce((a, b) => a + b, 0) / column.length);
  const variance = columns.map((column, i) => column.reduce((sum, value) => sum + (value - (mean[i] ?? 0)) ** 2, 0) / column.length);
  return { mean, variance };
}

/** Rows of features of very different sizes; several engine calls long. */
function table(rows = 5000): { x: NdArray; columns: number[][]; y: NdArray } {
  const noise = randomArray([rows, 4], 3);
  const data = Float32Array.from(noise.data as Float64Array, (value, i) => [value, 1000 + 5 * value, 1e-4 * value, -30 * value ** 3][i % 4] ?? 0);
  const columns = [0, 1, 2, 3].map((j) => Array.from({ length: rows }, (_, i) => data[4 * i + j] ?? 0));
  return { x: new NdArray(data, [rows, 4]), columns, y: NdArray.zeros([rows, 1]) };
}

function build(x: NdArray, normalization: Normalization, dtype: 'float32' | 'float64' = 'float32'): Model {
  const model = sequential([layers.input(x.shape.slice(1), { dtype: x.dtype }), normalization, layers.flatten(), layers.dense(1)], { dtype });
  return model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
}

async function statistics(model: Model): Promise<{ mean: number[]; variance: number[] }> {
  const [mean = [], variance = []] = values(await model.getWeights());
  return { mean, variance };
}

function expectMoments(actual: { mean: number[]; variance: number[] }, expected: { mean: number[]; variance: number[] }, digits = 1e-6): void {
  for (const key of ['mean', 'variance'] as const) {
    expect(actual[key]).toHaveLength(expected[key].length);
    expected[key].forEach((value, i) => {
      expect(Math.abs((actual[key][i] ?? Number.NaN) - value)).toBeLessThanOrEqual(
        digits * Math.max(Math.abs(value), 1e-3 * (expected.mean[i] ?? 0)) + 1e-12,
      );
    });
  }
}

const one = { verbose: 0, batchSize: 500 } as const;

describe('adapted on the first fit', () => {
  it('to the mean and variance of each feature', async () => {
    const { x, columns, y } = table();
    const layer = layers.normalization();
    const model = build(x, layer);
    expect(await statistics(model)).toEqual({ mean: [0, 0, 0, 0], variance: [1, 1, 1, 1] });
    await model.fit(x, y, one);
    expectMoments(await statistics(model), moments(columns));
    expect([...model.adapted]).toEqual(['normalization_1']);
    const out = sequential([layers.input([4]), layers.normalization({ ...moments(columns) })]);
    const standard = values([await out.predict(x)])[0] ?? [];
    const after = moments([0, 1, 2, 3].map((j) => standard.filter((_, i) => i % 4 === j)));
    for (const value of after.mean) expect(Math.abs(value)).toBeLessThan(2e-4);
    for (const value of after.variance) expect(Math.abs(value - 1)).toBeLessThan(1e-4);
  });

  it('on the training part alone, and not again on a second fit', async () => {
    const { x, columns, y } = table(1000);
    const model = build(x, layers.normalization());
    await model.fit(x, y, { ...one, validationSplit: 0.3 });
    expectMoments(await statistics(model), moments(columns.map((column) => column.slice(0, 700))));
    const before = await statistics(model);
    await model.fit(x.slice(0, 10), y.slice(0, 10), one);
    expect(await statistics(model)).toEqual(before);
    await model.adapt(x.slice(0, 10));
    expectMoments(await statistics(model), moments(columns.map((column) => column.slice(0, 10))));
  });

  it('of bytes, one mean and variance over all', async () => {
    const data = Uint8Array.from({ length: 300 * 6 }, (_, i) => (i * 37) % 256);
    const x = new NdArray(data, [300, 2, 3]);
    const model = build(x, layers.normalization({ axis: null }));
    await model.fit(x, NdArray.zeros([300, 1]), one);
    expectMoments(await statistics(model), moments([[...data]]));
  });

  it('along another axis', async () => {
    const x = randomArray([200, 3, 5], 8).cast('float32');
    const flat = values([x])[0] ?? [];
    const model = build(x, layers.normalization({ axis: 1 }));
    await model.fit(x, NdArray.zeros([200, 1]), one);
    expectMoments(await statistics(model), moments([0, 1, 2].map((j) => flat.filter((_, i) => Math.floor(i / 5) % 3 === j))));
  });

  it('behind other layers, to what reaches it', async () => {
    const x = randomArray([300, 4], 8).cast('float32');
    const inner = layers.normalization();
    const front = layers.dense(3, { activation: 'tanh' });
    const model = sequential([layers.input([4]), front, inner, layers.dense(1)], { seed: 5 });
    model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    await model.fit(x, NdArray.zeros([300, 1]), one);
    const [kernel, bias, mean, variance] = await model.getWeights();
    const head = sequential([layers.input([4]), layers.dense(3, { activation: 'tanh' })]);
    await head.setWeights([kernel as NdArray, bias as NdArray]);
    const reached = values([await head.predict(x)])[0] ?? [];
    expectMoments(
      { mean: values([mean as NdArray])[0] ?? [], variance: values([variance as NdArray])[0] ?? [] },
      moments([0, 1, 2].map((j) => reached.filter((_, i) => i % 3 === j))),
      1e-5,
    );
  });
});

describe('features that do not vary', () => {
  it.each([0, 5, 0.1, 1e6, -3e-5])('a constant %d keeps its scale', async (constant) => {
    const rows = 3000;
    const x = new NdArray(
      Float32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? constant : i)),
      [rows, 2],
    );
    const model = build(x, layers.normalization());
    await model.fit(x, NdArray.zeros([rows, 1]), one);
    const { mean, variance } = await statistics(model);
    expect(mean[0]).toBe(Math.fround(constant));
    expect(variance[0]).toBe(0);
    expect(variance[1]).toBeGreaterThan(0);
    expect(
      values([await model.predict(x)])
        .flat()
        .every(Number.isFinite),
    ).toBe(true);
    const shown = sequential([layers.input([2]), layers.normalization({ mean: [constant, 0], variance: [0, 1] })]);
    expect((await shown.predict([[constant, 3]])).toNested()).toEqual([[0, 3]]);
    expect((await shown.predict([[constant + 2, 3]])).toNested()).toEqual([[Math.fround(Math.fround(constant + 2) - Math.fround(constant)), 3]]);
  });
});

describe('given moments', () => {
  it('are used as they are, and no fit changes them', async () => {
    const { x, y } = table(100);
    const layer = layers.normalization({ mean: [1, 2, 3, 4], variance: [4, 9, 16, 25] });
    const model = build(x, layer);
    await model.fit(x, y, one);
    expect(await statistics(model)).toEqual({ mean: [1, 2, 3, 4], variance: [4, 9, 16, 25] });
    const alone = sequential([layers.input([4]), layers.normalization({ mean: [1, 2, 3, 4], variance: [4, 9, 16, 25] })]);
    expect((await alone.predict([[3, 5, 7, 9]])).toNested()).toEqual([[1, 1, 1, 1]]);
    await model.adapt(x);
    expect(await statistics(model)).toEqual({ mean: [1, 2, 3, 4], variance: [4, 9, 16, 25] });
  });

  it('one for all features', async () => {
    const model = sequential([layers.input([3]), layers.normalization({ mean: 2, variance: 4 })]);
    expect((await model.predict([[2, 4, 0]])).toNested()).toEqual([[0, 1, -1]]);
  });
});

it('a batch normalization that is applied twice takes both batches into its statistics, one after the other', async () => {
  const [a, b] = [layers.input([1]), layers.input([1])];
  const shared = layers.batchNormalization({ momentum: 0.5, name: 'shared' });
  const model = wire({ inputs: [a, b], outputs: layers.add().apply([shared.apply(a), shared.apply(b)]) });
  model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
  const column = (...list: number[]): NdArray => new NdArray(Float32Array.from(list), [list.length, 1]);
  await model.fit([column(1, 3), column(16, 24)], column(0, 0), one);
  const state = await model.getState();
  // Means 2 and 20, variances 1 and 16: (0 / 2 + 2 / 2) / 2 + 20 / 2 and (1 / 2 + 1 / 2) / 2 + 16 / 2.
  expect(state.get('shared/moving_mean')?.at(0)).toBeCloseTo(10.5, 5);
  expect(state.get('shared/moving_variance')?.at(0)).toBeCloseTo(8.5, 5);
  const batch = (list: readonly number[], mean: number, variance: number): number[] => list.map((x) => (x - mean) / Math.sqrt(variance + 1e-3));
  const [left, right] = [batch([5, 7], 10.5, 8.5), batch([9, 2], 10.5, 8.5)];
  const found = numbers(await model.predict([column(5, 7), column(9, 2)]));
  found.forEach((value, i) => {
    expect(value).toBeCloseTo((left[i] ?? 0) + (right[i] ?? 0), 5);
  });
});

it('a state that was put back counts as adapted', async () => {
  const { x, y } = table(200);
  const model = build(x, layers.normalization());
  await model.fit(x, y, one);
  const state = await model.getState();
  const other = build(x, layers.normalization());
  await other.setState(state);
  expect([...other.adapted]).toEqual(['normalization_1']);
  await other.fit(x.slice(0, 20), y.slice(0, 20), one);
  expect(await statistics(other)).toEqual(await statistics(model));
});

it('moments take no gradient, frozen or not', async () => {
  const { x, y } = table(50);
  const model = build(x, layers.normalization());
  model.compile({ loss: 'mse', optimizer: optimizers.adam({ learningRate: 0.1 }) });
  await model.fit(x, y, { ...one, epochs: 3 });
  const { gradients } = await model.gradients(x, y);
  expect([...gradients.keys()]).toEqual(['dense_1/kernel', 'dense_1/bias']);
  expect([...(await model.getState()).keys()].filter((name) => name.startsWith('normalization'))).toEqual([
    'normalization_1/mean',
    'normalization_1/variance',
  ]);
});
