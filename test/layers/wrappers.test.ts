import { type Layer, layers, type Model, NdArray, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const x = new NdArray(
  Float32Array.from({ length: 36 }, (_, i) => Math.sin(i * i)),
  [4, 3, 3],
);
const y = new NdArray(Float32Array.of(1, -1, 2, 0.5), [4, 1]);
const quiet = { verbose: 0, batchSize: 4 } as const;

async function arraysOf(model: Model, wrapper: Layer): Promise<Map<string, readonly number[]>> {
  const own = new Set(model.variables.filter(({ layer }) => layer === wrapper).map(({ name }) => name));
  return new Map([...(await model.getState())].filter(([name]) => own.has(name)).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

describe('layers inside of others', () => {
  it('are frozen and thawed after the model was built and trained', async () => {
    const forward = layers.lstm(2, { returnSequences: true });
    const both = layers.bidirectional(forward);
    const dense = layers.dense(2);
    const steps = layers.timeDistributed(dense);
    const model = sequential([layers.input([3, 3]), both, steps, layers.flatten(), layers.dense(1)]).compile({ loss: 'mse', optimizer: 'adam' });
    await model.fit(x, y, quiet);
    const changedBy = async (): Promise<string[]> => {
      const before = new Map([...(await arraysOf(model, both)), ...(await arraysOf(model, steps))]);
      await model.fit(x, y, quiet);
      const after = new Map([...(await arraysOf(model, both)), ...(await arraysOf(model, steps))]);
      return [...after].filter(([name, values]) => values.some((value, i) => value !== before.get(name)?.[i])).map(([name]) => name);
    };
    const all = await changedBy();
    expect(all).toHaveLength(8);
    const trained = /trainable ([\d,]+)/.exec(model.summary())?.[1];
    [forward.trainable, dense.trainable] = [false, false];
    expect(await changedBy()).toEqual(all.filter((name) => name.includes('/backward/')));
    expect([...(await model.gradients(x, y)).gradients.keys()]).toHaveLength(3 + 2);
    expect(/trainable ([\d,]+)/.exec(model.summary())?.[1]).not.toBe(trained);
    [forward.trainable, dense.trainable] = [true, true];
    expect(await changedBy()).toEqual(all);
  });

  it('are frozen where one stands in another', async () => {
    const inner = layers.lstm(2);
    const outer = layers.timeDistributed(layers.bidirectional(inner));
    const model = sequential([layers.input([3, 3, 1]), outer, layers.flatten(), layers.dense(1)]).compile({ loss: 'mse' });
    const trained = (): string[] => model.variables.filter(({ layer, trainable }) => layer === outer && trainable).map(({ weight }) => weight);
    expect(trained()).toHaveLength(6);
    inner.trainable = false;
    expect(trained().every((name) => name.startsWith('backward/'))).toBe(true);
    expect(trained()).toHaveLength(3);
    outer.trainable = false;
    expect(trained()).toEqual([]);
  });

  it('work as frozen ones do in a program of their own', async () => {
    const normal = layers.batchNormalization();
    const model = sequential([layers.input([3, 3]), layers.timeDistributed(normal), layers.flatten(), layers.dense(1)]);
    model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    const { loss } = await model.trainOnBatch(x, y);
    // With running statistics instead of the minibatch's.
    const whole = (await model.evaluate(x, y)).loss;
    expect(loss).not.toBeCloseTo(whole ?? 0, 4);
    normal.trainable = false;
    expect((await model.trainOnBatch(x, y)).loss).toBeCloseTo(whole ?? 0, 4);
  });
});
