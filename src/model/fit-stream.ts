import { DataError, ShapeError, show } from '../core/errors.js';
import { isRecord } from '../core/expect.js';
import type { NdArray } from '../core/ndarray.js';
import { sameShape, showShape } from '../core/shape.js';
import { unlessAborted } from '../training/abort.js';
import { type Batch, type BatchSource, IterableSource } from '../training/batches.js';
import { copyOf } from '../training/state.js';
import { type BatchLike, type BatchStream, isBatch } from './arguments.js';
import { arraysOf, type Checked } from './weights.js';

/** Rows that layers which take something from data see of a stream, and the memory that those may take. */
const [SAMPLE_ROWS, SAMPLE_BYTES] = [1024, 32 * 2 ** 20];

export interface StreamOptions {
  /** Minibatches of an epoch; as many as come unless given. */
  readonly steps: number | undefined;
  /** Whether some layer takes what it needs from data, so that more than the first minibatch is read before the first step. */
  readonly sampled: boolean;
  readonly signal: AbortSignal | undefined;
  readonly check: (given: BatchLike) => Checked;
}

export interface OpenedStream {
  readonly source: BatchSource;
  /** The minibatches that were read before the first step, at least one. They open the first epoch. */
  readonly read: readonly [Checked, ...Checked[]];
  /** Ends the iterator where no epoch has taken it over. */
  readonly close: () => void;
}

type AnyIterator = Iterator<BatchLike> | AsyncIterator<BatchLike>;

const isAsync = (value: unknown): value is AsyncIterable<BatchLike> => Object(value) === value && Symbol.asyncIterator in (value as object);
const isIterable = (value: unknown): value is Iterable<BatchLike> => Object(value) === value && Symbol.iterator in (value as object);

/** What came in place of minibatches: of an object its keys, not all that they hold. */
const told = (given: unknown): string =>
  isRecord(given) && Object.keys(given).length > 0 ? `an object of ${Object.keys(given).join(', ')}` : show(given);

/** @throws DataError if a function gives nothing to go through. */
function iteratorOf(stream: BatchStream): AnyIterator {
  const given: unknown = typeof stream === 'function' ? stream() : stream;
  if (isAsync(given)) return given[Symbol.asyncIterator]();
  if (isIterable(given)) return given[Symbol.iterator]();
  const received = given instanceof Promise ? 'a promise: use an async function*, which yields them one by one' : told(given);
  throw new DataError(`a function of minibatches must return a list or a generator of { x, y }, got ${received}`, {
    argument: 'data',
    received: given,
  });
}

function checkMinibatch(given: BatchLike, check: (given: BatchLike) => Checked): Checked {
  if (!isBatch(given)) {
    throw new DataError(`a stream must yield minibatches { x, y }, got ${told(given)}`, { argument: 'data', received: given });
  }
  return check(given);
}

/** @throws ShapeError, DataError if a later minibatch has targets of another shape, weights or element types than the first one. */
function checkAlike(checked: Checked, opening: Checked): void {
  checked.targets.forEach((target, i) => {
    const [row, first] = [target, opening.targets[i] as NdArray].map(({ shape }) => shape.slice(1)) as [number[], number[]];
    if (sameShape(row, first)) return;
    throw new ShapeError(
      `a minibatch's y has shape ${showShape(target.shape)} where the first one's rows are ${showShape(first)}; the rows of all minibatches must have the same shape`,
      { argument: 'y', received: target.shape, expected: ['N', ...first] },
    );
  });
  if (checked.weights.length !== opening.weights.length) {
    const [first, later] = [opening, checked].map(({ weights }) => (weights.length > 0 ? `${weights.length} sampleWeight` : 'no sampleWeight'));
    throw new DataError(`a minibatch holds ${later} where the first one held ${first}; all must hold the same`, { argument: 'sampleWeight' });
  }
  const [types, given] = [opening, checked].map((one) => arraysOf(one).map(({ dtype }) => dtype)) as [string[], string[]];
  const other = given.findIndex((dtype, i) => dtype !== types[i]);
  if (other < 0) return;
  throw new DataError(`a minibatch holds ${given[other]} where the first one held ${types[other]}; all must have the same element types`, {
    argument: 'data',
    received: given[other],
    expected: types[other],
  });
}

const copied = ({ inputs, targets, weights }: Checked): Checked => ({
  inputs: inputs.map(copyOf),
  targets: targets.map(copyOf),
  weights: weights.map(copyOf),
});

/**
 * Opens a stream and reads what must be known before the first step: its first minibatch, or some more where layers take what they need from data.
 * @throws DataError, ShapeError of the first minibatch; those of others come in their turn. AbortError on `signal`.
 */
export async function openStream(stream: BatchStream, { steps, sampled, signal, check }: StreamOptions): Promise<OpenedStream> {
  const iterator = iteratorOf(stream);
  // A generator object under way cannot start anew: with `stepsPerEpoch` it goes on from epoch to epoch, and stays open for whoever holds it.
  const endless = steps !== undefined && (iterator as unknown) === stream;
  let rest: AnyIterator | undefined = iterator;
  const close = (): void => {
    const held = endless ? undefined : rest;
    rest = undefined;
    // Not waited for: a generator that hangs must not hold up the error that ended the fit.
    (async () => held?.return?.())().catch(() => {});
  };
  const read: Checked[] = [];
  let failure: { readonly error: unknown } | undefined;
  let [rows, bytes] = [0, 0];
  const most = sampled ? (steps ?? Number.POSITIVE_INFINITY) : 1;
  const wanted = (): boolean => read.length === 0 || (!failure && rows < SAMPLE_ROWS && bytes < SAMPLE_BYTES && read.length < most);
  try {
    while (wanted()) {
      try {
        const next = await unlessAborted(Promise.resolve(iterator.next()), signal, 0);
        if (next.done) break;
        const checked = checkMinibatch(next.value, check);
        if (read[0]) checkAlike(checked, read[0]);
        // A generator may fill the same arrays again.
        read.push(sampled ? copied(checked) : checked);
        rows += checked.inputs[0]?.shape[0] ?? 0;
        bytes += arraysOf(checked).reduce((sum, { data }) => sum + data.byteLength, 0);
      } catch (error) {
        if (read.length === 0 || signal?.aborted) throw error;
        // Minibatches before the trouble are trained on.
        failure = { error };
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  const [head, ...others] = read;
  if (!head) throw new DataError('the stream of minibatches is empty', { argument: 'data' });
  const opening: Checked = head;
  let waiting = read.map(arraysOf);
  async function* batches(): AsyncGenerator<Batch> {
    const current = rest ?? iteratorOf(stream);
    if (!endless) rest = undefined;
    try {
      const first = waiting;
      waiting = [];
      yield* first;
      if (failure) throw failure.error;
      for (let next = await current.next(); !next.done; next = await current.next()) {
        const checked = checkMinibatch(next.value, check);
        checkAlike(checked, opening);
        yield arraysOf(checked);
      }
    } finally {
      if (!endless) await current.return?.();
    }
  }
  return { source: new IterableSource(batches, steps), read: [opening, ...others], close };
}
