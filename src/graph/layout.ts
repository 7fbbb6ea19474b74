import { normalizeAxis, type Shape, sameShape } from '../core/shape.js';
import { applyOne, bodiesOf, constantInts, int64, type Node, type Tensor, topological } from './node.js';
import { concat, dimOf, reshape, transpose } from './ops/index.js';
import { rewrite } from './rewrite.js';

/**
 * Lets transposes sink through what does not care about the order of axes, so that those that bring an order back meet those that changed it, and both go:
 * between two convolutions, which want channels first, nothing is turned to channels last and back.
 */
export function sinkTransposes(outputs: readonly Tensor[]): Tensor[] {
  const nodes = topological(outputs);
  if (!nodes.some((node) => isTurn(node) && node.attributes.perm.length >= LEAST)) return [...outputs];
  const branches = new Set(nodes.flatMap((node) => bodiesOf(node).flatMap(({ interior }) => [...(interior ?? [])])));
  return rewrite(outputs, new Map(), (node, before) => {
    // What is made anew would not be known as the branch's own, and run whichever is taken.
    if (branches.has(before) || node.outputs.length !== 1) return undefined;
    const better = turnedTwice(node) ?? lengths(node) ?? throughElements(node) ?? throughReduction(node) ?? throughConcat(node);
    return better && [better];
  });
}

/** Matrices are left to the `Gemm` that reads them turned. */
const LEAST = 3;

interface Turn extends Node {
  readonly attributes: { readonly perm: readonly number[] };
}

function isTurn(node: Node): node is Turn {
  return node.record.name === 'Transpose';
}

/** The transpose that a tensor is. */
function turnOf(tensor: Tensor | undefined): { readonly source: Tensor; readonly perm: readonly number[] } | undefined {
  if (!tensor || tensor.rank < LEAST || !isTurn(tensor.node)) return undefined;
  return { source: tensor.node.inputs[0] as Tensor, perm: tensor.node.attributes.perm };
}

/** A transpose, or what it is of where it changes nothing. */
function turned(source: Tensor, perm: readonly number[]): Tensor {
  return perm.every((axis, i) => axis === i) ? source : transpose(source, perm);
}

const inverse = (perm: readonly number[]): number[] => perm.map((_, axis) => perm.indexOf(axis));

/** Two transposes are one, or none. */
function turnedTwice(node: Node): Tensor | undefined {
  const first = turnOf(node.inputs[0]);
  if (!first || !isTurn(node)) return undefined;
  return turned(
    first.source,
    node.attributes.perm.map((axis) => first.perm[axis] as number),
  );
}

/** Lengths are asked of what was turned, lest it be turned for nothing else. */
function lengths(node: Node): Tensor | undefined {
  const turn = turnOf(node.inputs[0]);
  if (!turn) return undefined;
  const { source, perm } = turn;
  if (node.record.name === 'Size') return applyOne(node.record, [source]);
  if (node.record.name !== 'Shape') return undefined;
  const { start = 0, end = perm.length } = node.attributes;
  return concat(
    perm.slice(Number(start), Number(end)).map((axis) => dimOf(source, axis)),
    0,
  );
}

/** f(xᵀ, y) of single elements is f(x, y turned back)ᵀ where y costs nothing to turn. */
function throughElements(node: Node): Tensor | undefined {
  const output = node.outputs[0] as Tensor;
  if (!node.record.evaluate || output.rank < LEAST) return undefined;
  const turn = node.inputs.map(turnOf).find((found) => found?.perm.length === output.rank);
  if (!turn) return undefined;
  const whole = node.inputs.filter(({ shape }) => sameShape(shape, output.shape));
  const inputs = node.inputs.map((tensor) => turnedBack(spreadElsewhere(tensor, whole), turn.perm));
  if (!inputs.every((tensor) => tensor !== undefined)) return undefined;
  return transpose(applyOne(node.record, inputs, node.attributes), turn.perm);
}

/** What was spread to a shape that another operand has anyway is as good before. */
function spreadElsewhere(tensor: Tensor, whole: readonly Tensor[]): Tensor {
  const { record, inputs } = tensor.node;
  return record.name === 'Expand' && whole.some((other) => other !== tensor && other.node.record.name !== 'Expand') ? (inputs[0] as Tensor) : tensor;
}

/** An operand in the order that `perm` leads from; undefined where that would move many elements. */
function turnedBack(tensor: Tensor, perm: readonly number[]): Tensor | undefined {
  const turn = turnOf(tensor);
  if (turn && sameShape(turn.perm, perm)) return turn.source;
  const aligned: Shape = [...perm.slice(tensor.rank).map(() => 1), ...tensor.shape];
  const long = aligned.flatMap((dim, axis) => (dim === 1 ? [] : [perm[axis] as number]));
  if (long.length === 0) return tensor;
  if (long.length === perm.length || !long.every((axis, i) => i === 0 || axis > (long[i - 1] as number))) return undefined;
  const back = inverse(perm).map((axis) => aligned[axis] ?? 1);
  const shape = back.slice(back.findIndex((dim) => dim !== 1));
  // A reshape finds one length that only the data tell, besides those that stay where they are.
  return shape.filter((dim, axis) => typeof dim === 'string' && dim !== tensor.shape[axis]).length > 1 ? undefined : reshape(tensor, shape);
}

const reductions: ReadonlySet<string> = new Set(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceLogSumExp']);

/** A sum over axes of xᵀ is a sum over the axes from which they came. */
function throughReduction(node: Node): Tensor | undefined {
  const turn = turnOf(node.inputs[0]);
  if (!turn || !reductions.has(node.record.name)) return undefined;
  const { source, perm } = turn;
  const [, axes] = node.inputs;
  const over = axes && constantInts(axes)?.map((axis) => perm[normalizeAxis(axis, perm.length)] as number);
  // No axes at all, in a list of none, are all of them.
  if (axes && !over?.length) return undefined;
  const reduced = applyOne(node.record, over ? [source, int64(over)] : [source], node.attributes);
  if (node.attributes.keepdims !== 0) return turned(reduced, perm);
  const left = perm.filter((axis) => over && !over.includes(axis));
  const order = [...left].sort((a, b) => a - b);
  return turned(
    reduced,
    left.map((axis) => order.indexOf(axis)),
  );
}

/** Pieces that are turned alike are joined before. */
function throughConcat(node: Node): Tensor | undefined {
  const turns = node.inputs.map(turnOf);
  const perm = turns[0]?.perm;
  if (node.record.name !== 'Concat' || !perm || !turns.every((turn) => turn && sameShape(turn.perm, perm))) return undefined;
  const pieces = turns.flatMap((turn) => (turn ? [turn.source] : []));
  return transpose(concat(pieces, perm[normalizeAxis(Number(node.attributes.axis), perm.length)] as number), perm);
}
