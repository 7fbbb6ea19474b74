import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '#src/core/errors.js';
import { broadcastShapes, isStatic, MAX_ELEMENTS, normalizeAxis, product, sameShape, showShape, sizeOf, stridesOf } from '#src/core/shape.js';

const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });

describe('sizeOf', () => {
  it.each([
    [[], 1],
    [[7], 7],
    [[2, 3, 4], 24],
    [[5, 0, 3], 0],
    [[1, MAX_ELEMENTS], MAX_ELEMENTS],
  ])('of %j is %d', (shape, size) => {
    expect(sizeOf(shape)).toBe(size);
  });

  it.each([[[-1]], [[1.5]], [[NaN]], [[2, Infinity]]])('refuses %j', (shape) => {
    expect(() => sizeOf(shape)).toThrow(ShapeError);
  });

  it('refuses a product that overflows, and says so', () => {
    expect(() => sizeOf([2 ** 16, 2 ** 16])).toThrow(/\[65536, 65536\] has 4294967296 elements; an array holds at most 2147483647/);
    expect(() => sizeOf(new Array(100).fill(1e9))).toThrow(ShapeError);
  });
});

describe('broadcastShapes', () => {
  // the examples of NumPy's broadcasting rules
  it.each([
    [[256, 256, 3], [3], [256, 256, 3]],
    [
      [8, 1, 6, 1],
      [7, 1, 5],
      [8, 7, 6, 5],
    ],
    [[5, 4], [1], [5, 4]],
    [
      [15, 3, 5],
      [15, 1, 5],
      [15, 3, 5],
    ],
    [
      [15, 3, 5],
      [3, 1],
      [15, 3, 5],
    ],
    [[], [], []],
    [
      [0, 3],
      [1, 3],
      [0, 3],
    ],
    [['N', 10], [10], ['N', 10]],
    [['N', 1], [4], ['N', 4]],
    [['N'], ['N'], ['N']],
  ])('of %j and %j is %j', (a, b, result) => {
    expect(broadcastShapes(a, b)).toEqual(result);
    expect(broadcastShapes(b, a)).toEqual(result);
  });

  it.each([
    [[3], [4]],
    [
      [2, 1],
      [8, 4, 3],
    ],
    [['N'], [4]],
    [['N'], ['M']],
    [[0], [2]],
  ])('refuses %j and %j', (a, b) => {
    expect(() => broadcastShapes(a, b)).toThrow(ShapeError);
  });

  it('says which lengths clash', () => {
    expect(() => broadcastShapes(['N', 3], [4])).toThrow(/shapes \[N, 3\] and \[4\] cannot be broadcast together: 3 against 4/);
  });

  it('takes each axis from whichever operand stretches least', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 2, max: 6 }), fc.constantFrom('both', 'left', 'right')), { maxLength: 5 }),
        fc.nat(5),
        (axes, cut) => {
          const full = axes.map(([length]) => length);
          const a = axes.map(([length, side]) => (side === 'right' ? 1 : length));
          const b = axes.map(([length, side]) => (side === 'left' ? 1 : length));
          expect(broadcastShapes(a, b)).toEqual(full);
          expect(broadcastShapes(full, full.slice(Math.min(cut, full.length)))).toEqual(full);
        },
      ),
    );
  });
});

describe('axes and strides', () => {
  it('strides walk the elements in row-major order', () => {
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(stridesOf([])).toEqual([]);
    fc.assert(
      fc.property(shapes, (shape) => {
        const strides = stridesOf(shape);
        let position = 0;
        const walk = (axis: number, offset: number): void => {
          if (axis === shape.length) expect(offset).toBe(position++);
          else for (let i = 0; i < (shape[axis] ?? 0); i++) walk(axis + 1, offset + i * (strides[axis] ?? NaN));
        };
        walk(0, 0);
        expect(position).toBe(sizeOf(shape));
      }),
    );
  });

  it('counts negative axes from the back', () => {
    expect([0, 2, -1, -3].map((axis) => normalizeAxis(axis, 3))).toEqual([0, 2, 2, 0]);
    for (const axis of [3, -4, 0.5, NaN]) expect(() => normalizeAxis(axis, 3)).toThrow(/does not exist in a tensor of 3 axes/);
  });

  it('compares and shows shapes', () => {
    expect(sameShape(['N', 2], ['N', 2])).toBe(true);
    expect(sameShape(['N', 2], [2, 'N'])).toBe(false);
    expect(sameShape([2], [2, 1])).toBe(false);
    expect(showShape(['N', 28, 28])).toBe('[N, 28, 28]');
    expect(isStatic([1, 2])).toBe(true);
    expect(isStatic(['N', 2])).toBe(false);
  });
});

describe('product', () => {
  it('multiplies lengths, and is 1 of none', () => {
    expect(product([2, 3, 4])).toBe(24);
    expect(product([])).toBe(1);
    expect(product([0.5, 6])).toBe(3);
  });
});
