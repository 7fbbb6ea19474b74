import {
  createEngine,
  type Engine,
  EngineError,
  Layer,
  layers,
  type Model,
  NdArray,
  NonFiniteError,
  ops,
  optimizers,
  sequential,
  type Tensor,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { NonFinitePlace } from '#src/training/replay.js';
import { values } from './sets.js';

/** Rows of ones, but for one feature of one row. */
function rowsWith(value: number, at: number, rows = 40): NdArray {
  const data = new Float32Array(rows * 2).fill(1);
  data[2 * at] = value;
  return new NdArray(data, [rows, 2]);
}

const zeros = NdArray.zeros([40, 1]);
const small = { kernelInitializer: 'ones', useBias: false } as const;

async function trouble(model: Model, x: NdArray, options: { chunk?: number; epochs?: number; y?: NdArray; batchSize?: number } = {}) {
  const { y = zeros, ...rest } = options;
  const error = await model.fit(x, y, { batchSize: 2, shuffle: false, verbose: 0, ...rest }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(NonFiniteError);
  const { message, details } = error as NonFiniteError;
  return { message, details, place: details.received as NonFinitePlace };
}

const still = optimizers.sgd({ learningRate: 0 });

describe('a planted value that is not finite is found: step, layer, operator, pass', () => {
  // Row 27 is in step 14 of minibatches of 2.
  it.each([1, 3, 1000])('in the forward pass, chunks of %i', async (chunk) => {
    const model = sequential([
      layers.input([2]),
      layers.dense(3, { ...small, name: 'first' }),
      layers.activation(ops.log, { name: 'planted' }),
      layers.dense(1, { ...small, name: 'last' }),
    ]);
    model.compile({ loss: 'mse', optimizer: still });
    const { message, place, details } = await trouble(model, rowsWith(-1, 27), { chunk });
    expect(place).toMatchObject({ step: 14, layer: 'planted', operator: 'Log', pass: 'forward' });
    expect(details.layer).toBe('planted');
    expect(place.inputs[0]).toMatchObject({ min: 0, max: 2 });
    expect(place.output.min).toBe(Number.NEGATIVE_INFINITY);
    expect(message).toMatch(
      /step 14, layer planted, operator Log \(forward\) from.*in \[0\.000, 2\.000\], giving.*The model is back in its state of step/,
    );
  });

  it('in the backward pass', async () => {
    // √0 is 0, its slope is infinite.
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, activation: ops.sqrt, name: 'root' })]);
    model.compile({ loss: (_, output) => output, optimizer: still });
    const { place } = await trouble(model, rowsWith(-1, 10));
    expect(place).toMatchObject({ step: 6, layer: 'root', pass: 'backward', operator: expect.stringMatching(/Div|Reciprocal|Mul/) });
  });

  it('in the loss', async () => {
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, name: 'only' })]);
    model.compile({ loss: (_, output) => ops.log(output), optimizer: still });
    const { place } = await trouble(model, rowsWith(-3, 4));
    expect(place).toMatchObject({ step: 3, layer: 'loss', operator: 'Log', pass: 'forward' });
  });

  it('in a loss of logarithms, whose outputs are to be positive', async () => {
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, name: 'only' })]);
    model.compile({ loss: 'poisson', optimizer: still });
    const { message } = await trouble(model, rowsWith(-3, 4));
    expect(message).toMatch(
      /The loss takes the logarithm of outputs, which must be positive: give the last layer the activation 'softplus' or 'exponential'\. The model is back in its state of step 0/,
    );
    expect(message).not.toMatch(/learning rate/);
  });

  it('unless the steps cannot be run again: then that does not hide what went wrong', async () => {
    const engine = await createEngine();
    const load: Engine['load'] = (graph, options) =>
      options?.name === 'replay' ? Promise.reject(new EngineError('no room for it')) : engine.load(graph, options);
    const refusing = new Proxy(engine, {
      get: (target, name) => {
        if (name === 'load') return load;
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, activation: ops.log })], { engine: refusing });
    model.compile({ loss: 'mse', optimizer: still });
    const { message, place } = await trouble(model, rowsWith(-3, 4), { chunk: 4 });
    expect(place).toBeUndefined();
    expect(message).toMatch(
      /between steps 1 and 4; its place is unknown, since repeating these steps failed: no room for it\. The model is back in its state/,
    );
    await model.dispose();
    await engine.dispose();
  });

  it('in a user’s own layer', async () => {
    class Reciprocal extends Layer {
      readonly kind = 'reciprocal';
      config() {
        return {};
      }
      call([x]: readonly Tensor[]): Tensor {
        return ops.div(1, x as Tensor);
      }
    }
    const model = sequential([layers.input([2]), new Reciprocal(), layers.dense(1, small)]);
    model.compile({ loss: 'mse', optimizer: still });
    const { place } = await trouble(model, rowsWith(0, 7));
    expect(place).toMatchObject({ step: 4, layer: 'reciprocal_1', operator: expect.stringMatching(/Div|Reciprocal/), pass: 'forward' });
  });

  it.each([32, 256, 512])('among many operators on large tensors, minibatches of %i rows of 1024', async (batchSize) => {
    const before = Array.from({ length: 6 }, () => layers.activation(ops.sqrt));
    const after = Array.from({ length: 6 }, () => layers.activation(ops.abs));
    const planted = layers.activation(ops.log, { name: 'planted' });
    const model = sequential([layers.input([1024]), ...before, planted, ...after, layers.dense(1, small)]).compile({ loss: 'mse', optimizer: still });
    const x = new NdArray(new Float32Array(1024 * 1024).fill(1), [1024, 1024]);
    x.set(600 * 1024 + 7, 0);
    const { place } = await trouble(model, x, { y: NdArray.zeros([1024, 1]), batchSize });
    const step = Math.floor(600 / batchSize) + 1;
    expect(place).toMatchObject({ step, layer: 'planted', operator: 'Log', pass: 'forward', inputs: [{ min: 0, max: 1 }] });
    expect(place.output).toMatchObject({ min: Number.NEGATIVE_INFINITY, max: 0 });
  });

  it('in the update, where the learning rate is too large', async () => {
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, name: 'only' })]);
    model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 1e30, clipNorm: 1e30 }) });
    const { place, message } = await trouble(model, rowsWith(1, 0));
    expect(place.layer).toMatch(/only|loss/);
    expect(place.step).toBeLessThanOrEqual(3);
    expect(message).toMatch(/learning rate that is too large/);
  });

  it('in the last step of a chunk, in the weights alone', async () => {
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, name: 'only' })]);
    // The loss is finite, and so is its gradient; their product with the learning rate is not.
    model.compile({ loss: (_, output) => ops.mul(output, 1e20), optimizer: optimizers.sgd({ learningRate: 1e30, clipValue: 1e30 }) });
    const one = rowsWith(1, 0, 2);
    const { place } = await trouble(model, one, { y: zeros.slice(0, 2) });
    expect(place).toMatchObject({ step: 1, layer: 'only', pass: 'update' });
    expect(values(await model.getWeights())).toEqual([[1, 1]]);
  });

  it('in the weights given', async () => {
    const model = sequential([layers.input([2]), layers.dense(1, { ...small, name: 'only' })]);
    model.compile({ loss: 'mse', optimizer: still });
    await model.setWeights([new NdArray(Float32Array.of(1, Number.NaN), [2, 1])]);
    const { place, message } = await trouble(model, rowsWith(1, 0));
    expect(place).toMatchObject({ step: 1, operator: 'Input', pass: 'data' });
    expect(message).toMatch(/only\/kernel/);
    expect(message).toMatch(/It was already in the data or the weights/);
  });

  it('with dropout and Adam, whose randomness and moments replay as they were', async () => {
    const model = sequential([
      layers.input([2]),
      layers.dense(16, { activation: 'tanh' }),
      layers.dropout(0.5),
      layers.dense(1, { name: 'out', activation: (x) => ops.log(ops.add(x, 4)) }),
    ]);
    model.compile({ loss: (_, output) => output, optimizer: optimizers.adam({ learningRate: 0.05 }) });
    const [one, many] = [await trouble(model, rowsWith(1, 0), { chunk: 1, epochs: 50 }), undefined];
    expect(many).toBeUndefined();
    expect(one.place).toMatchObject({ layer: 'out', operator: 'Log' });
  });
});

describe('what is kept', () => {
  it('the healthy state from before the chunk; the step counts on over fits', async () => {
    const build = () => {
      const model = sequential([layers.input([2]), layers.dense(4), layers.activation(ops.sqrt, { name: 'root' }), layers.dense(1)], { seed: 2 });
      return model.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    };
    const model = build();
    await model.setWeights((await model.getWeights()).map((array) => new NdArray(new Float32Array(array.size).fill(0.5), array.shape)));
    await model.fit(rowsWith(1, 0), zeros, { batchSize: 2, verbose: 0 });
    const before = values((await model.getState()).values());
    const { place } = await trouble(model, rowsWith(-9, 5), { chunk: 1000 });
    expect(place).toMatchObject({ step: 23, layer: 'root', operator: 'Sqrt', pass: 'forward' });
    const after = values((await model.getState()).values());
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after.flat().every(Number.isFinite)).toBe(true);
    expect((await model.fit(rowsWith(1, 0), zeros, { batchSize: 2, verbose: 0 })).steps).toBe(20);
  });
});

describe('a metric without a finite value', () => {
  const net = () =>
    sequential([layers.input([2]), layers.dense(1, small)]).compile({
      loss: 'mse',
      optimizer: optimizers.sgd({ learningRate: 0.01 }),
      metrics: ['poisson', 'mae'],
    });

  it.each([1, 1000])('is told as NaN, and training goes on as without it, chunks of %i', async (chunk) => {
    // Rows of −3 and 1 sum to −2, of which there is no logarithm.
    const [model, plain] = [net(), net().compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0.01 }) })];
    const options = { batchSize: 2, shuffle: false, verbose: 0, epochs: 2, chunk } as const;
    const { history, steps } = await model.fit(rowsWith(-3, 3), zeros, options);
    const { history: without } = await plain.fit(rowsWith(-3, 3), zeros, options);
    expect(steps).toBe(40);
    expect(history.poisson?.[0]).toBeNaN();
    expect(history.loss).toEqual(without.loss);
    expect(history.meanAbsoluteError?.every(Number.isFinite)).toBe(true);
    expect(values(await model.getWeights())).toEqual(values(await plain.getWeights()));
  });

  it('is not blamed for what breaks the loss later', async () => {
    const data = rowsWith(-3, 3);
    data.set(2 * 27, 1e30);
    const { place } = await trouble(net(), data);
    expect(place).toMatchObject({ step: 14, layer: 'loss' });
  });
});

it('a chunk that broke leaves nothing in the engine, even where it cannot run again', async () => {
  const own = await createEngine({ backend: 'native' });
  const held = new Set<number>();
  const noted = <T extends { readonly id: number }>(residents: T[]): T[] => {
    for (const { id } of residents) held.add(id);
    return residents;
  };
  const engine: Engine = {
    backend: own.backend,
    threads: own.threads,
    flushesDenormals: own.flushesDenormals,
    allocate: (bytes) => own.allocate(bytes),
    put: (array) => own.put(array),
    putAll: async (arrays) => noted(await own.putAll(arrays)),
    get: (residents) => own.get(residents),
    free: (residents) => {
      for (const { id } of residents) held.delete(id);
      own.free(residents);
    },
    load: async (model, options) => {
      if (options?.name === 'replay') throw new Error('no memory left');
      const session = await own.load(model, options);
      const run: typeof session.run = async (...given) => {
        const result = await session.run(...given);
        noted(Object.values(result.kept));
        return result;
      };
      return { run, dispose: () => session.dispose() };
    },
    spawn: (options) => own.spawn(options),
    dispose: () => own.dispose(),
  };
  const model = sequential([layers.input([2]), layers.dense(1, small)], { engine }).compile({ loss: 'mse', optimizer: still });
  // The square of it is no float32.
  const fit = model.fit(rowsWith(1e30, 27), zeros, { batchSize: 2, shuffle: false, verbose: 0 });
  await expect(fit).rejects.toThrow('no memory left');
  await model.dispose();
  await engine.dispose();
  expect([...held]).toEqual([]);
});
