import { NdArray } from '../../core/ndarray.js';
import { product, type StaticShape } from '../../core/shape.js';
import { constant, type Tensor } from '../node.js';
import { concat } from './joining.js';
import { gemm, matMul } from './linear.js';
import { reduceSum, reshape, transpose } from './movement.js';
import { leftover, padSpatial, seenBy, spatial, tapsOf, type Windows, windows } from './windows.js';

/** A convolution in one group and without bias, which the formulations are written with. */
export type Convolve = (x: Tensor, kernel: Tensor, at: Windows) => Tensor;

/** Batch and channels change places. */
const turned = (x: Tensor): Tensor => transpose(x, [1, 0, ...x.shape.slice(2).map((_, i) => i + 2)]);

/**
 * Gradient of a convolution's kernel [out, in / groups, ...taps] from its input x [N, in, ...] and the gradient dy [N, out, ...] of its output.
 * Three formulations give the same; which is fastest on ONNX Runtime's kernels depends on strides and channels. Where a convolution is written out tap by tap,
 * as in float64, one by dy would have as many taps as dy has places.
 */
export function kernelGradient(x: Tensor, dy: Tensor, at: Windows, groups: number, convolve: Convolve): Tensor {
  const channels = Number(x.shape[1]);
  if (groups > 1) return groupedProducts(x, dy, at, groups);
  // The convolution that `convolved` writes has the batch, whose length is not known, for channels: its own gradient turns it back.
  if (Number.isNaN(channels)) return convolved(x, dy, at, convolve);
  if (channels === 1) return x.dtype === 'float64' ? products(x, dy, at) : convolved(x, dy, at, convolve);
  return channels < 8 || at.strides.some((stride) => stride > 1) ? unfolded(x, dy, at, convolve) : products(x, dy, at);
}

/** One matrix product for each tap: what the tap sees times dy, summed over batch and windows. */
export function products(x: Tensor, dy: Tensor, at: Windows): Tensor {
  const [channels, out] = [Number(x.shape[1]), Number(dy.shape[1])];
  const padded = turned(padSpatial(x, at.before, at.after));
  const deltas = reshape(turned(dy), [out, -1]);
  const pieces = tapsOf(at.kernel).map((tap) =>
    gemm(reshape(seenBy(tap, padded, at, spatial(dy)), [channels, -1]), deltas, undefined, { transB: true }),
  );
  return outFirst(reshape(concat(pieces, 0), [...at.kernel, channels, out]));
}

/** The same for every group, as batches of products. */
function groupedProducts(x: Tensor, dy: Tensor, at: Windows, groups: number): Tensor {
  const [channels, out] = [Number(x.shape[1]) / groups, Number(dy.shape[1]) / groups];
  const padded = turned(padSpatial(x, at.before, at.after));
  const deltas = transpose(reshape(turned(dy), [groups, out, -1]), [0, 2, 1]);
  const pieces = tapsOf(at.kernel).map((tap) => matMul(reshape(seenBy(tap, padded, at, spatial(dy)), [groups, channels, -1]), deltas));
  const taps = at.kernel.length;
  const all = reshape(concat(pieces, 0), [...at.kernel, groups, channels, out]);
  const ordered = transpose(all, [taps, taps + 2, taps + 1, ...at.kernel.map((_, i) => i)]);
  return reshape(ordered, [groups * out, channels, ...at.kernel]);
}

/** [...taps, in, out] as [out, in, ...taps]. */
function outFirst(kernel: Tensor): Tensor {
  const taps = kernel.rank - 2;
  return transpose(kernel, [taps + 1, taps, ...Array.from({ length: taps }, (_, i) => i)]);
}

/** All that windows see, unfolded by a convolution with a kernel of single ones, times dy: one product for each instance. */
export function unfolded(x: Tensor, dy: Tensor, at: Windows, convolve: Convolve): Tensor {
  const [channels, out] = [Number(x.shape[1]), Number(dy.shape[1])];
  const [taps, places] = [product(at.kernel), product(spatial(dy))];
  const single = reshape(x, [-1, 1, ...spatial(x)]);
  const columns = convolve(single, singles(at.kernel, x), at);
  const seen = reshape(columns, [x.shape[0] ?? -1, channels * taps, places]);
  const deltas = transpose(reshape(dy, [dy.shape[0] ?? -1, out, places]), [0, 2, 1]);
  const sum = reduceSum(matMul(seen, deltas), { axes: [0] });
  const last = at.kernel.length + 1;
  return transpose(reshape(sum, [channels, ...at.kernel, out]), [last, 0, ...at.kernel.map((_, i) => i + 1)]);
}

/** Kernel t is 1 at tap t. */
function singles(kernel: StaticShape, { dtype }: Tensor): Tensor {
  const taps = product(kernel);
  const array = NdArray.zeros([taps, 1, ...kernel], dtype);
  for (let tap = 0; tap < taps; tap++) array.set(tap * taps + tap, 1);
  return constant(array);
}

/** A convolution of x by dy, with strides and dilations in each other's place; batch and channels change places. */
export function convolved(x: Tensor, dy: Tensor, at: Windows, convolve: Convolve): Tensor {
  const rest = leftover(spatial(x), at);
  const over = at.after.map((length, axis) => length - (rest[axis] ?? 0));
  // What no window reaches is cut off.
  const cut = padSpatial(
    x,
    over.map(() => 0),
    over.map((length) => Math.min(0, length)),
  );
  const swapped = windows(spatial(dy), {
    strides: at.dilations,
    dilations: at.strides,
    before: at.before,
    after: over.map((length) => Math.max(0, length)),
  });
  return turned(convolve(turned(cut), turned(dy), swapped));
}
