/** Rules whose margins are told alike; a rule that stands in none is of the group `others`. */
const groups = {
  gradients: ['vanishing-gradient', 'exploding-gradient', 'vanishing-along-time', 'exploding-along-time', 'saturation'],
  signals: ['signal-dying', 'signal-exploding'],
  units: ['born-dead', 'died-in-training', 'coma'],
  speeds: ['step-too-large', 'step-too-small', 'uneven-speeds', 'unstable-rate'],
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
