import { confidenceTable } from './confidence-table.js';
import type { Severity } from './finding.js';

/** Rules whose margins are told alike; a rule that stands in none is of the group `others`. */
const groups = {
  gradients: ['vanishing-gradient', 'exploding-gradient', 'saturation'],
  signals: ['signal-dying', 'signal-exploding'],
  units: ['born-dead', 'died-in-training', 'coma'],
  speeds: ['step-too-large', 'step-too-small', 'uneven-speeds'],
  losses: ['not-finite', 'initial-loss', 'loss-stalls', 'loss-oscillates'],
  mistakes: ['loss-mismatch', 'constant-weights'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type RuleGroup = keyof typeof groups | 'others';

/** Names of all groups. */
export const ruleGroups: readonly RuleGroup[] = [...(Object.keys(groups) as (keyof typeof groups)[]), 'others'];

/** The group of a rule. */
export function groupOf(rule: string): RuleGroup {
  return ruleGroups.find((group) => group !== 'others' && (groups[group] as readonly string[]).includes(rule)) ?? 'others';
}

/** Margins beyond this say no more. */
const FARTHEST = 1e6;

/** The logarithm to base 10 of a margin, from 0 at the threshold to 6. */
export function reachOf(margin: number): number {
  return Math.log10(Math.min(Math.max(margin, 1), FARTHEST));
}

/** Probability that training suffers where a rule finds something at this margin: a logistic curve over the margin's logarithm, fitted to networks that were trained. */
export function confidenceOf(rule: string, severity: Severity, margin: number): number {
  const [offset, slope] = confidenceTable[groupOf(rule)][severity];
  return 1 / (1 + Math.exp(-(offset + slope * reachOf(margin))));
}
