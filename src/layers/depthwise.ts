import { product, type StaticShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { conv, reshape, transpose } from '../graph/ops/index.js';
import type { Fans } from '../initializers.js';
import type { LayerContext } from '../network/layer.js';
import { Convolution, kernelFirst, type Rank, type WindowOptions } from './convolution.js';
import { isCount } from './options.js';
import { describeWeight, readWeight, scaledArrays, sumChecks, type WeightOptions, type WeightSettings } from './weight-options.js';
import type { Sizes } from './windowing.js';

/** `depthwiseInitializer` is Glorot uniform, `biasInitializer` zeros unless given; with a critical kernel, critical too. */
export interface DepthwiseConvOptions extends WindowOptions, WeightOptions<'depthwise'> {
  /** Outputs for each input channel; default 1. */
  readonly depthMultiplier?: number;
}

/** [...taps, in, multiplier] as [in · multiplier, 1, ...taps]. */
function channelwise(kernel: Tensor): Tensor {
  const taps = kernel.shape.slice(0, -2);
  const outputs = product(kernel.shape.slice(-2).map(Number));
  return reshape(transpose(kernel, [taps.length, taps.length + 1, ...taps.map((_, axis) => axis)]), [outputs, 1, ...taps]);
}

/** Fans of a kernel [...taps, in, multiplier] that convolves every channel by itself. */
function channelFans(kernel: StaticShape, strides: StaticShape): Fans {
  const taps = product(kernel.slice(0, -2));
  return { fanIn: taps, fanOut: (taps * (kernel.at(-1) ?? 1)) / product(strides) };
}

/** Every channel is convolved by itself, with `depthMultiplier` kernels of its own: kernel [...taps, in, multiplier]. */
export class DepthwiseConv extends Convolution {
  readonly depthMultiplier: number;
  readonly depthwiseSettings: WeightSettings;

  constructor(rank: Rank, kernelSize: Sizes, options: DepthwiseConvOptions = {}) {
    super(`depthwiseConv${rank}d`, rank, options, { kernelSize }, { depthMultiplier: isCount, ...sumChecks('depthwise') }, 'depthwise');
    this.depthMultiplier = options.depthMultiplier ?? 1;
    this.depthwiseSettings = readWeight('depthwise', options, 'glorotUniform');
  }

  override get scaledByData(): readonly string[] {
    return scaledArrays('kernel', this.depthwiseSettings);
  }

  config() {
    return { depthMultiplier: this.depthMultiplier, ...this.shared(), ...describeWeight('depthwise', this.depthwiseSettings) };
  }

  override fans(kernel: StaticShape): Fans {
    return channelFans(kernel, this.strides);
  }

  protected sums(x: Tensor, channels: number, lengths: StaticShape, context: LayerContext, bias: (outputs: number) => Tensor | undefined): Tensor {
    const { kernel: _, ...at } = this.placesIn(lengths);
    const shape = [...this.kernelSize, channels, this.depthMultiplier];
    const kernel = channelwise(context.parameter('kernel', { shape, ...this.depthwiseSettings }));
    return conv(x, kernel, bias(channels * this.depthMultiplier), { ...at, group: channels });
  }
}

/**
 * `depthwiseInitializer` and `pointwiseInitializer` are Glorot uniform, `biasInitializer` zeros unless given; with a critical pointwise kernel, critical
 * too. The depthwise one's sums go through no activation: what suits that draws it.
 */
export interface SeparableConvOptions extends DepthwiseConvOptions, WeightOptions<'pointwise'> {}

/** A depthwise convolution, then a mixture of its channels at each place: depthwiseKernel [...taps, in, multiplier], pointwiseKernel [1 …, in · multiplier, filters]. */
export class SeparableConv extends Convolution {
  readonly filters: number;
  readonly depthMultiplier: number;
  readonly depthwiseSettings: WeightSettings;
  readonly pointwiseSettings: WeightSettings;

  constructor(rank: Rank, filters: number, kernelSize: Sizes, options: SeparableConvOptions = {}) {
    const checks = { filters: isCount, depthMultiplier: isCount, ...sumChecks('depthwise', 'pointwise') };
    super(`separableConv${rank}d`, rank, options, { filters: filters ?? null, kernelSize }, checks, 'pointwise');
    this.filters = filters;
    this.depthMultiplier = options.depthMultiplier ?? 1;
    this.depthwiseSettings = readWeight('depthwise', options, 'glorotUniform');
    this.pointwiseSettings = readWeight('pointwise', options, 'glorotUniform');
  }

  /** Of two kernels whose product makes the sums one is divided. */
  override get scaledByData(): readonly string[] {
    const mixing = scaledArrays('pointwiseKernel', this.pointwiseSettings);
    return mixing.length > 0 ? mixing : scaledArrays('depthwiseKernel', this.depthwiseSettings);
  }

  config() {
    return {
      filters: this.filters,
      depthMultiplier: this.depthMultiplier,
      ...this.shared(),
      ...describeWeight('depthwise', this.depthwiseSettings),
      ...describeWeight('pointwise', this.pointwiseSettings),
    };
  }

  override fans(kernel: StaticShape, weight?: string): Fans {
    return weight === 'depthwiseKernel' ? channelFans(kernel, this.strides) : super.fans(kernel, weight);
  }

  protected sums(x: Tensor, channels: number, lengths: StaticShape, context: LayerContext, bias: (outputs: number) => Tensor | undefined): Tensor {
    const { kernel: _, ...at } = this.placesIn(lengths);
    const inner = channels * this.depthMultiplier;
    const depthwise = context.parameter('depthwiseKernel', {
      shape: [...this.kernelSize, channels, this.depthMultiplier],
      ...this.depthwiseSettings,
      straight: true,
    });
    const pointwise = context.parameter('pointwiseKernel', {
      shape: [...this.kernelSize.map(() => 1), inner, this.filters],
      ...this.pointwiseSettings,
    });
    const each = conv(x, channelwise(depthwise), undefined, { ...at, group: channels });
    return conv(each, kernelFirst(pointwise), bias(this.filters));
  }
}
