import { confidenceTable } from './confidence-table.js';
import type { Severity } from './finding.js';
import { groupOf } from './rule-groups.js';

/** Margins beyond this say no more. */
const FARTHEST = 1e6;

/** Some hundred networks tell no more than this. */
const SUREST = 0.99;

/** The logarithm to base 10 of a margin, from 0 at the threshold to 6. */
export function reachOf(margin: number): number {
  return Math.log10(Math.min(Math.max(margin, 1), FARTHEST));
}

/** Probability that training suffers where a rule finds something at this margin: a logistic curve over the margin's logarithm, fitted to networks that were trained, 0.99 at most. */
export function confidenceOf(rule: string, severity: Severity, margin: number): number {
  const [offset, slope] = confidenceTable[groupOf(rule)][severity];
  return Math.min(SUREST, 1 / (1 + Math.exp(-(offset + slope * reachOf(margin)))));
}
