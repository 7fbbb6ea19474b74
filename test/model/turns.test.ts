import { type Callback, createEngine, layers, NdArray, Random, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { RunResult, Session } from '#src/runtime/index.js';

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

describe('a model that is compiled, set or disposed while it is used', () => {
  const busy = 'the model is busy';

  it('says that it is busy, and trains to the same bits', async () => {
    const [disturbed, plain] = [net(), net()];
    const fit = disturbed.fit(x, y, quiet);
    expect(() => disturbed.compile({ loss: 'mae' })).toThrow(busy);
    await expect(disturbed.dispose()).rejects.toThrow(busy);
    await expect(disturbed.setWeights(await plain.getWeights())).rejects.toThrow(busy);
    const within: unknown[] = [];
    const refused = { onEpochEnd: () => disturbed.dispose().catch((error: unknown) => void within.push(error)) };
    await fit;
    await plain.fit(x, y, quiet);
    expect(await bitsOf(disturbed)).toEqual(await bitsOf(plain));
    await disturbed.fit(x, y, { ...quiet, epochs: 1, callbacks: [refused] });
    expect(within.map(String)).toEqual([expect.stringContaining(busy)]);
    await expect(disturbed.fit(x, y, { ...quiet, callbacks: [{ onEpochEnd: () => void disturbed.compile({ loss: 'mae' }) }] })).rejects.toThrow(busy);
    disturbed.compile({ loss: 'mae' });
    await disturbed.dispose();
    expect((await disturbed.predict(x)).shape).toEqual([20, 1]);
  });

  it('takes weights that a callback sets, whether it waits or not', async () => {
    for (const waits of [true, false]) {
      const model = net();
      const ones = (await model.getWeights()).map(({ shape, size }) => new NdArray(new Float32Array(size).fill(1), shape));
      const seen: (number | undefined)[] = [];
      const callback: Callback = {
        onEpochEnd: (): Promise<void> | void => {
          const done = model.setWeights(ones);
          if (waits) return done;
        },
        onEpochBegin: async () => void seen.push((await model.getWeights())[0]?.at(0)),
      };
      await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [callback] });
      expect(seen[1]).toBe(1);
    }
  });

  it('keeps its count of steps while a fit goes on, and takes another when that has ended', async () => {
    const model = net();
    const start = await model.getState();
    const at = async (): Promise<number | undefined> => (await model.getState()).get('iterations')?.at(0);
    const setting = (event: 'onTrainBegin' | 'onEpochBegin' | 'onEpochEnd' | 'onTrainEnd', waits = true): Callback => ({
      [event]: () => {
        const done = model.setState(start);
        if (waits) return done;
        done.catch(() => {});
      },
    });
    await expect(model.fit(x, y, { ...quiet, epochs: 2, callbacks: [setting('onEpochEnd')] })).rejects.toThrow(
      /'iterations' is \d+ and cannot become 0 while a fit goes on, .*control\.stop\(\)/,
    );
    expect(await at()).toBeGreaterThan(0);
    await model.setState(start);
    await model.fit(x, y, { ...quiet, callbacks: [setting('onTrainBegin'), setting('onTrainEnd')] });
    expect(await at()).toBe(0);
    await model.fit(x, y, { ...quiet, callbacks: [setting('onEpochEnd', false)] });
    expect(await at()).toBeGreaterThan(0);
    const withoutCounter = new Map([...start].filter(([name]) => name !== 'iterations'));
    await model.fit(x, y, { ...quiet, callbacks: [{ onEpochEnd: () => model.setState(withoutCounter) }] });
  });

  it('can be read while it is disposed, and leaves nothing in the engine', async () => {
    const real = await createEngine();
    const live = new Set<unknown>();
    const note = <T extends object>(object: T, watch: (key: string, result: unknown, given: readonly unknown[]) => unknown): T =>
      new Proxy(object, {
        get: (target, key) => {
          const value: unknown = Reflect.get(target, key, target);
          if (typeof value !== 'function') return value;
          return (...given: unknown[]) => watch(String(key), value.apply(target, given), given);
        },
      });
    const session = (made: Session): Session =>
      note(made, async (key, result) => {
        const done = await result;
        if (key === 'run') for (const one of Object.values((done as RunResult).kept)) live.add(one);
        return done;
      });
    const engine = note(real, (key, result, given) => {
      if (key === 'free') for (const one of given[0] as unknown[]) live.delete(one);
      if (key === 'load') return (result as Promise<Session>).then(session);
      if (key !== 'putAll') return result;
      return (result as Promise<unknown[]>).then((made) => {
        for (const one of made) live.add(one);
        return made;
      });
    });
    const model = sequential([layers.input([3]), layers.dense(4), layers.dense(1)], { engine }).compile({ loss: 'mse', optimizer: 'adam' });
    await model.fit(x, y, quiet);
    expect(live.size).toBeGreaterThan(0);
    const reads = [model.getWeights(), model.getState()];
    await model.dispose();
    const [weights] = await Promise.all(reads);
    expect(live.size).toBe(0);
    expect([...(await model.getWeights())]).toEqual(weights);
    await real.dispose();
  });
});
