import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { alphaDroppedOut, batchNormalized, droppedOut, joined, layerNormalized, mixed, noisy, rmsNormalized } from '#src/theory/layers.js';
import type { Signal } from '#src/theory/signal.js';

const signal = (square: number, meanShare = 0, correlation = 0): Signal => ({
  log: Math.log(square),
  rowVariance: 0,
  sharedVariance: 0,
  meanShare,
  correlation,
  correlationVariance: 0,
  width: 100,
  loose: 1,
});
const moments = ({ log, meanShare }: Signal) => ({ mean: meanShare * Math.exp(log / 2), square: Math.exp(log) });
const plain = { epsilon: 0, scaleSquare: 1, shiftMean: 0, shiftSquare: 0 };

describe('normalizations', () => {
  it('give mean 0 and variance 1, and divide gradients by the variance', () => {
    const x = signal(9, 0.6, 0.5);
    const layer = layerNormalized(x, plain);
    expect(moments(layer.signal)).toEqual({ mean: 0, square: 1 });
    expect(layer.gradient).toBeCloseTo(1 / (9 * (1 - 0.36)), 12);
    const rms = rmsNormalized(x, plain);
    expect(moments(rms.signal).mean).toBeCloseTo(0.6, 12);
    expect(rms.gradient).toBeCloseTo(1 / 9, 12);
    const batch = batchNormalized(x, plain, 33);
    expect(batch.gradient).toBeCloseTo(1 / 4.5, 12);
    expect(batch.signal.correlation).toBeCloseTo(-1 / 32, 12);
  });

  it('of a batch, on ReLU: gradients grow by π / (π − 1) a layer (Yang 2019)', () => {
    // E[φ²] = 1/2 and E[φ]² = 1/(2π) of independent rows; the slopes' mean square is 1/2.
    const sums = signal(1 / 2, 0, 1 / Math.PI);
    expect(batchNormalized(sums, plain, 1000).gradient / 2).toBeCloseTo(Math.PI / (Math.PI - 1), 12);
  });

  it('leave less where epsilon weighs', () => {
    expect(moments(layerNormalized(signal(1e-3), { ...plain, epsilon: 1e-3 }).signal).square).toBeCloseTo(0.5, 12);
    expect(moments(layerNormalized(signal(4), { ...plain, scaleSquare: 4, shiftMean: 1, shiftSquare: 1 }).signal)).toEqual({ mean: 1, square: 5 });
  });
});

describe('noise', () => {
  const random = new Random(5);
  const [mean, deviation, count] = [0.5, 1.2, 400_000];
  const rows = Array.from({ length: count }, () => random.normal(mean, deviation));
  const x = signal(mean ** 2 + deviation ** 2, mean / Math.sqrt(mean ** 2 + deviation ** 2));
  const found = (values: readonly number[]) => ({
    mean: values.reduce((sum, v) => sum + v, 0) / count,
    square: values.reduce((sum, v) => sum + v * v, 0) / count,
  });

  it('dropout keeps the mean and raises the square by 1/(1 − rate)', () => {
    const dropped = found(rows.map((v) => (random.uniform() < 0.3 ? 0 : v / 0.7)));
    const { signal: after, gradient } = droppedOut(x, 0.3);
    expect(moments(after).mean).toBeCloseTo(dropped.mean, 1);
    expect(moments(after).square).toBeCloseTo(dropped.square, 1);
    expect(gradient).toBeCloseTo(1 / 0.7, 12);
  });

  it('alpha dropout keeps mean 0 and variance 1, and moves others as a simulation does', () => {
    const fallen = -1.7580993408473766;
    const kept = moments(alphaDroppedOut(signal(1), 0.4, fallen).signal);
    expect(kept.mean).toBeCloseTo(0, 12);
    expect(kept.square).toBeCloseTo(1, 12);
    const slope = (0.6 * (1 + 0.4 * fallen ** 2)) ** -0.5;
    const dropped = found(rows.map((v) => slope * (random.uniform() < 0.4 ? fallen : v) - slope * fallen * 0.4));
    const after = moments(alphaDroppedOut(x, 0.4, fallen).signal);
    expect(after.mean).toBeCloseTo(dropped.mean, 1);
    expect(after.square).toBeCloseTo(dropped.square, 1);
  });

  it('added noise adds its variance', () => {
    expect(moments(noisy(x, 0.25).signal).square).toBeCloseTo(mean ** 2 + deviation ** 2 + 0.25, 12);
    expect(moments(noisy(x, 0.25).signal).mean).toBeCloseTo(mean, 12);
  });
});

describe('merges', () => {
  it('squares of a residual addition add up, and means', () => {
    const [a, b] = [signal(4, 0.5), signal(9, 1 / 3)];
    const { mean, square } = moments(mixed([a, b], [1, 1]).signal);
    expect(mean).toBeCloseTo(2, 12);
    expect(square).toBeCloseTo(4 + 9 + 2 * 1 * 1, 12);
    expect(moments(mixed([a, b], [0.5, 0.5]).signal).square).toBeCloseTo(15 / 4, 12);
    expect(moments(mixed([a, b], [1, -1]).signal).square).toBeCloseTo(4 + 9 - 2, 12);
  });

  it('joined signals weigh by their units', () => {
    const { mean, square } = moments(joined([signal(4, 0.5), signal(1)], [0.25, 0.75]));
    expect(square).toBeCloseTo(1.75, 12);
    expect(mean).toBeCloseTo(0.25, 12);
  });
});
