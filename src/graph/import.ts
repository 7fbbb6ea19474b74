import { countOf } from '../core/count.js';
import { EvenkeelError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import type { Dim, Shape } from '../core/shape.js';
import { adapt, type Call, fillIn } from './adapt.js';
import { apply, applyOne, type Body, constant, input, madeSince, makeNode, type Node, nextId, type OpRecord, type Tensor } from './node.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from './onnx/model.js';
import { makeLoop, makeScan, records } from './ops/index.js';

export interface ImportedModel {
  /** Values given at run time, in the file's order; not those that the file holds itself. */
  readonly inputs: Tensor[];
  readonly outputs: Record<string, Tensor>;
}

/**
 * The tensors of an ONNX model: initializers become constants, values keep their names, subgraphs become bodies.
 * @throws EvenkeelError if an operator, an attribute or a name is not known, or shapes do not fit; it names the node.
 */
export function importModel(model: OnnxModel): ImportedModel {
  refuseUnknown(model.graph);
  const reader = new Reader(model.opsets[''] ?? 1);
  const names = new Names();
  const held = new Set(model.graph.initializers.map(({ name }) => name));
  const inputs = model.graph.inputs.filter(({ name }) => !held.has(name)).map((value) => names.define(value.name, asInput(value)));
  const results = reader.read(model.graph, names);
  return { inputs, outputs: Object.fromEntries(model.graph.outputs.map(({ name }, i) => [name, results[i] as Tensor])) };
}

const known: Readonly<Record<string, OpRecord>> = records;

/** Reads `Constant` apart from the table, since it has no inputs to apply a record to. */
const CONSTANT = 'Constant';

function isKnown(node: OnnxNode): boolean {
  return (node.domain ?? '') === '' && (node.opType === CONSTANT || Object.hasOwn(known, node.opType));
}

function subgraphs(node: OnnxNode): OnnxGraph[] {
  return Object.values(node.attributes).flatMap((attribute) => (attribute.kind === 'graph' ? [attribute.value] : []));
}

/** Every unknown operator in one message. */
function refuseUnknown(graph: OnnxGraph): void {
  const unknown = new Map<string, string>();
  const search = (part: OnnxGraph): void => {
    for (const node of part.nodes) {
      const name = node.domain ? `${node.domain}.${node.opType}` : node.opType;
      if (!isKnown(node) && !unknown.has(name)) unknown.set(name, node.name || node.outputs[0] || 'unnamed');
      subgraphs(node).forEach(search);
    }
  };
  search(graph);
  if (unknown.size === 0) return;
  const list = [...unknown].map(([name, node]) => `${name} (node '${node}')`).join(', ');
  throw new EvenkeelError(`the model uses unsupported operators: ${list}; supported are ${[CONSTANT, ...Object.keys(known)].sort().join(', ')}`, {
    received: [...unknown.keys()],
    expected: [CONSTANT, ...Object.keys(known)],
  });
}

/** Names of values; those of the graph around a subgraph are seen from inside. */
class Names {
  readonly #own = new Map<string, Tensor>();
  readonly #around: Names | undefined;

  constructor(around?: Names) {
    this.#around = around;
  }

  define(name: string, tensor: Tensor): Tensor {
    if (this.#own.has(name)) throw new EvenkeelError(`two values of a graph are named '${name}'`, { received: name });
    this.#own.set(name, tensor);
    if (tensor.name === undefined) tensor.name = name;
    return tensor;
  }

  find(name: string): Tensor {
    const tensor = this.#own.get(name) ?? this.#around?.find(name);
    if (!tensor) throw new EvenkeelError(`no earlier node produces '${name}'; nodes must be listed in execution order`, { received: name });
    return tensor;
  }
}

function asInput({ name, dtype, shape }: OnnxValue): Tensor {
  if (!shape) throw new EvenkeelError(`the file does not say how many axes '${name}' has`, { received: name });
  return input(name, shape, dtype);
}

class Reader {
  readonly #opset: number;

  constructor(opset: number) {
    this.#opset = opset;
  }

  /** Defines what a graph makes; returns its outputs. */
  read(graph: OnnxGraph, names: Names): Tensor[] {
    for (const { name, array } of graph.initializers) names.define(name, constant(array, name));
    const declared = new Map([...(graph.values ?? []), ...graph.outputs].map((value) => [value.name, value]));
    for (const node of graph.nodes) {
      try {
        this.#readNode(node, names, declared);
      } catch (error) {
        if (!(error instanceof EvenkeelError || error instanceof TypeError)) throw error;
        const what = `${node.opType} (node '${node.name || node.outputs[0]}')`;
        if (error instanceof EvenkeelError) throw new EvenkeelError(`${what}: ${error.message}`, error.details, { cause: error });
        // Operators look for all inputs that they need.
        const count = countOf(node.inputs.length, 'input');
        throw new EvenkeelError(
          `${what}: cannot be read with ${count}. Is the file complete? onnx.checker.check_model(path) shows more`,
          {},
          { cause: error },
        );
      }
    }
    return graph.outputs.map(({ name }) => names.find(name));
  }

  #readNode(node: OnnxNode, names: Names, declared: ReadonlyMap<string, OnnxValue>): void {
    const made = retyped(
      this.#make(node, names),
      node.outputs.map((name) => declared.get(name)?.shape),
    );
    // The label is the part of the name before the operator: `dense_1/gradient` of `dense_1/gradient/MatMul`.
    const cut = node.name.lastIndexOf('/');
    if (cut > 0) made.label = node.name.slice(0, cut);
    node.outputs.forEach((name, i) => {
      const tensor = made.outputs[i];
      if (name === '') return;
      if (!tensor) throw new EvenkeelError(`output ${i} ('${name}') is not supported`, { received: name });
      names.define(name, tensor);
    });
  }

  #make(node: OnnxNode, names: Names): Node {
    if (node.opType === CONSTANT) return constant(constantValue(node)).node;
    const record = known[node.opType] as OpRecord;
    const given = node.inputs.map((name) => (name === '' ? undefined : names.find(name)));
    while (given.length > 0 && given[given.length - 1] === undefined) given.pop();
    const inputs = fillIn(record, given);
    switch (node.opType) {
      case 'Scan':
        return this.#scan(node, inputs, names);
      case 'Loop':
        return this.#loop(node, inputs, names);
      case 'If':
        return this.#branches(node, inputs, names);
      default: {
        const call = adapt(record, inputs, node.attributes, this.#opset);
        return ofAny.has(record) ? folded(record, call) : apply(record, call.inputs, call.attributes);
      }
    }
  }

  /** A subgraph whose parameters have the types of what goes in, since files need not repeat those. */
  #body(graph: OnnxGraph, types: readonly Pick<Tensor, 'dtype' | 'shape'>[], names: Names): Body {
    const inner = new Names(names);
    if (graph.inputs.length !== types.length) {
      throw new EvenkeelError(`its body '${graph.name}' takes ${countOf(graph.inputs.length, 'value')}, expected ${types.length}`, {
        received: graph.inputs.length,
        expected: types.length,
      });
    }
    const parameters = graph.inputs.map(({ name }, i) => inner.define(name, input(name, types[i]?.shape ?? [], types[i]?.dtype)));
    return { parameters, results: this.read(graph, inner) };
  }

  #scan(node: OnnxNode, inputs: readonly Tensor[], names: Names): Node {
    const { num_scan_inputs: count, scan_input_axes: axes, scan_output_axes: outputAxes } = node.attributes;
    if (count?.kind !== 'int') throw new EvenkeelError('num_scan_inputs is missing');
    if ([...wholes(axes), ...wholes(outputAxes)].some((axis) => axis !== 0))
      throw new EvenkeelError('sequences along an axis other than the first are not supported');
    const stateCount = inputs.length - Number(count.value);
    const initial = inputs.slice(0, stateCount);
    const sequences = inputs.slice(stateCount);
    const items = sequences.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }));
    const body = this.#body(graphOf(node, 'body'), [...initial, ...items], names);
    const reverse = wholes(node.attributes.scan_input_directions).map(Boolean);
    const reverseOutputs = wholes(node.attributes.scan_output_directions).map(Boolean);
    return makeScan({ initial, sequences, body, reverse, reverseOutputs });
  }

  #loop(node: OnnxNode, inputs: readonly Tensor[], names: Names): Node {
    const types = [{ dtype: 'int64', shape: [] } as const, { dtype: 'bool', shape: [] } as const, ...inputs.slice(2)];
    const body = this.#body(graphOf(node, 'body'), types, names);
    const axis: Dim = `steps${body.parameters[0]?.node.id}`;
    return makeLoop(inputs, body, axis);
  }

  #branches(node: OnnxNode, [condition]: readonly Tensor[], names: Names): Node {
    if (!condition) throw new EvenkeelError('the condition is missing');
    const branch = (key: string): Body => {
      const since = nextId();
      const body = this.#body(graphOf(node, key), [], names);
      return { ...body, interior: new Set(madeSince(body.results, since).filter((inner) => inner.value === undefined)) };
    };
    const bodies = { then_branch: branch('then_branch'), else_branch: branch('else_branch') };
    if (bodies.then_branch.results.length !== bodies.else_branch.results.length)
      throw new EvenkeelError('its branches return different numbers of values');
    return makeNode(records.If, [condition], {}, bodies.then_branch.results, { bodies });
  }
}

/** Operators of two values here, of any number in a file. */
const ofAny: ReadonlySet<OpRecord> = new Set([records.Max, records.Min]);

function folded(record: OpRecord, { inputs: [first, ...rest], attributes }: Call): Node {
  if (!first) throw new EvenkeelError('needs at least one value, got none');
  if (rest.length === 0) return apply(records.Identity, [first]);
  return rest.reduce((merged, next) => applyOne(record, [merged, next], attributes), first).node;
}

/** The node with lengths that the file tells in place of names that were made up here. */
function retyped(node: Node, shapes: readonly (Shape | undefined)[]): Node {
  let changed = false;
  const types = node.outputs.map(({ dtype, shape }, i) => {
    const told = shapes[i];
    if (told?.length !== shape.length) return { dtype, shape };
    return {
      dtype,
      shape: shape.map((dim, axis) => {
        const better = told[axis] ?? dim;
        if (typeof dim === 'number' || dim === better || (typeof better === 'string' && better.startsWith('?'))) return dim;
        changed = true;
        return better;
      }),
    };
  });
  return changed ? makeNode(node.record, node.inputs, node.attributes, types, { bodies: node.bodies }) : node;
}

function graphOf(node: OnnxNode, key: string): OnnxGraph {
  const attribute = node.attributes[key];
  if (attribute?.kind !== 'graph') throw new EvenkeelError(`its graph '${key}' is missing`, { expected: key });
  return attribute.value;
}

function wholes(attribute: Attribute | undefined): number[] {
  return attribute?.kind === 'ints' ? attribute.value.map(Number) : [];
}

function constantValue({ attributes }: OnnxNode): NdArray {
  const [[key, attribute] = []] = Object.entries(attributes);
  switch (attribute?.kind) {
    case 'tensor':
      return attribute.value;
    case 'float':
      return new NdArray(Float32Array.of(attribute.value), []);
    case 'floats':
      return new NdArray(Float32Array.from(attribute.value));
    case 'int':
      return new NdArray(BigInt64Array.of(BigInt(attribute.value)), []);
    case 'ints':
      return new NdArray(BigInt64Array.from(attribute.value, BigInt));
    default:
      throw new EvenkeelError(`constants given as ${show(key)} are not supported`, { received: key });
  }
}
