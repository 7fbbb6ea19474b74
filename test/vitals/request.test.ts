import { describe, expect, it } from 'vitest';
import { isObserved, stepsUntilObserved } from '#src/vitals/request.js';

describe('which steps are observed', () => {
  it('takes the first, then farther and farther ones, then every nth', () => {
    const seen = Array.from({ length: 149 }, (_, before) => before).filter((before) => isObserved({ every: 50, spaced: true }, before));
    expect(seen.map((before) => before + 1)).toEqual([1, 2, 4, 8, 16, 32, 50, 100]);
  });

  it.each([
    [1, false],
    [1, true],
    [3, true],
    [8, true],
    [50, true],
    [50, false],
    [200, true],
  ])('counts the steps up to the next one: every %i, spaced %s', (every, spaced) => {
    for (let before = 0; before < 450; before++) {
      const count = stepsUntilObserved({ every, spaced }, before);
      const skipped = Array.from({ length: count - 1 }, (_, i) => isObserved({ every, spaced }, before + i));
      expect(skipped).not.toContain(true);
      expect(isObserved({ every, spaced }, before + count - 1)).toBe(true);
    }
  });
});
