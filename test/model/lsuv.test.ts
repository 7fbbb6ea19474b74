import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { Random } from '#src/core/random.js';
import { layers } from '#src/layers/index.js';
import { sequential } from '#src/model/construct.js';
import { decodeModelFile, modelFromFile } from '#src/model/persistence.js';
import { encodeModel } from '#src/model/saving.js';

const rows = 300;
const random = new Random(4);
const x = new NdArray(
  Float32Array.from({ length: rows * 6 }, (_, i) => 5 * random.normal() + (i % 6)),
  [rows, 6],
);
const y = NdArray.zeros([rows], 'int32');

const made = () => {
  const options = { activation: 'tanh', kernelInitializer: 'lsuv' } as const;
  const entries = [layers.input([6]), layers.dense(20, options), layers.dense(20, options), layers.dense(3, { activation: 'softmax' })];
  const model = sequential(entries, { dtype: 'float64', seed: 3 });
  return model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
};

/** Variances of the first two layers' sums over the data, by hand. */
async function variances(model: ReturnType<typeof made>): Promise<number[]> {
  const [w1, b1, w2, b2] = await model.getWeights();
  const product = (input: number[][], w: NdArray | undefined, b: NdArray | undefined): number[][] =>
    input.map((row) =>
      Array.from({ length: 20 }, (_, unit) => row.reduce((sum, value, i) => sum + value * (w?.at(i * 20 + unit) ?? 0), b?.at(unit) ?? 0)),
    );
  const data = Array.from({ length: rows }, (_, row) => Array.from({ length: 6 }, (_, i) => x.at(row * 6 + i)));
  const z1 = product(data, w1, b1);
  const z2 = product(
    z1.map((row) => row.map(Math.tanh)),
    w2,
    b2,
  );
  return [z1, z2].map((z) => {
    const all = z.flat();
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    return all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length;
  });
}

describe('lsuv', () => {
  it('gives the sums of every layer variance 1 on the data of the first fit', async () => {
    const model = made();
    const before = await variances(model);
    expect(before[0]).toBeGreaterThan(5);
    await model.adapt(x);
    for (const variance of await variances(model)) expect(variance).toBeCloseTo(1, 9);
  });

  it('happens once, in the first fit, and not after loading', async () => {
    const model = made();
    await model.fit(x, y, { epochs: 1, batchSize: rows, verbose: 0 });
    const [first = 0] = await variances(model);
    expect(Math.abs(first - 1)).toBeLessThan(0.1);
    const weights = (await model.getWeights()).map(
      (array) =>
        new NdArray(
          Float64Array.from({ length: array.size }, (_, i) => 3 * array.at(i)),
          array.shape,
        ),
    );
    await model.setWeights(weights);
    const again = await modelFromFile(decodeModelFile(await encodeModel(model)));
    for (const trained of [model, again]) {
      await trained.fit(x, y, { epochs: 1, batchSize: rows, verbose: 0 });
      expect((await variances(trained))[0]).toBeGreaterThan(5);
    }
  });

  it('still happens in a model that was saved before its first fit', async () => {
    const again = await modelFromFile(decodeModelFile(await encodeModel(made())));
    await again.adapt(x);
    for (const variance of await variances(again)) expect(variance).toBeCloseTo(1, 9);
  });

  it('leaves a layer alone whose sums do not vary', async () => {
    const model = made();
    const before = await model.getWeights();
    await model.adapt(NdArray.zeros([5, 6], 'float32'));
    expect(await model.getWeights()).toEqual(before);
  });

  it('scales what makes the sums, and leaves the slopes that an activation learns', async () => {
    const learned = layers.dense(8, { activation: 'prelu', kernelInitializer: 'lsuv' });
    const model = sequential([layers.input([6]), learned, layers.dense(3, { activation: 'softmax' })], { dtype: 'float64', seed: 3 });
    model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    const before = await model.getWeights();
    await model.adapt(x);
    const after = await model.getWeights();
    const names = model.variables.map(({ name }) => name);
    expect(names.filter((_, i) => !equal(before[i], after[i]))).toEqual(['dense_1/kernel']);
    expect(after[names.indexOf('dense_1/alpha')]?.at(0)).toBe(0.25);
  });

  it.each([
    ['pointwise', { pointwiseInitializer: 'lsuv' }, 'pointwiseKernel'],
    ['depthwise', { depthwiseInitializer: 'lsuv' }, 'depthwiseKernel'],
    ['both', { pointwiseInitializer: 'lsuv', depthwiseInitializer: 'lsuv' }, 'pointwiseKernel'],
  ] as const)('scales one of the two kernels of a separable convolution, and the bias: %s', async (_, asked, scaled) => {
    const options = { ...asked, biasInitializer: 'ones' } as const;
    const images = new NdArray(
      Float32Array.from({ length: 40 * 5 * 5 * 3 }, (_, i) => 4 * random.normal() + (i % 3)),
      [40, 5, 5, 3],
    );
    const model = sequential([layers.input([5, 5, 3]), layers.separableConv2d(4, 3, options)], { dtype: 'float64', seed: 3 });
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const before = await model.getWeights();
    await model.adapt(images);
    const after = await model.getWeights();
    const names = model.variables.map(({ weight }) => weight);
    expect(names.filter((_, i) => !equal(before[i], after[i]))).toEqual([scaled, 'bias']);
    const sums = await model.predict(images);
    const all = Array.from({ length: sums.size }, (_, i) => sums.at(i));
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    expect(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length).toBeCloseTo(1, 9);
  });

  it.each<[string, () => unknown]>([
    ['lstm: kernelInitializer', () => layers.lstm(4, { kernelInitializer: 'lsuv' })],
    ['gru: recurrentInitializer', () => layers.gru(4, { recurrentInitializer: 'lsuv' })],
    ['multiHeadAttention: kernelInitializer', () => layers.multiHeadAttention(2, 3, { kernelInitializer: 'lsuv' })],
    ['embedding: embeddingsInitializer', () => layers.embedding(4, 3, { embeddingsInitializer: 'lsuv' })],
    ['dense: biasInitializer', () => layers.dense(4, { biasInitializer: 'lsuv' })],
  ])('is refused where no sums are linear in the array alone: %s', (what, make) => {
    const message = `${what} cannot be 'lsuv', which works only for kernels of dense and convolutional layers (it scales their outputs in the first fit); use 'orthogonal', the initializer that lsuv starts from`;
    expect(make).toThrow(message);
    expect(make).toThrow(ArgumentError);
  });
});

function equal(a: NdArray | undefined, b: NdArray | undefined): boolean {
  return a?.size === b?.size && Array.from({ length: a?.size ?? 0 }, (_, i) => a?.at(i) === b?.at(i)).every(Boolean);
}
