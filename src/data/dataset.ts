import { countOf } from '../core/count.js';
import { type DType, dtypes, type TypedArray } from '../core/dtype.js';
import { ArgumentError, DataError, ShapeError, show } from '../core/errors.js';
import { refuse } from '../core/expect.js';
import { NdArray } from '../core/ndarray.js';
import { product, showShape } from '../core/shape.js';

/** Rows held in memory: features and targets, the first axis of each counting rows. */
export interface Dataset {
  readonly x: NdArray;
  readonly y: NdArray;
  /** Name of each class, where `y` holds class labels 0, 1, … */
  readonly classNames?: readonly string[];
  /** Name of each column of `x`, if it came from a table. */
  readonly featureNames?: readonly string[];
}

/** Number of rows: the length of the first axis. @throws ShapeError for a scalar. */
export function rowsOf(array: NdArray): number {
  const rows = array.shape[0];
  if (rows === undefined) throw new ShapeError('expected an array whose first axis counts rows, got a scalar', { received: array.shape });
  return rows;
}

/** Elements in one row: the product of all lengths but the first. */
export function rowWidth(array: NdArray): number {
  return product(array.shape.slice(1));
}

/** Row and column of an element. */
export function rowAndColumn(array: NdArray, index: number): readonly [row: number, column: number] {
  const width = Math.max(1, rowWidth(array));
  return [Math.floor(index / width), index % width];
}

/** The golden ratio's fraction, whose multiples keep time with no period. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** Row numbers, at most so many, spread over all rows: one of each of as many equal parts, each time at another place in it, since rows may be in order, or alternate. */
export const spreadRows = (array: NdArray, most: number): number[] => spreadOver(rowsOf(array), most);

/** The same of so many things. */
export function spreadOver(all: number, most: number): number[] {
  const count = Math.min(most, all);
  const from = (part: number): number => Math.floor((part * all) / count);
  return Array.from({ length: count }, (_, i) => from(i) + Math.floor(((i * GOLDEN) % 1) * (from(i + 1) - from(i))));
}

/** Where the largest of `count` elements from `start` on is, counted from there; of several the first. */
export function argMaxOf(array: NdArray, start: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (array.at(start + i) > array.at(start + best)) best = i;
  return best;
}

/** Number of rows that x and y share. @throws DataError if they differ or there are none. */
export function datasetRows(dataset: Dataset, name = 'dataset'): number {
  if (!(dataset?.x instanceof NdArray && dataset.y instanceof NdArray)) refuse(name, 'dataset', 'a set { x, y } of NdArrays', dataset);
  const [rows, targets] = [rowsOf(dataset.x), rowsOf(dataset.y)];
  if (rows !== targets) {
    throw new DataError(
      `${name}: x has ${countOf(rows, 'row')} and y has ${targets}; every row needs a target. Do they come from different sets, or is one of them transposed?`,
      { argument: 'y', received: targets, expected: rows },
    );
  }
  if (rows === 0)
    throw new DataError(`${name}: the set has no rows. Did a filter or a split remove all of them?`, { argument: 'x', received: dataset.x.shape });
  return rows;
}

/** Bit patterns move, not numbers: one view per element size serves every dtype of that size, NaN payloads and 64-bit integers included. */
function unitView(data: TypedArray): Uint8Array | Uint16Array | Int32Array {
  const { buffer, byteOffset, byteLength } = data;
  if (data.BYTES_PER_ELEMENT === 1) return new Uint8Array(buffer, byteOffset, byteLength);
  if (data.BYTES_PER_ELEMENT === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

/** Below this many units a loop beats `set(subarray(…))`, whose views cost about 150 ns a row. */
const SHORT_ROW = 32;

/**
 * Copies the rows `indices[from]` to `indices[to - 1]` of `source` into `target`, from row `targetRow` on (default 0).
 * `target` holds elements of the source's type; nothing is allocated but views.
 * @throws ArgumentError if the types differ, a row does not exist or the target is too short.
 */
export function gatherRows(source: NdArray, indices: Uint32Array, from: number, to: number, target: TypedArray, targetRow = 0): void {
  const rows = rowsOf(source);
  const elements = rowWidth(source);
  if (target.constructor !== source.data.constructor) {
    throw new ArgumentError(`rows of ${source.dtype} cannot be gathered into ${show(target)}; allocate the target with the source's dtype`, {
      argument: 'target',
      received: target.constructor.name,
      expected: source.data.constructor.name,
    });
  }
  if (from < 0 || to > indices.length || (targetRow + to - from) * elements > target.length) {
    throw new ArgumentError(
      `gathering indices ${from} to ${to} of ${indices.length} from row ${targetRow} on needs a target of ${countOf((targetRow + to - from) * elements, 'element')}, got ${target.length}`,
      { argument: 'target', received: target.length },
    );
  }
  const units = unitView(source.data);
  const copy = unitView(target);
  const width = elements * (source.data.BYTES_PER_ELEMENT / units.BYTES_PER_ELEMENT);
  let out = targetRow * width;
  for (let i = from; i < to; i++, out += width) {
    const row = indices[i] ?? 0;
    if (row >= rows)
      throw new ArgumentError(`row ${row} does not exist in an array of ${countOf(rows, 'row')}`, { argument: 'indices', received: row });
    const start = row * width;
    if (width >= SHORT_ROW) copy.set(units.subarray(start, start + width), out);
    else for (let k = 0; k < width; k++) copy[out + k] = units[start + k] ?? 0;
  }
}

/** The rows at `indices`, in that order, copied. @throws ArgumentError if a row does not exist. */
export function takeRows(array: NdArray, indices: Uint32Array): NdArray {
  const data = dtypes[array.dtype].allocate(indices.length * rowWidth(array));
  gatherRows(array, indices, 0, indices.length, data);
  return new NdArray(data, [indices.length, ...array.shape.slice(1)], array.dtype);
}

/** Elements looked through at once: the loop over a block has no branch, so it runs near the speed of memory. */
const BLOCK = 4096;

/** Index of the first NaN or infinity, or -1. */
function firstNonFinite(data: Float32Array | Float64Array): number {
  for (let start = 0; start < data.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, data.length);
    // Zero times a number is zero unless the number is not finite. Two sums, so that neither addition waits for the other.
    let [even, odd] = [0, 0];
    for (let i = start; i + 1 < end; i += 2) {
      even += (data[i] ?? 0) * 0;
      odd += (data[i + 1] ?? 0) * 0;
    }
    even += (data[end - 1] ?? 0) * 0;
    if (even + odd === 0) continue;
    for (let i = start; i < end; i++) if (!Number.isFinite(data[i])) return i;
  }
  return -1;
}

/**
 * Makes sure that no element is NaN or infinite.
 * @throws DataError naming the row, the column and, where given, the feature of the first one.
 */
export function checkFinite(array: NdArray, name: string, featureNames?: readonly string[]): void {
  finiteAs(array, array.dtype, name, featureNames);
}

/** An array as elements of another type, none of them NaN or infinite there. @throws DataError as `checkFinite` does, and where a number is beyond that type. */
export function finiteAs(array: NdArray, dtype: DType, name: string, featureNames?: readonly string[]): NdArray {
  const cast = array.cast(dtype);
  if (!(cast.data instanceof Float32Array || cast.data instanceof Float64Array)) return cast;
  const index = firstNonFinite(cast.data);
  if (index < 0) return cast;
  const [row, column] = rowAndColumn(array, index);
  const feature = featureNames?.[column];
  const place = [
    `row ${row}`,
    ...(rowWidth(array) > 1 || feature !== undefined ? [`column ${column}`] : []),
    ...(feature !== undefined ? [`feature ${show(feature)}`] : []),
  ].join(', ');
  const value = array.at(index);
  const advice = Number.isFinite(value)
    ? `the largest ${dtype} is 3.4e38. Rescale the feature, or create the model with { dtype: 'float64' }.`
    : 'every value must be finite. Was a missing value read as a number, or was something divided by zero? Fill the gap or drop the row.';
  throw new DataError(`${name} holds ${value} at ${place} (counted from 0; shape ${showShape(array.shape)}); ${advice}`, {
    argument: name,
    received: value,
  });
}
