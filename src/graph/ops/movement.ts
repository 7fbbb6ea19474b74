import { countOf } from '../../core/count.js';
import { type DType, isFloat } from '../../core/dtype.js';
import { ArgumentError, ShapeError } from '../../core/errors.js';
import { broadcastShapes, type Dim, isStatic, normalizeAxis, type Shape, sameShape, showShape, sizeOf } from '../../core/shape.js';
import { type Attributes, applyOne, constantInts, int64, makeNode, notDifferentiable, type OpRecord, scalar, type Tensor } from '../node.js';
import { elementTypes } from '../onnx/schema.js';
import { reducer } from './reduce.js';

export type { ReduceOptions } from './reduce.js';

/** Movement of elements: nothing here computes, sums apart. `Expand` and `ReduceSum` stand here because each is the other's gradient. */

/** One output of the tensor's dtype. */
export const like = (tensor: Tensor, shape: Shape = tensor.shape) => [{ dtype: tensor.dtype, shape }];

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

const Cast: OpRecord = {
  name: 'Cast',
  attributes: { to: 'int' },
  infer: ([x], { to }) => {
    const dtype = (Object.keys(elementTypes) as DType[]).find((key) => elementTypes[key] === to);
    if (!dtype || !x) throw new ArgumentError(`Cast to unknown element type ${to}`);
    return [{ dtype, shape: x.shape }];
  },
  gradient: ({ inputs: [x], dy }) => [x && isFloat(x.dtype) && isFloat(dy.dtype) ? cast(dy, x.dtype) : undefined],
  evaluate: ([x = 0], { to }) =>
    to === elementTypes.bool ? Number(x !== 0) : to === elementTypes.float32 || to === elementTypes.float64 ? x : Math.trunc(x),
};

/** The value in another element type; floats become whole numbers by cutting. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : applyOne(Cast, [x], { to: elementTypes[dtype] });
}

/** The lengths that a `Shape` gives. */
export function shapeRange(x: Tensor, { start, end }: Attributes): Dim[] {
  return x.shape.slice(start === undefined ? 0 : Number(start), end === undefined ? x.rank : Number(end));
}

const Shape_: OpRecord = {
  name: 'Shape',
  attributes: { start: 'int', end: 'int' },
  infer: ([x], attributes) => [{ dtype: 'int64', shape: [shapeRange(x as Tensor, attributes).length] }],
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

/** The lengths that an int64 tensor stands for, as far as the graph tells; lengths that only the data tell get names. */
function wholeDims(tensor: Tensor): Dim[] {
  const { node } = tensor;
  const [source] = node.inputs;
  const known = constantInts(tensor);
  if (known) return [...known];
  if (source && node.record === Shape_) return shapeRange(source, node.attributes);
  if (node.record.name === 'Concat' && tensor.rank === 1) return node.inputs.flatMap(wholeDims);
  if (source && (node.record === Identity || node.record === Cast)) return wholeDims(source);
  return Array.from({ length: Number(tensor.shape[0]) }, (_, i) => `length${node.id}.${i}`);
}

/** Shape of `from` spread over `to`; a name in `from` may stand for any length. */
function expandedShape(from: Shape, to: Shape): Dim[] {
  const lead = to.length - from.length;
  if (lead < 0) return broadcastShapes(from, to);
  return broadcastShapes(
    from.map((dim, i) => (typeof dim === 'string' && to[i + lead] !== 1 ? 1 : dim)),
    to.map((dim, i) => (typeof dim === 'string' && typeof from[i - lead] === 'number' && from[i - lead] !== 1 ? 1 : dim)),
  );
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
    return like(x as Tensor, resolveReshape((x as Tensor).shape, wholeDims(shape as Tensor)));
  },
  gradient: ({ inputs: [x], dy }) => [reshapeLike(dy, x as Tensor)],
};

interface Factors {
  /** Product of the known lengths. */
  readonly known: number;
  readonly names: string[];
}

/** What a shape's size is made of; `3*N` and `N*T` are products, other names stand for themselves. */
export function factorsOf(shape: Shape): Factors {
  const parts = shape.flatMap((dim) => (typeof dim === 'string' && !/[/+[]/.test(dim) ? dim.split('*') : [dim]));
  const isNumber = (part: Dim): boolean => part !== '' && Number.isFinite(Number(part));
  const known = parts.filter((part) => isNumber(part) && part !== -1).reduce<number>((size, part) => size * Number(part), 1);
  return { known, names: parts.filter((part) => !isNumber(part)).map(String) };
}

/** One length for a number of elements; products are written in one order, so that equal ones have one name. */
function asDim({ known, names }: Factors): Dim {
  if (names.length === 0) return known;
  const name = [...names].sort().join('*');
  if (known === 1) return name;
  return known > 1 ? `${known}*${name}` : `${name}/${1 / known}`;
}

/** Number of elements, as one length. */
export function sizeDim(shape: Shape): Dim {
  return asDim(factorsOf(shape));
}

/** The shape that elements of shape `from` take: 0 keeps an axis, −1 is found from the others, a name that `from` lacks is found as well. */
function resolveReshape(from: Shape, lengths: Shape): Dim[] {
  const target = lengths.map((length, i) => (length === 0 ? (from[i] ?? 0) : length));
  const [source, wish] = [factorsOf(from), factorsOf(target)];
  const left = [...wish.names];
  const open = source.names.filter((name) => !takeOut(left, name));
  const wrong = (): ShapeError =>
    new ShapeError(
      `cannot reshape ${showShape(from)} to ${showShape(lengths)}: ${countOf(source.known, 'element')} against ${wish.known}${open.length > 0 ? ` for each of ${open.join('·')}` : ''}`,
    );
  const hole = target.indexOf(-1);
  const free = hole >= 0 ? hole : target.findIndex((dim) => typeof dim === 'string' && left.includes(dim));
  if (free < 0) {
    if (open.length === 0 && source.known !== wish.known) throw wrong();
    return target;
  }
  const rest = source.known / wish.known;
  if (open.length === 0 && !Number.isInteger(rest)) throw wrong();
  if (open.length === 0 || free === hole) target[free] = asDim({ known: rest, names: open });
  return target;
}

function takeOut(names: string[], name: string): boolean {
  const at = names.indexOf(name);
  if (at >= 0) names.splice(at, 1);
  return at >= 0;
}

/**
 * The same elements under another shape. One length may be −1 (found from the others); a name keeps the axis of that name of `x`,
 * a name that `x` lacks is given to the axis whose length is not known.
 * @throws ShapeError if the sizes differ.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const unknown = shape.filter((dim) => typeof dim === 'string' || dim === -1);
  const kept = (dim: Dim, i: number): boolean => unknown.length > 1 && typeof dim === 'string' && dim === x.shape[i];
  const lengths = shape.map((dim, i) => (kept(dim, i) ? 0 : typeof dim === 'string' ? -1 : dim));
  if (lengths.filter((length) => length === -1).length > 1) {
    throw new ShapeError(`cannot reshape ${showShape(x.shape)} to ${showShape(shape)}: more than one length is unknown`);
  }
  return makeTyped(Reshape, [x, int64(lengths)], resolveReshape(x.shape, shape));
}

/** What `find` finds behind a tensor, in that tensor's shape, where the tensor is a reshape of what has something behind it; else undefined. */
export function behindReshape(y: Tensor, find: (source: Tensor) => Tensor | undefined): Tensor | undefined {
  const [source, shape] = y.node.inputs;
  const found = y.node.record === Reshape && source ? find(source) : undefined;
  return found && makeTyped(Reshape, [found, shape as Tensor], y.shape);
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
  infer: ([x], attributes) => {
    const [{ shape }, perm] = [x as Tensor, attributes.perm as readonly number[]];
    if (perm.length !== shape.length || !shape.every((_, axis) => perm.includes(axis))) {
      throw new ShapeError(`a permutation must contain each axis of ${showShape(shape)} once, got ${showShape(perm)}`, { received: perm });
    }
    return like(
      x as Tensor,
      perm.map((axis) => shape[axis] as Dim),
    );
  },
  gradient: ({ attributes: { perm }, dy }) => {
    const inverse: number[] = [];
    (perm as readonly number[]).forEach((axis, i) => {
      inverse[axis] = i;
    });
    return [transpose(dy, inverse)];
  },
};

/** Permutes the axes; reverses them by default. @throws ShapeError if `perm` does not name each axis once. */
export function transpose(x: Tensor, perm: readonly number[] = x.shape.map((_, i) => x.rank - 1 - i)): Tensor {
  return applyOne(Transpose, [x], { perm: perm.map((axis) => normalizeAxis(axis, x.rank)) });
}

const Expand: OpRecord = {
  name: 'Expand',
  infer: ([x, shape]) => like(x as Tensor, expandedShape((x as Tensor).shape, wholeDims(shape as Tensor))),
  gradient: ({ inputs: [x], dy }) => [sumTo(dy, x as Tensor)],
};

/** Repeats axes of length 1 until the shape is that of `target`. */
export function expandLike(x: Tensor, target: Tensor): Tensor {
  return sameShape(x.shape, target.shape) ? x : makeTyped(Expand, [x, shapeOf(target)], target.shape);
}

/** The axes that a constant names; undefined where the operator has none. @throws ShapeError if only the data tell them. */
export function axesOf(axes: Tensor | undefined): readonly number[] | undefined {
  const known = axes && constantInts(axes);
  if (axes && !known) throw new ShapeError('axes must be constants; these are computed at run time');
  return known;
}

const ReduceSum: OpRecord = {
  name: 'ReduceSum',
  attributes: { keepdims: 'int' },
  infer: ([x, axes], { keepdims }) => like(x as Tensor, reducedShape(x as Tensor, axesOf(axes), keepdims !== 0)),
  gradient: ({ inputs: [x, axes], attributes, dy }) => [expandLike(keepAxes(dy, x as Tensor, axes, attributes.keepdims !== 0), x as Tensor)],
};

/** The axes that a reduction goes over, counted from the front: those given, all where none are. */
function reducedAxes(x: Tensor, axes: readonly number[] = []): number[] {
  return axes.length === 0 ? x.shape.map((_, i) => i) : axes.map((axis) => normalizeAxis(axis, x.rank));
}

/** Shape after a reduction over `axes` (all where undefined). */
export function reducedShape(x: Tensor, axes: readonly number[] | undefined, keepdims: boolean): Dim[] {
  const over = new Set(reducedAxes(x, axes));
  return keepdims ? x.shape.map((dim, i) => (over.has(i) ? 1 : dim)) : x.shape.filter((_, i) => !over.has(i));
}

/** Puts back, with length 1, the axes that a reduction of `x` removed from `y`. */
export function keepAxes(y: Tensor, x: Tensor, axes: Tensor | undefined, kept: boolean): Tensor {
  if (kept) return y;
  return unsqueeze(y, reducedAxes(x, axesOf(axes)));
}

/** Sum over axes. */
export const reduceSum = reducer('reduceSum', ReduceSum);

/** Sums a gradient over the axes along which its tensor was broadcast. */
export function sumTo(dy: Tensor, x: Tensor): Tensor {
  if (sameShape(dy.shape, x.shape)) return dy;
  const lead = dy.rank - x.rank;
  const axes = dy.shape.map((_, i) => i).filter((i) => i < lead || (x.shape[i - lead] === 1 && dy.shape[i] !== 1));
  if (axes.length === 0) return reshapeLike(dy, x);
  const summed = reduceSum(dy, { axes, keepdims: lead === 0 });
  return sameShape(summed.shape, x.shape) ? summed : reshapeLike(summed, x);
}

function normalAxes(axes: Tensor, rank: number): number[] {
  return (axesOf(axes) ?? []).map((axis) => normalizeAxis(axis, rank));
}

const Unsqueeze: OpRecord = {
  name: 'Unsqueeze',
  infer: ([x, axes]) => {
    const rank = (x as Tensor).rank + ((axes as Tensor).node.value?.size ?? 0);
    const added = normalAxes(axes as Tensor, rank);
    const shape: Dim[] = [];
    let next = 0;
    for (let i = 0; i < rank; i++) shape.push(added.includes(i) ? 1 : ((x as Tensor).shape[next++] as Dim));
    return like(x as Tensor, shape);
  },
  gradient: ({ inputs: [, axes], dy }) => [squeeze(dy, normalAxes(axes as Tensor, dy.rank))],
};

/** Adds axes of length 1 at the positions given (counted in the result). @throws ShapeError if two are one. */
export function unsqueeze(x: Tensor, axes: readonly number[]): Tensor {
  if (axes.length === 0) return x;
  const rank = x.rank + axes.length;
  const added = axes.map((axis) => normalizeAxis(axis, rank)).sort((a, b) => a - b);
  if (new Set(added).size < added.length)
    throw new ShapeError(`cannot add the same axis twice, got ${showShape(axes)}`, { argument: 'axes', received: axes });
  return applyOne(Unsqueeze, [x, int64(added)]);
}

/** Those named, or all of length 1. */
function removedAxes(x: Tensor, axes: Tensor | undefined): number[] {
  return axes ? normalAxes(axes, x.rank) : x.shape.flatMap((dim, i) => (dim === 1 ? [i] : []));
}

const Squeeze: OpRecord = {
  name: 'Squeeze',
  infer: ([x, axes]) => {
    const removed = removedAxes(x as Tensor, axes);
    return like(
      x as Tensor,
      (x as Tensor).shape.filter((_, i) => !removed.includes(i)),
    );
  },
  gradient: ({ inputs: [x, axes], dy }) => [unsqueeze(dy, removedAxes(x as Tensor, axes))],
};

/** Removes axes of length 1. @throws ShapeError if one is longer. */
export function squeeze(x: Tensor, axes: readonly number[]): Tensor {
  if (axes.length === 0) return x;
  const normal = axes.map((axis) => normalizeAxis(axis, x.rank));
  for (const axis of normal) {
    if (typeof x.shape[axis] === 'number' && x.shape[axis] !== 1) throw new ShapeError(`cannot squeeze axis ${axis} of ${showShape(x.shape)}`);
  }
  return applyOne(Squeeze, [x, int64(normal)]);
}

export const movementRecords = { Identity, Cast, Shape: Shape_, Size, Reshape, Transpose, Expand, ReduceSum, Unsqueeze, Squeeze };
