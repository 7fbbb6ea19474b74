import type { DType } from '../../core/dtype.js';
import type { AttributeKind } from './model.js';

// Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), shared by writer and reader; only the fields we use.

export const MODEL = { irVersion: 1, producer: 2, graph: 7, opsets: 8, metadata: 14, functions: 25 } as const;
export const OPSET = { domain: 1, version: 2 } as const;
export const ENTRY = { key: 1, value: 2 } as const;
export const GRAPH = { nodes: 1, name: 2, initializers: 5, inputs: 11, outputs: 12, values: 13, sparseInitializers: 15 } as const;
export const NODE = { inputs: 1, outputs: 2, name: 3, opType: 4, attributes: 5, doc: 6, domain: 7 } as const;
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  type: 20,
  reference: 21,
} as const;
export const VALUE = { name: 1, type: 2 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { element: 1, shape: 2 } as const;
export const SHAPE = { dims: 1 } as const;
export const DIM = { value: 1, name: 2 } as const;
export const TENSOR = {
  dims: 1,
  element: 2,
  floats: 4,
  int32s: 5,
  int64s: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  uint64s: 11,
  external: 13,
  location: 14,
} as const;

/** How the names of dimensions begin that a file leaves unnamed. */
export const UNNAMED_DIM = '?';

/** Protobuf's wire types. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** `AttributeProto.AttributeType` of each kind. */
export const attributeTypes: { readonly [K in AttributeKind]: number } = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
};

/** `TensorProto.DataType` of each dtype: the number that also stands in attributes such as `Cast`'s `to`. */
export const elementTypes: { readonly [D in DType]: number } = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

/** Sixteen-bit floats, which are read as float32. */
export const HALF = 10;
export const BFLOAT16 = 16;

/** Names of the element types that no array of ours can hold, for messages. */
export const foreignElementTypes: Readonly<Record<number, string>> = {
  8: 'string',
  14: 'complex64',
  15: 'complex128',
  17: 'float8e4m3fn',
  18: 'float8e4m3fnuz',
  19: 'float8e5m2',
  20: 'float8e5m2fnuz',
  21: 'uint4',
  22: 'int4',
  23: 'float4e2m1',
  24: 'float8e8m0',
  25: 'uint2',
  26: 'int2',
};

const dtypeByElementType = new Map<number, DType>([
  ...(Object.keys(elementTypes) as DType[]).map((dtype): [number, DType] => [elementTypes[dtype], dtype]),
  [HALF, 'float32'],
  [BFLOAT16, 'float32'],
]);

/** The dtype that elements of an ONNX type are read into, or undefined where there is none. */
export function dtypeOfElementType(element: number): DType | undefined {
  return dtypeByElementType.get(element);
}
