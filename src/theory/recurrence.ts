import type { Bend } from './bend.js';
import { mixed } from './layers.js';
import { type Bending, bend, type Signal, type Summing, sum } from './signal.js';

/** What a state that a layer carries along a sequence does to signals and gradients. */
export interface Walked {
  /** Sums: their mean square is that of all steps. */
  readonly z: Signal;
  /** What comes out at the last step. */
  readonly bending: Bending;
  /** units · E[u²] · E[φ'²] at the last step: what a gradient's mean square is multiplied by from one step to the one before. */
  readonly chi: number;
  /** RMS of ∂L/∂z at the first step over that at the last, where only the last one enters the loss. */
  readonly gradient: number;
}

/**
 * z_t = W x_t + U h_{t−1} + b and h_t = φ(z_t), from a state of 0, over steps whose inputs are of one size and have nothing in common. As if each step drew its own U:
 * to first order the same, as long as units are many. Chen, Pennington and Schoenholz, "Dynamical isometry and a mean field theory of RNNs", 2018, section 3.
 */
export function walked(x: Signal, input: Summing, state: Summing, table: Bend, steps: number): Walked {
  const entering = sum(x, input);
  const factorAt = (z: Signal): number => state.fanIn * state.weightSquare * Math.exp(table.logSlope(z.log, z.meanShare));
  let z = entering;
  let bending = bend(table, z);
  let log = 0;
  let squares = Math.exp(z.log);
  for (let step = 1; step < steps; step++) {
    // The loss reaches this step by the way of the next one.
    log += Math.log(factorAt(z));
    z = mixed([entering, sum(bending.signal, state)], [1, 1]).signal;
    bending = bend(table, z);
    squares += Math.exp(z.log);
  }
  return { z: { ...z, log: Math.log(squares / steps) }, bending, chi: factorAt(z), gradient: Math.exp(log / 2) };
}
