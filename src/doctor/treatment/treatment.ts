import type { ModelConfig } from '../../model/config.js';
import type { Model } from '../../model/model.js';
import type { Trace } from '../../vitals/trace.js';
import type { Finding, RemedyHint } from '../finding.js';
import type { Grade } from './grade.js';
import type { RateChange, Revived } from './method.js';

/** A remedy as it was applied. */
export interface AppliedRemedy extends Omit<RemedyHint, 'what'> {
  /** What it changed, with numbers: `lower the learning rate from 1 to 0.1`. */
  readonly what: string;
  /** Ids of the rules whose findings it answers. */
  readonly answers: readonly string[];
  /** Present if it changed only the learning rate. */
  readonly rate?: RateChange;
  /** Present if it redrew the weights of single units: code alone then does not reproduce the treated network. */
  readonly revived?: Revived;
}

/** One network that was trained or examined on the way. */
export interface Trial {
  readonly remedies: readonly AppliedRemedy[];
  /** `look`: one minibatch, no step. `short`: the first steps of a training. `full`: all of it. */
  readonly kind: 'look' | 'short' | 'full';
  readonly steps: number;
  /** Absent for a look. */
  readonly grade?: Grade;
  /** Ids of rules that found it ill. */
  readonly ill: readonly string[];
}

/**
 * How a treatment ended. `healthy`: nothing was changed, since nothing was ill, or findings before the first step, or during training, did no harm.
 * `cured`: no longer ill, and it does no worse. `improved`: it does better. `uncured`: nothing helped.
 */
export type Outcome = 'healthy' | 'cured' | 'improved' | 'uncured';

/** One side of the proof: a network, what was measured of it, and how well it did. */
export interface Evidence {
  readonly config: ModelConfig;
  readonly batchSize: number;
  /** Of a whole training, as schedules count on it. */
  readonly epochs: number;
  readonly findings: readonly Finding[];
  readonly grade: Grade;
  /** That it was graded on. */
  readonly rows: number;
  readonly steps: number;
  readonly trace: Trace;
}

/** Remedies applied to a model and proven by measuring again. */
export interface Treatment {
  readonly outcome: Outcome;
  /** The treated model, trained; the given one is unchanged. */
  readonly model: Model;
  /** Whether anything was changed. */
  readonly changed: boolean;
  readonly remedies: readonly AppliedRemedy[];
  /** Findings before the treatment, on one minibatch or in the run so far. */
  readonly findings: readonly Finding[];
  readonly before: Evidence;
  readonly after: Evidence;
  /** All trials, in order. */
  readonly trials: readonly Trial[];
  /** Remedies that only you can decide on. */
  readonly proposals: readonly RemedyHint[];
  /** Steps of all trials and the full run, and of one plain training. */
  readonly steps: number;
  readonly plainSteps: number;
  readonly seconds: number;
  /** Whether it was stopped early; this is then the best result so far. */
  readonly interrupted: boolean;
  toString(): string;
}
