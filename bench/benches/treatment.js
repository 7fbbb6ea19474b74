// @ts-check
import { doctor } from 'evenkeel';
import { STEP_FACTOR, TRIALS } from '../../ward/arms/arm.js';
import { buildModel, scaleOf } from '../../ward/build.js';
import { busySeconds } from '../../ward/clock.js';
import { missingSets, Sets } from '../../ward/data.js';
import { patientOf, STEPS } from '../../ward/patients.js';
import { endWhereNotFinite, epochsOf } from '../../ward/train.js';
import { median, printTable, short, writeReport } from '../harness/report.js';

/** Trainings as long as the ward's, and eight times as long: what a treatment pays once for each network weighs less there. */
const LENGTHS = [1, 8];

/** The first networks of the ward's open half that have an injected fault. @param {number} count @param {readonly string[]} absent data sets that are not there */
function faulty(count, absent) {
  /** @type {import('../../ward/patients.js').Patient[]} */
  const found = [];
  for (let seed = 0; found.length < count; seed++) {
    const patient = patientOf(seed);
    if (patient.fault !== null && patient.half === 'open' && !absent.includes(patient.dataset)) found.push(patient);
  }
  return found;
}

/**
 * A plain training and a treatment of one network. A treatment may spend what the ward allows it.
 * @param {import('../../ward/patients.js').Patient} patient @param {import('../../ward/data.js').WardSet} set @param {number} length in trainings of the ward
 */
async function costOf(patient, { train, validation, ...set }, length) {
  const about = { ...set, train, validation };
  const training = { epochs: length * epochsOf(patient), batchSize: patient.batchSize };
  const began = busySeconds();
  const model = buildModel(patient, about, 1);
  const { failure } = await model.fit(train.x, train.y, { ...training, verbose: 0, callbacks: [endWhereNotFinite] });
  const plain = busySeconds() - began;
  await model.dispose();
  const before = busySeconds();
  const treatment = await doctor.treat(buildModel(patient, about, 1), train, {
    ...training,
    validationData: validation,
    seed: 1,
    budget: { trials: TRIALS, steps: STEP_FACTOR * length * STEPS },
  });
  const treated = busySeconds() - before;
  await treatment.model.dispose();
  // A training that broke off says nothing of what a whole one takes.
  return { plain, treated, steps: treatment.steps / treatment.plainSteps, whole: failure === undefined, outcome: treatment.outcome };
}

/**
 * What treatments cost in plain trainings, seconds of computation and steps, of networks with an injected fault.
 * @param {{ networks?: number, json?: string }} options
 */
export async function treatment({ networks = 24, json }) {
  const absent = missingSets(process.env);
  if (absent.length > 0) console.log(`networks on ${absent.join(', ')} are left out: no such files below EVENKEEL_DATA`);
  const sets = new Sets(process.env);
  const results = [];
  for (const length of LENGTHS) {
    for (const patient of faulty(networks, absent)) {
      const cost = await costOf(patient, await sets.get(patient.dataset, scaleOf(patient)), length);
      results.push({ seed: patient.seed, length, ...cost });
    }
  }
  const rows = LENGTHS.map((length) => {
    const whole = results.filter((result) => result.length === length && result.whole);
    const of = (/** @type {(result: (typeof whole)[number]) => number} */ figure) => median(whole.map(figure));
    return [
      short(length * STEPS),
      String(whole.length),
      short(of(({ plain }) => plain)),
      `×${of(({ treated, plain }) => treated / plain).toFixed(2)}`,
      `×${of(({ steps }) => steps).toFixed(2)}`,
    ];
  });
  printTable([['steps of a training', 'networks', 'seconds of one', 'time of a treatment', 'its steps'], ...rows]);
  writeReport(json, { results, ratios: [] });
}
