import { type Body, hasBodies, isConstant, isInput, madeSince, makeNode, type Node, nextId, type Tensor, topological } from './node.js';

/**
 * What a visitor makes of a node whose inputs were rewritten (`before` is the node as it was): its outputs, or undefined to keep it.
 * An output that nothing uses may be left undefined.
 */
export type Visitor = (node: Node, before: Node) => readonly (Tensor | undefined)[] | undefined;

/**
 * The same tensors over a changed graph: every tensor in `replace` is swapped, every node that depends on a changed one is made anew,
 * bodies included. `visit` may put other tensors in a node's place. Shared nodes stay shared.
 */
export function rewrite(outputs: readonly Tensor[], replace: ReadonlyMap<Tensor, Tensor>, visit: Visitor = () => undefined): Tensor[] {
  const swapped = new Map<Tensor, Tensor>(replace);
  const at = (tensor: Tensor): Tensor => swapped.get(tensor) ?? tensor;
  for (const node of topological(outputs)) {
    if (replace.size > 0 && node.outputs.every((tensor) => replace.has(tensor))) continue;
    const current = withInputs(node, at);
    const since = nextId();
    const results = visit(current, node) ?? current.outputs;
    if (node.label !== undefined && nextId() > since) labelMade(results, since, node.label);
    if (results === node.outputs) continue;
    node.outputs.forEach((before, i) => {
      const after = results[i];
      if (!after || after === before || replace.has(before)) return;
      if (before.name !== undefined && (!isInput(after) || isInput(before))) after.name ??= before.name;
      swapped.set(before, after);
    });
  }
  return outputs.map(at);
}

function labelMade(results: readonly (Tensor | undefined)[], since: number, text: string): void {
  const made = madeSince(
    results.flatMap((tensor) => tensor ?? []),
    since,
  );
  for (const node of made) if (!node.value) node.label ??= text;
}

/** A node of its own that computes the same; its bodies' nodes stay. */
export function copyNode(node: Node): Node {
  if (!hasBodies(node)) return remake(node, node.inputs);
  const bodies = Object.entries(node.bodies).map(([key, body]) => [key, { ...body, results: [...body.results] }]);
  return remake(node, node.inputs, Object.fromEntries(bodies));
}

/** The node over other inputs; itself where none changed. */
function withInputs(node: Node, at: (tensor: Tensor) => Tensor): Node {
  let changed = node.inputs.some((tensor) => at(tensor) !== tensor);
  if (!hasBodies(node)) return changed ? remake(node, node.inputs.map(at)) : node;
  const bodies: Record<string, Body> = {};
  for (const [key, body] of Object.entries(node.bodies)) {
    const results = body.results.map(at);
    const parameters = body.parameters.map(at);
    changed ||= results.some((tensor, i) => tensor !== body.results[i]) || parameters.some((tensor, i) => tensor !== body.parameters[i]);
    bodies[key] = { parameters, results, ...(body.interior ? { interior: interiorAfter(body.interior, at) } : {}) };
  }
  return changed ? remake(node, node.inputs.map(at), bodies) : node;
}

/** What a branch's own nodes became; those that gave way to a value from outside the branch are no longer its own. */
function interiorAfter(interior: ReadonlySet<Node>, at: (tensor: Tensor) => Tensor): Set<Node> {
  const after = new Set<Node>();
  for (const node of interior) {
    for (const before of node.outputs) {
      const tensor = at(before);
      if (tensor === before || isInput(before) || !(isInput(tensor) || isConstant(tensor))) after.add(tensor.node);
    }
  }
  return after;
}

function remake(node: Node, inputs: readonly Tensor[], bodies?: Readonly<Record<string, Body>>): Node {
  // A gradient adds to the attributes of a node with bodies, so that copies may not share them.
  const attributes = bodies ? structuredClone(node.attributes) : node.attributes;
  const made = makeNode(node.record, inputs, attributes, node.outputs, {
    ...(bodies ? { bodies } : {}),
    ...(node.value ? { value: node.value } : {}),
  });
  if (node.label !== undefined) made.label = node.label;
  return made;
}
