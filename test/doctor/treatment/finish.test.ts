import { doctor, layers, NdArray, optimizers, Random, sequential } from 'evenkeel';
import { expect, it } from 'vitest';
import type { Course, Tried } from '#src/doctor/treatment/course.js';
import { finish } from '#src/doctor/treatment/finish.js';

const remedies = [{ id: 'lower-learning-rate', cost: 'training', what: 'lower the learning rate', answers: [] }] as const;

/** A network after its first steps, or all, as far as the end of a treatment asks. */
function tried(score: number, changed: boolean, kind: Tried['kind']): Tried {
  const run = { grade: { score }, findings: [], whole: kind === 'full', examination: { partOfNeighbours: 0.96 } };
  return { patient: {}, remedies: changed ? remedies : [], spared: [], run, kind } as unknown as Tried;
}

/** A course whose whole runs end with a score each, of the changed network and of that which is as it was. */
function courseOf(begun: Tried, ends: { readonly changed: number; readonly untreated: number; readonly affordable?: boolean }) {
  const ran: boolean[] = [];
  const course = {
    tried: [begun],
    options: { random: new Random(1) },
    canTry: () => false,
    canRun: () => ends.affordable ?? true,
    full: async (candidate: Tried) => {
      const changed = candidate.remedies.length > 0;
      ran.push(changed);
      return tried(changed ? ends.changed : ends.untreated, changed, 'full');
    },
  };
  return { course: course as unknown as Course, ran };
}

const chosen = tried(0.6, true, 'short');

it('gives back no changed network that ends worse than the first steps of the one that it was made from', async () => {
  const { course, ran } = courseOf(tried(0.5, false, 'short'), { changed: 0.3, untreated: 0.55 });
  expect((await finish(course, chosen, undefined, new Set())).remedies).toEqual([]);
  expect(ran).toEqual([true, false]);
});

it('keeps the changed one where that ends worse still, does better, or nothing is left to see it by', async () => {
  const end = async (ends: Parameters<typeof courseOf>[1], begun = 0.5) => {
    const { course, ran } = courseOf(tried(begun, false, 'short'), ends);
    const { remedies: applied, run } = await finish(course, chosen, undefined, new Set());
    return [applied.length, run.grade.score, ran.length];
  };
  expect(await end({ changed: 0.3, untreated: 0.2 })).toEqual([1, 0.3, 2]);
  expect(await end({ changed: 0.7, untreated: 0.9 })).toEqual([1, 0.7, 1]);
  expect(await end({ changed: 0.3, untreated: 0.55, affordable: false })).toEqual([1, 0.3, 1]);
});

it.each([
  ['another rate', 'lower-learning-rate', { tooLittle: 0.86, enough: 0.88 }],
  ['gates instead of a simple RNN', 'gated-recurrence', { tooLittle: 0.94, enough: 0.96 }],
])('changes a network that is well for %s only where that does so much better', async (_, id, { tooLittle, enough }) => {
  const whole = tried(0.8, false, 'full');
  const end = async (changed: number): Promise<Tried> => {
    const { course } = courseOf(tried(0.5, false, 'short'), { changed, untreated: 0.8 });
    const full = async (candidate: Tried) => ({ ...tried(changed, true, 'full'), remedies: candidate.remedies });
    return finish({ ...course, full } as unknown as Course, { ...chosen, remedies: [{ ...remedies[0], id }] }, whole, new Set());
  };
  expect(await end(tooLittle)).toBe(whole);
  expect((await end(enough)).run.grade.score).toBe(enough);
});

it('trains to its end what bends, where a network that was linear does no better: that learns sooner, and comes less far', async () => {
  const random = new Random(1);
  const rows = Array.from({ length: 3600 }, () => Array.from({ length: 10 }, () => random.normal(0, 1)));
  const labels = rows.map(([a = 0, b = 0, c = 0]) => Number(a * b + c + 0.3 * random.normal(0, 1) > 0));
  const part = (from: number, to: number) => ({
    x: NdArray.from(rows.slice(from, to)),
    y: new NdArray(Int32Array.from(labels.slice(from, to)), [to - from, 1]),
  });
  const straight = sequential([layers.input([10]), layers.dense(32), layers.dense(32), layers.dense(2, { activation: 'softmax' })], { seed: 1 });
  straight.compile({ optimizer: optimizers.adam({ learningRate: 3 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const { remedies: applied, after } = await doctor.treat(straight, part(0, 2600), { epochs: 8, validationData: part(2600, 3600) });
  expect(applied.map(({ id }) => id)).toContain('bend-layers');
  // One linear layer comes to 0.79.
  expect(after.grade.accuracy).toBeGreaterThan(0.84);
});
