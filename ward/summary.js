// @ts-check
import { faults } from './faults.js';
import { bootstrap, clopperPearson, mcnemar, mean, median } from './statistics.js';
import { agree, HEALTHY, relativeTo } from './truth.js';

/**
 * @typedef {import('./run.js').WardRecord} WardRecord
 * @typedef {import('./reference.js').Reference} Reference
 * @typedef {import('./statistics.js').Interval} Interval
 * @typedef {{ readonly value: number | null, readonly interval: Interval | null, readonly of: number }} Figure of how many networks it speaks; null where of none
 */

const setOf = (/** @type {WardRecord} */ { patient }) => patient.dataset;

/** A rate with its exact interval. @template T @param {readonly T[]} list @param {(item: T) => boolean} is @returns {Figure} */
function rate(list, is) {
  const count = list.filter(is).length;
  const of = list.length;
  return of === 0 ? { value: null, interval: null, of } : { value: count / of, interval: clopperPearson(count, of), of };
}

/** A statistic with its interval over data sets. @param {readonly WardRecord[]} records @param {(records: readonly WardRecord[]) => number} statistic @returns {Figure} */
function figure(records, statistic) {
  const value = statistic(records);
  return Number.isFinite(value)
    ? { value, interval: bootstrap(records, setOf, statistic), of: records.length }
    : { value: null, interval: null, of: 0 };
}

const isSick = (/** @type {WardRecord} */ { truth }) => truth.health === 'sick';
const isHealthy = (/** @type {WardRecord} */ { truth }) => truth.health === 'healthy';

/** An alarm before the first step or after the last one is an alarm. @param {WardRecord} record */
const isNamed = ({ detection }) => detection.before.length + detection.after.length > 0;

/** Mean of the shares of the sick that raise an alarm and of the healthy that raise none. @param {(record: WardRecord) => boolean} alarms */
const balanced = (alarms) => (/** @type {readonly WardRecord[]} */ records) => {
  const [sick, healthy] = [records.filter(isSick), records.filter(isHealthy)];
  return (sick.filter(alarms).length / sick.length + healthy.filter((record) => !alarms(record)).length / healthy.length) / 2;
};

/** Whether a rule that speaks of the injected fault raised the alarm. @param {WardRecord} record */
function isRightlyNamed({ patient, detection }) {
  const rules = faults[patient.fault ?? '']?.rules ?? [];
  return [...detection.before, ...detection.after].some((rule) => rules.includes(rule));
}

/** How a detector does. @param {readonly WardRecord[]} records @param {(record: WardRecord) => boolean} alarms */
const detector = (records, alarms) => ({
  balancedAccuracy: figure(records, balanced(alarms)),
  sensitivity: rate(records.filter(isSick), alarms),
  falseAlarmRate: rate(records.filter(isHealthy), alarms),
});

/** How an arm does on sick networks. @param {readonly WardRecord[]} sick @param {string} name */
function repairs(sick, name) {
  const had = sick.filter(({ arms }) => arms[name]);
  const ratios = (/** @type {'stepRatio' | 'timeRatio'} */ of) => (/** @type {readonly WardRecord[]} */ list) =>
    median(list.flatMap(({ arms }) => (arms[name]?.error === undefined ? (arms[name]?.[of] ?? []) : [])));
  return {
    repairedRate: rate(had, ({ arms }) => arms[name]?.repaired === true),
    changedRate: rate(had, ({ arms }) => arms[name]?.changed === true),
    meanGain: figure(had, (list) => mean(list.map(({ arms, truth }) => (arms[name]?.relative ?? 0) - (truth.trainings[0]?.relative ?? 0)))),
    medianStepRatio: figure(had, ratios('stepRatio')),
    medianTimeRatio: figure(had, ratios('timeRatio')),
    errors: had.filter(({ arms }) => arms[name]?.error !== undefined).length,
  };
}

/** How often a reference's own recipe, trained with another seed, comes as near as a repaired network must: each of its scores against the mean of the others. @param {readonly Reference[]} references */
function repeats(references) {
  const drawn = references.flatMap(({ recipe, scores }) => {
    const own = scores[recipe] ?? [];
    return own.map((score, i) => relativeTo(score, mean(own.filter((_, j) => j !== i))));
  });
  return rate(drawn, (relative) => relative > HEALTHY);
}

/** Figures of a run. @param {readonly WardRecord[]} records @param {readonly Reference[]} [references] those of its sick networks */
export function summarize(records, references = []) {
  const judged = records.filter((record) => isSick(record) || isHealthy(record));
  const [sick, healthy] = [records.filter(isSick), records.filter(isHealthy)];
  const evenkeel = detector(judged, isNamed);
  const treated = repairs(sick, 'evenkeel');
  const random = repairs(sick, 'random');
  const both = sick.filter(({ arms }) => arms.evenkeel && arms.random);
  const only = (/** @type {'evenkeel' | 'random'} */ one, /** @type {'evenkeel' | 'random'} */ other) =>
    both.filter(({ arms }) => arms[one]?.repaired && !arms[other]?.repaired).length;
  const unrepairedByRandom = both.filter(({ arms }) => !arms.random?.repaired);
  const agreed = judged.filter(({ truth }) => agree(truth.trainings));
  const injected = sick.filter(({ patient }) => patient.fault !== null);
  const figures = {
    balancedAccuracy: evenkeel.balancedAccuracy,
    falseAlarmRate: evenkeel.falseAlarmRate,
    namedBeforeFirstStep: rate(sick, ({ detection }) => detection.before.length > 0),
    rightFault: rate(injected, isRightlyNamed),
    repairedRate: treated.repairedRate,
    meanGain: treated.meanGain,
    medianStepRatio: treated.medianStepRatio,
    medianTimeRatio: treated.medianTimeRatio,
    randomRepairedRate: random.repairedRate,
    healthyLeftAlone: rate(
      healthy.filter(({ arms }) => arms.evenkeel),
      ({ arms }) => arms.evenkeel?.changed === false,
    ),
  };
  const values = /** @type {Record<keyof typeof figures, number | null>} */ (
    Object.fromEntries(Object.entries(figures).map(([name, { value }]) => [name, value]))
  );
  return {
    ...values,
    mcnemarP: both.length > 0 ? mcnemar(only('evenkeel', 'random'), only('random', 'evenkeel')) : null,
    networks: records.length,
    healthy: healthy.length,
    sick: sick.length,
    grey: records.length - judged.length,
    intervals: Object.fromEntries(Object.entries(figures).map(([name, { interval }]) => [name, interval])),
    of: Object.fromEntries(Object.entries(figures).map(([name, { of }]) => [name, of])),
    repairedWhereRandomFails: rate(unrepairedByRandom, ({ arms }) => arms.evenkeel?.repaired === true),
    recipeRepeated: repeats(references),
    /** Of networks that are the same with every seed: the doctor sees one training, the truth is that of most. */
    agreed: { ...detector(agreed, isNamed), repairedRate: repairs(agreed.filter(isSick), 'evenkeel').repairedRate },
    detectors: {
      evenkeelBefore: detector(judged, ({ detection }) => detection.before.length > 0),
      evenkeelAfter: detector(judged, ({ detection }) => detection.after.length > 0),
      sagemaker: detector(judged, ({ detection }) => detection.sagemaker.length > 0),
    },
    arms: {
      none: { sick: sick.length, meanRelative: figure(sick, (list) => mean(list.map(({ truth }) => truth.trainings[0]?.relative ?? 0))) },
      evenkeel: treated,
      random,
      autotrainer: repairs(sick, 'autotrainer'),
    },
    byFault: by(records, ({ patient }) => patient.fault ?? patient.odd ?? 'none'),
    byDataset: by(records, setOf),
    byBody: by(records, ({ patient }) => patient.body),
  };
}

/** Counts by what a network is. @param {readonly WardRecord[]} records @param {(record: WardRecord) => string} nameOf */
function by(records, nameOf) {
  const names = [...new Set(records.map(nameOf))].sort();
  return Object.fromEntries(
    names.map((name) => {
      const of = records.filter((record) => nameOf(record) === name);
      const sick = of.filter(isSick);
      const healthy = of.filter(isHealthy);
      return [
        name,
        {
          networks: of.length,
          sick: sick.length,
          healthy: healthy.length,
          named: sick.filter(isNamed).length,
          namedBefore: sick.filter(({ detection }) => detection.before.length > 0).length,
          rightlyNamed: sick.filter(isRightlyNamed).length,
          falseAlarms: healthy.filter(isNamed).length,
          repaired: sick.filter(({ arms }) => arms.evenkeel?.repaired).length,
          repairedByRandom: sick.filter(({ arms }) => arms.random?.repaired).length,
          repairedByAutotrainer: sick.filter(({ arms }) => arms.autotrainer?.repaired).length,
        },
      ];
    }),
  );
}
