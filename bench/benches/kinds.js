// @ts-check
import { datasets, doctor, layers, model, NdArray, optimizers, Random, sequential } from 'evenkeel';
import { illRules } from '../../ward/detectors/evenkeel.js';
import { mean } from '../../ward/statistics.js';
import { endWhereNotFinite } from '../../ward/train.js';
import { HEALTHY, SICK } from '../../ward/truth.js';
import { median, printTable, writeReport } from '../harness/report.js';

/** Passes of a training of 2,048 rows: 768 steps of 32. */
const EPOCHS = 12;
const ROWS = { train: 2048, validation: 512, test: 512 };
/** Times the rates that are usual. */
const ways = [
  ...[1e-3, 0.03, 1, 3, 30, 100].map((times) => ({ name: `adam × ${times}`, optimizer: () => optimizers.adam({ learningRate: 0.001 * times }) })),
  ...[1e-3, 0.03, 1, 10, 100].map((times) => ({
    name: `momentum × ${times}`,
    optimizer: () => optimizers.sgd({ learningRate: 0.01 * times, momentum: 0.9 }),
  })),
];

/** @typedef {{ x: NdArray, y: NdArray }} Part @typedef {{ train: Part, validation: Part, test: Part }} Parts */

/** @param {(random: Random) => readonly [row: readonly number[], target: readonly number[]]} draw @returns {Parts} */
function drawn(draw) {
  const random = new Random(1);
  const part = (/** @type {number} */ rows) => {
    const pairs = Array.from({ length: rows }, () => draw(random));
    const table = (/** @type {readonly (readonly number[])[]} */ list) => new NdArray(Int32Array.from(list.flat()), [rows, list[0]?.length ?? 0]);
    return { x: table(pairs.map(([row]) => row)), y: table(pairs.map(([, target]) => target)) };
  };
  return { train: part(ROWS.train), validation: part(ROWS.validation), test: part(ROWS.test) };
}

const whole = (/** @type {Random} */ random, /** @type {number} */ below) => Math.floor(random.uniform(0, below));

/** Sixteen tokens of 20: whether a 7 comes before any 3. */
const ordered = () =>
  drawn((random) => {
    const tokens = Array.from({ length: 16 }, () => whole(random, 20));
    const [seven, three] = [tokens.indexOf(7), tokens.indexOf(3)];
    return [tokens, [Number(seven >= 0 && (three < 0 || seven < three))]];
  });

/** Thirty words of 200, a sixth of them from the ten of one of four topics. */
const topics = () =>
  drawn((random) => {
    const topic = whole(random, 4);
    return [Array.from({ length: 30 }, () => (whole(random, 6) === 0 ? 10 * topic + whole(random, 10) : 40 + whole(random, 160))), [topic]];
  });

/** Embedded pictures, with what targets are made of their labels. @param {(part: Part) => Part} [targets] */
const pictures = async (targets = (part) => part) => {
  const { train, test } = await datasets.load('glyphs');
  const cut = (/** @type {Part} */ { x, y }, /** @type {number} */ from, /** @type {number} */ count) =>
    targets({ x: x.slice(from, from + count), y: y.slice(from, from + count) });
  return { train: cut(train, 0, ROWS.train), validation: cut(train, ROWS.train, ROWS.validation), test: cut(test, 0, ROWS.test) };
};

/** Grey levels as features and targets. @param {Part} part @returns {Part} */
const copied = ({ x }) => {
  const pixels = Float32Array.from({ length: x.size }, (_, i) => x.at(i) / 255);
  const grey = new NdArray(pixels, [x.shape[0] ?? 0, x.size / (x.shape[0] ?? 1)]);
  return { x: grey, y: grey };
};

/** The four bits of a label. @param {Part} part @returns {Part} */
const bits = ({ x, y }) => {
  const rows = y.shape[0] ?? 0;
  const set = Float32Array.from({ length: 4 * rows }, (_, i) => (y.at(Math.floor(i / 4)) >> (i % 4)) & 1);
  return { x, y: new NdArray(set, [rows, 4]) };
};

/** A transformer's block, normalized before or behind. @param {import('evenkeel').Signal} x @param {boolean} before */
function block(x, before) {
  const norm = (/** @type {import('evenkeel').Signal} */ signal) => layers.layerNormalization().apply(signal);
  const attend = (/** @type {import('evenkeel').Signal} */ signal) => layers.multiHeadAttention(4, 8).apply([signal, signal]);
  const feed = (/** @type {import('evenkeel').Signal} */ signal) => layers.dense(32).apply(layers.dense(64, { activation: 'gelu' }).apply(signal));
  const join = (/** @type {import('evenkeel').Signal[]} */ ...signals) => layers.add().apply(signals);
  if (!before) {
    const half = norm(join(x, attend(x)));
    return norm(join(half, feed(half)));
  }
  const half = join(x, attend(norm(x)));
  return join(half, feed(norm(half)));
}

const standardized = () => [layers.input([28, 28], { dtype: 'uint8' }), layers.normalization({ axis: null })];
const he = /** @type {const} */ ({ activation: 'relu', kernelInitializer: 'heNormal' });
const classes = () => layers.dense(10, { activation: 'softmax' });
const row = (/** @type {import('evenkeel').Layer[]} */ ...list) => sequential(list, { seed: 1 });
/** @param {number} blocks @param {boolean} before */
const transformer = (blocks, before) => {
  const enter = layers.input([28, 28], { dtype: 'uint8' });
  let signal = layers.dense(32).apply(layers.normalization({ axis: null }).apply(enter));
  for (let i = 0; i < blocks; i++) signal = block(signal, before);
  return model({ inputs: enter, outputs: classes().apply(layers.flatten().apply(signal)) }, { seed: 1 });
};
const language = () => {
  const enter = layers.input([16], { dtype: 'int32' });
  const signal = block(layers.embedding(20, 32).apply(enter), true);
  return model({ inputs: enter, outputs: layers.dense(1, { activation: 'sigmoid' }).apply(layers.flatten().apply(signal)) }, { seed: 1 });
};
const residual = () => {
  const enter = layers.input([28, 28], { dtype: 'uint8' });
  const conv = (/** @type {object} */ options) => layers.conv2d(8, 3, { padding: 'same', kernelInitializer: 'heNormal', ...options });
  let signal = conv({ strides: 2 }).apply(layers.normalization({ axis: null }).apply(layers.reshape([28, 28, 1]).apply(enter)));
  for (let i = 0; i < 2; i++) {
    const inner = layers.activation('relu').apply(layers.batchNormalization().apply(signal));
    signal = layers.add().apply([signal, conv({}).apply(inner)]);
  }
  return model(
    { inputs: enter, outputs: classes().apply(layers.globalAveragePooling2d().apply(layers.activation('relu').apply(signal))) },
    { seed: 1 },
  );
};

const labelled = 'sparseCategoricalCrossentropy';
/** @type {Readonly<Record<string, { readonly make: () => import('evenkeel').Model, readonly loss: string, readonly data: () => Parts | Promise<Parts>, readonly numbers?: true }>>} */
const networks = {
  'transformer, normalized before': { make: () => transformer(2, true), loss: labelled, data: pictures },
  'transformer, normalized behind': { make: () => transformer(2, false), loss: labelled, data: pictures },
  'transformer of tokens': { make: language, loss: 'binaryCrossentropy', data: ordered },
  'bag of words': {
    make: () =>
      row(
        layers.input([30], { dtype: 'int32' }),
        layers.embedding(200, 16),
        layers.globalAveragePooling1d(),
        layers.dense(16, he),
        layers.dense(4, { activation: 'softmax' }),
      ),
    loss: labelled,
    data: topics,
  },
  'LSTM of words': {
    make: () => row(layers.input([30], { dtype: 'int32' }), layers.embedding(200, 16), layers.lstm(16), layers.dense(4, { activation: 'softmax' })),
    loss: labelled,
    data: topics,
  },
  'GRU both ways': { make: () => row(...standardized(), layers.bidirectional(layers.gru(16)), classes()), loss: labelled, data: pictures },
  'convolution along steps': {
    make: () =>
      row(
        ...standardized(),
        layers.conv1d(16, 5, he),
        layers.maxPooling1d({ poolSize: 2 }),
        layers.conv1d(32, 3, he),
        layers.globalMaxPooling1d(),
        classes(),
      ),
    loss: labelled,
    data: pictures,
  },
  'residual convolution': { make: residual, loss: labelled, data: pictures },
  'dropout behind normalization': {
    make: () =>
      row(
        ...standardized(),
        layers.flatten(),
        ...[0, 1].flatMap(() => [layers.dense(64, { useBias: false }), layers.batchNormalization(), layers.activation('relu'), layers.dropout(0.2)]),
        classes(),
      ),
    loss: labelled,
    data: pictures,
  },
  'the same layer at each step': {
    make: () => row(...standardized(), layers.timeDistributed(layers.dense(16, { activation: 'tanh' })), layers.flatten(), classes()),
    loss: labelled,
    data: pictures,
  },
  'several labels': {
    make: () => row(...standardized(), layers.flatten(), layers.dense(64, he), layers.dense(64, he), layers.dense(4, { activation: 'sigmoid' })),
    loss: 'binaryCrossentropy',
    data: () => pictures(bits),
  },
  autoencoder: {
    make: () => row(layers.input([784]), ...[128, 32, 128].map((units) => layers.dense(units, he)), layers.dense(784, { activation: 'sigmoid' })),
    loss: 'binaryCrossentropy',
    data: () => pictures(copied),
    numbers: true,
  },
};

/** @typedef {{ kind: string, way: string, plain: number, before: string[], after: string[], treated: number, steps: number, remedies: readonly string[] }} Result */

/** Beyond the best constant answer, of 1: the share of right answers, of numbers of the variance. @param {import('evenkeel').Model} net @param {Part} part @param {boolean} numbers */
async function scoreOf(net, { x, y }, numbers) {
  const [answers, width] = [await net.predict(x), y.size / (y.shape[0] ?? 1)];
  if (!Array.from(answers.data, Number).every(Number.isFinite)) return 0;
  const columns = Array.from({ length: width }, (_, k) => Array.from({ length: y.shape[0] ?? 0 }, (__, i) => y.at(i * width + k)));
  if (numbers) {
    const centres = columns.map(mean);
    const sum = (/** @type {(i: number, k: number) => number} */ of) => mean(columns.flatMap((column, k) => column.map((_, i) => of(i, k) ** 2)));
    return 1 - sum((i, k) => y.at(i * width + k) - answers.at(i * width + k)) / sum((i, k) => y.at(i * width + k) - (centres[k] ?? 0));
  }
  const units = answers.shape.at(-1) ?? 1;
  const answer = (/** @type {number} */ i, /** @type {number} */ k) => {
    if (units === width) return Number(answers.at(i * units + k) > 0.5);
    const shares = Array.from({ length: units }, (_, unit) => answers.at(i * units + unit));
    return shares.indexOf(Math.max(...shares));
  };
  const scores = columns.map((column, k) => {
    const right = mean(column.map((truth, i) => Number(truth === answer(i, k))));
    const chance = Math.max(...[...new Set(column)].map((one) => mean(column.map((truth) => Number(truth === one)))));
    return (right - chance) / (1 - chance);
  });
  return mean(scores);
}

/**
 * Kinds of networks that the ward does not draw, at rates from far too small to far too large: what the doctor says of them, and how they do treated.
 * @param {{ only?: readonly string[], json?: string }} options
 */
export async function kinds({ only, json }) {
  /** @type {Result[]} */
  const results = [];
  const chosen = Object.entries(networks).filter(([kind]) => !only || only.some((word) => kind.includes(word)));
  for (const [kind, { make, loss, data, numbers = false }] of chosen) {
    const { train, validation: validationData, test } = await data();
    for (const { name, optimizer } of ways) {
      const made = () => make().compile({ optimizer: optimizer(), loss, metrics: numbers ? [] : ['accuracy'] });
      const net = made();
      const before = illRules(await net.examine(train.x.slice(0, 256), train.y.slice(0, 256)));
      const { trace } = await net.fit(train, {
        epochs: EPOCHS,
        verbose: 0,
        validationData,
        callbacks: [endWhereNotFinite, { vitals: {} }],
      });
      const plain = await scoreOf(net, test, numbers);
      const treatment = await doctor.treat(made(), train, { validationData, epochs: EPOCHS, seed: 1, budget: { trials: 8, steps: 5 * 768 } });
      results.push({
        kind,
        way: name,
        plain,
        before,
        after: trace ? illRules(trace) : [],
        treated: await scoreOf(treatment.model, test, numbers),
        steps: treatment.steps / treatment.plainSteps,
        remedies: treatment.remedies.map(({ id }) => id),
      });
      await treatment.model.dispose();
      await net.dispose();
    }
    console.log(`${kind}: ${results.length} of ${chosen.length * ways.length} networks trained and treated`);
  }
  const best = (/** @type {string} */ kind) => Math.max(...results.filter((result) => result.kind === kind).map(({ plain }) => plain));
  const part = (/** @type {Result} */ { kind }, /** @type {number} */ score) => Math.max(0, score) / best(kind);
  const told = (/** @type {Result} */ { before, after }) => before.length + after.length > 0;
  const rowOf = (/** @type {string} */ title, /** @type {Result[]} */ these) => {
    const sick = these.filter((result) => part(result, result.plain) < SICK);
    const healthy = these.filter((result) => part(result, result.plain) > HEALTHY);
    return [
      title,
      String(sick.length),
      String(sick.filter(({ before }) => before.length > 0).length),
      String(sick.filter(told).length),
      String(sick.filter((result) => part(result, result.treated) > HEALTHY).length),
      String(healthy.length),
      String(healthy.filter(told).length),
      String(these.filter((result) => part(result, result.treated) < SICK).length),
      median(these.map((result) => part(result, result.treated))).toFixed(2),
    ];
  };
  const rows = chosen.map(([kind]) =>
    rowOf(
      kind,
      results.filter((result) => result.kind === kind),
    ),
  );
  printTable([
    ['kind', 'sick', 'told before', 'told at all', 'repaired', 'healthy', 'told ill', 'sick when treated', 'treated, median'],
    ...rows,
    rowOf('all', results),
  ]);
  writeReport(json, { results, ratios: [] });
}
