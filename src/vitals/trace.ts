import type { InputFacts, NetworkFacts, TrainingFacts } from './facts.js';

/** Name of the schema in the first line of a trace. */
export const TRACE_SCHEMA = 'evenkeel-trace';
/** Version of the schema that this release writes. Readers take this one and those before it. */
export const TRACE_VERSION = 1;

/** A measured number, or the string 'NaN', 'Infinity' or '-Infinity', which JSON cannot represent as a number. Null if nothing was measured. */
export type Measured = number | 'NaN' | 'Infinity' | '-Infinity' | null;

/** Shares of the entries below each of `quantiles` of a step's signals. */
export const QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.95] as const;

/** Which vital signs are measured. `moments`: means, sizes, units that are dead and what is not finite. `full`: quantiles, saturation, units in coma, updates and displacement as well. */
export type VitalsLevel = 'moments' | 'full';

/** First line of a trace: the facts about the network and how it is trained. */
export interface TraceHeader {
  readonly kind: 'header';
  readonly schema: typeof TRACE_SCHEMA;
  readonly version: number;
  /** ISO 8601. */
  readonly created?: string;
  /** Program that wrote it: `evenkeel 0.1.0`. */
  readonly source: string;
  readonly model: string;
  readonly network: NetworkFacts;
  readonly training?: TrainingFacts;
  readonly data?: readonly InputFacts[];
  /** Uses of layers whose pre-activations z and activations h are watched, by index; columns of `signals` follow this order. */
  readonly watched: readonly number[];
  /** Names of the trained arrays, `dense_1/kernel`; columns of `arrays` follow this order. */
  readonly arrays: readonly string[];
  /** Steps between observations: the steps whose numbers are multiples of it, and the fit's first one. */
  readonly every: number;
  /** Whether steps before the first multiple of `every` are observed too, at growing intervals: 2, 4, 8, 16 … */
  readonly spaced: boolean;
  readonly level: VitalsLevel;
  /** Whether maps by unit were requested. */
  readonly units?: boolean;
}

/** Pre-activations (z), activations (h) and ∂L/∂z (g), one entry for each watched use. L is the batch's mean loss. */
export interface SignalVitals {
  readonly zMean: readonly Measured[];
  /** √ mean z². */
  readonly zRms: readonly Measured[];
  readonly hMean: readonly Measured[];
  readonly hRms: readonly Measured[];
  readonly gRms: readonly Measured[];
  /** Standard deviation over the batch of a unit's h, root mean square over units: 0 if all rows are the same. Level `full`, like all below. */
  readonly hSpread?: readonly Measured[];
  /** Largest magnitudes. */
  readonly zMax?: readonly Measured[];
  readonly gMax?: readonly Measured[];
  /** Quantiles (`QUANTILES`) of z, from 256 entries of each use. */
  readonly zQuantiles?: readonly (readonly Measured[])[];
  /** Quantiles of |g|, likewise. */
  readonly gQuantiles?: readonly (readonly Measured[])[];
  /** For layers that process a sequence step by step: RMS of z at up to 32 evenly spaced steps; an empty list for others. */
  readonly zRmsByTime?: readonly (readonly Measured[])[];
  /** RMS of ∂L/∂z at the same steps. */
  readonly gRmsByTime?: readonly (readonly Measured[])[];
  /** A list for each use whose units have a place of their own, where maps by unit were asked for: mean of a unit's z over the batch, and over its places. */
  readonly zMeanByUnit?: readonly (readonly Measured[])[];
  /** RMS of a unit's h, and of its ∂L/∂z, likewise. */
  readonly hRmsByUnit?: readonly (readonly Measured[])[];
  readonly gRmsByUnit?: readonly (readonly Measured[])[];
  /** Share of the entries whose slope is under 5 % of the activation's largest; null if the activation is not elementwise, or has parameters. */
  readonly saturated?: readonly Measured[];
}

/** Sizes of the trained arrays, one entry for each. */
export interface ArrayVitals {
  /** RMS of the weights before the step. */
  readonly weight: readonly Measured[];
  /** RMS of the loss's gradient, before clipping. */
  readonly gradient: readonly Measured[];
  /** RMS of the update. */
  readonly update: readonly Measured[];
  /** ‖W_t − W_0‖ / ‖W_0‖ before the step, W_0 being the weights at the start of the recorded run; null where W_0 is 0. */
  readonly displacement: readonly Measured[];
  /** Factor by which clipping multiplied each gradient: that of its layer with `layerClipNorm`, its own with `clipNorm`; else absent. */
  readonly clipScale?: readonly Measured[];
}

/** One observed step. */
export interface StepRecord {
  readonly kind: 'step';
  /** Counted from 1 over all fits; 0 for a network that is examined before its first step. */
  readonly step: number;
  /** From 0. */
  readonly epoch: number;
  readonly loss: Measured;
  /** What regularizers and layers add to the loss, included in it. Absent if nothing is added. */
  readonly penalty?: Measured;
  readonly learningRate: Measured;
  /** Norm of all gradients together, before clipping. Level `full`. */
  readonly gradientNorm?: Measured;
  /** Factor by which clipping multiplied the gradients: 1 if it had no effect. Absent without clipping. */
  readonly clipScale?: Measured;
  /** Loss of the same minibatch after the step; only for an examination before a step. */
  readonly lossAfter?: Measured;
  /** Largest eigenvalue of the loss's Hessian on the minibatch; only for an examination before a step. */
  readonly sharpness?: Measured;
  /** Learning rate above which steps along the sharpest direction grow; absent if the optimizer divides gradients by their size. */
  readonly stableRate?: Measured;
  readonly signals: SignalVitals;
  /** Level `full`. */
  readonly arrays?: ArrayVitals;
}

/** State of units over a whole pass over the data. */
export interface PassRecord {
  readonly kind: 'pass';
  readonly epoch: number;
  /** The last step of the pass. */
  readonly step: number;
  /** One entry for each watched use; null if its activation has no such state. */
  readonly units: readonly (UnitStates | null)[];
}

/** Units of one use by state. */
export interface UnitStates {
  /** Runs of equal states: `a97d3` is 97 alive, then 3 dead. `d` dead: fired for no instance of the pass, slope 0; `c` in coma: on a flat side, slope not 0, for every instance of its observed steps. */
  readonly states: string;
  readonly dead: number;
  readonly coma: number;
  /** Units that were alive in the pass before, each with the step after which it no longer fired (in coma: was not seen to fire) and what moved its pre-activation: its bias, or its weights and inputs. */
  readonly died?: readonly { readonly unit: number; readonly step: number; readonly by: 'bias' | 'weights' | 'unknown' }[];
  /** Units that were dead or in coma in the pass before, and fired again. */
  readonly woke?: readonly number[];
}

/** Means of an epoch, validation included, as the history has them. */
export interface EpochRecord {
  readonly kind: 'epoch';
  readonly epoch: number;
  readonly step: number;
  readonly logs: Readonly<Record<string, Measured>>;
  /** What regularizers and layers add to the logs `loss` and `val_loss`, included in them. Absent if nothing is added, and in older traces. */
  readonly penalties?: Readonly<Record<string, Measured>>;
}

/** The first non-finite value, found by repeating the chunk. */
export interface FailureRecord {
  readonly kind: 'failure';
  readonly step: number;
  readonly layer: string;
  readonly operator: string;
  readonly pass: 'data' | 'forward' | 'backward' | 'update';
  readonly inputs: readonly { readonly name: string; readonly min: Measured; readonly max: Measured }[];
  readonly message: string;
}

/** Last line of a trace whose run ended normally. */
export interface EndRecord {
  readonly kind: 'end';
  readonly steps: number;
  readonly seconds: number;
}

export type TraceRecord = StepRecord | PassRecord | EpochRecord | FailureRecord | EndRecord;

/** A recorded run: its facts and observations, in order. */
export interface Trace {
  readonly header: TraceHeader;
  readonly steps: readonly StepRecord[];
  readonly passes: readonly PassRecord[];
  readonly epochs: readonly EpochRecord[];
  readonly failure?: FailureRecord;
  readonly end?: EndRecord;
}
