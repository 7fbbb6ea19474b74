// @ts-check
import { Random } from 'evenkeel';
import { buildModel } from '../build.js';
import { busySeconds } from '../clock.js';
import { grade } from '../score.js';
import { endWhereNotFinite, epochsOf } from '../train.js';
import { solutions, strategy } from './autotrainer/solutions.js';
import { Monitor } from './autotrainer/symptoms.js';

/**
 * AUTOTRAINER (Zhang, Zhai, Ma and Shen, ICSE 2021) on the ward's networks. README.md says what is as published and what could not be.
 * @typedef {import('./autotrainer/solutions.js').Spec} Spec
 * @typedef {import('./autotrainer/symptoms.js').Symptom} Symptom
 * @typedef {object} Run
 * @property {import('evenkeel').Model} model
 * @property {Symptom | undefined} symptom what ended it; none where it went through
 * @property {number} validation
 * @property {number} steps
 */

/** Epochs between looks. */
const EVERY = 3;
/** Epochs without a better validation loss before the rate falls, by what, and to what at least. */
const PLATEAU = { patience: 5, factor: 0.2, least: 0.001 };

/** A training under the monitor. @param {Spec} spec @param {import('./arm.js').Case['set']} set @param {number} seed @param {number} epochs @returns {Promise<Run>} */
async function monitored(spec, set, seed, epochs) {
  const model = buildModel(spec, set, seed);
  const monitor = new Monitor(epochs);
  const batch = { x: set.train.x.slice(0, spec.batchSize), y: set.train.y.slice(0, spec.batchSize) };
  /** @type {Record<'accuracy' | 'val_accuracy' | 'val_loss', number[]>} */
  const curves = { accuracy: [], val_accuracy: [], val_loss: [] };
  let [steps, done, rate] = [0, 0, spec.optimizer.learningRate];
  /** @type {Symptom | undefined} */
  let symptom;
  while (done < epochs && symptom === undefined) {
    const until = Math.min(epochs, done === 0 ? 1 : done + EVERY);
    /** @type {import('evenkeel').Callback} */
    const reduced = {
      onTrainBegin: (control) => {
        if (spec.reduceOnPlateau) control.learningRate = rate;
      },
    };
    const history = await model.fit(set.train.x, set.train.y, {
      epochs: until,
      initialEpoch: done,
      batchSize: spec.batchSize,
      validationData: set.validation,
      verbose: 0,
      callbacks: [endWhereNotFinite, reduced],
    });
    for (const [name, curve] of Object.entries(curves)) curve.push(...(history.history[name] ?? []));
    steps += history.steps;
    const finite = history.failure === undefined;
    // It looks after epochs 1, 4, 7 …; what is left behind the last look is trained and not judged.
    if (!finite || until === 1 || until - done === EVERY) {
      const { gradients } = finite ? await model.gradients(batch.x, batch.y) : { gradients: new Map() };
      symptom = monitor.symptom({
        ...summaryOf(gradients),
        accuracy: curves.accuracy,
        validationAccuracy: curves.val_accuracy,
        validationLoss: curves.val_loss,
        finite,
      });
    }
    const best = curves.val_loss.indexOf(Math.min(...curves.val_loss));
    if (curves.val_loss.length - 1 - best >= PLATEAU.patience) rate = Math.max(Math.min(rate, PLATEAU.least), rate * PLATEAU.factor);
    done = until;
  }
  const validation = await grade(model, set.validation, set);
  return { model, symptom, validation, steps };
}

/** @param {ReadonlyMap<string, import('evenkeel').NdArray>} gradients */
function summaryOf(gradients) {
  let [zeros, size] = [0, 0];
  const kernelGradients = [];
  for (const [name, gradient] of gradients) {
    const values = Array.from(gradient.data, Number);
    zeros += values.filter((value) => value === 0).length;
    size += values.length;
    if (name.endsWith('/kernel')) kernelGradients.push(values);
  }
  return { kernelGradients, zeroShare: size > 0 ? zeros / size : 0 };
}

/** @type {import('./arm.js').Arm} */
export async function autotrainer({ patient, set, seed, budget }) {
  // Its symptoms are of accuracies: it is made for classification.
  if (set.task !== 'classes') return null;
  const started = busySeconds();
  const epochs = epochsOf(patient);
  const random = new Random(seed).stream('autotrainer').stream(patient.seed);
  const first = await monitored(patient, set, seed, epochs);
  let spent = first.steps;
  let trials = 0;
  const models = [first.model];
  /** @param {Run} kept @param {readonly string[]} remedies */
  const outcome = async (kept, remedies) => {
    for (const model of models) if (model !== kept.model) await model.dispose();
    return { model: kept.model, changed: remedies.length > 0, remedies, steps: spent, seconds: busySeconds() - started };
  };
  if (first.symptom === undefined) return outcome(first, []);

  /** @type {Spec} */
  let seedSpec = patient;
  /** @type {Symptom[]} */
  const met = [];
  /** @type {string[]} */
  let path = [];
  let symptom = first.symptom;
  /** @type {{ run: Run, remedies: readonly string[] }} */
  let best = { run: first, remedies: [] };
  while (!met.includes(symptom)) {
    met.push(symptom);
    /** @type {{ run: Run, spec: Spec, remedies: string[] } | undefined} */
    let potential;
    for (const [name, attempts] of strategy[symptom]) {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const spec = solutions[name]?.(seedSpec, attempt, random, symptom);
        if (!spec) break;
        if (trials >= budget.trials || spent >= budget.steps) return outcome(best.run, best.remedies);
        const run = await monitored(spec, set, seed, epochs);
        models.push(run.model);
        trials++;
        spent += run.steps;
        const remedies = [...path, name];
        if (run.symptom === undefined) return outcome(run, remedies);
        if (best.remedies.length === 0 || run.validation > best.run.validation) best = { run, remedies };
        // The symptom went, another came: the next to be treated, where nothing solves this one.
        if (run.symptom !== symptom && (!potential || run.validation > potential.run.validation)) potential = { run, spec, remedies };
      }
    }
    if (!potential?.run.symptom) break;
    seedSpec = potential.spec;
    path = potential.remedies;
    symptom = potential.run.symptom;
  }
  return outcome(best.run, best.remedies);
}
