import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRuns, writeRuns } from '#src/vitals/unit-states.js';

it('states are written as runs, and read again', () => {
  expect(writeRuns(['a', 'a', 'a', 'd', 'c', 'c'])).toBe('a3d1c2');
  expect(readRuns('a97d3')).toEqual([
    ['a', 97],
    ['d', 3],
  ]);
  expect(readRuns('')).toEqual([]);
  fc.assert(
    fc.property(fc.array(fc.constantFrom('a', 'c', 'd')), (states) => {
      expect(readRuns(writeRuns(states)).flatMap(([state, count]) => Array.from({ length: count }, () => state))).toEqual(states);
    }),
  );
});
