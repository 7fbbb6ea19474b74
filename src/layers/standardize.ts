import type { Tensor } from '../graph/node.js';
import { add, div, mul, reduceMean, reduceSum, reshape, sizeAs, sqrt, square, sub, withGradient } from '../graph/ops/index.js';

/**
 * (x − mean) / √(variance + epsilon) over some axes.
 * Its gradient is (g − mean(g) − y · mean(g · y)) / √(variance + epsilon), in half the operators of the chain rule.
 */
export function standardize(x: Tensor, axes: readonly number[], epsilon: number): Tensor {
  const mean = (t: Tensor): Tensor => reduceMean(t, { axes, keepdims: true });
  const centred = sub(x, mean(x));
  const inverse = div(1, sqrt(add(mean(square(centred)), epsilon)));
  const y = mul(centred, inverse);
  return withGradient(y, [x], (dy) => [mul(sub(sub(dy, mean(dy)), mul(y, mean(mul(dy, y)))), inverse)]);
}

/** What was standardized by a batch, and the batch's moments. */
export interface StandardizedBatch {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Scale and shift of each feature. */
export interface Affine {
  readonly gamma: Tensor | undefined;
  readonly beta: Tensor | undefined;
}

/**
 * gamma · (x − mean) / √(variance + epsilon) + beta for each feature, the entries along the one axis that is not among `axes`; all vectors have its length.
 * The sums that gamma and beta need serve the gradient of x too (Ioffe and Szegedy 2015, section 3).
 */
export function standardizeFeatures(x: Tensor, axes: readonly number[], epsilon: number, { gamma, beta }: Affine): StandardizedBatch {
  const along = alongFeatures(x, axes);
  const mean = reduceMean(x, { axes });
  const centred = sub(x, along(mean));
  const variance = reduceMean(square(centred), { axes });
  const inverse = div(1, sqrt(add(variance, epsilon)));
  const factor = gamma ? mul(gamma, inverse) : inverse;
  const scaled = mul(centred, along(factor));
  const y = withGradient(beta ? add(scaled, along(beta)) : scaled, [x, ...(gamma ? [gamma] : []), ...(beta ? [beta] : [])], (dy) => {
    const shift = reduceSum(dy, { axes });
    const share = div(sizeAs(shift, x.dtype), sizeAs(dy, x.dtype));
    const scale = mul(reduceSum(mul(dy, centred), { axes }), inverse);
    const tilted = mul(centred, along(mul(scale, mul(inverse, share))));
    const dx = mul(sub(sub(dy, along(mul(shift, share))), tilted), along(factor));
    return [dx, ...(gamma ? [scale] : []), ...(beta ? [shift] : [])];
  });
  return { y, mean, variance };
}

/** Lays a vector of features along their axis of `x`. */
export function alongFeatures(x: Tensor, axes: readonly number[]): (vector: Tensor) => Tensor {
  const lengths = x.shape.map((dim, i) => (axes.includes(i) ? 1 : (dim as number)));
  const from = lengths.findIndex((_, i) => !axes.includes(i));
  return (vector) => reshape(vector, lengths.slice(Math.max(0, from)));
}
