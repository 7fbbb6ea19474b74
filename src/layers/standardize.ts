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

/** Mean and variance of each feature, as tensors. */
export interface FeatureMoments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Scale and shift of each feature. */
export interface Affine {
  readonly gamma: Tensor | undefined;
  readonly beta: Tensor | undefined;
}

/** y = gamma · (x − mean) / √(variance + epsilon) + beta, and what it is made of. */
interface StandardizedBy {
  readonly y: Tensor;
  readonly centred: Tensor;
  /** 1 / √(variance + epsilon). */
  readonly inverse: Tensor;
  /** gamma / √(variance + epsilon). */
  readonly factor: Tensor;
}

/** Standardizes each feature, the entries along the one axis that is not among `axes`, by given moments; all vectors have the length of that axis. */
export function standardizeBy(
  { mean, variance }: FeatureMoments,
  x: Tensor,
  axes: readonly number[],
  epsilon: number,
  { gamma, beta }: Affine,
): StandardizedBy {
  const along = alongFeatures(x, axes);
  const centred = sub(x, along(mean));
  const inverse = div(1, sqrt(add(variance, epsilon)));
  const factor = gamma ? mul(gamma, inverse) : inverse;
  const scaled = mul(centred, along(factor));
  return { y: beta ? add(scaled, along(beta)) : scaled, centred, inverse, factor };
}

/**
 * The same by the moments of `x` itself.
 * The sums that gamma and beta need serve the gradient of x too (Ioffe and Szegedy 2015, section 3).
 */
export function standardizeFeatures(x: Tensor, axes: readonly number[], epsilon: number, affine: Affine): FeatureMoments & { readonly y: Tensor } {
  const { gamma, beta } = affine;
  const along = alongFeatures(x, axes);
  const mean = reduceMean(x, { axes });
  const variance = reduceMean(square(sub(x, along(mean))), { axes });
  const { y: value, centred, inverse, factor } = standardizeBy({ mean, variance }, x, axes, epsilon, affine);
  const y = withGradient(value, [x, ...(gamma ? [gamma] : []), ...(beta ? [beta] : [])], (dy) => {
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
  return (vector) => reshape(vector, lengths.slice(from));
}
