import { describe, expect, it } from 'vitest';
import { confidenceOf, reachOf } from '#src/doctor/confidence.js';
import { confidenceTable } from '#src/doctor/confidence-table.js';
import { ruleIds } from '#src/doctor/diagnose.js';
import { groupOf, ruleGroups } from '#src/doctor/rule-groups.js';

const severities = ['ill', 'risk'] as const;

describe('confidence', () => {
  it.each(ruleIds)('of %s is a probability that never falls as the margin grows', (rule) => {
    for (const severity of severities) {
      const told = [1, 1.5, 10, 1e3, 1e6, Number.MAX_VALUE].map((margin) => confidenceOf(rule, severity, margin));
      told.forEach((one, i) => {
        expect(one).toBeGreaterThan(0);
        expect(one).toBeLessThan(1);
        expect(one).toBeGreaterThanOrEqual(told[i - 1] ?? 0);
      });
    }
  });

  it.each(ruleIds)('of %s is higher for what is ill than for a risk', (rule) => {
    expect(confidenceOf(rule, 'ill', 2)).toBeGreaterThan(confidenceOf(rule, 'risk', 2));
  });

  it('has the odds of the table at a margin', () => {
    const [offset, slope] = confidenceTable.gradients.ill;
    const told = confidenceOf('vanishing-gradient', 'ill', 10 ** 0.25);
    expect(Math.log(told / (1 - told))).toBeCloseTo(offset + 0.25 * slope, 9);
    expect(confidenceOf('vanishing-gradient', 'ill', Number.MAX_VALUE)).toBe(0.99);
    expect(reachOf(0)).toBe(0);
  });

  it('knows a rule for every group', () => {
    expect(new Set(ruleIds.map(groupOf))).toEqual(new Set(ruleGroups));
  });
});
