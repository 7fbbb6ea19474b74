// @ts-check
import { median, printTable, short, writeReport } from '../harness/report.js';
import { subjects } from '../harness/subjects.js';
import { workloads } from '../harness/workloads.js';

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
 * Measures one workload on every subject, interleaved: one block of each in every round, so that what else the machine does hits all alike.
 * @param {import('../harness/workloads.js').Workload} workload
 * @param {readonly import('../harness/subjects.js').Subject[]} chosen
 * @param {{ rounds: number, seconds: number }} options
 * @param {Record<string, string>} versions filled in
 */
async function measure(workload, chosen, { rounds, seconds }, versions) {
  /** @type {{ child: import('../harness/child.js').Child, result: Measurement }[]} */
  const running = [];
  for (const subject of chosen) {
    for (const threads of subject.threads) {
      const child = subject.start({ workload, threads, blockSeconds: seconds });
      try {
        /** @type {import('../harness/child.js').Ready} */
        const ready = await child.answer();
        Object.assign(versions, ready.versions);
        const { variant, note } = ready;
        const facts = { ...(variant === undefined ? {} : { variant }), ...(note === undefined ? {} : { note }) };
        const result = { workload: workload.id, subject: subject.id, threads: ready.threads ?? threads, ...facts, medianMicroseconds: 0, minimumMicroseconds: 0, rounds: [] };
        running.push({ child, result });
      } catch (error) {
        console.log(`  ${subject.label}, ${threads} thread(s): skipped, ${error instanceof Error ? error.message : error}`);
        await child.stop();
      }
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { child, result } of running) {
      try {
        const { microsecondsPerStep } = await child.go();
        result.rounds.push(microsecondsPerStep);
      } catch (error) {
        if (result.rounds.length === round) console.log(`  ${result.subject}, ${result.threads} thread(s): ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  await Promise.all(running.map(({ child }) => child.stop()));
  return running
    .map(({ result }) => ({ ...result, medianMicroseconds: median(result.rounds), minimumMicroseconds: Math.min(...result.rounds) }))
    .filter((result) => result.rounds.length > 0);
}

/**
 * The best thread count of each subject.
 * @param {readonly Measurement[]} results
 */
function bestOf(results) {
  /** @type {Map<string, Measurement>} */
  const best = new Map();
  for (const result of results) {
    const known = best.get(result.subject);
    if (known === undefined || result.medianMicroseconds < known.medianMicroseconds) best.set(result.subject, result);
  }
  return best;
}

/**
 * Evenkeel against the others on the same dense nets.
 * @param {{ only?: string[], against?: string[], rounds: number, seconds: number, json?: string }} options
 */
export async function dense({ only, against, rounds, seconds, json }) {
  const chosen = subjects.filter((subject) => subject.own || against === undefined || against.includes(subject.id));
  const present = chosen.filter((subject) => {
    const missing = subject.missing();
    if (missing !== undefined) console.log(`${subject.label}: skipped, ${missing}`);
    return missing === undefined;
  });
  /** @type {Record<string, string>} */
  const versions = { node: process.versions.node };
  /** @type {Measurement[]} */
  const results = [];
  /** @type {{ workload: string, subject: string, against: string, ratio: number }[]} */
  const ratios = [];
  for (const workload of workloads.filter(({ id }) => only === undefined || only.includes(id))) {
    console.log(`\n${workload.id}: ${workload.title}`);
    const measured = await measure(workload, present.filter((subject) => subject.workloads.includes(workload.id)), { rounds, seconds }, versions);
    results.push(...measured);
    const best = bestOf(measured);
    const own = subjects.flatMap((subject) => (subject.own ? [best.get(subject.id)] : [])).filter((result) => result !== undefined);
    for (const mine of own) {
      for (const [id, theirs] of best) {
        if (own.some((result) => result.subject === id)) continue;
        ratios.push({ workload: workload.id, subject: mine.subject, against: id, ratio: theirs.medianMicroseconds / mine.medianMicroseconds });
      }
    }
    const ratioOf = (/** @type {string} */ subject, /** @type {string} */ id) => {
      const found = ratios.find((entry) => entry.workload === workload.id && entry.subject === subject && entry.against === id);
      return found === undefined ? '' : `${short(found.ratio)}×`;
    };
    printTable([
      ['', 'threads', 'median µs', 'least µs', 'native is', 'WASM is', 'variant'],
      ...[...best].map(([id, result]) => [
        subjects.find((subject) => subject.id === id)?.label ?? id,
        String(result.threads),
        short(result.medianMicroseconds),
        short(result.minimumMicroseconds),
        ratioOf('native', id),
        ratioOf('wasm', id),
        result.variant ?? '',
      ]),
    ]);
    for (const note of new Set(measured.flatMap((result) => (result.note === undefined ? [] : [`${result.subject}: ${result.note}`])))) console.log(`  ${note}`);
  }
  writeReport(json, { versions, results, ratios });
}
