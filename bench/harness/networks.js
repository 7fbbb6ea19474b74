// @ts-check
import { datasets, doctor, initializers, layers, NdArray, optimizers, Random, sequential, synthetic } from 'evenkeel';

/**
 * A network and its training as data.
 * @typedef {object} Drawn
 * @property {number} seed
 * @property {keyof typeof sets} data
 * @property {number} depth hidden layers
 * @property {number} width
 * @property {string} activation
 * @property {{ readonly name: string, readonly scale: number } | { readonly stddev: number }} kernel a rule with a factor on its weights, or one size for all layers
 * @property {number} bias of hidden units at first
 * @property {boolean} normalized by batch, before each activation
 * @property {'standard' | 'raw' | 'hundredfold'} scaling of the features
 * @property {'softmax' | 'sigmoid' | 'linear'} head
 * @property {{ readonly name: string, readonly learningRate: number, readonly momentum?: number }} optimizer
 */

const BATCH = 32;
const ROWS = 2048;
/** Epochs of the short run behind which a network is examined, and of the whole training: 256 and 768 steps. */
const SHORT = 4;
const EPOCHS = 12;

/** Rows to train on and rows to grade by. */
export const sets = {
  glyphs: async () => {
    const { train, test } = await datasets.load('glyphs');
    return { train: part(floats(train), 0, ROWS), test: part(floats(test), 0, 1000), classes: 10 };
  },
  spirals: async () => split(synthetic.spirals({ rows: 2 * ROWS, classes: 3, noise: 0.03, turns: 1, seed: 1 }), 3),
  moons: async () => split(synthetic.moons({ rows: 2 * ROWS, noise: 0.15, seed: 1 }), 2),
  blobs: async () => split(synthetic.blobs({ rows: 2 * ROWS, classes: 8, spread: 0.6, seed: 1 }), 8),
};

/** Bytes as numbers from 0 to 1. @param {import('evenkeel').Dataset} rows */
const floats = ({ x, y }) => ({
  x: new NdArray(
    Float32Array.from(x.data, (byte) => Number(byte) / 255),
    x.shape,
  ),
  y,
});
/** @param {import('evenkeel').Dataset} rows @param {number} from @param {number} to */
const part = ({ x, y }, from, to) => ({ x: x.slice(from, to), y: y.slice(from, to) });
/** @param {import('evenkeel').Dataset} rows @param {number} classes */
const split = (rows, classes) => ({ train: part(rows, 0, ROWS), test: part(rows, ROWS, 2 * ROWS), classes });

/** @template T @param {Random} random @param {readonly T[]} list @returns {T} */
const pick = (random, list) => /** @type {T} */ (list[random.integer(list.length)]);
/** @param {Random} random @param {number} low @param {number} high */
const spread = (random, low, high) => Math.exp(random.uniform(Math.log(low), Math.log(high)));

/** @type {Record<string, string>} */
const suits = {
  relu: 'heNormal',
  leakyRelu: 'heNormal',
  elu: 'heNormal',
  gelu: 'heNormal',
  selu: 'lecunNormal',
  tanh: 'glorotNormal',
  sigmoid: 'glorotNormal',
};

/** Hidden layers and their width. */
export const sizes = /** @type {const} */ ([
  [2, 64],
  [4, 32],
  [8, 32],
  [14, 32],
]);

/** One network, the same for the same seed: about half are as they should be but for one or two of their parts. @param {number} seed @returns {Drawn} */
export function drawNetwork(seed) {
  const random = new Random(seed).stream('network');
  const odd = (/** @type {number} */ share) => random.uniform() < share;
  const [depth, width] = pick(random, sizes);
  const activation = pick(random, [...Object.keys(suits), 'relu', 'tanh']);
  const name = odd(0.65) ? (suits[activation] ?? 'glorotNormal') : pick(random, ['glorotNormal', 'heNormal', 'lecunNormal', 'orthogonal']);
  const rate = pick(random, [
    { name: 'sgd', learningRate: spread(random, 0.01, 0.3) },
    { name: 'sgd', learningRate: spread(random, 0.003, 0.1), momentum: 0.9 },
    { name: 'adam', learningRate: spread(random, 0.0003, 0.01) },
  ]);
  const strange = odd(0.3) ? spread(random, 0.001, 1000) : 1;
  return {
    seed,
    data: pick(random, /** @type {const} */ (['glyphs', 'glyphs', 'spirals', 'moons', 'blobs'])),
    depth,
    width,
    activation,
    kernel: odd(0.12) ? { stddev: spread(random, 0.01, 1) } : { name, scale: odd(0.3) ? spread(random, 0.3, 3) : 1 },
    bias: odd(0.08) ? spread(random, 0.3, 10) * (odd(0.75) ? -1 : 1) : 0,
    normalized: odd(0.15),
    scaling: odd(0.7) ? 'standard' : pick(random, ['raw', 'hundredfold']),
    head: odd(0.94) ? 'softmax' : pick(random, ['sigmoid', 'linear']),
    optimizer: { ...rate, learningRate: rate.learningRate * strange },
  };
}

/** Healthy networks of a size: what others of that size are graded against. @param {Drawn['data']} data @param {number} depth @param {number} width @returns {Drawn[]} */
export function healthyNetworks(data, depth, width) {
  const common = {
    data,
    depth,
    width,
    bias: 0,
    normalized: false,
    scaling: /** @type {const} */ ('standard'),
    head: /** @type {const} */ ('softmax'),
  };
  const healthy = [
    { activation: 'relu', learningRate: 0.002 },
    { activation: 'selu', learningRate: 0.001 },
    { activation: 'tanh', learningRate: 0.002 },
  ];
  return healthy.map(({ activation, learningRate }, seed) => ({
    ...common,
    seed,
    activation,
    kernel: { name: suits[activation] ?? '', scale: 1 },
    optimizer: { name: 'adam', learningRate },
  }));
}

/** Rules as the variance that they scale, so that a factor can be put on them. @type {Record<string, { scale: number, mode: 'fanIn' | 'fanAvg' }>} */
const variances = {
  heNormal: { scale: 2, mode: 'fanIn' },
  lecunNormal: { scale: 1, mode: 'fanIn' },
  glorotNormal: { scale: 1, mode: 'fanAvg' },
};

/** @param {Drawn['kernel']} kernel */
function initializerOf(kernel) {
  if ('stddev' in kernel) return initializers.normal({ stddev: kernel.stddev });
  if (kernel.scale === 1) return kernel.name;
  const { scale, mode } = variances[kernel.name] ?? {};
  if (scale === undefined || mode === undefined) return initializers.orthogonal({ gain: kernel.scale });
  return initializers.varianceScaling({ scale: scale * kernel.scale ** 2, mode });
}

/** @param {Drawn} drawn @param {readonly number[]} shape of a row @param {number} classes */
function build({ seed, depth, width, activation, kernel, bias, normalized, scaling, head, optimizer }, shape, classes) {
  const hidden = Array.from({ length: depth }, () => {
    const options = { kernelInitializer: initializerOf(kernel), biasInitializer: initializers.constant({ value: bias }) };
    return normalized
      ? [layers.dense(width, { ...options, useBias: false }), layers.batchNormalization(), layers.activation(activation)]
      : [layers.dense(width, { ...options, activation })];
  });
  const scaled = { standard: [layers.normalization({ axis: null })], raw: [], hundredfold: [layers.rescaling(100)] };
  const model = sequential(
    [layers.input([...shape]), layers.flatten(), ...scaled[scaling], ...hidden.flat(), layers.dense(classes, { activation: head })],
    { seed, threads: 1 },
  );
  const { name, ...config } = optimizer;
  return model.compile({
    optimizer: name === 'adam' ? optimizers.adam(config) : optimizers.sgd(config),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
}

/** @typedef {import('evenkeel').Finding} Finding */
/** @typedef {{ readonly train: import('evenkeel').Dataset, readonly test: import('evenkeel').Dataset, readonly classes: number }} Rows */

/**
 * Trains a network for 768 steps. `score`: accuracy on rows that it never saw, 0 at chance and 1 where all are right; 0 where a value stopped being
 * finite. `start`: what is found in it before its first step; `early`: after 256.
 * @param {Drawn} drawn @param {Rows} rows
 * @returns {Promise<{ score: number, start: Finding[], early: Finding[] }>}
 */
export async function trainNetwork(drawn, { train, test, classes }) {
  const model = build(drawn, train.x.shape.slice(1), classes);
  try {
    const start = doctor.diagnose(await model.examine(train.x.slice(0, 256), train.y.slice(0, 256)));
    /** @type {Finding[] | undefined} */
    let early;
    const { trace, failure } = await model.fit(train, {
      epochs: EPOCHS,
      batchSize: BATCH,
      verbose: 0,
      callbacks: [
        {
          vitals: { every: 50 },
          onEpochEnd: (epoch, _, control) => {
            if (epoch === SHORT - 1 && control.trace) early = doctor.diagnose(control.trace);
          },
          onNonFinite: (_, control) => control.stop(),
        },
      ],
    });
    early ??= trace ? doctor.diagnose(trace) : [];
    if (failure) return { score: 0, start, early };
    const { accuracy = 0 } = await model.evaluate(test);
    return { score: (accuracy - 1 / classes) / (1 - 1 / classes), start, early };
  } finally {
    await model.dispose();
  }
}
