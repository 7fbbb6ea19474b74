import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '#src/core/errors.js';
import { gradients } from '#src/graph/gradients.js';
import { input, type Tensor } from '#src/graph/node.js';
import { reduceMean, square } from '#src/graph/ops/index.js';
import { regularizerFromConfig, regularizers, resolveRegularizer } from '#src/regularizers.js';
import { array, evaluate, fixed, type Nested, numericalGradient } from './evaluate.js';
import fixture from './fixtures/regularizers_constraints.json' with { type: 'json' };

const penalty = async (regularizer: { penalty(x: Tensor): Tensor }, x: Nested): Promise<number> => {
  const { value } = await evaluate({ value: regularizer.penalty(fixed(x)) });
  return value[0] ?? Number.NaN;
};

describe('golden penalties', () => {
  const cases = fixture.cases.filter((one) => one.kind === 'regularizer');
  it.each(cases.map((one) => [one.test, one] as const))('%s', async (_, { name, options, x, expected, atol }) => {
    const value = await penalty(regularizerFromConfig(name, options), x as Nested);
    expect(Math.abs(value - Number(expected))).toBeLessThanOrEqual(2 * atol * Math.max(1, Number(expected)));
  });

  it('cover the table', () => {
    const covered = new Set(cases.map(({ name, options }) => regularizerFromConfig(name, options).name));
    expect(Object.keys(regularizers).filter((name) => !covered.has(name))).toEqual([]);
  });
});

describe('orthogonal', () => {
  it('is 0 for rows at right angles, and the factor for rows that are all alike', async () => {
    const one = regularizers.orthogonal({ factor: 0.5 });
    expect(
      await penalty(one, [
        [3, 0, 0],
        [0, 0, -2],
      ]),
    ).toBeCloseTo(0, 6);
    expect(
      await penalty(one, [
        [1, 2],
        [2, 4],
        [-1, -2],
      ]),
    ).toBeCloseTo(0.5, 5);
  });

  it('compares columns where asked', async () => {
    const x = [
      [1, 1],
      [0, 1],
    ];
    expect(await penalty(regularizers.orthogonal({ factor: 1, mode: 'columns' }), x)).toBeCloseTo(Math.SQRT1_2, 6);
    expect(
      await penalty(regularizers.orthogonal({ factor: 1, mode: 'columns' }), [
        [1, 0],
        [1, 0.5],
      ]),
    ).toBeCloseTo(Math.SQRT1_2, 6);
  });

  it('has nothing to compare in one row', async () => {
    expect(await penalty(regularizers.orthogonal(), [[1, 2]])).toBe(0);
  });

  it.each([
    [
      [1, 2],
      [0, 0],
      [3, -1],
    ],
    [
      [0, 0],
      [0, 0],
    ],
  ])('has a slope where rows are zeros: none at those', async (...rows) => {
    const x = input('x', [rows.length, 2]);
    const [slope] = gradients(regularizers.orthogonal({ factor: 0.5 }).penalty(x), [x]);
    const { found } = await evaluate({ found: slope as Tensor }, new Map([[x, array(rows)]]));
    const filled = rows.filter((row) => row.some((value) => value !== 0));
    // Of the rows that have a direction, by differences of the sizes of their cosines.
    const cosines = (flat: readonly number[]): number => {
      const vectors = filled.map((_, i) => flat.slice(2 * i, 2 * i + 2));
      const pairs = vectors.flatMap((a, i) => vectors.filter((_, j) => j !== i).map((b) => [a, b] as const));
      const sizes = pairs.map(([[a = 0, b = 0], [c = 0, d = 0]]) => Math.abs(a * c + b * d) / Math.hypot(a, b) / Math.hypot(c, d));
      return (0.5 * sizes.reduce((sum, size) => sum + size, 0)) / (rows.length * (rows.length - 1));
    };
    const expected = await numericalGradient(async (moved) => moved.map(cosines), filled.flat());
    const slopes = rows.flatMap((row) => (filled.includes(row) ? expected.splice(0, 2) : [0, 0]));
    found.forEach((value, i) => {
      expect(value).toBeCloseTo(slopes[i] ?? Number.NaN, 5);
    });
  });

  it('refuses what is no matrix, and modes that it does not know', () => {
    expect(() => regularizers.orthogonal().penalty(input('x', [3]))).toThrow(ShapeError);
    expect(() => regularizers.orthogonal({ mode: 'row' as 'rows' })).toThrow(/mode must be 'rows' or 'columns', got 'row'/);
  });
});

describe.each(Object.entries(regularizers))('%s', (name, make) => {
  it('has the gradient that differences give', async () => {
    const x = input('x', [2, 3]);
    const values = [0.5, -1.2, 0.8, 1.5, 0.3, -0.7];
    const one = name === 'l1l2' ? regularizers.l1l2({ l1: 0.3, l2: 0.2 }) : make();
    const shaped = (row: readonly number[]) => array(row).reshape([2, 3]);
    const [slope] = gradients(one.penalty(x), [x]);
    const { found } = await evaluate({ found: slope as Tensor }, new Map([[x, shaped(values)]]));
    const value = one.penalty(x);
    const f = async (rows: readonly (readonly number[])[]): Promise<number[]> => {
      const all: number[] = [];
      for (const row of rows) all.push((await evaluate({ value }, new Map([[x, shaped(row)]]))).value[0] ?? Number.NaN);
      return all;
    };
    const expected = await numericalGradient(f, values, 0.02);
    found.forEach((one, i) => {
      expect(one).toBeCloseTo(expected[i] ?? Number.NaN, 4);
    });
  });

  it('comes back from its name and config, and refuses a negative share', () => {
    const one = make();
    const again = regularizerFromConfig(name, JSON.parse(JSON.stringify(one.config)));
    expect([again.name, again.config]).toEqual([name, one.config]);
    const [share] = Object.keys(one.config);
    expect(() => regularizerFromConfig(name, { [share ?? '']: -1 })).toThrow(/must be a finite number ≥ 0, got -1/);
  });
});

describe('resolveRegularizer', () => {
  it('knows names, Keras spellings, instances and functions', async () => {
    expect(resolveRegularizer('L1L2').name).toBe('l1l2');
    expect(resolveRegularizer('l1_l2').name).toBe('l1l2');
    expect(resolveRegularizer('OrthogonalRegularizer').name).toBe('orthogonal');
    expect(resolveRegularizer('l2').config).toEqual({ l2: 0.01 });
    const own = resolveRegularizer(function spread(x) {
      return reduceMean(square(x));
    });
    expect(own.name).toBe('spread');
    expect(await penalty(own, [[1, 3]])).toBeCloseTo(5, 6);
  });

  it('refuses what is none, and functions that give no scalar', () => {
    expect(() => resolveRegularizer('l3')).toThrow(/unknown regularizer 'l3'; did you mean/);
    expect(() => resolveRegularizer(3 as never)).toThrow(ArgumentError);
    expect(() => resolveRegularizer((x) => square(x)).penalty(input('x', [2]))).toThrow(/must return a scalar tensor, got \[2\]/);
  });
});

it('a strength in the place of options is told where it belongs, as Keras takes it without a name', () => {
  const given = <T>(value: unknown) => value as T;
  expect(() => regularizers.l2(given(0.001))).toThrow("regularizer 'l2': options must be an object, such as { l2: 0.001 }, got 0.001");
  expect(() => regularizers.l1l2(given(1))).toThrow('such as { l1: 1 }, got 1');
  // What no option takes is no example, and neither is nothing.
  expect(() => regularizers.l2(given(-1))).toThrow("regularizer 'l2': options must be an object, got -1");
  expect(() => regularizers.l2(given(null))).toThrow("regularizer 'l2': options must be an object, got null");
  expect(() => regularizers.l2(given([0.1]))).toThrow("regularizer 'l2': options must be an object, got [0.1]");
});
