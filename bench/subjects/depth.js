// @ts-check
import { createRequire } from 'node:module';
import { initializers, layers, NdArray, optimizers, sequential } from 'evenkeel';
import { generator } from '../harness/data.js';
import { serve } from '../harness/subject.js';

await serve(async ({ workload, threads, backend }) => {
  const { depth, width, classes, batch, rows, learningRate } = workload;
  const dense = layers.dense(width, { activation: 'tanh', kernelInitializer: initializers.orthogonal() });
  const model = sequential([layers.input([width]), layers.repeat(depth, dense), layers.dense(classes, { activation: 'softmax' })], {
    seed: 1,
    backend,
    threads,
  });
  model.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'sparseCategoricalCrossentropy' });
  const random = generator(1);
  const x = new NdArray(
    Float32Array.from({ length: rows * width }, () => 2 * random() - 1),
    [rows, width],
  );
  const y = new NdArray(
    Int32Array.from({ length: rows }, () => random() * classes),
    [rows],
  );
  /** @param {number} count */
  const run = async (count) => {
    const epochs = Math.max(1, Math.round((count * batch) / rows));
    const start = process.hrtime.bigint();
    await model.fit(x, y, { epochs, batchSize: batch, verbose: 0 });
    return { steps: (epochs * rows) / batch, microseconds: Number(process.hrtime.bigint() - start) / 1000 };
  };
  const require = createRequire(import.meta.url);
  const versions = { evenkeel: require('evenkeel/package.json').version, onnxruntime: require('onnxruntime-node/package.json').version };
  return { versions, threads, variants: { fit: run } };
});
