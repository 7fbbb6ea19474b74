import { NdArray, Random } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Sets } from '../../ward/data.js';
import { type Patient, patientOf } from '../../ward/patients.js';
import { measureReference } from '../../ward/reference.js';
import { runPatient } from '../../ward/run.js';
import { summarize } from '../../ward/summary.js';

/** The embedded pictures alone, so that no data are needed. */
const small: Patient = {
  ...patientOf(0),
  seed: 0,
  dataset: 'glyphs',
  task: 'classes',
  kind: 'plain',
  odd: null,
  fault: null,
  depth: 2,
  width: 32,
  activation: { name: 'relu' },
  kernelInitializer: { name: 'heNormal' },
  biasInitializer: { name: 'zeros' },
  normalization: 'none',
  skip: false,
  dropout: 0,
  optimizer: { name: 'adam', learningRate: 0.001 },
  batchSize: 32,
  scaling: 'standard',
  head: { activation: 'softmax', loss: { name: 'sparseCategoricalCrossentropy' } },
};
const faulty: Patient = { ...small, seed: 1, kind: 'fault', fault: 'equal-weights', kernelInitializer: { name: 'zeros' } };

const sets = new Sets({});

/** The same sets, their test labels in another order. */
class Shuffled extends Sets {
  override async get(...asked: Parameters<Sets['get']>) {
    const set = await sets.get(...asked);
    const order = new Random(1).permutation(set.test.y.size);
    return { ...set, test: { ...set.test, y: new NdArray(Int32Array.from(order, (row) => set.test.y.at(row))) } };
  }
}

const reference = await measureReference(small, sets, ['he']);
const [healthy, sick] = [
  await runPatient(small, { sets, reference: reference.score, arms: ['autotrainer'] }),
  await runPatient(faulty, { sets, reference: reference.score, arms: ['autotrainer'] }),
];

describe('a network of the ward', () => {
  it('is healthy where it learns as the recipe does', () => {
    // A network of two hidden layers passes 95 % on the whole set, and comes near it on a sixth.
    expect(reference.score).toBeGreaterThan(0.75);
    expect(healthy.truth.health).toBe('healthy');
    expect(healthy.arms).toEqual({});
  });

  it('is sick where it learns nothing, and named before the first step', () => {
    expect(sick.truth.health).toBe('sick');
    expect(sick.truth.trainings.every(({ relative }) => relative < 0.2)).toBe(true);
    expect(sick.detection.before).toContain('constant-weights');
  });

  it('is repaired, or not, within the budget', () => {
    const arm = sick.arms.autotrainer;
    expect(arm?.error).toBeUndefined();
    expect(arm?.steps).toBeGreaterThan(0);
    // The last trial may begin just below the bound of five plain trainings.
    expect(arm?.stepRatio).toBeLessThanOrEqual(6);
    expect(arm?.repaired).toBe((arm?.relative ?? 0) > 0.97);
  });

  it('is looked at and treated without its test rows', async () => {
    const other = await runPatient(faulty, { sets: new Shuffled({}), reference: reference.score, arms: ['autotrainer'] });
    expect(other.detection).toEqual(sick.detection);
    expect(other.arms.autotrainer?.remedies).toEqual(sick.arms.autotrainer?.remedies);
    expect(other.arms.autotrainer?.steps).toBe(sick.arms.autotrainer?.steps);
  });
});

describe('the summary', () => {
  const summary = summarize([healthy, sick]);

  it('counts', () => {
    expect([summary.networks, summary.healthy, summary.sick, summary.grey]).toEqual([2, 1, 1, 0]);
  });

  it('has every figure, null where nothing was run', () => {
    expect(summary).toMatchObject({ namedBeforeFirstStep: 1, rightFault: 1, repairedRate: null, mcnemarP: null, healthyLeftAlone: null });
    expect(summary.arms.autotrainer.repairedRate.of).toBe(1);
    expect(summary.intervals.namedBeforeFirstStep?.[0]).toBeCloseTo(0.025, 10);
  });

  it('tells apart what every seed agrees on', () => {
    const [first, ...rest] = healthy.truth.trainings;
    const alarmed = { ...healthy, detection: { ...healthy.detection, before: ['saturation'] } };
    // The same alarm over a network of which one training went wrong: it counts as healthy, but not among those that agree.
    const torn = { ...alarmed, truth: { ...healthy.truth, trainings: [{ ...first, relative: 0.5 }, ...rest] } } as typeof healthy;
    const { agreed, falseAlarmRate } = summarize([healthy, alarmed, torn, sick]);
    expect(falseAlarmRate).toBeCloseTo(2 / 3, 12);
    expect(agreed.falseAlarmRate).toMatchObject({ value: 0.5, of: 2 });
    expect(agreed.sensitivity).toMatchObject({ value: 1, of: 1 });
  });

  it('tells how often a recipe repeats itself', () => {
    // 0.90 against the mean of 0.93 and 0.96 is 0.952 of it, 0.93 against 0.93 and 0.96 against 0.915 are near enough.
    const measured = { key: '', recipe: 'he', score: 0.93, scores: { he: [0.9, 0.93, 0.96], glorot: [0, 0, 0] }, seconds: 1 };
    expect(summary.recipeRepeated).toMatchObject({ value: null, of: 0 });
    expect(summarize([sick], [measured]).recipeRepeated).toMatchObject({ value: 2 / 3, of: 3 });
  });
});
