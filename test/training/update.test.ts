import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { Random } from '#src/core/random.js';
import { layers } from '#src/layers/index.js';
import { sequential } from '#src/model/construct.js';
import type { Model } from '#src/model/model.js';
import { decodeModelFile, modelFromFile } from '#src/model/persistence.js';
import { encodeModel } from '#src/model/saving.js';
import { type Optimizer, optimizers } from '#src/optimizers.js';
import { schedules } from '#src/schedules.js';

const rows = 60;
const random = new Random(5);
const x = new NdArray(
  Float32Array.from({ length: rows * 3 }, () => random.normal()),
  [rows, 3],
);
const y = new NdArray(
  Float32Array.from({ length: rows }, (_, i) => x.at(3 * i) - 2 * x.at(3 * i + 1)),
  [rows, 1],
);
const options = { batchSize: 5, shuffle: false, verbose: 0 } as const;

function made(optimizer: Optimizer): Model {
  const model = sequential([layers.input([3]), layers.dense(4, { activation: 'tanh' }), layers.dense(1)], { dtype: 'float64', seed: 2 });
  return model.compile({ optimizer, loss: 'meanSquaredError' });
}
async function weightsOf(model: Model): Promise<number[]> {
  return (await model.getWeights()).flatMap((array) => Array.from({ length: array.size }, (_, i) => array.at(i)));
}

const kinds: [string, () => Optimizer][] = [
  ['sgd', () => optimizers.sgd({ learningRate: 0.05, gradientAccumulationSteps: 4 })],
  ['adam, vectors packed', () => optimizers.adam({ learningRate: 0.01, gradientAccumulationSteps: 4 })],
  ['adafactor', () => optimizers.adafactor({ learningRate: 0.1, gradientAccumulationSteps: 4 })],
  ['nadam', () => optimizers.nadam({ learningRate: 0.01, gradientAccumulationSteps: 4, clipNorm: 0.5 })],
];

describe('gradients of several steps', () => {
  it.each(kinds)('make one update by their mean, as one larger batch does: %s', async (_, optimizer) => {
    const [summed, whole] = [made(optimizer()), made({ ...optimizer(), accumulate: undefined } as unknown as Optimizer)];
    await summed.fit(x, y, { ...options, epochs: 2 });
    await whole.fit(x, y, { ...options, batchSize: 20, epochs: 2 });
    const expected = await weightsOf(whole);
    (await weightsOf(summed)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 10);
    });
  });

  it('move a schedule by updates, not by steps', async () => {
    const learningRate = schedules.piecewiseConstantDecay({ boundaries: [2], values: [0.05, 0.01] });
    const [summed, whole] = [made(optimizers.sgd({ learningRate, gradientAccumulationSteps: 4 })), made(optimizers.sgd({ learningRate }))];
    await summed.fit(x, y, { ...options, epochs: 2 });
    await whole.fit(x, y, { ...options, batchSize: 20, epochs: 2 });
    const expected = await weightsOf(whole);
    (await weightsOf(summed)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 10);
    });
  });
});

describe('moving averages of weights', () => {
  it('take the weights’ place at the end of a fit, and not in single steps', async () => {
    const [averaged, plain] = [
      made(optimizers.sgd({ learningRate: 0.05, useEma: true, emaMomentum: 0.9 })),
      made(optimizers.sgd({ learningRate: 0.05 })),
    ];
    const path: number[][] = [];
    for (let row = 0; row < rows; row += 5) {
      const [bx, by] = [x.slice(row, row + 5), y.slice(row, row + 5)];
      await plain.trainOnBatch(bx, by);
      path.push(await weightsOf(plain));
    }
    const expected = path.reduce((mean, weights) => mean.map((value, i) => 0.9 * value + 0.1 * (weights[i] ?? 0)));
    await averaged.fit(x, y, { ...options, epochs: 1 });
    (await weightsOf(averaged)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 12);
    });
    const stepped = made(optimizers.sgd({ learningRate: 0.05, useEma: true, emaMomentum: 0.9 }));
    await stepped.trainOnBatch(x.slice(0, 5), y.slice(0, 5));
    await stepped.trainOnBatch(x.slice(5, 10), y.slice(5, 10));
    expect(await weightsOf(stepped)).toEqual(path[1]);
  });

  it('take it every so many updates where asked', async () => {
    const model = made(optimizers.sgd({ learningRate: 0.05, useEma: true, emaMomentum: 0.5, emaOverwriteFrequency: 3 }));
    for (let row = 0; row < 15; row += 5) await model.trainOnBatch(x.slice(row, row + 5), y.slice(row, row + 5));
    const state = await model.getState();
    expect(state.get('dense_1/kernel')).toEqual(state.get('dense_1/kernel/average'));
  });

  it.each([1, 2])('keep to what the weights must when they take their place: gradients of %d steps', async (steps) => {
    const summed = steps > 1 ? { gradientAccumulationSteps: steps } : {};
    const optimizer = optimizers.sgd({ learningRate: 1, useEma: true, emaMomentum: 0.9, emaOverwriteFrequency: 2, ...summed });
    const model = sequential([layers.input([3]), layers.dense(4, { kernelConstraint: 'unitNorm' })], { dtype: 'float64', seed: 2 });
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const targets = new NdArray(new Float32Array(20).fill(5), [5, 4]);
    const norms = (kernel: NdArray | undefined) => [0, 1, 2, 3].map((unit) => Math.hypot(...[0, 1, 2].map((i) => kernel?.at(4 * i + unit) ?? 0)));
    for (let step = 1; step <= 4 * steps; step++) {
      await model.trainOnBatch(x.slice(5 * step, 5 * step + 5), targets);
      if (step % steps !== 0) continue;
      const state = await model.getState();
      for (const norm of norms(state.get('dense_1/kernel'))) expect(norm).toBeCloseTo(1, 5);
    }
    // The average itself lies inside the sphere: taken as it is, it would break the rule.
    const state = await model.getState();
    expect(Math.min(...norms(state.get('dense_1/kernel/average')))).toBeLessThan(0.99);
  });

  it('leave weights as they are that no update has reached', async () => {
    const model = made(optimizers.sgd({ learningRate: 0.05, useEma: true, gradientAccumulationSteps: 4 }));
    const first = await weightsOf(model);
    await model.fit(x.slice(0, 10), y.slice(0, 10), options);
    expect(await weightsOf(model)).toEqual(first);
    const given = (await model.getWeights()).map(({ shape, size }, k) => new NdArray(new Float64Array(size).fill(k + 1), shape));
    await model.setWeights(given);
    await model.fit(x.slice(0, 5), y.slice(0, 5), options);
    expect(await weightsOf(model)).toEqual(given.flatMap((array) => [...array.data].map(Number)));
  });

  it('begin at the weights of a layer that was frozen before', async () => {
    const model = made(optimizers.adam({ learningRate: 0.05, useEma: true, emaMomentum: 0.9 }));
    const head = model.layer('dense_1');
    head.trainable = false;
    await model.fit(x, y, options);
    head.trainable = true;
    model.layer('dense_2').trainable = false;
    const before = await weightsOf(model);
    // Its own outputs are targets that move no weight, so that averages stay where they begin.
    await model.fit(x, await model.predict(x), options);
    (await weightsOf(model)).slice(0, 16).forEach((value, i) => {
      expect(value).toBeCloseTo(before[i] ?? 0, 6);
    });
  });
});

describe.each<[string, () => Optimizer]>([
  ...kinds,
  ['averages', () => optimizers.adam({ useEma: true, emaMomentum: 0.9, emaOverwriteFrequency: 4, gradientAccumulationSteps: 2 })],
])('chunks and files: %s', (_, optimizer) => {
  it('change nothing', async () => {
    const [one, many] = [made(optimizer()), made(optimizer())];
    await one.fit(x, y, { ...options, epochs: 2, chunk: 1 });
    await many.fit(x, y, { ...options, epochs: 2, chunk: 7 });
    expect(await one.getState()).toEqual(await many.getState());
  });

  it('go on bit for bit, also in the middle of a sum', async () => {
    const batches = (from: number, to: number) => ({ x: x.slice(from, to), y: y.slice(from, to) });
    const steps = async (model: Model, from: number, to: number): Promise<void> => {
      for (let row = from; row < to; row += 5) await model.trainOnBatch(batches(row, row + 5).x, batches(row, row + 5).y);
    };
    const straight = made(optimizer());
    await steps(straight, 0, 60);
    const first = made(optimizer());
    await steps(first, 0, 30);
    const again = await modelFromFile(decodeModelFile(await encodeModel(first)));
    await steps(again, 30, 60);
    expect(await again.getState()).toEqual(await straight.getState());
  });
});
