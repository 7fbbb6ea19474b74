import { describe, expect, it } from 'vitest';
import { bootstrap, clopperPearson, incompleteBeta, mcnemar, median, quantile } from '../../ward/statistics.js';

describe('incomplete beta function', () => {
  it('is a polynomial for whole a and b', () => {
    // I_x(2, 3) = 6x² − 8x³ + 3x⁴, by hand.
    for (const x of [0.05, 0.3, 0.5, 0.77, 0.99]) expect(incompleteBeta(x, 2, 3)).toBeCloseTo(6 * x ** 2 - 8 * x ** 3 + 3 * x ** 4, 8);
  });

  it('is x for a = b = 1, and the arc sine law for halves', () => {
    for (const x of [0.01, 0.4, 0.9]) {
      expect(incompleteBeta(x, 1, 1)).toBeCloseTo(x, 8);
      expect(incompleteBeta(x, 0.5, 0.5)).toBeCloseTo((2 / Math.PI) * Math.asin(Math.sqrt(x)), 8);
    }
  });
});

describe('Clopper and Pearson', () => {
  it('gives the intervals of tables', () => {
    // Fleiss, Levin and Paik 2003; R's binom.test gives the same.
    const cases = [
      [0, 10, 0, 0.3085],
      [1, 10, 0.0025, 0.445],
      [5, 10, 0.1871, 0.8129],
      [10, 10, 0.6915, 1],
    ] as const;
    for (const [count, of, low, high] of cases) {
      const [a, b] = clopperPearson(count, of);
      expect(a).toBeCloseTo(low, 4);
      expect(b).toBeCloseTo(high, 4);
    }
  });

  it('follows the rule of three where nothing happened', () => {
    const [, high] = clopperPearson(0, 300);
    expect(high).toBeCloseTo(1 - 0.025 ** (1 / 300), 8);
  });
});

describe('McNemar', () => {
  it('is the two-sided binomial test', () => {
    // 2 · P(X ≤ 1 of 10 tosses) = 2 · 11 / 1024.
    expect(mcnemar(1, 9)).toBeCloseTo(22 / 1024, 8);
    expect(mcnemar(9, 1)).toBe(mcnemar(1, 9));
    expect(mcnemar(0, 5)).toBeCloseTo(1 / 16, 8);
  });

  it('says nothing where no pair differs or both win alike', () => {
    expect(mcnemar(0, 0)).toBe(1);
    expect(mcnemar(7, 7)).toBe(1);
  });
});

describe('bootstrap', () => {
  const groups = ['a', 'b', 'c', 'd', 'e', 'f'];
  const items = groups.flatMap((group, at) => Array.from({ length: 50 }, () => ({ group, value: at })));
  const meanOf = (list: readonly { readonly value: number }[]): number => list.reduce((sum, { value }) => sum + value, 0) / list.length;

  it('draws whole groups, so that alike rows do not narrow it', () => {
    const [low, high] = bootstrap(items, ({ group }) => group, meanOf);
    // Deviation of the mean of six of 0 … 5: √(35/12/6) = 0.70.
    expect(high - low).toBeGreaterThan(2);
    expect(high - low).toBeLessThan(3.3);
    expect((low + high) / 2).toBeCloseTo(2.5, 0);
  });

  it('is the same every time', () => {
    expect(bootstrap(items, ({ group }) => group, meanOf)).toEqual(bootstrap(items, ({ group }) => group, meanOf));
  });
});

it('takes medians and quantiles with linear interpolation', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(median([])).toBeNaN();
});
