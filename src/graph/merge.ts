import { isFloat } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import { isStatic, sameShape, sizeOf, stridesOf } from '../core/shape.js';
import { givenLengths, lengthKeys, stackedNames } from './lengths.js';
import { constant, hasBodies, isConstant, type Node, scalarValue, type Tensor, topological } from './node.js';
import { branchOf, placeNodes, type Scope } from './place.js';
import { rewrite } from './rewrite.js';

/** Constants of more elements than this are computed by the engine. */
const FOLD_LIMIT = 4096;

/** Folds constants, drops neutral operations and lets equal nodes be one. */
export function merge(outputs: readonly Tensor[]): Tensor[] {
  const merged = new Map<Scope | undefined, Map<string, readonly Tensor[]>>();
  const nodes = topological(outputs);
  const branch = branchesOf(nodes, outputs);
  const stacked = stackedNames(nodes);
  const lengthKey = lengthKeys(nodes, stacked);
  const given = givenLengths(nodes, stacked);
  return rewrite(outputs, new Map(), (node, before) => {
    const other = neutral(node) ?? fold(node) ?? given(node);
    if (other && !isConstant(other)) return [other];
    const kept = other?.node ?? node;
    const key = lengthKey(before) ?? mergeKey(kept);
    const result = other && [other];
    if (key === undefined) return result;
    const home = kept.value ? undefined : branch(before);
    for (let at = home; ; at = branchOf(at.parent)) {
      const known = merged.get(at)?.get(key);
      if (known) return known;
      if (!at) break;
    }
    const own = merged.get(home) ?? new Map<string, readonly Tensor[]>();
    merged.set(home, own.set(key, kept.outputs));
    return result;
  });
}

/** In which branch of an `If` each node runs: equal nodes of two branches stay two, or both would run whichever branch is taken. */
function branchesOf(nodes: readonly Node[], outputs: readonly Tensor[]): (node: Node) => Scope | undefined {
  if (!nodes.some((node) => node.record.name === 'If')) return () => undefined;
  const branches = new Map<Node, Scope | undefined>();
  for (const [scope, members] of placeNodes(nodes, outputs).members) {
    const branch = branchOf(scope);
    for (const node of members) branches.set(node, branch);
  }
  return (node) => branches.get(node);
}

/** What makes two nodes the same computation; undefined for nodes that must stay apart. */
function mergeKey(node: Node): string | undefined {
  if (node.record.name === 'Input' || hasBodies(node)) return undefined;
  const { value } = node;
  if (value)
    return value.size <= 64
      ? `${value.dtype}|${value.shape}|${Array.from(value.data as ArrayLike<number | bigint>, (element) => (Object.is(element, -0) ? '-0' : String(element)))}`
      : undefined;
  let key = node.record.name;
  for (const { node: before, index } of node.inputs) key += `|${before.id}.${index}`;
  for (const name in node.attributes) key += `|${name}=${node.attributes[name]}`;
  return key;
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
