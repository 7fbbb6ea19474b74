import type { Role } from '../../vitals/facts.js';

/** A number with the interval in which 95 % of single draws of the weights lie; the value is the geometric mean over draws. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What theory predicts for one use of a layer. Absent values are unknown, or do not apply to such a layer. */
export interface LayerForecast {
  readonly name: string;
  /** Uses of one layer share it. */
  readonly layer: string;
  readonly kind: string;
  readonly role: Role;
  /** Whether theory covers the input or output of this use. */
  readonly known: boolean;
  /** What is unknown, and why. */
  readonly why?: string;
  readonly fanIn?: number;
  readonly fanOut?: number;
  /** Name of its kernel initializer, and of the one that matches its activation. */
  readonly initializer?: string;
  readonly suits?: string;
  /** Mean square of z in the limit of a large batch. */
  readonly q?: number;
  /** Of what its activation receives, and of what it gives: root mean square over a batch and units; mean. */
  readonly zRms?: Estimate;
  readonly hRms?: Estimate;
  readonly hMean?: number;
  /** χ = fan_in · E[w²] · E[φ'²]. */
  readonly chi?: number;
  /** Of a layer that carries a state along a sequence: units · E[u²] · E[φ'²] at its last step, and RMS of ∂L/∂z at its first step over that at its last, whose output alone is used. */
  readonly alongTime?: { readonly chi: number; readonly gradient: number; readonly steps: number };
  /** Of an attention layer: deviation of a query's scores over the steps, how many steps it looks at, 1 / Σ a², and how many there are. */
  readonly attention?: { readonly scoreDeviation: number; readonly lookedAt: number; readonly steps: number };
  /** RMS of z over that of the nearest earlier use that sums by weights. */
  readonly forwardGain?: Estimate;
  /** RMS of ∂L/∂z over that of the nearest later use that sums by weights. */
  readonly backwardGain?: Estimate;
  /** RMS of ∂L/∂z over that at the last hidden use that sums by weights. */
  readonly gradient?: Estimate;
  /** Share of entries whose slope is below 5 % of the maximum. */
  readonly saturated?: number;
  /** Expected share of units whose slope is 0 for every row of a minibatch, and for one row. */
  readonly dead?: number;
  readonly silent?: number;
}
