import { describe, expect, it } from 'vitest';
import { gaussianMean } from '#src/theory/quadrature.js';
import { normalCdf } from '../statistics.js';

/** (2n − 1)!!, the 2n-th moment of a standard normal. */
const moment = (n: number): number => (n <= 0 ? 1 : (2 * n - 1) * moment(n - 1));

describe('gaussianMean', () => {
  it('has the moments of a normal distribution', () => {
    for (const variance of [1e-24, 0.3, 1, 50, 1e9]) {
      for (const n of [0, 1, 2, 5]) {
        expect(gaussianMean((x) => x ** (2 * n), variance) / (variance ** n * moment(n))).toBeCloseTo(1, 11);
        expect(Math.abs(gaussianMean((x) => x ** (2 * n + 1), variance)) / variance ** (n + 0.5)).toBeLessThan(1e-11);
      }
    }
  });

  it('knows the moment generating function, far into the tail', () => {
    for (const t of [0.5, 3, 10]) expect(gaussianMean(Math.exp, t * t) / Math.exp((t * t) / 2)).toBeCloseTo(1, 10);
  });

  it.each([-3.3, -0.01, 0, 0.5, 1.7, 6])('finds a jump at x = %d, whatever the variance', (edge) => {
    for (const variance of [1e-3, 1, 40, 1e5]) {
      expect(gaussianMean((x) => (x > edge ? 1 : 0), variance)).toBeCloseTo(1 - normalCdf(edge / Math.sqrt(variance)), 6);
    }
  });

  it('finds a kink off the middle: E max(x − a, 0) = φ(a) − a (1 − Φ(a))', () => {
    for (const a of [-2.2, 0.3, 1.9]) {
      const expected = Math.exp((-a * a) / 2) / Math.sqrt(2 * Math.PI) - a * (1 - normalCdf(a));
      expect(gaussianMean((x) => Math.max(x - a, 0), 1)).toBeCloseTo(expected, 6);
    }
  });

  it('takes the value at 0 where there is no variance', () => {
    expect(gaussianMean((x) => Math.cos(x), 0)).toBeCloseTo(1, 12);
  });

  it('says infinity where there is no finite mean', () => {
    expect(gaussianMean((x) => Math.exp(x * x), 4)).toBe(Number.POSITIVE_INFINITY);
  });
});
