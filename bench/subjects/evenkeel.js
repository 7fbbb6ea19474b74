// @ts-check
import { buildData, buildModel } from '../harness/evenkeel.js';
import { ownVersions } from '../harness/fits.js';
import { serve } from '../harness/subject.js';
import { rows } from '../harness/workloads.js';

await serve(async (request) => {
  const { workload, threads, vitals } = request;
  const model = buildModel(request);
  const count = workload.rows ?? rows;
  const { x, y } = buildData(workload, count);
  const stepsPerEpoch = count / workload.batch;

  // One long fit whose callback stops at the end of a block until the next one is asked for: a block holds steps and nothing else.
  /** @type {{ epochs: number, start: bigint, resolve: (microseconds: number) => void, reject: (error: unknown) => void } | undefined} */
  let block;
  let release = () => {};
  const onEpochEnd = async () => {
    if (block !== undefined && --block.epochs === 0) {
      block.resolve(Number(process.hrtime.bigint() - block.start) / 1000);
      block = undefined;
      await /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          release = resolve;
        })
      );
    }
  };
  let started = false;

  /** @param {number} steps */
  const run = async (steps) => {
    const epochs = Math.max(1, Math.round(steps / stepsPerEpoch));
    /** @type {number} */
    const microseconds = await new Promise((resolve, reject) => {
      block = { epochs, start: process.hrtime.bigint(), resolve, reject };
      if (started) return release();
      started = true;
      model
        .fit(x, y, {
          epochs: 1_000_000,
          batchSize: workload.batch,
          shuffle: true,
          verbose: 0,
          callbacks: [{ every: 'epoch', onEpochEnd, ...(vitals ? { vitals } : {}) }],
        })
        .catch((/** @type {unknown} */ error) => block?.reject(error));
    });
    return { steps: epochs * stepsPerEpoch, microseconds };
  };

  return { versions: { ...ownVersions(), node: process.versions.node }, threads, variants: { fit: run } };
});
