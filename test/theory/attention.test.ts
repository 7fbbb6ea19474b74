import { doctor, initializers, layers, type Model, model, NdArray, Random, type Signal, transformerBlock } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { inputFacts } from '#src/model/data-facts.js';
import { focus } from '#src/theory/attention.js';

const [STEPS, FEATURES, ROWS] = [24, 64, 48];

/** Sequences whose steps have a part in common. */
function sequences(seed: number, common: number): NdArray {
  const random = new Random(seed);
  const normal = (): number => random.normal(0, 1);
  const rows = Array.from({ length: ROWS }, () => {
    const shared = Array.from({ length: FEATURES }, normal);
    return Array.from({ length: STEPS }, () => shared.map((value) => Math.sqrt(common) * value + Math.sqrt(1 - common) * normal()));
  });
  return new NdArray(Float32Array.from(rows.flat(2)), [ROWS, STEPS, FEATURES]);
}

function net(make: (x: Signal) => Signal, seed: number): Model {
  const input = layers.input([STEPS, FEATURES]);
  return model({ inputs: input, outputs: make(input) }, { seed });
}

const rms = ({ data, size }: NdArray): number => Math.sqrt(Array.from(data, Number).reduce((sum, value) => sum + value ** 2, 0) / size);

describe('a softmax of normal scores', () => {
  it.each([
    [2, 0.5],
    [8, 1],
    [32, 2],
    [16, 20],
  ])('over %i steps, deviation %d: Σ a² is that of draws', (count, deviation) => {
    const random = new Random(3);
    const draws = 40_000;
    let total = 0;
    for (let draw = 0; draw < draws; draw++) {
      const exponents = Array.from({ length: count }, () => Math.exp(deviation * random.normal(0, 1)));
      const whole = exponents.reduce((sum, e) => sum + e, 0);
      total += exponents.reduce((sum, e) => sum + (e / whole) ** 2, 0) / draws;
    }
    expect(Math.abs(focus(count, deviation) / total - 1)).toBeLessThan(0.01);
  });

  it('looks at all alike where scores are 0, and at the one there is', () => {
    expect(focus(50, 0)).toBe(1 / 50);
    expect(focus(1, 3)).toBe(1);
  });
});

describe('attention as drawn', () => {
  const attention = (options: Parameters<typeof layers.multiHeadAttention>[2] = {}) => layers.multiHeadAttention(4, 16, options);
  const strong = { kernelInitializer: initializers.normal({ stddev: 0.15 }) };
  const block = (norm: 'pre' | 'post') => (x: Signal) => transformerBlock(transformerBlock(x, { numHeads: 4, norm }), { numHeads: 4, norm });
  const pooled = (x: Signal): Signal => layers.globalAveragePooling1d().apply(x);

  it.each<[string, (x: Signal) => Signal, number]>([
    ['by default', (x) => attention().apply(x), 0.03],
    ['with large weights', (x) => attention(strong).apply(x), 0.04],
    ['that looks at no later step', (x) => attention({ causal: true }).apply(x), 0.03],
    ['on what attention gave', (x) => attention().apply(attention().apply(x)), 0.03],
    ['of another layer’s sequence', (x) => attention().apply([x, layers.dense(32, { activation: 'tanh' }).apply(x)]), 0.04],
    ['in transformer blocks, before a mean over the steps', (x) => pooled(block('pre')(x)), 0.04],
    ['in transformer blocks that normalize behind', block('post'), 0.01],
    ['and a mean of rectified steps', (x) => pooled(layers.dense(128, { activation: 'relu', kernelInitializer: 'heNormal' }).apply(x)), 0.02],
  ])('%s: sizes are those of real networks', async (_, make, least) => {
    for (const common of [0, 0.4]) {
      const data = sequences(1, common);
      const seeds = [1, 2, 3, 4];
      const models = seeds.map((seed) => net(make, seed));
      const sizes = await Promise.all(models.map(async (one) => Math.log(rms(await one.predict(data))) / seeds.length));
      const [first] = models as [Model];
      const told = doctor.forecast(first, { inputs: inputFacts(first.network, [data]) }).layers.at(-1);
      expect(Math.abs(Math.log(told?.hRms?.value ?? Number.NaN) - sizes.reduce((sum, log) => sum + log, 0))).toBeLessThan(least);
    }
  });

  it('is told with the deviation of its scores and at how many steps it looks', () => {
    const forecast = doctor.forecast(net((x) => attention().apply(x), 1));
    // Glorot from 64 features to 4 heads of 16: 2 / 128 a weight, so that queries and keys keep the size of what comes in.
    expect(forecast.layers[1]?.attention?.scoreDeviation).toBeCloseTo(1, 2);
    expect(String(forecast)).toMatch(/multiHeadAttention_1 .* of 24 steps/);
    const even = doctor.forecast(net((x) => attention({ kernelInitializer: initializers.normal({ stddev: 0.04 }) }).apply(x), 1));
    // Scores of deviation 64 · 0.04² = 0.1, of which a mean over 24 steps is e^−0.01 · 24.
    expect(even.layers[1]?.attention?.scoreDeviation).toBeCloseTo(0.1, 2);
    expect(even.layers[1]?.attention?.lookedAt).toBeCloseTo(STEPS - 0.2, 0);
    const peaked = doctor.forecast(net((x) => attention({ kernelInitializer: initializers.normal({ stddev: 1 }) }).apply(x), 1));
    expect(peaked.layers[1]?.attention?.lookedAt).toBeLessThan(1.2);
  });

  it('is not known where features become steps, or keys are of a third sequence', () => {
    const turned = doctor.forecast(net((x) => attention().apply(layers.permute([2, 1]).apply(x)), 1));
    expect(turned.layers.at(-1)?.why).toContain('the similarity of the steps');
    const three = doctor.forecast(net((x) => attention().apply([x, x, x]), 1));
    expect(three.layers.at(-1)?.why).toContain('a different sequence');
  });
});

it('how alike steps are is counted in a sample', () => {
  const one = net((x) => layers.flatten().apply(x), 1);
  const alike = (data: NdArray): number | undefined => inputFacts(one.network, [data])[0]?.stepCorrelation;
  expect(alike(sequences(2, 0))).toBeCloseTo(0, 2);
  expect(alike(sequences(2, 0.4))).toBeCloseTo(0.4, 1);
  expect(alike(new NdArray(new Float32Array(2 * STEPS * FEATURES).fill(3), [2, STEPS, FEATURES]))).toBeCloseTo(1, 6);
  expect(inputFacts(one.network, [new NdArray(new Float32Array(8).fill(1), [2, 4])])[0]?.stepCorrelation).toBeUndefined();
});
