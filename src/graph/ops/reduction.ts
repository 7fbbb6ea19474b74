import { checkOptionNames } from '../../core/expect.js';
import { normalizeAxis, type Shape } from '../../core/shape.js';
import { applyOne, type GradientContext, notDifferentiable, type OpRecord, type Tensor } from '../node.js';
import { div, equal, mul, sub } from './arithmetic.js';
import { exp } from './elementwise.js';
import { axesOf, behindReshape, cast, expandLike, keepAxes, reducedShape, reduceSum, sizeAs } from './movement.js';
import { reducer } from './reduce.js';

function reduction(name: string, gradient: (x: Tensor, y: Tensor, dy: Tensor, axes: readonly number[] | undefined) => Tensor): OpRecord {
  return {
    name,
    attributes: { keepdims: 'int' },
    infer: ([x, axes], { keepdims }) => [{ dtype: (x as Tensor).dtype, shape: reducedShape(x as Tensor, axesOf(axes), keepdims !== 0) }],
    gradient: ({ inputs: [x, axes], outputs: [y], attributes, dy }: GradientContext) => {
      const widen = (t: Tensor) => keepAxes(t, x as Tensor, axes, attributes.keepdims !== 0);
      return [gradient(x as Tensor, widen(y as Tensor), widen(dy), axesOf(axes))];
    },
  };
}

const ReduceMean = reduction('ReduceMean', (x, y, dy) => expandLike(div(dy, div(sizeAs(x, x.dtype), sizeAs(y, x.dtype))), x));
/** Ties share the gradient equally. */
const towardsExtremes = (x: Tensor, y: Tensor, dy: Tensor, axes: readonly number[] | undefined): Tensor => {
  const hit = cast(equal(x, y), x.dtype);
  return mul(hit, div(dy, reduceSum(hit, { ...(axes ? { axes } : {}), keepdims: true })));
};
const ReduceMax = reduction('ReduceMax', towardsExtremes);
const ReduceMin = reduction('ReduceMin', towardsExtremes);
const ReduceLogSumExp = reduction('ReduceLogSumExp', (x, y, dy) => mul(dy, exp(sub(x, y))));

/** Mean over axes. */
export const reduceMean = reducer('reduceMean', ReduceMean);
/** Maximum over axes. */
export const reduceMax = reducer('reduceMax', ReduceMax);
/** Minimum over axes. */
export const reduceMin = reducer('reduceMin', ReduceMin);
/** log Σ eˣ over axes, without overflow. */
export const reduceLogSumExp = reducer('reduceLogSumExp', ReduceLogSumExp);

const onAxis = (name: string, gradient: (y: Tensor, dy: Tensor, axis: number) => Tensor): OpRecord => ({
  name,
  attributes: { axis: 'int' },
  infer: ([x]) => [x as Tensor],
  gradient: ({ outputs: [y], dy, attributes }) => [gradient(y as Tensor, dy, attributes.axis as number)],
});

const Softmax = onAxis('Softmax', (y, dy, axis) => {
  const product = mul(dy, y);
  return sub(product, mul(y, reduceSum(product, { axes: [axis], keepdims: true })));
});
const LogSoftmax = onAxis('LogSoftmax', (y, dy, axis) => sub(dy, mul(exp(y), reduceSum(dy, { axes: [axis], keepdims: true }))));

/** eˣ / Σ eˣ along an axis; default the last. */
export function softmax(x: Tensor, axis = -1): Tensor {
  return applyOne(Softmax, [x], { axis: normalizeAxis(axis, x.rank) });
}

/** log softmax, stable for large |x|. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return applyOne(LogSoftmax, [x], { axis: normalizeAxis(axis, x.rank) });
}

/** The logits behind a tensor that is the softmax of something along its last axis, reshaped or not as long as that axis stays; else undefined. */
export function softmaxLogits(y: Tensor): Tensor | undefined {
  const { record, attributes, inputs } = y.node;
  if (record === Softmax) return attributes.axis === y.rank - 1 ? inputs[0] : undefined;
  const width = y.shape.at(-1);
  return behindReshape(y, (source) => (typeof width === 'number' && source.shape.at(-1) === width ? softmaxLogits(source) : undefined));
}

const ArgMax: OpRecord = {
  name: 'ArgMax',
  attributes: { axis: 'int', keepdims: 'int' },
  infer: ([x], { axis, keepdims }) => [{ dtype: 'int64', shape: reducedShape(x as Tensor, [axis as number], keepdims !== 0) as Shape }],
  gradient: notDifferentiable('an index jumps'),
};

/** Index of the maximum along an axis, the first of ties; int64. */
export function argMax(x: Tensor, options: { readonly axis?: number; readonly keepdims?: boolean } = {}): Tensor {
  checkOptionNames('argMax', options, ['axis', 'keepdims']);
  const { axis = -1, keepdims = false } = options;
  return applyOne(ArgMax, [x], { axis: normalizeAxis(axis, x.rank), keepdims: keepdims ? 1 : 0 });
}

export const reductionRecords = { ReduceMean, ReduceMax, ReduceMin, ReduceLogSumExp, Softmax, LogSoftmax, ArgMax };
