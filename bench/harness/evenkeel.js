// @ts-check
import { initializers, layers, model, NdArray, optimizers, sequential } from 'evenkeel';
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

/** Blocks of a stage of a residual net. */
const BLOCKS = 3;

/** A ResNet of 6n + 2 layers (He et al. 2016, section 4.2) on square images of three colours. @param {import('./workloads.js').Workload} workload */
function residual({ widths, initializer, stages = [] }) {
  const side = Math.sqrt((widths[0] ?? 0) / 3);
  /** @param {import('evenkeel').Signal} x @param {number} filters @param {number} size @param {number} strides */
  const convolved = (x, filters, size, strides) =>
    layers
      .batchNormalization()
      .apply(layers.conv2d(filters, size, { strides, padding: 'same', useBias: false, kernelInitializer: initializer }).apply(x));
  const input = layers.input([widths[0] ?? 0], { dtype: 'uint8' });
  const scaled = layers.normalization({ axis: null, mean: 0, variance: pixelScale ** -2 }).apply(input);
  let x = layers.relu().apply(convolved(layers.reshape([side, side, 3]).apply(scaled), stages[0] ?? 16, 3, 1));
  stages.forEach((filters, stage) => {
    for (let block = 0; block < BLOCKS; block++) {
      const strides = stage > 0 && block === 0 ? 2 : 1;
      const inner = layers.relu().apply(convolved(x, filters, 3, strides));
      const way = strides > 1 ? convolved(x, filters, 1, strides) : x;
      x = layers.relu().apply(layers.add().apply([convolved(inner, filters, 3, 1), way]));
    }
  });
  const head = layers.dense(widths.at(-1) ?? 0, { activation: 'softmax' });
  return { inputs: input, outputs: head.apply(layers.globalAveragePooling2d().apply(x)) };
}

/** The workload's model, compiled. @param {Request} request */
export function buildModel({ workload, backend, threads, optimizer = 'sgd', stddev }) {
  const options = { seed: 1, backend, ...(threads === undefined ? {} : { threads }) };
  const made = workload.stages ? model(residual(workload), options) : sequential(row(workload, stddev), options);
  return made.compile({ optimizer: optimizers[optimizer]({ learningRate }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

/** Convolutions with pools behind them, where there are any, and dense layers. @param {import('./workloads.js').Workload} workload @param {number} [stddev] */
function row(workload, stddev) {
  const { widths, activation, filters = [] } = workload;
  const side = Math.sqrt(widths[0] ?? 0);
  const kernelInitializer = stddev === undefined ? workload.initializer : initializers.normal({ stddev });
  const hidden = widths.slice(1, -1).map((units) => layers.dense(units, { activation, kernelInitializer }));
  return [
    layers.input([widths[0] ?? 0], { dtype: 'uint8' }),
    layers.normalization({ axis: null, mean: 0, variance: pixelScale ** -2 }),
    ...(filters.length > 0 ? [layers.reshape([side, side, 1])] : []),
    ...filters.flatMap((count) => [layers.conv2d(count, 5, { padding: 'same', activation, kernelInitializer }), layers.maxPooling2d()]),
    ...(filters.length > 0 ? [layers.flatten()] : []),
    ...hidden,
    layers.dense(widths.at(-1) ?? 0, { activation: 'softmax' }),
  ];
}

/** Synthetic images and labels as arrays. @param {import('./workloads.js').Workload} workload @param {number} [count] */
export function buildData({ widths }, count = rows) {
  const width = widths[0] ?? 0;
  const { images, labels } = syntheticImages(count, width, widths.at(-1) ?? 0);
  return { x: new NdArray(images, [count, width]), y: new NdArray(labels, [count]) };
}
