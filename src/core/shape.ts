import { countOf } from './count.js';
import { ShapeError, show } from './errors.js';

/** One axis: a length, or the name of a length that is known only when data arrive (`'N'` is the batch). */
export type Dim = number | string;

/** A tensor's shape, outermost axis first. */
export type Shape = readonly Dim[];

/** A shape whose every length is known. */
export type StaticShape = readonly number[];

/** Elements that one array may hold: a `Float32Array` of more could not be allocated. */
export const MAX_ELEMENTS = 2 ** 31 - 1;

export function isStatic(shape: Shape): shape is StaticShape {
  return shape.every((dim) => typeof dim === 'number');
}

/** Number of elements. @throws ShapeError if a length is not a whole number ≥ 0 or the product overflows. */
export function sizeOf(shape: StaticShape): number {
  let size = 1;
  for (const dim of shape) {
    if (!Number.isInteger(dim) || dim < 0)
      throw new ShapeError(`the lengths of a shape must be whole numbers ≥ 0, got ${showShape(shape)}`, { received: shape });
    size *= dim;
  }
  if (size > MAX_ELEMENTS) {
    throw new ShapeError(`shape ${showShape(shape)} has ${size} elements; an array holds at most ${MAX_ELEMENTS}. Is there a typo in a dimension?`, {
      received: shape,
    });
  }
  return size;
}

/** The lengths' product; 1 of none. Unlike `sizeOf` it takes any numbers. */
export function product(lengths: readonly number[]): number {
  return lengths.reduce((size, length) => size * length, 1);
}

/** `[N, 28, 28]`. */
export function showShape(shape: Shape): string {
  return `[${shape.map((dim) => (typeof dim === 'string' ? dim : String(dim))).join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** Row-major strides. */
export function stridesOf(shape: StaticShape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  return strides;
}

/** An axis counted from the front; negative ones count from the back. @throws ShapeError out of range. */
export function normalizeAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank) {
    throw new ShapeError(`axis ${axis} does not exist in a tensor of ${countOf(rank, 'axis', 'axes')}`, { argument: 'axis', received: axis });
  }
  return normal;
}

/** Shape of an elementwise operation over both (NumPy's broadcasting). @throws ShapeError if lengths clash. */
export function broadcastShapes(a: Shape, b: Shape): Dim[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new ShapeError(`shapes ${showShape(a)} and ${showShape(b)} cannot be broadcast together: ${show(left)} against ${show(right)}`, {
      received: [a, b],
    });
  });
}
