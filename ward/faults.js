// @ts-check
import { feedForward } from './bodies.js';
import { pick, spread } from './draw.js';

/**
 * @typedef {import('./patients.js').Patient} Patient
 * @typedef {import('evenkeel').Random} Random
 */

/**
 * One kind of fault. `inject` gives what it changes in a patient that was drawn well; whether that makes it sick, training alone tells.
 * @typedef {object} Fault
 * @property {string} title
 * @property {number} share per cent of the dense networks that get a fault; the others draw among what is injected into them, by the same weights
 * @property {readonly string[]} rules ids of the rules that name it rightly
 * @property {boolean} [closedOnly] never in the open half
 * @property {readonly import('./bodies.js').BodyName[]} [bodies] it is injected into these only
 * @property {readonly string[]} [activations] it is injected with one of these only
 * @property {readonly number[]} [depths] likewise
 * @property {(patient: Patient) => boolean} [fits]
 * @property {(random: Random, patient: Patient) => Partial<Patient>} inject
 */

const saturating = ['tanh', 'sigmoid'];
const rectifying = ['relu'];
const plain = { skip: false, normalization: /** @type {const} */ ('none') };

/** Variance of a kernel's entries times its fan in, by which signals keep about their size: 1 where the slope at 0 is 1, 16 where it is 1/4, 2 where half is cut. */
const keeps = (/** @type {string} */ activation) => {
  if (activation === 'sigmoid') return 16;
  return ['relu', 'leakyRelu', 'gelu', 'silu', 'elu'].includes(activation) ? 2 : 1;
};

/** Kernels `factor` times as large as those that keep signals at their size. @param {Patient} patient @param {number} factor */
const scaledKernels = ({ activation }, factor) => ({
  name: 'varianceScaling',
  scale: Number((factor ** 2 * keeps(activation.name)).toPrecision(3)),
  mode: 'fanIn',
  distribution: 'truncatedNormal',
});

/** The faults by name; shares of those that dense networks get add up to 100. @type {Readonly<Record<string, Fault>>} */
export const faults = {
  'small-weights': {
    title: 'kernels 3 to 10 times too small, nothing normalizes',
    share: 9,
    bodies: feedForward,
    rules: ['vanishing-gradient', 'signal-dying', 'initializer-mismatch', 'selu-initializer'],
    inject: (random, patient) => ({ ...plain, kernelInitializer: scaledKernels(patient, 1 / spread(random, 3, 10)) }),
  },
  'large-weights': {
    title: 'kernels 3 to 10 times too large, nothing normalizes',
    share: 9,
    bodies: feedForward,
    rules: ['exploding-gradient', 'signal-exploding', 'saturation', 'initial-loss', 'initializer-mismatch', 'selu-initializer'],
    inject: (random, patient) => ({ ...plain, kernelInitializer: scaledKernels(patient, spread(random, 3, 10)) }),
  },
  'equal-weights': {
    title: 'every kernel starts from one constant',
    share: 6,
    bodies: feedForward,
    rules: ['constant-weights'],
    inject: (random) => ({
      kernelInitializer: pick(random, [
        [{ name: 'zeros' }, 2],
        [{ name: 'constant', value: 0.05 }, 1],
      ]),
    }),
  },
  'standard-normal-logistic': {
    title: 'logistic units with N(0, 1) weights, the fashion before 2010',
    share: 8,
    bodies: ['dense'],
    activations: ['sigmoid'],
    rules: ['saturation', 'vanishing-gradient', 'initializer-mismatch'],
    inject: () => ({ ...plain, kernelInitializer: { name: 'normal', stddev: 1 } }),
  },
  'high-rate': {
    title: 'a learning rate 30 to 300 times what was drawn',
    share: 12,
    rules: ['step-too-large', 'loss-oscillates', 'not-finite', 'died-in-training'],
    inject: (random, { optimizer }) => ({ optimizer: { ...optimizer, learningRate: optimizer.learningRate * spread(random, 30, 300) } }),
  },
  'low-rate': {
    title: 'a learning rate 100 to 10,000 times smaller than what was drawn',
    share: 10,
    rules: ['step-too-small', 'slow-learning'],
    inject: (random, { optimizer }) => ({ optimizer: { ...optimizer, learningRate: optimizer.learningRate / spread(random, 100, 10_000) } }),
  },
  'raw-inputs': {
    title: 'features as they come: grey levels to 255, dollars, counts',
    share: 10,
    rules: ['raw-features'],
    inject: () => ({ scaling: 'raw' }),
  },
  'dead-units': {
    title: 'ReLU biases of −3 to −10',
    share: 7,
    bodies: feedForward,
    activations: rectifying,
    rules: ['born-dead'],
    inject: (random) => ({ ...plain, biasInitializer: { name: 'constant', value: -spread(random, 3, 10) } }),
  },
  'flat-units': {
    title: 'biases of 4 to 10 in saturating layers',
    share: 4,
    bodies: ['dense'],
    activations: saturating,
    rules: ['saturation', 'coma'],
    inject: (random) => ({ ...plain, biasInitializer: { name: 'constant', value: spread(random, 4, 10) } }),
  },
  'loss-pair': {
    title: 'a last activation that does not go with the loss',
    share: 8,
    rules: ['loss-mismatch'],
    fits: ({ task }) => task === 'classes',
    inject: (random, { head }) => ({
      head: pick(random, [
        [{ ...head, activation: 'linear' }, 2],
        [{ ...head, activation: 'sigmoid' }, 1],
        [{ ...head, activation: 'softmax', loss: { ...head.loss, fromLogits: true } }, 2],
        [{ ...head, activation: 'relu' }, 1],
      ]),
    }),
  },
  'tight-clip': {
    title: 'gradients clipped to a norm of 0.00003 to 0.001 under SGD',
    share: 7,
    closedOnly: true,
    rules: ['clipping-always'],
    inject: (random) => ({ optimizer: { name: 'sgd', learningRate: 0.05, globalClipNorm: spread(random, 3e-5, 1e-3) } }),
  },
  'too-deep': {
    title: '20 or 30 plain layers from Glorot weights, SGD',
    share: 7,
    bodies: ['dense'],
    depths: [20, 30],
    rules: ['vanishing-gradient', 'signal-dying', 'exploding-gradient', 'initializer-mismatch', 'selu-layers'],
    inject: () => ({ ...plain, kernelInitializer: { name: 'glorotUniform' }, optimizer: { name: 'sgd', learningRate: 0.02, momentum: 0.9 } }),
  },
  'strong-dropout': {
    title: 'dropout of 0.7 to 0.9 behind every hidden layer',
    share: 3,
    bodies: feedForward,
    rules: ['strong-dropout', 'selu-dropout'],
    inject: (random) => ({ dropout: Number(random.uniform(0.7, 0.9).toFixed(2)) }),
  },
  forgetful: {
    title: 'orthogonal recurrent weights times 0.05 to 0.4',
    share: 20,
    bodies: ['simpleRnn'],
    rules: ['vanishing-along-time'],
    inject: (random) => ({ recurrentInitializer: { name: 'orthogonal', gain: spread(random, 0.05, 0.4) } }),
  },
  runaway: {
    title: 'orthogonal recurrent weights times 2 to 6, gradients not clipped',
    share: 20,
    bodies: ['simpleRnn'],
    rules: ['exploding-along-time', 'saturation', 'signal-exploding', 'exploding-gradient', 'not-finite'],
    inject: (random, { optimizer: { globalClipNorm: _, ...optimizer } }) => ({
      recurrentInitializer: { name: 'orthogonal', gain: spread(random, 2, 6) },
      optimizer,
    }),
  },
};

/**
 * Networks that look odd and are expected to be healthy; whether they are, training tells as for all others. Shares of those that dense networks get add up to 100.
 * @type {Readonly<Record<string, Pick<Fault, 'title' | 'share' | 'bodies' | 'activations' | 'depths' | 'inject'>>>}
 */
export const oddities = {
  'small-gradients': {
    title: 'gradients that shrink with depth under an optimizer that scales them',
    share: 20,
    bodies: ['dense'],
    activations: ['tanh'],
    depths: [5, 8, 12],
    inject: (random, patient) => ({
      ...plain,
      kernelInitializer: scaledKernels(patient, random.uniform(0.75, 0.9)),
      optimizer: { name: 'adam', learningRate: 0.001 },
    }),
  },
  'sparse-units': {
    title: 'ReLU layers most of whose units are silent for a row, few for all rows',
    share: 15,
    bodies: feedForward,
    activations: rectifying,
    depths: [2, 3],
    inject: (random) => ({
      ...plain,
      biasInitializer: { name: 'constant', value: -spread(random, 0.2, 0.6) },
      optimizer: { name: 'adam', learningRate: 0.002 },
    }),
  },
  'high-rate-that-works': {
    title: 'plain SGD at 0.2 to 0.5 on a shallow network',
    share: 15,
    bodies: ['dense'],
    activations: ['relu', 'elu', 'tanh'],
    depths: [2, 3],
    inject: (random) => ({ ...plain, optimizer: { name: 'sgd', learningRate: spread(random, 0.2, 0.5) } }),
  },
  'deep-residual': {
    title: '20 or 30 layers with batch normalization and skip connections',
    share: 15,
    bodies: ['dense'],
    activations: ['relu'],
    depths: [20, 30],
    inject: () => ({ skip: true, normalization: 'batch', optimizer: { name: 'adam', learningRate: 0.001 } }),
  },
  'any-scale': {
    title: 'N(0, 1) kernels behind which batch normalization stands',
    share: 15,
    bodies: feedForward,
    depths: [2, 3, 5],
    inject: () => ({
      normalization: 'batch',
      skip: false,
      kernelInitializer: { name: 'normal', stddev: 1 },
      optimizer: { name: 'adam', learningRate: 0.001 },
    }),
  },
  'small-weights-borne': {
    title: 'kernels at half their size under Adam, few layers',
    share: 10,
    bodies: feedForward,
    depths: [2, 3],
    inject: (_, patient) => ({ ...plain, kernelInitializer: scaledKernels(patient, 0.5), optimizer: { name: 'adam', learningRate: 0.002 } }),
  },
  'clipped-and-scaled': {
    title: 'gradients clipped at nearly every step, which Adam scales back',
    share: 10,
    depths: [2, 3, 5],
    inject: (random) => ({ optimizer: { name: 'adam', learningRate: 0.001, globalClipNorm: spread(random, 0.1, 0.5) } }),
  },
  'short-memory': {
    title: 'recurrent weights at 0.7 to 0.9 of what keeps a state',
    share: 10,
    bodies: ['simpleRnn'],
    inject: (random) => ({ recurrentInitializer: { name: 'orthogonal', gain: Number(random.uniform(0.7, 0.9).toFixed(2)) } }),
  },
};
