import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  type AttributeProto,
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
  AttributeProto_AttributeType as Type,
  type ValueInfoProto,
} from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from '#src/graph/onnx/model.js';
import { anyModel, loopModel } from './arbitrary.js';

const element = { float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float64: 11, uint32: 12, uint64: 13 };
const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];

/** Each field of a message of the onnx-buf package against the model it was encoded from. */
function expectModel(proto: ReturnType<typeof parse>, model: OnnxModel): void {
  expect(Number(proto.irVersion)).toBe(model.irVersion);
  expect(proto.producerName).toBe(model.producer);
  expect(proto.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual(Object.entries(model.opsets));
  expect(proto.metadataProps.map(({ key, value }) => [key, value])).toEqual(Object.entries(model.metadata ?? {}));
  expectGraph(proto.graph, model.graph);
}

function expectGraph(proto: GraphProto | undefined, graph: OnnxGraph): void {
  expect(proto?.name).toBe(graph.name);
  expect(proto?.node.length).toBe(graph.nodes.length);
  graph.nodes.forEach((node, i) => {
    const { opType, domain, name, input, output, attribute, docString } = proto?.node[i] ?? ({} as Record<string, never>);
    expect({ opType, domain, name, inputs: input, outputs: output, doc: docString }).toEqual({
      opType: node.opType,
      domain: node.domain ?? '',
      name: node.name,
      inputs: node.inputs,
      outputs: node.outputs,
      doc: node.doc ?? '',
    });
    expect(attribute?.map((item) => item.name)).toEqual(Object.keys(node.attributes));
    attribute?.forEach((item) => {
      expectAttribute(item, node.attributes[item.name]);
    });
  });
  expect(proto?.initializer.length).toBe(graph.initializers.length);
  graph.initializers.forEach(({ name, array }, i) => {
    expect(proto?.initializer[i]?.name).toBe(name);
    expectTensor(proto?.initializer[i], array);
  });
  expectValues(proto?.input, graph.inputs);
  expectValues(proto?.output, graph.outputs);
  expectValues(proto?.valueInfo, graph.values ?? []);
}

function expectAttribute(proto: AttributeProto, attribute: Attribute | undefined): void {
  expect(Type[proto.type]).toBe(attribute?.kind.toUpperCase());
  if (!attribute) return;
  const { kind, value } = attribute;
  if (kind === 'int') expect(proto.i).toBe(BigInt(value));
  else if (kind === 'float') expect(proto.f).toBe(value);
  else if (kind === 'string') expect([...proto.s]).toEqual(utf8(value));
  else if (kind === 'ints') expect(proto.ints).toEqual(value.map(BigInt));
  else if (kind === 'floats') expect(proto.floats).toEqual(value);
  else if (kind === 'strings') expect(proto.strings.map((item) => [...item])).toEqual(value.map(utf8));
  else if (kind === 'tensor') expectTensor(proto.t, value);
  else if (kind === 'graph') expectGraph(proto.g, value);
}

function expectTensor(proto: TensorProto | undefined, { data, shape, dtype }: NdArray): void {
  expect(proto?.dims.map(Number)).toEqual(shape);
  expect(proto?.dataType).toBe(element[dtype]);
  expect(Buffer.compare(proto?.rawData ?? Buffer.of(1), new Uint8Array(data.buffer, data.byteOffset, data.byteLength))).toBe(0);
}

function expectValues(protos: ValueInfoProto[] | undefined, values: readonly OnnxValue[]): void {
  const read = protos?.map(({ name, type }) => {
    const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
    const shape = tensor?.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : value.value));
    return { name, element: tensor?.elemType, shape };
  });
  expect(read).toEqual(values.map(({ name, dtype, shape }) => ({ name, element: element[dtype], shape: shape && [...shape] })));
}

const parse = (bytes: Uint8Array) => fromBinary(ModelProtoSchema, bytes);

const node = (attributes: OnnxNode['attributes']): OnnxModel => ({
  irVersion: 8,
  opsets: { '': 17 },
  producer: 'test',
  graph: { name: 'g', nodes: [{ opType: 'Op', name: 'op_1', inputs: [], outputs: [], attributes }], inputs: [], outputs: [], initializers: [] },
});

describe('encodeOnnx', () => {
  it('writes what onnx-buf reads, field by field', () => {
    fc.assert(
      fc.property(anyModel, (model) => expectModel(parse(encodeOnnx(model)), model)),
      { numRuns: 150 },
    );
  });

  it('writes the shortest, ordered form: onnx-buf writes the same bytes', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = encodeOnnx(model);
        expect(Buffer.compare(toBinary(ModelProtoSchema, parse(bytes)), bytes)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    0,
    1,
    127,
    128,
    16383,
    16384,
    2 ** 21 - 1,
    2 ** 21,
    2 ** 28 - 1,
    2 ** 28,
    2 ** 32,
    2 ** 53 - 1,
    -1,
    -(2 ** 40),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ])('writes the integer %s', (value) => {
    expect(parse(encodeOnnx(node({ axis: { kind: 'int', value } }))).graph?.node[0]?.attribute[0]?.i).toBe(BigInt(value));
  });

  it('writes graphs and tensors larger than its buffers', () => {
    const array = new NdArray(
      Float32Array.from({ length: 300_000 }, (_, i) => i),
      [300, 1000],
    );
    const base = loopModel(3);
    const nodes = Array.from({ length: 20_000 }, (_, i) => ({
      opType: 'Relu',
      name: `relu_${i}`,
      inputs: [`x_${i}`],
      outputs: [`x_${i + 1}`],
      attributes: {},
    }));
    const model = {
      ...base,
      graph: { ...base.graph, nodes, initializers: [{ name: 'first', array }, ...base.graph.initializers, { name: 'last', array }] },
    };
    const { graph } = parse(encodeOnnx(model));
    expect(graph?.node.map(({ name, input, output }) => ({ name, inputs: input, outputs: output }))).toEqual(
      nodes.map(({ name, inputs, outputs }) => ({ name, inputs, outputs })),
    );
    expect(graph?.initializer.map(({ name }) => name)).toEqual(['first', 'w', 'trips', 'true', 'last']);
    expectTensor(graph?.initializer[0], array);
    expectTensor(graph?.initializer[4], array);
  });

  it('writes a view of a larger array, and an array in shared memory', () => {
    const shared = new Float32Array(new SharedArrayBuffer(16));
    shared.set([1, 2, 3, 4]);
    const view = new NdArray(shared.subarray(1, 3));
    const proto = parse(encodeOnnx(node({ value: { kind: 'tensor', value: view } })));
    expect([...new Float32Array(proto.graph?.node[0]?.attribute[0]?.t?.rawData.slice().buffer ?? [])]).toEqual([2, 3]);
  });

  it('leaves dimensions unnamed whose name begins with ?', () => {
    const base = node({});
    const inputs: OnnxValue[] = [{ name: 'x', dtype: 'float32', shape: ['?1', 'N', 3] }];
    const type = parse(encodeOnnx({ ...base, graph: { ...base.graph, inputs } })).graph?.input[0]?.type?.value;
    expect(type?.case === 'tensorType' && type.value.shape?.dim.map(({ value }) => value.case)).toEqual([undefined, 'dimParam', 'dimValue']);
  });

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, 2n ** 63n])('refuses %s as an integer attribute', (value) => {
    const encode = (attribute: Attribute) => () => encodeOnnx(node({ axis: attribute }));
    expect(encode({ kind: 'int', value })).toThrow(ArgumentError);
    expect(encode({ kind: 'ints', value: [0, value] })).toThrow(/axis of 'op_1'/);
  });

  it('is run by ONNX Runtime, a nested graph included', async () => {
    const session = await InferenceSession.create(encodeOnnx(loopModel(5)));
    const { x_last, x_all } = await session.run({ x0: new Tensor('float32', Float32Array.of(1, 10), [2]) });
    expect(x_last?.data).toEqual(Float32Array.of(3.5, 0));
    expect(x_all?.dims).toEqual([5, 2]);
    expect(x_all?.data).toEqual(Float32Array.of(1.5, 8, 2, 6, 2.5, 4, 3, 2, 3.5, 0));
    await session.release();
  });
});
