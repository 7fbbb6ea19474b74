// @ts-check
import { initializers, layers, optimizers, sequential } from 'evenkeel';
import { fitsOf } from '../harness/fits.js';
import { serve } from '../harness/subject.js';

await serve(async ({ workload, threads, backend }) => {
  const { depth, width, classes, learningRate } = workload;
  const dense = layers.dense(width, { activation: 'tanh', kernelInitializer: initializers.orthogonal() });
  const model = sequential([layers.input([width]), layers.repeat(depth, dense), layers.dense(classes, { activation: 'softmax' })], {
    seed: 1,
    backend,
    threads,
  });
  model.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'sparseCategoricalCrossentropy' });
  return { ...fitsOf(model, workload, [width]), threads };
});
