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

/** `at least 0.1, at most 2`; nothing where there are no limits. */
export function limitsOf({ from, to }: Expectation): string {
  return [...(from === undefined ? [] : [`at least ${say(from)}`]), ...(to === undefined ? [] : [`at most ${say(to)}`])].join(', ');
}

/** One finding in a few lines: what, where, how it is known, what may answer it. */
export function showFinding({ severity, rule, layers, step, measured, expected, confidence, cause, remedies }: Finding): string {
  const where = layers.length === 0 ? '' : ` in ${showLayers(layers)}`;
  const when = step > 0 ? `, step ${step}` : '';
  const limits = limitsOf(expected);
  return [
    `${severity === 'ill' ? 'ILL ' : 'risk'} ${rule}${where}${when}: ${cause}`,
    `     ${measured.what}: ${say(measured.value)}${limits === '' ? '' : `, expected ${limits} (${expected.why})`}; confidence ${Math.round(100 * confidence)} %`,
    ...remedies.slice(0, 3).map(({ what }) => `     · ${what}`),
  ].join('\n');
}

/** All findings, or that there are none. */
export function showFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'healthy: nothing found';
  const ill = findings.filter(({ severity }) => severity === 'ill').length;
  const count = [...(ill > 0 ? [`${ill} ill`] : ['nothing ill']), ...(findings.length > ill ? [`${findings.length - ill} at risk`] : [])].join(', ');
  return [...findings.map(showFinding), count].join('\n');
}
