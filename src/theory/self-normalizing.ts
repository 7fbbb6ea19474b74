import type { ScalarFunction } from '../graph/evaluate.js';
import { gaussianMean } from './quadrature.js';

/** Mean and variance of a layer's signal. */
export interface MeanAndVariance {
  readonly mean: number;
  readonly variance: number;
}

/** Sum and sum of squares of the weights of one unit. */
export interface WeightSums {
  /** ω = Σ w; default 0. */
  readonly sum?: number;
  /** τ = Σ w²; default 1. */
  readonly squares?: number;
}

/**
 * Mean and variance one layer on: z ~ N(μω, ντ), and φ(z)'s. Klambauer et al., "Self-normalizing neural networks", 2017, equation 3.
 */
export function momentMap(phi: ScalarFunction, { mean, variance }: MeanAndVariance, { sum = 0, squares = 1 }: WeightSums = {}): MeanAndVariance {
  const shift = mean * sum;
  const average = (power: number): number => gaussianMean((x) => phi.value(shift + x) ** power, variance * squares);
  const first = average(1);
  return { mean: first, variance: average(2) - first ** 2 };
}

/** [[∂μ'/∂μ, ∂μ'/∂ν], [∂ν'/∂μ, ∂ν'/∂ν]] of the moment map, by the derivatives of the normal density. */
export type MomentJacobian = readonly [readonly [number, number], readonly [number, number]];

export function momentJacobian(phi: ScalarFunction, { mean, variance }: MeanAndVariance, { sum = 0, squares = 1 }: WeightSums = {}): MomentJacobian {
  const shift = mean * sum;
  const v = variance * squares;
  const by = (power: number, factor: (z: number) => number): number => gaussianMean((x, z) => phi.value(shift + x) ** power * factor(z), v);
  const ofMean = (power: number): number => (sum * by(power, (z) => z)) / Math.sqrt(v);
  const ofVariance = (power: number): number => (squares * by(power, (z) => z * z - 1)) / (2 * v);
  const first = by(1, () => 1);
  return [
    [ofMean(1), ofVariance(1)],
    [ofMean(2) - 2 * first * ofMean(1), ofVariance(2) - 2 * first * ofVariance(1)],
  ];
}

/** The largest singular value: below 1 the map draws neighbours in. */
export function spectralNorm([[a, b], [c, d]]: MomentJacobian): number {
  const [squares, determinant] = [a * a + b * b + c * c + d * d, a * d - b * c];
  return Math.sqrt((squares + Math.sqrt(Math.max(0, squares ** 2 - 4 * determinant ** 2))) / 2);
}
