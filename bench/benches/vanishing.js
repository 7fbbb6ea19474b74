// @ts-check
import { compareOwn } from '../harness/compare.js';

const depth = 60;
const width = 100;

/** @type {import('../harness/workloads.js').Workload} */
const workload = {
  id: 'vanishing',
  title: `784-${depth}×${width}-10 tanh, batch 32`,
  widths: [784, ...Array.from({ length: depth }, () => width), 10],
  activation: 'tanh',
  initializer: 'glorotNormal',
  batch: 32,
};

/**
 * A net whose signal and gradients vanish below 1e-38 (a factor of 0.05 a layer) against a healthy one of the same shape (a factor near 1).
 * @param {{ rounds: number, seconds: number, json?: string }} options
 */
export async function vanishing(options) {
  await compareOwn(
    [
      { label: 'healthy', workload, stddev: 1 / Math.sqrt(width) },
      { label: 'vanishing', workload, stddev: 0.05 / Math.sqrt(width) },
    ],
    options,
  );
}
