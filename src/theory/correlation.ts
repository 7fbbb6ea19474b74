import type { ScalarFunction } from '../graph/evaluate.js';
import type { LayerVariances } from './mean-field.js';
import { atCorrelation, type Profile, profile } from './profile.js';

/** How two signals approach or leave each other with depth, where both have the variance q. */
export interface CorrelationPoint {
  /** c*: the correlation at which pairs of signals settle; 1 in the ordered phase, below 1 in the chaotic one. */
  readonly correlation: number;
  /** χ at c*: σ_w² E[φ'(u) φ'(v)], by which a layer multiplies a pair's distance from c*. */
  readonly chi: number;
  /** ξ = −1 / ln χ, layers over which that distance falls by e; Infinity where χ is 1. */
  readonly depth: number;
}

/**
 * The correlation of two units' inputs one layer on: c' = (σ_w² E[φ(u) φ(v)] + σ_b²) / q', for u, v of variance q and correlation c.
 * Poole et al. 2016, equation 5.
 */
export function correlationMap(phi: ScalarFunction, variances: LayerVariances, q: number, c: number): number {
  return mapFor(profile(phi, 0, q), variances)(c);
}

function mapFor({ value, square }: Profile, { weightVariance, biasVariance = 0 }: LayerVariances): (c: number) => number {
  const whole = weightVariance * square + biasVariance;
  return (c) => (weightVariance * atCorrelation(value, c) + biasVariance) / whole;
}

/** Steps after which halving has found c* to float64. */
const HALVINGS = 60;
/** A χ this close to 1 is 1 up to the rounding of quadrature. */
const ROUNDING = 1e-9;

/**
 * Where the correlation map settles from below, its slope there, and ξ. Schoenholz et al., "Deep information propagation", 2017, equations 8 and 9.
 * q > 0: the variance at which signals have settled.
 */
export function correlationPoint(phi: ScalarFunction, variances: LayerVariances, q: number): CorrelationPoint {
  const found = profile(phi, 0, q);
  const map = mapFor(found, variances);
  const { weightVariance, biasVariance = 0 } = variances;
  // At q*, q' is q; elsewhere the quotient keeps the slope that of the map of correlations.
  const scale = (weightVariance * q) / (weightVariance * found.square + biasVariance);
  const slopeAt = (c: number): number => scale * atCorrelation(found.slope, c);
  const chaotic = slopeAt(1) > 1 + ROUNDING;
  const correlation = chaotic ? lowestFixed(map) : 1;
  const chi = slopeAt(correlation);
  return { correlation, chi, depth: chi <= 0 ? 0 : Math.abs(chi - 1) < ROUNDING ? Number.POSITIVE_INFINITY : -1 / Math.log(chi) };
}

/** The map grows and is convex on [0, 1]: below c* it lies above the diagonal, between c* and 1 below it. */
function lowestFixed(map: (c: number) => number): number {
  let [low, high] = [0, 1 - 1e-9];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (map(middle) > middle) low = middle;
    else high = middle;
  }
  return low;
}

/** Depths up to this many ξ can be trained. Schoenholz et al. 2017, section 5. */
const TRAINABLE = 6;

/** Layers up to which a network of such layers can be trained: about 6 ξ. */
export function trainableDepth(point: CorrelationPoint): number {
  return TRAINABLE * point.depth;
}
