import { type CurvatureOptions, layers, type Model, NdArray, optimizers, Random, regularizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { spreadRows, takeRows } from '#src/data/dataset.js';

const random = new Random(5);
const normals = (shape: readonly number[]): NdArray =>
  new NdArray(
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  );
const quiet = { verbose: 0, shuffle: false } as const;

/** All trained entries of a model as one list of numbers. */
const flat = (arrays: readonly NdArray[]): number[] => arrays.flatMap((array) => [...array.cast('float64').data].map(Number));

/** The Hessian by central differences of the model's gradients, column by column. */
async function hessianOf(model: Model, x: NdArray, y: NdArray): Promise<number[][]> {
  const step = 1e-4;
  const before = await model.getWeights();
  const trained = model.variables.map(({ trainable }) => trainable);
  const columns: number[][] = [];
  for (const [k, array] of before.entries()) {
    for (let i = 0; trained[k] && i < array.size; i++) {
      const at = async (shift: number): Promise<number[]> => {
        const moved = new NdArray(Float64Array.from(array.data as Float64Array), array.shape);
        moved.set(i, array.at(i) + shift);
        await model.setWeights(before.map((other, j) => (j === k ? moved : other)));
        return flat([...(await model.gradients(x, y)).gradients.values()]);
      };
      const [up, down] = [await at(step), await at(-step)];
      columns.push(up.map((value, j) => (value - (down[j] ?? 0)) / (2 * step)));
    }
  }
  await model.setWeights(before);
  return columns;
}

/** Largest and least eigenvalue of a symmetric matrix: power iteration, each time shifted so that the one that is sought is the farthest from 0. */
function extremes(matrix: readonly number[][]): { readonly largest: number; readonly least: number } {
  const shift = Math.max(...matrix.map((row) => row.reduce((sum, entry) => sum + Math.abs(entry), 0)));
  const farthest = (sign: number): number => {
    let vector = matrix.map((_, i) => Math.sin(1 + 7 * i));
    let value = 0;
    for (let k = 0; k < 20_000; k++) {
      const image = matrix.map((row, i) => sign * row.reduce((sum, entry, j) => sum + entry * (vector[j] ?? 0), 0) + shift * (vector[i] ?? 0));
      const length = Math.hypot(...image);
      const next = image.map((entry) => entry / length);
      if (Math.abs(length - value) < 1e-13 * length) return sign * (length - shift);
      [vector, value] = [next, length];
    }
    return sign * (value - shift);
  };
  return { largest: farthest(1), least: farthest(-1) };
}

const rows = 12;
const labels = new NdArray(
  Int32Array.from({ length: rows }, (_, i) => i % 3),
  [rows],
);
const head = () => layers.dense(3, { activation: 'softmax' });
const of = (shape: readonly number[], ...body: readonly Parameters<typeof sequential>[0][number][]) => ({ shape, body });

const networks = {
  'tanh and layer normalization': of([4], layers.dense(4, { activation: 'tanh' }), layers.layerNormalization(), head()),
  'batch normalization': of([4], layers.dense(4), layers.batchNormalization(), layers.activation('gelu'), head()),
  'dropout, whose draw stays': of([4], layers.dense(5, { activation: 'elu' }), layers.dropout(0.4), head()),
  'a convolution of one channel': of([5, 5, 1], layers.conv2d(2, 3, { activation: 'softplus' }), layers.flatten(), head()),
  'two convolutions of one channel': of(
    [6, 6, 1],
    layers.conv2d(1, 3, { activation: 'tanh' }),
    layers.conv2d(2, 2, { activation: 'tanh' }),
    layers.flatten(),
    head(),
  ),
  'the same of more places': of(
    [36, 36, 1],
    layers.conv2d(1, 3, { activation: 'tanh' }),
    layers.conv2d(2, 2, { activation: 'tanh' }),
    layers.globalAveragePooling2d(),
    head(),
  ),
  'a strided convolution of two': of([6, 6, 2], layers.conv2d(3, 3, { strides: 2, activation: 'silu' }), layers.globalAveragePooling2d(), head()),
  'a depthwise and a transposed convolution': of(
    [4, 4, 2],
    layers.depthwiseConv2d(3, { activation: 'tanh' }),
    layers.conv2dTranspose(2, 2),
    layers.flatten(),
    head(),
  ),
  'a simple RNN': of([5, 2], layers.simpleRnn(3), head()),
  'an LSTM': of([4, 2], layers.lstm(2), head()),
  'a GRU': of([4, 2], layers.gru(2), head()),
  'steps both ways': of([3, 2], layers.bidirectional(layers.simpleRnn(2)), head()),
  'frozen weights': of([4], layers.dense(4, { activation: 'tanh', trainable: false }), layers.dense(3, { activation: 'tanh' }), head()),
  'a penalty': of([4], layers.dense(3, { activation: 'tanh', kernelRegularizer: regularizers.l2({ l2: 0.3 }) }), head()),
};

describe('the curvature of a loss', () => {
  it.each(Object.entries(networks))('is that of the Hessian by differences: %s', async (_, { shape, body }) => {
    const x = normals([rows, ...shape]);
    const made = (dtype: 'float32' | 'float64') =>
      sequential([layers.input(shape), ...body], { dtype, seed: 2 }).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    const model = made('float64');
    const expected = extremes(await hessianOf(model, x, labels));
    const { sharpness, least, settled } = await model.curvature(x, labels, { steps: 60 });
    const scale = Math.max(Math.abs(expected.largest), Math.abs(expected.least));
    expect(Math.abs(sharpness - expected.largest) / scale).toBeLessThan(1e-4);
    expect(Math.abs(least - expected.least) / scale).toBeLessThan(1e-4);
    expect(settled).toBe(true);
    // Which is written in other ways in part, such as a convolution of one channel.
    const single = await made('float32').curvature(x.cast('float32'), labels, { steps: 60 });
    expect(Math.abs(single.sharpness - sharpness) / scale).toBeLessThan(1e-3);
  });

  it('of squared errors of a line is that of its features: 2 XᵀX / N', async () => {
    const x = NdArray.from([1, 2, 0.5, -1]).reshape([2, 2]);
    const line = sequential([layers.input([2]), layers.dense(1, { useBias: false })]).compile({ optimizer: 'sgd', loss: 'mse' });
    const { sharpness, least, settled, stableRate } = await line.curvature(x, NdArray.from([1, -2]).reshape([2, 1]));
    // Trace 6.25, determinant 4.
    expect(sharpness).toBeCloseTo((6.25 + Math.sqrt(6.25 ** 2 - 16)) / 2, 4);
    expect(least).toBeCloseTo((6.25 - Math.sqrt(6.25 ** 2 - 16)) / 2, 4);
    expect(settled).toBe(true);
    expect(stableRate).toBeCloseTo(2 / sharpness, 10);
  });

  it.each([
    { title: 'plain', options: {} },
    { title: 'with momentum', options: { momentum: 0.8 } },
    { title: "with Nesterov's momentum", options: { momentum: 0.8, nesterov: true } },
  ])('tells up to which rate gradient descent $title converges', async ({ options }) => {
    const [x, y] = [NdArray.from([1, 2, 0.5, -1]).reshape([2, 2]), NdArray.from([1, -2]).reshape([2, 1])];
    const line = (learningRate: number) =>
      sequential([layers.input([2]), layers.dense(1, { useBias: false })], { dtype: 'float64', seed: 3 }).compile({
        optimizer: optimizers.sgd({ learningRate, ...options }),
        loss: 'mse',
      });
    const { stableRate = Number.NaN } = await line(1).curvature(x, y);
    const changeAt = async (rate: number): Promise<number> => {
      const model = line(rate);
      const { loss: before = 0 } = await model.evaluate(x, y);
      await model.fit(x, y, { ...quiet, epochs: 400, batchSize: 2 });
      return ((await model.evaluate(x, y)).loss ?? Number.NaN) / before;
    };
    expect(await changeAt(0.98 * stableRate)).toBeLessThan(1e-2);
    expect(await changeAt(1.02 * stableRate)).toBeGreaterThan(1e2);
  });

  const small = (optimizer: Parameters<Model['compile']>[0]['optimizer'] = 'sgd') =>
    sequential([layers.input([4]), layers.normalization(), layers.dense(3, { activation: 'tanh' }), head()], { seed: 2 }).compile({
      optimizer,
      loss: 'sparseCategoricalCrossentropy',
    });
  const x = normals([rows, 4]);

  it('has no stable rate where gradients are divided by their size', async () => {
    const { sharpness, stableRate } = await small('adam').curvature(x, labels);
    expect(sharpness).toBeGreaterThan(0);
    expect(stableRate).toBeUndefined();
  });

  it('is asked without a step, takes what layers learn of data for now, and can be asked by a callback', async () => {
    const [asked, plain] = [small(), small()];
    const alone = await asked.curvature(x, labels);
    const seen: number[] = [];
    await asked.fit(x, labels, {
      ...quiet,
      epochs: 3,
      callbacks: [{ onEpochEnd: async () => void seen.push((await asked.curvature(x, labels)).sharpness) }],
    });
    await plain.fit(x, labels, { ...quiet, epochs: 3 });
    expect(flat(await asked.getWeights())).toEqual(flat(await plain.getWeights()));
    expect(new Set([alone.sharpness, ...seen]).size).toBe(4);
  });

  it('stands in a trace where the optimizer has a stable rate, or where it is asked for', async () => {
    const model = small();
    const { sharpness, stableRate } = await model.curvature(x, labels);
    const [record] = (await model.examine(x, labels)).steps;
    expect(record?.sharpness).toBeCloseTo(sharpness, 5);
    expect(record?.stableRate).toBeCloseTo(stableRate ?? Number.NaN, 5);
    expect((await model.examine(x, labels, { sharpness: false })).steps[0]).not.toHaveProperty('sharpness');
    expect((await small('adam').examine(x, labels)).steps[0]).not.toHaveProperty('sharpness');
    const [asked] = (await small('adam').examine(x, labels, { sharpness: true })).steps;
    expect(asked?.sharpness).toBeCloseTo(sharpness, 5);
    expect(asked).not.toHaveProperty('stableRate');
  });

  it('is none where nothing is trained, which a look bears', async () => {
    const frozen = sequential([layers.input([4]), layers.dense(3, { activation: 'softmax', trainable: false })]);
    frozen.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    await expect(frozen.curvature(x, labels)).rejects.toThrow(/the model has no trainable arrays/);
    expect((await frozen.examine(x, labels)).steps).toHaveLength(1);
  });

  it('is measured unasked of networks of at most 64 layers', async () => {
    const of = (depth: number) =>
      sequential([
        layers.input([4]),
        ...Array.from({ length: depth - 1 }, () => layers.dense(4)),
        layers.dense(3, { activation: 'softmax' }),
      ]).compile({
        optimizer: 'sgd',
        loss: 'sparseCategoricalCrossentropy',
      });
    expect((await of(64).examine(x, labels)).steps[0]).toHaveProperty('sharpness');
    expect((await of(65).examine(x, labels)).steps[0]).not.toHaveProperty('sharpness');
  });

  it('is measured unasked on as many rows of a large network as take some seconds', async () => {
    const size = 24;
    const pictures = (rows: number) => ({
      x: NdArray.from(Array.from({ length: rows * size * size }, (_, i) => Math.sin(i * 0.7))).reshape([rows, size, size, 1]),
      y: NdArray.from(Array.from({ length: rows }, (_, i) => [i % 2])),
    });
    const of = (filters: number, kernel: number) =>
      sequential([
        layers.input([size, size, 1]),
        layers.conv2d(filters, kernel, { padding: 'same' }),
        layers.conv2d(filters, kernel, { padding: 'same' }),
        layers.globalAveragePooling2d(),
        layers.dense(1),
      ]).compile({ optimizer: 'sgd', loss: 'mse' });
    // 24 · 24 · (9 · 64 + 9 · 64 · 64) + 64 products a row: six rows come to 2²⁷.
    expect((await of(64, 3).examine(pictures(6))).steps[0]).toHaveProperty('sharpness');
    expect((await of(64, 3).examine(pictures(7))).steps[0]).not.toHaveProperty('sharpness');
    // 24 · 24 · (9 · 24 + 9 · 24 · 24) + 24: 43 of 64 rows, spread over them.
    const { x, y } = pictures(64);
    const [record] = (await of(24, 3).examine({ x, y })).steps;
    const some = Uint32Array.from(spreadRows(x, 43));
    const part = await of(24, 3).curvature(takeRows(x, some), takeRows(y, some));
    expect(record?.sharpness).toBeCloseTo(part.sharpness, 5);
  });

  it('is measured on as many rows as are asked for', async () => {
    const plain = () =>
      sequential([layers.input([4]), layers.dense(3, { activation: 'softmax' })]).compile({
        optimizer: 'sgd',
        loss: 'sparseCategoricalCrossentropy',
      });
    const some = Uint32Array.from(spreadRows(x, 5));
    const part = await plain().curvature(takeRows(x, some), takeRows(labels, some));
    expect((await plain().examine(x, labels, { sharpness: 5 })).steps[0]?.sharpness).toBeCloseTo(part.sharpness, 5);
    expect((await plain().examine(x, labels, { sharpness: 0 })).steps[0]).not.toHaveProperty('sharpness');
    await expect(plain().examine(x, labels, { sharpness: -1 })).rejects.toThrow(/sharpness must be a whole number ≥ 0/);
  });

  it('is NaN where weights are', async () => {
    const model = small();
    await model.setWeights((await model.getWeights()).map((array) => new NdArray(new Float32Array(array.size).fill(Number.NaN), array.shape)));
    expect(await model.curvature(x, labels)).toMatchObject({ sharpness: Number.NaN, least: Number.NaN, settled: false });
  });

  it.each([
    [{ steps: 1 }, /steps must be a whole number ≥ 2, got 1/],
    [{ stepps: 9 }, /stepps/],
  ])('refuses %o', async (options, message) => {
    await expect(small().curvature(x, labels, options as CurvatureOptions)).rejects.toThrow(message);
  });
});
