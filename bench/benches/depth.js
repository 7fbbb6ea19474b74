// @ts-check
import { fileURLToPath } from 'node:url';
import { Child, nodeChild } from '../harness/child.js';
import { bestOf, measure } from '../harness/measure.js';
import { printTable, short, writeReport } from '../harness/report.js';
import { python, withTorch } from '../harness/subjects.js';
import { chosen } from '../harness/workloads.js';
import { depthTraining } from './depth-training.js';

/** What all do in a step; rows fill whole minibatches. */
const common = { width: 32, classes: 10, batch: 32, rows: 320, learningRate: 0.001 };

const plain = [100, 1000, 10000].map((depth) => ({
  id: String(depth),
  title: `${depth.toLocaleString('en')} tanh layers of 32, orthogonal, batch 32`,
  ...common,
  depth,
}));

/** Written one by one, as most users do: blocks of a dense layer, batch normalization and ReLU, Adam. */
const normalized = [20, 50, 200].map((depth) => ({
  id: `normalized-${depth}`,
  title: `${depth} layers of 64, each with batch normalization and ReLU, Adam, batch 32`,
  ...common,
  width: 64,
  depth,
  normalized: true,
}));

const workloads = [...plain, ...normalized];

/** PyTorch's two ways of writing the net; a graph of 10,000 modules is left out, as a step of it takes seconds. */
const forms = [
  { id: 'pytorch', label: 'PyTorch eager, nn.Sequential', form: 'sequential' },
  { id: 'pytorch-stacked', label: 'PyTorch eager, weights [n, 32, 32] in a loop', form: 'stacked' },
];

/** PyTorch's two updates by Adam: one kernel for all arrays, and some kernels for lists of arrays, its default on a GPU. */
const normalizedForms = [
  { id: 'pytorch-fused', label: 'PyTorch eager, nn.Sequential, Adam fused', form: 'normalized-fused' },
  { id: 'pytorch', label: 'PyTorch eager, nn.Sequential, Adam foreach', form: 'normalized-foreach' },
];

/**
 * Plain deep nets by `layers.repeat`, and normalized ones, against PyTorch's, each with one thread: with two both are slower at this width.
 * @param {{ only?: readonly string[], against?: readonly string[], rounds: number, seconds: number, train?: boolean, json?: string }} options
 */
export async function depth({ only, against, rounds, seconds, train, json }) {
  if (train) return depthTraining({ ...(json === undefined ? {} : { json }) });
  /** @type {Record<string, string>} */
  const versions = { node: process.versions.node };
  /** @type {import('../harness/measure.js').Measurement[]} */
  const results = [];
  /** @type {{ workload: string, subject: string, against: string, ratio: number }[]} */
  const ratios = [];
  const script = fileURLToPath(new URL('../subjects/depth.py', import.meta.url));
  const torch = withTorch(against);
  for (const workload of chosen(workloads, only)) {
    console.log(`\n${workload.title}`);
    const request = { workload, threads: 1, blockSeconds: seconds };
    const peers = torch && workload.depth <= 1000 ? ('normalized' in workload ? normalizedForms : forms) : [];
    const measured = await measure(
      [
        {
          workload: workload.id,
          subject: 'native',
          label: 'Evenkeel native',
          threads: 1,
          start: () => nodeChild('subjects/depth.js', { ...request, backend: 'native' }),
        },
        ...peers.map(({ id, label, form }) => ({
          workload: workload.id,
          subject: id,
          label,
          threads: 1,
          start: () => new Child(python(), [script, JSON.stringify({ ...request, form })]),
        })),
      ],
      rounds,
      versions,
    );
    results.push(...measured);
    const best = bestOf(measured);
    const own = best.get('native');
    const ratioOf = (/** @type {number} */ theirs) => (own ? theirs / own.medianMicroseconds : Number.NaN);
    for (const [id, { medianMicroseconds }] of best) {
      if (id !== 'native') ratios.push({ workload: workload.id, subject: 'native', against: id, ratio: ratioOf(medianMicroseconds) });
    }
    printTable([
      ['', 'median µs a step', 'µs a layer', 'least', 'native is'],
      ...[...best].map(([id, { medianMicroseconds, minimumMicroseconds }]) => [
        id,
        short(medianMicroseconds),
        short(medianMicroseconds / workload.depth),
        short(minimumMicroseconds / workload.depth),
        id === 'native' ? '' : `${short(ratioOf(medianMicroseconds))}×`,
      ]),
    ]);
  }
  writeReport(json, { versions, results, ratios });
}
