// @ts-check
import { layers, optimizers, sequential } from 'evenkeel';
import { fitsOf } from '../harness/fits.js';
import { serve } from '../harness/subject.js';

await serve(async ({ workload, threads, backend }) => {
  const { kind, units, steps, features, classes, learningRate } = workload;
  const recurrent = { lstm: layers.lstm, gru: layers.gru, simpleRnn: layers.simpleRnn }[/** @type {'lstm'} */ (kind)](units);
  const model = sequential([layers.input([steps, features]), recurrent, layers.dense(classes, { activation: 'softmax' })], {
    seed: 1,
    backend,
    threads,
  });
  model.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'sparseCategoricalCrossentropy' });
  return { ...fitsOf(model, workload, [steps, features]), threads };
});
