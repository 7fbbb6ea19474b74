import type { Tensor } from '../graph/node.js';
import { and, cast, concat, div, gemm, greater, ifElse, less, mul, reduceMax, reduceMean, reduceMin, reshape, sizeAs } from '../graph/ops/index.js';

/** Mean squares between which float32 has room for the squares: below, the small ones among them are lost, above, their sum overflows. */
const [LEAST, MOST] = [1e-28, 1e30];

/**
 * Mean square of each row of several matrices [n, entries] of one type, end to end, in float64. Where float32 has no room for some of the squares, as where signals or
 * gradients vanish or explode, all are made again in float64.
 */
export function meanSquares(matrices: readonly Tensor[]): Tensor {
  const means = endToEnd(matrices.map(plainMeanSquares));
  if (means.dtype === 'float64') return means;
  const roomy = and(greater(reduceMin(means), LEAST), less(reduceMax(means), MOST));
  const [result] = ifElse(
    roomy,
    () => [cast(means, 'float64')],
    () => [endToEnd(matrices.map((x) => plainMeanSquares(cast(x, 'float64'))))],
  );
  return result as Tensor;
}

/** The same of one matrix in its own type, for numbers of ordinary size. One row by itself is fastest as a product. */
export function plainMeanSquares(x: Tensor): Tensor {
  if (x.shape[0] !== 1) return reduceMean(mul(x, x), { axes: [1] });
  return div(reshape(gemm(x, x, undefined, { transB: true }), [1]), sizeAs(x, x.dtype));
}

/** Vectors one behind the other. */
export function endToEnd(vectors: readonly Tensor[]): Tensor {
  return vectors.length === 1 ? (vectors[0] as Tensor) : concat(vectors, 0);
}
