import type { Severity } from './finding.js';
import type { RuleGroup } from './rule-groups.js';

/** Written by `npm run bench -- confidence --fit`. Offset and slope of the logit over log10(margin), by group of rules and severity. */
export const confidenceTable: Readonly<Record<RuleGroup, Readonly<Record<Severity, readonly [offset: number, slope: number]>>>> = {
  gradients: { ill: [3.18, 0.3], risk: [0.36, 0] },
  signals: { ill: [3.78, 0.23], risk: [1.11, 0.16] },
  units: { ill: [3.5, 0.01], risk: [0.66, 0.13] },
  speeds: { ill: [2.76, 0.33], risk: [0.96, 0.19] },
  losses: { ill: [2.38, 0.32], risk: [0.37, 0] },
  mistakes: { ill: [3.18, 0.13], risk: [1.66, 0.05] },
  others: { ill: [2.68, 0], risk: [-0.18, 0.6] },
};
