import { type Loss, losses, Random } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { evaluate, fixed } from '../evaluate.js';

const random = new Random(11);
const ROWS = 60;
const weights = Array.from({ length: ROWS }, () => random.uniform(0.1, 3));
const numbers = Array.from({ length: ROWS }, () => Math.exp(random.normal(0, 1)));
const counts = numbers.map((value) => Math.round(3 * value));
const signs = numbers.map((value) => Number(value > 1.8));

const cases: readonly (readonly [name: string, loss: Loss, targets: readonly number[], outputs: readonly [from: number, to: number]])[] = [
  ['meanSquaredError', losses.meanSquaredError(), numbers, [0, 5]],
  ['meanAbsoluteError', losses.meanAbsoluteError(), numbers, [0, 5]],
  ['huber', losses.huber({ delta: 0.7 }), numbers, [0, 5]],
  ['logCosh', losses.logCosh(), numbers, [0, 5]],
  ['meanSquaredLogarithmicError', losses.meanSquaredLogarithmicError(), numbers, [0, 5]],
  ['poisson', losses.poisson(), counts, [0.5, 20]],
  ['hinge', losses.hinge(), signs, [-2, 2]],
  ['squaredHinge', losses.squaredHinge(), signs, [-2, 2]],
  ['binaryCrossentropy', losses.binaryCrossentropy(), signs, [0.01, 0.99]],
];

const column = (values: readonly number[]) =>
  fixed(
    values.map((value) => [value]),
    'float64',
  );

/** Mean weighed losses, as the graph makes them, where all outputs are one constant. */
async function lossesOf(loss: Loss, targets: readonly number[], constants: readonly number[]): Promise<number[]> {
  const graphs = constants.map((constant, i) => [`of${i}`, loss.perSample(column(targets), column(targets.map(() => constant)))] as const);
  const values = await evaluate(Object.fromEntries(graphs));
  return constants.map((_, i) => (values[`of${i}`] ?? []).reduce((sum, value, row) => sum + (value * (weights[row] ?? 0)) / ROWS, 0));
}

describe('what the best constant output comes to', () => {
  it.each(cases)('%s: the least over a grid', async (_, loss, targets, [from, to]) => {
    const grid = Array.from({ length: 401 }, (_, i) => from + ((to - from) * i) / 400);
    const least = Math.min(...(await lossesOf(loss, targets, grid)));
    const found = loss.chance?.({ numbers: targets, width: 1, units: 1, weights })?.loss ?? Number.NaN;
    expect(found).toBeLessThanOrEqual(least + 1e-6);
    expect(found).toBeGreaterThan(least - 1e-3 * Math.abs(least));
  });

  it('of several columns each has its own', () => {
    const { chance } = losses.meanAbsoluteError();
    const both = counts.flatMap((count, i) => [count, numbers[i] ?? 0]);
    const alone = [counts, numbers].map((targets) => chance?.({ numbers: targets, width: 1, units: 1, weights })?.loss ?? Number.NaN);
    const together = chance?.({ numbers: both, width: 2, units: 2, weights })?.loss;
    expect(together).toBeCloseTo(((alone[0] ?? 0) + (alone[1] ?? 0)) / 2, 9);
  });

  it('poisson and cosines have least losses of their own', async () => {
    const even = { width: 1, units: 1 };
    const exact = counts.reduce((sum, count) => sum + (count > 0 ? count - count * Math.log(count) : 0), 0) / ROWS;
    expect(losses.poisson().chance?.({ numbers: counts, ...even })?.least).toBeCloseTo(exact, 4);
    // Of directions at right angles the mean lies between them, at 45 degrees to each.
    const cosines = losses.cosineSimilarity().chance?.({ numbers: [3, 0, 0, 5], width: 2, units: 2 });
    expect(cosines).toMatchObject({ loss: expect.closeTo(-Math.SQRT1_2, 9), least: expect.closeTo(-1, 9) });
  });

  it('undecided outputs give every class as much', () => {
    const rare = Array.from({ length: 100 }, (_, i) => Number(i === 0));
    const entropy = -(0.01 * Math.log(0.01) + 0.99 * Math.log(0.99));
    expect(losses.binaryCrossentropy().chance?.({ numbers: rare, width: 1, units: 1 })).toMatchObject({
      loss: expect.closeTo(entropy, 9),
      undecided: expect.closeTo(Math.LN2, 9),
    });
    expect(losses.sparseCategoricalCrossentropy().chance?.({ numbers: rare, width: 1, units: 5 })).toMatchObject({
      loss: expect.closeTo(entropy, 9),
      undecided: expect.closeTo(Math.log(5), 9),
    });
  });

  it('is not known where no row counts', () => {
    for (const make of Object.values(losses)) {
      const loss = make() as Loss;
      expect(loss.chance?.({ numbers: [0, 1], width: 1, units: 2, weights: [0, 0] })).toBeUndefined();
    }
  });
});
