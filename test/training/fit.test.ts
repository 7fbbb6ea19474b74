import {
  type Callback,
  DataError,
  type FitOptions,
  type Logs,
  layers,
  type Model,
  NdArray,
  optimizers,
  sequential,
  type TrainingControl,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { ReferenceNet } from './reference.js';
import { labelled, pieces, values } from './sets.js';

const set = labelled(50);

function build(options: Parameters<typeof optimizers.sgd>[0] = { learningRate: 0.1 }, seed = 3): Model {
  const model = sequential([layers.input([6]), layers.dense(5, { activation: 'tanh' }), layers.dense(3, { activation: 'softmax' })], {
    seed,
    dtype: 'float64',
  });
  return model.compile({ optimizer: optimizers.sgd(options), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

async function reference(model: Model): Promise<ReferenceNet> {
  const [k1, b1, k2, b2] = (await model.getWeights()).map((array) => array.toNested());
  return new ReferenceNet([
    { kernel: k1 as number[][], bias: b1 as number[], activation: 'tanh' },
    { kernel: k2 as number[][], bias: b2 as number[], activation: 'softmax' },
  ]);
}

const quiet = (options: FitOptions): FitOptions => ({ verbose: 0, ...options });

function expectClose(actual: readonly number[][], expected: readonly number[][]): void {
  expect(actual.map((list) => list.length)).toEqual(expected.map((list) => list.length));
  actual.flat().forEach((value, i) => {
    expect(value).toBeCloseTo(expected.flat()[i] ?? Number.NaN, 9);
  });
}

/** A model whose loss is the row's own number, and the rows in the order in which training saw them. */
async function orders(epochs: number, seed: number, options: FitOptions = {}): Promise<number[][]> {
  const rows = 20;
  const seen: number[][] = [];
  const model = sequential([layers.input([1]), layers.dense(1, { kernelInitializer: 'ones', useBias: false })], { seed });
  model.compile({ loss: (target) => target, optimizer: optimizers.sgd({ learningRate: 0 }) });
  const numbers = Array.from({ length: rows }, (_, i) => [i]);
  const watch: Callback = {
    onEpochBegin: () => {
      seen.push([]);
    },
    onBatchEnd: (batch, logs) => {
      const before = (seen.at(-1) ?? []).reduce((a, b) => a + b, 0);
      seen.at(-1)?.push(Math.round((logs.loss ?? Number.NaN) * (batch + 1) - before));
    },
  };
  await model.fit(numbers, numbers, quiet({ epochs, batchSize: 1, callbacks: [watch], ...options }));
  return seen;
}

describe('shuffling', () => {
  it('sees every row once, in another order each epoch', async () => {
    const [first = [], second = []] = await orders(2, 1);
    const all = Array.from({ length: 20 }, (_, i) => i);
    expect([...first].sort((a, b) => a - b)).toEqual(all);
    expect([...second].sort((a, b) => a - b)).toEqual(all);
    expect(first).not.toEqual(all);
    expect(second).not.toEqual(first);
  });

  it('follows the seed', async () => {
    const one = await orders(2, 1);
    expect(await orders(2, 1)).toEqual(one);
    expect(await orders(2, 2)).not.toEqual(one);
  });

  it('can be left out', async () => {
    const all = Array.from({ length: 20 }, (_, i) => i);
    expect(await orders(2, 1, { shuffle: false })).toEqual([all, all]);
  });

  it('leaves the last rows for validation, before any shuffling', async () => {
    const [first = []] = await orders(1, 1, { validationSplit: 0.25 });
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 15 }, (_, i) => i));
  });
});

describe('history', () => {
  it('holds means over rows, partial batch and validation included', async () => {
    const model = build({ learningRate: 0.2 });
    const net = await reference(model);
    const kept = 40;
    const history = await model.fit(set, quiet({ epochs: 2, batchSize: 12, shuffle: false, validationSplit: 0.2 }));
    expect(history.epoch).toEqual([0, 1]);
    expect(Object.keys(history.history)).toEqual(['loss', 'accuracy', 'val_loss', 'val_accuracy']);
    const [x, y] = [pieces(set.nested.slice(0, kept), 12), pieces(set.labels.slice(0, kept), 12)];
    for (const epoch of [0, 1]) {
      const steps = x.map((rows, i) => ({ ...net.step(rows, y[i] ?? [], { learningRate: 0.2 }), rows: rows.length }));
      const mean = (key: 'loss' | 'accuracy') => steps.reduce((sum, one) => sum + one[key] * one.rows, 0) / kept;
      const after = net.gradients(set.nested.slice(kept), set.labels.slice(kept));
      expect(history.history.loss?.[epoch]).toBeCloseTo(mean('loss'), 9);
      expect(history.history.accuracy?.[epoch]).toBeCloseTo(mean('accuracy'), 12);
      expect(history.history.val_loss?.[epoch]).toBeCloseTo(after.loss, 9);
      expect(history.history.val_accuracy?.[epoch]).toBeCloseTo(after.accuracy, 12);
    }
    expect(history.steps).toBe(8);
    expect(history.seconds).toBeGreaterThan(0);
    expect(history.last.val_loss).toBe(history.history.val_loss?.[1]);
  });

  it('validates on data of its own, over many engine calls', async () => {
    const model = build();
    const other = labelled(700, 6, 9);
    const { history } = await model.fit(set, quiet({ validationData: other }));
    const expected = (await reference(model)).gradients(other.nested, other.labels);
    expect(history.val_loss?.[0]).toBeCloseTo(expected.loss, 9);
    expect(history.val_accuracy?.[0]).toBeCloseTo(expected.accuracy, 12);
    expect(await model.evaluate(other)).toEqual({ loss: history.val_loss?.[0], accuracy: history.val_accuracy?.[0] });
    expect(await model.evaluate(other.x, other.y)).toEqual(await model.evaluate(other));
  });

  it('rows that are given for it leave all others to training, as in Keras', async () => {
    const other = labelled(30, 6, 9);
    const [both, given] = [build(), build()];
    const history = await both.fit(set, quiet({ batchSize: 10, validationSplit: 0.5, validationData: other }));
    expect([history.steps, history.last]).toEqual([5, (await given.fit(set, quiet({ batchSize: 10, validationData: other }))).last]);
  });

  it('a split so small that it keeps no row for validation still keeps one, as in Keras', async () => {
    const { history } = await build().fit(set.x.slice(0, 5), set.y.slice(0, 5), quiet({ validationSplit: 0.1 }));
    expect(history.val_loss).toHaveLength(1);
  });
});

describe('callbacks', () => {
  it('come in order, with the control', async () => {
    const calls: string[] = [];
    const note = (name: string) => (_: unknown, logs: unknown, control?: TrainingControl) => {
      const { step, epoch, epochs, steps } = control ?? (logs as TrainingControl);
      calls.push(`${name} step ${step} epoch ${epoch}/${epochs} of ${steps}`);
    };
    const callback: Callback = {
      every: 2,
      onTrainBegin: (control) => note('train begin')(0, control),
      onEpochBegin: note('epoch begin'),
      onBatchEnd: (batch, logs, control) => note(`batch ${batch}`)(batch, logs, control),
      onEpochEnd: note('epoch end'),
      onTrainEnd: (logs, control) => note('train end')(0, logs, control),
    };
    await build().fit(set, quiet({ epochs: 2, batchSize: 10, callbacks: [callback] }));
    expect(calls).toEqual([
      'train begin step 0 epoch 0/2 of 5',
      'epoch begin step 0 epoch 0/2 of 5',
      'batch 1 step 2 epoch 0/2 of 5',
      'batch 3 step 4 epoch 0/2 of 5',
      'epoch end step 5 epoch 0/2 of 5',
      'epoch begin step 5 epoch 1/2 of 5',
      'batch 0 step 6 epoch 1/2 of 5',
      'batch 2 step 8 epoch 1/2 of 5',
      'batch 4 step 10 epoch 1/2 of 5',
      'epoch end step 10 epoch 1/2 of 5',
      'train end step 10 epoch 1/2 of 5',
    ]);
  });

  it('of several periods are each called when their turn is', async () => {
    const seen: Record<string, number[]> = { two: [], three: [], epoch: [] };
    const watch = (key: string, every: number | 'epoch'): Callback => ({ every, onBatchEnd: (batch) => void seen[key]?.push(batch) });
    await build().fit(set, quiet({ epochs: 2, batchSize: 7, callbacks: [watch('two', 2), watch('three', 3), watch('epoch', 'epoch')] }));
    // Eight steps an epoch; periods are counted through both.
    expect(seen).toEqual({ two: [1, 3, 5, 7, 1, 3, 5, 7], three: [2, 5, 0, 3, 6], epoch: [7, 7] });
  });

  it('of periods longer than an epoch are called all the same, from the first step of the fit on', async () => {
    const steps: number[] = [];
    const rare: Callback = { every: 7, onBatchEnd: (_, __, { step }) => void steps.push(step) };
    const model = build();
    await model.fit(set, quiet({ epochs: 4, batchSize: 10, callbacks: [rare] }));
    await model.fit(set, quiet({ epochs: 2, batchSize: 10, callbacks: [rare] }));
    expect(steps).toEqual([7, 14, 27]);
  });

  it('that stop where an epoch begins leave it out of the history', async () => {
    const ends: string[] = [];
    const stopping: Callback = {
      every: 'epoch',
      onEpochBegin: (epoch, control) => (epoch === 1 ? control.stop() : undefined),
      onBatchEnd: (batch) => void ends.push(`batch ${batch}`),
      onEpochEnd: (epoch) => void ends.push(`epoch ${epoch}`),
    };
    const history = await build().fit(set, quiet({ epochs: 3, batchSize: 10, callbacks: [stopping] }));
    expect([history.epoch, history.steps, history.history.loss?.length, ends]).toEqual([[0], 5, 1, ['batch 4', 'epoch 0']]);
  });

  it('are waited for', async () => {
    let [busy, overlaps] = [false, 0];
    const slow: Callback = {
      every: 1,
      onBatchEnd: async () => {
        if (busy) overlaps++;
        busy = true;
        await new Promise((resolve) => setTimeout(resolve, 3));
        busy = false;
      },
      onEpochEnd: () => {
        if (busy) overlaps++;
      },
    };
    await build().fit(set, quiet({ batchSize: 10, callbacks: [slow] }));
    expect(overlaps).toBe(0);
  });

  it('may change the learning rate from the next step on', async () => {
    const rates = [0.3, 0.1, 0.02, 0.5, 0];
    const model = build({ learningRate: rates[0] as number, momentum: 0.5 });
    const net = await reference(model);
    const schedule: Callback = {
      onBatchEnd: (batch, _, control) => {
        control.learningRate = rates[batch + 1] ?? 0;
      },
    };
    await model.fit(set, quiet({ batchSize: 10, shuffle: false, callbacks: [schedule] }));
    rates.forEach((learningRate, i) => {
      net.step(pieces(set.nested, 10)[i] ?? [], pieces(set.labels, 10)[i] ?? [], { learningRate, momentum: 0.5 });
    });
    expectClose(values(await model.getWeights()), net.weights);
  });

  it('may change the learning rate at the start of an epoch', async () => {
    const model = build({ learningRate: 0.3 });
    const net = await reference(model);
    const halve: Callback = {
      onEpochBegin: (epoch, control) => {
        control.learningRate = 0.3 / 2 ** epoch;
      },
    };
    await model.fit(set, quiet({ epochs: 3, batchSize: 50, shuffle: false, callbacks: [halve] }));
    for (const epoch of [0, 1, 2]) net.step(set.nested, set.labels, { learningRate: 0.3 / 2 ** epoch });
    expectClose(values(await model.getWeights()), net.weights);
  });

  it('a learning rate of 0 leaves the weights as they are', async () => {
    const model = build({ learningRate: 0, momentum: 0.9 });
    const before = values(await model.getWeights());
    await model.fit(set, quiet({ epochs: 2 }));
    expect(values(await model.getWeights())).toEqual(before);
  });

  it('may stop after a step or an epoch', async () => {
    const logs: Logs[] = [];
    const model = build();
    const stop: Callback = {
      onBatchEnd: (batch, _, control) => (batch === 2 ? control.stop() : undefined),
      onTrainEnd: (last) => void logs.push(last),
    };
    const history = await model.fit(set, quiet({ epochs: 5, batchSize: 10, callbacks: [stop] }));
    expect([history.steps, history.epoch.length, logs.length]).toEqual([3, 1, 1]);
    expect((await model.getState()).get('iterations')?.at(0)).toBe(3);
    const early: Callback = { onEpochEnd: (epoch, _, control) => (epoch === 1 ? control.stop() : undefined) };
    expect((await model.fit(set, quiet({ epochs: 5, batchSize: 10, callbacks: [early] }))).epoch).toEqual([0, 1]);
  });

  it('that throw end the fit with their error, and the model goes on from where it was', async () => {
    const model = build();
    const broken: Callback = {
      onBatchEnd: (batch) => {
        if (batch === 1) throw new RangeError('mine');
      },
    };
    await expect(model.fit(set, quiet({ batchSize: 10, callbacks: [broken] }))).rejects.toThrow(RangeError);
    expect((await model.getState()).get('iterations')?.at(0)).toBe(2);
    expect((await model.fit(set, quiet({ batchSize: 10 }))).steps).toBe(5);
  });

  it.each([0, 1.5, -2, 'batch'])('with every: %j are refused', async (every) => {
    const wrong = build().fit(set, quiet({ callbacks: [{ every: every as number, onBatchEnd: () => {} }] }));
    await expect(wrong).rejects.toThrow(/every of a callback must be a whole number ≥ 1 or 'epoch'/);
  });
});

describe('options', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['an unknown one', { epoch: 3 }, /fit: unknown option 'epoch'; did you mean 'epochs'\?/],
    ['Keras’s spelling', { batch_size: 3 }, /did you mean 'batchSize'\?/],
    ['no epochs', { epochs: 0 }, /epochs must be a whole number ≥ 1, got 0/],
    ['half a row', { batchSize: 1.5 }, /batchSize must be a whole number ≥ 1, got 1.5/],
    ['a batch of words', { batchSize: '32' }, /batchSize must be a whole number ≥ 1, got '32'/],
    ['a chunk of 0', { chunk: 0 }, /chunk must be a whole number ≥ 1/],
    ['a first epoch below 0', { initialEpoch: -1 }, /initialEpoch must be a whole number ≥ 0/],
    ['all for validation', { validationSplit: 1 }, /validationSplit must be ≥ 0 and < 1, got 1/],
    ['a split below 0', { validationSplit: -0.1 }, /validationSplit must be ≥ 0 and < 1/],
    ['one callback, not a list', { callbacks: {} }, /callbacks must be a list/],
  ])('%s', async (_, options, message) => {
    await expect(build().fit(set, { verbose: 0, ...options } as FitOptions)).rejects.toThrow(message);
  });

  it('batches larger than the set are the set', async () => {
    expect((await build().fit(set, quiet({ batchSize: 1000 }))).steps).toBe(1);
  });

  it('trainOnBatch is one step, and tells the loss before it', async () => {
    const model = build({ learningRate: 0.2 });
    const net = await reference(model);
    for (let i = 0; i < 3; i++) {
      const logs = await model.trainOnBatch(set.x, set.y);
      const expected = net.step(set.nested, set.labels, { learningRate: 0.2 });
      expect(logs.loss).toBeCloseTo(expected.loss, 9);
      expect(logs.accuracy).toBeCloseTo(expected.accuracy, 12);
    }
    expectClose(values(await model.getWeights()), net.weights);
    expect((await model.getState()).get('iterations')?.at(0)).toBe(3);
  });

  it('progress is a line per epoch where there is no terminal', async () => {
    const written: string[] = [];
    const write = process.stderr.write;
    process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write;
    try {
      await build().fit(set, { epochs: 2 });
    } finally {
      process.stderr.write = write;
    }
    expect(written.join('')).toMatch(/^Epoch 1\/2 - \S+ - loss: \d\.\d{4} - accuracy: \d\.\d{4}\nEpoch 2\/2 - .*\n$/);
  });
});

it('empty sets are refused', async () => {
  const empty = new NdArray(new Float32Array(0), [0, 6]);
  await expect(build().fit(empty, new NdArray(new Uint8Array(0), [0]))).rejects.toThrow(DataError);
  await expect(build().fit(empty, new NdArray(new Uint8Array(0), [0]))).rejects.toThrow(/x has no rows/);
});
