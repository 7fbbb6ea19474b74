import { doctor, initializers, layers, NdArray, Random, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const STEPS = 24;
const FEATURES = 40;
const UNITS = 128;

/** Rows whose steps have nothing in common. */
function noise(rows: number, seed: number): NdArray {
  const random = new Random(seed);
  return new NdArray(
    Float32Array.from({ length: rows * STEPS * FEATURES }, () => random.normal(0, 1)),
    [rows, STEPS, FEATURES],
  );
}

const net = (options: Parameters<typeof layers.simpleRnn>[1], seed: number) =>
  sequential([layers.input([STEPS, FEATURES]), layers.simpleRnn(UNITS, options), layers.dense(1)], { seed, warn: () => {} }).compile({
    loss: 'mse',
  });

/** What networks of several seeds show: RMS of the sums over all steps, of the state at the last, and of ∂L/∂z at the first step over that at the last. */
async function measured(options: Parameters<typeof layers.simpleRnn>[1]): Promise<{ z: number; h: number; ratio: number }> {
  const logs = { z: 0, h: 0, ratio: 0 };
  const seeds = [1, 2, 3, 4];
  for (const seed of seeds) {
    const model = net(options, seed);
    const x = noise(128, seed);
    const random = new Random(seed + 100);
    const y = new NdArray(
      Float32Array.from({ length: 128 }, () => random.normal(0, 1)),
      [128, 1],
    );
    const { steps } = await model.examine(x, y);
    const signals = steps[0]?.signals;
    const g = (signals?.gRmsByTime?.[0] ?? []).map(Number);
    logs.z += Math.log(Number(signals?.zRms[0]));
    logs.ratio += Math.log((g[0] ?? Number.NaN) / (g.at(-1) ?? Number.NaN));
    const inner = sequential([layers.input([STEPS, FEATURES]), layers.simpleRnn(UNITS, options)], { seed, warn: () => {} });
    const state = await inner.predict(x);
    logs.h += Math.log(Math.sqrt(Array.from(state.data, Number).reduce((sum, value) => sum + value ** 2, 0) / state.size));
  }
  const mean = (log: number): number => Math.exp(log / seeds.length);
  return { z: mean(logs.z), h: mean(logs.h), ratio: mean(logs.ratio) };
}

describe('a state carried along a sequence', () => {
  it('adds up its own past where nothing bends it: a geometric series, whose ratio the gradient shrinks by', () => {
    const [drawn, gain] = [1 / FEATURES, 0.9];
    const options = {
      activation: 'linear',
      kernelInitializer: initializers.normal({ stddev: Math.sqrt(drawn) }),
      recurrentInitializer: initializers.orthogonal({ gain }),
    } as const;
    const [, walked] = doctor.forecast(net(options, 1)).layers;
    const ratio = gain ** 2;
    // q_t = 1 + ratio + … + ratio^(t − 1); the mean over all steps is what the layer's sums have.
    const squares = Array.from({ length: STEPS }, (_, t) => (1 - ratio ** (t + 1)) / (1 - ratio));
    expect(walked?.q).toBeCloseTo(squares.reduce((sum, square) => sum + square, 0) / STEPS, 1);
    expect(walked?.hRms?.value).toBeCloseTo(Math.sqrt(squares.at(-1) ?? 0), 1);
    expect(walked?.alongTime).toMatchObject({ steps: STEPS });
    expect(walked?.alongTime?.chi).toBeCloseTo(ratio, 6);
    expect(Math.log(walked?.alongTime?.gradient ?? 0)).toBeCloseTo((STEPS - 1) * Math.log(gain), 6);
  });

  it.each<[string, Parameters<typeof layers.simpleRnn>[1], number]>([
    ['tanh, orthogonal, as drawn by default', {}, 0.04],
    ['tanh, orthogonal weights times 0.6', { recurrentInitializer: initializers.orthogonal({ gain: 0.6 }) }, 0.04],
    ['tanh, normal weights of chaos', { recurrentInitializer: initializers.normal({ stddev: 1.5 / Math.sqrt(UNITS) }) }, 0.04],
    // One U serves all steps, which theory takes for many: what is not odd shows it.
    ['ReLU of half the variance', { activation: 'relu', recurrentInitializer: initializers.normal({ stddev: Math.sqrt(1.2 / UNITS) }) }, 0.1],
  ])('%s: sizes and gradient are those of real networks', async (_, options, least) => {
    const [, walked] = doctor.forecast(net(options, 1)).layers;
    const seen = await measured(options);
    expect(Math.abs(Math.log((walked?.zRms?.value ?? 0) / seen.z))).toBeLessThan(least);
    expect(Math.abs(Math.log((walked?.hRms?.value ?? 0) / seen.h))).toBeLessThan(least);
    const [forecast, log] = [Math.log(walked?.alongTime?.gradient ?? 0), Math.log(seen.ratio)];
    expect(Math.abs(forecast - log)).toBeLessThan(0.1 + 0.08 * Math.abs(log));
  });

  it('is not known where weights begin as the identity, or sequences have no length', () => {
    const [, kept] = doctor.forecast(net({ activation: 'relu', recurrentInitializer: 'identity' }, 1)).layers;
    expect(kept).toMatchObject({ known: false });
    expect(kept?.why).toContain('identity');
    expect(kept?.alongTime).toBeUndefined();
  });

  it('stands in the table, and lets the layers behind it be forecast', () => {
    const forecast = doctor.forecast(net({}, 1));
    expect(String(forecast)).toMatch(/simpleRnn_1 .*×\S+ over 24 steps/);
    expect(forecast.layers[2]?.zRms?.value).toBeGreaterThan(0);
  });
});
