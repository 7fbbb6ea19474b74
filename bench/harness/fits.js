// @ts-check
import { createRequire } from 'node:module';
import { NdArray } from 'evenkeel';
import { generator } from './data.js';

/** Our version and the engine's. */
export function ownVersions() {
  const require = createRequire(import.meta.url);
  return { evenkeel: require('evenkeel/package.json').version, onnxruntime: require('onnxruntime-node/package.json').version };
}

/**
 * What a compiled model offers to `serve`: blocks of whole epochs on random rows of a shape, with random labels.
 * @param {import('evenkeel').Model} model
 * @param {{ batch: number, rows: number, classes: number }} workload
 * @param {readonly number[]} shape of one row
 * @returns {import('./subject.js').Prepared}
 */
export function fitsOf(model, { batch, rows, classes }, shape) {
  const random = generator(1);
  const size = shape.reduce((product, length) => product * length, rows);
  const x = new NdArray(
    Float32Array.from({ length: size }, () => 2 * random() - 1),
    [rows, ...shape],
  );
  const y = new NdArray(
    Int32Array.from({ length: rows }, () => random() * classes),
    [rows],
  );
  /** @param {number} count */
  const fit = async (count) => {
    const epochs = Math.max(1, Math.round((count * batch) / rows));
    const start = process.hrtime.bigint();
    await model.fit(x, y, { epochs, batchSize: batch, verbose: 0 });
    return { steps: (epochs * rows) / batch, microseconds: Number(process.hrtime.bigint() - start) / 1000 };
  };
  return { versions: ownVersions(), variants: { fit } };
}
