// @ts-check
import { scaleOf } from './build.js';
import { STEPS } from './patients.js';
import { train } from './train.js';

/** Seeds of each recipe. */
export const REFERENCE_SEEDS = [101, 102, 103];

/**
 * Published recipes, never the doctor's; each is everything of a patient but data set and size.
 * @type {Readonly<Record<string, Pick<import('./patients.js').Patient, 'activation' | 'kernelInitializer' | 'normalization' | 'skip' | 'optimizer'>>>}
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
};

/**
 * @typedef {object} Reference
 * @property {string} key
 * @property {string} recipe the one that was best on the validation rows
 * @property {number} score its mean on the test rows, over the seeds
 * @property {Readonly<Record<string, readonly number[]>>} scores on the test rows, of every recipe and seed
 * @property {number} seconds
 */

/** What networks of one data set and size are measured against. @param {Pick<import('./patients.js').Patient, 'dataset' | 'depth' | 'width'>} patient */
export const referenceKey = ({ dataset, depth, width }) => `${dataset}/${depth}x${width}/${STEPS}`;

const mean = (/** @type {readonly number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * The best of the recipes at a data set and size, at the budget of every network.
 * @param {import('./patients.js').Patient} patient whose data set and size are meant
 * @param {import('./data.js').Sets} sets
 * @param {readonly string[]} [names] recipes to try; all unless given
 * @returns {Promise<Reference>}
 */
export async function measureReference(patient, sets, names = Object.keys(recipes)) {
  const started = performance.now();
  /** @type {Record<string, number[]>} */
  const scores = {};
  /** @type {Record<string, number>} */
  const validations = {};
  for (const name of names) {
    const recipe = recipes[name];
    if (!recipe) throw new Error(`no recipe is named '${name}'; there are ${Object.keys(recipes).join(', ')}`);
    /** @type {import('./patients.js').Patient} */
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
