import { readFileSync } from 'node:fs';
import { doctor, parseTrace } from 'evenkeel';
import { expect, it } from 'vitest';

it('the lines of docs/trace-schema.md are a trace that the doctor reads', () => {
  const lines = [...readFileSync('docs/trace-schema.md', 'utf8').matchAll(/^```json\n([\s\S]*?)^```/gm)].map((match) => match[1]).join('');
  const trace = parseTrace(lines, 'the page');
  expect([trace.steps.length, trace.passes.length, trace.epochs.length, trace.failure?.step, trace.end?.steps]).toEqual([1, 1, 1, 231, 230]);
  expect(doctor.diagnose(trace).map(({ rule }) => rule)).toEqual(['not-finite']);
});
