// @ts-check
import { median } from './report.js';

/**
 * One subject with one number of threads on one workload.
 * @typedef {object} Measurement
 * @property {string} workload
 * @property {string} subject
 * @property {number} threads
 * @property {string} [variant] the fastest of the ways in which the subject can run the step
 * @property {string} [note]
 * @property {number} medianMicroseconds
 * @property {number} minimumMicroseconds
 * @property {number[]} rounds
 */

/**
 * @typedef {object} Entry
 * @property {string} workload
 * @property {string} subject
 * @property {string} label
 * @property {number} threads
 * @property {() => import('./child.js').Child} start
 */

const messageOf = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));

/**
 * Measures entries interleaved: one block of each in every round, so that what else the machine does hits all alike. Only one works at a time.
 * @param {readonly Entry[]} entries
 * @param {number} rounds
 * @param {Record<string, string>} versions filled in
 * @returns {Promise<Measurement[]>}
 */
export async function measure(entries, rounds, versions) {
  /** @type {{ child: import('./child.js').Child, result: Measurement }[]} */
  const running = [];
  for (const { workload, subject, label, threads, start } of entries) {
    const child = start();
    try {
      const { variant, note, ...ready } = await child.answer();
      Object.assign(versions, ready.versions);
      const facts = { ...(variant === undefined ? {} : { variant }), ...(note === undefined ? {} : { note }) };
      running.push({
        child,
        result: { workload, subject, threads: ready.threads ?? threads, ...facts, medianMicroseconds: 0, minimumMicroseconds: 0, rounds: [] },
      });
    } catch (error) {
      console.log(`  ${label}, ${threads} thread(s): skipped, ${messageOf(error)}`);
      await child.stop();
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { child, result } of running) {
      // A subject that broke stays out of the later rounds.
      if (result.rounds.length < round) continue;
      try {
        result.rounds.push((await child.go()).microsecondsPerStep);
      } catch (error) {
        console.log(`  ${result.subject}, ${result.threads} thread(s): stopped in round ${round + 1}, ${messageOf(error)}`);
      }
    }
  }
  await Promise.all(running.map(({ child }) => child.stop()));
  return running
    .map(({ result }) => ({ ...result, medianMicroseconds: median(result.rounds), minimumMicroseconds: Math.min(...result.rounds) }))
    .filter((result) => result.rounds.length > 0);
}

/** The best thread count of each subject. @param {readonly Measurement[]} results */
export function bestOf(results) {
  /** @type {Map<string, Measurement>} */
  const best = new Map();
  for (const result of results) {
    const known = best.get(result.subject);
    if (known === undefined || result.medianMicroseconds < known.medianMicroseconds) best.set(result.subject, result);
  }
  return best;
}
