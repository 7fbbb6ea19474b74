import { describe, expect, it } from 'vitest';
import { resolveActivation, scalarForm } from '#src/activations.js';
import type { ScalarFunction } from '#src/graph/evaluate.js';
import { correlationMap, correlationPoint, trainableDepth } from '#src/theory/correlation.js';
import { criticalLine } from '#src/theory/critical-line.js';
import { depthScale, fixedPoint, type LayerVariances } from '#src/theory/mean-field.js';

const phi = (name: string): ScalarFunction => scalarForm(resolveActivation(name));
const close = (value: number, figure: number, decimals: number) => expect(Math.abs(value - figure)).toBeLessThanOrEqual(0.5000001 * 10 ** -decimals);

/** E[f(u) f(v)] for normal u, v of variance q and correlation c, on a plain grid. */
function pairMean(f: (x: number) => number, q: number, c: number): number {
  const step = 0.05;
  const deviation = Math.sqrt(q);
  let sum = 0;
  for (let a = -8; a <= 8; a += step) {
    for (let b = -8; b <= 8; b += step) {
      const weight = Math.exp(-(a * a + b * b) / 2) / (2 * Math.PI);
      sum += weight * f(deviation * a) * f(deviation * (c * a + Math.sqrt(1 - c * c) * b));
    }
  }
  return sum * step * step;
}

describe('the correlation map', () => {
  it.each([-0.9, -0.3, 0, 0.3, 0.7, 0.95, 0.999])('of ReLU is the arc-cosine kernel at c = %d', (c) => {
    const kernel = (Math.sqrt(1 - c * c) + c * (Math.PI - Math.acos(c))) / Math.PI;
    expect(correlationMap(phi('relu'), { weightVariance: 2 }, 3, c)).toBeCloseTo(kernel, 4);
  });

  it.each([
    ['tanh', 0.4],
    ['sigmoid', 0.8],
    ['gelu', -0.2],
  ] as const)('of %s is the mean of products over a grid at c = %d', (name, c) => {
    const f = phi(name);
    const [q, variances] = [1.7, { weightVariance: 1.4, biasVariance: 0.2 }];
    const product = (at: number) => variances.weightVariance * pairMean(f.value, q, at) + variances.biasVariance;
    expect(correlationMap(f, variances, q, c)).toBeCloseTo(product(c) / product(1), 6);
  });
});

describe('where correlations settle', () => {
  const at = (weightVariance: number, biasVariance = 0.05, name = 'tanh') => {
    const variances: LayerVariances = { weightVariance, biasVariance };
    const { q } = fixedPoint(phi(name), variances);
    return { variances, q, point: correlationPoint(phi(name), variances, q) };
  };

  it.each([
    [1, 3.6],
    [1.5, 15.8],
    [1.7, 74.9],
  ])('in the ordered phase, tanh at σ_w² %d: c* = 1 and ξ is the depth scale of gradients, %d', (weightVariance, scale) => {
    const { point } = at(weightVariance);
    expect(point.correlation).toBe(1);
    close(point.depth, scale, 1);
    close(trainableDepth(point) / 6, scale, 1);
  });

  it.each([2, 2.5, 4])(
    'in the chaotic phase, tanh at σ_w² %d: c* < 1 is fixed, and ξ is shorter than the gradients’ scale says by χ at 1',
    (weightVariance) => {
      const { point, variances, q } = at(weightVariance);
      const map = (c: number) => weightVariance * pairMean(phi('tanh').value, q, c) + 0.05;
      expect(point.correlation).toBeLessThan(0.97);
      expect(map(point.correlation) / q).toBeCloseTo(point.correlation, 5);
      const step = 1e-4;
      const slope = (map(point.correlation + step) - map(point.correlation - step)) / (2 * step * q);
      expect(point.chi).toBeCloseTo(slope, 4);
      expect(point.depth).toBeCloseTo(-1 / Math.log(slope), 1);
      expect(point.depth).not.toBeCloseTo(depthScale(fixedPoint(phi('tanh'), variances).chi), 0);
    },
  );

  it('ReLU with He weights brings all signals together, at a power law', () => {
    const point = correlationPoint(phi('relu'), { weightVariance: 2 }, 1);
    expect(point.correlation).toBe(1);
    expect(point.depth).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('the critical line', () => {
  it.each([
    [0.001, 1.189],
    [0.01, 1.424],
    [0.05, 1.761],
    [0.1, 1.986],
    [0.3, 2.505],
  ])('of tanh at σ_b² %d has σ_w² %d', (biasVariance, weightVariance) => {
    const point = criticalLine(phi('tanh'), biasVariance);
    close(point?.weightVariance ?? 0, weightVariance, 3);
    expect(point?.biasVariance).toBeCloseTo(biasVariance, 9);
    expect(fixedPoint(phi('tanh'), { weightVariance: point?.weightVariance ?? 0, biasVariance }).chi).toBeCloseTo(1, 6);
  });

  it('of sigmoid is reached by N(0, 1) weights of width 103 only', () => {
    expect(criticalLine(phi('sigmoid'), 1e-6)?.weightVariance).toBeCloseTo(103, 0);
  });

  it('does not exist where no σ_b² is left', () => {
    expect(criticalLine(phi('relu'), 0.1)).toBeUndefined();
    expect(criticalLine(phi('softplus'), 0.1)).toBeUndefined();
  });
});
