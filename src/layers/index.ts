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
  /** `n` equal blocks behind each other, each with weights of its own, which run as one loop however many they are. */
  repeat: (n: number, block: RepeatBlock, options?: RepeatOptions) => new Repeat(n, block, options),
  /** Steps of one value throughout do not count. */
  masking: (options?: MaskingOptions) => new Masking(options),
  /** Weighted sums of windows of [N, steps, channels]. */
  conv1d: conv(1),
  /** Weighted sums of windows of [N, rows, columns, channels]. */
  conv2d: conv(2),
  /** The transpose of a convolution of steps: a longer output. */
  conv1dTranspose: convTranspose(1),
  /** The transpose of a convolution of images: a larger output. */
  conv2dTranspose: convTranspose(2),
  /** Every channel convolved by itself. */
  depthwiseConv1d: depthwise(1),
  /** Every channel convolved by itself. */
  depthwiseConv2d: depthwise(2),
  /** Every channel convolved by itself, then channels mixed at each step. */
  separableConv1d: separable(1),
  /** Every channel convolved by itself, then channels mixed at each place. */
  separableConv2d: separable(2),
  /** The largest of each window. */
  maxPooling1d: pool('max', 1),
  /** The largest of each window. */
  maxPooling2d: pool('max', 2),
  /** The mean of each window. */
  averagePooling1d: pool('average', 1),
  /** The mean of each window. */
  averagePooling2d: pool('average', 2),
  /** The largest of each channel. */
  globalMaxPooling1d: globalPool('max', 1),
  /** The largest of each channel. */
  globalMaxPooling2d: globalPool('max', 2),
  /** The mean of each channel. */
  globalAveragePooling1d: globalPool('average', 1),
  /** The mean of each channel. */
  globalAveragePooling2d: globalPool('average', 2),
  /** Zeros before and after. */
  zeroPadding1d: (options?: ZeroPaddingOptions) => new ZeroPadding(1, options),
  /** Zeros around. */
  zeroPadding2d: (options?: ZeroPaddingOptions) => new ZeroPadding(2, options),
  /** What is left without some steps at both ends. */
  cropping1d: (options?: CroppingOptions) => new Cropping(1, options),
  /** What is left without a margin. */
  cropping2d: (options?: CroppingOptions) => new Cropping(2, options),
  /** Every step several times. */
  upSampling1d: (options?: UpSamplingOptions) => new UpSampling(1, options),
  /** Every element several times, or lines between them. */
  upSampling2d: (options?: UpSamplingOptions) => new UpSampling(2, options),
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
  /** Dropout of whole channels of [N, steps, channels]. */
  spatialDropout1d: (rate: number, options?: LayerOptions) => new SpatialDropout(1, rate, options),
  /** Dropout of whole channels of [N, rows, columns, channels]. */
  spatialDropout2d: (rate: number, options?: LayerOptions) => new SpatialDropout(2, rate, options),
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
