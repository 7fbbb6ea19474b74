import { describe, expect, it } from 'vitest';
import { resolveActivation, scalarForm } from '#src/activations.js';
import { Random } from '#src/core/random.js';
import { Bend } from '#src/theory/bend.js';
import { gradientMap, meanSquare, meanSquareSlope, saturatedShare } from '#src/theory/mean-field.js';
import { profile } from '#src/theory/profile.js';
import { saturatedIntervals, shareWithin } from '#src/theory/saturation.js';
import { batchLog, bend, type Signal, sum } from '#src/theory/signal.js';

const phi = (name: string) => scalarForm(resolveActivation(name));
const width = 100;
const dense = (variance: number) => ({ fanIn: width, weightMean: 0, weightSquare: variance / width, biasMean: 0, biasSquare: 0, width, loose: 1 });
const one: Signal = { log: 0, rowVariance: 0, sharedVariance: 0, meanShare: 0, correlation: 1, correlationVariance: 0, width, loose: 1 };

describe('finite width', () => {
  it('of ReLU with He weights: lengths spread by 5/n a layer (Hanin and Rolnick)', () => {
    expect(profile(phi('relu'), 0, 2).kurtosis - 1).toBeCloseTo(5, 9);
    const table = new Bend(phi('relu'));
    let z = one;
    for (let layer = 0; layer < 20; layer++) z = sum(bend(table, z).signal, dense(2));
    expect(z.rowVariance).toBeCloseTo((5 * 20) / width, 9);
    // Mean of ln minus half its variance: the mean square itself is kept.
    expect(z.log + z.rowVariance / 2).toBeCloseTo(0, 9);
    expect(batchLog(z)).toBeCloseTo(z.log, 9);
  });

  it.each([
    ['relu', 2, 1],
    ['tanh', 1.5, 0.2],
    ['gelu', 2, 0.05],
    ['sigmoid', 4, 1],
  ] as const)('of %s with σ_w² %d: one row’s drift and spread are those of simulated nets', (name, variance, tolerance) => {
    const f = phi(name);
    const [units, layers, nets] = [24, 6, 600];
    const random = new Random(11);
    const logs = Array.from({ length: nets }, () => {
      let h = Array.from({ length: units }, () => 1);
      let square = 1;
      for (let layer = 0; layer < layers; layer++) {
        const z = Array.from({ length: units }, () =>
          h.reduce((total, x) => total + x * random.normal(0, Math.sqrt((layer === 0 ? 1 : variance) / units)), 0),
        );
        h = z.map(f.value);
        square = h.reduce((total, x) => total + x * x, 0) / units;
      }
      return Math.log(variance * square);
    });
    const mean = logs.reduce((total, x) => total + x, 0) / nets;
    const spread = logs.reduce((total, x) => total + (x - mean) ** 2, 0) / (nets - 1);
    const table = new Bend(f);
    let z: Signal = { ...one, width: units };
    for (let layer = 0; layer < layers; layer++) {
      z = sum(bend(table, z).signal, { ...dense(variance), fanIn: units, weightSquare: variance / units, width: units });
    }
    expect(Math.abs(z.log - mean)).toBeLessThan(4 * Math.sqrt(spread / nets) + 0.05 * tolerance);
    expect(spread / z.rowVariance).toBeGreaterThan(0.75);
    expect(spread / z.rowVariance).toBeLessThan(1.35);
  });
});

describe('the table of profiles', () => {
  it.each(['tanh', 'sigmoid', 'relu', 'gelu', 'softplus', 'relu6', 'elu'])('of %s holds what quadrature finds', (name) => {
    const table = new Bend(phi(name));
    for (const q of [1e-20, 0.003, 0.7, 1, 46, 1e9]) {
      expect(Math.exp(table.logSquare(Math.log(q), 0)) / meanSquare(phi(name), q)).toBeCloseTo(1, 3);
      if (q < 1e6) expect(Math.exp(table.logSlope(Math.log(q), 0)) / meanSquareSlope(phi(name), q)).toBeCloseTo(1, 2);
    }
  });

  it('goes on as a power where float64 ends', () => {
    const table = new Bend(phi('gelu'));
    expect(table.logSquare(1000, 0)).toBeCloseTo(1000 - Math.log(2), 6);
    expect(table.logSquare(-1000, 0)).toBeCloseTo(-1000 - Math.log(4), 6);
    expect(table.homogeneous).toBe(false);
    expect(new Bend(phi('leakyRelu')).homogeneous).toBe(true);
  });
});

describe('saturated shares by edges', () => {
  it.each(['sigmoid', 'tanh', 'relu', 'gelu', 'softsign', 'linear', 'hardTanh', 'hardSilu'])('of %s are those of quadrature', (name) => {
    for (const q of [0.1, 1, 44]) {
      expect(shareWithin(saturatedIntervals(phi(name)), 0, q)).toBeCloseTo(saturatedShare(phi(name), q), 5);
    }
  });
});

describe('deep nets of SELU', () => {
  it('keep their signal while gradients grow by 1.035 a layer, 32 times over 100', () => {
    const gain = Math.sqrt(gradientMap(phi('selu'), { weightVariance: 1 }, 1));
    expect(gain).toBeCloseTo(1.035, 3);
    expect(gain ** 100).toBeCloseTo(32, 0);
  });
});
