import { countOf } from '../core/count.js';
import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { normalizeAxis, type StaticShape, showShape, sizeOf } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { add, div, greater, mul, sqrt, square, sub, where } from '../graph/ops/index.js';
import { type InitializerLike, initializers } from '../initializers.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { meanOfSteps } from './masking.js';
import { checkOptions, isBoolean, isNumber, isWhole, type OptionCheck } from './options.js';
import { alongFeatures, standardizeBy, standardizeFeatures } from './standardize.js';
import { describeWeight, readWeight, type WeightOptions, type WeightSettings, weightChecks } from './weight-options.js';

type Numbers = number | readonly number[] | NdArray;

export interface NormalizationOptions extends LayerOptions {
  /** Axis whose entries are standardized separately, or null for a single mean and variance; default the last axis. */
  readonly axis?: number | null;
  /** Known mean; with `variance`, the layer needs no data. */
  readonly mean?: Numbers;
  readonly variance?: Numbers;
}

function areNumbers(low: number): OptionCheck {
  return (value) => {
    const isKnown = typeof value === 'number' || value instanceof NdArray || Array.isArray(value);
    return isKnown && toArray(value).every((item) => Number.isFinite(item) && item >= low)
      ? undefined
      : `must be a number or an array of numbers${low === 0 ? ' ≥ 0' : ''}, got ${show(value)}`;
  };
}
const isAxis: OptionCheck = (value) =>
  value === null || Number.isInteger(value) ? undefined : `must be a whole number or null, got ${String(value)}`;

const toArray = (value: Numbers): number[] =>
  typeof value === 'number' ? [value] : value instanceof NdArray ? Array.from({ length: value.size }, (_, i) => value.at(i)) : [...value];

/** Mean and variance of each feature of a data set. */
export interface Moments {
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
}

/**
 * Standardizes features to mean 0 and variance 1. Mean and variance come from the data of the first `fit`, of a stream its first 1,024 rows (or from
 * `model.adapt`), unless given.
 * A feature that never varies keeps its scale, since its variance tells none.
 */
export class Normalization extends Layer {
  readonly kind = 'normalization';
  override readonly role = 'normalization';
  override readonly takes = 1;
  readonly axis: number | null;
  readonly #given: { readonly mean: number[]; readonly variance: number[] } | undefined;

  constructor(options: NormalizationOptions = {}) {
    checkOptions('normalization', options, { axis: isAxis, mean: areNumbers(Number.NEGATIVE_INFINITY), variance: areNumbers(0) });
    super(options);
    if ((options.mean === undefined) !== (options.variance === undefined)) {
      throw new ArgumentError('normalization: pass both mean and variance, or neither to compute them from the data', {
        layer: 'normalization',
      });
    }
    this.axis = options.axis === undefined ? -1 : options.axis;
    this.#given =
      options.mean === undefined || options.variance === undefined ? undefined : { mean: toArray(options.mean), variance: toArray(options.variance) };
  }

  override get needsData(): boolean {
    return this.#given === undefined;
  }

  config() {
    return { axis: this.axis, ...this.#given };
  }

  /** Axes of an input [N, …] over which moments are taken, and the shape of the moments. */
  static reduction(shape: readonly (number | string)[], axis: number | null): { axes: number[]; kept: StaticShape } {
    const all = shape.map((_, i) => i);
    if (axis === null) return { axes: all, kept: [1] };
    const keep = normalizeAxis(axis, shape.length);
    const length = shape[keep];
    if (typeof length !== 'number')
      throw new ShapeError(`axis ${axis} of ${showShape(shape)} must have a known length and must not be the batch axis`);
    return { axes: all.filter((i) => i !== keep), kept: [length] };
  }

  call([input]: readonly Tensor[], context: LayerContext): Tensor {
    const x = input as Tensor;
    const { axes, kept } = Normalization.reduction(x.shape, this.axis);
    const initial = (values: readonly number[] | undefined, fallback: number): InitializerLike => this.#filled(values, fallback, kept);
    const mean = context.statistic('mean', { shape: kept, initializer: initial(this.#given?.mean, 0), trainable: false });
    const variance = context.statistic('variance', { shape: kept, initializer: initial(this.#given?.variance, 1), trainable: false });
    const along = this.axis === null ? (vector: Tensor): Tensor => vector : alongFeatures(x, axes);
    const deviation = sqrt(variance);
    return mul(sub(x, along(mean)), along(div(1, where(greater(deviation, 0), deviation, 1))));
  }

  #filled(values: readonly number[] | undefined, fallback: number, shape: StaticShape): InitializerLike {
    if (!values) return initializers.constant({ value: fallback });
    const size = sizeOf(shape);
    if (values.length !== 1 && values.length !== size) {
      throw new ShapeError(`mean and variance have ${countOf(values.length, 'entry', 'entries')}, but the input has ${countOf(size, 'feature')}`, {
        expected: size,
        received: values.length,
      });
    }
    return () => Float64Array.from({ length: size }, (_, i) => values[values.length === 1 ? 0 : i] ?? 0);
  }
}

/** gamma starts from ones, beta from zeros unless their initializers are given. */
export interface BatchNormalizationOptions extends LayerOptions, WeightOptions<'beta'>, WeightOptions<'gamma'> {
  /** Axis of the features; default the last. */
  readonly axis?: number;
  /** Weight of the old running statistics in each update; default 0.99. */
  readonly momentum?: number;
  /** Added to the variance; default 0.001. */
  readonly epsilon?: number;
  /** Learn a shift; default true. */
  readonly center?: boolean;
  /** Learn a scale; default true. */
  readonly scale?: boolean;
}

const batchNormalizationChecks = {
  axis: isWhole,
  momentum: isNumber(0, 1),
  epsilon: isNumber(0, 1, 'low'),
  center: isBoolean,
  scale: isBoolean,
  ...weightChecks('beta', 'gamma'),
};

/**
 * Standardizes every feature over the batch while training, by running statistics otherwise (Ioffe & Szegedy 2015). Steps that a mask says do not count
 * are left out of the statistics, as in Keras; inside of `timeDistributed` too.
 * `trainable: false` means inference mode, as in Keras.
 */
export class BatchNormalization extends Layer {
  readonly kind = 'batchNormalization';
  override readonly role = 'normalization';
  override readonly takes = 1;
  readonly options: Required<Pick<BatchNormalizationOptions, 'axis' | 'momentum' | 'epsilon' | 'center' | 'scale'>>;
  readonly beta: WeightSettings;
  readonly gamma: WeightSettings;

  constructor(options: BatchNormalizationOptions = {}) {
    checkOptions('batchNormalization', options, batchNormalizationChecks);
    super(options);
    this.options = {
      axis: options.axis ?? -1,
      momentum: options.momentum ?? 0.99,
      epsilon: options.epsilon ?? 1e-3,
      center: options.center ?? true,
      scale: options.scale ?? true,
    };
    this.beta = readWeight('beta', options, 'zeros');
    this.gamma = readWeight('gamma', options, 'ones');
  }

  override get repeatable(): boolean {
    return true;
  }

  config() {
    return { ...this.options, ...describeWeight('beta', this.beta), ...describeWeight('gamma', this.gamma) };
  }

  call([input]: readonly Tensor[], context: LayerContext): Tensor {
    const x = input as Tensor;
    const { axis, momentum, epsilon, center, scale } = this.options;
    const { axes, kept } = Normalization.reduction(x.shape, axis);
    const gamma = scale ? context.parameter('gamma', { shape: kept, ...this.gamma }) : undefined;
    const beta = center ? context.parameter('beta', { shape: kept, ...this.beta }) : undefined;
    const runningMean = context.statistic('moving_mean', { shape: kept, initializer: 'zeros', trainable: false });
    const runningVariance = context.statistic('moving_variance', { shape: kept, initializer: 'ones', trainable: false });
    const affine = { gamma, beta };
    if (!context.training || !context.trainable) {
      return standardizeBy({ mean: runningMean, variance: runningVariance }, x, axes, epsilon, affine).y;
    }
    const mask = context.rows ?? context.masks[0];
    const overSteps = () => {
      const mean = meanOfSteps(x, { axes }, mask);
      const variance = meanOfSteps(square(sub(x, alongFeatures(x, axes)(mean))), { axes }, mask);
      return { y: standardizeBy({ mean, variance }, x, axes, epsilon, affine).y, mean, variance };
    };
    const { y, mean, variance } = mask ? overSteps() : standardizeFeatures(x, axes, epsilon, affine);
    context.update('moving_mean', add(mul(runningMean, momentum), mul(mean, 1 - momentum)));
    context.update('moving_variance', add(mul(runningVariance, momentum), mul(variance, 1 - momentum)));
    return y;
  }
}
