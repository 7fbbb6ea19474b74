// @ts-check
import { compareOwn } from '../harness/compare.js';
import { writeReport } from '../harness/report.js';
import { chosen, workloads } from '../harness/workloads.js';

/**
 * What vital signs cost: at the default sampling, moments at every step, and everything at every step, over a fit that is not watched.
 * @param {{ only?: readonly string[], rounds: number, seconds: number, json?: string }} options
 */
export async function watch({ only = ['A', 'B', 'C', 'D'], json, ...options }) {
  /** @type {Awaited<ReturnType<typeof compareOwn>>[]} */
  const reports = [];
  for (const workload of chosen(workloads, only)) {
    reports.push(
      await compareOwn(
        [
          { label: 'not watched', workload },
          { label: 'default', workload, vitals: {} },
          { label: 'moments, every step', workload, vitals: { every: 1, level: 'moments' } },
          { label: 'everything, every step', workload, vitals: { every: 1 } },
        ],
        options,
      ),
    );
  }
  writeReport(json, {
    versions: reports[0]?.versions ?? {},
    results: reports.flatMap(({ results }) => results),
    ratios: reports.flatMap(({ ratios }) => ratios),
  });
}
