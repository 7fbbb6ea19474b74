// @ts-check
import { createRequire } from 'node:module';
import { serve, timed } from '../harness/subject.js';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

await serve(async ({ workload, threads, backend }) => {
  const tf = require('@tensorflow/tfjs');
  if (backend === 'wasm') require('@tensorflow/tfjs-backend-wasm').setThreadsCount(threads);
  await tf.setBackend(backend);
  await tf.ready();
  const { kind, units, steps, features, classes, batch, rows, learningRate } = workload;
  const recurrent = { lstm: tf.layers.lstm, gru: tf.layers.gru, simpleRnn: tf.layers.simpleRNN }[/** @type {'lstm'} */ (kind)];
  const model = tf.sequential({
    layers: [recurrent({ units, inputShape: [steps, features] }), tf.layers.dense({ units: classes, activation: 'softmax' })],
  });
  model.compile({ optimizer: tf.train.sgd(learningRate), loss: 'sparseCategoricalCrossentropy' });
  const [x, y] = [tf.randomUniform([rows, steps, features], -1, 1), tf.randomUniform([rows], 0, classes, 'int32').toFloat()];

  /** @param {number} wanted */
  const fit = async (wanted) => {
    const count = Math.min(rows, wanted * batch);
    const part = tf.tidy(() => [x.slice([0, 0, 0], [count, steps, features]), y.slice([0], [count])]);
    const epochs = Math.max(1, Math.round((wanted * batch) / count));
    const microseconds = await timed(() => model.fit(part[0], part[1], { epochs, batchSize: batch, verbose: 0, yieldEvery: 'never' }));
    tf.dispose(part);
    return { steps: (epochs * count) / batch, microseconds };
  };
  return { versions: { tfjs: tf.version.tfjs, node: process.versions.node }, threads: 1, variants: { 'model.fit': fit } };
});
