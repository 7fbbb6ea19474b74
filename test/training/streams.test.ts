import { type BatchLike, type Callback, DataError, layers, type Model, NdArray, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { IterableSource } from '#src/training/batches.js';
import { labelled, values } from './sets.js';

const set = labelled(40);
const batch = (from: number, to: number): BatchLike => ({ x: set.x.slice(from, to), y: set.y.slice(from, to) });
const cuts = [0, 8, 16, 24, 32, 40];
const batches = cuts.slice(1).map((to, i) => batch(cuts[i] ?? 0, to));

function build(): Model {
  const model = sequential([layers.input([6]), layers.dense(5, { activation: 'tanh' }), layers.dense(3, { activation: 'softmax' })], { seed: 3 });
  return model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

const weights = async (model: Model) => values(await model.getWeights());

async function fromArrays(epochs: number) {
  const model = build();
  const { history } = await model.fit(set, { epochs, batchSize: 8, shuffle: false, verbose: 0 });
  return { history, weights: await weights(model) };
}

function* generate(): Generator<BatchLike> {
  yield* batches;
}

async function* generateSlowly(): AsyncGenerator<BatchLike> {
  for (const one of batches) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield one;
  }
}

describe('minibatches from a generator train as arrays do', () => {
  it.each<[string, () => Iterable<BatchLike> | AsyncIterable<BatchLike>]>([
    ['a generator function', generate],
    ['an asynchronous one', generateSlowly],
    ['a function that gives an array', () => batches],
    ['a function that gives a set', () => new Set(batches)],
  ])('%s', async (_, stream) => {
    const model = build();
    const { history } = await model.fit(stream, { epochs: 2, verbose: 0 });
    expect({ history, weights: await weights(model) }).toEqual(await fromArrays(2));
  });

  it('an iterable that starts anew for every epoch', async () => {
    const model = build();
    const { history } = await model.fit(new Set(batches), { epochs: 2, verbose: 0 });
    expect({ history, weights: await weights(model) }).toEqual(await fromArrays(2));
  });

  it('one generator object, for one epoch', async () => {
    const model = build();
    const { history } = await model.fit(generateSlowly(), { verbose: 0 });
    expect({ history, weights: await weights(model) }).toEqual(await fromArrays(1));
  });

  it('one generator object for several epochs is refused, and says what to do', async () => {
    await expect(build().fit(generate(), { epochs: 2, verbose: 0 })).rejects.toThrow(/epoch 2 has no data.*Does it restart for every epoch/);
  });

  it('an endless generator object goes on through the epochs', async () => {
    let drawn = 0;
    function* endless(): Generator<BatchLike> {
      for (;;) yield batches[drawn++ % 5] as BatchLike;
    }
    const model = build();
    const { history } = await model.fit(endless(), { epochs: 2, stepsPerEpoch: 5, verbose: 0 });
    expect({ history, weights: await weights(model) }).toEqual(await fromArrays(2));
    expect(drawn).toBe(10);
  });

  it('a generator function with stepsPerEpoch starts anew and is closed', async () => {
    let [opened, closed] = [0, 0];
    function* endless(): Generator<BatchLike> {
      opened++;
      try {
        for (let i = 0; ; i++) yield batches[i % 5] as BatchLike;
      } finally {
        closed++;
      }
    }
    const model = build();
    const steps: (number | undefined)[] = [];
    const watch: Callback = { onTrainBegin: ({ steps: known }) => void steps.push(known) };
    const history = await model.fit(endless, { epochs: 2, stepsPerEpoch: 5, verbose: 0, callbacks: [watch] });
    expect(await weights(model)).toEqual((await fromArrays(2)).weights);
    expect([history.steps, opened, closed, steps]).toEqual([10, 2, 2, [5]]);
  });
});

describe('minibatches of changing size', () => {
  const sizes = [3, 3, 7, 1, 1, 12, 5, 8];
  function* ragged(): Generator<BatchLike> {
    let from = 0;
    for (const size of sizes) {
      yield batch(from, from + size);
      from += size;
    }
  }

  it('break the chunk, and weigh in the means by their rows', async () => {
    const [model, stepped] = [build(), build()];
    const history = await model.fit(ragged, { verbose: 0 });
    let total = 0;
    let from = 0;
    for (const size of sizes) {
      total += ((await stepped.trainOnBatch(set.x.slice(from, from + size), set.y.slice(from, from + size))).loss ?? 0) * size;
      from += size;
    }
    expect(history.steps).toBe(sizes.length);
    expect(history.history.loss?.[0]).toBeCloseTo(total / 40, 6);
    expect(await weights(model)).toEqual(await weights(stepped));
  });

  it('in chunks of 1 give the same bits', async () => {
    const [one, many] = [build(), build()];
    await one.fit(ragged, { verbose: 0, chunk: 1 });
    await many.fit(ragged, { verbose: 0 });
    expect(await weights(one)).toEqual(await weights(many));
  });
});

it('a set larger than a chunk’s memory is cut into chunks that fit', async () => {
  const wide = () => ({ x: NdArray.zeros([64, 2 ** 16]), y: NdArray.zeros([64, 1]) });
  let alive = 0;
  const source = new IterableSource(function* () {
    for (let i = 0; i < 7; i++) {
      alive++;
      const { x, y } = wide();
      yield [x, y];
    }
  } as () => Iterator<NdArray[]>);
  const epoch = source.epoch();
  const steps: number[] = [];
  for (;;) {
    const chunk = await epoch.take(1000, (bytes) => new ArrayBuffer(bytes));
    if (!chunk) break;
    steps.push(chunk.steps);
    // 16 MiB a minibatch: two to a chunk, and none is drawn ahead of its turn.
    expect(chunk.arrays.reduce((sum, array) => sum + array.data.byteLength, 0)).toBeLessThanOrEqual(33 * 2 ** 20);
    expect(alive).toBeLessThanOrEqual(steps.reduce((a, b) => a + b, 0) + 1);
  }
  expect(steps.reduce((a, b) => a + b, 0)).toBe(7);
  expect(Math.max(...steps)).toBeLessThan(7);
});

describe('layers that take what they need from data', () => {
  const normalized = (): Model =>
    sequential([layers.input([6]), layers.normalization({ name: 'n' }), layers.dense(3, { activation: 'softmax' })], { seed: 3 }).compile({
      loss: 'sparseCategoricalCrossentropy',
    });
  const mean = async (model: Model): Promise<number[]> => Array.from((await model.getState()).get('n/mean')?.data ?? [], Number);
  const meanOf = (rows: number): number[] =>
    Array.from({ length: 6 }, (_, column) => set.nested.slice(0, rows).reduce((sum, row) => sum + (row[column] ?? 0), 0) / rows);

  it('see more than the first minibatch, which all train once', async () => {
    const [streamed, given] = [normalized(), normalized()];
    // The same arrays are filled again.
    const [x, y] = [NdArray.zeros([8, 6]), NdArray.zeros([8], 'uint8')];
    const { steps } = await streamed.fit(
      function* () {
        for (const one of batches) {
          for (let i = 0; i < x.size; i++) x.set(i, (one.x as NdArray).at(i));
          for (let i = 0; i < y.size; i++) y.set(i, (one.y as NdArray).at(i));
          yield { x, y };
        }
      },
      { epochs: 2, verbose: 0 },
    );
    await given.fit(set, { epochs: 2, batchSize: 8, shuffle: false, verbose: 0 });
    expect(steps).toBe(10);
    expect(await weights(streamed)).toEqual(await weights(given));
    (await mean(streamed)).forEach((value, i) => {
      expect(value).toBeCloseTo(meanOf(40)[i] as number, 6);
    });
  });

  it('see no more of an endless one than its first epoch', async () => {
    let drawn = 0;
    function* endless(): Generator<BatchLike> {
      for (;;) yield batches[drawn++ % 5] as BatchLike;
    }
    const model = normalized();
    await model.fit(endless(), { stepsPerEpoch: 3, verbose: 0 });
    expect(drawn).toBe(3);
    (await mean(model)).forEach((value, i) => {
      expect(value).toBeCloseTo(meanOf(24)[i] as number, 6);
    });
  });

  it('hear of trouble behind the first minibatch when its turn comes', async () => {
    const [model, before] = [normalized(), normalized()];
    const broken = function* (): Generator<BatchLike> {
      yield* batches.slice(0, 2);
      throw new RangeError('the disk is gone');
    };
    await expect(model.fit(broken, { verbose: 0 })).rejects.toThrow(new RangeError('the disk is gone'));
    await before.fit(() => batches.slice(0, 2), { verbose: 0 });
    expect(await weights(model)).toEqual(await weights(before));
  });
});

describe('trouble in a generator', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /must return a list or a generator of \{ x, y \}, got undefined/],
    ['one minibatch', () => batches[0], /must return a list or a generator of \{ x, y \}, got an object/],
    ['a promise', async () => batches, /got a promise: use an async function\*/],
  ])('a function that gives %s is refused', async (_, stream, message) => {
    const wrong = build().fit(stream as () => Iterable<BatchLike>, { verbose: 0 });
    await expect(wrong).rejects.toThrow(DataError);
    await expect(wrong).rejects.toThrow(message);
  });

  it('one that never gives its first minibatch is left on a signal', async () => {
    const abort = new AbortController();
    async function* hanging(): AsyncGenerator<BatchLike> {
      await new Promise(() => {});
      yield* batches;
    }
    const running = build().fit(hanging, { verbose: 0, signal: abort.signal });
    setTimeout(() => abort.abort(), 20);
    await expect(running).rejects.toThrow(/training was aborted after step 0/);
  });

  it.each<[string, BatchLike, BatchLike | undefined, RegExp]>([
    ['its first minibatch does not fit', { x: NdArray.zeros([8, 5]), y: set.y.slice(0, 8) }, undefined, /expects \[N, 6\]/],
    ['validation rows do not fit', batch(0, 8), { x: set.x.slice(0, 8), y: NdArray.zeros([8, 7]) }, /validationData/],
  ])('is closed where the fit fails before its first step: %s', async (_, first, validationData, message) => {
    let closed = 0;
    function* watched(): Generator<BatchLike> {
      try {
        yield first;
      } finally {
        closed++;
      }
    }
    await expect(build().fit(watched, { verbose: 0, validationData })).rejects.toThrow(message);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(closed).toBe(1);
  });

  it('its own error ends the fit; steps before it count; it is closed', async () => {
    const model = build();
    let closed = 0;
    function* broken(): Generator<BatchLike> {
      try {
        yield* batches;
        throw new RangeError('the disk is gone');
      } finally {
        closed++;
      }
    }
    await expect(model.fit(broken, { verbose: 0 })).rejects.toThrow(new RangeError('the disk is gone'));
    expect(await weights(model)).toEqual((await fromArrays(1)).weights);
    expect(closed).toBe(1);
    expect((await model.fit(generate, { verbose: 0 })).steps).toBe(5);
  });

  it('an error at the first minibatch', async () => {
    const broken = () => {
      throw new RangeError('none');
    };
    await expect(build().fit(broken, { verbose: 0 })).rejects.toThrow(RangeError);
  });

  it('is closed when a callback throws or the fit is aborted', async () => {
    let closed = 0;
    async function* endless(): AsyncGenerator<BatchLike> {
      try {
        for (let i = 0; ; i++) yield batches[i % 5] as BatchLike;
      } finally {
        closed++;
      }
    }
    const failing: Callback = {
      onBatchEnd: () => {
        throw new RangeError('mine');
      },
    };
    await expect(build().fit(endless, { verbose: 0, callbacks: [failing] })).rejects.toThrow(RangeError);
    expect(closed).toBe(1);
    const abort = new AbortController();
    await expect(build().fit(endless, { verbose: 0, signal: abort.signal, callbacks: [{ onBatchEnd: () => abort.abort() }] })).rejects.toThrow(
      /training was aborted after step 1/,
    );
    expect(closed).toBe(2);
  });

  it.each<[string, BatchLike, RegExp]>([
    ['rows that differ', { x: set.x.slice(0, 8), y: set.y.slice(0, 7) }, /x has 8 rows and y has 7/],
    ['another shape', { x: NdArray.zeros([8, 5]), y: set.y.slice(0, 8) }, /expects \[N, 6\], got \[8, 5\]/],
    ['no rows', { x: set.x.slice(0, 0), y: set.y.slice(0, 0) }, /no rows/],
    ['another element type', { x: new NdArray(new Uint8Array(48), [8, 6]), y: set.y.slice(0, 8) }, /uint8.*float32|float32.*uint8/],
    ['NaN', { x: new NdArray(new Float32Array(48).fill(Number.NaN, 9, 10), [8, 6]), y: set.y.slice(0, 8) }, /NaN at row 1, column 3/],
    ['a label that is none', { x: set.x.slice(0, 1), y: [5] }, /label 5 in row 0/],
    ['nothing of the sort', [1, 2] as unknown as BatchLike, /\{ x, y \}/],
  ])('a minibatch with %s', async (_, wrong, message) => {
    const model = build();
    await expect(model.fit(() => [...batches, wrong], { verbose: 0 })).rejects.toThrow(message);
    expect((await model.fit(generate, { verbose: 0 })).steps).toBe(5);
  });

  it.each([
    ['an empty stream', () => []],
    ['an empty generator', generateNothing],
  ])('%s', async (_, stream) => {
    await expect(build().fit(stream, { verbose: 0 })).rejects.toThrow(DataError);
  });

  it('validationSplit needs arrays', async () => {
    await expect(build().fit(generate, { validationSplit: 0.1 })).rejects.toThrow(/validationSplit needs arrays.*validationData/);
    const { history } = await build().fit(generate, { validationData: set, verbose: 0 });
    expect(history.val_loss).toHaveLength(1);
  });
});

function* generateNothing(): Generator<BatchLike> {}

it('a generator may fill the same arrays again and again', async () => {
  function* reusing(): Generator<BatchLike> {
    const x = NdArray.zeros([8, 6]);
    const y = NdArray.zeros([8], 'uint8');
    for (const { x: features, y: labels } of batches) {
      (x.data as Float32Array).set((features as NdArray).data as Float32Array);
      (y.data as Uint8Array).set((labels as NdArray).data as Uint8Array);
      yield { x, y };
    }
  }
  const model = build();
  const { history } = await model.fit(reusing, { epochs: 2, verbose: 0 });
  expect({ history, weights: await weights(model) }).toEqual(await fromArrays(2));
});
