import { layers, type Model, model, NdArray } from 'evenkeel';
import { expect, it } from 'vitest';
import { describeTreatment, sayEvidence } from '#src/doctor/treatment/describe.js';
import { type Grade, gradeOf } from '#src/doctor/treatment/grade.js';
import type { Evidence, Treatment } from '#src/doctor/treatment/treatment.js';

const evidence = (grade: Grade) => ({ grade, steps: 6, findings: [] }) as unknown as Evidence;
const x = NdArray.from([[0], [1], [2], [3]]);
const labels = new NdArray(Int32Array.of(0, 1, 0, 1), [4]);

/** The score of classes and numbers together is no explained variance, and neither is that of no answers at all. */
it('a grade is called what it is', async () => {
  const enter = layers.input([1]);
  const both: Model = model({
    inputs: enter,
    outputs: [layers.dense(2, { activation: 'softmax', kernelInitializer: 'zeros' }).apply(enter), layers.dense(1).apply(enter)],
  }).compile({ loss: ['sparseCategoricalCrossentropy', 'mse'] });
  const grade = await gradeOf(both, { inputs: [x], targets: [labels, x], weights: [] });
  expect(grade.explained).toBeUndefined();
  expect(sayEvidence(evidence(grade))).toMatch(/^score -?\d\.\d{3} \(of 1\) after 6 steps$/);
  expect(sayEvidence(evidence({ score: 0.5, explained: 0.5 }))).toBe('explained variance 0.500 after 6 steps');
  // As Number prints it, 61 digits would stand here.
  expect(sayEvidence(evidence({ score: -4.23712872775e60, explained: -4.23712872775e60 }))).toBe('explained variance -4.24e+60 after 6 steps');
  expect(sayEvidence(evidence({ score: -999, explained: -999 }))).toBe('explained variance -999.000 after 6 steps');
  expect(sayEvidence(evidence({ score: 0.15, saved: 0.15, accuracy: 0.973 }))).toBe(
    "accuracy 97.3 %, cross-entropy 0.150 (of 1) below that of the classes' shares after 6 steps",
  );
  expect(sayEvidence({ ...evidence({ score: 0, accuracy: 0 }), rows: 1 })).toBe('accuracy 0.0 % of 1 row after 6 steps');
  expect(sayEvidence({ ...evidence({ score: 0, accuracy: 0.5 }), rows: 50 })).toBe('accuracy 50.0 % after 6 steps');
  expect(sayEvidence(evidence({ score: -1, finite: false }))).toBe('non-finite outputs after 6 steps');
});

it('a change that ends no better is not told as one that helps', () => {
  const remedies = [{ id: 'adaptive-optimizer', cost: 'optimizer', what: 'train with adam at 0.001 instead of sgd', answers: [] }];
  const treatment = {
    ...{ outcome: 'uncured', findings: [], remedies, proposals: [], steps: 9, plainSteps: 3, seconds: 1, interrupted: false },
    ...{ before: evidence({ score: 0.2, accuracy: 0.4 }), after: evidence({ score: 0.1, accuracy: 0.3 }) },
    trials: [{ remedies, kind: 'full', steps: 3, grade: { score: 0.1 }, ill: [] }],
  } as unknown as Treatment;
  const [outcome, change] = describeTreatment(treatment).split('\n');
  expect(outcome).toBe('none of the remedies tried helps: what did best in a trial ends no better');
  expect(change).toBe('  did not help: train with adam at 0.001 instead of sgd');
  const nearer = { ...treatment, before: evidence({ score: -0.133, accuracy: 0.4 }), after: evidence({ score: -0.005, accuracy: 0.5 }) };
  expect(describeTreatment(nearer)).toContain('what did best in a trial ends no better than a constant answer\n');
  expect(describeTreatment({ ...treatment, outcome: 'cured' })).toContain('  remedy: train with adam at 0.001 instead of sgd');
});

it('a trial that scored less helped only where something helped', () => {
  const [one, two] = ['larger-batch', 'lsuv'].map((id) => ({ id, cost: 'training', what: `apply ${id}`, answers: [] }));
  const told = (outcome: Treatment['outcome'], remedies: readonly unknown[]): string =>
    describeTreatment({
      ...{ outcome, findings: [], remedies, proposals: [], steps: 9, plainSteps: 3, seconds: 1, interrupted: false },
      ...{ before: evidence({ score: 0.2, accuracy: 0.4 }), after: evidence({ score: 0.3, accuracy: 0.5 }) },
      trials: [{ remedies: [two], kind: 'short', steps: 3, grade: { score: 0.1 }, ill: [] }],
    } as unknown as Treatment);
  expect(told('uncured', [])).toContain('  did not help: apply lsuv (score 0.100)');
  expect(told('cured', [one])).toContain('  helped less: apply lsuv (score 0.100)');
});

it('what is better, but not cured, is told with what is still ill, and not with risks', () => {
  const remedies = [{ id: 'normalize', cost: 'architecture', what: 'normalize', answers: [] }];
  const after = [
    { rule: 'below-neighbours', severity: 'ill', cause: 'neighbours do better', step: 319 },
    { rule: 'saturation', severity: 'risk', cause: 'half of them are flat', step: 1 },
  ];
  const treatment = {
    ...{ outcome: 'improved', findings: [], remedies, proposals: [], trials: [], steps: 9, plainSteps: 3, seconds: 1, interrupted: false },
    ...{ before: evidence({ score: 0.2, accuracy: 0.4 }), after: { ...evidence({ score: 0.5, accuracy: 0.6 }), findings: after } },
  } as unknown as Treatment;
  const still = (one: Treatment): string[] =>
    describeTreatment(one)
      .split('\n')
      .filter((line) => line.startsWith('  still ill'));
  expect(still(treatment)).toEqual(['  still ill: below-neighbours: neighbours do better (seen at step 319)']);
  // What was not changed is told once: before and after are the same run.
  expect(still({ ...treatment, outcome: 'uncured', remedies: [] })).toEqual([]);
});

it('a network in which nothing was ill is not told as cured', () => {
  const remedies = [{ id: 'adaptive-optimizer', cost: 'training', what: 'train with adam at 0.001 instead of sgd', answers: [] }];
  const told = (severity: 'ill' | 'risk'): string | undefined => {
    const findings = [{ rule: 'saturation', severity, cause: 'half of them are flat', step: 1 }];
    const treatment = {
      ...{ outcome: 'cured', findings, remedies, proposals: [], trials: [], steps: 9, plainSteps: 3, seconds: 1, interrupted: false },
      ...{ before: evidence({ score: 0.5, accuracy: 0.6 }), after: evidence({ score: 0.8, accuracy: 0.9 }) },
    } as unknown as Treatment;
    return describeTreatment(treatment).split('\n')[0];
  };
  expect(told('risk')).toBe('nothing was ill, but the network does better with the changes');
  expect(told('ill')).toBe('cured');
});

it('what only looked ill, and did no harm, is told as that', () => {
  const findings = [{ rule: 'initial-loss', severity: 'ill', cause: 'the first loss is large', step: 1 }];
  const told = describeTreatment({
    ...{ outcome: 'healthy', findings, remedies: [], proposals: [], trials: [], steps: 3, plainSteps: 3, seconds: 1, interrupted: false },
    ...{ before: evidence({ score: 0.9, accuracy: 0.95 }), after: evidence({ score: 0.9, accuracy: 0.95 }) },
  } as unknown as Treatment);
  expect(told).toContain('the findings before the first step did no harm: the network was trained as it is');
  expect(told).toContain('  looked ill: initial-loss: the first loss is large (seen before the first step)');
  const later = describeTreatment({
    ...{ outcome: 'healthy', findings: [{ ...findings[0], step: 324 }], remedies: [], proposals: [], trials: [], steps: 3, plainSteps: 3 },
    ...{ before: evidence({ score: 0.9, accuracy: 0.95 }), after: evidence({ score: 0.9, accuracy: 0.95 }), seconds: 1, interrupted: false },
  } as unknown as Treatment);
  expect(later).toContain('the findings during training did no harm: the network was trained as it is');
  expect(later).toContain('(seen at step 324)');
});
