import { ArgumentError } from '../core/errors.js';
import type { Dim } from '../core/shape.js';
import { sureLengths } from './lengths.js';
import { type AttributeValue, type Body, isConstant, isInput, type Node, type Tensor, topological } from './node.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from './onnx/model.js';
import { UNNAMED_DIM } from './onnx/schema.js';
import { placeNodes, type Scope } from './place.js';
import { simplify } from './simplify.js';

/** Operator set that emitted graphs declare. */
export const OPSET = 21;
/** ONNX file format of that operator set. */
const IR_VERSION = 10;

export interface EmitOptions {
  /** Graph name in the file; `evenkeel` unless given. */
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Clean the graph up first; true unless given. */
  readonly simplify?: boolean;
}

/**
 * A graph as an ONNX model of standard operators. Every op runs in the innermost body that needs it:
 * what a loop does not change runs once outside, what only one branch of an `If` uses runs only there.
 * @param inputs values given at run time, in order; their names are the tensors' own.
 * @param outputs named results.
 * @throws ArgumentError if two inputs, or an input and an output, have one name, where an output needs an input that is not listed,
 * or a value made inside a loop.
 */
export function emitModel(inputs: readonly Tensor[], outputs: Readonly<Record<string, Tensor>>, options: EmitOptions = {}): OnnxModel {
  const wanted = Object.values(outputs);
  const results = options.simplify === false ? wanted : simplify(wanted);
  return {
    irVersion: IR_VERSION,
    opsets: { '': OPSET },
    producer: 'evenkeel',
    graph: new Emitter(inputs, Object.keys(outputs), results).emit(options.name ?? 'evenkeel'),
    ...(options.metadata ? { metadata: options.metadata } : {}),
  };
}

class Emitter {
  readonly #names = new Map<Tensor, string>();
  readonly #taken = new Map<string, number>();
  readonly #inputs: readonly Tensor[];
  readonly #outputNames: readonly string[];
  readonly #results: readonly Tensor[];
  readonly #nodes: readonly Node[];
  readonly #members: ReadonlyMap<Scope, readonly Node[]>;
  readonly #scopes: ReadonlyMap<Body, Scope>;
  readonly #root: Scope;
  readonly #isSure: (dim: Dim) => boolean;

  constructor(inputs: readonly Tensor[], outputNames: readonly string[], results: readonly Tensor[]) {
    this.#inputs = inputs;
    this.#outputNames = outputNames;
    this.#results = results;
    this.#nodes = topological(results);
    const { root, members, scopes } = placeNodes(this.#nodes, results);
    this.#members = members;
    this.#scopes = scopes;
    this.#root = root;
    this.#isSure = sureLengths(inputs, this.#nodes);
  }

  emit(name: string): OnnxGraph {
    this.#checkInputs();
    const own = new Set(this.#inputs);
    const produced = new Map<Tensor, string>();
    this.#results.forEach((tensor, i) => {
      const wish = this.#outputNames[i] as string;
      if (this.#taken.has(wish))
        throw new ArgumentError(`an input and an output of a graph are both named '${wish}'; rename the output`, { received: wish });
      this.#taken.set(wish, 1);
      if (!own.has(tensor) && !isConstant(tensor) && !produced.has(tensor)) {
        produced.set(tensor, wish);
        this.#names.set(tensor, wish);
      }
    });
    const constants = this.#nodes.flatMap((node) => (node.value ? [{ name: this.#nameOf(node.outputs[0] as Tensor), array: node.value }] : []));
    const nodes = this.#emitScope(this.#root);
    const values = this.#valuesIn(this.#root, this.#outputNames);
    this.#results.forEach((tensor, i) => {
      const wish = this.#outputNames[i] as string;
      if (produced.get(tensor) !== wish) nodes.push(copy(this.#nameOf(tensor), wish));
    });
    return {
      name,
      nodes,
      inputs: this.#inputs.map((tensor) => this.#valueOf(tensor)),
      outputs: this.#results.map((tensor, i) => ({ name: this.#outputNames[i] as string, dtype: tensor.dtype, shape: tensor.shape })),
      initializers: constants,
      values,
    };
  }

  #checkInputs(): void {
    for (const tensor of this.#inputs) {
      const name = tensor.name ?? 'input';
      if (this.#taken.has(name)) throw new ArgumentError(`two inputs of a graph are named '${name}'`, { received: name });
      this.#taken.set(name, 1);
      this.#names.set(tensor, name);
    }
    const parameters = new Set([...this.#scopes.keys()].flatMap((body) => body.parameters));
    const known = new Set(this.#inputs);
    for (const node of this.#nodes) {
      const [tensor] = node.outputs;
      if (tensor && isInput(tensor) && !known.has(tensor) && !parameters.has(tensor)) {
        throw new ArgumentError(`the graph needs '${tensor.name}', which is not among its inputs`, { expected: tensor.name });
      }
    }
  }

  /** A name nobody has yet. */
  #unique(wish: string): string {
    const count = this.#taken.get(wish);
    if (count === undefined) {
      this.#taken.set(wish, 1);
      return wish;
    }
    this.#taken.set(wish, count + 1);
    return this.#unique(`${wish}_${count + 1}`);
  }

  #nameOf(tensor: Tensor): string {
    const known = this.#names.get(tensor);
    if (known !== undefined) return known;
    const { node } = tensor;
    const base =
      tensor.name ?? (isConstant(tensor) ? `constant/${node.value?.shape.join('x') || 'scalar'}` : `${node.label ?? 'graph'}/${node.record.name}`);
    const name = this.#unique(base);
    this.#names.set(tensor, name);
    return name;
  }

  #valueOf(tensor: Tensor): OnnxValue {
    return { name: this.#nameOf(tensor), dtype: tensor.dtype, shape: tensor.shape };
  }

  #emitScope(scope: Scope): OnnxNode[] {
    return (this.#members.get(scope) ?? []).map((node) => this.#emitNode(node));
  }

  #emitNode(node: Node): OnnxNode {
    const kinds = node.record.attributes ?? {};
    const attributes: Record<string, Attribute> = {};
    for (const [key, value] of Object.entries(node.attributes)) attributes[key] = attribute(kinds[key], value);
    const outputs = node.outputs.map((tensor) => this.#nameOf(tensor));
    for (const [key, body] of Object.entries(node.bodies)) attributes[key] = { kind: 'graph', value: this.#emitBody(body, `${outputs[0]}/${key}`) };
    return { opType: node.record.name, name: outputs[0] as string, inputs: node.inputs.map((tensor) => this.#nameOf(tensor)), outputs, attributes };
  }

  #emitBody(body: Body, name: string): OnnxGraph {
    const scope = this.#scopes.get(body) as Scope;
    const inputs = body.parameters.map((tensor) => this.#valueOf(tensor));
    const nodes = this.#emitScope(scope);
    const made = new Set((this.#members.get(scope) ?? []).flatMap((node) => node.outputs));
    const outputs = body.results.map((tensor): OnnxValue => {
      // A body's output must be made in the body, and by one name only.
      if (made.delete(tensor)) return this.#valueOf(tensor);
      const name = this.#unique(`${this.#nameOf(tensor)}/out`);
      nodes.push(copy(this.#nameOf(tensor), name));
      return { name, dtype: tensor.dtype, shape: tensor.shape };
    });
    const values = this.#valuesIn(
      scope,
      outputs.map((output) => output.name),
    );
    return { name, nodes, inputs, outputs, initializers: [], values };
  }

  /**
   * Types of what the nodes of a scope give, its outputs apart. Without them the engine forgets a length at every operator that could change it, finds no
   * two arrays of one size, and looks through all that it could use again for each: loading takes time with the square of their number.
   */
  #valuesIn(scope: Scope, outputs: readonly string[]): OnnxValue[] {
    const known = new Set(outputs);
    return (this.#members.get(scope) ?? []).flatMap(({ outputs: made }) =>
      made.flatMap((tensor) => {
        const name = this.#nameOf(tensor);
        const shape = tensor.shape.map((dim) => (this.#isSure(dim) ? dim : UNNAMED_DIM));
        return known.has(name) ? [] : [{ name, dtype: tensor.dtype, shape }];
      }),
    );
  }
}

function copy(from: string, to: string): OnnxNode {
  return { opType: 'Identity', name: to, inputs: [from], outputs: [to], attributes: {} };
}

function attribute(kind: 'int' | 'float' | 'ints' | 'string' | undefined, value: AttributeValue): Attribute {
  if (kind === 'float') return { kind, value: Number(value) };
  if (kind === 'ints') return { kind, value: value as readonly number[] };
  if (kind === 'string') return { kind, value: String(value) };
  return { kind: 'int', value: Number(value) };
}
