// @ts-check
import { buildModel } from './build.js';
import { busySeconds } from './clock.js';
import { ROWS } from './data.js';
import { grade } from './score.js';

/**
 * What one training came to.
 * @typedef {object} Training
 * @property {number} score on the test rows, see `scoreOf`
 * @property {number} validation the same on the validation rows
 * @property {boolean} diverged a value stopped being finite
 * @property {number} steps
 * @property {number} seconds of computation: building and training, without grading
 */

/** Passes over the rows that take a patient's steps. @param {Pick<import('./patients.js').Patient, 'batchSize' | 'steps'>} patient */
export const epochsOf = ({ batchSize, steps }) => Math.max(1, Math.round((steps * batchSize) / ROWS));

/** Ends a fit whose values stop being finite, with the history of its whole epochs. @type {import('evenkeel').Callback} */
export const endWhereNotFinite = { onNonFinite: (_, control) => control.stop() };

/** Has the doctor's vital signs recorded at their default sampling. @type {import('evenkeel').Callback} */
const vitals = { vitals: {} };

/**
 * Trains a patient as it stands, once.
 * @param {import('./patients.js').Patient} patient @param {import('./data.js').WardSet} set @param {number} seed
 * @param {{ readonly watched?: boolean }} [options]
 */
export async function train(patient, set, seed, { watched = false } = {}) {
  const started = busySeconds();
  const model = buildModel(patient, set, seed);
  const history = await model.fit(set.train.x, set.train.y, {
    epochs: epochsOf(patient),
    batchSize: patient.batchSize,
    verbose: 0,
    callbacks: watched ? [endWhereNotFinite, vitals] : [endWhereNotFinite],
    ...(watched ? { validationData: set.validation } : {}),
  });
  const seconds = busySeconds() - started;
  const diverged = history.failure !== undefined;
  const [score, validation] = diverged ? [0, 0] : [await grade(model, set.test, set), await grade(model, set.validation, set)];
  /** @type {Training} */
  const training = { score, validation, diverged, steps: history.steps, seconds };
  return { training, model, history };
}
