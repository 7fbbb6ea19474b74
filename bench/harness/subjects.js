// @ts-check
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Child, nodeChild } from './child.js';
import { learningRate, pixelScale, rows } from './workloads.js';

/**
 * @typedef {object} Subject
 * @property {string} id as it stands in the JSON: `native`, `wasm`, or the peer's name
 * @property {boolean} own Evenkeel itself
 * @property {string} label
 * @property {readonly number[]} threads each count is measured; the best median stands
 * @property {readonly string[]} workloads ids
 * @property {() => string | undefined} missing what to install, where it is not there
 * @property {(request: { workload: import('./workloads.js').Workload, threads: number, blockSeconds: number }) => Child} start
 */

const here = (/** @type {string} */ path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const everything = ['A', 'B', 'C', 'D', 'E'];
const alsoLeNet = [...everything, 'L'];
const alsoConvolutions = [...alsoLeNet, 'R'];

/** @param {string} name */
const npmPeer = (name) => () =>
  existsSync(here(`peers/node_modules/${name}`)) ? undefined : `${name} is not installed: npm ci --prefix bench/peers`;

/** The Python of the comparison: `EVENKEEL_BENCH_PYTHON`, or the one in `.venv`. */
export const python = () => process.env.EVENKEEL_BENCH_PYTHON ?? here('../.venv/bin/python');

/** Whether PyTorch is wanted and there; says so where it is not. @param {readonly string[] | undefined} against */
export function withTorch(against) {
  const torch = existsSync(python()) && (against === undefined || against.includes('pytorch'));
  if (!torch) console.log('PyTorch eager: skipped (see bench/README.md)');
  return torch;
}

/** Whether TF.js's WASM backend is wanted and there; says so where it is not. @param {readonly string[] | undefined} against */
export function withTfjs(against) {
  if (against !== undefined && !against.includes('tfjs-wasm')) return false;
  const missing = npmPeer('@tensorflow/tfjs-backend-wasm')();
  if (missing !== undefined) console.log(`TF.js WASM: skipped, ${missing}`);
  return missing === undefined;
}

/** @type {readonly Subject[]} */
export const subjects = [
  {
    id: 'native',
    own: true,
    label: 'Evenkeel native',
    threads: [1, 2],
    workloads: alsoConvolutions,
    missing: () => undefined,
    start: (request) => nodeChild('subjects/evenkeel.js', { ...request, backend: 'native' }),
  },
  {
    id: 'wasm',
    own: true,
    label: 'Evenkeel WASM',
    threads: [1, 2],
    workloads: alsoConvolutions,
    missing: () => undefined,
    start: (request) => nodeChild('subjects/evenkeel.js', { ...request, backend: 'wasm' }),
  },
  {
    id: 'pytorch',
    own: false,
    label: 'PyTorch eager',
    threads: [1, 2],
    workloads: alsoConvolutions,
    missing: () =>
      existsSync(python())
        ? undefined
        : 'no Python with torch: python3 -m venv .venv && .venv/bin/pip install torch numpy (or set EVENKEEL_BENCH_PYTHON)',
    start: (request) =>
      new Child(python(), [
        here('subjects/pytorch.py'),
        JSON.stringify({ ...request, rows: request.workload.rows ?? rows, learningRate, pixelScale }),
      ]),
  },
  {
    id: 'jax-js',
    own: false,
    label: 'jax-js WASM',
    threads: [1],
    workloads: ['A', 'B', 'D'],
    missing: npmPeer('@jax-js/jax'),
    start: (request) => nodeChild('subjects/jax-js.js', request),
  },
  {
    id: 'tfjs-wasm',
    own: false,
    label: 'TF.js WASM',
    threads: [2],
    workloads: everything,
    missing: npmPeer('@tensorflow/tfjs-backend-wasm'),
    start: (request) => nodeChild('subjects/tfjs.js', { ...request, backend: 'wasm' }),
  },
  {
    id: 'tfjs-js',
    own: false,
    label: 'TF.js plain JS',
    threads: [1],
    workloads: alsoLeNet,
    missing: npmPeer('@tensorflow/tfjs'),
    start: (request) => nodeChild('subjects/tfjs.js', { ...request, backend: 'cpu' }),
  },
];
