import { describe, expect, it } from 'vitest';
import { linearScale } from '#src/views/scale.js';

describe('a linear axis', () => {
  it.each([
    [
      [1, 5, 9],
      [0, 2, 4, 6, 8, 10],
    ],
    [
      [-0.3, 0.4],
      [-0.4, -0.2, 0, 0.2, 0.4],
    ],
    [[7, 7], [7]],
  ])('over %j has round ticks around all', (values, ticks) => {
    const scale = linearScale(values);
    expect(scale.ticks).toEqual(ticks);
    for (const value of values) expect(scale.at(value)).toBeGreaterThanOrEqual(0);
  });

  it('shows numbers that hardly differ as a line that hardly moves', () => {
    const { at, ticks } = linearScale([1.7, 1.7000001, 1.699999]);
    expect(Math.abs(at(1.7000001) - at(1.699999))).toBeLessThan(0.01);
    expect(ticks.every((tick) => String(tick).length <= 5)).toBe(true);
    // A thousandth and more is a course.
    const course = linearScale([2.3, 2.305]);
    expect(course.at(2.305) - course.at(2.3)).toBeGreaterThan(0.5);
  });
});
