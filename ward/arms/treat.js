// @ts-check
import { doctor } from 'evenkeel';
import { buildModel } from '../build.js';
import { busySeconds } from '../clock.js';
import { epochsOf } from '../train.js';

/**
 * @typedef {object} Treatment what `doctor.treat` gives, as far as the ward reads it
 * @property {import('evenkeel').Model} model
 * @property {readonly { readonly id: string }[]} remedies
 * @property {boolean} changed
 * @property {number} steps
 */

/** @returns {((model: import('evenkeel').Model, train: object, options: object) => Promise<Treatment>) | undefined} */
const treatment = () => /** @type {any} */ (doctor).treat;

/** What keeps treatments from being graded; nothing where all is there. */
export function treatmentMissing() {
  return treatment() === undefined
    ? 'this build of the package has no doctor.treat, so neither its treatment nor random remedies can be graded; leave them out: --arms none,autotrainer'
    : undefined;
}

/** The doctor's treatment, its remedies chosen as said. @param {'evidence' | 'random'} choose @returns {import('./arm.js').Arm} */
export const treatBy =
  (choose) =>
  async ({ patient, set, seed, budget }) => {
    const treat = treatment();
    if (!treat) throw new Error(treatmentMissing());
    const started = busySeconds();
    const model = buildModel(patient, set, seed);
    const {
      model: treated,
      remedies,
      changed,
      steps,
    } = await treat(model, set.train, {
      validationData: set.validation,
      epochs: epochsOf(patient),
      batchSize: patient.batchSize,
      // Remedies that chance chooses are others for each network: else all would share the luck of one draw.
      seed: choose === 'random' ? patient.seed : seed,
      budget,
      choose,
    });
    const seconds = busySeconds() - started;
    if (treated !== model) await model.dispose();
    return { model: treated, changed, remedies: remedies.map(({ id }) => id), steps, seconds };
  };
