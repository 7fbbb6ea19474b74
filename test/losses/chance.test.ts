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
  ['meanAbsolutePercentageError', losses.meanAbsolutePercentageError(), numbers, [0, 5]],
  ['binaryCrossentropy', losses.binaryCrossentropy(), signs, [0.01, 0.99]],
  ['binaryFocalCrossentropy', losses.binaryFocalCrossentropy(), signs, [0.01, 0.99]],
  ['binaryFocalCrossentropy, balanced', losses.binaryFocalCrossentropy({ applyClassBalancing: true, alpha: 0.3, gamma: 1 }), signs, [0.01, 0.99]],
];

/** Labels of three classes, of which one is rare, and one more that does not occur. */
const labels = numbers.map((value) => (value > 3 ? 2 : Number(value > 0.7)));
const hot = labels.map((label) => [0, 1, 2, 3].map((k) => Number(k === label)));
const shares = labels.map((label, row) => [0, 1, 2, 3].map((k) => 0.2 + 0.2 * Number(k === label) - (row % 2) * 0.05 * Number(k === 3)));

/** Losses of classes, their targets, and what a constant is found by: probabilities, or scores. */
const classed: readonly (readonly [name: string, loss: Loss, targets: readonly (readonly number[])[], scores: boolean])[] = [
  ['sparseCategoricalCrossentropy', losses.sparseCategoricalCrossentropy(), labels.map((label) => [label]), false],
  ['categoricalCrossentropy', losses.categoricalCrossentropy(), hot, false],
  ['categoricalCrossentropy, smoothed', losses.categoricalCrossentropy({ labelSmoothing: 0.2 }), hot, false],
  ['categoricalCrossentropy, of shares that sum to no 1', losses.categoricalCrossentropy(), shares, false],
  ['categoricalFocalCrossentropy', losses.categoricalFocalCrossentropy(), hot, false],
  ['categoricalFocalCrossentropy of another focus', losses.categoricalFocalCrossentropy({ gamma: 0.5, alpha: 1 }), hot, false],
  ['categoricalGeneralizedCrossEntropy', losses.categoricalGeneralizedCrossEntropy({ q: 0.7 }), labels.map((label) => [label]), false],
  ['klDivergence', losses.klDivergence(), hot, false],
  ['klDivergence, of shares', losses.klDivergence(), shares.map((row) => row.map((share) => share / row.reduce((a, b) => a + b))), false],
  ['categoricalHinge', losses.categoricalHinge(), hot, true],
  ['categoricalHinge, of a class that is that of most rows', losses.categoricalHinge(), hot.map((row, i) => (i % 3 ? [1, 0, 0, 0] : row)), true],
];

type Row = readonly number[];

const matrix = (rows: readonly Row[], dtype: 'float64' | 'int32' = 'float64') =>
  fixed(
    rows.map((row) => [...row]),
    dtype,
  );

/** Mean weighed losses, as the graph makes them, where the outputs of all rows are one constant. */
async function lossesOf(loss: Loss, targets: readonly Row[], constants: readonly Row[]): Promise<number[]> {
  const target = matrix(targets, loss.targets === 'labels' ? 'int32' : 'float64');
  const graphs = constants.map((constant, i) => [`of${i}`, loss.perSample(target, matrix(targets.map(() => constant)))] as const);
  const values = await evaluate(Object.fromEntries(graphs));
  return constants.map((_, i) => (values[`of${i}`] ?? []).reduce((sum, value, row) => sum + (value * (weights[row] ?? 0)) / ROWS, 0));
}

const softmax = (z: Row): Row => {
  const powers = z.map(Math.exp);
  return powers.map((power) => power / powers.reduce((a, b) => a + b));
};

describe('what the best constant output comes to', () => {
  it.each(cases)('%s: the least over a grid', async (_, loss, targets, [from, to]) => {
    const grid = Array.from({ length: 401 }, (_, i) => [from + ((to - from) * i) / 400]);
    const column = targets.map((target) => [target]);
    const least = Math.min(...(await lossesOf(loss, column, grid)));
    const found = loss.chance?.({ numbers: targets, width: 1, units: 1, weights })?.loss ?? Number.NaN;
    expect(found).toBeLessThanOrEqual(least + 1e-6);
    expect(found).toBeGreaterThan(least - 1e-3 * Math.abs(least));
  });

  // Random steps, of which those are kept that lower the loss, come to the least.
  it.each(classed)('%s: the least that random steps find', async (_, loss, targets, scores) => {
    let [best, least, reach]: [Row, number, number] = [[0, 0, 0, 0], Number.POSITIVE_INFINITY, 4];
    for (let round = 0; round < 60; round++, reach *= 0.87) {
      const tried = [best, ...Array.from({ length: 40 }, () => best.map((z) => z + reach * random.normal(0, 1)))];
      for (const [i, found] of (await lossesOf(loss, targets, scores ? tried : tried.map(softmax))).entries())
        if (found < least) [best, least] = [tried[i] ?? best, found];
    }
    const wide = targets[0]?.length ?? 1;
    const found = loss.chance?.({ numbers: targets.flat(), width: wide, units: 4, weights })?.loss ?? Number.NaN;
    expect(found).toBeLessThanOrEqual(least + 1e-5);
    expect(found).toBeGreaterThan(least - 2e-3 * Math.abs(least));
  });

  it('of shares without error is their own entropy, whatever they sum to', () => {
    const both = { numbers: [1, 1, 0, 0, 0, 1, 1, 0], width: 4, units: 4 };
    const { least, undecided } = losses.categoricalCrossentropy().chance?.(both) ?? {};
    expect([least, undecided]).toEqual([expect.closeTo(2 * Math.LN2, 9), expect.closeTo(2 * Math.log(4), 9)]);
    expect(losses.klDivergence().chance?.({ numbers: [0.5, 0.5, 0.1, 0.9], width: 2, units: 2 })?.least).toBeCloseTo(0, 9);
  });

  it('of targets between 0 and 1, or of no single class, is not known where losses focus', () => {
    expect(losses.binaryFocalCrossentropy().chance?.({ numbers: [0, 1, 0.5], width: 1, units: 1 })).toBeUndefined();
    const focal = losses.categoricalFocalCrossentropy();
    for (const numbers of [
      [0.5, 0.5],
      [1, 1],
      [0, 0],
    ])
      expect(focal.chance?.({ numbers, width: 2, units: 2 })).toBeUndefined();
    expect(losses.categoricalFocalCrossentropy({ labelSmoothing: 0.1 }).chance).toBeUndefined();
    expect(losses.binaryFocalCrossentropy({ labelSmoothing: 0.1 }).chance).toBeUndefined();
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
