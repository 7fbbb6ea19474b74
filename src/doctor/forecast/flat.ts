import type { Activation } from '../../activations.js';
import type { ScalarFunction } from '../../graph/evaluate.js';
import { type FlatSide, silentProbability } from '../../theory/dead.js';
import { flatSides } from '../../theory/saturation.js';
import { batchLog, centred, type Signal } from '../../theory/signal.js';

/** Sides on which the slope is exactly 0. */
export function deadSides(activation: Activation, { slope }: ScalarFunction): FlatSide[] {
  if (!activation.canDie) return [];
  const { low, high } = flatSides((x) => slope(x) === 0);
  return [
    ...(Number.isFinite(low) ? [{ edge: low, side: 'left' as const }] : []),
    ...(Number.isFinite(high) ? [{ edge: high, side: 'right' as const }] : []),
  ];
}

/** Mean and variance of the numbers that a unit bends. */
export function normalOf(z: Signal): { readonly mean: number; readonly variance: number } {
  const square = Math.exp(Math.max(-600, Math.min(600, batchLog(z))));
  return { mean: z.meanShare * Math.sqrt(square), variance: Math.max(1e-12, 1 - z.meanShare ** 2) * square };
}

/** The share of units that are on a flat side for every one of some rows. */
export function silentShare(sides: readonly FlatSide[], z: Signal, rows: number): number {
  const inputs = { ...normalOf(z), correlation: centred(z), rows };
  return Math.min(
    1,
    sides.reduce((total, side) => total + silentProbability(side, inputs), 0),
  );
}
