import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { brier, calibrationError, fitLogistic, reliability, type Told } from '../../bench/harness/reliability.js';

const told = (confidence: number, held: boolean): Told => ({ group: 'any', when: 'start', severity: 'ill', margin: 2, told: confidence, held });
const many = (count: number, confidence: number, held: boolean): Told[] => Array.from({ length: count }, () => told(confidence, held));

describe('reliability', () => {
  it('puts what was told beside what was found, by bin', () => {
    const list = [...many(3, 0.6, true), ...many(1, 0.6, false), ...many(2, 1, true)];
    const [low, high, ...rest] = reliability(list);
    expect(rest).toEqual([]);
    expect(low).toMatchObject({ from: 0.5, to: 0.7, count: 4, found: 0.75 });
    expect(low?.told).toBeCloseTo(0.6, 12);
    expect(high).toMatchObject({ from: 0.95, to: 1, count: 2, told: 1, found: 1 });
    // Clopper and Pearson's interval of 2 of 2: the lower end is the square root of 2.5 %.
    expect(high?.interval[0]).toBeCloseTo(Math.sqrt(0.025), 6);
  });

  it('weighs the distance of each bin by its count', () => {
    expect(calibrationError(many(5, 0.85, true))).toBeCloseTo(0.15, 12);
    expect(calibrationError([...many(3, 0.6, true), ...many(1, 0.6, false), ...many(4, 1, true)])).toBeCloseTo((4 / 8) * 0.15, 12);
  });

  it('has the mean squared distance of Brier', () => {
    expect(brier([told(0.8, true), told(0.4, false)])).toBeCloseTo((0.04 + 0.16) / 2, 12);
  });
});

describe('the fitted curve', () => {
  it('comes near the one that outcomes were drawn from', () => {
    const random = new Random(4);
    const points = Array.from({ length: 20_000 }, () => {
      const reach = random.uniform(0, 4);
      return { margin: 10 ** reach, held: random.uniform() < 1 / (1 + Math.exp(-(-1 + 1.2 * reach))) };
    });
    const [offset, slope] = fitLogistic(points);
    expect(offset).toBeCloseTo(-1, 0.8);
    expect(slope).toBeCloseTo(1.2, 0.8);
  });

  it('never falls with the margin, though outcomes do', () => {
    const points = Array.from({ length: 400 }, (_, i) => ({ margin: 10 ** (i % 4), held: i % 4 === 0 }));
    const [offset, slope] = fitLogistic(points);
    expect(slope).toBe(0);
    expect(1 / (1 + Math.exp(-offset))).toBeCloseTo(0.25, 1);
  });

  it('stays at the others’ offset where there is nothing of its own', () => {
    expect(fitLogistic([], 0.7)).toEqual([0.7, 0]);
  });
});
