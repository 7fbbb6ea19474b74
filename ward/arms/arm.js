// @ts-check

/**
 * What an arm is given: a patient with its data, and how much it may spend. The test rows of `set` are not for it to look at: arms take `train` and `validation`.
 * @typedef {object} Case
 * @property {import('../patients.js').Patient} patient
 * @property {Pick<import('../data.js').WardSet, 'task' | 'pixels' | 'classes' | 'features' | 'grid' | 'chance' | 'train' | 'validation'>} set
 * @property {number} seed of the weights and of the order of the rows
 * @property {{ readonly trials: number, readonly steps: number }} budget
 */

/**
 * What an arm made of it.
 * @typedef {object} Outcome
 * @property {import('evenkeel').Model} model trained
 * @property {boolean} changed whether anything differs from the patient
 * @property {readonly string[]} remedies ids, in the order in which they were kept
 * @property {number} steps all that were taken, trials included
 * @property {number} seconds of computation
 */

/** @typedef {(given: Case) => Promise<Outcome | null>} Arm null where it does not apply */

/** Most trials, and most steps as a multiple of one plain training. */
export const TRIALS = 8;
export const STEP_FACTOR = 5;
