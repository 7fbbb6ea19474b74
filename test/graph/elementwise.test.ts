import { describe, expect, it } from 'vitest';
import type { DType } from '#src/core/dtype.js';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import { type Attributes, applyOne, input, type OpRecord, type Tensor } from '#src/graph/node.js';
import { elementTypes } from '#src/graph/onnx/schema.js';
import { atan, erf, records, SELU_ALPHA, SELU_LAMBDA } from '#src/graph/ops/index.js';
import { generator } from './differences.js';
import { compute, numbers } from './engine.js';

const elementwise = Object.values<OpRecord>(records).filter((record) => record.evaluate);

/** Operators that need other operands than one float. */
const operands: Readonly<Record<string, readonly DType[]>> = Object.fromEntries([
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Mod', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal'].map((name) => [
    name,
    ['float64', 'float64'],
  ]),
  ...['And', 'Or', 'Xor'].map((name) => [name, ['bool', 'bool']]),
  ...['BitwiseXor', 'BitwiseAnd', 'BitwiseOr', 'BitShift'].map((name) => [name, ['uint32', 'uint32']]),
  ['Not', ['bool']],
  ['Where', ['bool', 'float64', 'float64']],
]);

const attributeSets: Readonly<Record<string, readonly Attributes[]>> = {
  Mod: [{ fmod: 1 }],
  LeakyRelu: [{ alpha: 0.25 }, { alpha: -0.5 }],
  Elu: [{ alpha: 1 }, { alpha: 0.5 }],
  Selu: [{ alpha: SELU_ALPHA, gamma: SELU_LAMBDA }, {}],
  Shrink: [{ lambd: 0.5, bias: 0 }, { lambd: 1, bias: 0.25 }, {}],
  Cast: [{ to: elementTypes.float32 }, { to: elementTypes.int32 }, { to: elementTypes.bool }],
  BitShift: [{ direction: 'LEFT' }, { direction: 'RIGHT' }],
};

const next = generator(5);
const floats = [0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 20, -20, 100, -100, 1e-8, -1e-8, ...Array.from({ length: 40 }, () => 12 * next() - 6)];
const words = [0, 1, 2, 7, 31, 0x7fffffff, 0x80000000, 0xffffffff, 0x9e3779b9];
const bools = [0, 1];
const poolOf = (dtype: DType): readonly number[] => (dtype === 'bool' ? bools : dtype === 'uint32' ? words : floats);

/** Tuples of values: every pair of the special ones, and random ones beside each other. */
function tuples(name: string, dtypes: readonly DType[]): number[][] {
  if (name === 'BitShift') return words.flatMap((word) => [0, 1, 15, 31].map((places) => [word, places]));
  const [first = [], ...rest] = dtypes.map(poolOf);
  return rest.reduce<number[][]>(
    (rows, pool) => rows.flatMap((row) => pool.map((value) => [...row, value])),
    first.map((value) => [value]),
  );
}

describe('evaluate of elementwise operators against the engine', () => {
  const rows = elementwise.flatMap((record) => (attributeSets[record.name] ?? [{}]).map((attributes) => ({ name: record.name, record, attributes })));
  it.each(rows)('$name $attributes', async ({ name, record, attributes }) => {
    const dtypes = operands[name] ?? ['float64'];
    const values = tuples(name, dtypes).filter((row) => name !== 'Cast' || attributes.to !== elementTypes.int32 || row.every(Number.isFinite));
    const arrays = dtypes.map((dtype, k) => {
      const array = NdArray.zeros([values.length], dtype);
      values.forEach((row, i) => {
        array.set(i, row[k] as number);
      });
      return array;
    });
    const inputs = dtypes.map((dtype, k) => input(`x${k}`, [values.length], dtype));
    const output = applyOne(record, inputs, attributes);
    const [result] = await compute([output], new Map(inputs.map((tensor: Tensor, k) => [tensor, arrays[k] as NdArray])));
    const tolerance = output.dtype === 'float32' ? 3e-7 : 1e-13;
    const wrong = values.flatMap((_, i) => {
      const given = arrays.map((array) => array.at(i));
      const mine = record.evaluate?.(given, attributes) ?? Number.NaN;
      const theirs = result?.at(i) ?? Number.NaN;
      const same =
        Object.is(mine, theirs) || mine === theirs || Math.abs(mine - theirs) <= tolerance * Math.max(Math.abs(theirs), name === 'Cast' ? 1 : 1e-2);
      return same ? [] : [{ given, mine, theirs }];
    });
    expect(wrong.slice(0, 5)).toEqual([]);
  });
});

/** Abramowitz and Stegun, table 7.1, rounded to 16 digits. */
const publishedErf = [
  [0, 0],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [3, 0.9999779095030014],
  [3.5, 0.9999992569016276],
  [5, 0.9999999999984626],
  [7, 1],
] as const;

describe('Erf in float64, which the engine has no kernel for', () => {
  const on = async (values: readonly number[]): Promise<number[]> => {
    const x = input('x', [values.length], 'float64');
    const [y] = await compute([erf(x)], new Map([[x, new NdArray(Float64Array.from(values), [values.length])]]));
    return Array.from(y?.data ?? [], Number);
  };

  it('gives the published values', async () => {
    const given = publishedErf.flatMap(([x]) => [x, -x]);
    (await on(given)).forEach((value, i) => {
      const [, expected] = publishedErf[i >> 1] as readonly [number, number];
      expect(Math.abs(value - (i % 2 === 0 ? expected : -expected))).toBeLessThan(3e-16);
    });
  });

  it('is as exact as the series everywhere, relative to what it is', async () => {
    const given = Array.from({ length: 2001 }, (_, i) => (i - 1000) / 150 + 1e-7).concat(1e-300, -1e-20, 1e-9, 0.46874, 0.46876, 30, -1e200);
    const { evaluate } = records.Erf as OpRecord;
    const found = await on(given);
    const off = given.map((x, i) => {
      const exact = evaluate?.([x], {}) ?? Number.NaN;
      return Math.abs((found[i] ?? Number.NaN) - exact) / Math.abs(exact);
    });
    // Either may be off by a few units in the last place.
    expect(Math.max(...off)).toBeLessThan(2e-15);
  });

  it('keeps what is no number, and infinities', async () => {
    expect(await on([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0])).toEqual([Number.NaN, 1, -1, -0]);
  });
});

it('Atan in float64 reaches π/2 at the far ends, where squares are no numbers any more', async () => {
  const given = [1e200, -1e160, 1e17, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1, -0];
  const x = input('x', [given.length], 'float64');
  const y = atan(x);
  const [value, slope] = await compute([y, ...gradients(y, [x])], new Map([[x, new NdArray(Float64Array.from(given), [given.length])]]));
  const quarter = Math.PI / 2;
  const expected = [quarter, -quarter, quarter, quarter, -quarter, Number.NaN, Math.PI / 4, 0];
  expected.forEach((one, i) => {
    if (Number.isNaN(one)) expect(value?.at(i)).toBeNaN();
    else expect(value?.at(i)).toBeCloseTo(one, 14);
  });
  expect(
    numbers(slope)
      .slice(0, 5)
      .every((one) => one >= 0 && one < 1e-33),
  ).toBe(true);
});

describe('evaluate', () => {
  it.each(publishedErf)('of Erf at %d is the published %d', (x, expected) => {
    const { evaluate } = records.Erf as OpRecord;
    expect(Math.abs((evaluate?.([x], {}) ?? Number.NaN) - expected)).toBeLessThan(3e-16);
    expect(evaluate?.([-x], {})).toBe(-(evaluate?.([x], {}) ?? Number.NaN));
  });

  it.each([
    ['Sigmoid', -800, 0],
    ['Sigmoid', 800, 1],
    ['Softplus', 800, 800],
    ['Softplus', -800, 0],
    ['Selu', -800, -SELU_ALPHA * SELU_LAMBDA],
    ['Elu', -800, -1],
    ['Elu', 800, 800],
    ['Tanh', 800, 1],
  ] as const)('of %s at %d is %d', (name, x, expected) => {
    const attributes = name === 'Selu' ? { alpha: SELU_ALPHA, gamma: SELU_LAMBDA } : {};
    expect((records[name] as OpRecord).evaluate?.([x], attributes)).toBeCloseTo(expected, 14);
  });
});
