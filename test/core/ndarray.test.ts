import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DType } from '#src/core/dtype.js';
import { dtypes } from '#src/core/dtype.js';
import { DataError, ShapeError } from '#src/core/errors.js';
import { type ArrayLike, NdArray, type Nested, ndarray } from '#src/core/ndarray.js';

/** A shape without empty axes and its elements, nested by plain recursion. */
const nestedArrays = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }).chain((shape) => {
  const level = (axis: number): fc.Arbitrary<Nested> => {
    const length = shape[axis];
    if (length === undefined) return fc.integer({ min: -1000, max: 1000 });
    return fc.array(level(axis + 1), { minLength: length, maxLength: length });
  };
  return level(0).map((nested) => ({ shape, nested: nested as readonly Nested[] }));
});

describe('NdArray', () => {
  it('comes back from nested numbers as it went in', () => {
    fc.assert(
      fc.property(nestedArrays, fc.constantFrom<DType>('float32', 'float64', 'int32', 'int64', 'int16'), ({ shape, nested }, dtype) => {
        const array = NdArray.from(nested, dtype);
        expect(array.shape).toEqual(shape);
        expect(array.dtype).toBe(dtype);
        expect(array.toNested()).toEqual(nested);
        const order = (nested as unknown[]).flat(10) as number[];
        expect(Array.from({ length: array.size }, (_, i) => array.at(i))).toEqual(order);
        expect(array.reshape([array.size]).reshape(shape).toNested()).toEqual(nested);
      }),
    );
  });

  it('slices rows without copying, and stays within them', () => {
    fc.assert(
      fc.property(nestedArrays, fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 }), ({ nested }, start, end) => {
        const part = NdArray.from(nested).slice(start, end);
        expect(part.shape[0]).toBe(nested.slice(start, end).length);
        if (part.size > 0) expect(part.toNested()).toEqual(nested.slice(start, end));
      }),
    );
    const whole = ndarray([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    whole.slice(1).set(0, 9);
    expect(whole.toNested()).toEqual([
      [1, 2],
      [9, 4],
      [5, 6],
    ]);
    expect(whole.slice(1).toNested()).toEqual([
      [9, 4],
      [5, 6],
    ]);
  });

  it('takes a Buffer for a plain array of its bytes', () => {
    const buffer = Buffer.from([1, 2, 3, 4]);
    for (const { data, dtype } of [new NdArray(buffer, [2, 2]), NdArray.from(buffer)]) {
      expect([data.constructor, dtype, ...data]).toEqual([Uint8Array, 'uint8', 1, 2, 3, 4]);
      expect(data.buffer).toBe(buffer.buffer);
    }
  });

  it('takes typed arrays as they are, and arrays unchanged', () => {
    const data = Float64Array.of(1, 2, 3, 4);
    const array = NdArray.from(data);
    expect(array.data).toBe(data);
    expect([array.dtype, array.shape]).toEqual(['float64', [4]]);
    expect(NdArray.from(array)).toBe(array);
    expect(ndarray(data, [2, 2]).toNested()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('does not follow later changes of the shape it was given', () => {
    const shape = [2, 2];
    const array = new NdArray(new Float32Array(4), shape);
    shape[0] = 5;
    expect(array.shape).toEqual([2, 2]);
  });

  it.each(Object.keys(dtypes) as DType[])('holds zeros of %s, and scalars', (dtype) => {
    const zeros = NdArray.zeros([2, 3], dtype);
    expect([zeros.dtype, zeros.size, zeros.at(5)]).toEqual([dtype, 6, 0]);
    zeros.set(5, 1);
    expect(zeros.at(5)).toBe(1);
    expect(NdArray.zeros([], dtype).toNested()).toBe(0);
  });

  it('keeps empty shapes', () => {
    expect(NdArray.zeros([0, 3]).toNested()).toEqual([]);
    expect(NdArray.zeros([2, 0]).toNested()).toEqual([[], []]);
    expect(NdArray.from([]).shape).toEqual([0]);
    expect(NdArray.zeros([0, 3]).slice(0, 2).shape).toEqual([0, 3]);
  });

  it('casts values as the dtype stores them', () => {
    const array = ndarray([0, 1.5, -2.5, 300]);
    expect(array.cast('float32')).toBe(array);
    expect(array.cast('float64').toNested()).toEqual([0, 1.5, -2.5, 300]);
    expect(array.cast('bool').toNested()).toEqual([0, 1, 1, 1]);
    expect(array.cast('int32').toNested()).toEqual([0, 1, -2, 300]);
    expect(ndarray([0, 1, -2, 300]).cast('int64').data).toEqual(BigInt64Array.of(0n, 1n, -2n, 300n));
    expect(array.cast('uint8').data).toEqual(Uint8Array.of(0, 1, 254, 44));
    expect(array.cast('bool').cast('float32').data).toEqual(Float32Array.of(0, 1, 1, 1));
    const long = new NdArray(BigInt64Array.of(0n, 2n ** 53n + 1n, -1n), [3]);
    expect(long.cast('uint64').data).toEqual(BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n));
    expect(long.cast('float64').data).toEqual(Float64Array.of(0, 2 ** 53, -1));
    expect(long.cast('bool').data).toEqual(Uint8Array.of(0, 1, 1));
  });

  it('cuts fractions off in whole numbers of every width', () => {
    const given = NdArray.from([1.5, -2.7, Number.NaN, Number.POSITIVE_INFINITY]);
    for (const dtype of ['int32', 'int64'] as const) expect(Array.from(given.cast(dtype).data, Number)).toEqual([1, -2, 0, 0]);
  });

  it('refuses a shape that does not hold the elements', () => {
    expect(() => new NdArray(new Float32Array(5), [2, 3])).toThrow(/shape \[2, 3\] needs 6 elements, got 5/);
    expect(() => ndarray([1, 2, 3], [2])).toThrow(ShapeError);
    expect(() => NdArray.zeros([-1])).toThrow(ShapeError);
  });

  it.each<[unknown, RegExp]>([
    [[[1, 2], [3]], /ragged: \[1\] has 1 element, its neighbours have 2/],
    [[[1], 2], /ragged: \[1\] has 2, its neighbours have 1/],
    [[1, [2]], /element \[1\] is \[2\], expected a number/],
    [[1, 'a'], /element \[1\] is 'a', expected a number/],
    [[1, null], /element \[1\] is null/],
    ['text', /expected an NdArray, a typed array or nested arrays of numbers, got 'text'/],
    [undefined, /got undefined/],
    [new Map(), /got a Map/],
  ])('refuses %j', (value, message) => {
    expect(() => NdArray.from(value as ArrayLike)).toThrow(message);
    expect(() => NdArray.from(value as ArrayLike)).toThrow(DataError);
  });
});
