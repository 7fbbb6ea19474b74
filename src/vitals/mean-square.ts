import type { Tensor } from '../graph/node.js';
import { and, cast, concat, dimOf, div, gemm, greater, ifElse, less, mul, reduceMax, reduceMean, reduceMin, reshape } from '../graph/ops/index.js';

/** Mean squares between which float32 has room for the squares: below, the small ones among them are lost, above, their sum overflows. */
const [LEAST, MOST] = [1e-28, 1e30];

/**
 * Mean square of each row of several matrices [n, entries] of one type, end to end, those of one row first, in float64. Where float32 has no room for
 * some of the squares, as where signals or gradients vanish or explode, all are made again in float64.
 */
export function meanSquares(matrices: readonly Tensor[]): Tensor {
  const means = plainMeansOf(matrices);
  if (means.dtype === 'float64') return means;
  const roomy = and(greater(reduceMin(means), LEAST), less(reduceMax(means), MOST));
  const [result] = ifElse(
    roomy,
    () => [cast(means, 'float64')],
    () => [plainMeansOf(matrices.map((x) => cast(x, 'float64')))],
  );
  return result as Tensor;
}

/** Whether a matrix has one row: it is squared fastest as a product. */
export const isRow = (x: Tensor): boolean => x.shape[0] === 1;

/** The same of numbers of ordinary size, in their own type. */
function plainMeansOf(matrices: readonly Tensor[]): Tensor {
  const single = matrices.filter(isRow);
  const others = matrices.filter((x) => !isRow(x)).map(plainMeanSquares);
  return endToEnd([...(single.length > 0 ? [meansOfRows(single)] : []), ...others]);
}

/** The same of one matrix. */
export function plainMeanSquares(x: Tensor): Tensor {
  return isRow(x) ? meansOfRows([x]) : reduceMean(mul(x, x), { axes: [1] });
}

/** The same of matrices of one row each, divided by their lengths at once: small operators cost what calling them costs. */
function meansOfRows(rows: readonly Tensor[]): Tensor {
  const sums = rows.map((x) => gemm(x, x, undefined, { transB: true }));
  const lengths = endToEnd(rows.map((x) => dimOf(x, 1)));
  return div(reshape(endToEnd(sums), [rows.length]), cast(lengths, rows[0]?.dtype ?? 'float32'));
}

/** Vectors, or matrices, one behind the other. */
export function endToEnd(vectors: readonly Tensor[]): Tensor {
  return vectors.length === 1 ? (vectors[0] as Tensor) : concat(vectors, 0);
}
