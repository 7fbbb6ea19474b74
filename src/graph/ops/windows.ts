import { countOf } from '../../core/count.js';
import { ShapeError } from '../../core/errors.js';
import { type Dim, type Shape, type StaticShape, showShape } from '../../core/shape.js';
import { type Attributes, type AttributeValue, applyOne, int64, scalar, type Tensor } from '../node.js';
import { joiningRecords } from './joining.js';

/** Where the windows of convolutions and pooling lie: one entry per spatial axis in every list. Tensors are [N, channels, ...spatial]. */
export interface Windows {
  /** Taps of a window. */
  readonly kernel: StaticShape;
  /** Steps from one window to the next; default 1. */
  readonly strides: StaticShape;
  /** Steps from one tap to the next; default 1. */
  readonly dilations: StaticShape;
  /** Elements added before and after; default 0. */
  readonly before: StaticShape;
  readonly after: StaticShape;
}

/** The kinds of the attributes that ONNX has for windows. */
export const windowAttributes = { kernel_shape: 'ints', strides: 'ints', dilations: 'ints', pads: 'ints' } as const;

const ints = (value: AttributeValue | undefined, fallback: StaticShape): StaticShape => (Array.isArray(value) ? (value as StaticShape) : fallback);

/** Windows with what is not said filled in. */
export function windows(kernel: StaticShape, given: Partial<Windows> = {}): Windows {
  const [ones, zeros] = [kernel.map(() => 1), kernel.map(() => 0)];
  return { kernel, strides: ones, dilations: ones, before: zeros, after: zeros, ...given };
}

/** What attributes say; the kernel's own lengths unless `kernel_shape` tells them. */
export function windowsOf(attributes: Attributes, kernel: StaticShape = ints(attributes.kernel_shape, [])): Windows {
  const [ones, pads] = [
    kernel.map(() => 1),
    ints(
      attributes.pads,
      [...kernel, ...kernel].map(() => 0),
    ),
  ];
  return {
    kernel,
    strides: ints(attributes.strides, ones),
    dilations: ints(attributes.dilations, ones),
    before: pads.slice(0, kernel.length),
    after: pads.slice(kernel.length),
  };
}

/** The attributes that say it. */
export function attributesOf({ kernel, strides, dilations, before, after }: Windows): Attributes {
  return { kernel_shape: kernel, strides, dilations, pads: [...before, ...after] };
}

/** The entry of a list at an axis. */
export const entry = (list: StaticShape, axis: number): number => list[axis] ?? 0;

/** Elements from the first tap of a window to its last. */
export function reachOf({ kernel, dilations }: Windows, axis: number): number {
  return entry(dilations, axis) * (entry(kernel, axis) - 1) + 1;
}

/** Windows along each spatial axis of a tensor. @throws ShapeError if not one fits. */
export function countsOf(shape: Shape, at: Windows): Dim[] {
  const lengths = shape.slice(2);
  if (lengths.length !== at.kernel.length) {
    throw new ShapeError(
      `windows of ${showShape(at.kernel)} need ${countOf(at.kernel.length, 'axis', 'axes')} after batch and channels, got ${showShape(shape)}`,
    );
  }
  return lengths.map((length, axis) => {
    const extra = entry(at.before, axis) + entry(at.after, axis) - reachOf(at, axis);
    const stride = entry(at.strides, axis);
    if (typeof length === 'string') return stride === 1 && extra === -1 ? length : `${length}[windows ${extra} by ${stride}]`;
    const count = Math.floor((length + extra) / stride) + 1;
    if (count < 1)
      throw new ShapeError(`a window of ${reachOf(at, axis)} does not fit into ${countOf(length + extra + reachOf(at, axis), 'element')}`);
    return count;
  });
}

/** Lengths as numbers. @throws ShapeError if only the data tell one. */
export function known(lengths: Shape): StaticShape {
  return lengths.map((dim) => {
    if (typeof dim !== 'number') throw new ShapeError(`needs known lengths for all axes after batch and channels, got ${showShape(lengths)}`);
    return dim;
  });
}

/** Spatial lengths of a tensor. @throws ShapeError if only the data tell one. */
export function spatial(x: Tensor): StaticShape {
  return known(x.shape.slice(2));
}

/** Every tap of a window, the last axis fastest. */
export function tapsOf(kernel: StaticShape): StaticShape[] {
  return kernel.reduce<number[][]>((all, length) => all.flatMap((tap) => Array.from({ length }, (_, i) => [...tap, i])), [[]]);
}

/** Elements that the last window leaves over. */
export function leftover(lengths: StaticShape, at: Windows): number[] {
  return lengths.map((length, axis) => (length + entry(at.before, axis) + entry(at.after, axis) - reachOf(at, axis)) % entry(at.strides, axis));
}

/** Elements before and after along the spatial axes; negative numbers cut. `value` is 0 unless given. */
export function padSpatial(x: Tensor, before: StaticShape, after: StaticShape, value?: number): Tensor {
  if ([...before, ...after].every((length) => length === 0)) return x;
  const pads = int64([0, 0, ...before, 0, 0, ...after]);
  return applyOne(joiningRecords.Pad, value === undefined ? [x, pads] : [x, pads, scalar(value, x.dtype)]);
}

/** What one tap of every window sees: [.., .., ...counts] of a tensor that was padded already. */
export function seenBy(tap: StaticShape, padded: Tensor, { strides, dilations }: Windows, counts: StaticShape): Tensor {
  const starts = tap.map((i, axis) => i * entry(dilations, axis));
  const ends = starts.map((start, axis) => start + (entry(counts, axis) - 1) * entry(strides, axis) + 1);
  if (starts.every((start) => start === 0) && ends.every((end, axis) => end === padded.shape[axis + 2]) && strides.every((step) => step === 1))
    return padded;
  const axes = starts.map((_, axis) => axis + 2);
  return applyOne(joiningRecords.Slice, [padded, int64(starts), int64(ends), int64(axes), int64(strides)]);
}
