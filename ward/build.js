// @ts-check
import { activations, initializers, layers, losses, model, optimizers } from 'evenkeel';

/**
 * @typedef {import('./patients.js').Patient} Patient
 * @typedef {Pick<import('./data.js').WardSet, 'task' | 'pixels' | 'classes' | 'features' | 'grid'>} About what of a data set a network must know
 * @typedef {import('evenkeel').Signal} Signal
 */

/** What a patient's data look like before they enter its network. @param {Pick<Patient, 'scaling'>} patient @returns {import('./data.js').Scale} */
export const scaleOf = ({ scaling }) => (scaling === 'layer' ? 'raw' : scaling);

/** An entry of one of the package's tables, from its name and options. @param {Readonly<Record<string, (options?: any) => any>>} table @param {import('./patients.js').Named} named */
function made(table, { name, ...options }) {
  const make = table[name];
  if (!make) throw new Error(`there is no '${name}'; there are ${Object.keys(table).join(', ')}`);
  return make(options);
}

/** The optimizer that a patient is trained with. @param {Pick<Patient, 'optimizer'>} patient */
export const optimizerOf = ({ optimizer }) => made(optimizers, optimizer);

/**
 * A layer that sums by weights, for the body that it is of.
 * @param {Patient} patient @param {object} options
 */
const summing = ({ body, width }, options) =>
  body === 'convolution' ? layers.conv2d(width, 3, { ...options, padding: 'same' }) : layers.dense(width, options);

/** A hidden layer: sums, normalization and activation where the patient has them. @param {Patient} patient @param {Signal} from */
function block(patient, from) {
  const { activation, normalization } = patient;
  const weights = {
    kernelInitializer: made(initializers, patient.kernelInitializer),
    biasInitializer: made(initializers, patient.biasInitializer),
  };
  const bent = (/** @type {Signal} */ sums) => layers.activation(made(activations, activation)).apply(sums);
  let signal = from;
  if (normalization === 'batch') {
    const sums = summing(patient, { kernelInitializer: weights.kernelInitializer, useBias: false }).apply(signal);
    signal = bent(layers.batchNormalization().apply(sums));
  } else if (normalization === 'layer') {
    signal = bent(layers.layerNormalization().apply(summing(patient, weights).apply(signal)));
  } else {
    signal = summing(patient, { ...weights, activation: made(activations, activation) }).apply(signal);
  }
  return behind(patient, signal);
}

/** What stands behind each hidden layer, its activation included; AUTOTRAINER normalizes there. @param {Patient} patient @param {Signal} signal */
function behind({ normalization, dropout }, signal) {
  const normalized = normalization === 'batchBehind' ? layers.batchNormalization().apply(signal) : signal;
  return dropout > 0 ? layers.dropout(dropout).apply(normalized) : normalized;
}

/** Hidden layers one behind the other. @param {Patient} patient @param {Signal} input */
function stacked(patient, input) {
  let signal = block(patient, input);
  let left = patient.depth - 1;
  // A skip connection passes over two layers, as in He et al. 2016.
  while (patient.skip && left >= 2) {
    signal = layers.add().apply([signal, block(patient, block(patient, signal))]);
    left -= 2;
  }
  for (; left > 0; left--) signal = block(patient, signal);
  return signal;
}

/** Sides from which pictures are halved before they are convolved: what is left costs a quarter. */
const LARGE = 16;
/** Layers behind which pictures are halved. */
const POOLED = 2;

/** Convolutions of pictures, halved behind the first ones. @param {Patient} patient @param {Signal} input @param {readonly [number, number]} grid */
function convolved(patient, input, [rows, columns]) {
  let signal = layers.reshape([rows, columns, 1]).apply(input);
  if (rows > LARGE) signal = layers.averagePooling2d().apply(signal);
  for (let i = 0; i < patient.depth; i++) {
    signal = block(patient, signal);
    if (i < POOLED) signal = layers.maxPooling2d().apply(signal);
  }
  return layers.flatten().apply(signal);
}

/** Layers that walk along steps, the last of which is what comes out. @param {Patient} patient @param {Signal} input @param {readonly [number, number]} grid */
function walked(patient, input, grid) {
  const { width, depth, normalization } = patient;
  const weights = {
    activation: made(activations, patient.activation),
    kernelInitializer: made(initializers, patient.kernelInitializer),
    recurrentInitializer: made(initializers, patient.recurrentInitializer ?? { name: 'orthogonal' }),
  };
  let signal = layers.reshape([...grid]).apply(input);
  for (let i = 0; i < depth; i++) {
    const options = { ...weights, returnSequences: i < depth - 1 };
    const cell = { simpleRnn: layers.simpleRnn, lstm: layers.lstm, gru: layers.gru }[/** @type {'lstm'} */ (patient.body)];
    // Sums are not to be had apart here: what normalizes stands behind.
    signal = behind({ ...patient, normalization: normalization === 'none' ? 'none' : 'batchBehind' }, cell(width, options).apply(signal));
  }
  return signal;
}

/**
 * The network that a patient describes, compiled. Its seed draws the weights and the order of the rows.
 * @param {Patient} patient @param {About} set @param {number} seed
 */
export function buildModel(patient, set, seed) {
  const { body, head } = patient;
  const input = layers.input([set.features]);
  let signal = patient.scaling === 'layer' ? layers.normalization(set.pixels ? { axis: null } : {}).apply(input) : input;
  if (patient.noise > 0) signal = layers.gaussianNoise(patient.noise).apply(signal);
  signal = body === 'dense' ? stacked(patient, signal) : (body === 'convolution' ? convolved : walked)(patient, signal, gridOf(set));
  const output = layers
    .dense(set.classes, { activation: head.activation, kernelInitializer: made(initializers, patient.headInitializer) })
    .apply(signal);
  const built = model({ inputs: input, outputs: output }, { seed, threads: 1, warn: () => {} });
  return built.compile({
    optimizer: optimizerOf(patient),
    loss: made(losses, head.loss),
    ...(set.task === 'classes' ? { metrics: ['accuracy'] } : {}),
  });
}

/** @param {About} set */
function gridOf({ grid }) {
  if (!grid) throw new Error('the rows of this data set have no order in space or time');
  return grid;
}
