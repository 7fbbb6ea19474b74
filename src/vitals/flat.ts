import { type Activation, scalarForm } from '../activations.js';
import type { ScalarFunction } from '../graph/evaluate.js';
import { FLAT, largestSlope } from '../theory/mean-field.js';
import { type Sides, flatSides as sidesWhere } from '../theory/saturation.js';

/** Where an activation is flat: below `low` and above `high`; a unit whose every instance lies there no longer learns. */
export interface FlatSides extends Sides {
  /** Whether the slope there is exactly 0, so that nothing but its inputs' change can wake the unit. */
  readonly dead: boolean;
}

/**
 * The flat sides of an activation: slopes under 5 % of the largest, or, where leaky rectifiers have a larger one below 0, everything below 0.
 * Undefined where it has none, or is no function of one number.
 */
export function flatSides(activation: Activation): FlatSides | undefined {
  if (activation.name === 'linear') return undefined;
  const phi = scalarOf(activation);
  if (!phi) return undefined;
  const limit = FLAT * largestSlope(phi);
  const sides = sidesWhere((x) => Math.abs(phi.slope(x)) < limit);
  const { high } = sides;
  const low = activation.canComa && activation.saturates === 'none' ? 0 : sides.low;
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
