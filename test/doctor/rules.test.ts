import {
  doctor,
  type Finding,
  initializers,
  type Layer,
  layers,
  losses,
  model,
  NdArray,
  ops,
  optimizers,
  regularizers,
  synthetic,
  type Tensor,
  type Trace,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { takeRows } from '#src/data/dataset.js';
import { ruleIds } from '#src/doctor/diagnose.js';
import { rules } from '#src/doctor/rules/index.js';
import { by, examine, type Patient, row, train } from './patients.js';
import { glyphSet, numberSet } from './sets.js';

type Case = readonly [title: string, patient: Patient, how?: 'train'];

/** Networks in which a rule must find something, and networks close to them in which it must not. */
interface Cases {
  readonly fires: readonly Case[];
  readonly silent: readonly Case[];
}

const normal = (stddev: number) => initializers.normal({ stddev });
const glorot = (activation: string, depth: number, width = 64): Patient => ({ hidden: () => row(depth, width, { activation }) });
const he = (activation: string, depth: number, width = 64): Patient => ({
  hidden: () => row(depth, width, { activation, kernelInitializer: 'heNormal' }),
});
const selu = (depth: number, width = 64): Patient => ({ hidden: () => row(depth, width, { activation: 'selu', kernelInitializer: 'lecunNormal' }) });
const drawn = (activation: string, stddev: number, depth: number, width = 64): Patient => ({
  hidden: () => row(depth, width, { activation, kernelInitializer: normal(stddev) }),
});
const rate = (patient: Patient, learningRate: number): Patient => ({
  ...patient,
  compile: { ...patient.compile, optimizer: optimizers.sgd({ learningRate }) },
});
const penalized = (options: Parameters<typeof layers.dense>[1], depth = 3): Patient => ({
  hidden: () => row(depth, 64, { activation: 'relu', kernelInitializer: 'heNormal', ...options }),
});
const frozen = (options: Parameters<typeof layers.dense>[1]): Patient => ({
  hidden: () => {
    const layer = layers.dense(64, { activation: 'relu', ...options });
    layer.trainable = false;
    return [layer];
  },
});
/** Judged by the accuracy on rows that it is not trained on. */
const judged = (patient: Patient): Patient => ({
  ...patient,
  compile: { ...patient.compile, metrics: ['accuracy'] },
  fit: { ...patient.fit, validationSplit: 0.1 },
});
/** Ten classes as rows. */
const oneHot: Partial<Patient> = {
  data: {
    ...glyphSet,
    y: new NdArray(
      Float32Array.from({ length: glyphSet.y.size * 10 }, (_, i) => Number(glyphSet.y.at(Math.floor(i / 10)) === i % 10)),
      [glyphSet.y.size, 10],
    ),
  },
  compile: { loss: 'categoricalCrossentropy' },
};
/** Zeros, and one row of ones among so many of them. */
const uneven = (factor: number) => {
  const places = Array.from({ length: glyphSet.y.size }, (_, i) => i);
  const zeros = places.filter((i) => glyphSet.y.at(i) === 0);
  const ones = places.filter((i) => glyphSet.y.at(i) === 1).filter((_, i) => i % factor === 0);
  const rows = Uint32Array.from([...zeros, ...ones].sort((a, b) => a - b));
  return { ...glyphSet, x: takeRows(glyphSet.x, rows), y: takeRows(glyphSet.y, rows) };
};
/** Labels that say nothing, so that nothing but the rows themselves can be learned. */
const memorizing = (rows: number): Patient => {
  const y = Int32Array.from({ length: 2 * rows }, (_, i) => (i * 7919) % 10);
  return {
    hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }),
    compile: { optimizer: 'adam' },
    data: { ...glyphSet, x: glyphSet.x.slice(0, 2 * rows), y: new NdArray(y, [2 * rows]) },
    fit: { epochs: 30, validationSplit: 0.5 },
  };
};
/** A regression on targets of a deviation and a mean. */
const numbers = (
  { deviation, mean }: { readonly deviation?: number; readonly mean?: number },
  compile: Patient['compile'] = {},
  activation = 'linear',
): Patient => ({
  hidden: () => row(2, 32, { activation: 'relu', kernelInitializer: 'heNormal' }),
  head: () => [layers.dense(1, { activation })],
  data: numberSet(deviation, mean),
  compile: { loss: 'mse', ...compile },
});
const raw = (patient: Patient): Patient => ({ ...patient, standardized: false });
const then = (...hidden: (() => Layer)[]): Patient => ({ hidden: () => hidden.map((make) => make()) });
const dense =
  (options: Parameters<typeof layers.dense>[1] = {}) =>
  () =>
    layers.dense(64, options);
const tenths = {
  ...glyphSet,
  x: new NdArray(
    Float32Array.from({ length: 6400 * 784 }, (_, i) => glyphSet.x.at(i) / 255),
    [6400, 784],
  ),
};
const fixedFeatures = (share: number) => {
  const x = NdArray.zeros([640, 40], 'float32');
  for (let i = 0; i < x.size; i++) x.set(i, i % 40 < share * 40 ? 1 : Math.sin(i));
  return { x, y: glyphSet.y.slice(0, 640) };
};
const dropping = (depth: number, rate: number): Patient => ({
  hidden: () =>
    Array.from({ length: depth }, () => [layers.dense(32, { activation: 'relu', kernelInitializer: 'heNormal' }), layers.dropout(rate)]).flat(),
});
/** Targets that have nothing to do with their rows. */
const shuffledLabels = { x: glyphSet.x.slice(0, 3200), y: glyphSet.y.slice(3200, 6400) };
const smallSteps = (compile: Patient['compile']): Patient => ({ ...he('relu', 3), ...(compile ? { compile } : {}) });
const fromLogits = { loss: { name: 'x' } };
void fromLogits;

/** Two convolutions, each with its maxima pooled. */
const leNet = (): Patient => ({
  hidden: () => [
    layers.reshape([28, 28, 1]),
    ...[8, 16].flatMap((filters) => [layers.conv2d(filters, 5, { activation: 'relu', kernelInitializer: 'heNormal' }), layers.maxPooling2d()]),
    layers.flatten(),
    layers.dense(64, { activation: 'relu', kernelInitializer: 'heNormal' }),
  ],
});

/** A recurrent layer on the adding problem. */
const adding = (steps: number, make: () => Layer, compile: Patient['compile'] = {}): Patient => {
  const { x, y } = synthetic.addingProblem({ rows: 512, steps, seed: 1 });
  return {
    hidden: () => [layers.reshape([steps, 2]), make()],
    head: () => [layers.dense(1)],
    standardized: false,
    data: { x, y },
    compile: { loss: 'mse', ...compile },
  };
};
/** Pictures read row by row. */
const byRows = (make: () => Layer): Patient => ({ hidden: () => [layers.reshape([28, 28]), make()] });
const rnn =
  (options: Parameters<typeof layers.simpleRnn>[1] = {}, units = 64) =>
  () =>
    layers.simpleRnn(units, options);
const identity = { activation: 'relu', recurrentInitializer: 'identity' } as const;
const wide = { activation: 'relu', recurrentInitializer: initializers.orthogonal({ gain: 1.5 }) } as const;

const cases: Readonly<Record<string, Cases>> = {
  'vanishing-along-time': {
    fires: [
      ['200 steps of the adding problem, as drawn by default', adding(200, rnn())],
      ['the same, after some training', adding(200, rnn(), { optimizer: optimizers.adam({ globalClipNorm: 1 }) }), 'train'],
      ['100 steps, small recurrent weights', adding(100, rnn({ recurrentInitializer: normal(0.05) }))],
      ['logistic units over the 28 rows of a picture', byRows(rnn({ activation: 'sigmoid' }))],
    ],
    silent: [
      ['200 steps with rectifiers that keep their state', adding(200, rnn(identity))],
      ['an LSTM, whose gates can open', adding(200, () => layers.lstm(64))],
      ['a GRU', adding(100, () => layers.gru(64))],
      ['8 steps', adding(8, rnn())],
      ['a loss at every step', { ...adding(60, rnn({ returnSequences: true })), head: () => [layers.flatten(), layers.dense(1)] }],
    ],
  },
  'exploding-along-time': {
    fires: [
      ['rectifiers whose recurrent weights stretch by half, 100 steps', adding(100, rnn(wide))],
      ['N(0, 1) recurrent weights', adding(30, rnn({ activation: 'relu', recurrentInitializer: normal(1) }))],
      ['the rows of a picture, stretched', byRows(rnn({ activation: 'linear', recurrentInitializer: initializers.orthogonal({ gain: 1.5 }) }))],
    ],
    silent: [
      ['rectifiers that keep their state', adding(200, rnn(identity))],
      ['tanh, as drawn by default', adding(50, rnn())],
      ['stretched rectifiers over few steps', adding(6, rnn(wide))],
      ['an LSTM', adding(100, () => layers.lstm(64))],
    ],
  },
  'vanishing-gradient': {
    fires: [
      ['20 logistic layers', glorot('sigmoid', 20)],
      ['30 ReLU layers with Glorot weights', glorot('relu', 30)],
      ['logistic layers with N(0, 1) weights, width 32', drawn('sigmoid', 1, 20, 32)],
      ['5 logistic layers, trained', glorot('sigmoid', 5), 'train'],
    ],
    silent: [
      ['30 ReLU layers with He weights', he('relu', 30)],
      ['20 SELU layers', selu(20)],
      ['20 tanh layers', glorot('tanh', 20)],
      ['10 ReLU layers with He weights, trained', he('relu', 10), 'train'],
      ['convolutions whose maxima are pooled', leNet()],
    ],
  },
  'exploding-gradient': {
    fires: [
      ['10 ReLU layers with N(0, 1) weights', drawn('relu', 1, 10)],
      ['30 ReLU layers with N(0, 0.25²) weights', drawn('relu', 0.25, 30)],
      ['20 linear layers with N(0, 0.5²) weights', drawn('linear', 0.5, 20)],
    ],
    silent: [
      ['10 ReLU layers with He weights', he('relu', 10)],
      ['40 SELU layers', selu(40)],
      ['20 tanh layers with He weights', he('tanh', 20)],
    ],
  },
  'signal-dying': {
    fires: [
      ['30 ReLU layers with Glorot weights', glorot('relu', 30)],
      ['5 logistic layers, whose rows look alike', glorot('sigmoid', 5)],
      ['10 ReLU layers with N(0, 0.05²) weights', drawn('relu', 0.05, 10)],
    ],
    silent: [
      ['30 ReLU layers with He weights', he('relu', 30)],
      ['20 SELU layers', selu(20)],
      ['10 tanh layers', glorot('tanh', 10)],
    ],
  },
  'signal-exploding': {
    fires: [
      ['10 ReLU layers with N(0, 1) weights', drawn('relu', 1, 10)],
      ['15 leaky layers with N(0, 0.5²) weights', drawn('leakyRelu', 0.5, 15)],
      ['20 linear layers with N(0, 0.5²) weights', drawn('linear', 0.5, 20)],
    ],
    silent: [
      ['10 ReLU layers with He weights', he('relu', 10)],
      ['20 ELU layers with He weights', he('elu', 20)],
      ['tanh layers with N(0, 1) weights, which saturate instead', drawn('tanh', 1, 10)],
    ],
  },
  saturation: {
    fires: [
      ['logistic layers with N(0, 1) weights, width 100', drawn('sigmoid', 1, 8, 100)],
      ['logistic layers with N(0, 1) weights, width 300', drawn('sigmoid', 1, 4, 300)],
      ['tanh layers with N(0, 1) weights', drawn('tanh', 1, 8)],
    ],
    silent: [
      ['tanh layers with Glorot weights', glorot('tanh', 10)],
      ['logistic layers with Glorot weights', glorot('sigmoid', 10)],
      ['SELU layers', selu(10)],
    ],
  },
  'born-dead': {
    fires: [
      [
        'ReLU layers with biases of −5',
        { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal', biasInitializer: initializers.constant({ value: -5 }) }) },
      ],
      [
        'a ReLU layer with biases of −3 for half of its units',
        {
          hidden: () => [
            layers.dense(64, { activation: 'relu', biasInitializer: () => Float64Array.from({ length: 64 }, (_, i) => (i % 2 ? -20 : 0)) }),
          ],
        },
      ],
      [
        'hard tanh layers with large biases',
        { hidden: () => row(2, 64, { activation: 'hardTanh', biasInitializer: initializers.constant({ value: 20 }) }) },
      ],
    ],
    silent: [
      ['ReLU layers with zero biases', he('relu', 4)],
      [
        'ReLU layers with biases of −0.1',
        { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal', biasInitializer: initializers.constant({ value: -0.1 }) }) },
      ],
      [
        'leaky layers with biases of −5, in coma',
        {
          hidden: () => row(2, 64, { activation: 'leakyRelu', kernelInitializer: 'heNormal', biasInitializer: initializers.constant({ value: -5 }) }),
        },
      ],
    ],
  },
  'died-in-training': {
    fires: [
      ['ReLU at a learning rate of 0.5', rate(he('relu', 3), 0.5), 'train'],
      ['ReLU with Adam at 0.03', { ...he('relu', 3), compile: { optimizer: optimizers.adam({ learningRate: 0.03 }) } }, 'train'],
      ['ReLU with Adam at 0.3', { ...he('relu', 3), compile: { optimizer: optimizers.adam({ learningRate: 0.3 }) } }, 'train'],
    ],
    silent: [
      ['ReLU at 0.01', he('relu', 3), 'train'],
      ['ReLU with Adam', { ...he('relu', 3), compile: { optimizer: 'adam' } }, 'train'],
      ['SELU at 0.01', selu(3), 'train'],
    ],
  },
  coma: {
    fires: [
      [
        'leaky layers with biases of −6',
        {
          hidden: () => row(2, 64, { activation: 'leakyRelu', kernelInitializer: 'heNormal', biasInitializer: initializers.constant({ value: -9 }) }),
        },
      ],
      ['ELU layers with biases of −20', { hidden: () => row(1, 64, { activation: 'elu', biasInitializer: initializers.constant({ value: -20 }) }) }],
      ['tanh layers with biases of 20', { hidden: () => row(1, 64, { activation: 'tanh', biasInitializer: initializers.constant({ value: 20 }) }) }],
    ],
    silent: [
      ['leaky layers with zero biases', he('leakyRelu', 4)],
      ['ELU layers', he('elu', 4)],
      [
        'ReLU layers with biases of −9, dead instead',
        { hidden: () => row(1, 64, { activation: 'relu', biasInitializer: initializers.constant({ value: -20 }) }) },
      ],
    ],
  },
  'initializer-mismatch': {
    fires: [
      ['30 ReLU layers with Glorot weights', glorot('relu', 30)],
      ['50 tanh layers with He weights', he('tanh', 50)],
      ['20 logistic layers with N(0, 1) weights', drawn('sigmoid', 1, 20, 32)],
    ],
    silent: [
      ['3 ReLU layers with Glorot weights, too few to matter', glorot('relu', 3)],
      ['10 tanh layers with He weights, too few to matter', he('tanh', 10)],
      ['30 ReLU layers with He weights', he('relu', 30)],
    ],
  },
  'constant-weights': {
    fires: [
      ['zeros', { hidden: () => row(2, 32, { activation: 'tanh', kernelInitializer: 'zeros' }) }],
      ['ones', { hidden: () => row(2, 32, { activation: 'relu', kernelInitializer: 'ones' }) }],
      ['N(0, 0)', { hidden: () => row(2, 32, { activation: 'relu', kernelInitializer: normal(0) }) }],
    ],
    silent: [
      ['a last layer from zeros', { ...he('relu', 2), head: () => [layers.dense(10, { activation: 'softmax', kernelInitializer: 'zeros' })] }],
      ['identity', { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'identity' }) }],
      ['Glorot', glorot('tanh', 2)],
    ],
  },
  'step-too-large': {
    fires: [
      ['a learning rate of 3', rate(glorot('tanh', 3), 3), 'train'],
      ['a learning rate of 10 in SELU layers', rate(selu(2), 10), 'train'],
      ['a learning rate of 10', rate(he('tanh', 3), 10), 'train'],
      ['a first step that raises the loss of its own rows', rate(he('relu', 3), 0.6)],
    ],
    silent: [
      ['a first step that lowers it', rate(he('relu', 3), 0.1)],
      ['0.01', glorot('tanh', 3), 'train'],
      ['Adam at 0.001', { ...he('relu', 3), compile: { optimizer: 'adam' } }, 'train'],
      ['0.05 in SELU layers', rate(selu(3), 0.05), 'train'],
    ],
  },
  'unstable-rate': {
    fires: [
      ['twice what the curvature bears', rate(he('relu', 3), 0.1)],
      ['many times as much', rate(he('relu', 3), 1)],
      ['the rate of a plain network in SELU layers', rate(selu(3), 0.1)],
      ['momentum on top of much', by(he('relu', 3), optimizers.sgd({ learningRate: 0.3, momentum: 0.9 }))],
    ],
    silent: [
      ['a tenth of it', rate(he('relu', 3), 0.005)],
      ['the same rate where the loss bends less', rate(glorot('tanh', 3), 0.1)],
      ['Adam, which divides by the size of gradients', by(he('relu', 3), optimizers.adam({ learningRate: 1 }))],
      ['clipped gradients', by(he('relu', 3), optimizers.sgd({ learningRate: 1, globalClipNorm: 1 }))],
      ['a training, whose first step shows by itself how it was borne', rate(he('relu', 3), 0.1), 'train'],
    ],
  },
  'step-too-small': {
    fires: [
      ['a learning rate of 1e-7', rate(he('relu', 3), 1e-7), 'train'],
      ['Adam at 1e-8', { ...he('relu', 3), compile: { optimizer: optimizers.adam({ learningRate: 1e-8 }) } }, 'train'],
      ['gradients clipped to 1e-6', smallSteps({ optimizer: optimizers.sgd({ globalClipNorm: 1e-6 }) }), 'train'],
    ],
    silent: [
      ['0.01', he('relu', 3), 'train'],
      ['Adam at 1e-4', { ...he('relu', 3), compile: { optimizer: optimizers.adam({ learningRate: 1e-4 }) } }, 'train'],
      ['0.001', rate(he('relu', 3), 1e-3), 'train'],
    ],
  },
  'loss-stalls': {
    fires: [
      ['20 logistic layers', { ...glorot('sigmoid', 20, 32), fit: { epochs: 2 } }, 'train'],
      ['ReLU layers with N(0, 0.01²) weights', { ...drawn('relu', 0.01, 10), fit: { epochs: 2 } }, 'train'],
      ['a learning rate of 1e-7', rate(he('relu', 2), 1e-8), 'train'],
    ],
    silent: [
      ['SELU layers', selu(4), 'train'],
      ['ReLU layers', he('relu', 4), 'train'],
      ['tanh layers', glorot('tanh', 4), 'train'],
    ],
  },
  'slow-learning': {
    fires: [
      ['4 ReLU layers at 0.001', { ...rate(he('relu', 4, 32), 1e-3), fit: { epochs: 5 } }, 'train'],
      ['3 tanh layers at 0.0005', { ...rate(glorot('tanh', 3, 32), 5e-4), fit: { epochs: 5 } }, 'train'],
      ['3 logistic layers at 0.03', { ...rate(glorot('sigmoid', 2, 32), 0.03), fit: { epochs: 6 } }, 'train'],
    ],
    silent: [
      ['3 tanh layers at 0.05', { ...rate(glorot('tanh', 3, 32), 0.05), fit: { epochs: 5 } }, 'train'],
      ['SELU layers', { ...rate(selu(4, 32), 0.02), fit: { epochs: 5 } }, 'train'],
      ['random labels, which no network learns', { ...rate(he('relu', 2, 32), 0.01), data: shuffledLabels, fit: { epochs: 5 } }, 'train'],
    ],
  },
  'below-neighbours': {
    fires: [
      ['a rate of 0.0003', judged(rate(he('relu', 2, 32), 3e-4)), 'train'],
      ['deep logistic layers', judged(glorot('sigmoid', 6, 32)), 'train'],
      ['a single unit to pass through', judged(then(dense({ activation: 'relu' }), () => layers.dense(1, { activation: 'tanh' }))), 'train'],
    ],
    silent: [
      ['2 ReLU layers with Adam', judged({ ...he('relu', 2, 64), compile: { optimizer: 'adam' }, fit: { epochs: 5 } }), 'train'],
      ['random labels, which neighbours do not know', judged({ ...he('relu', 2, 32), data: shuffledLabels }), 'train'],
      ['a network of which nothing but the loss is known', { ...rate(he('relu', 2, 32), 3e-4), fit: { validationSplit: 0.1 } }, 'train'],
    ],
  },
  'strong-penalty': {
    fires: [
      ['l2 of 0.1', penalized({ kernelRegularizer: regularizers.l2({ l2: 0.1 }) })],
      ['l1 of 0.03', penalized({ kernelRegularizer: regularizers.l1({ l1: 0.03 }) })],
      ['l2 of 0.03, trained', { ...penalized({ kernelRegularizer: regularizers.l2({ l2: 0.03 }) }, 5), fit: { epochs: 2 } }, 'train'],
      ['activities', then(dense({ activation: 'relu' }), () => layers.activityRegularization({ l2: 1 }))],
      [
        'numbers of which nothing is known but the loss',
        { ...penalized({ kernelRegularizer: 'l2' }, 5), head: () => [layers.dense(1, { activation: 'softplus' })], compile: { loss: 'poisson' } },
      ],
    ],
    silent: [
      ['l2 of 0.001', penalized({ kernelRegularizer: regularizers.l2({ l2: 0.001 }) })],
      ['l2 of 0.01 in 2 layers, trained', penalized({ kernelRegularizer: 'l2' }, 2), 'train'],
      ['a frozen layer', frozen({ kernelRegularizer: regularizers.l2({ l2: 1 }) })],
      ['no penalty', penalized({})],
    ],
  },
  'strong-dropout': {
    fires: [
      ['3 of 0.8', dropping(3, 0.8)],
      ['6 of 0.5', dropping(6, 0.5)],
      ['2 of 0.9, trained', dropping(2, 0.9), 'train'],
    ],
    silent: [
      ['2 of 0.5', dropping(2, 0.5)],
      ['6 of 0.2', dropping(6, 0.2)],
      ['1 of 0.8', dropping(1, 0.8), 'train'],
    ],
  },
  'loss-oscillates': {
    fires: [
      [
        'Adam at 0.6',
        { ...he('tanh', 3, 32), compile: { optimizer: optimizers.adam({ learningRate: 0.6 }) }, fit: { epochs: 6, batchSize: 16 } },
        'train',
      ],
      [
        'Adam at 0.1 in leaky layers',
        { ...he('leakyRelu', 3, 32), compile: { optimizer: optimizers.adam({ learningRate: 0.1 }) }, fit: { epochs: 6, batchSize: 16 } },
        'train',
      ],
      [
        'momentum of 0.99 at 0.3',
        { ...glorot('tanh', 2, 32), compile: { optimizer: optimizers.sgd({ learningRate: 0.3, momentum: 0.99 }) }, fit: { epochs: 6 } },
        'train',
      ],
    ],
    silent: [
      ['0.01', { ...he('relu', 2, 32), fit: { epochs: 6 } }, 'train'],
      ['Adam', { ...glorot('tanh', 2, 32), compile: { optimizer: 'adam' }, fit: { epochs: 6 } }, 'train'],
      ['SELU at 0.03', { ...rate(selu(2, 32), 0.03), fit: { epochs: 6 } }, 'train'],
    ],
  },
  'initial-loss': {
    fires: [
      ['raw bytes', raw(he('relu', 2))],
      ['N(0, 1) weights', drawn('relu', 1, 3)],
      [
        'a last layer with N(0, 3²) weights',
        { ...he('relu', 2), head: () => [layers.dense(10, { activation: 'softmax', kernelInitializer: normal(3) })] },
      ],
    ],
    silent: [
      ['He weights', he('relu', 4)],
      ['SELU layers', selu(8)],
      ['tanh layers', glorot('tanh', 8)],
    ],
  },
  'uneven-speeds': {
    fires: [
      ['10 logistic layers', glorot('sigmoid', 10)],
      [
        '8 ReLU layers with N(0, 0.02²) weights and a large last layer',
        {
          hidden: () => [
            layers.dense(64, { activation: 'relu', kernelInitializer: normal(8) }),
            ...row(1, 64, { activation: 'relu', kernelInitializer: normal(0.005) }),
          ],
        },
      ],
      ['logistic layers with N(0, 1) weights', drawn('sigmoid', 1, 20, 32)],
    ],
    silent: [
      ['SELU layers', selu(10)],
      ['ReLU layers with He weights', he('relu', 10)],
      ['tanh layers, trained', glorot('tanh', 5), 'train'],
    ],
  },
  'raw-features': {
    fires: [
      ['bytes in SELU layers', raw(selu(3))],
      ['bytes in ReLU layers', raw(he('relu', 3))],
      ['bytes in tanh layers, trained', raw(glorot('tanh', 2)), 'train'],
    ],
    silent: [
      ['standardized', selu(3)],
      ['bytes over 255', { ...raw(he('relu', 3)), data: tenths }],
      [
        'batch normalization behind the input',
        raw(then(() => layers.batchNormalization(), dense({ activation: 'relu' }), dense({ activation: 'relu' }))),
      ],
    ],
  },
  'raw-targets': {
    fires: [
      ['prices, by plain SGD', numbers({ deviation: 1e5, mean: 2e5 })],
      ['prices, by Adam', numbers({ deviation: 1e5, mean: 2e5 }, { optimizer: 'adam' })],
      ['small ones', numbers({ deviation: 0.01 })],
      ['years', numbers({ deviation: 10, mean: 1990 }, { optimizer: 'adam' })],
      ['prices behind a ReLU', numbers({ deviation: 1e5, mean: 2e5 }, {}, 'relu')],
    ],
    silent: [
      ['standardized', numbers({})],
      ['thirty times as large, by Adam', numbers({ deviation: 30 }, { optimizer: 'adam' })],
      ['classes', he('relu', 2)],
      ['prices that are compared by their logarithms', numbers({ deviation: 1e5, mean: 3e5 }, { loss: 'meanSquaredLogarithmicError' })],
      ['prices behind a scale', { ...numbers({ deviation: 1e5, mean: 2e5 }), head: () => [layers.dense(1), layers.rescaling(1e5, { offset: 2e5 })] }],
    ],
  },
  'unreachable-targets': {
    fires: [
      ['negative ones behind a ReLU', numbers({}, {}, 'relu')],
      ['large ones behind a sigmoid', numbers({}, {}, 'sigmoid')],
      ['large ones behind a tanh', numbers({ deviation: 3 }, {}, 'tanh')],
      [
        'prices behind a scale that is too small',
        { ...numbers({ deviation: 1e5 }), head: () => [layers.dense(1, { activation: 'tanh' }), layers.rescaling(100)] },
      ],
    ],
    silent: [
      ['any, behind none', numbers({ deviation: 3 })],
      ['positive ones behind a ReLU', numbers({ mean: 4 }, {}, 'relu')],
      ['small ones behind a tanh', numbers({ deviation: 0.2 }, {}, 'tanh')],
      ['prices behind a scale', { ...numbers({ deviation: 1e5 }), head: () => [layers.dense(1, { activation: 'tanh' }), layers.rescaling(4e5)] }],
    ],
  },
  'linear-layers': {
    fires: [
      ['none is bent', then(dense(), dense())],
      ['one of three', then(dense({ activation: 'relu' }), dense(), dense({ activation: 'relu' }))],
      ['batch normalization between', then(dense(), () => layers.batchNormalization(), dense())],
    ],
    silent: [
      ['all are bent', he('relu', 3)],
      [
        'activations of their own',
        then(
          dense(),
          () => layers.activation('relu'),
          dense(),
          () => layers.activation('relu'),
        ),
      ],
      ['a bottleneck', then(dense({ activation: 'relu' }), () => layers.dense(4), dense({ activation: 'relu' }))],
    ],
  },
  'narrow-layer': {
    fires: [
      ['two units', then(dense({ activation: 'relu' }), () => layers.dense(2, { activation: 'relu' }))],
      ['four units, first of all', then(() => layers.dense(4, { activation: 'tanh' }), dense({ activation: 'tanh' }))],
      ['one-hot targets', { ...then(() => layers.dense(3, { activation: 'tanh' })), ...oneHot }],
    ],
    silent: [
      ['five units', then(dense({ activation: 'relu' }), () => layers.dense(5, { activation: 'relu' }))],
      ['numbers', { ...numbers({}), hidden: () => [layers.dense(1, { activation: 'tanh' })] }],
      ['wide ones', he('relu', 3)],
    ],
  },
  'uneven-classes': {
    fires: [
      ['one digit in twenty rows of another', { ...he('relu', 2), data: uneven(20) }],
      ['one in fifty', { ...he('relu', 2), data: uneven(50) }],
      ['one in fifteen, trained', { ...he('relu', 2), data: uneven(15) }, 'train'],
    ],
    silent: [
      ['ten digits', he('relu', 2)],
      ['one in four', { ...he('relu', 2), data: uneven(4) }],
      ['numbers', numbers({})],
    ],
  },
  overfitting: {
    fires: [
      ['64 rows', memorizing(64), 'train'],
      ['128 rows', memorizing(128), 'train'],
      ['96 rows, by SGD', { ...memorizing(96), compile: { optimizer: optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }) } }, 'train'],
    ],
    silent: [
      ['no validation rows', { ...memorizing(64), fit: { epochs: 30 } }, 'train'],
      ['four epochs', { ...memorizing(64), fit: { epochs: 4, validationSplit: 0.5 } }, 'train'],
      ['6,400 rows', { ...he('relu', 2), fit: { epochs: 6, validationSplit: 0.2 } }, 'train'],
    ],
  },
  'constant-features': {
    fires: [
      ['60 % constant', { ...raw(he('relu', 2)), data: fixedFeatures(0.6) }],
      ['80 % constant', { ...raw(he('relu', 2)), data: fixedFeatures(0.8) }],
      ['95 % constant', { ...he('relu', 2), data: fixedFeatures(0.95) }],
    ],
    silent: [
      ['none', { ...raw(he('relu', 2)), data: fixedFeatures(0) }],
      ['40 %', { ...raw(he('relu', 2)), data: fixedFeatures(0.4) }],
      ['pictures', he('relu', 2)],
    ],
  },
  'selu-inputs': {
    fires: [
      ['bytes', raw(selu(2))],
      ['bytes, deep', raw(selu(12))],
      [
        'numbers of tiny deviation',
        {
          ...raw(selu(2)),
          data: {
            ...tenths,
            x: new NdArray(
              Float32Array.from({ length: 640 * 40 }, (_, i) => Math.sin(i) / 10),
              [640, 40],
            ),
            y: glyphSet.y.slice(0, 640),
          },
        },
      ],
    ],
    silent: [
      ['standardized', selu(2)],
      ['ReLU on bytes', raw(he('relu', 2))],
      ['numbers of unit size', { ...raw(selu(2)), data: fixedFeatures(0) }],
    ],
  },
  'selu-initializer': {
    fires: [
      ['Glorot', glorot('selu', 3)],
      ['He', he('selu', 3)],
      ['N(0, 0.05²)', drawn('selu', 0.05, 3)],
    ],
    silent: [
      ['LeCun normal', selu(3)],
      ['auto', { hidden: () => row(3, 64, { activation: 'selu', kernelInitializer: 'auto' }) }],
      [
        'Glorot in the last layer alone',
        { ...selu(2), head: () => [layers.dense(10, { activation: 'softmax', kernelInitializer: 'glorotUniform' })] },
      ],
    ],
  },
  'selu-dropout': {
    fires: [
      ['dropout', then(dense({ activation: 'selu', kernelInitializer: 'lecunNormal' }), () => layers.dropout(0.2))],
      ['dropout before', then(() => layers.dropout(0.1), dense({ activation: 'selu', kernelInitializer: 'lecunNormal' }))],
      ['Gaussian dropout', then(dense({ activation: 'selu', kernelInitializer: 'lecunNormal' }), () => layers.gaussianDropout(0.2))],
    ],
    silent: [
      ['alpha dropout', then(dense({ activation: 'selu', kernelInitializer: 'lecunNormal' }), () => layers.alphaDropout(0.1))],
      ['dropout beside ReLU', then(dense({ activation: 'relu', kernelInitializer: 'heNormal' }), () => layers.dropout(0.2))],
      ['none', selu(2)],
    ],
  },
  'selu-layers': {
    fires: [
      ['a ReLU layer between', then(dense({ activation: 'selu' }), dense({ activation: 'relu' }), dense({ activation: 'selu' }))],
      ['batch normalization between', then(dense({ activation: 'selu' }), () => layers.batchNormalization(), dense({ activation: 'selu' }))],
      ['a tanh layer between', then(dense({ activation: 'selu' }), dense({ activation: 'tanh' }), dense({ activation: 'selu' }))],
    ],
    silent: [
      ['SELU alone', selu(4)],
      ['a ReLU layer behind', then(dense({ activation: 'selu' }), dense({ activation: 'selu' }), dense({ activation: 'relu' }))],
      ['ReLU alone', he('relu', 3)],
    ],
  },
  'clipping-always': {
    fires: [
      ['a norm of 0.01', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ globalClipNorm: 0.01 }) } }, 'train'],
      ['values of 1e-5', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ clipValue: 1e-5 }) } }, 'train'],
      ['norms by layer of 0.001', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ layerClipNorm: 1e-3 }) } }, 'train'],
      ['norms of 0.001', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ clipNorm: 1e-3 }) } }, 'train'],
    ],
    silent: [
      ['a norm of 100', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ globalClipNorm: 100 }) } }, 'train'],
      ['norms by layer of 100', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ layerClipNorm: 100 }) } }, 'train'],
      ['values of 10', { ...he('relu', 2), compile: { optimizer: optimizers.sgd({ clipValue: 10 }) } }, 'train'],
      ['no clipping', he('relu', 2), 'train'],
    ],
  },
  'misplaced-normalization': {
    fires: [
      ['behind the last layer', { ...he('relu', 2), head: () => [layers.dense(10), layers.batchNormalization(), layers.activation('softmax')] }],
      [
        'behind dropout',
        then(
          dense({ activation: 'relu' }),
          () => layers.dropout(0.2),
          () => layers.batchNormalization(),
          dense({ activation: 'relu' }),
        ),
      ],
      [
        'two in a row',
        then(
          dense({ activation: 'relu' }),
          () => layers.layerNormalization(),
          () => layers.batchNormalization(),
          dense({ activation: 'relu' }),
        ),
      ],
      [
        'behind a bias',
        then(
          dense(),
          () => layers.batchNormalization(),
          () => layers.relu(),
        ),
      ],
    ],
    silent: [
      [
        'between sums without bias and activation',
        then(
          dense({ useBias: false }),
          () => layers.batchNormalization(),
          () => layers.relu(),
        ),
      ],
      ['behind an activation', then(dense({ activation: 'relu' }), () => layers.batchNormalization(), dense({ activation: 'relu' }))],
      [
        'layer normalization behind a bias',
        then(
          dense(),
          () => layers.layerNormalization(),
          () => layers.relu(),
        ),
      ],
    ],
  },
};

/** Traces are made once for each patient. */
const traces = new Map<Patient, Promise<Trace>>();
const traceOf = ([, patient, how]: Case): Promise<Trace> => {
  const known = traces.get(patient) ?? (how === 'train' ? train(patient) : examine(patient));
  traces.set(patient, known);
  return known;
};

describe.each(Object.entries(cases))('%s', (rule, { fires, silent }) => {
  it('has at least three networks of each kind', () => {
    expect([fires.length >= 3, silent.length >= 3]).toEqual([true, true]);
  });

  it.each(fires)('finds %s', async (...one) => {
    const found = doctor.diagnose(await traceOf(one as unknown as Case));
    expect(found.map((finding) => finding.rule)).toContain(rule);
    const own = found.find((finding) => finding.rule === rule) as Finding;
    expect(own.confidence).toBeGreaterThan(own.severity === 'ill' ? 0.5 : 0);
    expect(own.confidence).toBeLessThan(1);
    expect(own.margin).toBeGreaterThanOrEqual(1);
    expect(own.remedies.length).toBeGreaterThan(0);
    expect(own.cause.length).toBeGreaterThan(10);
    expect(own.cause).not.toMatch(/NaN|undefined/);
  });

  it.each(silent)('finds nothing in %s', async (...one) => {
    expect(doctor.diagnose(await traceOf(one as unknown as Case)).map((finding) => finding.rule)).not.toContain(rule);
  });
});

describe('exploding-along-time', () => {
  const clipped = { optimizer: optimizers.adam({ globalClipNorm: 1 }) };
  const found = async (patient: Patient) => doctor.diagnose(await examine(patient)).find((one) => one.rule === 'exploding-along-time');
  const stretched = (gain: number) => rnn({ activation: 'linear', recurrentInitializer: initializers.orthogonal({ gain }) });

  it('is borne by clipping up to a limit', async () => {
    // 1.4 to the power of 27 is 8,800, 1.8 to it 7,800,000.
    expect((await found(byRows(stretched(1.4))))?.severity).toBe('ill');
    expect((await found({ ...byRows(stretched(1.4)), compile: clipped }))?.severity).toBe('risk');
    expect((await found({ ...byRows(stretched(1.8)), compile: clipped }))?.severity).toBe('ill');
  });

  it('is answered by other weights where they are drawn so, not by clipping', async () => {
    const ids = (await found(byRows(stretched(1.8))))?.remedies.map(({ id }) => id);
    expect(ids).toEqual(['shorter-sequences', 'orthogonal-recurrence', 'identity-recurrence', 'gated-recurrence']);
  });
});

describe('loss-mismatch', () => {
  const last = (activation: string, units: number, loss: Patient['compile']): Patient => ({
    ...he('relu', 1, 16),
    head: () => [layers.dense(units, { activation })],
    compile: loss ?? {},
    data:
      units === 10
        ? glyphSet
        : {
            x: glyphSet.x,
            y: new NdArray(
              Uint8Array.from({ length: 6400 }, (_, i) => glyphSet.y.at(i) % 2),
              [6400, 1],
            ),
          },
  });
  const logits = losses.sparseCategoricalCrossentropy({ fromLogits: true });
  const binary = losses.binaryCrossentropy();

  it('takes sigmoid with categories for a risk: divided by their sum its outputs are a distribution', async () => {
    const found = doctor.diagnose(await examine(last('sigmoid', 10, { loss: 'sparseCategoricalCrossentropy' })));
    expect(found.find(({ rule }) => rule === 'loss-mismatch')).toMatchObject({ severity: 'risk' });
  });

  it('takes sigmoid with categories for ill where their sum has become 0', async () => {
    const low = (value: number): Patient => ({
      ...last('sigmoid', 10, { loss: 'sparseCategoricalCrossentropy' }),
      head: () => [layers.dense(10, { activation: 'sigmoid', biasInitializer: initializers.constant({ value }) })],
    });
    const severities = async (value: number) =>
      Object.fromEntries(doctor.diagnose(await train(low(value))).map(({ rule, severity }) => [rule, severity]));
    expect(await severities(-120)).toMatchObject({ 'not-finite': 'ill', 'loss-mismatch': 'ill' });
    expect(await severities(-12)).toEqual({ 'loss-mismatch': 'risk' });
  });

  it('takes two softmaxes for a risk unless a training suffers from them', async () => {
    const severity = (trace: Parameters<typeof doctor.diagnose>[0]) => doctor.diagnose(trace).find(({ rule }) => rule === 'loss-mismatch')?.severity;
    const twice = (learningRate: number) => last('softmax', 10, { loss: logits, optimizer: optimizers.adam({ learningRate }) });
    expect(severity(await examine(twice(0.003)))).toBe('risk');
    expect(severity(await train({ ...twice(0.003), ...he('relu', 1, 128), fit: { epochs: 40 } }))).toBe('risk');
    expect(severity(await train(twice(0.0001)))).toBe('ill');
  });

  it.each<Case>([
    ['softmax with fromLogits, slow', last('softmax', 10, { loss: logits, optimizer: optimizers.sgd({ learningRate: 0.003 }) }), 'train'],
    ['no softmax and no fromLogits', last('linear', 10, { loss: 'sparseCategoricalCrossentropy' })],
    ['a softmax of one unit', last('softmax', 1, { loss: binary })],
    ['tanh with binary cross-entropy', last('tanh', 1, { loss: binary })],
  ])('finds %s', async (...one) => {
    expect(doctor.diagnose(await traceOf(one as unknown as Case)).find(({ rule }) => rule === 'loss-mismatch')).toMatchObject({ severity: 'ill' });
  });

  const followed = (activation: string, ...more: readonly Layer[]): Patient => ({
    ...last(activation, 10, { loss: 'sparseCategoricalCrossentropy' }),
    head: () => [layers.dense(10, { activation }), ...more],
  });

  it.each<Case>([
    ['no softmax before a shape', followed('linear', layers.reshape([10]))],
    ['no softmax before dropout of nothing', followed('linear', layers.dropout(0))],
    ['no softmax before a mean', followed('linear', layers.reshape([1, 10]), layers.globalAveragePooling1d())],
    ['dropout behind the last layer', followed('softmax', layers.dropout(0.5))],
  ])('finds %s', async (...one) => {
    const found = doctor.diagnose(await traceOf(one as unknown as Case)).find(({ rule }) => rule === 'loss-mismatch');
    expect(found).toMatchObject({ severity: 'ill' });
  });

  it.each<[string, Patient]>([
    ['softmax before a shape', followed('softmax', layers.reshape([10]), layers.dropout(0))],
    ['softmax', last('softmax', 10, { loss: 'sparseCategoricalCrossentropy' })],
    ['linear with fromLogits', last('linear', 10, { loss: logits })],
    ['logSoftmax with fromLogits, whose softmax is the same distribution', last('logSoftmax', 10, { loss: logits })],
    ['sigmoid with binary cross-entropy', last('sigmoid', 1, { loss: binary })],
    ['linear with squared errors', last('linear', 1, { loss: 'mse' })],
  ])('finds nothing in %s', async (...one) => {
    expect(doctor.diagnose(await traceOf(one)).map(({ rule }) => rule)).not.toContain('loss-mismatch');
  });
});

describe('small-batch-statistics', () => {
  const batch = (batchSize: number, make: () => Layer = () => layers.batchNormalization()): Patient => ({
    ...then(dense({ useBias: false }), make, () => layers.relu()),
    data: { x: glyphSet.x.slice(0, 64), y: glyphSet.y.slice(0, 64) },
    fit: { batchSize, epochs: 1 },
  });

  it.each([
    ['1 row', batch(1), 'ill'],
    ['2 rows', batch(2), 'ill'],
    ['4 rows', batch(4), 'risk'],
  ] as [string, Patient, string][])('finds %s', async (title, patient, severity) => {
    expect(doctor.diagnose(await traceOf([title, patient, 'train'])).find(({ rule }) => rule === 'small-batch-statistics')).toMatchObject({
      severity,
    });
  });

  it.each([
    ['8 rows', batch(8)],
    ['32 rows', batch(32)],
    ['2 rows under layer normalization', batch(2, () => layers.layerNormalization())],
  ] as [string, Patient][])('finds nothing at %s', async (title, patient) => {
    expect(doctor.diagnose(await traceOf([title, patient, 'train'])).map(({ rule }) => rule)).not.toContain('small-batch-statistics');
  });
});

describe('selu-wiring', () => {
  const wired = async (activation: string, merge: boolean): Promise<string[]> => {
    const input = layers.input([28, 28], { dtype: 'uint8' });
    const flat = layers.normalization({ axis: null }).apply(layers.flatten().apply(input));
    const first = layers.dense(32, { activation, kernelInitializer: 'auto' }).apply(flat);
    const second = layers.dense(32, { activation, kernelInitializer: 'auto' }).apply(first);
    const top = merge ? layers.add().apply([first, second]) : second;
    const net = model({ inputs: input, outputs: layers.dense(10, { activation: 'softmax' }).apply(top) });
    net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    return doctor.diagnose(await net.examine(glyphSet.x.slice(0, 256), glyphSet.y.slice(0, 256))).map(({ rule }) => rule);
  };

  it('finds skip connections among SELU layers, and nothing in a row of them or among others', async () => {
    expect(await wired('selu', true)).toContain('selu-wiring');
    expect(await wired('selu', false)).not.toContain('selu-wiring');
    expect(await wired('relu', true)).not.toContain('selu-wiring');
  });
});

describe('networks that train have nothing ill', () => {
  it.each([
    ['10 ReLU layers', he('relu', 10)],
    ['10 SELU layers', selu(10)],
    ['10 tanh layers', glorot('tanh', 10)],
    ['5 ELU layers with Adam', { ...he('elu', 5), compile: { optimizer: 'adam' } }],
    ['3 ReLU layers at 0.1', rate(he('relu', 3), 0.1)],
    ['2 tanh layers at 0.2, which saturate as they learn', { ...rate(he('tanh', 2, 32), 0.2), fit: { epochs: 4, batchSize: 16 } }],
    ['a sparse ReLU net with Adam', { ...he('relu', 2, 128), compile: { optimizer: optimizers.adam({ learningRate: 0.003 }) } }],
    [
      'batch normalization',
      then(
        dense({ useBias: false }),
        () => layers.batchNormalization(),
        () => layers.relu(),
        dense({ activation: 'relu' }),
      ),
    ],
    ['dropout', then(dense({ activation: 'relu' }), () => layers.dropout(0.3), dense({ activation: 'relu' }))],
    ['GELU with He weights', he('gelu', 6)],
  ] as [string, Patient][])('%s', async (title, patient) => {
    const trace = await traceOf([title, patient, 'train']);
    expect(Number(trace.epochs.at(-1)?.logs.loss)).toBeLessThan(1.2);
    expect(doctor.diagnose(trace).filter(({ severity }) => severity === 'ill')).toEqual([]);
  });
});

describe('not-finite', () => {
  it.each([
    ['weights too large', drawn('relu', 1, 10), 'train'],
    ['a learning rate of 1e6', rate(he('relu', 3), 1e6), 'train'],
    ['raw bytes in SELU layers at 100', rate(raw(selu(3)), 100), 'train'],
  ])('%s: names step, layer and operator', async (...one) => {
    const trace = await traceOf(one as unknown as Case);
    const found = doctor.diagnose(trace).find(({ rule }) => rule === 'not-finite');
    expect(found).toMatchObject({ severity: 'ill', step: trace.failure?.step, layers: [trace.failure?.layer] });
    expect(found?.cause).toContain(trace.failure?.operator);
  });

  it.each([
    ['He weights', he('relu', 3), 'train'],
    ['SELU layers', selu(3), 'train'],
    ['tanh layers', glorot('tanh', 3), 'train'],
  ])('not in %s', async (...one) => {
    expect(doctor.diagnose(await traceOf(one as unknown as Case)).map(({ rule }) => rule)).not.toContain('not-finite');
  });
});

it('nothing is said of a last activation that is the user’s own', async () => {
  const sharpSoftmax = (z: Tensor): Tensor => ops.softmax(ops.mul(z, 0.5));
  const own = await examine({ hidden: () => row(1, 16, { activation: 'relu' }), head: () => [layers.dense(10, { activation: sharpSoftmax })] });
  expect(doctor.diagnose(own).map(({ rule }) => rule)).not.toContain('loss-mismatch');
});

it('every rule has its networks here', () => {
  const own = ['not-finite', 'loss-mismatch', 'small-batch-statistics', 'selu-wiring'];
  expect([...Object.keys(cases), ...own].toSorted()).toEqual([...ruleIds].toSorted());
});

it('rules lead to rules that there are', () => {
  const named = rules.flatMap(({ leadsTo = [] }) => leadsTo);
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((id) => !ruleIds.includes(id))).toEqual([]);
});
