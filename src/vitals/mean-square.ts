import type { Tensor } from '../graph/node.js';
import { cast, div, gemm, mul, reduceMean, reshape, sizeAs } from '../graph/ops/index.js';

/** Mean square of each row of a matrix [n, entries], in float64: float32 has no room for squares below 1e-38, and gradients that vanish go there. */
export function meanSquares(x: Tensor): Tensor {
  return plainMeanSquares(cast(x, 'float64'));
}

/** The same in the matrix's own type, for numbers of ordinary size. One row by itself is fastest as a product. */
export function plainMeanSquares(x: Tensor): Tensor {
  if (x.shape[0] !== 1) return reduceMean(mul(x, x), { axes: [1] });
  return div(reshape(gemm(x, x, undefined, { transB: true }), [1]), sizeAs(x, x.dtype));
}
