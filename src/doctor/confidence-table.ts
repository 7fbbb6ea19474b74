import type { Severity } from './finding.js';
import type { RuleGroup } from './rule-groups.js';

/** Written by `npm run bench -- confidence --fit`. Offset and slope of the logit over log10(margin), by group of rules and severity. */
export const confidenceTable: Readonly<Record<RuleGroup, Readonly<Record<Severity, readonly [offset: number, slope: number]>>>> = {
  gradients: { ill: [3.28, 0.3], risk: [-0.12, 0.08] },
  signals: { ill: [3.7, 0.24], risk: [1.1, 0.17] },
  units: { ill: [3.42, 0.01], risk: [0.65, 0.13] },
  speeds: { ill: [2.43, 0.3], risk: [1.12, 0.22] },
  losses: { ill: [1.73, 0.33], risk: [0.4, 0] },
  mistakes: { ill: [3.08, 0.14], risk: [1.61, 0.05] },
  others: { ill: [2.53, 0], risk: [-0.18, 0.6] },
};
