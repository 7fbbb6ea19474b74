import { ShapeError } from '../core/errors.js';
import type { Random } from '../core/random.js';
import { normalizeAxis, type StaticShape, showShape, sizeOf } from '../core/shape.js';
import { type Fans, fill, type Initializer } from './initializer.js';

/** Axes of a kernel that count what comes in and what goes out; the others are its receptive field. */
export interface FanAxes {
  readonly inputAxes?: readonly number[] | undefined;
  readonly outputAxes?: readonly number[] | undefined;
}

/**
 * Fans of a kernel: dense `[in, out]`, convolution `[...receptive field, in, out]`, unless axes are given; `[n]` counts n both ways, a scalar 1
 * (as in Keras). @throws ShapeError for an axis that does not exist.
 */
export function computeFans(shape: StaticShape, { inputAxes = [-2], outputAxes = [-1] }: FanAxes = {}): Fans {
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) };
  const product = (axes: readonly number[]): number => axes.reduce((size, axis) => size * (shape[normalizeAxis(axis, shape.length)] ?? 1), 1);
  const [fromIn, fromOut] = [product(inputAxes), product(outputAxes)];
  const counted = new Set([...inputAxes, ...outputAxes].map((axis) => normalizeAxis(axis, shape.length)));
  if (counted.size !== inputAxes.length + outputAxes.length) {
    throw new ShapeError(
      `each axis of ${showShape(shape)} may be listed at most once, as input or output: inputAxes ${showShape(inputAxes)}, outputAxes ${showShape(outputAxes)}`,
    );
  }
  const receptiveField = shape.reduce((size, length, axis) => (counted.has(axis) ? size : size * length), 1);
  return { fanIn: fromIn * receptiveField, fanOut: fromOut * receptiveField };
}

const modes = {
  fanIn: ({ fanIn }: Fans) => fanIn,
  fanOut: ({ fanOut }: Fans) => fanOut,
  fanAvg: ({ fanIn, fanOut }: Fans) => (fanIn + fanOut) / 2,
};

/** Standard deviation of a standard normal cut at ±2. */
export const TRUNCATED_STD = 0.8796256610342398;

/** Draws with mean 0 and standard deviation `std`. */
const distributions = {
  truncatedNormal: (std: number, random: Random) => random.truncatedNormal(0, std / TRUNCATED_STD),
  untruncatedNormal: (std: number, random: Random) => random.normal(0, std),
  uniform: (std: number, random: Random) => random.uniform(-Math.sqrt(3) * std, Math.sqrt(3) * std),
};

export type Mode = keyof typeof modes;
export type Distribution = keyof typeof distributions;
export const modeNames = Object.keys(modes) as Mode[];
export const distributionNames = Object.keys(distributions) as Distribution[];

/** Variance scale / fan, whatever the distribution. Axes given for both fans come before the layer's own count, as in Keras. */
export function scaled(scale: number, mode: Mode, distribution: Distribution, axes?: FanAxes): Initializer['sample'] {
  return (shape, random, _warn, own) => {
    const fans = own?.scales && !(axes?.inputAxes && axes.outputAxes) ? own : computeFans(shape, axes);
    return spread(Math.sqrt(scale / Math.max(1, modes[mode](fans))), distribution)(shape, random);
  };
}

/** Mean 0 and that standard deviation, whatever the distribution. */
export function spread(deviation: number, distribution: Distribution): Initializer['sample'] {
  return (shape, random) => fill(sizeOf(shape), () => distributions[distribution](deviation, random));
}
