import { type Callback, layers, NdArray, Random, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const random = new Random(3);
const x = NdArray.from(Array.from({ length: 60 }, () => random.normal(0, 1))).reshape([20, 3]);
const y = NdArray.from(Array.from({ length: 20 }, (_, i) => x.at(3 * i) - 2 * x.at(3 * i + 1))).reshape([20, 1]);
const quiet = { verbose: 0, epochs: 4, batchSize: 5 } as const;

const net = () => sequential([layers.input([3]), layers.dense(4, { activation: 'tanh' }), layers.dense(1)], { seed: 1 }).compile({ loss: 'mse' });
const bitsOf = async (model: ReturnType<typeof net>) => (await model.getWeights()).map(({ data }) => [...data]);

describe('a model that a callback reads', () => {
  it('answers as it is at that step, and trains to the same bits', async () => {
    const [read, plain] = [net(), net()];
    const seen: number[] = [];
    const callback: Callback = {
      onEpochEnd: async (_, logs) => {
        const output = await read.predict(x);
        const squares = Array.from({ length: 20 }, (_, i) => (output.at(i) - y.at(i)) ** 2);
        const { loss } = await read.evaluate(x, y);
        expect(loss).toBeCloseTo(squares.reduce((sum, square) => sum + square) / 20, 5);
        expect(loss).not.toBe(logs.loss);
        seen.push(loss ?? Number.NaN);
      },
    };
    await read.fit(x, y, { ...quiet, callbacks: [callback] });
    await plain.fit(x, y, quiet);
    expect(new Set(seen).size).toBe(4);
    expect(await bitsOf(read)).toEqual(await bitsOf(plain));
  });

  it('waits for what was begun and not waited for, before it takes the next step', async () => {
    const [read, plain] = [net(), net()];
    const begun: Promise<unknown>[] = [];
    await read.fit(x, y, { ...quiet, callbacks: [{ onBatchEnd: () => void begun.push(read.predict(x), read.evaluate(x, y)) }] });
    await plain.fit(x, y, quiet);
    expect(begun).toHaveLength(32);
    await Promise.all(begun);
    expect(await bitsOf(read)).toEqual(await bitsOf(plain));
  });

  it('goes on where a read in a callback fails and the callback takes it, and ends where it does not', async () => {
    const wrong = NdArray.from([1, 2]).reshape([1, 2]);
    const model = net();
    const taken: Callback = { onEpochEnd: () => model.predict(wrong).then(undefined, () => {}) as Promise<void> };
    expect((await model.fit(x, y, { ...quiet, callbacks: [taken] })).steps).toBe(16);
    await expect(model.fit(x, y, { ...quiet, callbacks: [{ onEpochEnd: async () => void (await model.predict(wrong)) }] })).rejects.toThrow(/shape/i);
    expect((await model.predict(x)).shape).toEqual([20, 1]);
  });

  it('is busy outside of callbacks', async () => {
    const model = net();
    const fit = model.fit(x, y, quiet);
    await expect(model.predict(x)).rejects.toThrow('busy');
    await fit;
  });
});
