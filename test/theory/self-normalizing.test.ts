import { describe, expect, it } from 'vitest';
import { resolveActivation, scalarForm } from '#src/activations.js';
import { momentJacobian, momentMap, spectralNorm } from '#src/theory/self-normalizing.js';

const selu = scalarForm(resolveActivation('selu'));

describe("SELU's map of mean and variance", () => {
  it('keeps (0, 1)', () => {
    const { mean, variance } = momentMap(selu, { mean: 0, variance: 1 });
    expect(mean).toBeCloseTo(0, 10);
    expect(variance).toBeCloseTo(1, 10);
  });

  it('has the published Jacobian there', () => {
    const jacobian = momentJacobian(selu, { mean: 0, variance: 1 });
    expect(jacobian[0][0]).toBeCloseTo(0, 12);
    // The paper cuts its digits: 0.0888347….
    expect(Math.trunc(jacobian[0][1] * 1e6) / 1e6).toBe(0.088834);
    expect(jacobian[1][0]).toBeCloseTo(0, 12);
    expect(jacobian[1][1]).toBeCloseTo(0.782648, 6);
    expect(spectralNorm(jacobian)).toBeCloseTo(0.7877, 4);
  });

  it('has the Jacobian of its difference quotients', () => {
    const [at, weights, step] = [{ mean: 0.08, variance: 1.3 }, { sum: 0.4, squares: 0.97 }, 1e-5];
    const jacobian = momentJacobian(selu, at, weights);
    for (const [column, key] of (['mean', 'variance'] as const).entries()) {
      const [up, down] = [step, -step].map((shift) => momentMap(selu, { ...at, [key]: at[key] + shift }, weights));
      expect(jacobian[0][column]).toBeCloseTo(((up?.mean ?? 0) - (down?.mean ?? 0)) / (2 * step), 6);
      expect(jacobian[1][column]).toBeCloseTo(((up?.variance ?? 0) - (down?.variance ?? 0)) / (2 * step), 6);
    }
  });

  const near = [-0.1, 0, 0.1];
  it('shrinks variances from 3 to 16 and lets those from 0.02 to 0.16 grow', () => {
    for (const mean of near) {
      for (const sum of near) {
        for (const squares of [0.8, 1, 1.25]) {
          for (const variance of [3, 6, 16]) expect(momentMap(selu, { mean, variance }, { sum, squares }).variance).toBeLessThan(variance);
          for (const variance of [0.02, 0.08, 0.16]) expect(momentMap(selu, { mean, variance }, { sum, squares }).variance).toBeGreaterThan(variance);
        }
      }
    }
  });

  it('maps the domain of the proof into itself', () => {
    for (const mean of near) {
      for (const sum of near) {
        for (const squares of [0.95, 1.1]) {
          for (const variance of [0.8, 1.15, 1.5]) {
            const next = momentMap(selu, { mean, variance }, { sum, squares });
            expect(Math.abs(next.mean)).toBeLessThanOrEqual(0.1);
            expect(next.variance).toBeGreaterThanOrEqual(0.8);
            expect(next.variance).toBeLessThanOrEqual(1.5);
          }
        }
      }
    }
  });
});
