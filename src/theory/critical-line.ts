import type { ScalarFunction } from '../graph/evaluate.js';
import { bisect, type CriticalPoint, criticalPoint } from './mean-field.js';

/** A point of the critical line with the variance that it keeps. */
export interface CriticalLinePoint extends CriticalPoint {
  /** q*. */
  readonly q: number;
}

const LEAST = 1e-12;
const STEP = 4;
const MOST = 1e12;

/**
 * The point of the line χ = 1 that has the given σ_b², from small variances on; undefined where the line has none.
 * Parametrized by q: σ_w² = 1/E[φ'²], σ_b² = q − σ_w² E[φ²]. biasVariance > 0.
 */
export function criticalLine(phi: ScalarFunction, biasVariance: number): CriticalLinePoint | undefined {
  const reaches = (q: number): boolean => criticalPoint(phi, q).biasVariance >= biasVariance;
  let high = LEAST;
  while (!reaches(high)) {
    high *= STEP;
    if (high > MOST) return undefined;
  }
  const q = bisect((below) => !reaches(below), high / STEP, high);
  return { q, ...criticalPoint(phi, q) };
}
