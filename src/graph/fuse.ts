import { isFloat } from '../core/dtype.js';
import { sameShape } from '../core/shape.js';
import { constantInts, dependencies, type Node, ONLOOKER, scalarValue, type Tensor, topological } from './node.js';
import { type GemmOptions, gemm, sumRows } from './ops/linear.js';
import { bodiesNeeded, sameBodies } from './place.js';
import { rewrite } from './rewrite.js';

/** Pulls sums and transposes into the `Gemm` beside them, and writes sums over rows as products. */
export function fuse(outputs: readonly Tensor[]): Tensor[] {
  const nodes = topological(outputs);
  const uses = countUses(outputs, nodes);
  const needs = bodiesNeeded(nodes);
  return rewrite(outputs, new Map(), (node, before) => {
    const better =
      columnSum(node) ??
      absorbTranspose(node) ??
      fuseGemm(node, (i) => {
        const tensor = before.inputs[i] as Tensor;
        // What a loop does not change stays outside of it.
        return uses.get(tensor) === 1 && sameBodies(needs.get(tensor.node), needs.get(before));
      });
    return better && [better];
  });
}

/** How many nodes and outputs use each tensor; those that only look on do not count, and keep for themselves what was pulled into another. */
function countUses(outputs: readonly Tensor[], nodes: readonly Node[]): Map<Tensor, number> {
  const uses = new Map<Tensor, number>();
  const use = (tensor: Tensor): void => {
    uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  };
  for (const node of nodes) if (node.label !== ONLOOKER) dependencies(node).forEach(use);
  outputs.forEach(use);
  return uses;
}

/** c ± s·(A·B) in one `Gemm` that starts from c: the update of a weight costs no pass over memory of its own. */
function fuseGemm(node: Node, usedOnce: (input: number) => boolean): Tensor | undefined {
  const { name } = node.record;
  const output = node.outputs[0];
  if ((name !== 'Add' && name !== 'Sub') || output?.rank !== 2) return undefined;
  const [a, b] = node.inputs as [Tensor, Tensor];
  const isProduct = (tensor: Tensor, i: number): boolean => tensor.node.record.name === 'Gemm' && tensor.node.inputs.length === 2 && usedOnce(i);
  const second = isProduct(b, 1);
  if (!second && !(name === 'Add' && isProduct(a, 0))) return undefined;
  const [product, other] = second ? [b, a] : [a, b];
  if (!sameShape(other.shape, product.shape)) return undefined;
  const [left, right] = product.node.inputs as [Tensor, Tensor];
  const { alpha = 1, transA, transB } = product.node.attributes as GemmOptions;
  const scaled = usedOnce(second ? 0 : 1) ? scaledBy(other) : undefined;
  return gemm(left, right, scaled?.tensor ?? other, {
    alpha: name === 'Sub' ? -alpha : alpha,
    beta: scaled?.factor ?? 1,
    transA: Boolean(transA),
    transB: Boolean(transB),
  });
}

/** The parts of s·x for a constant s that an attribute (float32 in a file) holds without loss; not of 0·x, which keeps NaN where an engine passes over x. */
function scaledBy(tensor: Tensor): { tensor: Tensor; factor: number } | undefined {
  if (tensor.node.record.name !== 'Mul') return undefined;
  const [a, b] = tensor.node.inputs as [Tensor, Tensor];
  for (const [factor, other] of [
    [scalarValue(b), a],
    [scalarValue(a), b],
  ] as const) {
    if (factor !== undefined && factor !== 0 && sameShape(other.shape, tensor.shape) && Math.fround(factor) === factor)
      return { tensor: other, factor };
  }
  return undefined;
}

/** A product of matrices one of which is transposed, as a `Gemm` that reads it so. */
function absorbTranspose(node: Node): Tensor | undefined {
  const { name } = node.record;
  const output = node.outputs[0];
  if ((name !== 'Gemm' && name !== 'MatMul') || output?.rank !== 2 || !isFloat(output.dtype)) return undefined;
  const [a, b, c] = node.inputs as [Tensor, Tensor, Tensor | undefined];
  const [left, right] = [transposed(a), transposed(b)];
  if ((!left && !right) || a.rank !== 2 || b.rank !== 2) return undefined;
  const { alpha = 1, beta = 1, transA, transB } = node.attributes as GemmOptions;
  return gemm(left ?? a, right ?? b, c, { alpha, beta, transA: Boolean(transA) !== Boolean(left), transB: Boolean(transB) !== Boolean(right) });
}

function transposed(tensor: Tensor): Tensor | undefined {
  return tensor.node.record.name === 'Transpose' && tensor.rank === 2 && sameShape(tensor.node.attributes.perm as number[], [1, 0])
    ? tensor.node.inputs[0]
    : undefined;
}

/** A sum over the first axis of a matrix, in the form that the engine computes fastest. */
function columnSum(node: Node): Tensor | undefined {
  if (node.record.name !== 'ReduceSum' || node.attributes.keepdims !== 0) return undefined;
  const [x, axes] = node.inputs;
  const over = axes && constantInts(axes);
  return x?.rank === 2 && isFloat(x.dtype) && over?.length === 1 && over[0] === 0 ? sumRows(x) : undefined;
}
