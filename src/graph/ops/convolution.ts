import { countOf } from '../../core/count.js';
import { ShapeError } from '../../core/errors.js';
import { type Dim, product, type StaticShape, showShape } from '../../core/shape.js';
import { type Attributes, applyOne, type OpRecord, type Tensor } from '../node.js';
import { add } from './arithmetic.js';
import { flip, slice, spreadOut } from './joining.js';
import { kernelGradient } from './kernel-gradient.js';
import { matMul } from './linear.js';
import { like, reduceSum, reshape, transpose } from './movement.js';
import {
  attributesOf,
  countsOf,
  entry,
  known,
  leftover,
  padSpatial,
  reachOf,
  seenBy,
  spatial,
  tapsOf,
  type Windows,
  windowAttributes,
  windows,
  windowsOf,
} from './windows.js';

const groupsOf = ({ group }: Attributes): number => (group as number | undefined) ?? 1;

/** Where a convolution has the batch for its channels, their number is not known. */
const channelsOf = (count: Dim): string => (typeof count === 'number' ? countOf(count, 'channel') : `${count} channels`);

/** Windows of a kernel [.., .., ...taps]. */
function placesOf(kernel: Tensor, attributes: Attributes): Windows {
  return windowsOf(attributes, spatial(kernel));
}

function check(name: string, x: Tensor, kernel: Tensor, bias: Tensor | undefined, channels: number, out: Dim): void {
  const taken = x.shape[1];
  if (x.rank < 3 || kernel.rank !== x.rank || (typeof taken === 'number' && taken !== channels) || kernel.dtype !== x.dtype) {
    throw new ShapeError(
      `${name} cannot apply a kernel ${kernel.dtype}${showShape(kernel.shape)} to ${x.dtype}${showShape(x.shape)}: it takes ${countOf(channels, 'channel')}`,
    );
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== out)) throw new ShapeError(`${name} needs one bias for each of ${channelsOf(out)}`);
}

const Conv: OpRecord = {
  name: 'Conv',
  attributes: { ...windowAttributes, group: 'int' },
  infer: ([x, kernel, bias], attributes) => {
    const [from, weights] = [x as Tensor, kernel as Tensor];
    const groups = groupsOf(attributes);
    const out = weights.shape[0] as Dim;
    check('Conv', from, weights, bias, Number(weights.shape[1]) * groups, out);
    if (groups > 1 && Number(out) % groups !== 0) throw new ShapeError(`Conv cannot divide ${channelsOf(out)} by ${countOf(groups, 'group')}`);
    return like(from, [from.shape[0] as Dim, out, ...countsOf(from.shape, placesOf(weights, attributes))]);
  },
  gradient: ({ inputs: [x, kernel, bias], attributes, dy, wanted }) => {
    const [from, weights] = [x as Tensor, kernel as Tensor];
    const at = placesOf(weights, attributes);
    const groups = groupsOf(attributes);
    return [
      wanted(0) ? inputGradient(dy, weights, at, groups, spatial(from)) : undefined,
      wanted(1) ? kernelGradient(from, dy, at, groups, convolution) : undefined,
      bias && wanted(2) ? channelSums(dy) : undefined,
    ];
  },
  compose64: ([x, kernel, bias], attributes) => {
    const [from, weights] = [x as Tensor, kernel as Tensor];
    const at = placesOf(weights, attributes);
    const counts = known(countsOf(from.shape, at));
    const padded = padSpatial(from, at.before, at.after);
    const groups = groupsOf(attributes);
    const [out, channels] = [Number(weights.shape[0]) / groups, Number(weights.shape[1])];
    const parts = tapsOf(at.kernel).map((tap, i) =>
      matMul(
        reshape(tapOf(weights, at, i), [groups, out, channels]),
        reshape(seenBy(tap, padded, at, counts), [from.shape[0] as Dim, groups, channels, product(counts)]),
      ),
    );
    return withBias(reshape(total(parts), [from.shape[0] as Dim, groups * out, ...counts]), bias);
  },
};

const ConvTranspose: OpRecord = {
  name: 'ConvTranspose',
  attributes: { ...windowAttributes, group: 'int', output_padding: 'ints' },
  infer: ([x, kernel, bias], attributes) => {
    const [from, weights] = [x as Tensor, kernel as Tensor];
    const at = placesOf(weights, attributes);
    const groups = groupsOf(attributes);
    const out = groups === 1 ? (weights.shape[1] as Dim) : Number(weights.shape[1]) * groups;
    check('ConvTranspose', from, weights, bias, Number(weights.shape[0]), out);
    const extra = outputPadding(attributes, at);
    const lengths = from.shape.slice(2).map((length, axis): Dim => {
      const [stride, more] = [entry(at.strides, axis), entry(extra, axis)];
      if (more >= stride) throw new ShapeError(`ConvTranspose needs an output padding below its stride of ${stride}, got ${more}`);
      const rest = more + reachOf(at, axis) - entry(at.before, axis) - entry(at.after, axis) - stride;
      if (typeof length === 'string') return stride === 1 && rest === 0 ? length : `${length}[spread ${stride} and ${rest}]`;
      if (stride * length + rest < 1) throw new ShapeError(`ConvTranspose crops away all of ${showShape(from.shape)}: its padding is too large`);
      return stride * length + rest;
    });
    return like(from, [from.shape[0] as Dim, out, ...lengths]);
  },
  gradient: ({ inputs: [x, kernel, bias], attributes, dy, wanted }) => {
    const [from, weights] = [x as Tensor, kernel as Tensor];
    const at = placesOf(weights, attributes);
    const groups = groupsOf(attributes);
    return [
      wanted(0) ? applyOne(Conv, [dy, weights], { ...attributesOf(at), group: groups }) : undefined,
      wanted(1) ? kernelGradient(dy, from, at, groups, convolution) : undefined,
      bias && wanted(2) ? channelSums(dy) : undefined,
    ];
  },
  compose64: ([x, kernel, bias], attributes) => {
    const [from, weights] = [x as Tensor, kernel as Tensor];
    const at = placesOf(weights, attributes);
    const groups = groupsOf(attributes);
    const [channels, out] = [Number(weights.shape[0]) / groups, Number(weights.shape[1])];
    const lengths = spatial(from);
    const extra = outputPadding(attributes, at);
    const values = reshape(from, [from.shape[0] as Dim, groups, channels, product(lengths)]);
    const parts = tapsOf(at.kernel).map((tap, i) => {
      const sums = matMul(transpose(reshape(tapOf(weights, at, i), [groups, channels, out]), [0, 2, 1]), values);
      const spread = at.strides.reduce(
        (wide, stride, axis) => spreadOut(wide, axis + 2, stride),
        reshape(sums, [from.shape[0] as Dim, groups * out, ...lengths]),
      );
      const before = tap.map((step, axis) => step * entry(at.dilations, axis) - entry(at.before, axis));
      const after = tap.map(
        (step, axis) => reachOf(at, axis) + entry(extra, axis) - entry(at.after, axis) - entry(at.strides, axis) - step * entry(at.dilations, axis),
      );
      return padSpatial(spread, before, after);
    });
    return withBias(total(parts), bias);
  },
};

const total = (parts: readonly Tensor[]): Tensor => parts.reduce((a, b) => add(a, b));

function outputPadding({ output_padding: given }: Attributes, at: Windows): StaticShape {
  return Array.isArray(given) ? (given as StaticShape) : at.kernel.map(() => 0);
}

/** The weights of the `i`-th tap: [a, b, 1] of [a, b, ...taps]. */
function tapOf(kernel: Tensor, at: Windows, i: number): Tensor {
  return slice(reshape(kernel, [...kernel.shape.slice(0, 2), product(at.kernel)]), { axis: 2, start: i, end: i + 1 });
}

function withBias(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias ? add(y, reshape(bias, [-1, ...y.shape.slice(2).map(() => 1)])) : y;
}

/** Sum over batch and places. */
function channelSums(dy: Tensor): Tensor {
  return reduceSum(dy, { axes: dy.shape.map((_, axis) => axis).filter((axis) => axis !== 1) });
}

/** Places from which a convolution with the kernel turned around beats the engine's transposed one. */
const LARGE = 1024;

/** Gradient of a convolution's input: each delta spread over what its window saw. */
function inputGradient(dy: Tensor, kernel: Tensor, at: Windows, groups: number, lengths: StaticShape): Tensor {
  const [before, after] = [at.before, at.after].map((pads) => pads.map((length, axis) => reachOf(at, axis) - 1 - length)) as [number[], number[]];
  const turnable = groups === 1 && at.strides.every((stride) => stride === 1) && [...before, ...after].every((length) => length >= 0);
  if (turnable && product(lengths) >= LARGE)
    return convolution(dy, turnedAround(kernel), windows(at.kernel, { dilations: at.dilations, before, after }));
  return applyOne(ConvTranspose, [dy, kernel], { ...attributesOf(at), group: groups, output_padding: leftover(lengths, at) });
}

/** Inputs and outputs change places, and every axis of taps runs backwards. */
function turnedAround(kernel: Tensor): Tensor {
  const axes = kernel.shape.map((_, axis) => axis).slice(2);
  return transpose(axes.reduce(flip, kernel), [1, 0, ...axes]);
}

/**
 * Correlation of x [N, in, ...] with a kernel [out, in / groups, ...taps]: [N, out, ...]. Bias [out].
 * @throws ShapeError if channels do not fit or no window fits.
 */
export function conv(
  x: Tensor,
  kernel: Tensor,
  bias?: Tensor,
  { group = 1, ...at }: Partial<Omit<Windows, 'kernel'>> & { group?: number } = {},
): Tensor {
  const attributes = { ...attributesOf(windows(spatial(kernel), at)), group };
  return applyOne(Conv, bias ? [x, kernel, bias] : [x, kernel], attributes);
}

const convolution = (x: Tensor, kernel: Tensor, at: Windows): Tensor => conv(x, kernel, undefined, at);

/**
 * The transpose of a convolution with a kernel [in, out / groups, ...taps]: every element of x [N, in, ...] spreads over a window of the output.
 * `outputPadding` adds elements behind, less than the stride; default 0.
 */
export function convTranspose(
  x: Tensor,
  kernel: Tensor,
  bias?: Tensor,
  { group = 1, outputPadding: extra, ...at }: Partial<Omit<Windows, 'kernel'>> & { group?: number; outputPadding?: StaticShape } = {},
): Tensor {
  const places = windows(spatial(kernel), at);
  const attributes = { ...attributesOf(places), group, output_padding: extra ?? places.kernel.map(() => 0) };
  return applyOne(ConvTranspose, bias ? [x, kernel, bias] : [x, kernel], attributes);
}

export const convolutionRecords = { Conv, ConvTranspose };
