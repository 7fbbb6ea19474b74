// @ts-check
import { bestOf, measure } from '../harness/measure.js';
import { printTable, short, writeReport } from '../harness/report.js';
import { subjects } from '../harness/subjects.js';
import { chosen, convolutions, workloads } from '../harness/workloads.js';

/**
 * Evenkeel against the others on the same dense nets.
 * @param {{ only?: string[], against?: string[], rounds: number, seconds: number, json?: string }} options
 */
export async function dense(options) {
  await compare(workloads, options);
}

/**
 * The same on a convolutional net.
 * @param {{ only?: string[], against?: string[], rounds: number, seconds: number, json?: string }} options
 */
export async function convolution(options) {
  await compare(convolutions, options);
}

/**
 * @param {readonly import('../harness/workloads.js').Workload[]} nets
 * @param {{ only?: string[], against?: string[], rounds: number, seconds: number, json?: string }} options
 */
async function compare(nets, { only, against, rounds, seconds, json }) {
  const wanted = subjects.filter((subject) => subject.own || against === undefined || against.includes(subject.id));
  const present = wanted.filter((subject) => {
    const missing = subject.missing();
    if (missing !== undefined) console.log(`${subject.label}: skipped, ${missing}`);
    return missing === undefined;
  });
  /** @type {Record<string, string>} */
  const versions = { node: process.versions.node };
  /** @type {import('../harness/measure.js').Measurement[]} */
  const results = [];
  /** @type {{ workload: string, subject: string, against: string, ratio: number }[]} */
  const ratios = [];
  for (const workload of chosen(nets, only)) {
    console.log(`\n${workload.id}: ${workload.title}`);
    const entries = present
      .filter((subject) => subject.workloads.includes(workload.id))
      .flatMap((subject) =>
        subject.threads.map((threads) => ({
          workload: workload.id,
          subject: subject.id,
          label: subject.label,
          threads,
          start: () => subject.start({ workload, threads, blockSeconds: seconds }),
        })),
      );
    const measured = await measure(entries, rounds, versions);
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
    for (const note of new Set(measured.flatMap((result) => (result.note === undefined ? [] : [`${result.subject}: ${result.note}`]))))
      console.log(`  ${note}`);
  }
  writeReport(json, { versions, results, ratios });
}
