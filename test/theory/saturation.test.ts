import { expect, it } from 'vitest';
import { flatSides } from '#src/theory/saturation.js';

const inf = Number.POSITIVE_INFINITY;

it.each<[string, (x: number) => boolean, number, number]>([
  ['both sides', (x) => x <= -2 || x >= 3.3, -2, 3.3],
  ['the left one, to 0', (x) => x < 0, 0, inf],
  ['the right one', (x) => x > 41, -inf, 41],
  ['what lies between is no side', (x) => Math.abs(x) < 1 || x < -5, -5, inf],
  ['nowhere', () => false, -inf, inf],
  ['everywhere: no side of anything', () => true, -inf, inf],
])('flat on %s', (_, flat, low, high) => {
  const found = flatSides(flat);
  if (Number.isFinite(low)) expect(found.low).toBeCloseTo(low, 9);
  else expect(found.low).toBe(low);
  if (Number.isFinite(high)) expect(found.high).toBeCloseTo(high, 9);
  else expect(found.high).toBe(high);
});
