import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, type Message, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  TensorProto_DataType as Element,
  type GraphProtoSchema,
  TensorProto_DataLocation as Location,
  ModelProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { FileError } from '#src/core/errors.js';
import type { NdArray } from '#src/core/ndarray.js';
import { decodeOnnx } from '#src/graph/onnx/decode.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';
import type { Attribute, OnnxGraph } from '#src/graph/onnx/model.js';
import { anyModel, loopModel } from './arbitrary.js';

type TensorInit = MessageInitShape<typeof TensorProtoSchema>;
type GraphInit = MessageInitShape<typeof GraphProtoSchema>;
type ModelRest = Omit<Exclude<MessageInitShape<typeof ModelProtoSchema>, Message>, 'graph'>;

/** Bytes written by the onnx-buf package. */
function foreign(graph: GraphInit, rest: ModelRest = {}): Uint8Array {
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 17n }], graph, ...rest }));
}

function decodeTensor(tensor: TensorInit): NdArray | undefined {
  return decodeOnnx(foreign({ initializer: [{ name: 'w', ...tensor }] })).graph.initializers[0]?.array;
}

const bytesOf = (data: ArrayBufferView): Uint8Array<ArrayBuffer> => Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));

describe('decodeOnnx', () => {
  it('gives back any model that was encoded', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        expect(decodeOnnx(encodeOnnx(model))).toEqual(model);
      }),
      { numRuns: 300 },
    );
  });

  it('gives tensors memory of their own, from any kind of buffer', () => {
    const bytes = encodeOnnx(loopModel(3));
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    for (const buffer of [bytes.slice(), Buffer.concat([Buffer.alloc(3), bytes]).subarray(3), shared]) {
      const model = decodeOnnx(buffer);
      buffer.fill(0);
      expect(model).toEqual(loopModel(3));
    }
  });

  describe('element types and the fields that hold them', () => {
    it.each<[string, TensorInit, ArrayLike<number | bigint>]>([
      ['float32', { dataType: Element.FLOAT, floatData: [1.5, -0] }, Float32Array.of(1.5, -0)],
      ['float32 raw', { dataType: Element.FLOAT, rawData: bytesOf(Float32Array.of(1.5, Number.NaN)) }, Float32Array.of(1.5, Number.NaN)],
      ['float64', { dataType: Element.DOUBLE, doubleData: [0.1, -1e300] }, Float64Array.of(0.1, -1e300)],
      ['float64 raw', { dataType: Element.DOUBLE, rawData: bytesOf(Float64Array.of(0.1, 2)) }, Float64Array.of(0.1, 2)],
      ['int8', { dataType: Element.INT8, int32Data: [-128, 127] }, Int8Array.of(-128, 127)],
      ['uint8', { dataType: Element.UINT8, int32Data: [0, 255] }, Uint8Array.of(0, 255)],
      ['int16', { dataType: Element.INT16, int32Data: [-32768, 32767] }, Int16Array.of(-32768, 32767)],
      ['uint16', { dataType: Element.UINT16, int32Data: [0, 65535] }, Uint16Array.of(0, 65535)],
      ['int32', { dataType: Element.INT32, int32Data: [-(2 ** 31), 2 ** 31 - 1] }, Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
      ['uint32', { dataType: Element.UINT32, uint64Data: [1n, 2n ** 32n - 1n] }, Uint32Array.of(1, 2 ** 32 - 1)],
      ['int64', { dataType: Element.INT64, int64Data: [-(2n ** 63n), 2n ** 63n - 1n] }, BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
      ['uint64', { dataType: Element.UINT64, uint64Data: [0n, 2n ** 64n - 1n] }, BigUint64Array.of(0n, 2n ** 64n - 1n)],
      ['bool', { dataType: Element.BOOL, int32Data: [1, 0] }, Uint8Array.of(1, 0)],
      ['bool raw', { dataType: Element.BOOL, rawData: Uint8Array.of(0, 1) }, Uint8Array.of(0, 1)],
    ])('%s', (name, tensor, expected) => {
      const array = decodeTensor({ dims: [2n, 1n], ...tensor });
      expect(array?.dtype).toBe(name.split(' ')[0]);
      expect(array?.shape).toEqual([2, 1]);
      expect(array?.data).toEqual(expected);
    });

    // Bit patterns and values from IEEE 754: one, -2, the largest, the smallest normal and subnormal, both infinities, -0, NaN.
    const half = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x7c00, 0xfc00, 0x8000, 0x7e00];
    const halfValues = [1, -2, 65504, 2 ** -14, 2 ** -24, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, Number.NaN];
    const brain = [0x3f80, 0xc000, 0x7f80, 0x0080, 0x8000, 0x4049, 0x7fc0];
    const brainValues = [1, -2, Number.POSITIVE_INFINITY, 2 ** -126, -0, 3.140625, Number.NaN];
    it.each([
      ['float16', Element.FLOAT16, half, halfValues],
      ['bfloat16', Element.BFLOAT16, brain, brainValues],
    ])('%s becomes float32', (_, dataType, bits, values) => {
      for (const held of [{ int32Data: bits }, { rawData: bytesOf(Uint16Array.from(bits)) }]) {
        const array = decodeTensor({ dims: [BigInt(bits.length)], dataType, ...held });
        expect(array?.dtype).toBe('float32');
        expect([...(array?.data ?? [])]).toEqual(values);
      }
    });

    it('no elements, and no axes', () => {
      expect(decodeTensor({ dims: [0n, 7n], dataType: Element.FLOAT })?.shape).toEqual([0, 7]);
      expect(decodeTensor({ dims: [], dataType: Element.INT64, int64Data: [5n] })?.toNested()).toBe(5);
    });

    it.each([
      [
        'external data',
        { dims: [4n], dataType: Element.FLOAT, dataLocation: Location.EXTERNAL, externalData: [{ key: 'location', value: 'w.bin' }] },
        /'w'.*'w\.bin'.*one file/,
      ],
      ['strings', { dims: [1n], dataType: Element.STRING, stringData: [Uint8Array.of(65)] }, /string/],
      ['4-bit integers', { dims: [2n], dataType: Element.INT4, rawData: Uint8Array.of(1) }, /int4/],
      ['too few elements', { dims: [3n], dataType: Element.FLOAT, floatData: [1, 2] }, /\[3\] with 2 elements/],
      ['too many elements', { dims: [1n], dataType: Element.FLOAT, rawData: new Uint8Array(8) }, /\[1\] with 2 elements/],
      ['half an element', { dims: [1n], dataType: Element.FLOAT, rawData: new Uint8Array(3) }, /0\.75 elements/],
      ['a size beyond memory, without data', { dims: [2n ** 40n], dataType: Element.FLOAT }, /1099511627776/],
      ['a size that overflows', { dims: [2n ** 62n, 2n ** 62n, 4n], dataType: Element.FLOAT }, /elements/],
      ['a negative length', { dims: [-1n], dataType: Element.FLOAT }, /-1/],
    ] satisfies [string, TensorInit, RegExp][])('%s: FileError', (_, tensor, message) => {
      expect(() => decodeTensor(tensor)).toThrow(FileError);
      expect(() => decodeTensor(tensor)).toThrow(message);
    });
  });

  describe('what other writers do', () => {
    const float = (shape?: object) => ({ value: { case: 'tensorType' as const, value: { elemType: 1, ...(shape && { shape }) } } });

    it('attributes without a type tag, and zeros left out', () => {
      const { nodes } = decodeOnnx(
        foreign({
          node: [
            {
              opType: 'Op',
              attribute: [
                { name: 'axes', ints: [1n, -1n] },
                { name: 'axis', type: 2 },
              ],
            },
          ],
        }),
      ).graph;
      expect(nodes[0]?.attributes).toEqual({ axes: { kind: 'ints', value: [1, -1] }, axis: { kind: 'int', value: 0 } });
    });

    it('lists that are packed', () => {
      // AttributeProto 'axes' by hand: name (1), ints (8) packed as 1, 300, -1, type (20) = 7.
      const ints = [1, 0xac, 0x02, ...new Array<number>(9).fill(0xff), 1];
      const attribute = [0x0a, 4, ...Buffer.from('axes'), 0x42, ints.length, ...ints, 0xa0, 1, 7];
      const node = [0x22, 2, ...Buffer.from('Op'), 0x2a, attribute.length, ...attribute];
      const graph = [0x0a, node.length, ...node];
      const model = decodeOnnx(Uint8Array.from([8, 8, 0x3a, graph.length, ...graph, 0x42, 2, 0x10, 17]));
      expect(model.opsets).toEqual({ '': 17 });
      expect(model.graph.nodes[0]?.attributes.axes).toEqual({ kind: 'ints', value: [1, 300, -1] });
    });

    it('dimensions without a name differ from each other', () => {
      const dim = [
        {},
        { value: { case: 'dimParam' as const, value: '?' } },
        { value: { case: 'dimValue' as const, value: -1n } },
        { value: { case: 'dimParam' as const, value: 'N' } },
      ];
      const input = [
        { name: 'x', type: float({ dim }) },
        { name: 'y', type: float({ dim: [{}] }) },
        { name: 'z', type: float() },
      ];
      const { inputs } = decodeOnnx(foreign({ input })).graph;
      expect(inputs.map(({ shape }) => shape)).toEqual([['?1', '?2', '?3', 'N'], ['?4'], undefined]);
    });

    it("the default domain's long name", () => {
      const model = decodeOnnx(foreign({ node: [{ opType: 'Relu', domain: 'ai.onnx' }] }, { opsetImport: [{ domain: 'ai.onnx', version: 13n }] }));
      expect(model.opsets).toEqual({ '': 13 });
      expect(model.graph.nodes[0]).toEqual({ opType: 'Relu', name: '', inputs: [], outputs: [], attributes: {} });
    });

    it('no operator set in the first IR versions', () => {
      expect(decodeOnnx(foreign({}, { irVersion: 2n, opsetImport: [] })).opsets).toEqual({ '': 1 });
    });

    it('fields that we do not use are passed over', () => {
      const model = decodeOnnx(
        foreign({ docString: 'd', metadataProps: [{ key: 'a' }] }, { modelVersion: 3n, docString: 'd', producerVersion: '1' }),
      );
      expect(model).toEqual({
        irVersion: 8,
        opsets: { '': 17 },
        producer: '',
        graph: { name: '', nodes: [], inputs: [], outputs: [], initializers: [] },
      });
    });

    it('names that objects inherit', () => {
      const model = decodeOnnx(foreign({ node: [{ opType: 'Op', attribute: [{ name: '__proto__', type: 2, i: 3n }] }] }));
      expect(Object.entries(model.graph.nodes[0]?.attributes ?? {})).toEqual([['__proto__', { kind: 'int', value: 3 }]]);
    });

    it.each([
      ['local functions', foreign({}, { functions: [{ name: 'f' }] }), /inline/i],
      ['sparse tensors', foreign({ name: 'g', sparseInitializer: [{ dims: [2n] }] }), /'g' holds sparse/],
      [
        'an input of strings',
        foreign({ input: [{ name: 'x', type: { value: { case: 'tensorType', value: { elemType: 8 } } } }] }),
        /input 'x' has string/,
      ],
      [
        'an output that is a sequence',
        foreign({ output: [{ name: 'y', type: { value: { case: 'sequenceType', value: {} } } }] }),
        /output 'y' is declared without/,
      ],
      ['an attribute of several graphs', foreign({ node: [{ attribute: [{ name: 'branches', type: 10 }] }] }), /'branches'.*code 10/],
      ['no operator set', foreign({}, { opsetImport: [] }), /no operator set/],
    ])('%s: FileError', (_, bytes, message) => {
      expect(() => decodeOnnx(bytes, 'm.onnx')).toThrow(FileError);
      expect(() => decodeOnnx(bytes, 'm.onnx')).toThrow(message);
      expect(() => decodeOnnx(bytes, 'm.onnx')).toThrow(/^m\.onnx: /);
    });
  });

  describe('broken bytes', () => {
    const whole = encodeOnnx(loopModel(3));

    /** Whether the bytes decode; anything but a FileError fails the test. */
    function decodes(bytes: Uint8Array): boolean {
      try {
        decodeOnnx(bytes);
        return true;
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
        return false;
      }
    }

    it('cut short anywhere: FileError', () => {
      for (let length = 0; length < whole.length; length++) expect(decodes(whole.subarray(0, length)), `${length} bytes`).toBe(false);
      expect(decodes(whole)).toBe(true);
    });

    it('changed anywhere: decode or FileError', () => {
      let refused = 0;
      const change = fc.record({ at: fc.nat({ max: whole.length - 1 }), to: fc.integer({ min: 0, max: 255 }) });
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
          const bytes = whole.slice();
          for (const { at, to } of changes) bytes[at] = to;
          if (!decodes(bytes)) refused++;
        }),
        { numRuns: 3000 },
      );
      expect(refused).toBeGreaterThan(0);
    });

    it('random models, cut or changed: decode or FileError', () => {
      fc.assert(
        fc.property(anyModel, fc.nat(), fc.nat(255), (model, at, to) => {
          const bytes = encodeOnnx(model);
          const place = at % bytes.length;
          decodes(bytes.subarray(0, place));
          bytes[place] = to;
          decodes(bytes);
        }),
        { numRuns: 300 },
      );
    });

    it('noise: decode or FileError', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodes(bytes)),
        { numRuns: 3000 },
      );
    });

    it.each([
      ['no bytes', new Uint8Array()],
      ['a text', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n')],
      ['an integer without end', new Uint8Array(32).fill(0xff)],
      ['a length of 2^60', Uint8Array.of(0x3a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)],
      ['a name that is not UTF-8', Uint8Array.of(0x12, 2, 0xc3, 0x28)],
    ])('%s: FileError', (_, bytes) => {
      expect(decodes(bytes)).toBe(false);
    });

    it('graphs nested without end: FileError, not a stack overflow', () => {
      const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);
      const field = (tag: number, bytes: number[]): number[] => [tag, ...varint(bytes.length), ...bytes];
      // A graph (tag 0x32 in an attribute, 0x3a in a model) of one node (0x0a) with one attribute (0x2a).
      const nested = (depth: number): Uint8Array => {
        let graph: number[] = [];
        for (let level = 1; level < depth; level++) graph = field(0x0a, field(0x2a, field(0x32, graph)));
        return Uint8Array.from([8, 8, ...field(0x3a, graph), 0x42, 2, 0x10, 17]);
      };
      let graphs = 0;
      for (let graph: OnnxGraph | undefined = decodeOnnx(nested(20)).graph; graph; graphs++) {
        const body: Attribute | undefined = graph.nodes[0]?.attributes[''];
        graph = body?.kind === 'graph' ? body.value : undefined;
      }
      expect(graphs).toBe(20);
      expect(() => decodeOnnx(nested(1000))).toThrow(/graphs nested more than 32 deep/);
    });
  });
});

const models = fileURLToPath(new URL('../../../../shared/models/', import.meta.url));
const present = existsSync(models);
if (!present) console.warn(`skipped: ONNX files of other exporters, as ${models} is absent`);

describe.skipIf(!present)('files of other exporters', () => {
  const files = present
    ? readdirSync(models, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.onnx'))
        .sort()
    : [];

  it.each(files)('%s reads as onnx-buf reads it', (file) => {
    const bytes = readFileSync(models + file);
    const { graph, irVersion } = decodeOnnx(bytes, file);
    const proto = fromBinary(ModelProtoSchema, bytes);
    expect(irVersion).toBe(Number(proto.irVersion));
    expect(graph.nodes.length).toBeGreaterThan(0);
    expect(graph.nodes.map((node) => [node.opType, node.inputs, node.outputs, Object.keys(node.attributes)])).toEqual(
      proto.graph?.node.map((node) => [node.opType, node.input, node.output, node.attribute.map(({ name }) => name)]),
    );
    expect(graph.inputs.map(({ name }) => name)).toEqual(proto.graph?.input.map(({ name }) => name));
    expect(graph.initializers.map(({ name, array }) => [name, array.shape])).toEqual(
      proto.graph?.initializer.map(({ name, dims }) => [name, dims.map(Number)]),
    );
  });

  // ONNX Runtime has no kernels for these operators in versions this old.
  const runnable = files.filter((file) => file.startsWith('onnx-pytorch-converted') && !/Linear\/|PReLU|AvgPool|BatchNorm/.test(file));
  it.each(runnable)('%s, decoded and encoded again, still gives its recorded output', async (file) => {
    const recorded = (name: string) => {
      const { dims, dataType, rawData } = fromBinary(TensorProtoSchema, readFileSync(models + file.replace('model.onnx', `${name}_0.pb`)));
      const { buffer } = Uint8Array.from(rawData);
      return dataType === Element.INT64
        ? new Tensor('int64', new BigInt64Array(buffer), dims.map(Number))
        : new Tensor('float32', new Float32Array(buffer), dims.map(Number));
    };
    const session = await InferenceSession.create(encodeOnnx(decodeOnnx(readFileSync(models + file), file)), { logSeverityLevel: 3 });
    const results = await session.run({ [session.inputNames[0] ?? '']: recorded('input') });
    const result = results[session.outputNames[0] ?? ''];
    const expected = recorded('output');
    expect(result?.dims).toEqual(expected.dims);
    const values = Array.from(result?.data as Float32Array);
    expect(values.length).toBeGreaterThan(0);
    Array.from(expected.data as Float32Array).forEach((value, i) => {
      expect(values[i]).toBeCloseTo(value, 4);
    });
    await session.release();
  });
});
