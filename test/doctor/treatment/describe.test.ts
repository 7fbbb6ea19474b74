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
  expect(sayEvidence(evidence({ score: -1, finite: false }))).toBe('answers that are not finite after 6 steps');
});

it('a change that ends no better is not told as one that helps', () => {
  const remedies = [{ id: 'adaptive-optimizer', cost: 'optimizer', what: 'train by adam at 0.001 instead of sgd', answers: [] }];
  const treatment = {
    ...{ outcome: 'uncured', findings: [], remedies, proposals: [], steps: 9, plainSteps: 3, seconds: 1, interrupted: false },
    ...{ before: evidence({ score: 0.2, accuracy: 0.4 }), after: evidence({ score: 0.1, accuracy: 0.3 }) },
    trials: [{ remedies, kind: 'full', steps: 3, grade: { score: 0.1 }, ill: [] }],
  } as unknown as Treatment;
  expect(describeTreatment(treatment).split('\n')[0]).toBe('no remedy that was tried helps: what did best in a trial ends no better');
});

it('a network in which nothing was ill is not told as cured', () => {
  const remedies = [{ id: 'adaptive-optimizer', cost: 'training', what: 'train by adam at 0.001 instead of sgd', answers: [] }];
  const told = (severity: 'ill' | 'risk'): string | undefined => {
    const findings = [{ rule: 'saturation', severity, cause: 'half of them are flat', step: 1 }];
    const treatment = {
      ...{ outcome: 'cured', findings, remedies, proposals: [], trials: [], steps: 9, plainSteps: 3, seconds: 1, interrupted: false },
      ...{ before: evidence({ score: 0.5, accuracy: 0.6 }), after: evidence({ score: 0.8, accuracy: 0.9 }) },
    } as unknown as Treatment;
    return describeTreatment(treatment).split('\n')[0];
  };
  expect(told('risk')).toBe('nothing was ill, and it does better changed');
  expect(told('ill')).toBe('cured');
});
