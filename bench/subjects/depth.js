// @ts-check
import { initializers, layers, optimizers, sequential } from 'evenkeel';
import { fitsOf } from '../harness/fits.js';
import { serve } from '../harness/subject.js';

await serve(async ({ workload, threads, backend }) => {
  const { depth, width, classes, learningRate, normalized } = workload;
  const hidden = normalized
    ? Array.from({ length: depth }, () => [layers.dense(width, { useBias: false }), layers.batchNormalization(), layers.relu()]).flat()
    : [layers.repeat(depth, layers.dense(width, { activation: 'tanh', kernelInitializer: initializers.orthogonal() }))];
  const model = sequential([layers.input([width]), ...hidden, layers.dense(classes, { activation: 'softmax' })], { seed: 1, backend, threads });
  const optimizer = normalized ? optimizers.adam({ learningRate }) : optimizers.sgd({ learningRate });
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy' });
  return { ...fitsOf(model, workload, [width]), threads };
});
