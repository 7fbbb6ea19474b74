import { ArgumentError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import { type StaticShape, showShape, sizeOf } from '../core/shape.js';
import type { Initializer } from './initializer.js';

/** @throws ArgumentError unless a shape has as many axes. */
export function requireAxes(initializer: string, shape: StaticShape, least: number, most: number, advice: string): void {
  if (shape.length >= least && shape.length <= most) return;
  const expected = least === most ? `${least} axes` : `at least ${least} axes`;
  throw new ArgumentError(`initializer '${initializer}' needs ${expected}, got the shape ${showShape(shape)}; ${advice}`, {
    argument: 'shape',
    received: shape,
    expected,
  });
}

/** The longer side of the matrix that `orthogonal` makes of a shape: entries of it have a mean square of gain² / its length. */
export function longerSide(shape: StaticShape): number {
  const columns = Math.max(1, shape.at(-1) ?? 1);
  return Math.max(columns, sizeOf(shape) / columns);
}

/** `gain` times a matrix with orthonormal columns, or rows where it has fewer rows; all axes but the last make up the rows. */
export function orthogonal(gain: number): Initializer['sample'] {
  return (shape, random) => {
    requireAxes('orthogonal', shape, 2, Number.POSITIVE_INFINITY, 'use it for kernels, not for biases');
    const columns = shape.at(-1) ?? 0;
    const size = sizeOf(shape);
    return size === 0 ? new Float64Array(0) : orthonormal(size / columns, columns, random).map((value) => gain * value);
  };
}

/** `gain` times a matrix [in, out] with orthonormal rows or columns in the middle of the receptive field, 0 elsewhere. */
export function deltaOrthogonal(gain: number): Initializer['sample'] {
  return (shape, random) => {
    requireAxes('deltaOrthogonal', shape, 2, Number.POSITIVE_INFINITY, 'use it for kernels [...receptive field, in, out]');
    const [rows, columns] = shape.slice(-2) as [number, number];
    const field = shape.slice(0, -2);
    const middle = field.reduce((at, length) => at * length + ((length - 1) >> 1), 0);
    const values = new Float64Array(sizeOf(shape));
    if (values.length > 0)
      values.set(
        orthonormal(rows, columns, random).map((value) => gain * value),
        middle * rows * columns,
      );
    return values;
  };
}

/**
 * A matrix with orthonormal rows (fewer rows than columns) or columns, uniform over all of them (Haar's measure): the product of
 * reflections whose vectors are normal, which is the Q of a normal matrix with the signs of R's diagonal moved into it, without the
 * factorization (Stewart, "The efficient generation of random orthogonal matrices", SIAM J. Numer. Anal. 17, 1980).
 */
function orthonormal(rows: number, columns: number, random: Random): Float64Array {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors = Array.from({ length: count }, () => new Float64Array(length));
  const reflections = vectors.map((vector, k) => {
    const normal = Float64Array.from({ length: length - k }, () => random.normal());
    const norm = Math.sqrt(normal.reduce((sum, x) => sum + x * x, 0));
    const first = normal[0] ?? 0;
    const sign = first < 0 ? -1 : 1;
    vector[k] = -sign;
    normal[0] = first + sign * norm;
    return { k, normal, square: 2 * norm * (norm + Math.abs(first)) };
  });
  for (const { k, normal, square } of reflections.reverse()) {
    for (const vector of vectors.slice(k)) reflect(vector.subarray(k), normal, square);
  }
  const values = new Float64Array(rows * columns);
  vectors.forEach((vector, k) => {
    if (rows < columns) values.set(vector, k * columns);
    else for (let row = 0; row < rows; row++) values[row * columns + k] = vector[row] ?? 0;
  });
  return values;
}

/** Mirrors `vector` at the plane whose normal (squared length `square`) is given, in place. */
function reflect(vector: Float64Array, normal: Float64Array, square: number): void {
  let product = 0;
  for (let i = 0; i < vector.length; i++) product += (vector[i] ?? 0) * (normal[i] ?? 0);
  const factor = (2 * product) / square;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) - factor * (normal[i] ?? 0);
}
