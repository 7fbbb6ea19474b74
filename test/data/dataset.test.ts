import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { checkFinite, datasetRows, gatherRows, rowsOf, rowWidth, spreadRows, takeRows } from '#src/data/dataset.js';

const counting = (rows: number, width: number): NdArray =>
  new NdArray(
    Float32Array.from({ length: rows * width }, (_, i) => i),
    [rows, width],
  );

describe('takeRows', () => {
  it('picks rows in the order asked for, repeats included', () => {
    expect(takeRows(counting(4, 2), Uint32Array.of(3, 0, 3)).toNested()).toEqual([
      [6, 7],
      [0, 1],
      [6, 7],
    ]);
  });

  it('agrees with plain JavaScript for every dtype and width, on views too', () => {
    const makers = {
      float32: (v: number[]) => Float32Array.from(v),
      float64: (v: number[]) => Float64Array.from(v),
      int8: (v: number[]) => Int8Array.from(v),
      uint8: (v: number[]) => Uint8Array.from(v),
      int16: (v: number[]) => Int16Array.from(v),
      uint16: (v: number[]) => Uint16Array.from(v),
      int32: (v: number[]) => Int32Array.from(v),
      uint32: (v: number[]) => Uint32Array.from(v),
      int64: (v: number[]) => BigInt64Array.from(v, BigInt),
      uint64: (v: number[]) => BigUint64Array.from(v, BigInt),
    } as const;
    const names = Object.keys(makers) as (keyof typeof makers)[];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        (dtype, width, rows, salt) => {
          const values = Array.from({ length: (rows + 1) * width }, (_, i) => (i * 7 + salt) % 100);
          const source = new NdArray(makers[dtype](values).subarray(width), [rows, width]);
          const order = Array.from({ length: 5 }, (_, i) => (salt + 3 * i) % rows);
          const expected = order.flatMap((row) => values.slice((row + 1) * width, (row + 2) * width));
          const taken = takeRows(source, Uint32Array.from(order));
          expect(taken.dtype).toBe(dtype);
          expect(Array.from(taken.data, Number)).toEqual(expected);
        },
      ),
    );
  });

  it('picks rows of a Buffer', () => {
    expect(takeRows(new NdArray(Buffer.from([1, 2, 3, 4]), [2, 2]), Uint32Array.of(1)).toNested()).toEqual([[3, 4]]);
  });

  it('keeps bits: NaN payloads and integers beyond 2^53', () => {
    const bits = Uint32Array.of(0x7fc00001, 0x7f800001, 0x80000000);
    const taken = takeRows(new NdArray(new Float32Array(bits.buffer)), Uint32Array.of(1, 0, 2));
    expect([...new Uint32Array(taken.data.buffer)]).toEqual([0x7f800001, 0x7fc00001, 0x80000000]);
    const big = takeRows(new NdArray(BigInt64Array.of(2n ** 62n + 1n, -1n)), Uint32Array.of(1, 0));
    expect([...big.data]).toEqual([-1n, 2n ** 62n + 1n]);
  });

  it('keeps inner axes and bool', () => {
    const cube = takeRows(new NdArray(new Uint8Array(24), [4, 2, 3], 'bool'), Uint32Array.of(1));
    expect([cube.shape, cube.dtype]).toEqual([[1, 2, 3], 'bool']);
  });
});

describe('gatherRows', () => {
  it('writes part of the indices at a row of the target and leaves the rest', () => {
    const target = new Float32Array(8).fill(-1);
    gatherRows(counting(5, 2), Uint32Array.of(4, 1, 2), 1, 3, target, 1);
    expect([...target]).toEqual([-1, -1, 2, 3, 4, 5, -1, -1]);
  });

  it('refuses another type, a row that does not exist and a short target', () => {
    const source = counting(3, 2);
    expect(() => gatherRows(source, Uint32Array.of(0), 0, 1, new Float64Array(2))).toThrow(/float32 cannot be gathered into a Float64Array/);
    expect(() => gatherRows(source, Uint32Array.of(3), 0, 1, new Float32Array(2))).toThrow(/row 3 does not exist in an array of 3 rows/);
    expect(() => gatherRows(source, Uint32Array.of(0, 1), 0, 2, new Float32Array(3))).toThrow(ArgumentError);
    expect(() => gatherRows(source, Uint32Array.of(0), 0, 2, new Float32Array(4))).toThrow(ArgumentError);
  });
});

describe('rows', () => {
  it('counts rows and elements in a row', () => {
    const array = NdArray.zeros([6, 2, 5]);
    expect([rowsOf(array), rowWidth(array)]).toEqual([6, 10]);
    expect(() => rowsOf(NdArray.zeros([]))).toThrow(/scalar/);
  });

  it('wants as many targets as rows, and some', () => {
    expect(() => datasetRows({ x: NdArray.zeros([3, 2]), y: NdArray.zeros([2]) })).toThrow(/x has 3 rows and y has 2/);
    expect(() => datasetRows({ x: NdArray.zeros([0, 2]), y: NdArray.zeros([0]) })).toThrow(/no rows/);
  });
});

describe('spreadRows', () => {
  const rows = (count: number): NdArray => NdArray.zeros([count, 1]);

  it('are all rows where there are no more, each once and in order', () => {
    expect(spreadRows(rows(5), 9)).toEqual([0, 1, 2, 3, 4]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 600 }), (count, most) => {
        const taken = spreadRows(rows(count), most);
        expect(taken).toHaveLength(Math.min(count, most));
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken).toEqual(taken.toSorted((a, b) => a - b));
        expect(taken.at(-1)).toBeLessThan(count);
      }),
    );
  });

  it.each([
    ['in order', 4, (row: number) => Math.floor(row / 512)],
    ['taking turns', 4, (row: number) => row % 4],
    ['taking turns by twos', 2, (row: number) => Math.floor(row / 2) % 2],
    ['taking turns at every sixteenth', 16, (row: number) => row % 16],
  ])('hold all classes alike that stand %s', (_, classes, classOf) => {
    for (const most of [256, 1024]) {
      const counts = Array.from({ length: classes }, (__, one) => spreadRows(rows(2048), most).filter((row) => classOf(row) === one).length);
      for (const count of counts) expect(Math.abs(count - most / classes)).toBeLessThan((0.25 * most) / classes);
    }
  });
});

describe('checkFinite', () => {
  it.each([
    ['float32', Float32Array],
    ['float64', Float64Array],
  ])('names row, column and feature of the first bad value in %s, wherever it stands', (_, make) => {
    for (const [rows, width, index] of [
      [3, 3, 5],
      [3, 3, 0],
      [3, 3, 8],
      [2000, 7, 13_999],
      [2000, 7, 4095],
      [2000, 7, 4096],
    ] as const) {
      for (const bad of [Number.NaN, Infinity, -Infinity]) {
        const data = new make(rows * width).fill(1e30);
        data[index] = bad;
        if (index + 1 < data.length) data[index + 1] = Number.NaN;
        const names = Array.from({ length: width }, (_, i) => `f${i}`);
        expect(() => checkFinite(new NdArray(data, [rows, width]), 'x', names)).toThrow(
          `x holds ${bad} at row ${Math.floor(index / width)}, column ${index % width}, feature 'f${index % width}'`,
        );
      }
    }
  });

  it('passes the extremes of finite numbers, integers and empty arrays', () => {
    checkFinite(new NdArray(Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0, 0)), 'x');
    checkFinite(new NdArray(Float64Array.of(Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE)), 'x');
    checkFinite(new NdArray(Int32Array.of(0x7f800000)), 'x');
    checkFinite(NdArray.zeros([0, 4]), 'x');
  });
});
