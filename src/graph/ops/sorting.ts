import { ShapeError } from '../../core/errors.js';
import { type Dim, normalizeAxis, showShape } from '../../core/shape.js';
import { apply, constantInts, first, int64, type OpRecord, type Tensor } from '../node.js';
import { scatterElementsAdd } from './indexing.js';

const TopK: OpRecord = {
  name: 'TopK',
  attributes: { axis: 'int', largest: 'int', sorted: 'int' },
  infer: ([x, k], { axis }) => {
    const [source, count] = [x as Tensor, (k && constantInts(k)?.[0]) ?? 'top'];
    const shape = source.shape.map((dim, i): Dim => (i === axis ? count : dim));
    return [
      { dtype: source.dtype, shape },
      { dtype: 'int64', shape },
    ];
  },
  // Which elements are the largest is a matter of their order, which small changes leave alone.
  gradient: ({ inputs: [x], outputs: [, indices], attributes, dys: [dy] }) => [
    dy && scatterElementsAdd(x as Tensor, indices as Tensor, dy, attributes.axis as number),
  ],
};

/** The elements along an axis (the last unless given) from the least to the largest; its length must be known. @throws ShapeError if it is not. */
export function sort(x: Tensor, axis = -1): Tensor {
  const at = normalizeAxis(axis, x.rank);
  const length = x.shape[at];
  if (typeof length !== 'number') throw new ShapeError(`sort needs an axis of known length, axis ${axis} of ${showShape(x.shape)} is not`);
  return first(apply(TopK, [x, int64([length])], { axis: at, largest: 0, sorted: 1 }));
}

/** The k largest elements along the last axis, from the largest on, and their int64 indices; of equal ones the first come first. */
export function topK(x: Tensor, k: number): { readonly values: Tensor; readonly indices: Tensor } {
  const [values, indices] = apply(TopK, [x, int64([k])], { axis: x.rank - 1, largest: 1, sorted: 1 }).outputs;
  return { values: values as Tensor, indices: indices as Tensor };
}

export const sortingRecords = { TopK };
