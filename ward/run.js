// @ts-check
import { STEP_FACTOR, TRIALS } from './arms/arm.js';
import { arms } from './arms/index.js';
import { buildModel, scaleOf } from './build.js';
import { ROWS, someRows } from './data.js';
import { illRules } from './detectors/evenkeel.js';
import { sagemaker } from './detectors/sagemaker.js';
import { grade } from './score.js';
import { median } from './statistics.js';
import { epochsOf, train } from './train.js';
import { HEALTHY, healthOf, relativeTo, TRUTH_SEEDS } from './truth.js';

/**
 * @typedef {import('./patients.js').Patient} Patient
 * @typedef {{ readonly score: number, readonly relative: number, readonly diverged: boolean, readonly steps: number, readonly seconds: number }} Trained
 *
 * @typedef {object} ArmRecord
 * @property {number} relative to the reference, on the test rows
 * @property {boolean} repaired
 * @property {boolean} changed
 * @property {readonly string[]} remedies
 * @property {number} steps
 * @property {number} seconds
 * @property {number} stepRatio all its steps over those of one plain training
 * @property {number | null} timeRatio the same of seconds; null where no plain training went through
 * @property {string} [error] what it failed with: it then counts as if it had done nothing
 *
 * @typedef {object} WardRecord
 * @property {number} seed
 * @property {Patient} patient
 * @property {object} truth
 * @property {import('./truth.js').Health} truth.health
 * @property {number} truth.reference
 * @property {readonly Trained[]} truth.trainings
 * @property {object} detection ids of the rules that raise an alarm
 * @property {readonly string[]} detection.before
 * @property {readonly string[]} detection.after
 * @property {readonly string[]} detection.sagemaker
 * @property {Readonly<Record<string, ArmRecord | null>>} arms
 * @property {number} seconds
 */

/** Rows that are looked at before the first step. */
const LOOKED_AT = 256;

/** Steps of one training of a patient. @param {Patient} patient */
const plainSteps = (patient) => epochsOf(patient) * Math.ceil(ROWS / patient.batchSize);

/**
 * Everything about one network: what it is, what is said of it, and what becomes of it in each arm.
 * @param {Patient} patient
 * @param {{ readonly sets: import('./data.js').Sets, readonly reference: number, readonly arms: readonly string[] }} options
 * @returns {Promise<WardRecord>}
 */
export async function runPatient(patient, { sets, reference, arms: wanted }) {
  const started = performance.now();
  const set = await sets.get(patient.dataset, scaleOf(patient));
  const [first = 1, ...others] = TRUTH_SEEDS;
  const detected = await detect(patient, set, first);
  const trainings = [detected.training];
  for (const seed of others) {
    const { training, model } = await train(patient, set, seed);
    await model.dispose();
    trainings.push(training);
  }
  const judged = trainings.map(({ score, diverged, steps, seconds }) => ({
    score,
    relative: relativeTo(score, reference),
    diverged,
    steps,
    seconds,
  }));
  const health = healthOf(judged);
  // The watched training is slower than a plain one.
  const seconds = median(judged.flatMap(({ diverged, seconds: taken }, i) => (i === 0 || diverged ? [] : [taken])));
  /** @type {Record<string, ArmRecord | null>} */
  const outcomes = {};
  for (const name of wanted) {
    const arm = arms[name];
    if (!arm || health === 'grey' || (health === 'healthy' && !arm.healthy)) continue;
    outcomes[name] = await runArm(arm.run, { patient, set, seed: first, reference, before: judged[0]?.relative ?? 0, seconds });
  }
  return {
    seed: patient.seed,
    patient,
    truth: { health, reference, trainings: judged },
    detection: detected.detection,
    arms: outcomes,
    seconds: (performance.now() - started) / 1000,
  };
}

/** Looks at a network, trains it as it stands, and asks what is said of it before and after. @param {Patient} patient @param {import('./data.js').WardSet} set @param {number} seed */
async function detect(patient, set, seed) {
  const rows = someRows(set.train, LOOKED_AT, patient.seed);
  const model = buildModel(patient, set, seed);
  const before = illRules(await model.examine(rows.x, rows.y));
  const untrained = await meanGradients(model, rows);
  await model.dispose();
  const { training, model: trained, history } = await train(patient, set, seed, { watched: true });
  if (!history.trace) throw new Error('the watched training left no trace');
  const gradients = training.diverged ? [untrained] : [untrained, await meanGradients(trained, rows)];
  await trained.dispose();
  const detection = {
    before,
    after: illRules(history.trace),
    sagemaker: sagemaker({ trace: history.trace, gradients, diverged: training.diverged }),
  };
  return { training, detection };
}

/** Mean |g| of every trained array. @param {import('evenkeel').Model} model @param {import('./data.js').Part} rows */
async function meanGradients(model, rows) {
  const { gradients } = await model.gradients(rows.x, rows.y);
  return [...gradients.values()].map((gradient) => {
    let sum = 0;
    for (let i = 0; i < gradient.size; i++) sum += Math.abs(gradient.at(i));
    return sum / gradient.size;
  });
}

/**
 * @param {import('./arms/arm.js').Arm} arm
 * @param {{ patient: Patient, set: import('./data.js').WardSet, seed: number, reference: number, before: number, seconds: number }} given
 * @returns {Promise<ArmRecord | null>}
 */
async function runArm(arm, { patient, set, seed, reference, before, seconds }) {
  const steps = plainSteps(patient);
  const { test, ...seen } = set;
  try {
    const outcome = await arm({ patient, set: seen, seed, budget: { trials: TRIALS, steps: STEP_FACTOR * steps } });
    if (!outcome) return null;
    const relative = relativeTo(await grade(outcome.model, test, set), reference);
    await outcome.model.dispose();
    return {
      relative,
      repaired: relative > HEALTHY,
      changed: outcome.changed,
      remedies: outcome.remedies,
      steps: outcome.steps,
      seconds: outcome.seconds,
      stepRatio: outcome.steps / steps,
      timeRatio: Number.isFinite(seconds) ? outcome.seconds / seconds : null,
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      relative: before,
      repaired: before > HEALTHY,
      changed: false,
      remedies: [],
      steps: 0,
      seconds: 0,
      stepRatio: 0,
      timeRatio: null,
      error: message,
    };
  }
}
