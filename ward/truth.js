// @ts-check

/** Below this part of the reference's score a training has failed; above `HEALTHY` it has worked. */
export const SICK = 0.9;
export const HEALTHY = 0.97;
/** Seeds of the trainings that say what a network is; the first one is watched, and the arms start from it. */
export const TRUTH_SEEDS = [1, 2, 3];

/** @typedef {'sick' | 'healthy' | 'grey'} Health */

/** A score as a part of the reference's, from 0 (chance or worse) on. @param {number} score @param {number} reference */
export const relativeTo = (score, reference) => Math.max(0, score / reference);

/** @typedef {{ readonly relative: number, readonly diverged: boolean }} Outcome of one training */

const failed = (/** @type {Outcome} */ { relative, diverged }) => diverged || relative < SICK;
const worked = (/** @type {Outcome} */ { relative, diverged }) => !diverged && relative > HEALTHY;

/**
 * What a network is, from trainings of several seeds: sick if most failed or diverged, healthy if most worked, else grey.
 * @param {readonly Outcome[]} trainings
 * @returns {Health}
 */
export function healthOf(trainings) {
  const most = (/** @type {(training: Outcome) => boolean} */ is) => trainings.filter(is).length > trainings.length / 2;
  if (most(failed)) return 'sick';
  return most(worked) ? 'healthy' : 'grey';
}

/** Whether each training by itself says what most of them say. @param {readonly Outcome[]} trainings */
export const agree = (trainings) => trainings.every(failed) || trainings.every(worked);
