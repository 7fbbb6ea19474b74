// @ts-check
import { fileURLToPath } from 'node:url';
import { Child, nodeChild } from '../harness/child.js';
import { bestOf, measure } from '../harness/measure.js';
import { printTable, short, writeReport } from '../harness/report.js';
import { python, withTfjs, withTorch } from '../harness/subjects.js';
import { chosen } from '../harness/workloads.js';
import { recurrenceTraining } from './recurrence-training.js';

/** What all do in a step; rows fill whole minibatches. */
const common = { units: 128, steps: 100, features: 128, classes: 10, batch: 32, rows: 320, learningRate: 0.01 };

const workloads = [
  { id: 'lstm', title: 'LSTM of 128 over 100 steps of 128 features, batch 32', ...common, kind: 'lstm' },
  { id: 'gru', title: 'GRU of 128, the same', ...common, kind: 'gru' },
  { id: 'simpleRnn', title: 'tanh RNN of 128, the same', ...common, kind: 'simpleRnn' },
];

/**
 * With `train`, the adding problem instead. Else recurrent layers against PyTorch's and TF.js's on the same sequences.
 * @param {{ only?: readonly string[], against?: readonly string[], rounds: number, seconds: number, train?: boolean, json?: string }} options
 */
export async function recurrence({ only = ['lstm'], against, rounds, seconds, train, json }) {
  if (train) return recurrenceTraining({ json });
  /** @type {Record<string, string>} */
  const versions = { node: process.versions.node };
  /** @type {import('../harness/measure.js').Measurement[]} */
  const results = [];
  /** @type {{ workload: string, subject: string, against: string, ratio: number }[]} */
  const ratios = [];
  const script = fileURLToPath(new URL('../subjects/recurrence.py', import.meta.url));
  const torch = withTorch(against);
  const tfjs = withTfjs(against);
  for (const workload of chosen(workloads, only)) {
    console.log(`\n${workload.id}: ${workload.title}`);
    const entry = (/** @type {string} */ subject, /** @type {string} */ label, /** @type {(request: object) => Child} */ start, counts = [1, 2]) =>
      counts.map((threads) => ({
        workload: workload.id,
        subject,
        label,
        threads,
        start: () => start({ workload, threads, blockSeconds: seconds }),
      }));
    const measured = await measure(
      [
        ...entry('native', 'Evenkeel native', (request) => nodeChild('subjects/recurrence.js', { ...request, backend: 'native' })),
        ...(torch ? entry('pytorch', 'PyTorch eager', (request) => new Child(python(), [script, JSON.stringify(request)])) : []),
        // It switches WASM threads off in Node.
        ...(tfjs
          ? entry('tfjs-wasm', 'TF.js WASM', (request) => nodeChild('subjects/recurrence-tfjs.js', { ...request, backend: 'wasm' }), [1])
          : []),
      ],
      rounds,
      versions,
    );
    results.push(...measured);
    const best = bestOf(measured);
    const own = best.get('native');
    const ratioOf = (/** @type {import('../harness/measure.js').Measurement} */ theirs) =>
      own && theirs !== own ? theirs.medianMicroseconds / own.medianMicroseconds : undefined;
    for (const [id, result] of best) {
      const ratio = ratioOf(result);
      if (ratio !== undefined) ratios.push({ workload: workload.id, subject: 'native', against: id, ratio });
    }
    printTable([
      ['', 'threads', 'median µs', 'least µs', 'native is'],
      ...[...best].map(([id, result]) => [
        id,
        String(result.threads),
        short(result.medianMicroseconds),
        short(result.minimumMicroseconds),
        result === own ? '' : `${short(ratioOf(result) ?? Number.NaN)}×`,
      ]),
    ]);
  }
  writeReport(json, { versions, results, ratios });
}
