import { type Activation, type ActivationLike, resolveActivation } from '../activations.js';
import { describeEntry } from '../core/catalogue.js';
import { countOf } from '../core/count.js';
import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { product, type StaticShape, showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { conv, convTranspose, transpose, type Windows, windows } from '../graph/ops/index.js';
import { reachOf } from '../graph/ops/windows.js';
import { computeFans, type Fans } from '../initializers.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { activityPenalty, type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js';
import { checkOptions, isBoolean, isCount, type OptionCheck, type OptionChecks, resolves } from './options.js';
import {
  describeWeight,
  readBias,
  readWeight,
  scaledArrays,
  sumChecks,
  type WeightOptions,
  type WeightSettings,
  weightChecks,
} from './weight-options.js';
import { areSizes, channelsFirst, channelsLast, checkFit, imageOf, isPadding, type Padding, padded, type Sizes, sizes } from './windowing.js';

/** One spatial axis (steps) or two (rows, columns). */
export type Rank = 1 | 2;

/** What every layer with a kernel that moves over its input may be told. */
export interface WindowOptions extends LayerOptions, WeightOptions<'bias'> {
  /** Steps from one window to the next; default 1. */
  readonly strides?: Sizes;
  /** `'valid'`: windows lie inside the input; `'same'`: zeros around it, so that strides of 1 keep its size; default valid. */
  readonly padding?: Padding;
  /** Steps from one tap of the kernel to the next; above 1 only with strides of 1; default 1. */
  readonly dilationRate?: Sizes;
  /** Applied to the outputs; default linear. */
  readonly activation?: ActivationLike;
  /** Default true. */
  readonly useBias?: boolean;
  /** Penalty on the outputs, averaged over the rows, in the loss; default none. */
  readonly activityRegularizer?: RegularizerLike;
}

const isDilation =
  (rank: Rank): OptionCheck =>
  (value, { strides = 1 }) => {
    const mistake = areSizes(rank)(value, {});
    const above = (given: unknown): boolean => (Array.isArray(given) ? given : [given]).some((size) => size > 1);
    return (
      mistake ??
      (above(value) && above(strides) ? `of ${show(value)} cannot be combined with strides of ${show(strides)}: one of them must be 1` : undefined)
    );
  };

const windowChecks = (rank: Rank, ...paddings: readonly Padding[]): OptionChecks => ({
  kernelSize: areSizes(rank),
  strides: areSizes(rank),
  padding: isPadding(...paddings),
  dilationRate: isDilation(rank),
  activation: resolves(resolveActivation),
  useBias: isBoolean,
  activityRegularizer: resolves(resolveRegularizer),
  ...weightChecks('bias'),
});

/** A layer whose kernel moves over its input: what convolutions of every kind have in common. */
export abstract class Convolution extends Layer {
  readonly kind: string;
  override readonly role = 'weights';
  override readonly takes = 1;
  readonly rank: Rank;
  readonly strides: StaticShape;
  readonly padding: Padding;
  readonly kernelSize: StaticShape;
  readonly dilationRate: StaticShape;
  override readonly activation: Activation;
  readonly useBias: boolean;
  readonly biasSettings: WeightSettings;
  readonly activityRegularizer: Regularizer | undefined;

  /**
   * @param leads arguments that stand before the options. @param checks those of the layer's own options, and of what stands before them.
   * @param sumsBy name of the kernel, in options, whose sums the biases are added to.
   */
  protected constructor(
    kind: string,
    rank: Rank,
    options: WindowOptions,
    { kernelSize, ...leads }: { readonly kernelSize: Sizes } & Readonly<Record<string, unknown>>,
    checks: OptionChecks,
    sumsBy: 'kernel' | 'depthwise' | 'pointwise',
    paddings: readonly Padding[] = ['valid', 'same'],
  ) {
    checkOptions(kind, options, { ...windowChecks(rank, ...paddings), ...checks }, { ...leads, kernelSize: kernelSize ?? null });
    super(options);
    this.kind = kind;
    this.rank = rank;
    this.kernelSize = sizes(kernelSize, rank);
    this.strides = sizes(options.strides ?? 1, rank);
    this.padding = options.padding ?? 'valid';
    this.dilationRate = sizes(options.dilationRate ?? 1, rank);
    this.activation = resolveActivation(options.activation ?? 'linear');
    this.useBias = options.useBias ?? true;
    this.biasSettings = readBias(options, sumsBy);
    this.activityRegularizer = options.activityRegularizer === undefined ? undefined : resolveRegularizer(options.activityRegularizer);
  }

  /** Options in the order of the constructor's arguments, without those of the kernel. */
  protected shared(): Readonly<Record<string, unknown>> {
    return {
      kernelSize: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      dilationRate: this.dilationRate,
      activation: describeEntry(this.activation),
      useBias: this.useBias,
      ...describeWeight('bias', this.biasSettings),
      ...(this.activityRegularizer ? { activityRegularizer: describeEntry(this.activityRegularizer) } : {}),
    };
  }

  /** The kernel's windows, without padding. */
  protected get places(): Windows {
    return windows(this.kernelSize, { strides: this.strides, dilations: this.dilationRate });
  }

  /** Windows over an input of the given lengths, padding included. @throws ShapeError if the kernel does not fit. */
  protected placesIn(lengths: StaticShape): Windows {
    const at = padded(this.padding, lengths, this.places);
    checkFit('kernel', lengths, at);
    return at;
  }

  /** Sums over windows: [N, channels, ...lengths] becomes [N, outputs, ...]. `bias` gives that of as many outputs. */
  protected abstract sums(
    x: Tensor,
    channels: number,
    lengths: StaticShape,
    context: LayerContext,
    bias: (outputs: number) => Tensor | undefined,
  ): Tensor;

  call([input]: readonly Tensor[], context: LayerContext): Tensor {
    const { x, lengths, channels } = imageOf(input, this.rank);
    const bias = (outputs: number) => (this.useBias ? context.parameter('bias', { shape: [outputs], ...this.biasSettings }) : undefined);
    const z = channelsLast(this.sums(channelsFirst(x), channels, lengths, context, bias));
    const output = this.activation.apply(context.preactivation(z), context);
    if (this.activityRegularizer) context.addLoss(activityPenalty(this.activityRegularizer, output));
    return output;
  }
}

/** `kernelInitializer` is Glorot uniform, `biasInitializer` zeros unless given; with a critical kernel, critical too. */
export interface ConvOptions extends WindowOptions, WeightOptions<'kernel'> {
  /** Parts into which input and output channels are divided, each part apart from the others; default 1. */
  readonly groups?: number;
}

/** [...taps, a, b] as [b, a, ...taps], as the engine wants it. */
export function kernelFirst(kernel: Tensor): Tensor {
  return transpose(kernel, [kernel.rank - 1, kernel.rank - 2, ...kernel.shape.slice(2).map((_, axis) => axis)]);
}

/** Every output is a weighted sum of a window of the input: activation(x ⋆ kernel + bias), kernel [...taps, in / groups, filters]. */
export class Conv extends Convolution {
  readonly filters: number;
  readonly groups: number;
  readonly kernelSettings: WeightSettings;

  constructor(rank: Rank, filters: number, kernelSize: Sizes, options: ConvOptions = {}) {
    const kind = `conv${rank}d`;
    const checks = { filters: isCount, groups: isCount, ...sumChecks('kernel') };
    super(
      kind,
      rank,
      options,
      { filters: filters ?? null, kernelSize },
      checks,
      'kernel',
      rank === 1 ? ['valid', 'same', 'causal'] : ['valid', 'same'],
    );
    this.filters = filters;
    this.groups = options.groups ?? 1;
    this.kernelSettings = readWeight('kernel', options, 'glorotUniform');
    if (filters % this.groups !== 0) {
      throw new ArgumentError(
        `${kind}: ${countOf(filters, 'filter')} cannot be divided evenly into ${countOf(this.groups, 'group')}; make filters a multiple of groups`,
        {
          layer: kind,
          argument: 'groups',
          received: this.groups,
        },
      );
    }
  }

  override get scaledByData(): readonly string[] {
    return scaledArrays('kernel', this.kernelSettings);
  }

  config() {
    return { filters: this.filters, groups: this.groups, ...this.shared(), ...describeWeight('kernel', this.kernelSettings) };
  }

  /** An output stands in one group, and an input in as many windows as its strides let it. */
  override fans(kernel: StaticShape): Fans {
    const { fanIn, fanOut } = computeFans(kernel);
    return { fanIn, fanOut: fanOut / this.groups / product(this.strides) };
  }

  protected sums(x: Tensor, channels: number, lengths: StaticShape, context: LayerContext, bias: (outputs: number) => Tensor | undefined): Tensor {
    if (channels % this.groups !== 0) {
      throw new ShapeError(
        `${countOf(channels, 'channel')} cannot be divided evenly into ${countOf(this.groups, 'group')}; the number of input channels must be a multiple of groups`,
        {
          received: channels,
          expected: this.groups,
        },
      );
    }
    const { kernel: _, ...at } = this.placesIn(lengths);
    const shape = [...this.kernelSize, channels / this.groups, this.filters];
    const kernel = kernelFirst(context.parameter('kernel', { shape, ...this.kernelSettings }));
    return conv(x, kernel, bias(this.filters), { ...at, group: this.groups });
  }
}

/** `kernelInitializer` is Glorot uniform, `biasInitializer` zeros unless given; with a critical kernel, critical too. */
export interface ConvTransposeOptions extends WindowOptions, WeightOptions<'kernel'> {
  /** Elements added behind the output, fewer than its stride; default what makes the output `strides` times its input under `'same'`. */
  readonly outputPadding?: Sizes;
}

/** The transpose of a convolution: every input spreads over a window of the output, kernel [...taps, filters, in]. Makes images larger. */
export class ConvTranspose extends Convolution {
  readonly filters: number;
  readonly outputPadding: StaticShape | undefined;
  readonly kernelSettings: WeightSettings;

  constructor(rank: Rank, filters: number, kernelSize: Sizes, options: ConvTransposeOptions = {}) {
    const kind = `conv${rank}dTranspose`;
    const checks = { filters: isCount, outputPadding: areSizes(rank, 0), ...sumChecks('kernel') };
    super(kind, rank, options, { filters: filters ?? null, kernelSize }, checks, 'kernel');
    this.filters = filters;
    this.outputPadding = options.outputPadding === undefined ? undefined : sizes(options.outputPadding, rank);
    this.kernelSettings = readWeight('kernel', options, 'glorotUniform');
    const extra = this.outputPadding;
    if (extra?.some((more, axis) => more >= (this.strides[axis] ?? 1))) {
      throw new ArgumentError(
        `${kind}: outputPadding ${showShape(extra)} must be smaller than strides ${showShape(this.strides)}; for a larger output use larger strides`,
        { layer: kind, argument: 'outputPadding', received: extra, expected: this.strides },
      );
    }
  }

  override get scaledByData(): readonly string[] {
    return scaledArrays('kernel', this.kernelSettings);
  }

  config() {
    const extra = this.outputPadding === undefined ? {} : { outputPadding: this.outputPadding };
    return { filters: this.filters, ...this.shared(), ...extra, ...describeWeight('kernel', this.kernelSettings) };
  }

  /** An output lies in as many windows as the strides let it. */
  override fans(kernel: StaticShape): Fans {
    const { fanIn, fanOut } = computeFans(kernel, { inputAxes: [-1], outputAxes: [-2] });
    return { fanIn: fanIn / product(this.strides), fanOut };
  }

  protected sums(x: Tensor, channels: number, _: StaticShape, context: LayerContext, bias: (outputs: number) => Tensor | undefined): Tensor {
    const at = this.places;
    const cuts = this.strides.map((stride, axis) =>
      cutOf({ reach: reachOf(at, axis), stride, padding: this.padding, extra: this.outputPadding?.[axis] }),
    );
    const shape = [...this.kernelSize, this.filters, channels];
    const kernel = kernelFirst(context.parameter('kernel', { shape, ...this.kernelSettings }));
    return convTranspose(x, kernel, bias(this.filters), {
      strides: this.strides,
      dilations: this.dilationRate,
      before: cuts.map(({ before }) => before),
      after: cuts.map(({ after }) => Math.max(0, after)),
      outputPadding: cuts.map(({ after }) => Math.max(0, -after)),
    });
  }
}

/** One axis of a transposed convolution; `extra` is its output padding, where that was told. */
export interface Spread {
  readonly reach: number;
  readonly stride: number;
  readonly padding: Padding;
  readonly extra: number | undefined;
}

/** What is cut off before and behind; a negative number adds behind. Lengths as in Keras. */
export function cutOf({ reach, stride, padding, extra }: Spread): { readonly before: number; readonly after: number } {
  if (padding === 'valid') return { before: 0, after: -(extra ?? Math.max(reach, stride) - reach) };
  const total = extra === undefined ? stride + reach - 2 : reach + (reach % 2) - 2 + extra;
  const left = stride > reach - 1 ? reach - 1 : Math.ceil(total / 2);
  return { before: reach - 1 - left, after: reach - 1 - (total - left) };
}
