import { countOf } from '../core/count.js';
import { ShapeError } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { showShape } from '../core/shape.js';
import type { Signal } from '../network/layer.js';
import type { Network } from '../network/network.js';
import type { Engine } from '../runtime/index.js';
import { ArraySource, ChunkBuffers } from '../training/batches.js';
import { feedNames, type StepSpec } from '../training/step.js';

/** Rows per engine call where no gradient is needed, at least. */
export const INFERENCE_BATCH = 256;
/** At most; and numbers that one layer may give for them, which stay in a processor's cache. */
const MOST_ROWS = 1024;
const MOST_NUMBERS = 2 ** 19;

/** Rows per engine call where no gradient is needed: the more the fewer numbers layers give for each, since a call of a small network costs more than its sums. */
export function inferenceRows({ calls }: Pick<Network, 'calls'>): number {
  const sizes = calls.flatMap(({ outputs }) => outputs.map(({ shape }) => shape.slice(1).reduce<number>((size, dim) => size * Number(dim), 1)));
  let rows = INFERENCE_BATCH;
  // A length that is known at run time only is NaN, and bounds all.
  while (rows < MOST_ROWS && sizes.every((size) => 2 * rows * size <= MOST_NUMBERS)) rows *= 2;
  return rows;
}

/** Arrays of a minibatch under the names that they are fed by. */
export function fed(spec: Pick<StepSpec, 'inputs' | 'targets' | 'weights'>, arrays: readonly NdArray[]): Record<string, NdArray> {
  return Object.fromEntries(feedNames(spec).map((name, i) => [name, arrays[i] as NdArray]));
}

/** Visits arrays in minibatches of at most `size` rows, in order. */
export async function eachBatch(
  engine: Engine,
  arrays: readonly NdArray[],
  size: number,
  visit: (batch: NdArray[], rows: number) => Promise<void>,
): Promise<void> {
  const epoch = new ArraySource(arrays, size).epoch(0);
  const buffers = new ChunkBuffers((bytes) => engine.allocate(bytes), 1);
  for (let chunk = await epoch.take(1, buffers.next()); chunk; chunk = await epoch.take(1, buffers.next())) {
    await visit(
      chunk.arrays.map((array) => array.reshape(array.shape.slice(1))),
      chunk.batchSize,
    );
  }
}

/** What the network gave for `rows` rows. @throws ShapeError if that has no axis of rows, so that nothing says whose it is. */
export function withRows(array: NdArray, { shape, call }: Signal, rows: number): NdArray {
  const [first] = shape;
  if (typeof first === 'string' || first === rows) return array;
  const layer = call.layer.title;
  throw new ShapeError(
    `${layer} returns an array of shape ${showShape(shape)} for ${countOf(rows, 'row')}; the first axis must remain the rows: ops.reduceSum(x, { axes: [1] }) sums within each row; without axes it sums over everything`,
    { layer, received: shape, expected: '[N, …]' },
  );
}

/** Rows of several arrays as one array. */
export function joinRows(parts: readonly NdArray[]): NdArray {
  const head = parts[0] as NdArray;
  const joined = NdArray.zeros([parts.reduce((rows, part) => rows + (part.shape[0] ?? 0), 0), ...head.shape.slice(1)], head.dtype);
  let at = 0;
  for (const part of parts) {
    (joined.data as Float32Array).set(part.data as Float32Array, at);
    at += part.size;
  }
  return joined;
}
