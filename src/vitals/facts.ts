import type { Described } from '../core/catalogue.js';
import type { FloatDType } from '../core/dtype.js';
import type { StaticShape } from '../core/shape.js';

/**
 * What a layer does to a signal, as theory sees it: sums its inputs by learned weights, bends, standardizes or disturbs it, only moves its
 * numbers, merges several, or something that theory does not know.
 */
export type Role = 'input' | 'weights' | 'activation' | 'normalization' | 'noise' | 'shape' | 'merge' | 'other';

/** An array that a layer keeps, as data. */
export interface WeightFacts {
  /** `kernel`. */
  readonly name: string;
  readonly shape: StaticShape;
  /** Whether the gradient changes it. */
  readonly trainable: boolean;
  /** Its initializer; absent if unknown. */
  readonly initializer?: Described;
}

/** One use of a layer, as data: everything that theory, rules and reports know about it. Tools that record runs of other frameworks write the same. */
export interface LayerFacts {
  /** Unique for every use: `dense_1`, and `dense_1#2` if a shared layer is used again. */
  readonly name: string;
  /** `dense_1`: uses of one layer share it. */
  readonly layer: string;
  /** `dense`, `batchNormalization`; the source's own name if Evenkeel has no such layer. */
  readonly kind: string;
  readonly role: Role;
  /** Uses that it takes its inputs from, by index. */
  readonly inputs: readonly number[];
  /** Shape of one instance of its output; null for a varying length. */
  readonly shape: readonly (number | null)[];
  readonly trainable: boolean;
  readonly weights: readonly WeightFacts[];
  /** Activation applied to its output; absent if none. */
  readonly activation?: Described;
  /** Units that feed one unit, and units that one unit feeds; only where it sums by a kernel. */
  readonly fanIn?: number;
  readonly fanOut?: number;
  /** Its other options: a dropout's `rate`, a normalization's `axis`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** A network as data. */
export interface NetworkFacts {
  readonly dtype: FloatDType;
  /** Uses of layers, each after those it takes its inputs from. */
  readonly layers: readonly LayerFacts[];
  /** Uses that are the network's inputs and outputs, by index. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Facts about the data of one input, from a sample of its rows. */
export interface InputFacts {
  /** Use that is this input, by index. */
  readonly layer: number;
  readonly rows: number;
  /** Entries of one row. */
  readonly features: number;
  /** Over all entries. */
  readonly mean: number;
  readonly rms: number;
  readonly min: number;
  readonly max: number;
  /** Number of features that have the same value in every row of the sample. */
  readonly constantFeatures: number;
  /** Over the features that vary: mean of their means' absolute values, and least and largest of their standard deviations. */
  readonly featureMean: number;
  readonly featureDeviations: readonly [least: number, largest: number];
  /** Of the features that vary besides the widest, the share whose values span at least half of its range, and some of it: near 1 where all are of one unit, as grey levels are. */
  readonly alikeRanges?: number;
  /** Of sequences of features, and pictures: E[x y] / E[x²] for two steps, or places, of one row on average, and for two that are next to each other. */
  readonly stepCorrelation?: number;
  readonly nextCorrelation?: number;
}

/** How a network is trained, as data. */
export interface TrainingFacts {
  readonly optimizer: Described;
  /** One per output of the network. */
  readonly losses: readonly Described[];
  readonly batchSize?: number;
  /** Steps in a pass over the data, if known. */
  readonly stepsPerEpoch?: number;
  readonly epochs?: number;
  readonly seed?: number;
  /** `native`, `wasm`; for other tools their own name. */
  readonly backend?: string;
  readonly threads?: number;
  /** Magnitudes below this are 0 in signals and gradients, where the engine or the graph flushes them. */
  readonly flushesBelow?: number;
  /** For each output, facts about its targets, if a sample was seen. */
  readonly targets?: readonly TargetFacts[];
  /** Score of nearest neighbours on the validation rows, if there are any and it can be compared. */
  readonly neighbours?: NeighbourFacts;
}

/** Score of predicting validation rows from nearby training rows (the nearest, five, or all by kernel ridge regression, whichever is best), in terms of a value logged after each epoch. */
export interface NeighbourFacts {
  /** Name of the log to compare with: for classes that of accuracy, for numbers `val_loss`. */
  readonly log: string;
  /** Its value for neighbours, for the best constant prediction, and without error. */
  readonly value: number;
  readonly chance: number;
  readonly perfect: number;
  /** Number of training rows searched. */
  readonly rows: number;
}

/** Spread of targets that are arbitrary numbers. */
export interface TargetSpread {
  /** Of each column of the output's last axis; one for all together where those are many, or cannot be told apart. */
  readonly means: readonly number[];
  readonly deviations: readonly number[];
  readonly least: number;
  readonly most: number;
  /** Means of the least tenth of the targets, of the next one, …, of the largest. */
  readonly tenths: readonly number[];
}

/** Facts about the targets of one output. */
export interface TargetFacts {
  /** Class labels, rows that sum to 1, zeros and ones, or arbitrary numbers. */
  readonly kind: 'labels' | 'distribution' | 'binary' | 'real';
  /** Number of classes, if there are classes. */
  readonly classes?: number;
  /** Shares of the rarest and of the most frequent class, if enough targets were seen. */
  readonly shares?: { readonly least: number; readonly largest: number };
  /** Whether rows have different weights, such as class weights. */
  readonly weighed?: true;
  /** Loss of the best constant prediction, each row with its weight, times the output's weight in the loss, where the loss has one that is known: ln C for balanced classes under cross-entropy. */
  readonly chanceLoss?: number;
  /** Where the loss grows as errors do, not as their squares. */
  readonly grows?: 'linearly';
  /** The standard error of chance's loss, where only some of the rows were seen: those of a stream come as they are asked for. */
  readonly chanceError?: number;
  /** That of a prediction without error, where that is not 0: targets that are shares, or smoothed, have an entropy of their own, and some losses may be below 0. */
  readonly leastLoss?: number;
  /** The same where the last layer gives nothing: the same probability for every class or, for targets that are any numbers, outputs of 0. Targets that are not standardized make a large first loss by their mean alone. */
  readonly zeroLoss?: number;
  /** Of targets that are any numbers. */
  readonly spread?: TargetSpread;
}
