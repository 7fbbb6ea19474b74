import { gaussianMean } from './quadrature.js';

/**
 * The probability that a ReLU network with zero biases and symmetric weights gives one constant for one input: 1 − (1 − 2^−N)^(L−1), for `hidden` = L − 1
 * hidden layers of width N. Exact for one input; an upper bound over a line of inputs.
 * Lu et al., "Dying ReLU and initialization: theory and numerical examples", 2019, theorem 3.
 */
export function bornDeadProbability({ width, hidden }: { readonly width: number; readonly hidden: number }): number {
  return -Math.expm1(hidden * Math.log1p(-(2 ** -width)));
}

/** Abramowitz and Stegun 7.1.26 would give 7 digits; this is W. J. Cody's scheme in the form of a continued fraction and a series. */
export function normalCdf(x: number): number {
  if (x === 0) return 0.5;
  const size = Math.abs(x);
  const tail = size < 3 ? 0.5 - series(size) : fraction(size);
  return x < 0 ? tail : 1 - tail;
}

/** The integral of the density from 0 to x, by its series. */
function series(x: number): number {
  let [term, sum] = [x, x];
  for (let k = 1; Math.abs(term) > 1e-17 * sum; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return sum * density(x);
}

/** The upper tail, by Laplace's continued fraction. */
function fraction(x: number): number {
  let below = x;
  for (let k = 120; k > 0; k--) below = x + k / below;
  return density(x) / below;
}

const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

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
  return gaussianMean((_, t) => normalCdf((distance - Math.sqrt(c) * t) / Math.sqrt(1 - c)) ** rows, 1);
}
