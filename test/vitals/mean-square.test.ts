import { describe, expect, it } from 'vitest';
import { input } from '#src/graph/node.js';
import { meanSquares } from '#src/vitals/mean-square.js';
import { array, evaluate } from '../evaluate.js';

const SIZES = [1, 3, 1e-7, 1e9, 1e-16, 1e-25, 2e25, 0];

/** Roots of what the graph gives, for rows whose numbers are ± a size times 1, 2, 3, the single one last. */
async function roots(sizes: readonly number[], dtype: 'float32' | 'float64'): Promise<number[]> {
  const rows = sizes.map((size) => [size, -2 * size, 3 * size]);
  const [several, one] = [input('several', [sizes.length, 3], dtype), input('one', [1, 3], dtype)];
  const feeds = new Map([
    [several, array(rows, dtype)],
    [one, array(rows.slice(0, 1), dtype)],
  ]);
  const { means } = await evaluate({ means: meanSquares([several, one]) }, feeds);
  const [first = Number.NaN, ...others] = means.map(Math.sqrt);
  return [...others, first];
}

describe('mean squares', () => {
  it.each(SIZES)('of numbers of the size %d, beside ordinary ones', async (size) => {
    const found = await roots([size, 1], 'float32');
    const expected = [size, 1, size].map((one) => one * Math.sqrt(14 / 3));
    found.forEach((root, i) => {
      if (expected[i] === 0) expect(root).toBe(0);
      else expect(root / (expected[i] ?? Number.NaN)).toBeCloseTo(1, 5);
    });
  });

  it('of all sizes together, in either type', async () => {
    for (const dtype of ['float32', 'float64'] as const) {
      const found = await roots(SIZES, dtype);
      SIZES.forEach((size, i) => {
        if (size === 0) expect(found[i]).toBe(0);
        else expect((found[i] ?? Number.NaN) / (size * Math.sqrt(14 / 3))).toBeCloseTo(1, 5);
      });
    }
  });

  it('of what is not finite is not finite', async () => {
    const [nan] = await roots([Number.NaN, 1], 'float32');
    expect(nan).toBeNaN();
    const [infinite] = await roots([Number.POSITIVE_INFINITY, 1], 'float32');
    expect(infinite).toBe(Number.POSITIVE_INFINITY);
  });
});
