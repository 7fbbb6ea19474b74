import { ArgumentError } from '../core/errors.js';
import { type Body, bodiesOf, dependencies, isConstant, isInput, type Node, type Tensor } from './node.js';

/** A graph or the body of a control-flow op, in the tree of bodies. */
export interface Scope {
  readonly body: Body | undefined;
  readonly parent: Scope | undefined;
  readonly depth: number;
  /** Different for every scope; 0 for the graph itself. */
  readonly order: number;
}

export interface Placement {
  readonly root: Scope;
  /** Nodes of each scope, in an order in which they can run. */
  readonly members: ReadonlyMap<Scope, readonly Node[]>;
  readonly scopes: ReadonlyMap<Body, Scope>;
}

/** The branch of an `If` in which a scope lies, at whatever depth of loops. */
export function branchOf(scope: Scope | undefined): Scope | undefined {
  let at = scope;
  while (at && (!at.body || at.body.parameters.length > 0)) at = at.parent;
  return at;
}

/**
 * Decides in which body every node runs: as far inside as all its users allow, then out of every loop whose parameters it does not need
 * (but never out of a branch, which would then be computed untaken). Constants and inputs have no place: they are initializers and parameters.
 * @throws ArgumentError if a value made inside a loop is used outside of it.
 */
export function placeNodes(nodes: readonly Node[], results: readonly Tensor[]): Placement {
  const root: Scope = { body: undefined, parent: undefined, depth: 0, order: 0 };
  const needs = bodiesNeeded(nodes);
  const scopes = new Map<Body, Scope>();
  const members = new Map<Scope, Node[]>([[root, []]]);
  const late = new Map<Node, Scope>();
  const use = (tensor: Tensor, scope: Scope): void => {
    const before = late.get(tensor.node);
    late.set(tensor.node, before ? common(before, scope) : scope);
  };
  for (const tensor of results) use(tensor, root);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i] as Node;
    const [output] = node.outputs;
    if (!output || isInput(output) || isConstant(output)) continue;
    const scope = hoist(late.get(node) ?? root, needs.get(node));
    checkReach(node, scope, needs.get(node));
    members.get(scope)?.push(node);
    for (const tensor of node.inputs) use(tensor, scope);
    for (const body of bodiesOf(node)) {
      const inner: Scope = { body, parent: scope, depth: scope.depth + 1, order: members.size };
      scopes.set(body, inner);
      members.set(inner, []);
      for (const tensor of body.results) use(tensor, inner);
    }
  }
  for (const list of members.values()) list.reverse();
  return { root, members, scopes };
}

const none: ReadonlySet<Body> = new Set();

/** The bodies whose parameters each node depends on. Sets are shared between nodes, since most need just one. */
export function bodiesNeeded(nodes: readonly Node[]): Map<Node, ReadonlySet<Body>> {
  const owner = new Map<Node, ReadonlySet<Body>>();
  for (const node of nodes) {
    for (const body of bodiesOf(node)) {
      const own = new Set([body]);
      for (const { node: parameter } of body.parameters) owner.set(parameter, own);
    }
  }
  const needs = new Map<Node, ReadonlySet<Body>>();
  for (const node of nodes) {
    let all: ReadonlySet<Body> = owner.get(node) ?? none;
    for (const { node: before } of dependencies(node)) all = union(all, needs.get(before) ?? none);
    const bodies = bodiesOf(node);
    if (bodies.some((body) => all.has(body))) all = new Set([...all].filter((body) => !bodies.includes(body)));
    needs.set(node, all);
  }
  return needs;
}

function union(a: ReadonlySet<Body>, b: ReadonlySet<Body>): ReadonlySet<Body> {
  if (a === b || b.size === 0) return a;
  if (a.size === 0) return b;
  return [...b].every((body) => a.has(body)) ? a : new Set([...a, ...b]);
}

export function sameBodies(a: ReadonlySet<Body> = none, b: ReadonlySet<Body> = none): boolean {
  return a === b || (a.size === b.size && [...a].every((body) => b.has(body)));
}

function common(a: Scope, b: Scope): Scope {
  let [left, right] = [a, b];
  while (left !== right) {
    if (left.depth >= right.depth && left.parent) left = left.parent;
    else if (right.parent) right = right.parent;
  }
  return left;
}

function checkReach(node: Node, scope: Scope, needed: ReadonlySet<Body> = none): void {
  if (needed.size === 0) return;
  const around = new Set<Body>();
  for (let at: Scope | undefined = scope; at; at = at.parent) if (at.body) around.add(at.body);
  for (const body of needed) {
    if (around.has(body)) continue;
    const what = node.outputs[0]?.name ?? `${node.label ? `${node.label}/` : ''}${node.record.name}`;
    throw new ArgumentError(
      `'${what}' outside of a loop uses a value computed inside it; return that value from the loop's step as state or output`,
      {
        received: what,
      },
    );
  }
}

function hoist(scope: Scope, needed: ReadonlySet<Body> = none): Scope {
  let at = scope;
  while (at.parent && at.body && at.body.parameters.length > 0 && !needed.has(at.body)) at = at.parent;
  return at;
}
