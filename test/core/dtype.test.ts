import { describe, expect, it } from 'vitest';
import { type DType, dtypeOf, dtypes, isFloat, isTypedArray, plainView } from '#src/core/dtype.js';

/** Sizes from the ONNX specification. */
const bytes: Record<DType, number> = {
  float32: 4,
  float64: 8,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
};

describe.each(Object.keys(dtypes) as DType[])('%s', (dtype) => {
  const record = dtypes[dtype];

  it('has its size, and arrays that hold it', () => {
    expect(record.bytes).toBe(bytes[dtype]);
    const array = record.allocate(3);
    expect([array.length, array.byteLength]).toEqual([3, 3 * bytes[dtype]]);
    expect(array).toBeInstanceOf(record.array);
    expect(dtypeOf(array)).toBe(dtype === 'bool' ? 'uint8' : dtype);
  });

  it('views a part of a buffer', () => {
    const view = new record.array(new ArrayBuffer(64), 16, 2);
    expect([view.byteOffset, view.length]).toEqual([16, 2]);
  });

  it('is a float only by name', () => {
    expect(isFloat(dtype)).toBe(dtype.startsWith('float'));
  });
});

it('knows typed arrays from other views and values', () => {
  for (const value of [new Float32Array(1), new BigInt64Array(0), new Uint8Array(2)]) expect(isTypedArray(value)).toBe(true);
  for (const value of [new DataView(new ArrayBuffer(1)), new Uint8ClampedArray(1), new ArrayBuffer(1), [1], null, 'x'])
    expect(isTypedArray(value)).toBe(false);
});

describe('plainView', () => {
  it('takes a Buffer for the bytes that it is, and leaves other arrays as they are', () => {
    const buffer = Buffer.from([1, 2, 3]);
    const view = plainView(buffer);
    expect([view.constructor, ...view]).toEqual([Uint8Array, 1, 2, 3]);
    buffer[1] = 9;
    expect(view[1]).toBe(9);
    for (const array of [Uint8Array.of(1), Float32Array.of(1), BigInt64Array.of(1n)]) expect(plainView(array)).toBe(array);
  });
});
