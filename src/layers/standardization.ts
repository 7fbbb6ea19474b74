import { countOf } from '../core/count.js';
import { ShapeError, show } from '../core/errors.js';
import { normalizeAxis, type StaticShape, showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { add, div, max, mul, reduceMean, reduceSum, reshape, sqrt, square } from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { checkOptions, isBoolean, isNumber, isWhole, type OptionCheck } from './options.js';
import { standardize } from './standardize.js';
import { describeWeight, readWeight, type WeightOptions, type WeightSettings, weightChecks } from './weight-options.js';

/** Layers that standardize each instance by itself, whatever else is in the batch. */

const areAxes: OptionCheck = (value) =>
  [value].flat().length > 0 && [value].flat().every(Number.isInteger) ? undefined : `must be an axis or a list of axes, got ${show(value)}`;

const isEpsilon = isNumber(0, 1, 'low');

/** Axes of an input, sorted, and its lengths along them with 1 for the others. @throws ShapeError for the batch's axis or an unknown length. */
function alongAxes(x: Tensor, axis: number | readonly number[]): { axes: number[]; lengths: StaticShape; kept: StaticShape } {
  const axes = [...new Set([axis].flat().map((one) => normalizeAxis(one, x.rank)))].sort((a, b) => a - b);
  const lengths = axes.map((one) => {
    const dim = x.shape[one];
    if (one === 0 || typeof dim !== 'number')
      throw new ShapeError(`axis ${one} of ${showShape(x.shape)} must have a known length and must not be the batch axis`);
    return dim;
  });
  const first = axes[0] ?? 0;
  return { axes, lengths, kept: x.shape.slice(first).map((dim, i) => (axes.includes(first + i) ? Number(dim) : 1)) };
}

/** What follows standardization: a learned scale gamma, from ones unless its initializer is given, and shift beta, from zeros. */
export interface AffineOptions extends LayerOptions, WeightOptions<'beta'>, WeightOptions<'gamma'> {
  /** Added to the variance; default 0.001. */
  readonly epsilon?: number;
  /** Learn a shift; default true. */
  readonly center?: boolean;
  /** Learn a scale; default true. */
  readonly scale?: boolean;
}

const affineChecks = {
  epsilon: isEpsilon,
  center: isBoolean,
  scale: isBoolean,
  ...weightChecks('beta', 'gamma'),
};

abstract class Standardization extends Layer {
  override readonly role = 'normalization';
  override readonly takes = 1;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;
  readonly beta: WeightSettings;
  readonly gamma: WeightSettings;

  constructor(options: AffineOptions) {
    super(options);
    this.epsilon = options.epsilon ?? 1e-3;
    this.center = options.center ?? true;
    this.scale = options.scale ?? true;
    this.beta = readWeight('beta', options, 'zeros');
    this.gamma = readWeight('gamma', options, 'ones');
  }

  override get repeatable(): boolean {
    return true;
  }

  protected affineConfig() {
    return {
      epsilon: this.epsilon,
      center: this.center,
      scale: this.scale,
      ...describeWeight('beta', this.beta),
      ...describeWeight('gamma', this.gamma),
    };
  }

  /** gamma · x + beta, each of shape `lengths`, laid along `kept`. */
  protected affine(x: Tensor, lengths: StaticShape, kept: StaticShape, context: LayerContext): Tensor {
    const gamma = this.scale ? context.parameter('gamma', { shape: lengths, ...this.gamma }) : undefined;
    const beta = this.center ? context.parameter('beta', { shape: lengths, ...this.beta }) : undefined;
    const scaled = gamma ? mul(x, reshape(gamma, kept)) : x;
    return beta ? add(scaled, reshape(beta, kept)) : scaled;
  }
}

export interface LayerNormalizationOptions extends AffineOptions {
  /** Axis or axes to standardize over; default the last. */
  readonly axis?: number | readonly number[];
}

/** Standardizes each instance over its features; Ba, Kiros and Hinton, "Layer normalization", 2016. */
export class LayerNormalization extends Standardization {
  readonly kind = 'layerNormalization';
  readonly axis: number | readonly number[];

  constructor(options: LayerNormalizationOptions = {}) {
    checkOptions('layerNormalization', options, { ...affineChecks, axis: areAxes });
    super(options);
    this.axis = options.axis ?? -1;
  }

  config() {
    return { axis: this.axis, ...this.affineConfig() };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    const { axes, lengths, kept } = alongAxes(x as Tensor, this.axis);
    return this.affine(standardize(x as Tensor, axes, this.epsilon), lengths, kept, context);
  }
}

export interface GroupNormalizationOptions extends AffineOptions {
  /** Number of groups; -1 for one per feature; default 32. */
  readonly groups?: number;
  /** Axis of the features; default the last. */
  readonly axis?: number;
}

/** Standardizes each instance over each group of features, and all other axes; Wu and He, "Group normalization", 2018. */
export class GroupNormalization extends Standardization {
  readonly kind = 'groupNormalization';
  readonly groups: number;
  readonly axis: number;

  constructor(options: GroupNormalizationOptions = {}) {
    const isGroups: OptionCheck = (value) =>
      Number.isInteger(value) && ((value as number) >= 1 || value === -1) ? undefined : `must be a whole number ≥ 1, or -1, got ${show(value)}`;
    checkOptions('groupNormalization', options, { ...affineChecks, groups: isGroups, axis: isWhole });
    super(options);
    this.groups = options.groups ?? 32;
    this.axis = options.axis ?? -1;
  }

  config() {
    return { groups: this.groups, axis: this.axis, ...this.affineConfig() };
  }

  call([input]: readonly Tensor[], context: LayerContext): Tensor {
    const x = input as Tensor;
    const { axes, lengths, kept } = alongAxes(x, this.axis);
    const [at, features] = [axes[0] ?? 1, lengths[0] ?? 1];
    const groups = this.groups === -1 ? features : this.groups;
    if (features % groups !== 0) {
      throw new ShapeError(`cannot divide ${countOf(features, 'feature')} evenly into ${countOf(groups, 'group')}`, {
        argument: 'groups',
        received: groups,
      });
    }
    const cut = reshape(x, [...x.shape.slice(0, at), groups, features / groups, ...x.shape.slice(at + 1)]);
    const over = cut.shape.map((_, i) => i).filter((i) => i > 0 && i !== at);
    return this.affine(reshape(standardize(cut, over, this.epsilon), x.shape), lengths, kept, context);
  }
}

export interface RmsNormalizationOptions extends LayerOptions {
  /** Axis or axes to normalize over; default the last. */
  readonly axis?: number | readonly number[];
  /** Added to the mean square; default 1e-6. */
  readonly epsilon?: number;
}

/** Divides each instance by the root of its mean square and scales it; Zhang and Sennrich, "Root mean square layer normalization", 2019. */
export class RmsNormalization extends Layer {
  readonly kind = 'rmsNormalization';
  override readonly role = 'normalization';
  override readonly takes = 1;
  readonly axis: number | readonly number[];
  readonly epsilon: number;

  constructor(options: RmsNormalizationOptions = {}) {
    checkOptions('rmsNormalization', options, { axis: areAxes, epsilon: isEpsilon });
    super(options);
    this.axis = options.axis ?? -1;
    this.epsilon = options.epsilon ?? 1e-6;
  }

  override get repeatable(): boolean {
    return true;
  }

  config() {
    return { axis: this.axis, epsilon: this.epsilon };
  }

  call([input]: readonly Tensor[], context: LayerContext): Tensor {
    const x = input as Tensor;
    const { axes, lengths, kept } = alongAxes(x, this.axis);
    const scale = context.parameter('scale', { shape: lengths, initializer: 'ones' });
    const rms = sqrt(add(reduceMean(square(x), { axes, keepdims: true }), this.epsilon));
    return mul(div(x, rms), reshape(scale, kept));
  }
}

export interface UnitNormalizationOptions extends LayerOptions {
  /** Axis or axes whose L2 norm becomes 1; default the last. */
  readonly axis?: number | readonly number[];
}

/** Divides each instance by its L2 norm; squared norms below 1e-12 count as that. */
export class UnitNormalization extends Layer {
  readonly kind = 'unitNormalization';
  override readonly role = 'normalization';
  override readonly takes = 1;
  readonly axis: number | readonly number[];

  constructor(options: UnitNormalizationOptions = {}) {
    checkOptions('unitNormalization', options, { axis: areAxes });
    super(options);
    this.axis = options.axis ?? -1;
  }

  override get repeatable(): boolean {
    return true;
  }

  config() {
    return { axis: this.axis };
  }

  call([x]: readonly Tensor[]): Tensor {
    const { axes } = alongAxes(x as Tensor, this.axis);
    return div(x as Tensor, sqrt(max(reduceSum(square(x as Tensor), { axes, keepdims: true }), 1e-12)));
  }
}
