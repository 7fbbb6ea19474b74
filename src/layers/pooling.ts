import type { StaticShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { averagePool, maxPool, reduceMax, windows } from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import type { Rank } from './convolution.js';
import { meanOfSteps } from './masking.js';
import { checkOptions, isBoolean } from './options.js';
import { areSizes, channelsFirst, channelsLast, checkFit, imageOf, isPadding, type Padding, padded, type Sizes, sizes } from './windowing.js';

export interface PoolingOptions extends LayerOptions {
  /** Elements of a window; default 2. */
  readonly poolSize?: Sizes;
  /** Steps from one window to the next; default `poolSize`. */
  readonly strides?: Sizes;
  /** `'valid'`: windows lie inside the input; `'same'`: the last may reach beyond it, where nothing counts; default valid. */
  readonly padding?: Exclude<Padding, 'causal'>;
}

export type PoolingKind = 'max' | 'average';

/** The largest element, or the mean, of each window, channel by channel. */
export class Pooling extends Layer {
  readonly kind: string;
  override readonly takes = 1;
  readonly pooling: PoolingKind;
  readonly rank: Rank;
  readonly poolSize: StaticShape;
  readonly strides: StaticShape;
  readonly padding: Padding;

  constructor(pooling: PoolingKind, rank: Rank, options: PoolingOptions = {}) {
    const kind = `${pooling}Pooling${rank}d`;
    checkOptions(kind, options, { poolSize: areSizes(rank), strides: areSizes(rank), padding: isPadding('valid', 'same') });
    super(options);
    this.kind = kind;
    this.pooling = pooling;
    this.rank = rank;
    this.poolSize = sizes(options.poolSize ?? 2, rank);
    this.strides = sizes(options.strides ?? this.poolSize, rank);
    this.padding = options.padding ?? 'valid';
  }

  config() {
    return { poolSize: this.poolSize, strides: this.strides, padding: this.padding };
  }

  call([input]: readonly Tensor[]): Tensor {
    const { x, lengths } = imageOf(input, this.rank);
    const at = padded(this.padding, lengths, windows(this.poolSize, { strides: this.strides }));
    checkFit('pool', lengths, at);
    return channelsLast((this.pooling === 'max' ? maxPool : averagePool)(channelsFirst(x), at));
  }
}

export interface GlobalPoolingOptions extends LayerOptions {
  /** Keep the axes pooled, with length 1; default false. */
  readonly keepdims?: boolean;
}

/**
 * The largest element, or the mean, of each channel: [N, …, channels] becomes [N, channels]. The mean over steps leaves out those that a mask says do not
 * count, as in Keras; it is 0 where none does.
 */
export class GlobalPooling extends Layer {
  readonly kind: string;
  override readonly takes = 1;
  readonly pooling: PoolingKind;
  readonly rank: Rank;
  readonly keepdims: boolean;

  constructor(pooling: PoolingKind, rank: Rank, options: GlobalPoolingOptions = {}) {
    const kind = `global${pooling === 'max' ? 'Max' : 'Average'}Pooling${rank}d`;
    checkOptions(kind, options, { keepdims: isBoolean });
    super(options);
    this.kind = kind;
    this.pooling = pooling;
    this.rank = rank;
    this.keepdims = options.keepdims ?? false;
  }

  config() {
    return { keepdims: this.keepdims };
  }

  call([input]: readonly Tensor[], { masks: [mask] }: LayerContext): Tensor {
    const { x, lengths } = imageOf(input, this.rank);
    const axes = lengths.map((_, axis) => axis + 1);
    const over = { axes, keepdims: this.keepdims };
    return this.pooling === 'max' ? reduceMax(x, over) : meanOfSteps(x, over, this.rank === 1 ? mask : undefined);
  }
}
