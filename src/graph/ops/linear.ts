import { ShapeError } from '../../core/errors.js';
import { checkOptionNames } from '../../core/expect.js';
import { broadcastShapes, type Dim, type Shape, sameShape, showShape } from '../../core/shape.js';
import { applyOne, filled, first, makeNode, type OpRecord, type Tensor } from '../node.js';
import { add, mul } from './arithmetic.js';
import { dimOf, movementRecords, reshape, reshapeLike, sumTo, transpose, unsqueeze } from './movement.js';

const { Expand } = movementRecords;

/** Whether two inner lengths can be equal; names tell nothing against a number. */
const fits = (a: Dim | undefined, b: Dim | undefined): boolean => a === b || (a !== undefined && b !== undefined && typeof a !== typeof b);

function productError(left: Tensor, right: Tensor, marks: readonly [string, string] = ['', '']): ShapeError {
  const [a, b] = [`${left.dtype}${showShape(left.shape)}${marks[0]}`, `${right.dtype}${showShape(right.shape)}${marks[1]}`];
  return new ShapeError(`cannot multiply matrices ${a} and ${b}: the inner lengths and the dtypes must be equal`);
}

const MatMul: OpRecord = {
  name: 'MatMul',
  infer: ([a, b]) => {
    const [left, right] = [a as Tensor, b as Tensor];
    // A vector counts as a row on the left and as a column on the right; its own axis is gone from the result.
    const rows = left.rank === 1 ? [] : [left.shape[left.rank - 2] as Dim];
    const columns = right.rank === 1 ? [] : [right.shape[right.rank - 1] as Dim];
    const [inner, outer] = [left.shape[left.rank - 1], right.shape[right.rank === 1 ? 0 : right.rank - 2]];
    if (!fits(inner, outer) || left.dtype !== right.dtype) throw productError(left, right);
    const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
    return [{ dtype: left.dtype, shape: [...batch, ...rows, ...columns] }];
  },
  gradient: ({ inputs: [a, b], dy, wanted }) => {
    const [left, right] = [a as Tensor, b as Tensor];
    const [row, column] = [left.rank === 1, right.rank === 1];
    const matrixA = row ? unsqueeze(left, [0]) : left;
    const matrixB = column ? unsqueeze(right, [1]) : right;
    const tall = column ? unsqueeze(dy, [dy.rank]) : dy;
    const full = row ? unsqueeze(tall, [tall.rank - 1]) : tall;
    const back = (gradient: Tensor, matrix: Tensor, x: Tensor): Tensor => reshapeLike(sumTo(gradient, matrix), x);
    return [
      wanted(0) ? back(matMul(full, swapLast(matrixB)), matrixA, left) : undefined,
      wanted(1) ? back(matMul(swapLast(matrixA), full), matrixB, right) : undefined,
    ];
  },
};

/** Sum over the rows of a matrix [n, m] as 1ᵀ·X: the engine's matrix kernels add columns several times faster than its reductions. */
export function sumRows(x: Tensor): Tensor {
  const one = filled(1, [1], x.dtype);
  const rows = x.shape[0] as Dim;
  const ones = makeNode(Expand, [one, dimOf(x, 0)], {}, [{ dtype: x.dtype, shape: [rows] }]);
  return first(makeNode(MatMul, [first(ones), x], {}, [{ dtype: x.dtype, shape: x.shape.slice(1) }]));
}

function swapLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** Matrix product over the last two axes; leading axes broadcast. @throws ShapeError if the inner lengths differ. */
export function matMul(a: Tensor, b: Tensor): Tensor {
  return applyOne(MatMul, [a, b]);
}

export interface GemmOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}

const Gemm: OpRecord = {
  name: 'Gemm',
  attributes: { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' },
  infer: ([a, b, c], { transA, transB }) => {
    const [left, right] = [a as Tensor, b as Tensor];
    const turned = (shape: Shape, flag: unknown): Shape => (flag ? [shape[1] as Dim, shape[0] as Dim] : shape);
    const [rows, inner] = turned(left.shape, transA);
    const [outer, columns] = turned(right.shape, transB);
    if (left.rank !== 2 || right.rank !== 2 || !fits(inner, outer) || left.dtype !== right.dtype) {
      throw productError(left, right, [transA ? 'ᵀ' : '', transB ? 'ᵀ' : '']);
    }
    const shape = [rows as Dim, columns as Dim];
    if (c && (c.dtype !== left.dtype || !sameShape(broadcastShapes(c.shape, shape), shape))) {
      throw new ShapeError(`cannot add ${c.dtype}${showShape(c.shape)} to a product of shape ${left.dtype}${showShape(shape)}`);
    }
    return [{ dtype: left.dtype, shape }];
  },
  gradient: ({ inputs: [a, b, c], attributes, dy, wanted }) => {
    const [left, right] = [a as Tensor, b as Tensor];
    const { alpha = 1, beta = 1 } = attributes as GemmOptions;
    const [transA, transB] = [Boolean(attributes.transA), Boolean(attributes.transB)];
    const dA = () =>
      transA ? gemm(right, dy, undefined, { alpha, transA: transB, transB: true }) : gemm(dy, right, undefined, { alpha, transB: !transB });
    const dB = () =>
      transB ? gemm(dy, left, undefined, { alpha, transA: true, transB: transA }) : gemm(left, dy, undefined, { alpha, transA: !transA });
    return [wanted(0) ? dA() : undefined, wanted(1) ? dB() : undefined, c && wanted(2) ? sumTo(beta === 1 ? dy : mul(dy, beta), c) : undefined];
  },
  // Attributes are float32 in a file.
  compose64: ([a, b, c], attributes) => {
    const { alpha = 1, beta = 1 } = attributes as GemmOptions;
    if (Math.fround(alpha) === alpha && Math.fround(beta) === beta) return undefined;
    const product = mul(applyOne(Gemm, [a as Tensor, b as Tensor], { ...attributes, alpha: 1, beta: 1 }), alpha);
    return c ? add(product, mul(c, beta)) : product;
  },
};

/** alpha·A·B + beta·C over matrices, A and B transposed on request; C broadcasts. One pass over the result. */
export function gemm(a: Tensor, b: Tensor, c?: Tensor, options: GemmOptions = {}): Tensor {
  checkOptionNames('gemm', options, ['alpha', 'beta', 'transA', 'transB']);
  const { alpha = 1, beta = 1, transA = false, transB = false } = options;
  return applyOne(Gemm, c ? [a, b, c] : [a, b], { alpha, beta, transA: Number(transA), transB: Number(transB) });
}

/** x·W + b over the last axis of `x`, whatever its rank. */
export function linear(x: Tensor, kernel: Tensor, bias?: Tensor): Tensor {
  if (x.rank === 2) return gemm(x, kernel, bias);
  if (x.rank < 2) throw new ShapeError(`linear needs at least 2 axes, got ${showShape(x.shape)}`);
  const width = x.shape[x.rank - 1] as Dim;
  if (x.shape.filter((dim) => typeof dim === 'string').length > 1) {
    // Rows that were put together could not be told apart again.
    const product = matMul(x, kernel);
    return bias ? add(product, bias) : product;
  }
  const flat = gemm(reshape(x, [-1, width]), kernel, bias);
  const units = kernel.shape[1] as Dim;
  return reshape(flat, [...x.shape.slice(0, -1), units]);
}

/** Outer product of two vectors. */
export function outer(a: Tensor, b: Tensor): Tensor {
  return mul(unsqueeze(a, [1]), unsqueeze(b, [0]));
}

export const linearRecords = { MatMul, Gemm };
export { Gemm as gemmRecord };
