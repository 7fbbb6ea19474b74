import { ArgumentError, show } from '../../core/errors.js';
import type { NdArray } from '../../core/ndarray.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from './model.js';
import {
  ATTRIBUTE,
  attributeTypes,
  DIM,
  ENTRY,
  elementTypes,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  UNNAMED_DIM,
  VALUE,
} from './schema.js';
import { WireWriter } from './wire-writer.js';

/**
 * The bytes of an ONNX file. Tensors are stored raw, little-endian; dimensions named `?…` are stored without a name.
 * @throws ArgumentError if an integer attribute or a dimension is no whole number of 64 bits.
 */
export function encodeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const writer = new WireWriter();
  const { metadata = {} } = model;
  for (const key of Object.keys(metadata).reverse()) {
    const mark = writer.length;
    writer.string(ENTRY.value, metadata[key] ?? '');
    writer.string(ENTRY.key, key);
    writer.close(MODEL.metadata, mark);
  }
  for (const domain of Object.keys(model.opsets).reverse()) {
    const mark = writer.length;
    writer.int(OPSET.version, whole(model.opsets[domain] ?? 0, 'version', domain || 'ai.onnx'));
    writer.string(OPSET.domain, domain);
    writer.close(MODEL.opsets, mark);
  }
  writeGraph(writer, MODEL.graph, model.graph);
  writer.string(MODEL.producer, model.producer);
  writer.int(MODEL.irVersion, whole(model.irVersion, 'irVersion', model.graph.name));
  return writer.finish();
}

// Everything below writes back to front (see WireWriter): the last field, and the last element of a list, comes first.

function writeGraph(writer: WireWriter, field: number, graph: OnnxGraph): void {
  const mark = writer.length;
  backwards(graph.values ?? [], (value) => writeValue(writer, GRAPH.values, value));
  backwards(graph.outputs, (value) => writeValue(writer, GRAPH.outputs, value));
  backwards(graph.inputs, (value) => writeValue(writer, GRAPH.inputs, value));
  backwards(graph.initializers, ({ name, array }) => writeTensor(writer, GRAPH.initializers, array, name));
  writer.string(GRAPH.name, graph.name);
  backwards(graph.nodes, (node) => writeNode(writer, node));
  writer.close(field, mark);
}

function writeNode(writer: WireWriter, node: OnnxNode): void {
  const mark = writer.length;
  if (node.domain) writer.string(NODE.domain, node.domain);
  if (node.doc) writer.string(NODE.doc, node.doc);
  const names = Object.keys(node.attributes);
  for (let i = names.length - 1; i >= 0; i--) {
    const name = names[i] ?? '';
    const attribute = node.attributes[name];
    if (attribute) writeAttribute(writer, node, name, attribute);
  }
  writer.string(NODE.opType, node.opType);
  if (node.name !== '') writer.string(NODE.name, node.name);
  backwards(node.outputs, (output) => writer.string(NODE.outputs, output));
  backwards(node.inputs, (input) => writer.string(NODE.inputs, input));
  writer.close(GRAPH.nodes, mark);
}

function writeAttribute(writer: WireWriter, node: OnnxNode, name: string, { kind, value }: Attribute): void {
  const mark = writer.length;
  writer.int(ATTRIBUTE.type, attributeTypes[kind]);
  switch (kind) {
    case 'int':
      writer.int(ATTRIBUTE.int, whole(value, name, node.name));
      break;
    case 'float':
      writer.float(ATTRIBUTE.float, value);
      break;
    case 'string':
      writer.string(ATTRIBUTE.string, value);
      break;
    case 'tensor':
      writeTensor(writer, ATTRIBUTE.tensor, value);
      break;
    case 'graph':
      writeGraph(writer, ATTRIBUTE.graph, value);
      break;
    case 'ints':
      backwards(value, (item) => writer.int(ATTRIBUTE.ints, whole(item, name, node.name)));
      break;
    case 'floats':
      backwards(value, (item) => writer.float(ATTRIBUTE.floats, item));
      break;
    case 'strings':
      backwards(value, (item) => writer.string(ATTRIBUTE.strings, item));
      break;
  }
  writer.string(ATTRIBUTE.name, name);
  writer.close(NODE.attributes, mark);
}

function writeValue(writer: WireWriter, field: number, { name, dtype, shape }: OnnxValue): void {
  const mark = writer.length;
  if (shape) {
    backwards(shape, (dim) => {
      const start = writer.length;
      if (typeof dim === 'number') writer.int(DIM.value, whole(dim, 'a dimension', name));
      else if (!dim.startsWith(UNNAMED_DIM)) writer.string(DIM.name, dim);
      writer.close(SHAPE.dims, start);
    });
    writer.close(TENSOR_TYPE.shape, mark);
  }
  writer.int(TENSOR_TYPE.element, elementTypes[dtype]);
  writer.close(TYPE.tensor, mark);
  writer.close(VALUE.type, mark);
  writer.string(VALUE.name, name);
  writer.close(field, mark);
}

function writeTensor(writer: WireWriter, field: number, { data, shape, dtype }: NdArray, name = ''): void {
  const mark = writer.length;
  writer.bytes(TENSOR.raw, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (name !== '') writer.string(TENSOR.name, name);
  writer.int(TENSOR.element, elementTypes[dtype]);
  backwards(shape, (length) => writer.int(TENSOR.dims, length));
  writer.close(field, mark);
}

function backwards<T>(items: readonly T[], write: (item: T) => void): void {
  for (let i = items.length - 1; i >= 0; i--) write(items[i] as T);
}

function whole(value: number | bigint, what: string, owner: string): number | bigint {
  if (typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value)) return value;
  throw new ArgumentError(`${what} of '${owner}' is ${show(value)}; ONNX stores 64-bit whole numbers (above 2^53 pass a bigint)`, {
    argument: what,
    received: value,
  });
}
