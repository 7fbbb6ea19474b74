import { normalCdf } from './normal.js';
import { normalRule } from './quadrature.js';

/**
 * The probability that a ReLU network with zero biases and symmetric weights gives one constant for one input: 1 − (1 − 2^−N)^(L−1), for `hidden` = L − 1
 * hidden layers of width N. Exact for one input; an upper bound over a line of inputs.
 * Lu et al., "Dying ReLU and initialization: theory and numerical examples", 2019, theorem 3.
 */
export function bornDeadProbability({ width, hidden }: { readonly width: number; readonly hidden: number }): number {
  return -Math.expm1(hidden * Math.log1p(-(2 ** -width)));
}

/** Where a unit's input is flat, and how it is spread. */
export interface FlatSide {
  /** The slope is 0 at and below this (`left`), or at and above (`right`). */
  readonly edge: number;
  readonly side: 'left' | 'right';
}

/** Inputs of one unit over a batch. */
export interface BatchOfInputs {
  readonly mean: number;
  readonly variance: number;
  /** Correlation between two rows. */
  readonly correlation: number;
  readonly rows: number;
}

/** The probability that a unit's inputs lie on one flat side for every row of a batch: normal numbers of equal correlation. */
export function silentProbability({ edge, side }: FlatSide, { mean, variance, correlation, rows }: BatchOfInputs): number {
  const distance = ((side === 'left' ? 1 : -1) * (edge - mean)) / Math.sqrt(variance);
  const c = Math.min(1, Math.max(0, correlation));
  if (c > 1 - 1e-9) return normalCdf(distance);
  if (rows === 1) return normalCdf(distance);
  // Steep where what rows share alone decides.
  const { nodes, weights } = normalRule(c > 0 ? [distance / Math.sqrt(c)] : []);
  return nodes.reduce((total, t, i) => total + (weights[i] ?? 0) * normalCdf((distance - Math.sqrt(c) * t) / Math.sqrt(1 - c)) ** rows, 0);
}
