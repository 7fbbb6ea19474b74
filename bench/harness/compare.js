// @ts-check
import { nodeChild } from './child.js';
import { bestOf, measure } from './measure.js';
import { printTable, short, writeReport } from './report.js';

/**
 * Two ways of training the same net on Evenkeel, interleaved, on both backends, each at its best of 1 and 2 threads.
 * `ratio` in the report is the first one's time over the second one's, so that above 1 means that the second is faster.
 * @param {readonly { label: string, workload: import('./workloads.js').Workload, optimizer?: 'sgd' | 'adam', stddev?: number, vitals?: { every?: number, level?: string } }[]} ways the first is the yardstick
 * @param {{ rounds: number, seconds: number, json?: string }} options
 */
export async function compareOwn(ways, { rounds, seconds, json }) {
  /** @type {Record<string, string>} */
  const versions = { node: process.versions.node };
  const results = [];
  const ratios = [];
  for (const backend of ['native', 'wasm']) {
    const entries = ways.flatMap(({ label, ...request }) =>
      [1, 2].map((threads) => ({
        workload: request.workload.id,
        subject: label,
        label: `${label} (${backend})`,
        threads,
        start: () => nodeChild('subjects/evenkeel.js', { ...request, backend, threads, blockSeconds: seconds }),
      })),
    );
    console.log(`\n${backend}: ${ways[0]?.workload.title}`);
    const measured = await measure(entries, rounds, versions);
    results.push(...measured.map((result) => ({ backend, ...result })));
    const best = [...bestOf(measured).values()];
    const yardstick = best.find(({ subject }) => subject === ways[0]?.label);
    printTable([
      ['', 'threads', 'median µs', 'least µs', `times ${ways[0]?.label}`],
      ...best.map((result) => [
        result.subject,
        String(result.threads),
        short(result.medianMicroseconds),
        short(result.minimumMicroseconds),
        yardstick === undefined ? '' : short(result.medianMicroseconds / yardstick.medianMicroseconds),
      ]),
    ]);
    for (const result of best) {
      if (yardstick === undefined || result === yardstick) continue;
      ratios.push({
        workload: result.workload,
        subject: backend,
        against: `${yardstick.subject} over ${result.subject}`,
        ratio: yardstick.medianMicroseconds / result.medianMicroseconds,
      });
    }
  }
  const report = { versions, results, ratios };
  if (json !== undefined) writeReport(json, report);
  return report;
}
