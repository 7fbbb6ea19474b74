// @ts-check
import { doctor } from 'evenkeel';

/**
 * Ids of the rules that say a network is ill.
 * @param {import('evenkeel').Trace} trace
 * @returns {string[]}
 */
export const illRules = (trace) => [...new Set(doctor.diagnose(trace).flatMap(({ rule, severity }) => (severity === 'ill' ? [rule] : [])))];
