// @ts-check
import { autotrainer } from './autotrainer.js';
import { treatBy } from './treat.js';

/**
 * The arms beside no treatment, which every network gets for its truth. `healthy`: whether healthy networks get it too.
 * @type {Readonly<Record<string, { readonly about: string, readonly healthy: boolean, readonly treats: boolean, readonly run: import('./arm.js').Arm }>>}
 */
export const arms = {
  evenkeel: { about: 'doctor.treat, remedies chosen by evidence', healthy: true, treats: true, run: treatBy('evidence') },
  random: { about: 'doctor.treat, the same remedies chosen at random', healthy: false, treats: true, run: treatBy('random') },
  autotrainer: { about: "AUTOTRAINER's procedure", healthy: false, treats: false, run: autotrainer },
};
