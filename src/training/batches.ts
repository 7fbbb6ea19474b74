import { type DType, dtypes } from '../core/dtype.js';
import { DataError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import type { Random } from '../core/random.js';
import { sameShape, showShape, sizeOf } from '../core/shape.js';
import { gatherRows, rowsOf } from '../data/dataset.js';

/** Memory that a chunk may take, in bytes. */
const CHUNK_BYTES = 32 * 2 ** 20;

/** Makes memory for a chunk; shared with the engine where the platform allows. */
export type Allocate = (bytes: number) => ArrayBufferLike;

/** Minibatches of equal size that one call of the engine will run. */
export interface Chunk {
  readonly steps: number;
  readonly batchSize: number;
  /** Inputs, targets, sample weights: [steps, batch, …] each. */
  readonly arrays: readonly NdArray[];
}

/** The minibatches of one epoch. */
export interface Epoch {
  /** Up to `limit` minibatches of equal size, undefined at the end. */
  take(limit: number, allocate: Allocate): Promise<Chunk | undefined>;
  /** Called when no more will be taken. */
  close?(): Promise<void>;
}

/** Where minibatches come from. */
export interface BatchSource {
  /** Minibatches per epoch, where that is known beforehand. */
  readonly steps: number | undefined;
  epoch(index: number): Epoch;
}

/** One row of a minibatch: dtype and shape without the batch axis. */
export interface RowType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

function stepsThatFit(arrays: readonly NdArray[], batchSize: number): number {
  const bytes = arrays.reduce((sum, array) => sum + (array.size / Math.max(1, rowsOf(array))) * dtypes[array.dtype].bytes, 0);
  return Math.max(1, Math.floor(CHUNK_BYTES / (bytes * batchSize)));
}

function allocateArray(dtype: DType, shape: readonly number[], allocate: Allocate): NdArray {
  const size = sizeOf(shape);
  const { array: TypedArray, bytes } = dtypes[dtype];
  return new NdArray(new TypedArray(allocate(size * bytes), 0, size), shape, dtype);
}

/** Minibatches cut from arrays in memory, the last of an epoch smaller where the rows do not divide. */
export class ArraySource implements BatchSource {
  readonly steps: number;
  readonly #arrays: readonly NdArray[];
  readonly #batchSize: number;
  readonly #random: Random | undefined;
  readonly #rows: number;

  /** @param random order of the rows is drawn from it, another for every epoch; without it rows come in order. */
  constructor(arrays: readonly NdArray[], batchSize: number, random?: Random) {
    this.#arrays = arrays;
    this.#batchSize = batchSize;
    this.#random = random;
    this.#rows = rowsOf(arrays[0] as NdArray);
    this.steps = Math.ceil(this.#rows / batchSize);
  }

  epoch(index: number): Epoch {
    const order = this.#random ? this.#random.stream(index).permutation(this.#rows) : Uint32Array.from({ length: this.#rows }, (_, i) => i);
    let row = 0;
    return {
      take: async (limit, allocate) => {
        const left = this.#rows - row;
        if (left <= 0) return undefined;
        const full = Math.floor(left / this.#batchSize);
        const steps = full === 0 ? 1 : Math.min(full, limit, stepsThatFit(this.#arrays, this.#batchSize));
        const batchSize = full === 0 ? left : this.#batchSize;
        const arrays = this.#arrays.map((source) => {
          const target = allocateArray(source.dtype, [steps, batchSize, ...source.shape.slice(1)], allocate);
          gatherRows(source, order, row, row + steps * batchSize, target.data);
          return target;
        });
        row += steps * batchSize;
        return { steps, batchSize, arrays };
      },
    };
  }
}

/** One minibatch that a generator yields: inputs, then targets. */
export type Batch = readonly NdArray[];

/** Minibatches from a generator, larger than memory if need be; each epoch asks `open` for a new iterator. */
export class IterableSource implements BatchSource {
  readonly steps: number | undefined;
  readonly #open: () => AsyncIterator<Batch> | Iterator<Batch>;

  constructor(open: () => AsyncIterator<Batch> | Iterator<Batch>, steps?: number) {
    this.#open = open;
    this.steps = steps;
  }

  epoch(): Epoch {
    const iterator = this.#open();
    let waiting: Batch | undefined;
    let failure: { readonly error: unknown } | undefined;
    let taken = 0;
    const next = async (): Promise<Batch | undefined> => {
      if (waiting) {
        const batch = waiting;
        waiting = undefined;
        return batch;
      }
      if (this.steps !== undefined && taken >= this.steps) {
        return undefined;
      }
      const result = await iterator.next();
      if (result.done) return undefined;
      taken++;
      return checkBatch(result.value, taken);
    };
    return {
      close: async () => {
        await iterator.return?.();
      },
      take: async (limit, allocate) => {
        if (failure) throw failure.error;
        const head = await next();
        if (!head) return undefined;
        const batchSize = rowsOf(head[0] as NdArray);
        const most = Math.min(limit, stepsThatFit(head, batchSize), 1 + (this.steps ?? Number.POSITIVE_INFINITY) - taken);
        const targets = head.map((one) => allocateArray(one.dtype, [most, ...one.shape], allocate));
        // Copied before the next one is asked for: a generator may fill the same arrays again.
        const keep = (batch: Batch, index: number): void => {
          targets.forEach((target, i) => {
            copyInto(target, batch[i] as NdArray, index);
          });
        };
        keep(head, 0);
        const types = head.map(({ dtype, shape }) => ({ dtype, shape }));
        let steps = 1;
        for (; steps < most; steps++) {
          let batch: Batch | undefined;
          try {
            batch = await next();
          } catch (error) {
            // Minibatches before the trouble are trained on, however long the chunk.
            failure = { error };
          }
          if (!batch) break;
          if (!sameTypes(batch, types)) {
            waiting = batch;
            break;
          }
          keep(batch, steps);
        }
        return { steps, batchSize, arrays: targets.map((target) => target.slice(0, steps)) };
      },
    };
  }
}

function copyInto(target: NdArray, source: NdArray, index: number): void {
  const from = source.data as Float32Array;
  (target.data as Float32Array).set(from, index * source.size);
}

function sameTypes(a: Batch, b: readonly RowType[]): boolean {
  return a.every((array, i) => array.dtype === b[i]?.dtype && sameShape(array.shape, b[i]?.shape ?? []));
}

function checkBatch(batch: Batch, number: number): Batch {
  const rows = batch.map(rowsOf);
  if (rows.length === 0 || rows.some((count) => count !== rows[0] || count === 0)) {
    throw new DataError(
      `batch ${number} of the generator has arrays of ${batch.map((array) => showShape(array.shape)).join(' and ')}; all arrays need the same number of rows, at least 1`,
      {
        received: show(rows),
      },
    );
  }
  return batch;
}

/** Sets of buffers in turn, so that one is filled while the engine reads another; memory stays the same however long a fit is. */
export class ChunkBuffers {
  readonly #allocate: Allocate;
  readonly #sets: ArrayBufferLike[][];
  #turn = 0;

  constructor(allocate: Allocate, sets = 2) {
    this.#allocate = allocate;
    this.#sets = Array.from({ length: sets }, () => []);
  }

  /** An allocator over the next set. What it gave out last time round is overwritten. */
  next(): Allocate {
    this.#turn = (this.#turn + 1) % this.#sets.length;
    const set = this.#sets[this.#turn] as ArrayBufferLike[];
    let index = 0;
    return (bytes) => {
      const at = index++;
      const known = set[at];
      if (known && known.byteLength >= bytes) return known;
      const made = this.#allocate(bytes);
      set[at] = made;
      return made;
    };
  }
}
