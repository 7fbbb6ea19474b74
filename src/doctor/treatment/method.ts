import type { Random } from '../../core/random.js';
import type { NetworkFacts } from '../../vitals/facts.js';
import type { Examination } from '../examination.js';
import type { Patient } from './patient.js';

/** What remedies alter, as `keep` names it. */
export const alterables = [
  'data',
  'batchSize',
  'learningRate',
  'optimizer',
  'loss',
  'weights',
  'initializers',
  'regularization',
  'activations',
  'architecture',
] as const;
export type Alterable = (typeof alterables)[number];

/** What a remedy sees of a patient. */
export interface Chart {
  readonly patient: Patient;
  /** Of the patient's network: uses in the order of its calls. */
  readonly facts: NetworkFacts;
  /** The last look at it: one minibatch, or a run. */
  readonly examination: Examination;
  /** Steps of its whole training. */
  readonly steps: number;
  readonly random: Random;
  /** What must stay as it is, for remedies that could do without it. */
  readonly keep: readonly Alterable[];
}

/** A learning rate before and after; the highest of a schedule, where it follows one. */
export interface RateChange {
  readonly from: number;
  readonly to: number;
  readonly scheduled: boolean;
}

/** Units whose weights were drawn anew while the others of their layers stayed. */
export interface Revived {
  readonly units: number;
  readonly layers: readonly string[];
}

/** One way in which a remedy changes a patient. */
export interface Change {
  readonly patient: Patient;
  /** What it does, an imperative phrase with its numbers: `lower the learning rate from 1 to 0.1`. */
  readonly what: string;
  /** Where it changes the learning rate and no more. */
  readonly rate?: RateChange;
  /** Where it drew weights of single units anew, which no description tells. */
  readonly revived?: Revived;
  /** Ids of remedies that it makes needless. */
  readonly spares?: readonly string[];
}

/** How a remedy is applied. */
export interface Method {
  readonly alters: readonly Alterable[];
  /** Ids of remedies of which nothing is left once this one is applied. */
  readonly supersedes?: readonly string[];
  /** Ways to apply it, likeliest first; none where there is nothing to change. */
  apply(chart: Chart): readonly Change[];
}

/** Why a remedy is proposed and never applied. */
export interface Proposal {
  readonly proposal: string;
}
