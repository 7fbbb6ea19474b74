import { NdArray } from '../core/ndarray.js';
import { sizeOf, type StaticShape } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import { cast, concat, div, gather, pad, reduceSum, reshape, sqrt, square } from '../graph/ops/index.js';

/** A trained array as training keeps it: one, several stacked along a first axis, or vectors end to end. */
export interface KeptArray {
  readonly kind: 'single' | 'stacked' | 'packed';
  /** Shapes of the arrays in it, in order. */
  readonly parts: readonly StaticShape[];
}

/** Root mean square of every array in it, as a float64 vector in the order of its parts. */
export function rmsOf({ kind, parts }: KeptArray, x: Tensor): Tensor {
  const squares = square(cast(x, 'float64'));
  if (kind === 'single') return sqrt(reshape(div(reduceSum(squares), sizeOf(parts[0] ?? [])), [1]));
  if (kind === 'stacked') {
    const axes = x.shape.map((_, axis) => axis).slice(1);
    return sqrt(div(reduceSum(squares, { axes }), sizeOf(parts[0] ?? [])));
  }
  const sizes = parts.map(sizeOf);
  const counts = constant(new NdArray(Float64Array.from(sizes), [sizes.length]));
  return sqrt(div(reduceSum(pieces(squares, sizes), { axes: [1] }), counts));
}

/** [pieces, longest]: a vector's pieces as rows, filled up with zeros. */
function pieces(x: Tensor, sizes: readonly number[]): Tensor {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const longest = Math.max(...sizes);
  const places = new BigInt64Array(sizes.length * longest).fill(BigInt(total));
  let start = 0;
  sizes.forEach((size, row) => {
    for (let i = 0; i < size; i++) places[row * longest + i] = BigInt(start + i);
    start += size;
  });
  return gather(pad(x, { axis: 0, before: 0, after: 1 }), constant(new NdArray(places, [sizes.length, longest])));
}

/** Vectors end to end. */
export function endToEnd(vectors: readonly Tensor[]): Tensor {
  return vectors.length === 1 ? (vectors[0] as Tensor) : concat(vectors, 0);
}
