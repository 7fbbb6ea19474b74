import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { bornDeadProbability, silentProbability } from '#src/theory/dead.js';
import { normalCdf } from '#src/theory/normal.js';

/** Share of ReLU nets of zero biases that give one constant for each of the given inputs: they are all 0 somewhere. */
function deadShare(width: number, hidden: number, nets: number, inputs: readonly number[]): number {
  const random = new Random(7);
  let dead = 0;
  for (let net = 0; net < nets; net++) {
    let rows = inputs.map((x) => [x]);
    for (let layer = 0; layer < hidden; layer++) {
      const fanIn = rows[0]?.length ?? 1;
      const kernel = Array.from({ length: width }, () => Array.from({ length: fanIn }, () => random.normal()));
      rows = rows.map((row) =>
        kernel.map((weights) =>
          Math.max(
            0,
            weights.reduce((sum, w, i) => sum + w * (row[i] ?? 0), 0),
          ),
        ),
      );
    }
    if (rows.every((row) => row.every((x) => x === 0))) dead++;
  }
  return dead / nets;
}

describe('networks born dead', () => {
  it.each([
    [2, 0.925, 0.87, 0.881],
    [3, 0.699, 0.513, 0.579],
  ])('width %d, 10 layers: at most %d, simulated between that and %d, about %d', (width, upper, lower, simulated) => {
    expect(bornDeadProbability({ width, hidden: 9 })).toBeCloseTo(upper, 3);
    // Without biases the net is linear on each half line, so that two points stand for the line.
    const share = deadShare(width, 9, 4000, [1, -1]);
    expect(share).toBeLessThan(upper);
    expect(share).toBeGreaterThan(lower);
    expect(Math.abs(share - simulated)).toBeLessThan(0.025);
  });

  it('for one input the figure is exact', () => {
    // The first layer sees one number, of which each unit is alive with probability 1/2, as any later one.
    expect(deadShare(2, 9, 4000, [1])).toBeCloseTo(bornDeadProbability({ width: 2, hidden: 9 }), 1);
    expect(deadShare(5, 9, 4000, [1])).toBeCloseTo(bornDeadProbability({ width: 5, hidden: 9 }), 1);
  });

  it('a unit that fires on 1 % of the rows looks dead in 72 % of batches of 32', () => {
    const unit = { mean: 0, variance: 1, correlation: 0, rows: 1 };
    const edge = 2.3263478740408408;
    expect(silentProbability({ edge, side: 'left' }, unit)).toBeCloseTo(0.99, 9);
    expect(Math.round(100 * silentProbability({ edge, side: 'left' }, { ...unit, rows: 32 }))).toBe(72);
  });
});

describe('silent units', () => {
  it.each([0, 0.3, 0.9, 0.999, 1])('of two rows with correlation %d fall into one quadrant', (correlation) => {
    const quadrant = 1 / 4 + Math.asin(correlation) / (2 * Math.PI);
    for (const side of ['left', 'right'] as const) {
      expect(silentProbability({ edge: 0, side }, { mean: 0, variance: 4, correlation, rows: 2 })).toBeCloseTo(quadrant, 4);
    }
  });

  it('of independent rows multiply', () => {
    const one = { mean: 0.5, variance: 2, correlation: 0 };
    const p = silentProbability({ edge: 0, side: 'left' }, { ...one, rows: 1 });
    expect(p).toBeCloseTo(normalCdf(-0.5 / Math.SQRT2), 12);
    expect(silentProbability({ edge: 0, side: 'left' }, { ...one, rows: 7 })).toBeCloseTo(p ** 7, 10);
  });
});

describe('normalCdf', () => {
  it.each([
    [0, 0.5],
    [1, 0.8413447460685429],
    [-2, 0.02275013194817921],
    [2.5758293035489004, 0.995],
    [-6, 9.865876450376946e-10],
    [Number.POSITIVE_INFINITY, 1],
    [Number.NEGATIVE_INFINITY, 0],
  ])('at %d is %d', (x, p) => {
    expect(Math.abs(normalCdf(x) / (p || 1) - (p === 0 ? 0 : 1))).toBeLessThan(1e-12);
  });

  it('leaves 92 % of SELU’s LeCun sums outside ±0.1', () => {
    expect(Math.round(100 * 2 * normalCdf(-0.1))).toBe(92);
  });
});
