// @ts-check
import { InvalidArgumentError } from 'commander';

/**
 * @typedef {object} Workload
 * @property {string} id
 * @property {string} title
 * @property {readonly number[]} widths inputs, hidden units, classes
 * @property {'selu' | 'relu' | 'tanh'} activation
 * @property {'lecunNormal' | 'heNormal' | 'glorotNormal'} initializer
 * @property {number} batch
 * @property {readonly number[]} [filters] of 5×5 convolutions with pools behind them, before the dense layers; images are square
 * @property {readonly number[]} [stages] channels of a residual net's stages, three blocks of two 3×3 convolutions each (He et al. 2016); images are square, of three colours
 * @property {number} [rows] of the data set, where other than the rest have: slow steps want fewer
 */

/** Rows of the data set: whole batches of 32 and of 128, so that no subject has a partial batch. */
export const rows = 12_800;
export const learningRate = 0.01;
export const pixelScale = 1 / 255;

/**
 * Those of a list that are asked for by id, all unless some are. @template {{ readonly id: string }} T
 * @param {readonly T[]} list @param {readonly string[]} [only] @returns {T[]} @throws InvalidArgumentError on an id that none has
 */
export function chosen(list, only) {
  const known = list.map(({ id }) => id);
  const unknown = only?.find((id) => !known.includes(id));
  if (unknown !== undefined) throw new InvalidArgumentError(`--only: nothing is named '${unknown}'; known: ${known.join(', ')}`);
  return list.filter(({ id }) => only === undefined || only.includes(id));
}

/** @param {number} count @param {number} width */
const hidden = (count, width) => Array.from({ length: count }, () => width);

/** @type {readonly Workload[]} */
export const workloads = [
  { id: 'A', title: '784-300-100-10 SELU, batch 32', widths: [784, 300, 100, 10], activation: 'selu', initializer: 'lecunNormal', batch: 32 },
  {
    id: 'B',
    title: '784-20×100-10 SELU, batch 32',
    widths: [784, ...hidden(20, 100), 10],
    activation: 'selu',
    initializer: 'lecunNormal',
    batch: 32,
  },
  {
    id: 'C',
    title: '784-100×100-10 SELU, batch 32',
    widths: [784, ...hidden(100, 100), 10],
    activation: 'selu',
    initializer: 'lecunNormal',
    batch: 32,
  },
  { id: 'D', title: '784-512-512-10 ReLU, batch 128', widths: [784, 512, 512, 10], activation: 'relu', initializer: 'heNormal', batch: 128 },
  {
    id: 'E',
    title: '784-1000×32-10 tanh, batch 32',
    widths: [784, ...hidden(1000, 32), 10],
    activation: 'tanh',
    initializer: 'glorotNormal',
    batch: 32,
  },
];

/** A LeNet, two convolutions and then dense layers, and a ResNet-20 of the kind that its authors trained on CIFAR-10. @type {readonly Workload[]} */
export const convolutions = [
  {
    id: 'L',
    title: '28×28, conv 5×5×32, pool, conv 5×5×64, pool, 512-10 ReLU, batch 64',
    widths: [784, 512, 10],
    filters: [32, 64],
    activation: 'relu',
    initializer: 'heNormal',
    batch: 64,
    rows: 1_280,
  },
  {
    id: 'R',
    title: '32×32×3, ResNet-20 with batch normalization, batch 32',
    widths: [3072, 10],
    stages: [16, 32, 64],
    activation: 'relu',
    initializer: 'heNormal',
    batch: 32,
    rows: 320,
  },
];

/**
 * Standard deviation of a kernel's weights.
 * @param {Workload['initializer']} initializer
 * @param {number} fanIn
 * @param {number} fanOut
 */
export function deviation(initializer, fanIn, fanOut) {
  if (initializer === 'lecunNormal') return Math.sqrt(1 / fanIn);
  if (initializer === 'heNormal') return Math.sqrt(2 / fanIn);
  return Math.sqrt(2 / (fanIn + fanOut));
}
