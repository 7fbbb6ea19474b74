import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { Random } from '#src/core/random.js';
import { initializers } from '#src/initializers.js';
import { layers } from '#src/layers/index.js';
import { model, sequential } from '#src/model/construct.js';
import type { Model } from '#src/model/model.js';
import { activationsOf } from '#src/network/activation-of.js';
import type { Layer } from '#src/network/layer.js';

const found = ({ network }: Model): Record<string, string> =>
  Object.fromEntries([...activationsOf(network.calls)].map(([layer, { name }]) => [layer.title, name]));

describe('activationsOf', () => {
  it('finds the layer’s own', () => {
    expect(found(sequential([layers.input([3]), layers.dense(4, { activation: 'tanh' }), layers.dense(2)]))).toEqual({ dense_1: 'tanh' });
  });

  it('finds that of a layer behind, past normalization, noise and reshaping', () => {
    const made = sequential([
      layers.input([3]),
      layers.dense(4),
      layers.batchNormalization(),
      layers.dropout(0.1),
      layers.reshape([2, 2]),
      layers.leakyRelu({ slope: 0.3 }),
      layers.dense(2),
      layers.activation('softmax'),
    ]);
    expect(found(made)).toEqual({ dense_1: 'leakyRelu', dense_2: 'softmax' });
  });

  it('finds that of a layer inside, or behind what is applied to every step', () => {
    const made = sequential([
      layers.input([2, 3]),
      layers.timeDistributed(layers.dense(4, { activation: 'elu' })),
      layers.timeDistributed(layers.dense(4)),
      layers.relu(),
      layers.gru(2),
    ]);
    expect(found(made)).toEqual({ timeDistributed_1: 'elu', timeDistributed_2: 'relu', gru_1: 'tanh' });
  });

  it('finds none where sums go two ways, or are merged first', () => {
    const x = layers.input([3]);
    const split = layers.dense(3).apply(x);
    const bent = layers.relu().apply(split);
    const sum = layers.add().apply([split, bent]);
    const [merged, other] = [layers.dense(3).apply(sum), layers.dense(3).apply(bent)];
    const last = layers.elu().apply(layers.add().apply([merged, other]));
    expect(found(model({ inputs: x, outputs: last }))).toEqual({});
  });
});

describe('initializers that suit an activation', () => {
  it('draw by it, also where it stands in a layer of its own', async () => {
    const deviation = async (made: Model): Promise<number> => {
      const [kernel] = await made.getWeights();
      const values = Array.from({ length: kernel?.size ?? 0 }, (_, i) => kernel?.at(i) ?? 0);
      return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    };
    const dense = layers.dense(200, { kernelInitializer: 'auto' });
    expect((await deviation(sequential([layers.input([200]), dense, layers.relu()]))) * Math.sqrt(200)).toBeCloseTo(Math.SQRT2, 1);
    const selu = layers.dense(200, { kernelInitializer: 'auto', activation: 'selu' });
    expect((await deviation(sequential([layers.input([200]), selu]))) * Math.sqrt(200)).toBeCloseTo(1, 1);
  });

  it.each<[string, () => Layer]>([
    ['a layer applied to every step', () => layers.timeDistributed(layers.dense(200, { activation: 'relu', kernelInitializer: 'auto' }))],
    ['a recurrent layer', () => layers.simpleRnn(200, { activation: 'relu', kernelInitializer: 'auto' })],
  ])('draw by that of %s', async (_, make) => {
    const [kernel] = await sequential([layers.input([2, 200]), make()]).getWeights();
    const values = Array.from({ length: kernel?.size ?? 0 }, (_, i) => kernel?.at(i) ?? 0);
    expect((values.reduce((sum, x) => sum + x * x, 0) / values.length) * 200).toBeCloseTo(2, 1);
  });

  it('make critical layers, biases included, that keep variance and gradient at any depth', async () => {
    const made = sequential([
      layers.input([500]),
      ...Array.from({ length: 4 }, () => layers.dense(500, { activation: 'tanh', kernelInitializer: 'critical' })),
    ]);
    const weights = await made.getWeights();
    const variance = (i: number): number => {
      const array = weights[i];
      return Array.from({ length: array?.size ?? 0 }, (_, k) => (array?.at(k) ?? 0) ** 2).reduce((a, b) => a + b, 0) / (array?.size ?? 1);
    };
    expect(variance(4) * 500).toBeCloseTo(2.1533, 1);
    expect(variance(5)).toBeGreaterThan(0.12);
    expect(variance(5)).toBeLessThan(0.19);
  });

  const critical = { activation: 'tanh', kernelInitializer: 'critical' } as const;
  const orthogonal = { activation: 'tanh', kernelInitializer: initializers.critical({ distribution: 'orthogonal' }) } as const;
  const depthwise = { activation: 'tanh', depthwiseInitializer: 'critical' } as const;

  it.each<[string, () => Layer]>([
    ['a widening dense layer, orthogonal', () => layers.dense(256, orthogonal)],
    ['conv1d', () => layers.conv1d(256, 3, critical)],
    ['conv1d, orthogonal', () => layers.conv1d(256, 3, orthogonal)],
    ['conv1d in groups', () => layers.conv1d(256, 3, { ...critical, groups: 4 })],
    ['conv1dTranspose', () => layers.conv1dTranspose(256, 4, { ...critical, strides: 2, padding: 'same' })],
    ['conv1dTranspose, orthogonal', () => layers.conv1dTranspose(256, 4, { ...orthogonal, strides: 2, padding: 'same' })],
    ['depthwiseConv1d', () => layers.depthwiseConv1d(5, { ...depthwise, depthMultiplier: 4 })],
    ['separableConv1d', () => layers.separableConv1d(256, 3, { ...depthwise, pointwiseInitializer: 'critical', depthMultiplier: 2 })],
    ['a convolution at each of several steps', () => layers.timeDistributed(layers.depthwiseConv1d(5, { ...depthwise, depthMultiplier: 4 }))],
  ])('keep the variance of the sums at 1, biases included: %s', async (_, make) => {
    const layer = make();
    const shape = layer.kind === 'dense' ? [64] : layer.kind === 'timeDistributed' ? [2, 30, 64] : [30, 64];
    const made = sequential([layers.input(shape), layers.activation('tanh'), layer], { dtype: 'float64', seed: 2 });
    const random = new Random(1);
    const size = 40 * shape.reduce((a, b) => a * b, 1);
    const given = new NdArray(
      Float64Array.from({ length: size }, () => random.normal()),
      [40, ...shape],
    );
    const outputs = await made.predict(given);
    const sums = Float64Array.from({ length: outputs.size }, (_, i) => Math.atanh(outputs.at(i)));
    const mean = sums.reduce((a, b) => a + b, 0) / sums.length;
    expect(Math.abs(sums.reduce((sum, z) => sum + (z - mean) ** 2, 0) / sums.length - 1)).toBeLessThan(0.1);
    const bias = (await made.getWeights()).at(-1);
    const drawn = Array.from({ length: bias?.size ?? 0 }, (_, i) => (bias?.at(i) ?? 0) ** 2);
    expect(Math.abs(drawn.reduce((a, b) => a + b, 0) / drawn.length - 0.151)).toBeLessThan(0.05);
  });

  it('warn once for equal layers, and say it to whom the model names', async () => {
    const heard: string[] = [];
    const made = sequential(
      [layers.input([4]), ...Array.from({ length: 3 }, () => layers.dense(4, { activation: 'gelu', kernelInitializer: 'critical' }))],
      { warn: (message) => heard.push(message) },
    );
    await made.getWeights();
    expect(heard).toHaveLength(1);
  });
});
