// @ts-check
import { activations, initializers, layers, losses, model, optimizers } from 'evenkeel';

/**
 * @typedef {import('./patients.js').Patient} Patient
 * @typedef {Pick<import('./data.js').WardSet, 'task' | 'pixels' | 'classes' | 'features'>} About what of a data set a network must know
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

/** A hidden layer: sums, normalisation and activation where the patient has them. @param {Patient} patient @param {Signal} from */
function block(patient, from) {
  const { width, activation, normalization, dropout } = patient;
  const weights = {
    kernelInitializer: made(initializers, patient.kernelInitializer),
    biasInitializer: made(initializers, patient.biasInitializer),
  };
  const bent = (/** @type {Signal} */ sums) => layers.activation(made(activations, activation)).apply(sums);
  let signal = from;
  if (normalization === 'batch') {
    const sums = layers.dense(width, { kernelInitializer: weights.kernelInitializer, useBias: false }).apply(signal);
    signal = bent(layers.batchNormalization().apply(sums));
  } else if (normalization === 'layer') {
    signal = bent(layers.layerNormalization().apply(layers.dense(width, weights).apply(signal)));
  } else {
    signal = layers.dense(width, { ...weights, activation: made(activations, activation) }).apply(signal);
  }
  // AUTOTRAINER puts it behind each layer, its activation included.
  if (normalization === 'batchBehind') signal = layers.batchNormalization().apply(signal);
  return dropout > 0 ? layers.dropout(dropout).apply(signal) : signal;
}

/**
 * The network that a patient describes, compiled. Its seed draws the weights and the order of the rows.
 * @param {Patient} patient @param {About} set @param {number} seed
 */
export function buildModel(patient, set, seed) {
  const { depth, skip, head } = patient;
  const input = layers.input([set.features]);
  let signal = patient.scaling === 'layer' ? layers.normalization(set.pixels ? { axis: null } : {}).apply(input) : input;
  if (patient.noise > 0) signal = layers.gaussianNoise(patient.noise).apply(signal);
  signal = block(patient, signal);
  let left = depth - 1;
  // A skip connection passes over two layers, as in He et al. 2016.
  while (skip && left >= 2) {
    signal = layers.add().apply([signal, block(patient, block(patient, signal))]);
    left -= 2;
  }
  for (; left > 0; left--) signal = block(patient, signal);
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
