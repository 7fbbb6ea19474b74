// @ts-check
import { feedForward } from './bodies.js';
import { scaleOf } from './build.js';
import { train } from './train.js';

/** Seeds of each recipe. */
export const REFERENCE_SEEDS = [101, 102, 103];

/** @typedef {import('./patients.js').Patient} Patient */

/** Recurrent layers that guard their state, and such as do not: each is measured against its own kind. */
const gated = /** @type {const} */ (['lstm', 'gru']);
const adam = { name: 'adam', learningRate: 0.001 };
const walks = {
  activation: { name: 'tanh' },
  kernelInitializer: { name: 'glorotUniform' },
  recurrentInitializer: { name: 'orthogonal' },
  normalization: /** @type {const} */ ('none'),
  skip: false,
  optimizer: adam,
};

/**
 * Published recipes, never the doctor's; each is everything of a patient but data set and size, for some bodies, all that feed forward unless it says so.
 * @type {Readonly<Record<string, { readonly bodies?: readonly Patient['body'][] } & Partial<Patient> & Pick<Patient, 'activation' | 'kernelInitializer' | 'normalization' | 'skip' | 'optimizer'>>>}
 */
export const recipes = {
  // He et al. 2015, "Delving deep into rectifiers"; Adam at its authors' default (Kingma and Ba 2015).
  he: {
    activation: { name: 'relu' },
    kernelInitializer: { name: 'heNormal' },
    normalization: 'none',
    skip: false,
    optimizer: { name: 'adam', learningRate: 0.001 },
  },
  // Klambauer et al. 2017, "Self-normalizing neural networks": LeCun normal and SGD; the smaller of the rates that they search, with momentum.
  klambauer: {
    activation: { name: 'selu' },
    kernelInitializer: { name: 'lecunNormal' },
    normalization: 'none',
    skip: false,
    optimizer: { name: 'sgd', learningRate: 0.01, momentum: 0.9 },
  },
  // Ioffe and Szegedy 2015, "Batch normalization": between sums and ReLU, with the larger steps that it allows.
  ioffe: {
    activation: { name: 'relu' },
    kernelInitializer: { name: 'heNormal' },
    normalization: 'batch',
    skip: false,
    optimizer: { name: 'sgd', learningRate: 0.05, momentum: 0.9 },
  },
  // Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks": tanh with their weights.
  glorot: {
    activation: { name: 'tanh' },
    kernelInitializer: { name: 'glorotUniform' },
    normalization: 'none',
    skip: false,
    optimizer: { name: 'adam', learningRate: 0.001 },
  },
  // Le, Jaitly and Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units", by Adam.
  identity: {
    ...walks,
    bodies: ['simpleRnn'],
    activation: { name: 'relu' },
    recurrentInitializer: { name: 'identity' },
    optimizer: { ...adam, globalClipNorm: 1 },
  },
  // Saxe, McClelland and Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning": orthogonal weights; clipped as Pascanu et al. 2013 propose.
  orthogonal: { ...walks, bodies: ['simpleRnn'], optimizer: { ...adam, globalClipNorm: 1 } },
  // Hochreiter and Schmidhuber 1997, forget gates open at first (Jozefowicz, Zaremba and Sutskever 2015).
  lstm: { ...walks, bodies: gated, body: 'lstm' },
  // Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".
  gru: { ...walks, bodies: gated, body: 'gru' },
};

/** Recipes that a body is measured against. @param {Patient['body']} body */
const recipesOf = (body) => Object.keys(recipes).filter((name) => (recipes[name]?.bodies ?? feedForward).includes(body));

/**
 * @typedef {object} Reference
 * @property {string} key
 * @property {string} recipe the one that was best on the validation rows
 * @property {number} score its mean on the test rows, over the seeds
 * @property {Readonly<Record<string, readonly number[]>>} scores on the test rows, of every recipe and seed
 * @property {number} seconds
 */

/** What networks of one data set, body and size are measured against. @param {Pick<Patient, 'body' | 'dataset' | 'depth' | 'width' | 'steps'>} patient */
export function referenceKey({ body, dataset, depth, width, steps }) {
  const kind = body === 'dense' ? '' : `${gated.some((name) => name === body) ? 'gated' : body}/`;
  return `${dataset}/${kind}${depth}x${width}/${steps}`;
}

const mean = (/** @type {readonly number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The best of the recipes at a data set and size, at the budget of every network.
 * @param {Patient} patient whose data set and size are meant
 * @param {import('./data.js').Sets} sets
 * @param {readonly string[]} [names] recipes to try; all unless given
 * @returns {Promise<Reference>}
 */
export async function measureReference(patient, sets, names = recipesOf(patient.body)) {
  const started = performance.now();
  /** @type {Record<string, number[]>} */
  const scores = {};
  /** @type {Record<string, number>} */
  const validations = {};
  for (const name of names) {
    const { bodies: _, ...recipe } = recipes[name] ?? {};
    if (!recipes[name]) throw new Error(`no recipe is named '${name}'; there are ${Object.keys(recipes).join(', ')}`);
    /** @type {Patient} */
    const network = {
      ...patient,
      ...recipe,
      biasInitializer: { name: 'zeros' },
      headInitializer: { name: 'glorotUniform' },
      dropout: 0,
      noise: 0,
      batchSize: 32,
      scaling: 'standard',
      head:
        patient.task === 'classes'
          ? { activation: 'softmax', loss: { name: 'sparseCategoricalCrossentropy' } }
          : { activation: 'linear', loss: { name: 'meanSquaredError' } },
    };
    const set = await sets.get(patient.dataset, scaleOf(network));
    const runs = [];
    for (const seed of REFERENCE_SEEDS) {
      const { training, model } = await train(network, set, seed);
      await model.dispose();
      runs.push(training);
    }
    scores[name] = runs.map(({ score }) => score);
    validations[name] = mean(runs.map(({ validation }) => validation));
  }
  const best = names.reduce((a, b) => ((validations[b] ?? 0) > (validations[a] ?? 0) ? b : a), names[0] ?? '');
  return { key: referenceKey(patient), recipe: best, score: mean(scores[best] ?? []), scores, seconds: (performance.now() - started) / 1000 };
}
