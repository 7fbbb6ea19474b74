// @ts-check
import { askOnce } from '../harness/child.js';
import { median, printTable, short, writeReport } from '../harness/report.js';
import { chosen, workloads } from '../harness/workloads.js';

/** @typedef {{ only?: string[], rounds: number, json?: string, steps?: number }} Options */

const backends = ['native', 'wasm'];

/**
 * Asks fresh processes the same question about every workload on both backends, in rounds.
 * @param {string} question
 * @param {readonly string[]} ids workloads where `only` names none
 * @param {Options} options
 * @param {Record<string, unknown>} [extra]
 */
async function askAll(question, ids, { only, rounds }, extra = {}) {
  const asked = chosen(workloads, only ?? ids).flatMap((workload) =>
    backends.map((backend) => ({ workload, backend, answers: /** @type {any[]} */ ([]) })),
  );
  for (let round = 0; round < rounds; round++) {
    for (const { workload, backend, answers } of asked) {
      try {
        answers.push(await askOnce('subjects/once.js', { question, workload, backend, ...extra }));
      } catch (error) {
        if (round === 0) console.log(`  ${workload.id} ${backend}: skipped, ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  return asked.filter(({ answers }) => answers.length > 0).map(({ workload, ...rest }) => ({ workload: workload.id, ...rest }));
}

/** Time from `fit` to the end of the first step in a fresh process. @param {Options} options */
export async function startup(options) {
  const results = (await askAll('startup', ['A', 'B', 'D'], options)).map(({ workload, backend, answers }) => {
    const rounds = answers.map(({ milliseconds }) => Number(milliseconds));
    return { workload, subject: backend, medianMilliseconds: median(rounds), rounds };
  });
  printTable([
    ['from fit to the first step', 'backend', 'median ms', 'largest ms'],
    ...results.map((result) => [result.workload, result.subject, short(result.medianMilliseconds), short(Math.max(...result.rounds))]),
  ]);
  writeReport(options.json, { results, ratios: [] });
}

/** Resident memory over many steps of workload A, after the first tenth. @param {Options} options */
export async function memory(options) {
  const steps = options.steps ?? 20_000;
  const results = (await askAll('memory', ['A'], { ...options, rounds: 1 }, { steps })).map(({ workload, backend, answers }) => {
    /** @type {number[]} */
    const megabytes = answers[0].megabytes;
    const settled = megabytes.slice(Math.ceil(megabytes.length / 10));
    const middle = median(settled);
    const spread = Math.max(...settled.map((value) => Math.abs(value / middle - 1)));
    return { workload, subject: backend, steps, medianMegabytes: middle, spread, growth: Number(settled.at(-1)) / Number(settled[0]) - 1, megabytes };
  });
  const percent = (/** @type {number} */ value) => `${(100 * value).toFixed(1)} %`;
  printTable([
    [`resident memory over ${steps} steps`, 'backend', 'median MB', 'farthest from it', 'last against first'],
    ...results.map((result) => [result.workload, result.subject, short(result.medianMegabytes), percent(result.spread), percent(result.growth)]),
  ]);
  writeReport(options.json, { results, ratios: [] });
}

/** Largest pause of the event loop while steps run. @param {Options} options */
export async function eventloop(options) {
  const results = (await askAll('eventloop', ['A', 'B', 'C', 'D'], options, { steps: options.steps ?? 2000 })).map(
    ({ workload, backend, answers }) => {
      const gaps = answers.map(({ largestGap }) => Number(largestGap));
      const starts = answers.map(({ duringStart }) => Number(duringStart));
      return {
        workload,
        subject: backend,
        medianMilliseconds: median(gaps),
        largestMilliseconds: Math.max(...gaps),
        duringStart: Math.max(...starts),
        answers,
      };
    },
  );
  printTable([
    ['largest gap between 1 ms ticks', 'backend', 'median of runs, ms', 'largest, ms', 'while starting, ms'],
    ...results.map((result) => [
      result.workload,
      result.subject,
      short(result.medianMilliseconds),
      short(result.largestMilliseconds),
      short(result.duringStart),
    ]),
  ]);
  writeReport(options.json, { results, ratios: [] });
}
