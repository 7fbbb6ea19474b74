import type { ScalarFunction } from '../graph/evaluate.js';
import { normalRule } from './quadrature.js';

/** Terms of a spectrum; what is left goes into the last one, so that their sum is exact. */
const TERMS = 48;

/**
 * Coefficients of a function of a standard normal number by Hermite's polynomials, squared: E[f(u) f(v)] = Σ aₖ² cᵏ for normal u and v of
 * correlation c.
 */
export type Spectrum = Float64Array;

/** Σ aₖ² cᵏ from term `from` on (default 0): E[f(u) f(v)] at correlation c; without term 0, their covariance. */
export function atCorrelation(spectrum: Spectrum, c: number, from = 0): number {
  let sum = 0;
  for (let k = spectrum.length - 1; k >= from; k--) sum = sum * c + (spectrum[k] ?? 0);
  return sum * c ** from;
}

/** What a function makes of a normal number x ~ N(mean, variance), and its slope of a gradient. */
export interface Profile {
  /** E[φ], E[φ²], E[φ'²]. */
  readonly mean: number;
  readonly square: number;
  readonly slopeSquare: number;
  /** E[φ⁴] / E[φ²]², E[φ'⁴] / E[φ'²]². */
  readonly kurtosis: number;
  readonly slopeKurtosis: number;
  /** Of φ, φ', φ² / E[φ²] and φ'² / E[φ'²]. */
  readonly value: Spectrum;
  readonly slope: Spectrum;
  readonly squares: Spectrum;
  readonly slopeSquares: Spectrum;
  /** E[z² φ'²] / E[φ'²], z = (x − mean) / deviation. */
  readonly steepness: number;
  /** E[φ² φ'²] / (E[φ²] E[φ'²]). */
  readonly overlap: number;
  /** Coefficient of φ² / E[φ²] at Hermite's second polynomial, with its sign: √2 for the identity. */
  readonly quadratic: number;
}

/** Places where activations bend or jump. */
const BENDS = [0, 1 / 4, 1 / 2, 1, 2, 3, 6, 16].flatMap((x) => (x === 0 ? [0] : [-x, x]));

/** The profile of a function under N(mean, variance). variance > 0. */
export function profile(phi: ScalarFunction, mean: number, variance: number): Profile {
  const deviation = Math.sqrt(variance);
  const { nodes, weights } = normalRule(BENDS.map((x) => (x - mean) / deviation));
  const values = nodes.map((z) => phi.value(mean + deviation * z));
  const slopes = nodes.map((z) => phi.slope(mean + deviation * z));
  const average = (of: Float64Array, power: number): number => of.reduce((sum, x, i) => sum + (weights[i] ?? 0) * x ** power, 0);
  const [square, slopeSquare] = [average(values, 2), average(slopes, 2)];
  const quarticOf = (of: Float64Array, second: number): number => (second > 0 ? average(of, 4) / second ** 2 : 1);
  const [kurtosis, slopeKurtosis] = [quarticOf(values, square), quarticOf(slopes, slopeSquare)];
  const slopeMean = (factor: (i: number) => number): number =>
    slopeSquare > 0 ? slopes.reduce((sum, x, i) => sum + (weights[i] ?? 0) * x * x * factor(i), 0) / slopeSquare : 1;
  const part = (of: Float64Array, whole: number): Float64Array => of.map((x) => (whole > 0 ? x ** 2 / whole : 0));
  const [value, slope, squares, slopeSquares] = coefficients([values, slopes, part(values, square), part(slopes, slopeSquare)], nodes, weights) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return {
    mean: value[0] ?? 0,
    square,
    slopeSquare,
    kurtosis,
    slopeKurtosis,
    steepness: slopeMean((i) => (nodes[i] ?? 0) ** 2),
    overlap: square > 0 ? slopeMean((i) => (values[i] ?? 0) ** 2) / square : 1,
    quadratic: squares[2] ?? 0,
    value: spectrum(value, square),
    slope: spectrum(slope, slopeSquare),
    squares: spectrum(squares, kurtosis),
    slopeSquares: spectrum(slopeSquares, slopeKurtosis),
  };
}

const ROOTS = Float64Array.from({ length: TERMS + 1 }, (_, k) => Math.sqrt(k));

/** Coefficients of functions, given at a rule's nodes, by orthonormal Hermite polynomials: √(k+1) Hₖ₊₁ = z Hₖ − √k Hₖ₋₁. */
function coefficients(functions: readonly Float64Array[], nodes: Float64Array, weights: Float64Array): Float64Array[] {
  const found = functions.map(() => new Float64Array(TERMS));
  const hermite = new Float64Array(TERMS);
  for (let i = 0; i < nodes.length; i++) {
    const [z, weight] = [nodes[i] ?? 0, weights[i] ?? 0];
    let [before, now] = [0, weight];
    for (let k = 0; k < TERMS; k++) {
      hermite[k] = now;
      const next = (z * now - (ROOTS[k] ?? 0) * before) / (ROOTS[k + 1] ?? 1);
      before = now;
      now = next;
    }
    for (let f = 0; f < functions.length; f++) {
      const at = functions[f]?.[i] ?? 0;
      const into = found[f];
      if (at === 0 || !into) continue;
      for (let k = 0; k < TERMS; k++) into[k] = (into[k] ?? 0) + at * (hermite[k] ?? 0);
    }
  }
  return found;
}

function spectrum(found: Float64Array, whole: number): Spectrum {
  const squared = found.map((a) => a * a);
  const rest = whole - squared.reduce((sum, x) => sum + x, 0);
  const last = TERMS - 1;
  squared[last] = Math.max(0, (squared[last] ?? 0) + rest);
  return squared;
}
