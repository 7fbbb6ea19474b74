import type { Severity } from './finding.js';
import type { RuleGroup } from './rule-groups.js';

/** Written by `npm run bench -- confidence --fit`. Offset and slope of the logit over log10(margin), by group of rules and severity. */
export const confidenceTable: Readonly<Record<RuleGroup, Readonly<Record<Severity, readonly [offset: number, slope: number]>>>> = {
  gradients: { ill: [3.28, 0.3], risk: [-0.18, 0.14] },
  signals: { ill: [3.69, 0.25], risk: [1.1, 0.17] },
  units: { ill: [2.68, 0.02], risk: [0.92, 0.09] },
  speeds: { ill: [2.67, 0.31], risk: [1.36, 0.14] },
  losses: { ill: [1.72, 0.33], risk: [0.39, 0] },
  mistakes: { ill: [3.19, 0.17], risk: [0.27, 0] },
  others: { ill: [2.51, 0], risk: [-0.18, 0.6] },
};
