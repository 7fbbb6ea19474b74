// @ts-check
import { Random } from 'evenkeel';
import { sources } from './data.js';
import { pick, spread } from './draw.js';
import { faults, oddities } from './faults.js';

/**
 * A network and its training as data.
 * @typedef {{ readonly name: string, readonly [option: string]: unknown }} Named an entry of a table with its options
 * @typedef {{ readonly name: string, readonly learningRate: number, readonly [option: string]: unknown }} NamedOptimizer
 * @typedef {object} Patient
 * @property {number} seed
 * @property {string} dataset
 * @property {'classes' | 'numbers'} task
 * @property {'plain' | 'odd' | 'fault'} kind
 * @property {string | null} odd
 * @property {string | null} fault
 * @property {number} depth hidden layers
 * @property {number} width
 * @property {Named} activation
 * @property {Named} kernelInitializer of hidden layers
 * @property {Named} biasInitializer of hidden layers
 * @property {Named} headInitializer
 * @property {'none' | 'batch' | 'layer' | 'batchBehind'} normalization
 * @property {boolean} skip connections over two layers each
 * @property {number} dropout
 * @property {number} noise added to the inputs while training
 * @property {NamedOptimizer} optimizer
 * @property {number} batchSize
 * @property {'standard' | 'layer' | 'unit' | 'raw'} scaling of the features: before the network, by a layer of it, to [0, 1], or not at all
 * @property {{ readonly activation: string, readonly loss: Named }} head
 * @property {string} family
 * @property {'open' | 'closed'} half
 */

/** Optimizer steps of one training: the budget of every network and every reference. */
export const STEPS = 1024;

/** A whole data set that the open half never sees. */
export const closedSet = 'landsat';
/** Share of the other families that is closed. */
export const CLOSED_SHARE = 0.6;

/** The mix, in per cent. @type {Readonly<Record<Patient['kind'], number>>} */
export const mix = { plain: 45, odd: 17, fault: 38 };

/** Weights of what is drawn; those of each list add up to 100. */
export const choices = {
  dataset: /** @type {const} */ ([
    ['glyphs', 16],
    ['mnist', 13],
    ['fashion-mnist', 13],
    ['pendigits', 13],
    ['optical', 12],
    ['letter', 9],
    ['landsat', 9],
    ['spirals', 7],
    ['california-housing', 8],
  ]),
  depth: /** @type {const} */ ([
    [2, 24],
    [3, 24],
    [5, 22],
    [8, 14],
    [12, 8],
    [20, 5],
    [30, 3],
  ]),
  width: /** @type {const} */ ([
    [32, 25],
    [64, 45],
    [100, 30],
  ]),
  activation: /** @type {const} */ ([
    ['relu', 30],
    ['tanh', 14],
    ['selu', 14],
    ['elu', 12],
    ['gelu', 10],
    ['leakyRelu', 8],
    ['silu', 6],
    ['sigmoid', 6],
  ]),
  normalization: /** @type {const} */ ([
    ['none', 60],
    ['batch', 25],
    ['layer', 15],
  ]),
  batchSize: /** @type {const} */ ([
    [16, 20],
    [32, 50],
    [64, 30],
  ]),
  scaling: /** @type {const} */ ([
    ['standard', 50],
    ['layer', 32],
    ['unit', 18],
  ]),
  optimizer: /** @type {const} */ ([
    ['adam', 50],
    ['momentum', 22],
    ['sgd', 10],
    ['rmsprop', 9],
    ['adamW', 9],
  ]),
};

/** The initializer that suits an activation. @type {Readonly<Record<string, string>>} */
const suits = { relu: 'heNormal', leakyRelu: 'heNormal', elu: 'heNormal', gelu: 'heNormal', silu: 'heNormal', selu: 'lecunNormal' };

/** @param {Random} random @returns {Record<string, NamedOptimizer>} */
const optimizerChoices = (random) => ({
  adam: { name: 'adam', learningRate: spread(random, 0.0007, 0.003) },
  momentum: { name: 'sgd', learningRate: spread(random, 0.01, 0.04), momentum: 0.9 },
  sgd: { name: 'sgd', learningRate: spread(random, 0.08, 0.2) },
  rmsprop: { name: 'rmsprop', learningRate: spread(random, 0.0007, 0.002) },
  adamW: { name: 'adamW', learningRate: spread(random, 0.0007, 0.003) },
});

/** @param {number} depth */
export const bandOf = (depth) => (depth <= 3 ? 'shallow' : depth <= 8 ? 'middle' : 'deep');

/** Networks that share data set, depth band and activation are of one family. @param {Pick<Patient, 'dataset' | 'depth' | 'activation'>} patient */
export const familyOf = ({ dataset, depth, activation }) => `${dataset}/${bandOf(depth)}/${activation.name}`;

/** @param {string} family @returns {Patient['half']} */
export function halfOf(family) {
  if (family.startsWith(`${closedSet}/`)) return 'closed';
  return new Random(2010).stream('half').stream(family).uniform() < CLOSED_SHARE ? 'closed' : 'open';
}

/** @param {Random} random @param {number} seed @returns {Patient} */
function draw(random, seed) {
  const kind = pick(random, /** @type {[Patient['kind'], number][]} */ (Object.entries(mix)));
  const table = kind === 'fault' ? faults : kind === 'odd' ? oddities : {};
  const special = pick(random, [...Object.entries(table).map(([name, { share }]) => /** @type {const} */ ([name, share])), ['', 0]]);
  const about = table[special];
  const dataset = pick(random, choices.dataset);
  const depth = about?.depths
    ? pick(
        random,
        choices.depth.filter(([value]) => about.depths?.includes(value)),
      )
    : pick(random, choices.depth);
  const name = about?.activations
    ? pick(
        random,
        choices.activation.filter(([value]) => about.activations?.includes(value)),
      )
    : pick(random, choices.activation);
  const width = pick(random, choices.width);
  const optimizer = optimizerChoices(random.stream('rates'))[pick(random, choices.optimizer)];
  const task = sources[dataset]?.task ?? 'classes';
  const drawn = pick(random, choices.normalization);
  // Logistic layers beyond a few need help to train at all, and SELU normalises by itself.
  const normalization = name === 'selu' ? 'none' : name === 'sigmoid' && depth > 2 ? 'batch' : drawn;
  const kept = random.uniform() < 0.3 && depth <= 5 && name !== 'selu';
  const family = familyOf({ dataset, depth, activation: { name } });
  /** @type {Patient} */
  const healthy = {
    seed,
    dataset,
    task,
    kind,
    odd: kind === 'odd' ? special : null,
    fault: kind === 'fault' ? special : null,
    depth,
    width: depth >= 20 ? Math.min(width, 64) : width,
    activation: { name },
    kernelInitializer: { name: kept ? 'glorotUniform' : (suits[name] ?? 'glorotUniform') },
    biasInitializer: { name: 'zeros' },
    headInitializer: { name: 'glorotUniform' },
    normalization,
    skip: depth >= 8 && normalization !== 'none' && random.uniform() < 0.5,
    dropout: 0,
    noise: 0,
    // Plain deep networks take smaller steps, as those who train them know.
    optimizer:
      depth >= 12 && optimizer ? { ...optimizer, learningRate: optimizer.learningRate / 2 } : (optimizer ?? { name: 'adam', learningRate: 0.001 }),
    batchSize: pick(random, choices.batchSize),
    scaling: pick(random, choices.scaling),
    head:
      task === 'classes'
        ? { activation: 'softmax', loss: { name: 'sparseCategoricalCrossentropy' } }
        : { activation: 'linear', loss: { name: 'meanSquaredError' } },
    family,
    half: halfOf(family),
  };
  return about ? { ...healthy, ...about.inject(random.stream('injected'), healthy) } : healthy;
}

/** Whether its half and its data allow a patient's fault. @param {Patient} patient */
function allowed(patient) {
  const fault = patient.fault === null ? undefined : faults[patient.fault];
  if (!fault) return true;
  return !(fault.closedOnly && patient.half === 'open') && (fault.fits?.(patient) ?? true);
}

/** The patient of a seed, the same wherever it is drawn. @param {number} seed @returns {Patient} */
export function patientOf(seed) {
  for (let attempt = 0; ; attempt++) {
    const patient = draw(new Random(seed).stream('patient').stream(attempt), seed);
    if (allowed(patient)) return patient;
  }
}
