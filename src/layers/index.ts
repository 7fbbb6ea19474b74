import type { ActivationLike, ActivationName } from '../activations.js';
import type { Layer, LayerOptions } from '../network/layer.js';
import { MultiHeadAttention, type MultiHeadAttentionOptions } from './attention.js';
import { Conv, type ConvOptions, ConvTranspose, type ConvTransposeOptions } from './convolution.js';
import { ActivationLayer, Dense, type DenseOptions, type InputOptions, input } from './core.js';
import { DepthwiseConv, type DepthwiseConvOptions, SeparableConv, type SeparableConvOptions } from './depthwise.js';
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
import { AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout } from './noise.js';
import { BatchNormalization, type BatchNormalizationOptions, Normalization, type NormalizationOptions } from './normalization.js';
import { GlobalPooling, type GlobalPoolingOptions, Pooling, type PoolingKind, type PoolingOptions } from './pooling.js';
import type { Recurrent, RecurrentOptions } from './recurrent.js';
import { Gru, type GruOptions, Lstm, type LstmOptions, SimpleRnn } from './recurrent-cells.js';
import { Repeat, type RepeatBlock, type RepeatOptions } from './repeat.js';
import { Cropping, type CroppingOptions, UpSampling, type UpSamplingOptions, ZeroPadding, type ZeroPaddingOptions } from './resizing.js';
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
import type { Sizes } from './windowing.js';
import { Bidirectional, type BidirectionalOptions, type MergeMode, TimeDistributed } from './wrappers.js';

const merge = (kind: MergeKind) => (options?: LayerOptions) => new Merge(kind, options);
const named =
  <K extends ActivationName>(kind: K) =>
  (options?: NamedActivationOptions<K>) =>
    new NamedActivation(kind, options);
const conv = (rank: 1 | 2) => (filters: number, kernelSize: Sizes, options?: ConvOptions) => new Conv(rank, filters, kernelSize, options);
const convTranspose = (rank: 1 | 2) => (filters: number, kernelSize: Sizes, options?: ConvTransposeOptions) =>
  new ConvTranspose(rank, filters, kernelSize, options);
const depthwise = (rank: 1 | 2) => (kernelSize: Sizes, options?: DepthwiseConvOptions) => new DepthwiseConv(rank, kernelSize, options);
const separable = (rank: 1 | 2) => (filters: number, kernelSize: Sizes, options?: SeparableConvOptions) =>
  new SeparableConv(rank, filters, kernelSize, options);
const pool = (pooling: PoolingKind, rank: 1 | 2) => (options?: PoolingOptions) => new Pooling(pooling, rank, options);
const globalPool = (pooling: PoolingKind, rank: 1 | 2) => (options?: GlobalPoolingOptions) => new GlobalPooling(pooling, rank, options);

/** All layers, by name. */
export const layers = {
  input,
  /** activation(x·kernel + bias) with `units` outputs. */
  dense: (units: number, options?: DenseOptions) => new Dense(units, options),
  /** A learned vector for each whole number in [0, inputDim). */
  embedding: (inputDim: number, outputDim: number, options?: EmbeddingOptions) => new Embedding(inputDim, outputDim, options),
  /** Simple recurrent layer: reads [N, time, features] step by step and returns its last state [N, units], or all states with returnSequences. */
  simpleRnn: (units: number, options?: RecurrentOptions) => new SimpleRnn(units, options),
  /** Long short-term memory: gates control what its cell stores, keeps and outputs. */
  lstm: (units: number, options?: LstmOptions) => new Lstm(units, options),
  /** Gated recurrent unit: like an LSTM, with two gates and a single state. */
  gru: (units: number, options?: GruOptions) => new Gru(units, options),
  /** Runs a recurrent layer in both directions. */
  bidirectional: (layer: Recurrent, options?: BidirectionalOptions) => new Bidirectional(layer, options),
  /** Applies a layer to every step of a sequence. */
  timeDistributed: (layer: Layer, options?: LayerOptions) => new TimeDistributed(layer, options),
  /** Multi-head attention: each step averages the values of other steps, with `numHeads` heads of size `keyDim`. */
  multiHeadAttention: (numHeads: number, keyDim: number, options?: MultiHeadAttentionOptions) => new MultiHeadAttention(numHeads, keyDim, options),
  /** `n` equal blocks in sequence, each with its own weights; they run as a single loop, whatever their number. */
  repeat: (n: number, block: RepeatBlock, options?: RepeatOptions) => new Repeat(n, block, options),
  /** Masks steps whose features all equal `maskValue`. */
  masking: (options?: MaskingOptions) => new Masking(options),
  /** Convolution over [N, steps, channels]. */
  conv1d: conv(1),
  /** Convolution over [N, rows, columns, channels]. */
  conv2d: conv(2),
  /** Transposed convolution over steps: a longer output. */
  conv1dTranspose: convTranspose(1),
  /** Transposed convolution over images: a larger output. */
  conv2dTranspose: convTranspose(2),
  /** Convolves every channel separately. */
  depthwiseConv1d: depthwise(1),
  /** Convolves every channel separately. */
  depthwiseConv2d: depthwise(2),
  /** Convolves every channel separately, then mixes channels at each step. */
  separableConv1d: separable(1),
  /** Convolves every channel separately, then mixes channels at each position. */
  separableConv2d: separable(2),
  /** Maximum of each window. */
  maxPooling1d: pool('max', 1),
  /** Maximum of each window. */
  maxPooling2d: pool('max', 2),
  /** Mean of each window. */
  averagePooling1d: pool('average', 1),
  /** Mean of each window. */
  averagePooling2d: pool('average', 2),
  /** Maximum of each channel. */
  globalMaxPooling1d: globalPool('max', 1),
  /** Maximum of each channel. */
  globalMaxPooling2d: globalPool('max', 2),
  /** Mean of each channel. */
  globalAveragePooling1d: globalPool('average', 1),
  /** Mean of each channel. */
  globalAveragePooling2d: globalPool('average', 2),
  /** Adds zeros before and after. */
  zeroPadding1d: (options?: ZeroPaddingOptions) => new ZeroPadding(1, options),
  /** Adds zeros on all sides. */
  zeroPadding2d: (options?: ZeroPaddingOptions) => new ZeroPadding(2, options),
  /** Removes steps at both ends. */
  cropping1d: (options?: CroppingOptions) => new Cropping(1, options),
  /** Removes a margin. */
  cropping2d: (options?: CroppingOptions) => new Cropping(2, options),
  /** Repeats every step. */
  upSampling1d: (options?: UpSamplingOptions) => new UpSampling(1, options),
  /** Enlarges images by repeating elements or by bilinear interpolation. */
  upSampling2d: (options?: UpSamplingOptions) => new UpSampling(2, options),
  /** An activation as a separate layer. */
  activation: (activation: ActivationLike, options?: LayerOptions) => new ActivationLayer(activation, options),
  relu: named('relu'),
  leakyRelu: named('leakyRelu'),
  prelu: named('prelu'),
  rrelu: named('rrelu'),
  elu: named('elu'),
  thresholdedRelu: named('thresholdedRelu'),
  softmax: named('softmax'),
  /** A custom function, built from graph operators. */
  lambda: (call: LayerFunction, options?: LayerOptions) => new Lambda(call, options),
  /** Returns its input unchanged. */
  identity: (options?: LayerOptions) => new Identity(options),
  /** Returns its input unchanged and adds a penalty on it to the loss. */
  activityRegularization: (options?: ActivityRegularizationOptions) => new ActivityRegularization(options),
  /** Encodes rows of whole numbers as features. */
  categoryEncoding: (options: CategoryEncodingOptions) => new CategoryEncoding(options),
  /** Replaces each number by the index of its bin. */
  discretization: (options: DiscretizationOptions) => new Discretization(options),
  /** Flattens all axes but the batch's into one. */
  flatten: (options?: LayerOptions) => new Flatten(options),
  /** Reshapes each instance. */
  reshape: (targetShape: readonly number[], options?: LayerOptions) => new Reshape(targetShape, options),
  /** Permutes the axes, counted from 1. */
  permute: (dims: readonly number[], options?: LayerOptions) => new Permute(dims, options),
  /** Repeats each row of features n times. */
  repeatVector: (n: number, options?: LayerOptions) => new RepeatVector(n, options),
  /** scale · x + offset. */
  rescaling: (scale: number | readonly number[], options?: RescalingOptions) => new Rescaling(scale, options),
  /** Standardizes features to mean 0 and variance 1, with statistics from the data of the first fit. */
  normalization: (options?: NormalizationOptions) => new Normalization(options),
  /** Standardizes every feature over the batch. */
  batchNormalization: (options?: BatchNormalizationOptions) => new BatchNormalization(options),
  /** Standardizes every instance over its features. */
  layerNormalization: (options?: LayerNormalizationOptions) => new LayerNormalization(options),
  /** Standardizes every instance over groups of its features. */
  groupNormalization: (options?: GroupNormalizationOptions) => new GroupNormalization(options),
  /** Divides every instance by its root mean square. */
  rmsNormalization: (options?: RmsNormalizationOptions) => new RmsNormalization(options),
  /** Divides every instance by its norm. */
  unitNormalization: (options?: UnitNormalizationOptions) => new UnitNormalization(options),
  /** Sets a share of the inputs to 0 during training. */
  dropout: (rate: number, options?: LayerOptions) => new Dropout(rate, options),
  /** Dropout of whole channels of [N, steps, channels]. */
  spatialDropout1d: (rate: number, options?: LayerOptions) => new SpatialDropout(1, rate, options),
  /** Dropout of whole channels of [N, rows, columns, channels]. */
  spatialDropout2d: (rate: number, options?: LayerOptions) => new SpatialDropout(2, rate, options),
  /** Dropout for SELU: preserves mean and variance. */
  alphaDropout: (rate: number, options?: LayerOptions) => new AlphaDropout(rate, options),
  /** Multiplies by normal noise during training. */
  gaussianDropout: (rate: number, options?: LayerOptions) => new GaussianDropout(rate, options),
  /** Adds normal noise during training. */
  gaussianNoise: (stddev: number, options?: LayerOptions) => new GaussianNoise(stddev, options),
  /** Sum of several inputs. */
  add: merge('add'),
  /** The first of two inputs minus the second. */
  subtract: merge('subtract'),
  multiply: merge('multiply'),
  average: merge('average'),
  maximum: merge('maximum'),
  minimum: merge('minimum'),
  /** Products of two inputs, summed along an axis of each. */
  dot: (axes: number | readonly [number, number], options?: DotOptions) => new Dot(axes, options),
  /** Concatenates several inputs along an axis. */
  concatenate: (options?: ConcatenateOptions) => new Concatenate(options),
} as const;

export type {
  ActivityRegularizationOptions,
  BatchNormalizationOptions,
  BidirectionalOptions,
  CategoryEncodingOptions,
  ConcatenateOptions,
  ConvOptions,
  ConvTransposeOptions,
  CroppingOptions,
  DenseOptions,
  DepthwiseConvOptions,
  DiscretizationOptions,
  DotOptions,
  EmbeddingOptions,
  GlobalPoolingOptions,
  GroupNormalizationOptions,
  GruOptions,
  InputOptions,
  LayerFunction,
  LayerNormalizationOptions,
  LstmOptions,
  MaskingOptions,
  MergeMode,
  MultiHeadAttentionOptions,
  NamedActivationOptions,
  NormalizationOptions,
  PoolingOptions,
  Recurrent,
  RecurrentOptions,
  RepeatBlock,
  RepeatOptions,
  RescalingOptions,
  RmsNormalizationOptions,
  SeparableConvOptions,
  UnitNormalizationOptions,
  UpSamplingOptions,
  ZeroPaddingOptions,
};
