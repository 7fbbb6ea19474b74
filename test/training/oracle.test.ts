import { layers, type Model, NdArray, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { ReferenceNet, type Rule } from './reference.js';
import { labelled, pieces, values } from './sets.js';

const STEPS = 20;
const BATCH = 8;
const set = labelled(STEPS * BATCH - 3);

function build(): Model {
  return sequential(
    [
      layers.input([6], { dtype: 'float64' }),
      layers.dense(7, { activation: 'tanh' }),
      layers.dense(5, { activation: 'relu', kernelInitializer: 'heNormal' }),
      layers.dense(3, { activation: 'softmax' }),
    ],
    { seed: 4, dtype: 'float64' },
  );
}

async function reference(model: Model): Promise<ReferenceNet> {
  const arrays = await model.getWeights();
  const activation = ['tanh', 'relu', 'softmax'] as const;
  return new ReferenceNet(
    activation.map((name, i) => ({
      activation: name,
      kernel: arrays[2 * i]?.toNested() as number[][],
      bias: arrays[2 * i + 1]?.toNested() as number[],
    })),
  );
}

const norm = (list: readonly number[]): number => Math.hypot(...list);
const shorten = (limit: number, length: number): number => (length > limit ? limit / length : 1);

const rules: readonly [string, Rule, Parameters<ReferenceNet['step']>[3], Record<string, number>][] = [
  ['sgd', { learningRate: 0.3 }, undefined, {}],
  ['momentum', { learningRate: 0.1, momentum: 0.9 }, undefined, {}],
  ['Nesterov', { learningRate: 0.1, momentum: 0.8, nesterov: true }, undefined, {}],
  ['clipNorm', { learningRate: 0.5 }, (all) => all.map((g) => g.map((v) => v * shorten(0.05, norm(g)))), { clipNorm: 0.05 }],
  ['clipValue', { learningRate: 0.5, momentum: 0.5 }, (all) => all.map((g) => g.map((v) => Math.max(-0.02, Math.min(0.02, v)))), { clipValue: 0.02 }],
  ['globalClipNorm', { learningRate: 0.5 }, (all) => all.map((g) => g.map((v) => v * shorten(0.1, norm(all.flat())))), { globalClipNorm: 0.1 }],
];

describe('20 steps in float64 against a trainer written by hand', () => {
  it.each(rules)('%s', async (_, rule, clip, bounds) => {
    const model = build();
    const net = await reference(model);
    model.compile({ optimizer: optimizers.sgd({ ...rule, ...bounds }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const history = await model.fit(set, { batchSize: BATCH, shuffle: false, verbose: 0 });
    expect(history.steps).toBe(STEPS);

    const rows = pieces(set.nested, BATCH);
    const steps = rows.map((x, i) => ({ ...net.step(x, pieces(set.labels, BATCH)[i] ?? [], rule, clip), rows: x.length }));
    const mean = (key: 'loss' | 'accuracy'): number => steps.reduce((sum, one) => sum + one[key] * one.rows, 0) / set.nested.length;
    expect(history.history.loss?.[0]).toBeCloseTo(mean('loss'), 9);
    expect(history.history.accuracy?.[0]).toBeCloseTo(mean('accuracy'), 12);
    const trained = values(await model.getWeights());
    net.weights.forEach((expected, k) => {
      expected.forEach((value, i) => {
        expect(Math.abs((trained[k]?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(value)));
      });
    });
    // The clip was felt.
    if (clip) expect(norm(trained.flat())).not.toBeCloseTo(norm(values(await build().getWeights()).flat()), 6);
  });

  it('gradients of one minibatch', async () => {
    const model = build();
    const net = await reference(model);
    model.compile({ loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
    const { logs, gradients } = await model.gradients(set.x, set.y);
    const expected = net.gradients(set.nested, set.labels);
    expect(logs.loss).toBeCloseTo(expected.loss, 12);
    expect(logs.accuracy).toBeCloseTo(expected.accuracy, 12);
    const flat = expected.gradients.flatMap(({ kernel, bias }) => [kernel.flat(), bias]);
    values(gradients.values()).forEach((list, k) => {
      list.forEach((value, i) => {
        expect(value).toBeCloseTo(flat[k]?.[i] ?? Number.NaN, 13);
      });
    });
  });

  it('data that float32 cannot hold reach a float64 model whole', async () => {
    const model = sequential([layers.input([1]), layers.dense(1, { kernelInitializer: 'ones' })], { dtype: 'float64' });
    expect((await model.predict([[0.1], [1 / 3]])).toNested()).toEqual([[0.1], [1 / 3]]);
    expect((await model.predict(new NdArray(Float64Array.of(0.1), [1, 1]))).toNested()).toEqual([[0.1]]);
    model.compile({ loss: 'mse' });
    expect((await model.evaluate([[0.1]], [[0.2]])).loss).toBeCloseTo(0.01, 15);
  });
});
