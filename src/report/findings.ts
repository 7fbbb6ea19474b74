import type { Finding } from '../doctor/finding.js';
import { limitsOf, sayQuantity, showLayers } from '../views/words.js';

/** One finding in a few lines: what, where, how it is known, what may answer it. */
export function showFinding({ severity, rule, layers, step, measured, expected, confidence, cause, remedies }: Finding): string {
  const where = layers.length === 0 ? '' : ` in ${showLayers(layers)}`;
  const when = step > 0 ? `, at step ${step}` : '';
  const limits = limitsOf(expected);
  return [
    `${severity === 'ill' ? 'ILL ' : 'risk'} ${rule}${where}${when}: ${cause}`,
    `     ${measured.what}: ${sayQuantity(measured.value)}${limits === '' ? '' : `, expected ${limits} (${expected.why})`}; confidence ${Math.round(100 * confidence)} %`,
    ...remedies.slice(0, 3).map(({ what }) => `     · ${what}`),
  ].join('\n');
}

/** All findings, or that there are none. */
export function showFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'healthy: no findings';
  const ill = findings.filter(({ severity }) => severity === 'ill').length;
  const count = [...(ill > 0 ? [`${ill} ill`] : ['nothing ill']), ...(findings.length > ill ? [`${findings.length - ill} at risk`] : [])].join(', ');
  return [...findings.map(showFinding), count].join('\n');
}
