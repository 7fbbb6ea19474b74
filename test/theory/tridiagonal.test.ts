import { describe, expect, it } from 'vitest';
import { extremeEigenvalues } from '#src/theory/tridiagonal.js';

/** Of −1, 2, −1 on n rows: 2 − 2 cos(kπ/(n + 1)). */
const chain = (n: number) => ({ diagonal: Array(n).fill(2) as number[], beside: Array(n - 1).fill(-1) as number[] });
const chainAt = (n: number, k: number): number => 2 - 2 * Math.cos((k * Math.PI) / (n + 1));

describe('the extreme eigenvalues of a tridiagonal matrix', () => {
  it.each([2, 3, 20, 200])('are those of a chain of %d in closed form', (n) => {
    const { least, largest } = extremeEigenvalues(chain(n));
    expect(least).toBeCloseTo(chainAt(n, 1), 12);
    expect(largest).toBeCloseTo(chainAt(n, n), 12);
  });

  it.each([
    { title: 'one entry', diagonal: [-3], beside: [], least: -3, largest: -3 },
    { title: 'entries that touch nothing', diagonal: [4, -1, 2], beside: [0, 0], least: -1, largest: 4 },
    { title: 'zeros', diagonal: [0, 0], beside: [0], least: 0, largest: 0 },
    { title: 'a pair of equal entries', diagonal: [1, 1], beside: [1e3], least: -999, largest: 1001 },
    { title: 'sizes far apart', diagonal: [1e12, 1e-6], beside: [1], least: 0, largest: 1e12 },
  ])('$title', ({ diagonal, beside, least, largest }) => {
    const found = extremeEigenvalues({ diagonal, beside });
    expect(found.least).toBeCloseTo(least, 3);
    expect(found.largest).toBeCloseTo(largest, 3);
  });

  it.each([
    { title: 'nothing', diagonal: [], beside: [] },
    { title: 'NaN', diagonal: [1, Number.NaN], beside: [0] },
    { title: 'an infinity', diagonal: [1, 2], beside: [Number.POSITIVE_INFINITY] },
  ])('are NaN of $title', ({ diagonal, beside }) => {
    expect(extremeEigenvalues({ diagonal, beside })).toEqual({ least: Number.NaN, largest: Number.NaN });
  });
});
