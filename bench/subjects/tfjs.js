// @ts-check
import { createRequire } from 'node:module';
import { generator, normals, shuffledBatches, syntheticImages } from '../harness/data.js';
import { serve, timed } from '../harness/subject.js';
import { rows as allRows, deviation, learningRate, pixelScale } from '../harness/workloads.js';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

await serve(async ({ workload, backend, threads }) => {
  const tf = require('@tensorflow/tfjs');
  const versions = { tfjs: tf.version.tfjs, node: process.versions.node };
  if (backend === 'wasm') {
    const wasm = require('@tensorflow/tfjs-backend-wasm');
    wasm.setThreadsCount(threads);
  }
  await tf.setBackend(backend);
  await tf.ready();
  const used = backend === 'wasm' ? require('@tensorflow/tfjs-backend-wasm').getThreadsCount() : 1;

  const { widths, activation, initializer, batch, filters = [] } = workload;
  const rows = workload.rows ?? allRows;
  const classes = widths.at(-1);
  const { images, labels } = syntheticImages(rows, widths[0], classes);
  const random = generator(2);
  const nextBatch = shuffledBatches(random, rows, batch);

  const weights = widths
    .slice(1)
    .map((/** @type {number} */ width, /** @type {number} */ i) => [
      tf.variable(tf.tensor2d(normals(random, widths[i] * width, deviation(initializer, widths[i], width)), [widths[i], width])),
      tf.variable(tf.zeros([width])),
    ]);
  const optimizer = tf.train.sgd(learningRate);

  /** The minibatch, gathered in JavaScript: far cheaper here than gathering from a resident tensor. */
  const gather = () => {
    const picked = nextBatch();
    const x = new Float32Array(batch * widths[0]);
    const y = new Int32Array(batch);
    for (let i = 0; i < batch; i++) {
      const row = (picked[i] ?? 0) * widths[0];
      for (let j = 0; j < widths[0]; j++) x[i * widths[0] + j] = (images[row + j] ?? 0) * pixelScale;
      y[i] = labels[picked[i] ?? 0] ?? 0;
    }
    return { x: tf.tensor2d(x, [batch, widths[0]]), y: tf.tensor1d(y, 'int32') };
  };

  /** @param {boolean} fused */
  const custom = (fused) => async (/** @type {number} */ steps) => {
    let totals = tf.zeros([2]);
    const microseconds = await timed(() => {
      for (let step = 0; step < steps; step++) {
        totals = tf.tidy(() => {
          const { x, y } = gather();
          let correct = tf.scalar(0);
          const loss = optimizer.minimize(() => {
            let h = x;
            weights.forEach((/** @type {any[]} */ [kernel, bias], /** @type {number} */ layer) => {
              const last = layer === weights.length - 1;
              const inKernel = activation === 'relu' && !last ? 'relu' : 'linear';
              h = fused ? tf.fused.matMul({ a: h, b: kernel, bias, activation: inKernel }) : h.matMul(kernel).add(bias);
              if (!last && !(fused && activation === 'relu')) h = h[activation]();
            });
            correct = tf.keep(h.argMax(1).equal(y).sum().toFloat());
            return tf
              .oneHot(y, classes)
              .toFloat()
              .mul(h.logSoftmax())
              .sum()
              .mul(-1 / batch);
          }, true);
          const sum = totals.add(tf.stack([loss, correct]));
          correct.dispose();
          totals.dispose();
          return sum;
        });
      }
      totals.dataSync();
    });
    totals.dispose();
    return { steps, microseconds };
  };

  const kernelInitializer = initializer === 'lecunNormal' ? 'leCunNormal' : initializer;
  const side = Math.sqrt(widths[0]);
  const model = tf.sequential({
    layers: [
      ...(filters.length > 0 ? [tf.layers.reshape({ targetShape: [side, side, 1], inputShape: [widths[0]] })] : []),
      ...filters.flatMap((/** @type {number} */ count) => [
        tf.layers.conv2d({ filters: count, kernelSize: 5, padding: 'same', activation, kernelInitializer }),
        tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      ]),
      ...(filters.length > 0 ? [tf.layers.flatten()] : []),
      ...widths.slice(1).map((/** @type {number} */ units, /** @type {number} */ i) =>
        tf.layers.dense({
          units,
          activation: i === widths.length - 2 ? 'softmax' : activation,
          kernelInitializer,
          ...(i === 0 && filters.length === 0 ? { inputShape: [widths[0]] } : {}),
        }),
      ),
    ],
  });
  model.compile({ optimizer: tf.train.sgd(learningRate), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });

  /** The framework's own loop, fed with as many rows as the steps need. */
  const fit = async (/** @type {number} */ steps) => {
    const count = Math.min(rows, steps * batch);
    const x = tf.tidy(() => tf.tensor2d(Float32Array.from(images.subarray(0, count * widths[0])), [count, widths[0]]).mul(pixelScale));
    const y = tf.tensor1d(Float32Array.from(labels.subarray(0, count)));
    const epochs = Math.max(1, Math.round((steps * batch) / count));
    const microseconds = await timed(() => model.fit(x, y, { epochs, batchSize: batch, shuffle: true, verbose: 0, yieldEvery: 'never' }));
    x.dispose();
    y.dispose();
    return { steps: (epochs * count) / batch, microseconds };
  };

  return {
    versions,
    threads: used,
    ...(used < threads ? { note: 'TF.js switches WASM threads off in Node' } : {}),
    // Convolutions by the framework's own layers alone.
    variants: filters.length > 0 ? { 'model.fit': fit } : { 'minimize, fused': custom(true), minimize: custom(false), 'model.fit': fit },
  };
});
