import type { Expectation } from '../doctor/finding.js';
import { say } from '../doctor/rule.js';

/** Names of layers, rows of numbered ones in short: `dense_2…dense_19`. */
export function showLayers(names: readonly string[]): string {
  const runs: string[][] = [];
  for (const name of names) {
    const run = runs.at(-1);
    if (run && follows(run.at(-1) ?? '', name)) run.push(name);
    else runs.push([name]);
  }
  return runs.map((run) => (run.length > 2 ? `${run[0]}…${run.at(-1)}` : run.join(', '))).join(', ');
}

function follows(before: string, after: string): boolean {
  const [, stem, number] = /^(.*_)(\d+)$/.exec(before) ?? [];
  return stem !== undefined && after === `${stem}${Number(number) + 1}`;
}

/** `at least 0.1, at most 2`; nothing where there are no limits. */
export function limitsOf({ from, to }: Expectation): string {
  return [...(from === undefined ? [] : [`at least ${say(from)}`]), ...(to === undefined ? [] : [`at most ${say(to)}`])].join(', ');
}
