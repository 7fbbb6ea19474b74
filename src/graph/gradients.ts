import { EvenkeelError, GradientError } from '../core/errors.js';
import { refuse } from '../core/expect.js';
import { sameShape, showShape } from '../core/shape.js';
import { bodiesOf, dependencies, hasBodies, madeSince, type Node, nextId, scalar, Tensor, topological } from './node.js';
import { add } from './ops/arithmetic.js';
import { zerosLike } from './ops/indexing.js';
import { expandLike } from './ops/movement.js';

export interface GradientOptions {
  /** Gradient of each output, of its shape; default ones. A scalar learning rate here scales every gradient at no cost. */
  readonly seeds?: readonly Tensor[];
}

/**
 * Gradients of (the sum of) `outputs` with respect to each tensor of `wrt`, by reverse mode: one rule per operator, applied from the outputs backwards.
 * @returns one tensor per entry of `wrt`, of its shape; zeros where the outputs do not depend on it.
 * @throws GradientError if the way to a wanted tensor leads through an operator without a gradient, ArgumentError if what is given are no tensors.
 */
export function gradients(outputs: Tensor | readonly Tensor[], wrt: readonly Tensor[], options: GradientOptions = {}): Tensor[] {
  const takesTensors = (given: unknown): boolean => Array.isArray(given) && given.every((one) => one instanceof Tensor);
  if (!(outputs instanceof Tensor || takesTensors(outputs))) refuse('gradients', 'outputs', 'a tensor, or a list of them', outputs);
  if (!takesTensors(wrt)) refuse('gradients', 'wrt', 'a list of tensors, such as [x]', wrt);
  const found = adjoints(outputs, wrt, options);
  return wrt.map((tensor) => gradientIn(found, tensor));
}

/** The same as a map, with the gradients of all tensors between; those that the outputs do not depend on are absent. */
export function adjoints(outputs: Tensor | readonly Tensor[], wrt: readonly Tensor[], { seeds }: GradientOptions = {}): ReadonlyMap<Tensor, Tensor> {
  const heads = Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor];
  return backward(heads, wrt, seeds ?? heads.map((head) => expandLike(scalarOne(head), head)));
}

/** A tensor's gradient among those found, of its shape; zeros where it has none. */
export function gradientIn(found: ReadonlyMap<Tensor, Tensor>, tensor: Tensor): Tensor {
  const gradient = found.get(tensor);
  if (!gradient) return zerosLike(tensor);
  return sameShape(gradient.shape, tensor.shape) ? gradient : expandLike(gradient, tensor);
}

function scalarOne(head: Tensor): Tensor {
  return scalar(1, head.dtype);
}

export interface BackwardOptions {
  /** End the walk at the tensors of `wrt`, as if they were independent of each other. */
  readonly stop?: boolean;
}

/** The same without filling in zeros: gradients of those `wrt` that the heads depend on. A seed may be undefined. */
export function backward(
  heads: readonly Tensor[],
  wrt: readonly Tensor[],
  seeds: readonly (Tensor | undefined)[],
  { stop = false }: BackwardOptions = {},
): Map<Tensor, Tensor> {
  const nodes = topological(heads);
  const ends = new Set(stop ? wrt : []);
  const active = activeTensors(nodes, wrt);
  const adjoints = new Map<Tensor, Tensor>();
  const contribute = (tensor: Tensor, gradient: Tensor): void => {
    const before = adjoints.get(tensor);
    if (!before) {
      adjoints.set(tensor, gradient);
      return;
    }
    const sum = add(before, gradient);
    const place = gradientLabel(tensor.node);
    if (place !== undefined) sum.node.label = place;
    adjoints.set(tensor, sum);
  };
  heads.forEach((head, i) => {
    const seed = seeds[i];
    if (seed && active.has(head)) contribute(head, seed);
  });
  for (const node of nodes.reverse()) {
    const dys = node.outputs.map((tensor) => (ends.has(tensor) ? undefined : adjoints.get(tensor)));
    const dy = dys.find((one) => one !== undefined);
    if (dy) applyRule(node, dys, dy, active, contribute);
  }
  return adjoints;
}

function gradientLabel({ label }: Node): string | undefined {
  return label === undefined || label.endsWith('/gradient') ? label : `${label}/gradient`;
}

function applyRule(
  node: Node,
  dys: readonly (Tensor | undefined)[],
  dy: Tensor,
  active: ReadonlySet<Tensor>,
  contribute: (tensor: Tensor, gradient: Tensor) => void,
): void {
  const { gradient, name } = node.record;
  const targets = [...node.inputs, ...capturedBy(node)];
  if (!targets.some((tensor) => active.has(tensor))) return;
  const place = node.label ? ` in ${node.label}` : '';
  if (typeof gradient !== 'function') {
    throw new GradientError(`no gradient through ${name}${place}: ${gradient.notDifferentiable}`, { ...(node.label ? { layer: node.label } : {}) });
  }
  const since = nextId();
  const wanted = (index: number): boolean => {
    const tensor = targets[index];
    return tensor !== undefined && active.has(tensor);
  };
  try {
    const results = gradient({ inputs: node.inputs, outputs: node.outputs, attributes: node.attributes, dy: dys[0] ?? dy, dys, node, wanted });
    const made: Tensor[] = [];
    results.forEach((result, i) => {
      const tensor = targets[i];
      if (!result || !tensor || !active.has(tensor)) return;
      made.push(result);
      contribute(tensor, result);
    });
    const text = gradientLabel(node);
    if (text !== undefined) labelMade(made, since, text);
  } catch (error) {
    if (error instanceof GradientError || !(error instanceof EvenkeelError)) throw error;
    const shapes = node.inputs.map((tensor) => showShape(tensor.shape)).join(', ');
    throw new GradientError(`no gradient through ${name}${place} with inputs ${shapes}: ${error.message}`, error.details, { cause: error });
  }
}

function labelMade(outputs: readonly Tensor[], since: number, text: string): void {
  for (const made of madeSince(outputs, since)) if (made.value === undefined) made.label ??= text;
}

/** Tensors that depend on one of `wrt`. */
export function activeTensors(nodes: readonly Node[], wrt: readonly Tensor[]): Set<Tensor> {
  const active = new Set<Tensor>(wrt);
  for (const node of nodes) {
    if (dependencies(node).some((tensor) => active.has(tensor))) for (const tensor of node.outputs) active.add(tensor);
  }
  return active;
}

const noTensors: readonly Tensor[] = [];

/** Nodes that run inside the node's bodies: those that depend on their parameters, the interiors of branches, and all of that again for nodes among them. */
export function nodesInside(node: Node): Set<Node> {
  const bodies = bodiesOf(node);
  const inside = new Set<Node>();
  for (const body of bodies) {
    for (const parameter of body.parameters) inside.add(parameter.node);
    for (const inner of body.interior ?? []) inside.add(inner);
  }
  for (const inner of topological(bodies.flatMap((body) => body.results))) {
    if (!inside.has(inner) && !dependencies(inner).some((tensor) => inside.has(tensor.node))) continue;
    inside.add(inner);
    if (hasBodies(inner)) for (const deeper of nodesInside(inner)) inside.add(deeper);
  }
  return inside;
}

/** Tensors of the outer graph that the node's bodies use, each once, in the order of their nodes. */
export function capturedBy(node: Node): readonly Tensor[] {
  const bodies = bodiesOf(node);
  if (bodies.length === 0) return noTensors;
  const inside = nodesInside(node);
  const results = bodies.flatMap((body) => body.results);
  const captured = new Set<Tensor>();
  const collect = (tensor: Tensor): void => {
    if (!inside.has(tensor.node)) captured.add(tensor);
  };
  for (const inner of inside) dependencies(inner).forEach(collect);
  results.forEach(collect);
  return [...captured].sort((a, b) => a.node.id - b.node.id || a.index - b.index);
}
