import { doctor, type Layer, layers, type Model, NdArray, Random, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { inputFacts } from '#src/model/data-facts.js';
import { averagePooled, shareInside } from '#src/theory/pooling.js';
import { atDistance, standardNormal } from '#src/theory/signal.js';

const [SIDE, CHANNELS, ROWS] = [12, 8, 32];

/** Pictures whose neighbours correlate by `next`, those farther apart by its powers. */
function pictures(seed: number, next: number): NdArray {
  const random = new Random(seed);
  const rest = Math.sqrt(1 - next ** 2);
  const x = NdArray.zeros([ROWS, SIDE, SIDE, CHANNELS], 'float32');
  const at = (row: number, i: number, j: number, k: number): number => ((row * SIDE + i) * SIDE + j) * CHANNELS + k;
  for (let row = 0; row < ROWS; row++) {
    for (let k = 0; k < CHANNELS; k++) {
      // Along one axis, then the same along the other.
      for (let i = 0; i < SIDE; i++) {
        let line = 0;
        for (let j = 0; j < SIDE; j++) {
          line = j === 0 ? random.normal(0, 1) : next * line + rest * random.normal(0, 1);
          x.set(at(row, i, j, k), i === 0 ? line : next * x.at(at(row, i - 1, j, k)) + rest * line);
        }
      }
    }
  }
  return x;
}

const conv = (options: Parameters<typeof layers.conv2d>[2] = {}): Layer =>
  layers.conv2d(128, 3, { activation: 'relu', kernelInitializer: 'heNormal', ...options });
const net = (list: readonly Layer[], seed: number): Model => sequential([layers.input([SIDE, SIDE, CHANNELS]), ...list], { seed, warn: () => {} });
const rms = ({ data, size }: NdArray): number => Math.sqrt(Array.from(data, Number).reduce((sum, value) => sum + value ** 2, 0) / size);
const seeds = [1, 2, 3, 4];

describe('what pooling leaves of a signal', () => {
  it.each<[string, () => Layer[], number]>([
    ['the largest of rectified sums', () => [conv(), layers.maxPooling2d()], 0.04],
    ['the largest of sums', () => [conv({ activation: 'linear' }), layers.maxPooling2d()], 0.04],
    ['the largest of what saturates', () => [conv({ activation: 'tanh', kernelInitializer: 'glorotUniform' }), layers.maxPooling2d()], 0.03],
    ['windows that overlap', () => [conv(), layers.maxPooling2d({ poolSize: 3, strides: 2 })], 0.05],
    ['means', () => [conv(), layers.averagePooling2d()], 0.04],
    ['the mean of all places', () => [conv(), layers.globalAveragePooling2d()], 0.06],
    ['the largest of all places', () => [conv(), layers.globalMaxPooling2d()], 0.08],
    ['and padding with zeros', () => [conv({ padding: 'same' }), layers.averagePooling2d()], 0.04],
    ['and strides', () => [conv({ padding: 'same', strides: 2 }), layers.maxPooling2d()], 0.04],
    ['twice', () => [conv({ padding: 'same' }), layers.maxPooling2d(), conv({ padding: 'same' }), layers.maxPooling2d()], 0.09],
  ])('%s: sizes are those of real networks', async (_, list, least) => {
    for (const next of [0, 0.7]) {
      const data = pictures(1, next);
      const models = seeds.map((seed) => net(list(), seed));
      const sizes = await Promise.all(models.map(async (model) => Math.log(rms(await model.predict(data))) / seeds.length));
      const [first] = models as [Model];
      const told = doctor.forecast(first, { inputs: inputFacts(first.network, [data]) }).layers.at(-1);
      expect(Math.abs(Math.log(told?.hRms?.value ?? Number.NaN) - sizes.reduce((sum, log) => sum + log, 0))).toBeLessThan(least);
    }
  });

  it('gradients find their way back through the largest, which is a rectifier’s steep side more often than not', async () => {
    const list = [
      conv({ padding: 'same' }),
      layers.maxPooling2d(),
      conv({ padding: 'same' }),
      layers.maxPooling2d(),
      layers.flatten(),
      layers.dense(64, { activation: 'relu', kernelInitializer: 'heNormal' }),
      layers.dense(10, { activation: 'softmax' }),
    ];
    const model = net(list, 1).compile({ loss: 'sparseCategoricalCrossentropy' });
    const data = pictures(2, 0);
    const { steps, header } = await model.examine(
      data,
      new NdArray(
        Uint8Array.from({ length: ROWS }, (_, i) => i % 10),
        [ROWS],
      ),
    );
    const sizes = new Map(header.watched.map((at, column) => [at, Number(steps[0]?.signals.gRms[column])]));
    const told = doctor.forecast(model).layers;
    const uses = told.flatMap(({ role }, at) => (role === 'weights' ? [at] : []));
    for (const [i, use] of uses.slice(0, -2).entries()) {
      const next = uses[i + 1] as number;
      const measured = (sizes.get(use) ?? Number.NaN) / (sizes.get(next) ?? Number.NaN);
      expect(Math.abs(Math.log((told[use]?.backwardGain?.value ?? Number.NaN) / measured))).toBeLessThan(0.1);
    }
  });

  it('is not known behind what moves places', () => {
    const moved = doctor.forecast(net([layers.permute([2, 1, 3]), layers.averagePooling2d()], 1)).layers.at(-1);
    expect(moved?.why).toContain('the similarity of neighbours');
    const twice = doctor.forecast(net([conv(), layers.averagePooling2d(), layers.maxPooling2d()], 1)).layers.at(-1);
    expect(twice?.why).toContain('not normal');
  });
});

describe('pairs of a window', () => {
  const x = { ...standardNormal(8), stepCorrelation: 0.2, nextCorrelation: 0.7 };
  const kept = (lengths: readonly number[]): number => Math.exp(averagePooled(x, { lengths, strides: lengths }).signal.log - x.log);

  it.each([[[1]], [[7]], [[2, 3]], [[5, 1]], [[2, 3, 4]]])('%j: each counts with each', (lengths) => {
    const places = lengths.reduce<number[][]>((list, length) => list.flatMap((at) => Array.from({ length }, (_, i) => [...at, i])), [[]]);
    const steps = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, at, axis) => sum + Math.abs(at - (b[axis] ?? 0)), 0);
    const all = places.flatMap((a) => places.map((b) => atDistance(x, steps(a, b))));
    expect(kept(lengths)).toBeCloseTo(all.reduce((sum, one) => sum + one, 0) / all.length, 12);
  });

  it('are not gone through one by one: 10 thousand million of them take no time', () => {
    const before = performance.now();
    expect(kept([300, 334])).toBeCloseTo(0.2, 1);
    expect(performance.now() - before).toBeLessThan(1000);
  });
});

describe('taps on the input', () => {
  it('are all of them without padding, and one side less at each end with it', () => {
    const one = { lengths: [3], strides: [1], dilations: [1] };
    expect(shareInside({ ...one, before: [0] }, [10], [8])).toBe(1);
    expect(shareInside({ ...one, before: [1] }, [10], [10])).toBeCloseTo(28 / 30, 12);
    expect(shareInside({ ...one, before: [4], dilations: [2] }, [10], [10])).toBeCloseTo((30 - 2 - 4) / 30, 12);
  });
});

it('how alike neighbours are is counted in the shape in which the network takes the data', () => {
  const data = pictures(3, 0.7);
  const [whole] = inputFacts(net([layers.flatten()], 1).network, [data]);
  expect(whole?.nextCorrelation).toBeCloseTo(0.7, 1);
  const flat = data.reshape([ROWS, SIDE * SIDE * CHANNELS]);
  const reshaped = sequential([layers.input([SIDE * SIDE * CHANNELS]), layers.normalization(), layers.reshape([SIDE, SIDE, CHANNELS])], { seed: 1 });
  expect(inputFacts(reshaped.network, [flat])[0]?.nextCorrelation).toBeCloseTo(whole?.nextCorrelation ?? 0, 6);
  const plain = sequential([layers.input([SIDE * SIDE * CHANNELS]), layers.dense(3)], { seed: 1 });
  expect(inputFacts(plain.network, [flat])[0]?.nextCorrelation).toBeUndefined();
});
