import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Layer, layers, load, type Model, ops, optimizers, Random, sequential } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import type { Tensor } from '#src/graph/node.js';
import { compute, numbers } from '../graph/engine.js';
import { wire } from './wiring.js';

const [ROWS, WIDTH] = [200, 500];
const COUNT = ROWS * WIDTH;
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function outputs(layer: Layer, values: Float64Array, training: boolean): Promise<number[]> {
  const from = layers.input([WIDTH]);
  const { inputs, outputs: made } = wire([from], [layer.apply(from)], ROWS, training);
  const [result] = await compute([made[0] as Tensor], new Map([[inputs[0] as Tensor, new NdArray(values, [ROWS, WIDTH])]]));
  return numbers(result as NdArray);
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

const ones = new Float64Array(COUNT).fill(1);
const random = new Random(9);
const normals = Float64Array.from({ length: COUNT }, () => random.normal());
/** Four standard errors of a mean of COUNT numbers. */
const near = (deviation: number): number => (4 * deviation) / Math.sqrt(COUNT);

describe('noise while training', () => {
  it('gaussianNoise adds normal numbers of the given deviation', async () => {
    const noise = (await outputs(layers.gaussianNoise(0.5), ones, true)).map((value) => (value - 1) / 0.5);
    const { mean, variance } = moments(noise);
    expect(Math.abs(mean)).toBeLessThan(near(1));
    expect(Math.abs(variance - 1)).toBeLessThan(near(Math.SQRT2));
    // Shares of a normal distribution within 1, 2 and 3 deviations.
    for (const [bound, share] of [
      [1, 0.682689],
      [2, 0.9545],
      [3, 0.9973],
    ] as const) {
      const within = noise.filter((value) => Math.abs(value) <= bound).length / COUNT;
      expect(Math.abs(within - share)).toBeLessThan(near(Math.sqrt(share * (1 - share))));
    }
  });

  it('gaussianDropout multiplies by mean 1 and variance rate / (1 − rate)', async () => {
    const { mean, variance } = moments(await outputs(layers.gaussianDropout(0.2), ones, true));
    expect(Math.abs(mean - 1)).toBeLessThan(near(0.5));
    expect(Math.abs(variance - 0.25)).toBeLessThan(near(0.25 * Math.SQRT2));
  });

  it('alphaDropout keeps mean 0 and variance 1, and sends its share to one value', async () => {
    const rate = 0.1;
    const values = await outputs(layers.alphaDropout(rate), normals, true);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(near(1) + 0.01);
    expect(Math.abs(variance - 1)).toBeLessThan(near(Math.SQRT2) + 0.01);
    // a·(−λα) + b with a = ((1 − q)(1 + q λ²α²))^−½ and b = a·λα·q, of Klambauer's paper.
    const negative = 1.7580993408473766;
    const slope = ((1 - rate) * (1 + rate * negative ** 2)) ** -0.5;
    const fallen = -slope * negative * (1 - rate);
    const share = values.filter((value) => Math.abs(value - fallen) < 1e-9).length / COUNT;
    expect(Math.abs(share - rate)).toBeLessThan(near(Math.sqrt(rate * (1 - rate))));
  });

  it('is none in inference', async () => {
    for (const layer of [layers.gaussianNoise(1), layers.gaussianDropout(0.5), layers.alphaDropout(0.5), layers.dropout(0.5)]) {
      expect(await outputs(layer, normals, false)).toEqual([...normals]);
    }
  });
});

describe('a function of your own', () => {
  const square = (x: Tensor): Tensor => ops.square(x);
  const build = (): Model =>
    sequential([layers.input([3]), layers.dense(2), layers.lambda(square, { name: 'squares' }), layers.leakyRelu({ slope: 0.3 })], { seed: 3 });

  it('computes, and comes back with a saved model where it is handed back', async () => {
    const model = build();
    const path = join(folder, 'model.safetensors');
    await model.save(path);
    const x = [[1, -2, 3]];
    const before = numbers(await model.predict(x));
    const [kernel] = await model.getWeights();
    const weights = kernel as NdArray;
    const z = [0, 1].map((j) => weights.at(j) - 2 * weights.at(2 + j) + 3 * weights.at(4 + j));
    expect(before).toEqual(z.map((value) => expect.closeTo(value ** 2, 4)));
    await expect(load(path)).rejects.toThrow(/'square' \(squares\/function\)/);
    const loaded = await load(path, { custom: { square } });
    expect(numbers(await loaded.predict(x))).toEqual(before);
    await loaded.save(path);
    expect(numbers(await (await load(path, { custom: { square } })).predict(x))).toEqual(before);
  });
});

describe('frozen layers', () => {
  const x = new NdArray(new Float32Array(40).fill(1), [4, 5, 2]);
  const sequence = { returnSequences: true, kernelInitializer: 'ones', trainable: false } as const;
  const drawing: Record<string, () => Layer> = {
    dropout: () => layers.dropout(0.3, { trainable: false }),
    spatialDropout1d: () => layers.spatialDropout1d(0.3, { trainable: false }),
    alphaDropout: () => layers.alphaDropout(0.3, { trainable: false }),
    gaussianNoise: () => layers.gaussianNoise(1, { trainable: false }),
    gaussianDropout: () => layers.gaussianDropout(0.3, { trainable: false }),
    'lstm with dropout': () => layers.lstm(2, { ...sequence, dropout: 0.3 }),
    'gru with recurrent dropout': () => layers.gru(2, { ...sequence, recurrentDropout: 0.3 }),
    'a layer inside of another': () => layers.timeDistributed(layers.dropout(0.3, { trainable: false }), { trainable: false }),
  };

  it.each(Object.entries(drawing))('%s goes on drawing while the model trains, as in Keras', async (_, layer) => {
    const model = sequential([layers.input([5, 2]), layer()], { seed: 3 });
    model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    const targets = await model.predict(x);
    expect((await model.evaluate(x, targets)).loss).toBeCloseTo(0, 12);
    const { loss = [] } = (await model.fit(x, targets, { epochs: 2, verbose: 0 })).history;
    expect(loss[0]).toBeGreaterThan(1e-4);
    expect(loss[1]).not.toBe(loss[0]);
    await model.dispose();
  });

  it.each([
    ['', () => layers.batchNormalization({ trainable: false })],
    [' inside of a frozen layer', () => layers.timeDistributed(layers.batchNormalization(), { trainable: false })],
  ] as const)('batch normalization%s does not: its running statistics stand in and stand still', async (_, layer) => {
    const model = sequential([layers.input([5, 2]), layer()]);
    model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    const before = await model.getWeights();
    expect((await model.fit(x, await model.predict(x), { verbose: 0 })).last.loss).toBeCloseTo(0, 12);
    expect((await model.getWeights()).map(numbers)).toEqual(before.map(numbers));
    await model.dispose();
  });

  it('stay as they are while others learn, frozen before compile or after', async () => {
    const model = sequential([layers.input([3]), layers.dense(4, { name: 'low', activation: 'tanh' }), layers.dense(1, { name: 'top' })], {
      seed: 1,
    });
    const [x, y] = [
      [
        [1, 2, 3],
        [0, 1, 0],
      ],
      [[1], [2]],
    ];
    const weights = async (): Promise<number[][]> => (await model.getWeights()).map(numbers);
    const steps = { epochs: 2, verbose: 0 } as const;
    model.layer('low').trainable = false;
    model.compile({ loss: 'mse', optimizer: 'adam' });
    const start = await weights();
    await model.fit(x, y, steps);
    const first = await weights();
    expect(first.slice(0, 2)).toEqual(start.slice(0, 2));
    expect(first.slice(2)).not.toEqual(start.slice(2));
    model.layer('low').trainable = true;
    model.layer('top').trainable = false;
    await model.fit(x, y, steps);
    const second = await weights();
    expect(second.slice(0, 2)).not.toEqual(first.slice(0, 2));
    expect(second.slice(2)).toEqual(first.slice(2));
  });
});
