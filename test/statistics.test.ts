import { describe, expect, it } from 'vitest';
import { chiSquared, correlation, kolmogorovSmirnov, normalCdf } from './statistics.js';

describe('statistics for tests', () => {
  it('has the tabulated normal distribution', () => {
    expect(normalCdf(0)).toBe(0.5);
    expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 14);
    expect(normalCdf(-3)).toBeCloseTo(0.0013498980316301, 14);
  });

  it('tells samples of a distribution from others', () => {
    const even = Float64Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000);
    expect(kolmogorovSmirnov(even, (x) => x)).toBe(1);
    expect(kolmogorovSmirnov(even, (x) => x * x)).toBeLessThan(1e-10);
    // 5 % point of Kolmogorov's distribution: 1.3581
    const shifted = even.map((x) => x + 1.3581 / Math.sqrt(1000));
    expect(kolmogorovSmirnov(shifted, (x) => Math.min(1, x))).toBeCloseTo(0.05, 1);
  });

  it('tells even counts from uneven ones', () => {
    expect(chiSquared([100, 100, 100, 100])).toBeGreaterThan(0.99);
    // 5 % point of chi² with 9 degrees of freedom: 16.919
    const d = Math.sqrt((16.919 * 100) / 10);
    expect(chiSquared(Array.from({ length: 10 }, (_, i) => 100 + (i % 2 === 0 ? d : -d)))).toBeCloseTo(0.05, 2);
  });

  it('measures correlation', () => {
    expect(correlation([1, 2, 3], [2, 4, 6])).toBeCloseTo(1, 14);
    expect(correlation([1, 2, 3, 4], [1, -1, -1, 1])).toBeCloseTo(0, 14);
  });
});
