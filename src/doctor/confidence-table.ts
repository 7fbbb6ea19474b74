import type { Severity } from './finding.js';
import type { RuleGroup } from './rule-groups.js';

/** Written by `npm run bench -- confidence --fit`. Offset and slope of the logit over log10(margin), by group of rules and severity. */
export const confidenceTable: Readonly<Record<RuleGroup, Readonly<Record<Severity, readonly [offset: number, slope: number]>>>> = {
  gradients: { ill: [4, 0.25], risk: [0.47, 0] },
  signals: { ill: [3.83, 0.21], risk: [1.93, 0] },
  units: { ill: [3.7, 0.01], risk: [0.67, 0.13] },
  speeds: { ill: [2.87, 0.37], risk: [0.82, 0.14] },
  losses: { ill: [3.59, 0.17], risk: [0.42, 0] },
  mistakes: { ill: [3.43, 0.1], risk: [1.75, 0.04] },
  others: { ill: [3.65, 0.21], risk: [-0.2, 0.31] },
};
