import type { Estimate } from './layer-forecast.js';

/** A number of a table, to three digits. */
export function short(value: number): string {
  if (value !== 0 && (Math.abs(value) >= 1e4 || Math.abs(value) < 1e-3)) return value.toExponential(1);
  return value.toPrecision(3);
}

/** An estimate with its interval; empty where there is none. */
export function ranged(estimate: Estimate | undefined): string {
  return estimate ? `${short(estimate.value)} [${short(estimate.low)}, ${short(estimate.high)}]` : '';
}
