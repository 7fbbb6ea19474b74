// Small ONNX models, written with onnx-buf: no code in common with the package's own encoder.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

const elementTypes = {
  float16: TensorProto_DataType.FLOAT16,
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

export type TestType = keyof typeof elementTypes;

export function value(name: string, type: TestType, dims: readonly (number | string)[]): ValueInfoProto {
  const dim = dims.map((d) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof d === 'string' ? { case: 'dimParam', value: d } : { case: 'dimValue', value: BigInt(d) },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, { elemType: elementTypes[type], shape: create(TensorShapeProtoSchema, { dim }) });
  return create(ValueInfoProtoSchema, { name, type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }) });
}

export function node(opType: string, input: string[], output: string[], attribute: AttributeProto[] = []): NodeProto {
  return create(NodeProtoSchema, { opType, input, output, attribute });
}

export function integer(name: string, i: number): AttributeProto {
  return create(AttributeProtoSchema, { name, i: BigInt(i), type: AttributeProto_AttributeType.INT });
}

export function body(name: string, g: GraphProto): AttributeProto {
  return create(AttributeProtoSchema, { name, g, type: AttributeProto_AttributeType.GRAPH });
}

export function graph(nodes: NodeProto[], input: ValueInfoProto[], output: ValueInfoProto[]): GraphProto {
  return create(GraphProtoSchema, { name: 'test', node: nodes, input, output });
}

export function model(nodes: NodeProto[], input: ValueInfoProto[], output: ValueInfoProto[]): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: 21n })],
      graph: graph(nodes, input, output),
    }),
  );
}

/** y = a + b. */
export const addition = model(
  [node('Add', ['a', 'b'], ['y'])],
  [value('a', 'float32', ['N', 3]), value('b', 'float32', ['M', 3])],
  [value('y', 'float32', ['K', 3])],
);

/** `steps` times w := w · w, in a Loop. */
export const loopOfSquares = model(
  [
    node(
      'Loop',
      ['steps', '', 'w'],
      ['w_end'],
      [
        body(
          'body',
          graph(
            [node('Identity', ['on'], ['on_next']), node('MatMul', ['w_in', 'w_in'], ['w_next'])],
            [value('i', 'int64', []), value('on', 'bool', []), value('w_in', 'float32', ['n', 'n'])],
            [value('on_next', 'bool', []), value('w_next', 'float32', ['n', 'n'])],
          ),
        ),
      ],
    ),
  ],
  [value('steps', 'int64', []), value('w', 'float32', ['n', 'n'])],
  [value('w_end', 'float32', ['n', 'n'])],
);

/** y = Gemm(a, b). */
export const product = model(
  [node('Gemm', ['a', 'b'], ['y'])],
  [value('a', 'float32', ['n', 'n']), value('b', 'float32', ['n', 'n'])],
  [value('y', 'float32', ['n', 'n'])],
);

/** y = Identity(x) in any element type. */
export function passThrough(type: TestType): Uint8Array {
  return model([node('Identity', ['x'], ['y'])], [value('x', type, ['N'])], [value('y', type, ['N'])]);
}
