import { EvenkeelError, GradientError } from '../core/errors.js';
import { sameShape, showShape } from '../core/shape.js';
import { dependencies, label, nextId, type Node, scalar, type Tensor, topological } from './node.js';
import { add } from './ops/arithmetic.js';
import { zerosLike } from './ops/indexing.js';
import { expandLike } from './ops/movement.js';

export interface GradientOptions {
  /** Gradient of each output, of its shape; ones unless given. A scalar learning rate here scales every gradient at no cost. */
  readonly seeds?: readonly Tensor[];
}

/**
 * Gradients of (the sum of) `outputs` with respect to each tensor of `wrt`, by reverse mode: one rule per operator, applied from the outputs down.
 * @returns one tensor per entry of `wrt`, of its shape; zeros where the outputs do not depend on it.
 * @throws GradientError where the way to a wanted tensor leads through an operator without a gradient.
 */
export function gradients(outputs: Tensor | readonly Tensor[], wrt: readonly Tensor[], options: GradientOptions = {}): Tensor[] {
  const heads = Array.isArray(outputs) ? (outputs as readonly Tensor[]) : [outputs as Tensor];
  const found = backward(heads, wrt, options.seeds ?? heads.map((head) => expandLike(scalarOne(head), head)));
  return wrt.map((tensor) => {
    const gradient = found.get(tensor);
    if (!gradient) return zerosLike(tensor);
    return sameShape(gradient.shape, tensor.shape) ? gradient : expandLike(gradient, tensor);
  });
}

function scalarOne(head: Tensor): Tensor {
  return scalar(1, head.dtype);
}

/** The same without filling in zeros: gradients of those `wrt` that the heads depend on. A seed may be undefined. */
export function backward(heads: readonly Tensor[], wrt: readonly Tensor[], seeds: readonly (Tensor | undefined)[]): Map<Tensor, Tensor> {
  const nodes = topological(heads);
  const active = activeTensors(nodes, wrt);
  const adjoints = new Map<Tensor, Tensor>();
  const contribute = (tensor: Tensor, gradient: Tensor): void => {
    const before = adjoints.get(tensor);
    adjoints.set(tensor, before ? add(before, gradient) : gradient);
  };
  heads.forEach((head, i) => {
    const seed = seeds[i];
    if (seed && active.has(head)) contribute(head, seed);
  });
  const ends = new Set(wrt);
  for (const node of nodes.reverse()) {
    const dys = node.outputs.map((tensor) => adjoints.get(tensor));
    const dy = dys.find((one) => one !== undefined);
    if (!dy || node.outputs.every((tensor) => ends.has(tensor) || !active.has(tensor))) continue;
    if (!node.inputs.some((tensor) => active.has(tensor)) && !capturesActive(node, active)) continue;
    applyRule(node, dys, dy, active, contribute);
  }
  return adjoints;
}

function applyRule(node: Node, dys: readonly (Tensor | undefined)[], dy: Tensor, active: ReadonlySet<Tensor>, contribute: (tensor: Tensor, gradient: Tensor) => void): void {
  const { gradient, name } = node.record;
  const place = node.label ? ` in ${node.label}` : '';
  if (typeof gradient !== 'function') {
    throw new GradientError(`no gradient through ${name}${place}: ${gradient.notDifferentiable}`, { ...(node.label ? { layer: node.label } : {}) });
  }
  const since = nextId();
  const wanted = (index: number): boolean => {
    const tensor = node.inputs[index];
    return tensor !== undefined && active.has(tensor);
  };
  try {
    const results = gradient({ inputs: node.inputs, outputs: node.outputs, attributes: node.attributes, dy: dys[0] ?? dy, dys, node, wanted });
    const made: Tensor[] = [];
    results.forEach((result, i) => {
      const tensor = node.inputs[i] ?? capturedBy(node)[i - node.inputs.length];
      if (!result || !tensor || !active.has(tensor)) return;
      made.push(result);
      contribute(tensor, result);
    });
    if (node.label !== undefined) label(made.filter((tensor) => tensor.node.id >= since), node.label.endsWith('/gradient') ? node.label : `${node.label}/gradient`);
  } catch (error) {
    if (error instanceof GradientError || !(error instanceof EvenkeelError)) throw error;
    const shapes = node.inputs.map((tensor) => showShape(tensor.shape)).join(', ');
    throw new GradientError(`no gradient through ${name}${place} with inputs ${shapes}: ${error.message}`, error.details, { cause: error });
  }
}

/** Tensors that depend on one of `wrt`. */
function activeTensors(nodes: readonly Node[], wrt: readonly Tensor[]): Set<Tensor> {
  const active = new Set<Tensor>(wrt);
  for (const node of nodes) {
    if (dependencies(node).some((tensor) => active.has(tensor))) for (const tensor of node.outputs) active.add(tensor);
  }
  return active;
}

const noTensors: readonly Tensor[] = [];

/** Nodes that run inside the node's bodies: those that depend on their parameters, and the interiors of branches. */
export function nodesInside(node: Node): Set<Node> {
  const bodies = Object.values(node.bodies);
  const walk = topological(bodies.flatMap((body) => body.results));
  const inside = new Set<Node>();
  const enter = (owner: Node): void => {
    for (const body of Object.values(owner.bodies)) {
      for (const parameter of body.parameters) inside.add(parameter.node);
      for (const inner of body.interior ?? []) inside.add(inner);
    }
  };
  enter(node);
  for (const inner of walk) enter(inner);
  for (const inner of walk) if (dependencies(inner).some((tensor) => inside.has(tensor.node))) inside.add(inner);
  return inside;
}

/** Tensors of the outer graph that the node's bodies use, each once, in the order of their nodes. */
export function capturedBy(node: Node): readonly Tensor[] {
  const bodies = Object.values(node.bodies);
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

function capturesActive(node: Node, active: ReadonlySet<Tensor>): boolean {
  return capturedBy(node).some((tensor) => active.has(tensor));
}
