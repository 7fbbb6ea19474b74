import type { DType } from '../../core/dtype.js';
import type { Dim } from '../../core/shape.js';
import type { Attribute, AttributeKind, OnnxGraph, OnnxInitializer, OnnxModel, OnnxNode, OnnxValue } from './model.js';
import { nameElementType, readEntry, readTensor } from './read-tensor.js';
import {
  ATTRIBUTE,
  attributeTypes,
  DIM,
  dtypeOfElementType,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR_TYPE,
  TYPE,
  UNNAMED_DIM,
  VALUE,
} from './schema.js';
import { WireReader } from './wire-reader.js';

/** Graphs within graphs; what is deeper is refused before the stack overflows. */
const MAX_DEPTH = 32;

/** From this version on a file must name its operator sets. */
const OPSETS_SINCE = 3;

const kinds = new Map((Object.keys(attributeTypes) as AttributeKind[]).map((kind) => [attributeTypes[kind], kind]));

const emptyAttributes: readonly Attribute[] = [
  { kind: 'int', value: 0 },
  { kind: 'float', value: 0 },
  { kind: 'string', value: '' },
  { kind: 'ints', value: [] },
  { kind: 'floats', value: [] },
  { kind: 'strings', value: [] },
];

/**
 * Reads the bytes of an ONNX file; tensors get memory of their own. Float16 and bfloat16, declared or stored, become float32.
 * @param name what error messages call the file.
 * @throws FileError if the bytes are truncated, corrupt or not ONNX, or hold what we have no form for: elements in another file, local
 * functions, sparse tensors, values that are no tensors.
 */
export function decodeOnnx(bytes: Uint8Array, name = 'ONNX model'): OnnxModel {
  return new Decoder(new WireReader(bytes, name)).model();
}

interface TensorType {
  readonly dtype: DType | undefined;
  /** ONNX's code; undefined where the type is no tensor's. */
  readonly element: number | undefined;
  readonly shape: Dim[] | undefined;
}

class Decoder {
  readonly #wire: WireReader;
  #depth = 0;
  #unnamedDims = 0;

  constructor(wire: WireReader) {
    this.#wire = wire;
  }

  model(): OnnxModel {
    const wire = this.#wire;
    let irVersion = 0;
    let producer = '';
    let graph: OnnxGraph | undefined;
    const opsets: [string, number][] = [];
    const metadata: [string, string][] = [];
    while (wire.next()) {
      if (wire.field === MODEL.irVersion) irVersion = Number(wire.readInt());
      else if (wire.field === MODEL.producer) producer = wire.readString();
      else if (wire.field === MODEL.graph) graph = this.#graph();
      else if (wire.field === MODEL.opsets) opsets.push(this.#opset());
      else if (wire.field === MODEL.metadata) metadata.push(readEntry(wire));
      else if (wire.field === MODEL.functions) {
        throw wire.error('the model defines its own functions', 'Inline them first: onnx.inliner.inline_local_functions(model).');
      } else wire.skip();
    }
    if (!graph) throw wire.corrupt('no graph');
    if (irVersion < 1) throw wire.corrupt('no IR version');
    if (opsets.length === 0) {
      if (irVersion >= OPSETS_SINCE) throw wire.corrupt('no operator set named');
      opsets.push(['', 1]);
    }
    return { irVersion, opsets: Object.fromEntries(opsets), producer, graph, ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata) }) };
  }

  #opset(): [string, number] {
    const wire = this.#wire;
    let domain = '';
    let version = 0;
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === OPSET.domain) domain = defaultDomain(wire.readString());
      else if (wire.field === OPSET.version) version = Number(wire.readInt());
      else wire.skip();
    }
    wire.leave(outer);
    return [domain, version];
  }

  #graph(): OnnxGraph {
    const wire = this.#wire;
    if (++this.#depth > MAX_DEPTH) throw wire.corrupt(`graphs nested more than ${MAX_DEPTH} deep`);
    let name = '';
    const nodes: OnnxNode[] = [];
    const initializers: OnnxInitializer[] = [];
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    const values: OnnxValue[] = [];
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === GRAPH.nodes) nodes.push(this.#node());
      else if (wire.field === GRAPH.name) name = wire.readString();
      else if (wire.field === GRAPH.initializers) initializers.push(readTensor(wire));
      else if (wire.field === GRAPH.inputs) inputs.push(this.#tensorValue('input'));
      else if (wire.field === GRAPH.outputs) outputs.push(this.#tensorValue('output'));
      else if (wire.field === GRAPH.values) {
        const { name: value, dtype, shape } = this.#value();
        // These only inform: what has no dtype here is left out.
        if (dtype) values.push({ name: value, dtype, ...(shape && { shape }) });
      } else if (wire.field === GRAPH.sparseInitializers) {
        throw wire.error(`graph '${name}' holds sparse tensors`, 'Only dense tensors are supported; store them as plain initializers.');
      } else wire.skip();
    }
    wire.leave(outer);
    this.#depth--;
    return { name, nodes, inputs, outputs, initializers, ...(values.length > 0 && { values }) };
  }

  #node(): OnnxNode {
    const wire = this.#wire;
    let opType = '';
    let domain = '';
    let name = '';
    let doc = '';
    const inputs: string[] = [];
    const outputs: string[] = [];
    const attributes: [string, Attribute][] = [];
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === NODE.inputs) inputs.push(wire.readString());
      else if (wire.field === NODE.outputs) outputs.push(wire.readString());
      else if (wire.field === NODE.name) name = wire.readString();
      else if (wire.field === NODE.opType) opType = wire.readString();
      else if (wire.field === NODE.domain) domain = defaultDomain(wire.readString());
      else if (wire.field === NODE.doc) doc = wire.readString();
      else if (wire.field === NODE.attributes) attributes.push(this.#attribute());
      else wire.skip();
    }
    wire.leave(outer);
    const node = { opType, name, inputs, outputs, attributes: Object.fromEntries(attributes) };
    return domain || doc ? { ...node, ...(domain && { domain }), ...(doc && { doc }) } : node;
  }

  #attribute(): [name: string, attribute: Attribute] {
    const wire = this.#wire;
    let name = '';
    let type = 0;
    let found: Attribute | undefined;
    const ints: (number | bigint)[] = [];
    const floats: number[] = [];
    const strings: string[] = [];
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === ATTRIBUTE.name) name = wire.readString();
      else if (wire.field === ATTRIBUTE.type) type = Number(wire.readInt());
      else if (wire.field === ATTRIBUTE.int) found = { kind: 'int', value: wire.readInt() };
      else if (wire.field === ATTRIBUTE.float) found = { kind: 'float', value: wire.readFloat() };
      else if (wire.field === ATTRIBUTE.string) found = { kind: 'string', value: wire.readString() };
      else if (wire.field === ATTRIBUTE.tensor) found = { kind: 'tensor', value: readTensor(wire).array };
      else if (wire.field === ATTRIBUTE.graph) found = { kind: 'graph', value: this.#graph() };
      else if (wire.field === ATTRIBUTE.ints) {
        wire.readInts(ints);
        found = { kind: 'ints', value: ints };
      } else if (wire.field === ATTRIBUTE.floats) {
        wire.readFloats(floats);
        found = { kind: 'floats', value: floats };
      } else if (wire.field === ATTRIBUTE.strings) {
        strings.push(wire.readString());
        found = { kind: 'strings', value: strings };
      } else wire.skip();
    }
    wire.leave(outer);
    // The oldest files do not tag the type, and what is zero or empty may be left out.
    const kind = type === 0 ? found?.kind : kinds.get(type);
    const attribute = found?.kind === kind ? found : emptyAttributes.find((empty) => empty.kind === kind);
    if (attribute) return [name, attribute];
    throw wire.error(`attribute '${name}' has an unsupported type (code ${type})`, `Known: ${Object.keys(attributeTypes).join(', ')}.`);
  }

  #tensorValue(role: string): OnnxValue {
    const { name, dtype, element, shape } = this.#value();
    if (dtype) return { name, dtype, ...(shape && { shape }) };
    const type = element === undefined ? 'is declared without a tensor type' : `has ${nameElementType(element)} elements`;
    throw this.#wire.error(`${role} '${name}' ${type}`, 'Inputs and outputs of a graph must be dense tensors of numbers.');
  }

  #value(): { name: string } & TensorType {
    const wire = this.#wire;
    let name = '';
    let type: TensorType = { dtype: undefined, element: undefined, shape: undefined };
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === VALUE.name) name = wire.readString();
      else if (wire.field === VALUE.type) type = this.#type(type);
      else wire.skip();
    }
    wire.leave(outer);
    return { name, ...type };
  }

  #type(type: TensorType): TensorType {
    const wire = this.#wire;
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === TYPE.tensor) type = this.#tensorType();
      else wire.skip();
    }
    wire.leave(outer);
    return type;
  }

  #tensorType(): TensorType {
    const wire = this.#wire;
    let element = 0;
    let shape: Dim[] | undefined;
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === TENSOR_TYPE.element) element = Number(wire.readInt());
      else if (wire.field === TENSOR_TYPE.shape) shape = this.#shape();
      else wire.skip();
    }
    wire.leave(outer);
    return { dtype: dtypeOfElementType(element), element, shape };
  }

  #shape(): Dim[] {
    const wire = this.#wire;
    const shape: Dim[] = [];
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === SHAPE.dims) shape.push(this.#dim());
      else wire.skip();
    }
    wire.leave(outer);
    return shape;
  }

  #dim(): Dim {
    const wire = this.#wire;
    let length = -1;
    let name = '';
    const outer = wire.enter();
    while (wire.next()) {
      if (wire.field === DIM.value) length = Number(wire.readInt());
      else if (wire.field === DIM.name) name = wire.readString();
      else wire.skip();
    }
    wire.leave(outer);
    // Some exporters write -1 or '?' for a length they do not know; two of those need not be equal.
    if (length >= 0) return length;
    return name === '' || name.startsWith(UNNAMED_DIM) ? `${UNNAMED_DIM}${++this.#unnamedDims}` : name;
  }
}

function defaultDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
