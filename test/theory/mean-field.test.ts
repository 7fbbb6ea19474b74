import { describe, expect, it } from 'vitest';
import { type ActivationLike, resolveActivation, scalarForm } from '#src/activations.js';
import type { ScalarFunction } from '#src/graph/evaluate.js';
import {
  criticalPoint,
  depthScale,
  fixedPoint,
  gradientMap,
  type LayerVariances,
  meanSquare,
  saturatedShare,
  varianceMap,
  varianceSlope,
} from '#src/theory/mean-field.js';

const phi = (activation: ActivationLike): ScalarFunction => scalarForm(resolveActivation(activation));
const sloped = (slope: number): ScalarFunction => ({ value: (x) => (x > 0 ? x : slope * x), slope: (x) => (x > 0 ? 1 : slope) });
const lecun: LayerVariances = { weightVariance: 1 };
const he: LayerVariances = { weightVariance: 2 };
const unit: LayerVariances = { weightVariance: 100 };

/** q and χ after some layers, from q = 1. */
function after(layers: number, activation: ActivationLike, variances: LayerVariances): { q: number; chi: number } {
  const f = phi(activation);
  let q = 1;
  for (let layer = 0; layer < layers; layer++) q = varianceMap(f, variances, q);
  return { q, chi: gradientMap(f, variances, q) };
}

/** As many digits as the figure is given with. */
function expectFigure(value: number, figure: string): void {
  const decimals = figure.split('.')[1]?.length ?? 0;
  expect(Math.abs(value - Number(figure))).toBeLessThanOrEqual(0.5000001 * 10 ** -decimals);
}

describe('gain at q = 1', () => {
  it.each([
    ['linear', '1.0000'],
    ['relu', '1.4142'],
    ['leakyRelu', '1.4141'],
    ['elu', '1.2452'],
    ['selu', '1.0000'],
    ['tanh', '1.5925'],
    ['sigmoid', '1.8462'],
    ['softplus', '1.0419'],
  ])('%s %s', (name, figure) => {
    expectFigure(1 / Math.sqrt(meanSquare(phi(name), 1)), figure);
  });

  it('leaky with slope 0.2', () => expectFigure(1 / Math.sqrt(meanSquare(sloped(0.2), 1)), '1.3868'));
});

describe('homogeneous activations', () => {
  it.each([
    [1, 1],
    [0, 0.5],
    [0.01, 0.50005],
    [0.2, 0.52],
  ])('slope %f below 0 keeps %f of q and of the gradient per unit of σ_w²', (slope, share) => {
    for (const q of [1e-20, 1e-3, 1, 376, 1e12]) {
      for (const weightVariance of [1, 2, 100]) {
        expect(varianceMap(sloped(slope), { weightVariance }, q) / (weightVariance * share * q)).toBeCloseTo(1, 11);
        expect(gradientMap(sloped(slope), { weightVariance }, q) / (weightVariance * share)).toBeCloseTo(1, 11);
      }
    }
  });

  it('keep every q where the gain is 1', () => {
    expect(fixedPoint(phi('relu'), he, 3)).toMatchObject({ q: 3, kept: true });
    expect(fixedPoint(phi('relu'), he).slope).toBeCloseTo(1, 10);
    expect(fixedPoint(phi('relu'), lecun)).toMatchObject({ q: 0, kept: false });
    expect(fixedPoint(phi('linear'), he).q).toBe(Number.POSITIVE_INFINITY);
  });
});

it('grows without end where biases add to what the weights keep, from wherever it starts', () => {
  for (const start of [0.3, 1, 1.1, 7, 90]) {
    expect(fixedPoint(phi('relu'), { ...he, biasVariance: 0.0025 }, start)).toMatchObject({ q: Number.POSITIVE_INFINITY, kept: false });
  }
});

describe('where variances settle', () => {
  it.each([
    ['selu', lecun, '1', '1.0716'],
    ['tanh', he, '0.618', '1.1055'],
    ['tanh', unit, '91.7', '5.545'],
    ['sigmoid', lecun, '0.2647', '0.0557'],
    ['sigmoid', he, '0.5553', '0.1010'],
    ['sigmoid', unit, '44.2', '0.986'],
    ['softplus', lecun, '0.856', '0.289'],
  ] as const)('%s with %o: q* %s, χ %s', (name, variances, q, chi) => {
    const point = fixedPoint(phi(name), variances);
    expectFigure(point.q, q);
    expectFigure(point.chi, chi);
    expect(point.kept).toBe(false);
    expect(Math.abs(point.slope)).toBeLessThan(1);
  });

  it.each([
    ['elu', lecun, 0, 1],
    ['tanh', lecun, 0, 1],
    ['elu', he, Number.POSITIVE_INFINITY, 1],
    ['selu', he, Number.POSITIVE_INFINITY, 1.104],
    ['softplus', he, Number.POSITIVE_INFINITY, 1],
  ] as const)('%s with %o: q → %d, χ → %d', (name, variances, q, chi) => {
    const point = fixedPoint(phi(name), variances);
    expect(point.q).toBe(q);
    expect(point.chi).toBeCloseTo(chi, 3);
  });

  it.each([
    ['elu', 50],
    ['softplus', 50],
    ['selu', 55.2],
    ['relu', 50],
    ['leakyRelu', 50.005],
    ['linear', 100],
  ] as const)('%s with N(0, 1) weights of fan_in 100: χ about %d', (name, chi) => {
    expect(fixedPoint(phi(name), unit).chi).toBeCloseTo(chi, 1);
  });

  it.each([
    [20, 'elu', lecun, '0.0167', '0.912'],
    [20, 'elu', he, '11.6', '1.115'],
    [200, 'elu', he, '165', '1.031'],
    [20, 'tanh', lecun, '0.0259', ''],
    [100, 'tanh', lecun, '0.0051', ''],
    [20, 'softplus', he, '12.7', '0.799'],
    [200, 'softplus', he, '65.7', '0.904'],
  ] as const)('at layer %d of %s with %o: q %s, χ %s', (layers, name, variances, q, chi) => {
    const reached = after(layers, name, variances);
    expectFigure(reached.q, q);
    if (chi) expectFigure(reached.chi, chi);
  });
});

describe('N(0, 1) weights into logistic units', () => {
  it.each([
    [32, '12.8', '0.567', 22],
    [100, '44.2', '0.986', 51],
    [103, '45.6', '1.000', 52],
    [300, '140', '1.678', 71],
    [784, '376', '2.684', 82],
  ])('width %d: q* %s, χ %s, %d %% saturated', (width, q, chi, saturated) => {
    const sigmoid = phi('sigmoid');
    const point = fixedPoint(sigmoid, { weightVariance: width });
    expectFigure(point.q, q);
    expectFigure(point.chi, chi);
    expect(Math.round(100 * saturatedShare(sigmoid, point.q))).toBe(saturated);
  });
});

describe('the critical line', () => {
  /** σ_w² of tanh's critical point with the given σ_b², by halving q. */
  function criticalWeights(biasVariance: number): number {
    let [low, high] = [1e-9, 100];
    for (let i = 0; i < 200; i++) {
      const middle = Math.sqrt(low * high);
      if (criticalPoint(phi('tanh'), middle).biasVariance < biasVariance) low = middle;
      else high = middle;
    }
    return criticalPoint(phi('tanh'), low).weightVariance;
  }

  it.each([
    [0.001, '1.189'],
    [0.01, '1.424'],
    [0.05, '1.761'],
    [0.1, '1.986'],
    [0.3, '2.505'],
  ])('of tanh at σ_b² %d has σ_w² %s', (biasVariance, figure) => {
    expectFigure(criticalWeights(biasVariance), figure);
  });

  it('of tanh begins at σ_w² = 1', () => expect(criticalPoint(phi('tanh'), 1e-12).weightVariance).toBeCloseTo(1, 10));

  it.each([
    [1, '3.6'],
    [1.5, '15.8'],
    [1.7, '74.9'],
    [2, '21.5'],
    [2.5, '8.0'],
  ])('tanh at σ_b² 0.05, σ_w² %d: gradients change by e in %s layers', (weightVariance, figure) => {
    expectFigure(depthScale(fixedPoint(phi('tanh'), { weightVariance, biasVariance: 0.05 }).chi), figure);
  });

  it.each([
    ['tanh', '2.1533', '0.1510', '0.391'],
    ['softsign', '4.3923', '0.1961', '0.383'],
    ['elu', '1.4968', '0.0347', '0.860'],
    // χ of SELU is λ²(1/2 + α² e² Φ(−2)) per unit of σ_w², in closed form.
    ['selu', '0.9332', '0.0668', '0.730'],
    ['gelu', '2.1937', '0.0672', '1.067'],
    ['silu', '2.6352', '0.0625', '1.099'],
    ['relu', '2.0', '0', '1'],
    ['softplus', '3.41', '-2.14', ''],
    ['sigmoid', '22.3', '-5.54', ''],
  ])('%s at q = 1: σ_w² %s, σ_b² %s, dq′/dq %s', (name, weights, biases, slope) => {
    const point = criticalPoint(phi(name), 1);
    expectFigure(point.weightVariance, weights);
    expectFigure(point.biasVariance, biases);
    if (slope) expectFigure(point.slope, slope);
  });

  it('is where q is kept and χ is 1', () => {
    for (const name of ['tanh', 'selu', 'mish', 'hardTanh', 'softShrink']) {
      for (const q of [0.3, 1, 2]) {
        const point = criticalPoint(phi(name), q);
        expect(gradientMap(phi(name), point, q)).toBeCloseTo(1, 9);
        expect(varianceMap(phi(name), point, q)).toBeCloseTo(q, 9);
      }
    }
  });
});

describe('varianceSlope', () => {
  it('is the difference quotient of the variance map, also where the activation jumps', () => {
    for (const name of ['tanh', 'relu', 'silu', 'hardShrink', 'thresholdedRelu', 'exponential']) {
      const f = phi(name);
      const q = 0.7;
      const step = 1e-5;
      const quotient = (varianceMap(f, he, q + step) - varianceMap(f, he, q - step)) / (2 * step);
      expect(varianceSlope(f, he, q) / quotient).toBeCloseTo(1, 6);
    }
  });
});
