import { isFloat } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import { isStatic, sameShape, sizeOf, stridesOf } from '../core/shape.js';
import { type Body, constant, constantInts, dependencies, isConstant, makeNode, type Node, scalarValue, type Tensor, topological } from './node.js';
import { type GemmOptions, gemm, sumRows } from './ops/linear.js';
import { movementRecords, shapeRange } from './ops/movement.js';
import { bodiesNeeded, branchOf, placeNodes, type Scope, sameBodies } from './place.js';
import { rewrite } from './rewrite.js';

/** Constants of more elements than this are computed by the engine. */
const FOLD_LIMIT = 4096;

/**
 * The same tensors with less work behind them: constants folded, equal nodes merged, neutral operations dropped, sums and transposes pulled
 * into the `Gemm` beside them, float64 operators that engines lack written out. What no output needs is gone, stacked values of loops included.
 * Values stay what they were up to rounding and the sign of zero.
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const composed = rewrite(outputs, new Map(), composeFloat64);
  const clean = dropUnused(merge(composed));
  const nodes = topological(clean);
  const uses = countUses(clean, nodes);
  const needs = bodiesNeeded(nodes);
  const fused = rewrite(clean, new Map(), (node, before) => {
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
  return merge(fused);
}

/** Folds constants, drops neutral operations and lets equal nodes be one. */
function merge(outputs: readonly Tensor[]): Tensor[] {
  const merged = new Map<string, readonly Tensor[]>();
  const branch = branchesOf(outputs);
  const lengthKey = lengthKeys(outputs);
  return rewrite(outputs, new Map(), (node, before) => {
    const other = neutral(node) ?? fold(node);
    if (other && !isConstant(other)) return [other];
    const kept = other?.node ?? node;
    const key = lengthKey(before) ?? mergeKey(kept);
    const result = other && [other];
    if (key === undefined) return result;
    const home = kept.value ? undefined : branch(before);
    for (let at = home; ; at = branchOf(at.parent)) {
      const known = merged.get(`${at?.order ?? 0}|${key}`);
      if (known) return known;
      if (!at) break;
    }
    merged.set(`${home?.order ?? 0}|${key}`, kept.outputs);
    return result;
  });
}

/** In which branch of an `If` each node runs: equal nodes of two branches stay two, or both would run whichever branch is taken. */
function branchesOf(outputs: readonly Tensor[]): (node: Node) => Scope | undefined {
  const nodes = topological(outputs);
  if (!nodes.some((node) => node.record.name === 'If')) return () => undefined;
  const branches = new Map<Node, Scope | undefined>();
  for (const [scope, members] of placeNodes(nodes, outputs).members) {
    const branch = branchOf(scope);
    for (const node of members) branches.set(node, branch);
  }
  return (node) => branches.get(node);
}

/** One `Shape` serves all tensors whose lengths have the same names, in the same body: hundreds of layers ask for the batch size. */
function lengthKeys(outputs: readonly Tensor[]): (node: Node) => string | undefined {
  const nodes = topological(outputs);
  if (!nodes.some(({ record }) => record === movementRecords.Shape)) return () => undefined;
  const needs = bodiesNeeded(nodes);
  const ordinals = new Map<Body, number>();
  const ordinal = (body: Body): number => ordinals.get(body) ?? ordinals.set(body, ordinals.size).size - 1;
  // Loops may stack different numbers of values along axes of one name.
  const stacked = new Set(nodes.flatMap((node) => (node.record.name === 'Loop' ? node.outputs.map(({ shape }) => shape[0]) : [])));
  return (node) => {
    const [source] = node.inputs;
    if (node.record !== movementRecords.Shape || !source) return undefined;
    const lengths = shapeRange(source, node.attributes);
    if (lengths.some((dim) => stacked.has(dim))) return undefined;
    return `lengths|${lengths}|${[...(needs.get(node) ?? [])].map(ordinal).sort()}`;
  };
}

function composeFloat64(node: Node): readonly Tensor[] | undefined {
  const composed = node.outputs[0]?.dtype === 'float64' ? node.record.compose64?.(node.inputs, node.attributes) : undefined;
  return composed && [composed];
}

/** What makes two nodes the same computation; undefined for nodes that must stay apart. */
function mergeKey(node: Node): string | undefined {
  if (node.record.name === 'Input' || Object.keys(node.bodies).length > 0) return undefined;
  const { value } = node;
  if (value)
    return value.size <= 64
      ? `${value.dtype}|${value.shape}|${Array.from(value.data as ArrayLike<number | bigint>, (element) => (Object.is(element, -0) ? '-0' : String(element)))}`
      : undefined;
  return `${node.record.name}|${node.inputs.map((tensor) => `${tensor.node.id}.${tensor.index}`)}|${JSON.stringify(node.attributes)}`;
}

/** x + 0, x − 0, x · 1, x / 1, −(−x), (xᵀ)ᵀ, Identity: the tensor that stands for the node. */
function neutral(node: Node): Tensor | undefined {
  const [a, b] = node.inputs;
  const output = node.outputs[0];
  if (!a || !output) return undefined;
  const same = (tensor: Tensor | undefined): Tensor | undefined =>
    tensor && sameShape(tensor.shape, output.shape) && tensor.dtype === output.dtype ? tensor : undefined;
  const [left, right] = [scalarValue(a), b && scalarValue(b)];
  switch (node.record.name) {
    case 'Identity':
      return a;
    case 'Add':
      return right === 0 ? same(a) : left === 0 ? same(b) : undefined;
    case 'Sub':
      return right === 0 ? same(a) : undefined;
    case 'Mul':
      return right === 1 ? same(a) : left === 1 ? same(b) : undefined;
    case 'Div':
      return right === 1 ? same(a) : undefined;
    case 'Transpose':
      return straight(node.attributes.perm as readonly number[], a);
    case 'Neg':
      return a.node.record.name === 'Neg' ? a.node.inputs[0] : undefined;
    default:
      return undefined;
  }
}

/** What lies behind transposes that leave, or bring back, the order of the axes. */
function straight(perm: readonly number[], x: Tensor): Tensor | undefined {
  if (perm.every((axis, i) => axis === i)) return x;
  if (x.node.record.name !== 'Transpose') return undefined;
  const before = x.node.attributes.perm as readonly number[];
  return perm.every((axis, i) => before[axis] === i) ? x.node.inputs[0] : undefined;
}

/** The value of an elementwise operator over small constants. */
function fold(node: Node): Tensor | undefined {
  const { evaluate } = node.record;
  const output = node.outputs[0];
  const values = node.inputs.flatMap((tensor) => tensor.node.value ?? []);
  if (!evaluate || !output || !isFloat(output.dtype) || !isStatic(output.shape) || sizeOf(output.shape) > FOLD_LIMIT) return undefined;
  if (values.length === 0 || values.length !== node.inputs.length) return undefined;
  const result = NdArray.zeros(output.shape, output.dtype);
  const index = values.map((value) => broadcastIndex(value, output.shape as readonly number[]));
  for (let i = 0; i < result.size; i++) {
    const elements = values.map((value, k) => value.at((index[k] as (flat: number) => number)(i)));
    result.set(i, evaluate(elements, node.attributes));
  }
  return constant(result);
}

/** Where element `i` of a broadcast result lies in one operand. */
function broadcastIndex(value: NdArray, shape: readonly number[]): (flat: number) => number {
  if (value.size === 1) return () => 0;
  const own = stridesOf(value.shape);
  const outer = stridesOf(shape);
  const lead = shape.length - value.shape.length;
  return (flat) =>
    value.shape.reduce(
      (offset, dim, axis) => (dim === 1 ? offset : offset + (Math.floor(flat / (outer[axis + lead] ?? 1)) % dim) * (own[axis] ?? 1)),
      0,
    );
}

function countUses(outputs: readonly Tensor[], nodes: readonly Node[]): Map<Tensor, number> {
  const uses = new Map<Tensor, number>();
  const use = (tensor: Tensor): void => {
    uses.set(tensor, (uses.get(tensor) ?? 0) + 1);
  };
  for (const node of nodes) dependencies(node).forEach(use);
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

/** The parts of s·x for a constant s that an attribute (float32 in a file) holds without loss. */
function scaledBy(tensor: Tensor): { tensor: Tensor; factor: number } | undefined {
  if (tensor.node.record.name !== 'Mul') return undefined;
  const [a, b] = tensor.node.inputs as [Tensor, Tensor];
  for (const [factor, other] of [
    [scalarValue(b), a],
    [scalarValue(a), b],
  ] as const) {
    if (factor !== undefined && sameShape(other.shape, tensor.shape) && Math.fround(factor) === factor) return { tensor: other, factor };
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

/** Takes stacked values that nothing reads out of scans and loops. */
function dropUnused(outputs: readonly Tensor[]): Tensor[] {
  const used = new Set(outputs);
  let idle = false;
  for (const node of topological(outputs).reverse()) {
    if (!node.outputs.some((tensor) => used.has(tensor))) continue;
    for (const tensor of node.inputs) used.add(tensor);
    for (const body of Object.values(node.bodies)) {
      body.results.forEach((tensor, i) => {
        if (isRead(node, i, used)) used.add(tensor);
        else idle = true;
      });
    }
  }
  if (!idle) return [...outputs];
  return rewrite(outputs, new Map(), (node, before) => withoutUnused(node, before, used));
}

/** Whether result `i` of a node's body reaches anyone: what is carried does, a stacked value where it is used. */
function isRead(node: Node, i: number, used: ReadonlySet<Tensor>): boolean {
  const { name } = node.record;
  if (name !== 'Scan' && name !== 'Loop') return true;
  const output = i - resultOffset(node);
  return output < carriedCount(node) || used.has(node.outputs[output] as Tensor);
}

/** A `Loop` computes its condition before its state. */
const resultOffset = (node: Node): number => (node.record.name === 'Loop' ? 1 : 0);
const carriedCount = (node: Node): number =>
  node.record.name === 'Loop' ? node.inputs.length - 2 : node.inputs.length - Number(node.attributes.num_scan_inputs);

function withoutUnused(node: Node, before: Node, used: ReadonlySet<Tensor>): readonly (Tensor | undefined)[] | undefined {
  const { body } = node.bodies;
  if (!body || body.results.every((_, i) => isRead(before, i, used))) return undefined;
  const stays = body.results.flatMap((_, i) => (isRead(before, i, used) ? [i] : []));
  const outputs = stays.map((i) => i - resultOffset(node)).filter((i) => i >= 0);
  const directions = node.attributes.scan_output_directions as readonly number[] | undefined;
  const carried = carriedCount(node);
  const attributes = {
    ...node.attributes,
    ...(directions ? { scan_output_directions: outputs.filter((i) => i >= carried).map((i) => directions[i - carried] ?? 0) } : {}),
  };
  const bodies = { body: { ...body, results: stays.map((i) => body.results[i] as Tensor) } };
  const types = outputs.map((i) => node.outputs[i] as Tensor);
  const made = makeNode(node.record, node.inputs, attributes, types, { bodies });
  if (node.label !== undefined) made.label = node.label;
  return node.outputs.map((_, i) => made.outputs[outputs.indexOf(i)]);
}
