import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type DType, isFloat } from '../../core/dtype.js';
import { type Dim, isStatic, normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../../core/shape.js';
import { applyOne, constantInts, int64, makeNode, notDifferentiable, type OpRecord, scalar, type Tensor } from '../node.js';

/** Movement of elements: nothing here computes, sums apart. `Expand` and `ReduceSum` stand here because each is the other's gradient. */

const like = (tensor: Tensor, shape: Shape = tensor.shape) => [{ dtype: tensor.dtype, shape }];

const Identity: OpRecord = {
  name: 'Identity',
  infer: ([x]) => like(x as Tensor),
  gradient: ({ dy }) => [dy],
  evaluate: ([x = 0]) => x,
};

/** The same value. */
export function identity(x: Tensor): Tensor {
  return applyOne(Identity, [x]);
}

/** ONNX's numbers for element types, as `Cast` names its target. */
export const onnxTypes: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

const Cast: OpRecord = {
  name: 'Cast',
  attributes: { to: 'int' },
  infer: ([x], { to }) => {
    const dtype = (Object.keys(onnxTypes) as DType[]).find((key) => onnxTypes[key] === to);
    if (!dtype || !x) throw new ArgumentError(`Cast to unknown element type ${to}`);
    return [{ dtype, shape: x.shape }];
  },
  gradient: ({ inputs: [x], dy }) => [x && isFloat(x.dtype) && isFloat(dy.dtype) ? cast(dy, x.dtype) : undefined],
  evaluate: ([x = 0], { to }) => (to === onnxTypes.bool ? Number(x !== 0) : to === onnxTypes.float32 || to === onnxTypes.float64 ? x : Math.trunc(x)),
};

/** The value in another element type; floats become whole numbers by cutting. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : applyOne(Cast, [x], { to: onnxTypes[dtype] });
}

const Shape_: OpRecord = {
  name: 'Shape',
  attributes: { start: 'int', end: 'int' },
  infer: ([x], { start = 0, end }) => [{ dtype: 'int64', shape: [Number(end ?? (x as Tensor).rank) - Number(start)] }],
  gradient: notDifferentiable('a shape does not depend on the elements'),
};

/** The shape as an int64 tensor; a constant where it is known. */
export function shapeOf(x: Tensor): Tensor {
  return isStatic(x.shape) ? int64(x.shape) : applyOne(Shape_, [x]);
}

/** One length as an int64 tensor of one element. */
export function dimOf(x: Tensor, axis: number): Tensor {
  const at = normalizeAxis(axis, x.rank);
  const dim = x.shape[at];
  return typeof dim === 'number' ? int64([dim]) : applyOne(Shape_, [x], { start: at, end: at + 1 });
}

const Size: OpRecord = {
  name: 'Size',
  infer: () => [{ dtype: 'int64', shape: [] }],
  gradient: notDifferentiable('a size does not depend on the elements'),
};

/** Number of elements, as a scalar of `dtype`; a constant where it is known. */
export function sizeAs(x: Tensor, dtype: DType): Tensor {
  return isStatic(x.shape) ? scalar(sizeOf(x.shape), dtype) : cast(applyOne(Size, [x]), dtype);
}

const Reshape: OpRecord = {
  name: 'Reshape',
  infer: ([x, shape]) => {
    const lengths = constantInts(shape as Tensor);
    const rank = (shape as Tensor).shape[0];
    if (!lengths) return like(x as Tensor, Array.from({ length: Number(rank) }, (_, i) => `${(x as Tensor).node.id}:${i}`));
    return like(x as Tensor, resolveReshape((x as Tensor).shape, lengths));
  },
  gradient: ({ inputs: [x], dy }) => [reshapeLike(dy, x as Tensor)],
};

function resolveReshape(from: Shape, lengths: readonly number[]): Dim[] {
  const target: Dim[] = lengths.map((length, i) => (length === 0 ? (from[i] ?? 0) : length));
  const hole = target.indexOf(-1);
  const known = from.filter((dim): dim is number => typeof dim === 'number').reduce((a, b) => a * b, 1);
  const symbols = from.filter((dim): dim is string => typeof dim === 'string');
  const left = target.filter((dim): dim is string => typeof dim === 'string');
  const open = symbols.filter((symbol) => !left.includes(symbol));
  const taken = target.filter((dim): dim is number => typeof dim === 'number' && dim !== -1).reduce((a, b) => a * b, 1);
  if (hole >= 0) {
    const rest = known / taken;
    if (open.length === 0) target[hole] = rest;
    else if (open.length === 1 && rest === 1) target[hole] = open[0] as string;
    else target[hole] = `${rest}*${open.join('*')}`;
    if (open.length === 0 && !Number.isInteger(rest)) throw new ShapeError(`cannot reshape ${showShape(from)} to ${showShape(lengths)}`);
  } else if (open.length === 0 && known !== taken) {
    throw new ShapeError(`cannot reshape ${showShape(from)} to ${showShape(lengths)}: ${known} elements against ${taken}`);
  }
  return target;
}

/**
 * The same elements under another shape. One length may be −1 (found from the others); a name keeps the axis of that name of `x`.
 * @throws ShapeError where the sizes differ.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const unknown = shape.filter((dim) => typeof dim === 'string');
  if (unknown.length > 1 || (unknown.length === 1 && shape.includes(-1))) {
    if (unknown.every((dim) => shape.indexOf(dim) === x.shape.indexOf(dim))) {
      return applyOne(Reshape, [x, int64(shape.map((dim) => (typeof dim === 'string' ? 0 : dim)))]);
    }
    throw new ShapeError(`cannot reshape ${showShape(x.shape)} to ${showShape(shape)}: more than one length is unknown`);
  }
  return applyOne(Reshape, [x, int64(shape.map((dim) => (typeof dim === 'string' ? -1 : dim)))]);
}

/** Reshapes to the shape of another tensor of the same size. */
export function reshapeLike(x: Tensor, target: Tensor): Tensor {
  if (sameShape(x.shape, target.shape)) return x;
  const names = target.shape.filter((dim) => typeof dim === 'string');
  return names.length <= 1 ? reshape(x, target.shape) : makeTyped(Reshape, [x, shapeOf(target)], target.shape);
}

function makeTyped(record: OpRecord, inputs: readonly Tensor[], shape: Shape): Tensor {
  return makeNode(record, inputs, {}, [{ dtype: (inputs[0] as Tensor).dtype, shape }]).outputs[0] as Tensor;
}

const Transpose: OpRecord = {
  name: 'Transpose',
  attributes: { perm: 'ints' },
  infer: ([x], { perm }) => like(x as Tensor, (perm as readonly number[]).map((axis) => (x as Tensor).shape[axis] as Dim)),
  gradient: ({ attributes: { perm }, dy }) => {
    const inverse: number[] = [];
    (perm as readonly number[]).forEach((axis, i) => {
      inverse[axis] = i;
    });
    return [transpose(dy, inverse)];
  },
};

/** Axes in another order; reversed unless `perm` is given. */
export function transpose(x: Tensor, perm: readonly number[] = x.shape.map((_, i) => x.rank - 1 - i)): Tensor {
  return applyOne(Transpose, [x], { perm });
}

const Expand: OpRecord = {
  name: 'Expand',
  infer: ([x, shape]) => like(x as Tensor, constantInts(shape as Tensor) ?? (x as Tensor).shape),
  gradient: ({ inputs: [x], dy }) => [sumTo(dy, x as Tensor)],
};

/** Repeats axes of length 1 until the shape is that of `target`. */
export function expandLike(x: Tensor, target: Tensor): Tensor {
  return sameShape(x.shape, target.shape) ? x : makeTyped(Expand, [x, shapeOf(target)], target.shape);
}

const ReduceSum: OpRecord = {
  name: 'ReduceSum',
  attributes: { keepdims: 'int' },
  infer: ([x, axes], { keepdims }) => like(x as Tensor, reducedShape(x as Tensor, axes && constantInts(axes), keepdims !== 0)),
  gradient: ({ inputs: [x, axes], attributes, dy }) => [expandLike(keepAxes(dy, x as Tensor, axes, attributes.keepdims !== 0), x as Tensor)],
};

/** Shape after a reduction over `axes` (all where undefined). */
export function reducedShape(x: Tensor, axes: readonly number[] | undefined, keepdims: boolean): Dim[] {
  const over = new Set((axes ?? x.shape.map((_, i) => i)).map((axis) => normalizeAxis(axis, x.rank)));
  return keepdims ? x.shape.map((dim, i) => (over.has(i) ? 1 : dim)) : x.shape.filter((_, i) => !over.has(i));
}

/** Puts back, with length 1, the axes that a reduction of `x` removed from `y`. */
export function keepAxes(y: Tensor, x: Tensor, axes: Tensor | undefined, kept: boolean): Tensor {
  if (kept) return y;
  return unsqueezeTo(y, reducedShape(x, axes && constantInts(axes), true));
}

function unsqueezeTo(y: Tensor, shape: Shape): Tensor {
  const added: number[] = [];
  let next = 0;
  shape.forEach((dim, axis) => {
    if (next < y.rank && (y.shape[next] === dim) && (dim !== 1 || y.rank - next >= shape.length - axis)) next++;
    else added.push(axis);
  });
  return unsqueeze(y, added);
}

export interface ReduceOptions {
  /** Axes to reduce; all unless given. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with length 1; false unless given. */
  readonly keepdims?: boolean;
}

export function reduceInputs(x: Tensor, axes: readonly number[] | undefined): Tensor[] {
  return axes ? [x, int64(axes.map((axis) => normalizeAxis(axis, x.rank)))] : [x];
}

/** Sum over axes. */
export function reduceSum(x: Tensor, { axes, keepdims = false }: ReduceOptions = {}): Tensor {
  if (axes?.length === 0) return x;
  return applyOne(ReduceSum, reduceInputs(x, axes), { keepdims: keepdims ? 1 : 0 });
}

/** Sums a gradient over the axes along which its tensor was broadcast. */
export function sumTo(dy: Tensor, x: Tensor): Tensor {
  if (sameShape(dy.shape, x.shape)) return dy;
  const lead = dy.rank - x.rank;
  const axes = dy.shape.map((_, i) => i).filter((i) => i < lead || (x.shape[i - lead] === 1 && dy.shape[i] !== 1));
  if (axes.length === 0) return reshapeLike(dy, x);
  const summed = reduceSum(dy, { axes, keepdims: lead === 0 });
  return sameShape(summed.shape, x.shape) ? summed : reshapeLike(summed, x);
}

const Unsqueeze: OpRecord = {
  name: 'Unsqueeze',
  infer: ([x, axes]) => {
    const added = constantInts(axes as Tensor) ?? [];
    const shape: Dim[] = [];
    let next = 0;
    for (let i = 0; i < (x as Tensor).rank + added.length; i++) shape.push(added.includes(i) ? 1 : ((x as Tensor).shape[next++] as Dim));
    return like(x as Tensor, shape);
  },
  gradient: ({ inputs: [, axes], dy }) => [squeeze(dy, constantInts(axes as Tensor) ?? [])],
};

/** Adds axes of length 1 at the positions given (counted in the result). */
export function unsqueeze(x: Tensor, axes: readonly number[]): Tensor {
  if (axes.length === 0) return x;
  const rank = x.rank + axes.length;
  return applyOne(Unsqueeze, [x, int64(axes.map((axis) => normalizeAxis(axis, rank)).sort((a, b) => a - b))]);
}

const Squeeze: OpRecord = {
  name: 'Squeeze',
  infer: ([x, axes]) => {
    const removed = constantInts(axes as Tensor) ?? [];
    return like(x as Tensor, (x as Tensor).shape.filter((_, i) => !removed.includes(i)));
  },
  gradient: ({ inputs: [, axes], dy }) => [unsqueeze(dy, constantInts(axes as Tensor) ?? [])],
};

/** Removes axes of length 1. @throws ShapeError where one is longer. */
export function squeeze(x: Tensor, axes: readonly number[]): Tensor {
  if (axes.length === 0) return x;
  const normal = axes.map((axis) => normalizeAxis(axis, x.rank));
  for (const axis of normal) {
    if (typeof x.shape[axis] === 'number' && x.shape[axis] !== 1) throw new ShapeError(`cannot squeeze axis ${axis} of ${showShape(x.shape)}`);
  }
  return applyOne(Squeeze, [x, int64(normal)]);
}

const Concat: OpRecord = {
  name: 'Concat',
  attributes: { axis: 'int' },
  infer: (inputs, attributes) => {
    const head = inputs[0] as Tensor;
    const axis = attributes.axis as number;
    const dims = inputs.map((x) => x.shape[axis] as Dim);
    for (const x of inputs) {
      if (x.rank !== head.rank || x.shape.some((dim, i) => i !== axis && dim !== head.shape[i])) {
        throw new ShapeError(`cannot concatenate ${inputs.map((one) => showShape(one.shape)).join(', ')} along axis ${axis}: the other axes differ`);
      }
    }
    const total: Dim = dims.every((dim) => typeof dim === 'number') ? dims.reduce<number>((a, b) => a + Number(b), 0) : dims.join('+');
    return like(head, head.shape.map((dim, i) => (i === axis ? total : dim)));
  },
  gradient: ({ inputs, attributes, dy }) => {
    const axis = attributes.axis as number;
    let start = 0;
    return inputs.map((x) => {
      const length = x.shape[axis];
      if (typeof length !== 'number') throw new ShapeError(`the gradient of Concat needs the lengths of axis ${axis} known, got ${showShape(x.shape)}`);
      start += length;
      return slice(dy, { axis, start: start - length, end: start });
    });
  },
};

/** Joins tensors along an axis. @throws ShapeError where other axes differ. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const head = tensors[0];
  if (!head) throw new ArgumentError('concat needs at least one tensor');
  if (tensors.length === 1) return head;
  return applyOne(Concat, tensors, { axis: normalizeAxis(axis, head.rank) });
}

const Slice: OpRecord = {
  name: 'Slice',
  infer: ([x, starts, ends, axes, steps]) => {
    const [start = 0] = constantInts(starts as Tensor) ?? [];
    const [end = 0] = constantInts(ends as Tensor) ?? [];
    const [axis = 0] = constantInts(axes as Tensor) ?? [];
    const [step = 1] = steps ? (constantInts(steps) ?? []) : [1];
    const dim = (x as Tensor).shape[axis];
    if (typeof dim !== 'number') return like(x as Tensor, (x as Tensor).shape.map((d, i) => (i === axis ? `${d}[${start}:${end}]` : d)));
    const from = start < 0 ? start + dim : start;
    const to = Math.min(end < 0 ? end + dim : end, dim);
    return like(x as Tensor, (x as Tensor).shape.map((d, i) => (i === axis ? Math.max(0, Math.ceil((to - from) / step)) : d)));
  },
  gradient: ({ inputs: [x, starts, ends, axes, steps], dy }) => {
    const [axis = 0] = constantInts(axes as Tensor) ?? [];
    const dim = (x as Tensor).shape[axis];
    const [step = 1] = steps ? (constantInts(steps) ?? []) : [1];
    if (typeof dim !== 'number' || step !== 1) throw new ShapeError('the gradient of Slice needs a known length and a step of 1');
    const [start = 0] = constantInts(starts as Tensor) ?? [];
    const [end = 0] = constantInts(ends as Tensor) ?? [];
    const from = start < 0 ? start + dim : start;
    return [pad(dy, { axis, before: from, after: dim - Math.min(end < 0 ? end + dim : end, dim) })];
  },
};

/** Elements `start` (inclusive) to `end` (exclusive) of one axis. */
export function slice(x: Tensor, { axis, start, end, step = 1 }: { axis: number; start: number; end: number; step?: number }): Tensor {
  const at = normalizeAxis(axis, x.rank);
  if (start === 0 && end === x.shape[at] && step === 1) return x;
  const inputs = [x, int64([start]), int64([end]), int64([at])];
  return applyOne(Slice, step === 1 ? inputs : [...inputs, int64([step])]);
}

const Pad: OpRecord = {
  name: 'Pad',
  infer: ([x, pads]) => {
    const lengths = constantInts(pads as Tensor) ?? [];
    const rank = (x as Tensor).rank;
    return like(
      x as Tensor,
      (x as Tensor).shape.map((dim, i) => {
        const extra = (lengths[i] ?? 0) + (lengths[i + rank] ?? 0);
        return typeof dim === 'number' ? dim + extra : extra === 0 ? dim : `${dim}+${extra}`;
      }),
    );
  },
  gradient: ({ inputs: [x, pads], dy }) => {
    const lengths = constantInts(pads as Tensor) ?? [];
    return [
      (x as Tensor).shape.reduce<Tensor>((result, dim, axis) => {
        const before = lengths[axis] ?? 0;
        if (before === 0 && dim === result.shape[axis]) return result;
        if (typeof dim !== 'number') throw new ShapeError('the gradient of Pad needs known lengths');
        return slice(result, { axis, start: before, end: before + dim });
      }, dy),
    ];
  },
};

/** Zeros before and after along one axis. */
export function pad(x: Tensor, { axis, before, after }: { axis: number; before: number; after: number }): Tensor {
  if (before === 0 && after === 0) return x;
  const at = normalizeAxis(axis, x.rank);
  const pads = new Array<number>(2 * x.rank).fill(0);
  pads[at] = before;
  pads[at + x.rank] = after;
  return applyOne(Pad, [x, int64(pads)]);
}

export const movementRecords = { Identity, Cast, Shape: Shape_, Size, Reshape, Transpose, Expand, ReduceSum, Unsqueeze, Squeeze, Concat, Slice, Pad };
