// @ts-check
import { initializers, layers, NdArray, optimizers, sequential } from 'evenkeel';
import { syntheticImages } from './data.js';
import { learningRate, pixelScale, rows } from './workloads.js';

/**
 * @typedef {object} Request
 * @property {import('./workloads.js').Workload} workload
 * @property {'native' | 'wasm'} backend
 * @property {number} [threads] chosen from the shapes where not given
 * @property {'sgd' | 'adam'} [optimizer]
 * @property {number} [stddev] of every hidden kernel, instead of the workload's initializer
 */

/** The workload's model, compiled. @param {Request} request */
export function buildModel({ workload, backend, threads, optimizer = 'sgd', stddev }) {
  const { widths, activation, filters = [] } = workload;
  const side = Math.sqrt(widths[0] ?? 0);
  const kernelInitializer = stddev === undefined ? workload.initializer : initializers.normal({ stddev });
  const hidden = widths.slice(1, -1).map((units) => layers.dense(units, { activation, kernelInitializer }));
  const model = sequential(
    [
      layers.input([widths[0] ?? 0], { dtype: 'uint8' }),
      layers.normalization({ axis: null, mean: 0, variance: pixelScale ** -2 }),
      ...(filters.length > 0 ? [layers.reshape([side, side, 1])] : []),
      ...filters.flatMap((count) => [layers.conv2d(count, 5, { padding: 'same', activation, kernelInitializer }), layers.maxPooling2d()]),
      ...(filters.length > 0 ? [layers.flatten()] : []),
      ...hidden,
      layers.dense(widths.at(-1) ?? 0, { activation: 'softmax' }),
    ],
    { seed: 1, backend, ...(threads === undefined ? {} : { threads }) },
  );
  model.compile({ optimizer: optimizers[optimizer]({ learningRate }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** Synthetic images and labels as arrays. @param {import('./workloads.js').Workload} workload @param {number} [count] */
export function buildData({ widths }, count = rows) {
  const width = widths[0] ?? 0;
  const { images, labels } = syntheticImages(count, width, widths.at(-1) ?? 0);
  return { x: new NdArray(images, [count, width]), y: new NdArray(labels, [count]) };
}
