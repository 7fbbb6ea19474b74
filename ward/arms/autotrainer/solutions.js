// @ts-check

/**
 * @typedef {import('../../patients.js').Patient & { readonly reduceOnPlateau?: boolean }} Spec a patient, and whether its rate falls on a plateau
 * @typedef {import('evenkeel').Random} Random
 */

const weights = ['heUniform', 'lecunUniform', 'glorotNormal', 'glorotUniform', 'heNormal', 'lecunNormal'];
const optimizerDefaults = [
  { name: 'sgd', learningRate: 0.01 },
  { name: 'adam', learningRate: 0.001 },
  { name: 'nadam', learningRate: 0.001 },
  { name: 'adamax', learningRate: 0.001 },
  { name: 'rmsprop', learningRate: 0.001 },
];
const leaky = [{ name: 'leakyRelu', slope: 0.3 }, { name: 'elu' }, { name: 'thresholdedRelu' }];

/** @template T @param {Random} random @param {readonly T[]} list */
const one = (random, list) => /** @type {T} */ (list[random.integer(list.length)]);

/**
 * Its solutions; each makes the `attempt`-th variant (from 0) of a network, or nothing where the network has it already.
 * @type {Readonly<Record<string, (spec: Spec, attempt: number, random: Random, symptom: import('./symptoms.js').Symptom) => Spec | undefined>>}
 */
export const solutions = {
  selu: (spec) => ({
    ...spec,
    activation: { name: 'selu' },
    kernelInitializer: { name: 'lecunUniform' },
    biasInitializer: { name: 'lecunUniform' },
  }),
  relu: (spec) => ({ ...spec, activation: { name: 'relu' }, kernelInitializer: { name: 'heUniform' }, biasInitializer: { name: 'zeros' } }),
  tanh: (spec) => ({ ...spec, activation: { name: 'tanh' }, kernelInitializer: { name: 'heUniform' }, biasInitializer: { name: 'zeros' } }),
  bn: (spec) => ({ ...spec, normalization: spec.normalization === 'none' ? 'batchBehind' : spec.normalization }),
  gradient: ({ optimizer, ...spec }, _, random) => {
    if (['clipValue', 'clipNorm', 'globalClipNorm'].some((key) => optimizer[key] !== undefined)) return undefined;
    return { ...spec, optimizer: { ...optimizer, clipValue: Number(random.uniform(9, 10).toFixed(2)) } };
  },
  initial: (spec, _, random) => ({ ...spec, biasInitializer: { name: one(random, weights) }, kernelInitializer: { name: one(random, weights) } }),
  leaky: (spec, attempt) => ({ ...spec, activation: leaky[attempt] ?? { name: 'elu' } }),
  adam: (spec) => (spec.optimizer.name === 'adam' ? undefined : { ...spec, optimizer: { name: 'adam', learningRate: 0.001 } }),
  lr: ({ optimizer, ...spec }, attempt, _, symptom) => ({
    ...spec,
    optimizer: { ...optimizer, learningRate: optimizer.learningRate * 10 ** (symptom === 'unstable' ? -attempt - 1 : attempt + 1) },
  }),
  reduceLr: (spec) => (spec.reduceOnPlateau ? undefined : { ...spec, reduceOnPlateau: true }),
  batch: (spec, attempt) => ({ ...spec, batchSize: spec.batchSize * 2 ** (attempt + 1) }),
  momentum: (spec, _, random) => ({
    ...spec,
    optimizer: { name: 'sgd', learningRate: 0.01, momentum: Number(random.uniform(0.01, 0.9).toFixed(2)) },
  }),
  noise: (spec) => (spec.noise > 0 ? undefined : { ...spec, noise: 0.1 }),
  optimizer: (spec, _, random) => ({
    ...spec,
    optimizer: one(
      random,
      optimizerDefaults.filter(({ name }) => name !== spec.optimizer.name),
    ),
  }),
};

/**
 * Solutions by symptom, in the order in which they are tried, each with the number of its attempts: the strategy `balance`, the default.
 * @type {Readonly<Record<import('./symptoms.js').Symptom, readonly (readonly [solution: string, attempts: number])[]>>}
 */
export const strategy = {
  vanish: [
    ['selu', 1],
    ['relu', 1],
    ['bn', 1],
  ],
  explode: [
    ['selu', 1],
    ['relu', 1],
    ['gradient', 2],
    ['tanh', 1],
    ['bn', 1],
  ],
  relu: [
    ['selu', 1],
    ['bn', 1],
    ['initial', 3],
    ['leaky', 3],
  ],
  unstable: [
    ['adam', 1],
    ['lr', 3],
    ['reduceLr', 1],
    ['batch', 3],
    ['momentum', 3],
    ['noise', 1],
  ],
  not_converge: [
    ['optimizer', 3],
    ['lr', 3],
  ],
};
