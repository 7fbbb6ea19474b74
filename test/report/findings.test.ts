import { expect, it } from 'vitest';
import type { Finding } from '#src/doctor/finding.js';
import { showFinding, showFindings } from '#src/report/findings.js';
import { showLayers } from '#src/views/words.js';

const finding: Finding = {
  rule: 'saturation',
  severity: 'ill',
  layers: ['dense_2', 'dense_3', 'dense_4', 'head'],
  step: 12,
  measured: { what: 'share', value: 0.521 },
  expected: { to: 0.4, why: 'flat' },
  margin: 1.3,
  confidence: 0.561,
  cause: 'sums are too large',
  remedies: [
    { id: 'a', what: 'do a', cost: 'data' },
    { id: 'b', what: 'do b', cost: 'weights' },
  ],
};

it('names rows of layers in short', () => {
  expect(showLayers(['dense_9', 'dense_10', 'dense_11', 'head', 'dense_13', 'dense_14'])).toBe('dense_9…dense_11, head, dense_13, dense_14');
});

it('tells a finding with its numbers and its remedies', () => {
  expect(showFinding(finding).split('\n')).toEqual([
    'ILL  saturation in dense_2…dense_4, head, at step 12: sums are too large',
    '     share: 0.52, expected at most 0.4 (flat); confidence 56 %',
    '     · do a',
    '     · do b',
  ]);
  const count = { ...finding, rule: 'not-finite', step: 1237, measured: { what: 'step', value: 1237 }, expected: { why: 'finite' } };
  expect(showFinding(count).split('\n').slice(0, 2)).toEqual([
    'ILL  not-finite in dense_2…dense_4, head, at step 1237: sums are too large',
    '     step: 1237; confidence 56 %',
  ]);
  const units = { ...finding, measured: { what: 'different units', value: 1 }, expected: { from: 784, why: 'all' } };
  expect(showFinding(units)).toContain('different units: 1, expected at least 784 (all)');
  expect(
    showFindings([finding, { ...finding, severity: 'risk' }])
      .split('\n')
      .at(-1),
  ).toBe('1 ill, 1 at risk');
  expect(showFindings([])).toBe('healthy: no findings');
});
