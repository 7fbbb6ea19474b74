import { initializers, type Layer, layers, optimizers, sequential, synthetic } from 'evenkeel';
import { describe, expect, it } from 'vitest';

/** Mean squared error of the best constant, 1: the variance of a sum of two uniform numbers. */
const CHANCE = 1 / 6;
const STEPS = 50;

const solvers: readonly (readonly [string, number, () => Layer])[] = [
  ['an LSTM', 0.01, () => layers.lstm(32)],
  [
    'a ReLU network with identity recurrent weights',
    0.002,
    () =>
      layers.simpleRnn(32, {
        activation: 'relu',
        recurrentInitializer: 'identity',
        kernelInitializer: initializers.normal({ stddev: 0.05 }),
      }),
  ],
];

describe(`the adding problem over ${STEPS} steps, with clipped gradients`, () => {
  it.each(solvers)(
    'is solved by %s',
    async (_, learningRate, make) => {
      const { x, y } = synthetic.addingProblem({ rows: 4000, steps: STEPS, seed: 1 });
      const unseen = synthetic.addingProblem({ rows: 500, steps: STEPS, seed: 2 });
      const model = sequential([layers.input([STEPS, 2]), make(), layers.dense(1)], { seed: 1, threads: 1 });
      model.compile({ optimizer: optimizers.adam({ learningRate, globalClipNorm: 1 }), loss: 'mse' });
      let error = CHANCE;
      for (let epoch = 0; epoch < 12 && error > CHANCE / 10; epoch++) {
        await model.fit(x, y, { batchSize: 50, verbose: 0 });
        error = (await model.evaluate(unseen.x, unseen.y)).loss ?? Number.NaN;
      }
      expect(error).toBeLessThan(CHANCE / 10);
    },
    120_000,
  );
});
