import { ShapeError } from '../../core/errors.js';
import { broadcastShapes, type Dim, type Shape, showShape } from '../../core/shape.js';
import { applyOne, first, makeNode, type OpRecord, scalar, type Tensor } from '../node.js';
import { mul } from './arithmetic.js';
import { dimOf, movementRecords, reshape, sumTo, transpose, unsqueeze } from './movement.js';

const { Expand } = movementRecords;

const MatMul: OpRecord = {
  name: 'MatMul',
  infer: ([a, b]) => {
    const [left, right] = [a as Tensor, b as Tensor];
    const [inner, outer] = [left.shape[left.rank - 1], right.shape[right.rank - 2]];
    if (left.rank < 2 || right.rank < 2 || (inner !== outer && typeof inner === 'number' && typeof outer === 'number') || left.dtype !== right.dtype) {
      throw new ShapeError(`cannot multiply matrices ${left.dtype}${showShape(left.shape)} and ${right.dtype}${showShape(right.shape)}: the inner lengths must be equal`);
    }
    const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
    return [{ dtype: left.dtype, shape: [...batch, left.shape[left.rank - 2] as Dim, right.shape[right.rank - 1] as Dim] }];
  },
  gradient: ({ inputs: [a, b], dy, wanted }) => [
    wanted(0) ? sumTo(matMul(dy, swapLast(b as Tensor)), a as Tensor) : undefined,
    wanted(1) ? sumTo(matMul(swapLast(a as Tensor), dy), b as Tensor) : undefined,
  ],
};

/** Sum over the rows of a matrix [n, m] as 1ᵀ·X: the engine's matrix kernels add columns several times faster than its reductions. */
export function sumRows(x: Tensor): Tensor {
  const one = reshape(scalar(1, x.dtype), [1]);
  const rows = x.shape[0] as Dim;
  const ones = makeNode(Expand, [one, dimOf(x, 0)], {}, [{ dtype: x.dtype, shape: [rows] }]);
  return first(makeNode(MatMul, [first(ones), x], {}, [{ dtype: x.dtype, shape: x.shape.slice(1) }]));
}

function swapLast(x: Tensor): Tensor {
  const axes = x.shape.map((_, i) => i);
  return transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** Matrix product over the last two axes; leading axes broadcast. @throws ShapeError where the inner lengths differ. */
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
  infer: ([a, b], { transA, transB }) => {
    const [left, right] = [a as Tensor, b as Tensor];
    const turned = (shape: Shape, flag: unknown): Shape => (flag ? [shape[1] as Dim, shape[0] as Dim] : shape);
    const [rows, inner] = turned(left.shape, transA);
    const [outer, columns] = turned(right.shape, transB);
    if (left.rank !== 2 || right.rank !== 2 || inner !== outer || left.dtype !== right.dtype) {
      throw new ShapeError(
        `cannot multiply matrices ${left.dtype}${showShape(left.shape)}${transA ? 'ᵀ' : ''} and ${right.dtype}${showShape(right.shape)}${transB ? 'ᵀ' : ''}: the inner lengths must be equal`,
      );
    }
    return [{ dtype: left.dtype, shape: [rows as Dim, columns as Dim] }];
  },
  gradient: ({ inputs: [a, b, c], attributes, dy, wanted }) => {
    const [left, right] = [a as Tensor, b as Tensor];
    const { alpha = 1, beta = 1 } = attributes as GemmOptions;
    const [transA, transB] = [Boolean(attributes.transA), Boolean(attributes.transB)];
    const dA = () => (transA ? gemm(right, dy, undefined, { alpha, transA: transB, transB: true }) : gemm(dy, right, undefined, { alpha, transB: !transB }));
    const dB = () => (transB ? gemm(dy, left, undefined, { alpha, transA: true, transB: transA }) : gemm(left, dy, undefined, { alpha, transA: !transA }));
    return [wanted(0) ? dA() : undefined, wanted(1) ? dB() : undefined, c && wanted(2) ? sumTo(beta === 1 ? dy : mul(dy, beta), c) : undefined];
  },
};

/** alpha·A·B + beta·C over matrices, A and B transposed on request; C broadcasts. One pass over the result. */
export function gemm(a: Tensor, b: Tensor, c?: Tensor, { alpha = 1, beta = 1, transA = false, transB = false }: GemmOptions = {}): Tensor {
  return applyOne(Gemm, c ? [a, b, c] : [a, b], { alpha, beta, transA: Number(transA), transB: Number(transB) });
}

/** x·W + b over the last axis of `x`, whatever its rank. */
export function linear(x: Tensor, kernel: Tensor, bias?: Tensor): Tensor {
  if (x.rank === 2) return gemm(x, kernel, bias);
  if (x.rank < 2) throw new ShapeError(`linear needs at least 2 axes, got ${showShape(x.shape)}`);
  const width = x.shape[x.rank - 1] as Dim;
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
