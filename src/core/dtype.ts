/** Element types that graphs, arrays and files know. `bool` is stored one byte an element. */
export type DType = 'float32' | 'float64' | 'int8' | 'uint8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'bool';

export type FloatDType = 'float32' | 'float64';

/** The typed arrays that hold a tensor's elements. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface DTypeRecord {
  readonly bytes: number;
  readonly array: new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => TypedArray;
  readonly allocate: (length: number) => TypedArray;
}

/** Size and storage of each dtype. */
export const dtypes: { readonly [D in DType]: DTypeRecord } = {
  float32: { bytes: 4, array: Float32Array, allocate: (n) => new Float32Array(n) },
  float64: { bytes: 8, array: Float64Array, allocate: (n) => new Float64Array(n) },
  int8: { bytes: 1, array: Int8Array, allocate: (n) => new Int8Array(n) },
  uint8: { bytes: 1, array: Uint8Array, allocate: (n) => new Uint8Array(n) },
  int16: { bytes: 2, array: Int16Array, allocate: (n) => new Int16Array(n) },
  uint16: { bytes: 2, array: Uint16Array, allocate: (n) => new Uint16Array(n) },
  int32: { bytes: 4, array: Int32Array, allocate: (n) => new Int32Array(n) },
  uint32: { bytes: 4, array: Uint32Array, allocate: (n) => new Uint32Array(n) },
  int64: { bytes: 8, array: BigInt64Array, allocate: (n) => new BigInt64Array(n) },
  uint64: { bytes: 8, array: BigUint64Array, allocate: (n) => new BigUint64Array(n) },
  bool: { bytes: 1, array: Uint8Array, allocate: (n) => new Uint8Array(n) },
};

/** The dtype whose elements a typed array holds (`Uint8Array` is uint8, never bool). */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Int8Array) return 'int8';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int16Array) return 'int16';
  if (data instanceof Uint16Array) return 'uint16';
  if (data instanceof Int32Array) return 'int32';
  if (data instanceof Uint32Array) return 'uint32';
  if (data instanceof BigInt64Array) return 'int64';
  return 'uint64';
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof Uint8ClampedArray);
}

/**
 * A typed array as one of the ten, over the same memory: Node's Buffer is a Uint8Array whose `slice` copies nothing, and whose memory others share.
 * Known by its constructor: there is no Buffer to ask for in a page.
 */
export function plainView<T extends TypedArray>(data: T): T | Uint8Array {
  const isSubclass = data instanceof Uint8Array && data.constructor !== Uint8Array;
  return isSubclass ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : data;
}

export function isFloat(dtype: DType): dtype is FloatDType {
  return dtype === 'float32' || dtype === 'float64';
}

/** Whether elements are whole numbers of 64 bits, which no other array takes as they are. */
export function isLong(data: TypedArray): data is BigInt64Array | BigUint64Array {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}
