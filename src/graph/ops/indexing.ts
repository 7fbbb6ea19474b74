import { type DType, dtypes } from '../../core/dtype.js';
import { GradientError } from '../../core/errors.js';
import { NdArray } from '../../core/ndarray.js';
import { type Dim, isStatic, normalizeAxis, showShape, sizeOf } from '../../core/shape.js';
import { type AttributeValue, applyOne, constant, filled, notDifferentiable, type OpRecord, scalar, scalarValue, type Tensor } from '../node.js';
import { equal } from './arithmetic.js';
import { cast, expandLike, reshape, sizeDim, unsqueeze } from './movement.js';

const Gather: OpRecord = {
  name: 'Gather',
  attributes: { axis: 'int' },
  infer: ([x, indices], { axis }) => [
    {
      dtype: (x as Tensor).dtype,
      shape: (x as Tensor).shape.flatMap((dim, i): readonly Dim[] => (i === axis ? (indices as Tensor).shape : [dim])),
    },
  ],
  gradient: ({ inputs: [x, indices], attributes, dy }) => {
    const [source, at] = [x as Tensor, indices as Tensor];
    if (attributes.axis === 0) return [scatterAdd(zerosLike(source), reshape(at, [...at.shape, 1]), dy)];
    // Elementwise indices along the axis: one scatter serves every axis.
    const axis = attributes.axis as number;
    const length = isStatic(at.shape) ? sizeOf(at.shape) : -1;
    const flat = reshape(
      dy,
      source.shape.map((dim, i) => (i === axis ? length : dim)),
    );
    const column = reshape(
      at,
      source.shape.map((_, i) => (i === axis ? length : 1)),
    );
    return [scatterElementsAdd(source, expandLike(column, flat), flat, axis)];
  },
};

/** Rows of `x` along an axis (default the first) at whole-number indices. */
export function gather(x: Tensor, indices: Tensor, axis = 0): Tensor {
  return applyOne(Gather, [x, indices], { axis: normalizeAxis(axis, x.rank) });
}

const GatherElements: OpRecord = {
  name: 'GatherElements',
  attributes: { axis: 'int' },
  infer: ([x, indices]) => [{ dtype: (x as Tensor).dtype, shape: (indices as Tensor).shape }],
  gradient: ({ inputs: [x, indices], attributes, dy }) => [scatterElementsAdd(x as Tensor, indices as Tensor, dy, attributes.axis as number)],
};

/** One element along `axis` for every index. */
export function gatherElements(x: Tensor, indices: Tensor, axis: number): Tensor {
  return applyOne(GatherElements, [x, indices], { axis: normalizeAxis(axis, x.rank) });
}

/** Gradients of a scatter for data and updates; `taken` reads what went to each update's place, `cleared` is dy without those places. */
function scatterRule(reduction: AttributeValue | undefined, dy: Tensor, taken: () => Tensor, cleared: () => Tensor): (Tensor | undefined)[] {
  if (reduction === 'add') return [dy, undefined, taken()];
  if (reduction === 'none' || reduction === undefined) return [cleared(), undefined, taken()];
  throw new GradientError(`no gradient of a scatter with reduction '${reduction}'; only 'add' and 'none' have one`, { received: reduction });
}

const ScatterElements: OpRecord = {
  name: 'ScatterElements',
  attributes: { axis: 'int', reduction: 'string' },
  infer: ([x]) => [x as Tensor],
  gradient: ({ inputs: [, indices, updates], attributes: { axis, reduction }, dy }) =>
    scatterRule(
      reduction,
      dy,
      () => gatherElements(dy, indices as Tensor, axis as number),
      () => applyOne(ScatterElements, [dy, indices as Tensor, zerosLike(updates as Tensor)], { axis: axis as number, reduction: 'none' }),
    ),
};

/** Zeros like a tensor, with `updates` added along an axis where `indices` say. */
export function scatterElementsAdd(like: Tensor, indices: Tensor, updates: Tensor, axis: number): Tensor {
  return applyOne(ScatterElements, [zerosLike(like), indices, updates], { axis, reduction: 'add' });
}

const ScatterND: OpRecord = {
  name: 'ScatterND',
  attributes: { reduction: 'string' },
  infer: ([x]) => [x as Tensor],
  gradient: ({ inputs: [, indices, updates], attributes: { reduction }, dy }) => {
    const at = indices as Tensor;
    if (at.shape[at.rank - 1] !== 1)
      throw new GradientError(`no gradient of ScatterND with indices ${showShape(at.shape)}; their last axis must have length 1`);
    return scatterRule(
      reduction,
      dy,
      () => gather(dy, reshape(at, at.shape.slice(0, -1))),
      () => applyOne(ScatterND, [dy, at, zerosLike(updates as Tensor)], { reduction: 'none' }),
    );
  },
};

/** `x` with `updates` added to the rows that `indices` [..., 1] name. */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor): Tensor {
  return applyOne(ScatterND, [x, cast(indices, 'int64'), updates], { reduction: 'add' });
}

/** Zeros in the shape of another tensor. */
export function zerosLike(x: Tensor): Tensor {
  return filledLike(x, 0);
}

/** One value in the shape of another tensor. */
export function filledLike(x: Tensor, value: number): Tensor {
  return expandLike(
    filled(
      value,
      x.shape.map(() => 1),
      x.dtype,
    ),
    x,
  );
}

/** Classes up to which rows are copied from an identity matrix, which is quicker; beyond, that would be larger than all else. */
const FEW_CLASSES = 256;

/** Rows of the identity matrix: 1 at the label, else 0; labels are whole numbers in [0, classes). */
export function oneHot(labels: Tensor, classes: number, dtype: DType): Tensor {
  if (classes > FEW_CLASSES) {
    const numbers = Int32Array.from({ length: classes }, (_, i) => i);
    return cast(equal(unsqueeze(cast(labels, 'int32'), [-1]), constant(new NdArray(numbers, [classes]))), dtype);
  }
  const eye = new NdArray(dtypes[dtype].allocate(sizeOf([classes, classes])), [classes, classes], dtype);
  for (let i = 0; i < classes; i++) eye.set(i * classes + i, 1);
  return gather(constant(eye, `eye_${classes}`), cast(labels, 'int64'));
}

/** The length that a scalar stands for: the size of a tensor, or one that only the data tell. */
function sizeBehind({ node }: Tensor): Dim {
  const [source] = node.inputs;
  return source && node.record.name === 'Size' ? sizeDim(source.shape) : `range${node.id}`;
}

function rangeLength(from: number | undefined, to: Dim, step: number | undefined): Dim {
  if (from !== undefined && typeof to === 'number' && step) return Math.max(0, Math.ceil((to - from) / step));
  return from === 0 && step === 1 ? to : `range ${from ?? '?'} to ${to} by ${step ?? '?'}`;
}

const Range: OpRecord = {
  name: 'Range',
  infer: ([start, limit, delta]) => {
    const [from, to, step] = [start, limit, delta].map((t) => t && scalarValue(t));
    return [{ dtype: (start as Tensor).dtype, shape: [rangeLength(from, to ?? sizeBehind(limit as Tensor), step)] }];
  },
  gradient: notDifferentiable('a range of whole numbers does not depend on the data'),
};

/** Whole numbers 0 … n − 1, where n is an int64 scalar; `length` names the axis where it is not known. */
export function range(limit: Tensor, length?: Dim): Tensor {
  const result = applyOne(Range, [scalar(0, 'int64'), limit, scalar(1, 'int64')]);
  return length === undefined ? result : reshape(result, [length]);
}

export const indexingRecords = { Gather, GatherElements, ScatterElements, ScatterND, Range };
