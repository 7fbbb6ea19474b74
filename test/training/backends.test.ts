import { type Backend, type Layer, layers, type Model, type OptimizerLike, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { runScript } from '../runtime/scripts.js';
import { labelled, values } from './sets.js';

const set = labelled(160, 12);

const nets: readonly [string, () => Layer[], OptimizerLike][] = [
  ['dense, SGD', () => [layers.dense(20, { activation: 'selu', kernelInitializer: 'lecunNormal' }), layers.dense(20, { activation: 'tanh' })], 'sgd'],
  [
    'dropout and RReLU, Adam',
    () => [layers.dense(20, { activation: 'rrelu' }), layers.dropout(0.3), layers.dense(20, { activation: 'gelu' })],
    'adam',
  ],
  [
    'batch normalization, adapted features, AdamW',
    // A bias before batch normalization has no gradient, and Adam would blow its rounding errors up.
    () => [layers.normalization(), layers.dense(20, { useBias: false }), layers.batchNormalization(), layers.activation('relu')],
    'adamW',
  ],
];

async function train(backend: Backend, hidden: () => Layer[], optimizer: OptimizerLike) {
  const model: Model = sequential([layers.input([12]), ...hidden(), layers.dense(3, { activation: 'softmax' })], { seed: 7, backend });
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const history = await model.fit(set, { batchSize: 8, verbose: 0 });
  return { steps: history.steps, loss: history.last.loss ?? Number.NaN, weights: values(await model.getWeights()), logs: await model.evaluate(set) };
}

it.each(nets)('20 steps agree in native and WASM: %s', async (_, hidden, optimizer) => {
  const [native, wasm] = [await train('native', hidden, optimizer), await train('wasm', hidden, optimizer)];
  expect([native.steps, wasm.steps]).toEqual([20, 20]);
  expect(Math.abs(native.loss - wasm.loss)).toBeLessThan(1e-4);
  expect(Math.abs((native.logs.loss ?? Number.NaN) - (wasm.logs.loss ?? Number.NaN))).toBeLessThan(1e-4);
  native.weights.flat().forEach((value, i) => {
    expect(Math.abs(value - (wasm.weights.flat()[i] ?? Number.NaN))).toBeLessThan(1e-4);
  });
});

describe('in WASM as well', () => {
  it('chunks of any length give the same bits', async () => {
    const [, [, hidden, optimizer]] = nets as [(typeof nets)[number], (typeof nets)[number]];
    const run = async (chunk: number) => {
      const model = sequential([layers.input([12]), ...hidden(), layers.dense(3, { activation: 'softmax' })], { seed: 7, backend: 'wasm' });
      model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy' });
      await model.fit(set, { batchSize: 8, verbose: 0, chunk });
      return values((await model.getState()).values());
    };
    expect(await run(7)).toEqual(await run(1));
  });

  it('EVENKEEL_BACKEND chooses the engine of a model', async () => {
    const { output, errors } = await runScript(
      `import { sequential, layers } from 'evenkeel';
      import { sharedEngine } from '#runtime';
      const model = sequential([layers.input([2]), layers.dense(1, { kernelInitializer: 'ones' })]);
      const [[value]] = (await model.predict([[1, 2]])).toNested();
      console.log(value, (await sharedEngine()).backend);`,
      { EVENKEEL_BACKEND: 'wasm' },
    );
    expect({ output, errors }).toEqual({ output: '3 wasm\n', errors: '' });
  });

  it('a backend that does not exist is refused', async () => {
    const model = sequential([layers.input([2]), layers.dense(1)], { backend: 'wasn' as 'wasm' });
    await expect(model.predict([[1, 2]])).rejects.toThrow(/did you mean 'wasm'/);
  });
});
