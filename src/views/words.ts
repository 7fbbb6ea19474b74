import type { Expectation, Finding } from '../doctor/finding.js';
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

/** From here on a whole number is a size that happens to be whole. */
const MOST_COUNTED = 1e9;
/** From here on a ratio stands for one to zero. */
const BEYOND = 1e100;

/** What was measured: counts and steps whole, other numbers rounded. */
export function sayQuantity(value: number, rounded: (value: number) => string = say): string {
  if (Number.isInteger(value) && Math.abs(value) < MOST_COUNTED) return String(value);
  return value > BEYOND ? 'infinite' : rounded(value);
}

/** How far a finding lies beyond its limits; undefined where it has none. */
export function sayMargin(
  { margin, expected: { from, to } }: Pick<Finding, 'margin' | 'expected'>,
  rounded: (value: number) => string,
): string | undefined {
  if (from === undefined && to === undefined) return undefined;
  return margin > BEYOND ? 'far beyond the threshold' : `${rounded(margin)}, where 1 is the threshold`;
}

/** `at least 0.1, at most 2`; nothing where there are no limits. */
export function limitsOf({ from, to }: Expectation): string {
  return [...(from === undefined ? [] : [`at least ${sayQuantity(from)}`]), ...(to === undefined ? [] : [`at most ${sayQuantity(to)}`])].join(', ');
}
