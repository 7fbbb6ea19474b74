import { countOf } from './count.js';
import { type DType, dtypeOf, dtypes, isLong, isTypedArray, plainView, type TypedArray } from './dtype.js';
import { ArgumentError, DataError, RaggedError, ShapeError, show } from './errors.js';
import { refuse } from './expect.js';
import { suggestion } from './names.js';
import { type StaticShape, showShape, sizeOf } from './shape.js';

/** Numbers nested as deep as the shape has axes. */
export type Nested = number | readonly Nested[];

/** What users may pass where an array is expected. */
export type ArrayLike = NdArray | TypedArray | readonly Nested[];

/** A dense array: typed elements in row-major order, and a shape. */
export class NdArray {
  readonly data: TypedArray;
  readonly shape: StaticShape;
  readonly dtype: DType;

  /** @throws ShapeError if the shape's size is not the number of elements. */
  constructor(data: TypedArray, shape: StaticShape = [data?.length ?? 0], dtype: DType = dtypeOf(data)) {
    if (!isTypedArray(data)) refuse('NdArray', 'data', 'a typed array, such as Float32Array.of(1, 2); for nested arrays use ndarray([[1, 2]])', data);
    if (sizeOf(shape) !== data.length) {
      throw new ShapeError(`shape ${showShape(shape)} needs ${countOf(sizeOf(shape), 'element')}, got ${data.length}`, {
        expected: shape,
        received: data.length,
      });
    }
    this.data = plainView(data);
    this.shape = [...shape];
    this.dtype = dtype;
  }

  static zeros(shape: StaticShape, dtype: DType = 'float32'): NdArray {
    const known = dtypes[dtype];
    if (!known)
      throw new ArgumentError(`NdArray: unknown dtype ${show(dtype)}${suggestion(String(dtype), Object.keys(dtypes))}`, { argument: 'dtype' });
    return new NdArray(known.allocate(sizeOf(shape)), shape, dtype);
  }

  /** From an array, a typed array (one axis) or nested numbers; nested ones become `dtype`. @throws DataError on ragged or non-numeric input. */
  static from(value: ArrayLike, dtype: DType = 'float32'): NdArray {
    if (value instanceof NdArray) return value;
    if (isTypedArray(value)) return new NdArray(value);
    if (!Array.isArray(value)) {
      throw new DataError(`expected an NdArray, a typed array or nested arrays of numbers, got ${show(value)}`, { received: value });
    }
    const shape: number[] = [];
    for (let level: Nested | undefined = value; Array.isArray(level); level = level[0]) shape.push(level.length);
    const array = NdArray.zeros(shape, dtype);
    let next = 0;
    const fill = (item: Nested, axis: number, path: readonly number[]): void => {
      if (axis === shape.length) {
        if (typeof item !== 'number') throw new DataError(`element [${path.join(', ')}] is ${show(item)}, expected a number`, { received: item });
        array.set(next++, item);
        return;
      }
      if (!Array.isArray(item) || item.length !== shape[axis]) {
        const received = Array.isArray(item) ? countOf(item.length, 'element') : show(item);
        throw new RaggedError(`nested arrays are ragged: [${path.join(', ')}] has ${received}, its neighbours have ${shape[axis]}`, {
          received: item,
        });
      }
      for (let i = 0; i < item.length; i++) fill(item[i] as Nested, axis + 1, [...path, i]);
    };
    fill(value, 0, []);
    return array;
  }

  /** Number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** Element `index` in row-major order, as a number. */
  at(index: number): number {
    return Number(this.data[index]);
  }

  set(index: number, value: number): void {
    // Fractions are cut off, and what is not finite is 0, as in the other arrays of whole numbers.
    if (isLong(this.data)) this.data[index] = BigInt(Number.isFinite(value) ? Math.trunc(value) : 0);
    else this.data[index] = value;
  }

  /** The same elements with another shape. @throws ShapeError if sizes differ. */
  reshape(shape: StaticShape): NdArray {
    return new NdArray(this.data, shape, this.dtype);
  }

  /** Rows `start` to `end` (exclusive) of the first axis, negative numbers counted from the end; shares memory. */
  slice(start: number, end: number = this.shape[0] ?? 0): NdArray {
    const rows = this.shape[0] ?? 0;
    const place = (row: number): number => Math.max(0, Math.min(row < 0 ? rows + row : row, rows));
    const from = place(start);
    const to = Math.max(from, place(end));
    const width = rows === 0 ? 0 : this.size / rows;
    return new NdArray(this.data.subarray(from * width, to * width), [to - from, ...this.shape.slice(1)], this.dtype);
  }

  /** A copy in another dtype. */
  cast(dtype: DType): NdArray {
    if (dtype === this.dtype) return this;
    const result = NdArray.zeros(this.shape, dtype);
    copyElements(this, result);
    return result;
  }

  /** Nested plain arrays, for printing and tests. */
  toNested(): Nested {
    const nest = (axis: number, offset: number, stride: number): Nested => {
      const length = this.shape[axis];
      if (length === undefined) return this.at(offset);
      const inner = length === 0 ? 0 : stride / length;
      return Array.from({ length }, (_, i) => nest(axis + 1, offset + i * inner, inner));
    };
    return nest(0, 0, this.size);
  }
}

/** Shorthand for `NdArray.from(...)`, with a shape if the elements are flat. */
export function ndarray(value: ArrayLike, shape?: StaticShape): NdArray {
  const array = NdArray.from(value);
  return shape ? array.reshape(shape) : array;
}

/** Writes an array's elements into another of its size, as that one's dtype stores them. */
export function copyElements({ data, dtype, size }: NdArray, to: NdArray): void {
  const isTruth = to.dtype === 'bool' && dtype !== 'bool';
  // Typed arrays convert each other's elements at the speed of memory, but for those of 64 bits.
  if (!isTruth && isLong(data) === isLong(to.data)) (to.data as Float32Array).set(data as Float32Array);
  else for (let i = 0; i < size; i++) to.set(i, isTruth ? Number(Number(data[i]) !== 0) : Number(data[i]));
}
