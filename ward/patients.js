// @ts-check
import { Random } from 'evenkeel';
import { bodies, otherSets, walking } from './bodies.js';
import { otherSources, sources } from './data.js';
import { pick, spread } from './draw.js';
import { faults, oddities } from './faults.js';

/**
 * A network and its training as data.
 * @typedef {{ readonly name: string, readonly [option: string]: unknown }} Named an entry of a table with its options
 * @typedef {{ readonly name: string, readonly learningRate: number, readonly [option: string]: unknown }} NamedOptimizer
 * @typedef {object} Patient
 * @property {number} seed
 * @property {import('./bodies.js').BodyName} body
 * @property {string} dataset
 * @property {'classes' | 'numbers'} task
 * @property {'plain' | 'odd' | 'fault'} kind
 * @property {string | null} odd
 * @property {string | null} fault
 * @property {number} depth hidden layers
 * @property {number} width units, or channels
 * @property {Named} activation
 * @property {Named} kernelInitializer of hidden layers
 * @property {Named} biasInitializer of hidden layers
 * @property {Named} [recurrentInitializer] of layers that walk along a sequence
 * @property {Named} headInitializer
 * @property {'none' | 'batch' | 'layer' | 'batchBehind'} normalization
 * @property {boolean} skip connections over two layers each
 * @property {number} dropout
 * @property {number} noise added to the inputs while training
 * @property {NamedOptimizer} optimizer
 * @property {number} batchSize
 * @property {number} steps of the optimizer in one training: its budget, and that of its reference
 * @property {'standard' | 'layer' | 'unit' | 'raw'} scaling of the features: before the network, by a layer of it, to [0, 1], or not at all
 * @property {{ readonly activation: string, readonly loss: Named }} head
 * @property {string} family
 * @property {'open' | 'closed'} half
 */

/** Optimizer steps of one training, unless a run asks for others. */
export const STEPS = 1024;

/** A whole data set that the open half never sees. */
export const closedSet = 'landsat';
/** Share of the other families that is closed. */
export const CLOSED_SHARE = 0.6;

/** The mix, in per cent. @type {Readonly<Record<Patient['kind'], number>>} */
export const mix = { plain: 45, odd: 17, fault: 38 };

/** What is drawn whatever the body; weights of each list add up to 100. */
export const choices = {
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

/** Networks that share data set, body, depth band and activation are of one family. @param {Pick<Patient, 'body' | 'dataset' | 'depth' | 'activation'>} patient */
export function familyOf({ body, dataset, depth, activation }) {
  return `${dataset}/${body === 'dense' ? bandOf(depth) : `${body}/${bandOf(depth)}`}/${activation.name}`;
}

/** @param {string} family @returns {Patient['half']} */
export function halfOf(family) {
  // Nothing is hidden of sets that are no part of the ward.
  if (Object.keys(otherSources).some((name) => family.startsWith(`${name}/`))) return 'open';
  if (family.startsWith(`${closedSet}/`)) return 'closed';
  return new Random(2010).stream('half').stream(family).uniform() < CLOSED_SHARE ? 'closed' : 'open';
}

const bodyShares = Object.entries(bodies).map(([name, { share }]) => /** @type {const} */ ([/** @type {Patient['body']} */ (name), share]));

/** Those of some values that a fault or an oddity is injected with. @template T @param {readonly (readonly [T, number])[]} list @param {readonly T[]} [wanted] */
const among = (list, wanted) => (wanted ? list.filter(([value]) => wanted.includes(value)) : list);

/** @param {Random} random @param {number} seed @param {WhichSets} which @returns {Patient} */
function draw(random, seed, which) {
  const kind = pick(random, /** @type {[Patient['kind'], number][]} */ (Object.entries(mix)));
  const body = pick(random.stream('body'), bodyShares);
  const drawnFrom = bodies[body];
  const table = kind === 'fault' ? faults : kind === 'odd' ? oddities : {};
  const fitting = Object.entries(table).filter(([, { bodies: fits }]) => fits?.includes(body) ?? true);
  const special = pick(random, [...fitting.map(([name, { share }]) => /** @type {const} */ ([name, share])), ['', 0]]);
  const about = table[special];
  const dataset = pick(random, which === 'others' ? otherSets[body] : drawnFrom.dataset);
  const depth = pick(random, among(drawnFrom.depth, about?.depths));
  const name = pick(random, among(drawnFrom.activation, about?.activations));
  const width = pick(random, drawnFrom.width);
  const optimizer = optimizerChoices(random.stream('rates'))[pick(random, drawnFrom.optimizer)];
  const task = (sources[dataset] ?? otherSources[dataset])?.task ?? 'classes';
  const drawn = pick(random, drawnFrom.normalization);
  // Logistic layers beyond a few need help to train at all, and SELU normalizes by itself.
  const normalization = name === 'selu' ? 'none' : name === 'sigmoid' && depth > 2 ? 'batch' : drawn;
  const kept = random.uniform() < 0.3 && depth <= 5 && name !== 'selu';
  const walks = walking.includes(body);
  const family = familyOf({ body, dataset, depth, activation: { name } });
  /** @type {Patient} */
  const healthy = {
    seed,
    body,
    dataset,
    task,
    kind,
    odd: kind === 'odd' ? special : null,
    fault: kind === 'fault' ? special : null,
    depth,
    width: depth >= 20 ? Math.min(width, 64) : width,
    activation: { name },
    kernelInitializer: { name: kept || walks ? 'glorotUniform' : (suits[name] ?? 'glorotUniform') },
    biasInitializer: { name: 'zeros' },
    // Le, Jaitly and Hinton 2015 for rectifiers, Keras's default for the others.
    ...(walks ? { recurrentInitializer: { name: name === 'relu' ? 'identity' : 'orthogonal' } } : {}),
    headInitializer: { name: 'glorotUniform' },
    normalization,
    skip: depth >= 8 && normalization !== 'none' && random.uniform() < 0.5,
    dropout: 0,
    noise: 0,
    // Plain deep networks take smaller steps, as those who train them know.
    optimizer:
      depth >= 12 && optimizer
        ? { ...optimizer, learningRate: optimizer.learningRate / 2 }
        : { ...(optimizer ?? { name: 'adam', learningRate: 0.001 }), ...(walks ? { globalClipNorm: 1 } : {}) },
    batchSize: pick(random, choices.batchSize),
    steps: STEPS,
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

/** @typedef {'ward' | 'others'} WhichSets */

/** The patient of a seed, the same wherever it is drawn. @param {number} seed @param {WhichSets} [which] its data: the ward's, or such as the ward does not draw @returns {Patient} */
export function patientOf(seed, which = 'ward') {
  for (let attempt = 0; ; attempt++) {
    const patient = draw(new Random(seed).stream('patient').stream(attempt), seed, which);
    if (allowed(patient)) return patient;
  }
}
