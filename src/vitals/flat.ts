import { type Activation, scalarForm } from '../activations.js';
import type { ScalarFunction } from '../graph/evaluate.js';
import { FLAT, largestSlope } from '../theory/mean-field.js';

/** Where an activation is flat: below `low` and above `high`; a unit whose every instance lies there no longer learns. */
export interface FlatSides {
  /** −Infinity where the left side is not flat. */
  readonly low: number;
  /** Infinity where the right side is not flat. */
  readonly high: number;
  /** Whether the slope there is exactly 0, so that nothing but its inputs' change can wake the unit. */
  readonly dead: boolean;
}

/** Farthest sums at which slopes are looked at, and how finely: bends of activations are wider than a step, which halving makes exact. */
const [FARTHEST, STEPS] = [30, 600];

/**
 * The flat sides of an activation: slopes under 5 % of the largest, or, where leaky rectifiers have a larger one below 0, everything below 0.
 * Undefined where it has none, or is no function of one number.
 */
export function flatSides(activation: Activation): FlatSides | undefined {
  if (activation.name === 'linear') return undefined;
  const phi = scalarOf(activation);
  if (!phi) return undefined;
  const limit = FLAT * largestSlope(phi);
  const flat = (x: number): boolean => Math.abs(phi.slope(x)) < limit;
  const low = activation.canComa && activation.saturates === 'none' ? 0 : flatUpTo(flat);
  const high = -flatUpTo((x) => flat(-x));
  if (low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY) return undefined;
  const beyond = [...(Number.isFinite(low) ? [low - 1] : []), ...(Number.isFinite(high) ? [high + 1] : [])];
  return { low, high, dead: activation.canDie && beyond.every((x) => phi.slope(x) === 0) };
}

/** The function of one number that an activation is, where it is one. */
export function scalarOf(activation: Activation): ScalarFunction | undefined {
  try {
    return scalarForm(activation);
  } catch {
    return undefined;
  }
}

/** Where the flat region that comes from −∞ ends; −Infinity where there is none. */
function flatUpTo(flat: (x: number) => boolean): number {
  if (!flat(-FARTHEST)) return Number.NEGATIVE_INFINITY;
  let [inside, outside] = [-FARTHEST, Number.NaN];
  for (let i = 1; i <= 2 * STEPS && Number.isNaN(outside); i++) {
    const x = -FARTHEST + (i * FARTHEST) / STEPS;
    if (flat(x)) inside = x;
    else outside = x;
  }
  if (Number.isNaN(outside)) return Number.NEGATIVE_INFINITY;
  while (outside - inside > 1e-9) {
    const middle = (inside + outside) / 2;
    if (flat(middle)) inside = middle;
    else outside = middle;
  }
  return Math.abs(outside) < 1e-6 ? 0 : outside;
}
