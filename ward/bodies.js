// @ts-check

/**
 * What stands between a network's input and its head, and what is drawn for it. Weights of each list add up to 100.
 * @typedef {readonly (readonly [string, number])[]} Names
 * @typedef {readonly (readonly [number, number])[]} Sizes
 * @typedef {'none' | 'batch' | 'layer'} Normalization
 * @typedef {object} Body
 * @property {number} share per cent of the networks
 * @property {Names} dataset
 * @property {Sizes} depth layers of its kind
 * @property {Sizes} width units, or channels
 * @property {Names} activation
 * @property {readonly (readonly [Normalization, number])[]} normalization
 * @property {Names} optimizer
 */

const optimizer = /** @type {const} */ ([
  ['adam', 50],
  ['momentum', 22],
  ['sgd', 10],
  ['rmsprop', 9],
  ['adamW', 9],
]);

/** Recurrent layers are trained by what divides by the gradient's size: steps of plain SGD that do not explode take longer than the budget. */
const recurrent = {
  dataset: /** @type {const} */ ([
    ['glyphs', 24],
    ['mnist', 22],
    ['fashion-mnist', 22],
    ['optical', 16],
    ['pendigits', 16],
  ]),
  depth: /** @type {const} */ ([
    [1, 70],
    [2, 30],
  ]),
  width: /** @type {const} */ ([
    [32, 50],
    [64, 50],
  ]),
  activation: /** @type {const} */ ([['tanh', 100]]),
  normalization: /** @type {const} */ ([['none', 100]]),
  optimizer: /** @type {const} */ ([
    ['adam', 60],
    ['rmsprop', 20],
    ['adamW', 20],
  ]),
};

/** @satisfies {Readonly<Record<string, Body>>} */
export const bodies = {
  dense: {
    share: 70,
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
    optimizer,
  },
  convolution: {
    share: 15,
    dataset: /** @type {const} */ ([
      ['glyphs', 27],
      ['mnist', 24],
      ['fashion-mnist', 24],
      ['optical', 25],
    ]),
    depth: /** @type {const} */ ([
      [2, 40],
      [3, 40],
      [5, 20],
    ]),
    width: /** @type {const} */ ([
      [8, 50],
      [16, 50],
    ]),
    activation: /** @type {const} */ ([
      ['relu', 40],
      ['leakyRelu', 12],
      ['elu', 12],
      ['gelu', 12],
      ['selu', 12],
      ['tanh', 12],
    ]),
    normalization: /** @type {const} */ ([
      ['none', 60],
      ['batch', 40],
    ]),
    optimizer,
  },
  simpleRnn: {
    ...recurrent,
    share: 8,
    activation: /** @type {const} */ ([
      ['tanh', 70],
      ['relu', 30],
    ]),
  },
  lstm: { ...recurrent, share: 4 },
  gru: { ...recurrent, share: 3 },
};

/** @typedef {keyof typeof bodies} BodyName */

/** Bodies that walk along a sequence. @type {readonly BodyName[]} */
export const walking = ['simpleRnn', 'lstm', 'gru'];

/** Bodies whose layers see one another through their kernels alone. @type {readonly BodyName[]} */
export const feedForward = ['dense', 'convolution'];

/** @type {Names} */
const alongSteps = [
  ['fashion-columns', 35],
  ['waveform', 35],
  ['ringnorm', 30],
];

/** What is drawn instead of the ward's data sets where others are asked for. @type {Readonly<Record<keyof typeof bodies, Names>>} */
export const otherSets = {
  dense: [
    ['magic', 18],
    ['ringnorm', 16],
    ['spambase', 18],
    ['waveform', 18],
    ['king-rook', 16],
    ['abalone', 14],
  ],
  convolution: [['fashion-columns', 100]],
  simpleRnn: alongSteps,
  lstm: alongSteps,
  gru: alongSteps,
};
