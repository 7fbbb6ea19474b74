import { fuse } from './fuse.js';
import { sinkTransposes } from './layout.js';
import { merge } from './merge.js';
import { bodiesOf, makeNode, type Node, type Tensor, topological } from './node.js';
import { carriedCount } from './ops/control.js';
import { rewrite } from './rewrite.js';

/**
 * The same tensors with less work behind them: constants folded, equal nodes merged, neutral operations dropped, transposes sunk until they
 * meet the ones that take them back, sums and transposes pulled into the `Gemm` beside them, float64 operators that engines lack written out. What no output needs is gone, stacked values of loops included.
 * Values stay what they were up to rounding and the sign of zero.
 */
export function simplify(outputs: readonly Tensor[]): Tensor[] {
  const composed = rewrite(outputs, new Map(), composeFloat64);
  return merge(fuse(sinkTransposes(dropUnused(merge(composed)))));
}

function composeFloat64(node: Node): readonly Tensor[] | undefined {
  const composed = node.outputs[0]?.dtype === 'float64' ? node.record.compose64?.(node.inputs, node.attributes) : undefined;
  return composed && [composed];
}

/** Takes stacked values that nothing reads out of scans and loops. */
function dropUnused(outputs: readonly Tensor[]): Tensor[] {
  const used = new Set(outputs);
  let idle = false;
  for (const node of topological(outputs).reverse()) {
    if (!node.outputs.some((tensor) => used.has(tensor))) continue;
    for (const tensor of node.inputs) used.add(tensor);
    for (const body of bodiesOf(node)) {
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
