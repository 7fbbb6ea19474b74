import type { ActivationLike, ActivationName } from '../activations.js';
import type { Layer, LayerOptions } from '../network/layer.js';
import { MultiHeadAttention, type MultiHeadAttentionOptions } from './attention.js';
import { ActivationLayer, Dense, type DenseOptions, input } from './core.js';
import { CategoryEncoding, type CategoryEncodingOptions, Discretization, type DiscretizationOptions } from './encoding.js';
import {
  ActivityRegularization,
  type ActivityRegularizationOptions,
  Identity,
  Lambda,
  type LayerFunction,
  NamedActivation,
  type NamedActivationOptions,
  Rescaling,
  type RescalingOptions,
} from './functions.js';
import { Masking, type MaskingOptions } from './masking.js';
import { Concatenate, type ConcatenateOptions, Dot, type DotOptions, Merge, type MergeKind } from './merge.js';
import { AlphaDropout, Dropout, GaussianDropout, GaussianNoise } from './noise.js';
import { BatchNormalization, type BatchNormalizationOptions, Normalization, type NormalizationOptions } from './normalization.js';
import type { Recurrent, RecurrentOptions } from './recurrent.js';
import { Gru, type GruOptions, Lstm, type LstmOptions, SimpleRnn } from './recurrent-cells.js';
import { Embedding, type EmbeddingOptions, Flatten, Permute, RepeatVector, Reshape } from './shaping.js';
import {
  GroupNormalization,
  type GroupNormalizationOptions,
  LayerNormalization,
  type LayerNormalizationOptions,
  RmsNormalization,
  type RmsNormalizationOptions,
  UnitNormalization,
  type UnitNormalizationOptions,
} from './standardization.js';
import { Bidirectional, type BidirectionalOptions, type MergeMode, TimeDistributed } from './wrappers.js';

const merge = (kind: MergeKind) => (options?: LayerOptions) => new Merge(kind, options);
const named =
  <K extends ActivationName>(kind: K) =>
  (options?: NamedActivationOptions<K>) =>
    new NamedActivation(kind, options);

/** Every layer, by the name users write. */
export const layers = {
  input,
  /** activation(x·kernel + bias) with `units` outputs. */
  dense: (units: number, options?: DenseOptions) => new Dense(units, options),
  /** A learned vector for each whole number in [0, inputDim). */
  embedding: (inputDim: number, outputDim: number, options?: EmbeddingOptions) => new Embedding(inputDim, outputDim, options),
  /** A layer whose state of `units` numbers is carried from step to step of [N, time, features] and given. */
  simpleRnn: (units: number, options?: RecurrentOptions) => new SimpleRnn(units, options),
  /** Long short-term memory: gates decide what its cell takes up, keeps and gives. */
  lstm: (units: number, options?: LstmOptions) => new Lstm(units, options),
  /** Gated recurrent unit: as an LSTM with two gates and one state. */
  gru: (units: number, options?: GruOptions) => new Gru(units, options),
  /** A recurrent layer in both directions. */
  bidirectional: (layer: Recurrent, options?: BidirectionalOptions) => new Bidirectional(layer, options),
  /** A layer applied to every step of a sequence. */
  timeDistributed: (layer: Layer, options?: LayerOptions) => new TimeDistributed(layer, options),
  /** Each step takes means of the values of others, by several heads of `keyDim` numbers. */
  multiHeadAttention: (numHeads: number, keyDim: number, options?: MultiHeadAttentionOptions) => new MultiHeadAttention(numHeads, keyDim, options),
  /** Steps of one value throughout do not count. */
  masking: (options?: MaskingOptions) => new Masking(options),
  /** An activation as a layer of its own. */
  activation: (activation: ActivationLike, options?: LayerOptions) => new ActivationLayer(activation, options),
  relu: named('relu'),
  leakyRelu: named('leakyRelu'),
  prelu: named('prelu'),
  rrelu: named('rrelu'),
  elu: named('elu'),
  thresholdedRelu: named('thresholdedRelu'),
  softmax: named('softmax'),
  /** A function of the user's own, of graph operators. */
  lambda: (call: LayerFunction, options?: LayerOptions) => new Lambda(call, options),
  /** What it is given. */
  identity: (options?: LayerOptions) => new Identity(options),
  /** What it is given, with a penalty on it in the loss. */
  activityRegularization: (options?: ActivityRegularizationOptions) => new ActivityRegularization(options),
  /** Features from rows of whole numbers. */
  categoryEncoding: (options: CategoryEncodingOptions) => new CategoryEncoding(options),
  /** The number of the bin that each number lies in. */
  discretization: (options: DiscretizationOptions) => new Discretization(options),
  /** All axes but the batch's in one. */
  flatten: (options?: LayerOptions) => new Flatten(options),
  /** The same numbers in another shape. */
  reshape: (targetShape: readonly number[], options?: LayerOptions) => new Reshape(targetShape, options),
  /** Axes in another order, counted from 1. */
  permute: (dims: readonly number[], options?: LayerOptions) => new Permute(dims, options),
  /** Each row of features n times. */
  repeatVector: (n: number, options?: LayerOptions) => new RepeatVector(n, options),
  /** scale · x + offset. */
  rescaling: (scale: number | readonly number[], options?: RescalingOptions) => new Rescaling(scale, options),
  /** Features to mean 0 and variance 1, from the data of the first fit. */
  normalization: (options?: NormalizationOptions) => new Normalization(options),
  /** Every feature standardised over the batch. */
  batchNormalization: (options?: BatchNormalizationOptions) => new BatchNormalization(options),
  /** Every instance standardised over its features. */
  layerNormalization: (options?: LayerNormalizationOptions) => new LayerNormalization(options),
  /** Every instance standardised over groups of its features. */
  groupNormalization: (options?: GroupNormalizationOptions) => new GroupNormalization(options),
  /** Every instance divided by the root of its mean square. */
  rmsNormalization: (options?: RmsNormalizationOptions) => new RmsNormalization(options),
  /** Every instance divided by its norm. */
  unitNormalization: (options?: UnitNormalizationOptions) => new UnitNormalization(options),
  /** A share of the inputs set to 0 while training. */
  dropout: (rate: number, options?: LayerOptions) => new Dropout(rate, options),
  /** Dropout for SELU: mean and variance stay. */
  alphaDropout: (rate: number, options?: LayerOptions) => new AlphaDropout(rate, options),
  /** Multiplied by normal noise while training. */
  gaussianDropout: (rate: number, options?: LayerOptions) => new GaussianDropout(rate, options),
  /** Normal noise added while training. */
  gaussianNoise: (stddev: number, options?: LayerOptions) => new GaussianNoise(stddev, options),
  /** Sum of several inputs. */
  add: merge('add'),
  /** The first of two inputs less the second. */
  subtract: merge('subtract'),
  multiply: merge('multiply'),
  average: merge('average'),
  maximum: merge('maximum'),
  minimum: merge('minimum'),
  /** Products of two inputs, summed along an axis of each. */
  dot: (axes: number | readonly [number, number], options?: DotOptions) => new Dot(axes, options),
  /** Several inputs joined along an axis. */
  concatenate: (options?: ConcatenateOptions) => new Concatenate(options),
} as const;

export type {
  ActivityRegularizationOptions,
  BatchNormalizationOptions,
  BidirectionalOptions,
  CategoryEncodingOptions,
  ConcatenateOptions,
  DenseOptions,
  DiscretizationOptions,
  DotOptions,
  EmbeddingOptions,
  GroupNormalizationOptions,
  GruOptions,
  LayerFunction,
  LayerNormalizationOptions,
  LstmOptions,
  MaskingOptions,
  MergeMode,
  MultiHeadAttentionOptions,
  NormalizationOptions,
  Recurrent,
  RecurrentOptions,
  RescalingOptions,
  RmsNormalizationOptions,
  UnitNormalizationOptions,
};
