import type { ScalarFunction } from '../graph/evaluate.js';
import { gaussianMean } from './quadrature.js';

/** A layer z = W h + b in the limit of large width: Var W = weightVariance / fan_in, Var b = biasVariance. */
export interface LayerVariances {
  /** σ_w². */
  readonly weightVariance: number;
  /** σ_b²; default 0. */
  readonly biasVariance?: number;
}

/** E[φ(√q z)²]: the mean square of a unit whose input has variance q. */
export function meanSquare(phi: ScalarFunction, q: number): number {
  return gaussianMean((x) => phi.value(x) ** 2, q);
}

/** E[φ'(√q z)²]: what a unit whose input has variance q makes of a gradient's mean square. */
export function meanSquareSlope(phi: ScalarFunction, q: number): number {
  return gaussianMean((x) => phi.slope(x) ** 2, q);
}

/**
 * The variance of the next layer's z where this one's is q: q' = σ_w² E[φ(√q z)²] + σ_b².
 * Poole et al., "Exponential expressivity in deep neural networks through transient chaos", 2016, equation 3.
 */
export function varianceMap(phi: ScalarFunction, { weightVariance, biasVariance = 0 }: LayerVariances, q: number): number {
  return weightVariance * meanSquare(phi, q) + biasVariance;
}

/** dq'/dq of the variance map, by the density's derivative, so that φ may jump. q > 0. */
export function varianceSlope(phi: ScalarFunction, { weightVariance }: LayerVariances, q: number): number {
  return (weightVariance * gaussianMean((x, z) => phi.value(x) ** 2 * (z * z - 1), q)) / (2 * q);
}

/**
 * χ = σ_w² E[φ'(√q z)²], by which a layer multiplies the gradient's variance on its way down: below 1 it vanishes, above 1 it explodes.
 * Schoenholz et al., "Deep information propagation", 2017, equation 7.
 */
export function gradientMap(phi: ScalarFunction, { weightVariance }: LayerVariances, q: number): number {
  return weightVariance * meanSquareSlope(phi, q);
}

/** 1 / |ln χ|: layers over which the gradient's variance changes by a factor e; Infinity where χ = 1. */
export function depthScale(chi: number): number {
  return 1 / Math.abs(Math.log(chi));
}

/** Below and above these a variance counts as 0 and as infinite: float32 cannot hold its signals much longer. */
const [LEAST, MOST] = [1e-30, 1e30];
/** Relative change of q at which it counts as kept. */
const KEPT = 1e-9;
/** Relative change of q that is no more than the rounding of quadrature: its sign says nothing. */
const NO_CHANGE = 1e-13;

/** Where the variance of a deep network's signals ends up. */
export interface FixedPoint {
  /** q*: 0 where signals die out, Infinity where they grow without end. */
  readonly q: number;
  /** Whether every q near the start is kept, as ReLU does with He weights; then q is the start. */
  readonly kept: boolean;
  /** χ at q*, or its limit on the way there. */
  readonly chi: number;
  /** dq'/dq at q*: below 1 the fixed point draws neighbours in; its limit where q* is 0 or infinite. */
  readonly slope: number;
}

/** The variance at which layers of one kind settle, from q = `start` (default 1). */
export function fixedPoint(phi: ScalarFunction, variances: LayerVariances, start = 1): FixedPoint {
  const change = (q: number): number => varianceMap(phi, variances, q) / q - 1;
  const at = (place: number, q = place, kept = false): FixedPoint => ({
    q,
    kept,
    chi: gradientMap(phi, variances, place),
    slope: varianceSlope(phi, variances, place),
  });
  const first = change(start);
  if (Math.abs(first) < KEPT) return at(start, start, Math.abs(change(2 * start)) < KEPT);
  const factor = first > 0 ? 4 : 1 / 4;
  let [inner, outer] = [start, start * factor];
  const goesOn = (q: number): boolean => {
    const next = change(q);
    return next > 0 === first > 0 || Math.abs(next) < NO_CHANGE;
  };
  while (goesOn(outer)) {
    if (outer < LEAST) return at(outer, 0);
    if (outer > MOST) return at(outer, Number.POSITIVE_INFINITY);
    [inner, outer] = [outer, outer * factor];
  }
  return at(bisect((q) => change(q) > 0 === first > 0, inner, outer));
}

/** The place between two positive numbers at which `holds`, true at `from`, has turned false; halving their ratio. */
export function bisect(holds: (q: number) => boolean, from: number, to: number): number {
  let [inside, outside] = [from, to];
  for (;;) {
    const middle = Math.sqrt(inside * outside);
    if (middle === inside || middle === outside || Math.abs(outside / inside - 1) < 1e-14) return outside;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
}

/** Weights and biases for which χ = 1 and q is kept. */
export interface CriticalPoint {
  readonly weightVariance: number;
  /** Below 0 there is no such layer: the weights alone already raise q. */
  readonly biasVariance: number;
  /** dq'/dq: above 1 a variance that strays from q strays further. */
  readonly slope: number;
}

/** Below this σ_b² is the rounding error of a difference. */
const ROUNDING = 1e-9;

/** Where χ = 1 at variance q: σ_w² = 1/E[φ'²], σ_b² = q − σ_w² E[φ²]. */
export function criticalPoint(phi: ScalarFunction, q: number): CriticalPoint {
  const weightVariance = 1 / meanSquareSlope(phi, q);
  const rest = q - weightVariance * meanSquare(phi, q);
  const biasVariance = Math.abs(rest) < ROUNDING * q ? 0 : rest;
  return { weightVariance, biasVariance, slope: varianceSlope(phi, { weightVariance }, q) };
}

/** Slopes below this share of the largest count as flat: where they are, an activation is saturated. */
export const FLAT = 0.05;

/** The largest |φ'|, over inputs of up to 30 and both sides of 0. */
export function largestSlope(phi: ScalarFunction): number {
  let largest = 0;
  for (let i = 0; i <= 600; i++) {
    const x = (i / 600) ** 2 * 30 + 1e-9;
    largest = Math.max(largest, Math.abs(phi.slope(x)), Math.abs(phi.slope(-x)));
  }
  return largest;
}

/** The share of entries whose slope is under 5 % of the largest where z has variance q. */
export function saturatedShare(phi: ScalarFunction, q: number): number {
  const limit = FLAT * largestSlope(phi);
  return gaussianMean((x) => (Math.abs(phi.slope(x)) < limit ? 1 : 0), q);
}
