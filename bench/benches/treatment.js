// @ts-check
import { STEP_FACTOR, TRIALS } from '../../ward/arms/arm.js';
import { treatBy } from '../../ward/arms/treat.js';
import { scaleOf } from '../../ward/build.js';
import { missingSets, Sets } from '../../ward/data.js';
import { patientOf, STEPS } from '../../ward/patients.js';
import { train } from '../../ward/train.js';
import { median, printTable, short, writeReport } from '../harness/report.js';

/** Trainings as long as the ward's, and eight times as long: what a treatment pays once for each network weighs less there. */
const LENGTHS = [1, 8];

const treat = treatBy('evidence');

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
 * @param {import('../../ward/patients.js').Patient} drawn @param {import('../../ward/data.js').WardSet} set @param {number} times as long as so many trainings of the ward
 */
async function costOf(drawn, set, times) {
  const steps = times * STEPS;
  const patient = { ...drawn, steps };
  const { training, model } = await train(patient, set, 1);
  await model.dispose();
  const treated = await treat({ patient, set, seed: 1, budget: { trials: TRIALS, steps: STEP_FACTOR * steps } });
  if (!treated) throw new Error(`no treatment of the network of seed ${patient.seed}`);
  await treated.model.dispose();
  // A training that broke off says nothing of what a whole one takes.
  return { plain: training.seconds, treated: treated.seconds, steps: treated.steps / steps, whole: !training.diverged };
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
  for (const times of LENGTHS) {
    for (const patient of faulty(networks, absent)) {
      const cost = await costOf(patient, await sets.get(patient.dataset, scaleOf(patient)), times);
      results.push({ seed: patient.seed, times, ...cost });
    }
  }
  const rows = LENGTHS.map((times) => {
    const whole = results.filter((result) => result.times === times && result.whole);
    const of = (/** @type {(result: (typeof whole)[number]) => number} */ figure) => median(whole.map(figure));
    return [
      short(times * STEPS),
      String(whole.length),
      short(of(({ plain }) => plain)),
      `×${of(({ treated, plain }) => treated / plain).toFixed(2)}`,
      `×${of(({ steps }) => steps).toFixed(2)}`,
    ];
  });
  printTable([['steps of a training', 'networks', 'seconds of one', 'time of a treatment', 'its steps'], ...rows]);
  writeReport(json, { results, ratios: [] });
}
