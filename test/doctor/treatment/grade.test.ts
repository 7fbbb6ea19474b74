import { type CompileOptions, constant, type LossFunction, layers, losses, NdArray, ops, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { gradeOf } from '#src/doctor/treatment/grade.js';

/** A model that gives what it is given. */
function through(width: number, loss: CompileOptions['loss']) {
  return sequential([layers.input([width]), layers.identity()]).compile({ loss });
}
const grade = (x: number[][], y: NdArray, loss: CompileOptions['loss']) =>
  gradeOf(through(x[0]?.length ?? 1, loss), { inputs: [NdArray.from(x)], targets: [y], weights: [] });

describe('grades', () => {
  it('of labels: accuracy, and what of it is beyond the largest class', async () => {
    // Right, right, wrong, right; always class 0 would have 2 of 4.
    const x = [
      [0.9, 0.1, 0],
      [0.6, 0.3, 0.1],
      [0.5, 0.3, 0.2],
      [0, 0.2, 0.8],
    ];
    const found = await grade(x, new NdArray(Int32Array.of(0, 0, 1, 2)), 'sparseCategoricalCrossentropy');
    expect(found.accuracy).toBeCloseTo(0.75, 12);
    expect(found.score).toBeCloseTo((0.75 - 0.5) / 0.5, 12);
  });

  it('of rows of zeros and ones likewise', async () => {
    const x = [
      [0.9, 0.1],
      [0.2, 0.8],
      [0.7, 0.3],
    ];
    const y = new NdArray(Uint8Array.of(1, 0, 0, 1, 0, 1), [3, 2]);
    const found = await grade(x, y, 'categoricalCrossentropy');
    expect(found.accuracy).toBeCloseTo(2 / 3, 12);
    expect(found.score).toBeCloseTo(0, 12);
  });

  it('of decisions: at one half, of logits at zero', async () => {
    const y = new NdArray(Uint8Array.of(1, 0, 1, 0), [4, 1]);
    expect((await grade([[0.6], [0.4], [0.2], [0.1]], y, 'binaryCrossentropy')).accuracy).toBeCloseTo(0.75, 12);
    expect((await grade([[0.6], [0.4], [-0.2], [-0.1]], y, losses.binaryCrossentropy({ fromLogits: true }))).accuracy).toBeCloseTo(0.5, 12);
  });

  it('of a rare class also by the cross-entropy, where accuracy tells less', async () => {
    // One of ten: always "no" is right nine times, and so are all that follow.
    const y = new NdArray(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0), [10, 1]);
    const entropy = -(0.1 * Math.log(0.1) + 0.9 * Math.log(0.9));
    const ranked = [[0.4], ...Array.from({ length: 9 }, () => [0.05])];
    const saved = 1 - -(0.1 * Math.log(0.4) + 0.9 * Math.log(0.95)) / entropy;
    expect(await grade(ranked, y, 'binaryCrossentropy')).toEqual({
      score: expect.closeTo(saved, 5),
      saved: expect.closeTo(saved, 5),
      accuracy: expect.closeTo(0.9, 12),
    });
    const logits = ranked.map(([p = 0]) => [Math.log(p / (1 - p))]);
    expect((await grade(logits, y, losses.binaryCrossentropy({ fromLogits: true }))).score).toBeCloseTo(saved, 5);
    // The same of classes, whose rows are probabilities, or logits up to a constant.
    const labels = y.reshape([10]).cast('int32');
    const pairs = ranked.map(([p = 0]) => [1 - p, p]);
    expect((await grade(pairs, labels, 'sparseCategoricalCrossentropy')).score).toBeCloseTo(saved, 5);
    const loose = pairs.map((row) => row.map((p) => Math.log(p) + 3));
    expect((await grade(loose, labels, losses.sparseCategoricalCrossentropy({ fromLogits: true }))).score).toBeCloseTo(saved, 5);
    // The shares themselves, and what is surely wrong.
    expect((await grade(Array(10).fill([0.1]), y, 'binaryCrossentropy')).score).toBeCloseTo(0, 5);
    expect(await grade(Array(10).fill([1e-6]), y, 'binaryCrossentropy')).toEqual({ score: expect.closeTo(0, 9), accuracy: expect.closeTo(0.9, 12) });
    // Accuracy stands where it tells more, and where classes are of about one size.
    const sure = await grade([[0.51], ...Array.from({ length: 9 }, () => [0.49])], y, 'binaryCrossentropy');
    expect(sure).toEqual({ score: 1, accuracy: 1 });
    const even = new NdArray(Uint8Array.of(1, 0, 1, 0), [4, 1]);
    expect(await grade([[0.4], [0.1], [0.4], [0.1]], even, 'binaryCrossentropy')).toEqual({ score: 0, accuracy: 0.5 });
  });

  it('of numbers: explained variance, column by column', async () => {
    // Sums of squares: left 1 + 0 + 1 + 0 = 2; around the means (2, 10) they are 2 + 8 = 10.
    const y = NdArray.from([
      [1, 8],
      [3, 12],
    ]);
    const x = [
      [2, 8],
      [4, 12],
    ];
    const found = await grade(x, y, 'mse');
    expect(found).toEqual({ score: expect.closeTo(1 - 2 / 10, 6), explained: expect.closeTo(1 - 2 / 10, 6) });
  });

  it('shares under binary cross-entropy are numbers, not decisions', async () => {
    const y = NdArray.from([[0.25], [0.75]]);
    expect(await grade([[0.25], [0.75]], y, 'binaryCrossentropy')).toEqual({ score: expect.closeTo(1, 6), explained: expect.closeTo(1, 6) });
  });

  it.each(['hinge', 'squaredHinge'])('of %s by the side of 0 that outputs are on, however far', async (loss) => {
    const x = [[50], [-30], [2], [-0.5]];
    const right = { accuracy: expect.closeTo(0.75, 12), score: expect.closeTo(0.5, 12) };
    expect(await grade(x, NdArray.from([[1], [-1], [1], [1]]).cast('int8'), loss)).toEqual({ ...right, score: expect.closeTo(0, 12) });
    expect(await grade(x, NdArray.from([[1], [0], [0], [0]]), loss)).toEqual({ ...right, score: expect.closeTo(0, 12) });
    expect(await grade(x, NdArray.from([[1], [0], [1], [0]]), loss)).toEqual({ accuracy: 1, score: 1 });
  });

  it('of directions by the loss, which is −1 at least', async () => {
    const rows = Array.from({ length: 64 }, (_, i) => [Math.cos(i), Math.sin(i)]);
    const y = NdArray.from(rows);
    const far = rows.map((row) => row.map((one) => 100 * one));
    expect(await grade(far, y, 'cosineSimilarity')).toEqual({ score: expect.closeTo(1, 5), loss: expect.closeTo(-1, 5) });
    const half = await grade(
      far.map(([a = 0, b = 0], i) => (i % 2 ? [a, b] : [b, -a])),
      y,
      'cosineSimilarity',
    );
    // Half of them stand at right angles to what they should be.
    expect(half.score).toBeCloseTo(0.5, 1);
  });

  it('each row by its weight', async () => {
    const weighed = (x: number[][], y: NdArray, loss: string, weights: NdArray) =>
      gradeOf(through(x[0]?.length ?? 1, loss), { inputs: [NdArray.from(x)], targets: [y], weights: [weights] });
    const weights = NdArray.from([1, 3, 0, 0]);
    const x = [
      [0.9, 0.1],
      [0.2, 0.8],
      [0.9, 0.1],
      [0.9, 0.1],
    ];
    const labels = new NdArray(Int32Array.of(1, 1, 1, 0));
    expect((await weighed(x, labels, 'sparseCategoricalCrossentropy', weights)).accuracy).toBeCloseTo(3 / 4, 12);
    // Means 2.5, by weight: left 1 · 1 + 3 · 0, of 1 · 2.25 + 3 · 0.25 = 3.
    const numbers = NdArray.from([[1], [3], [100], [200]]);
    expect((await weighed([[2], [3], [0], [0]], numbers, 'mse', weights)).explained).toBeCloseTo(1 - 1 / 3, 9);
  });

  it('of steps that are masked by the loss, which passes over them', async () => {
    const model = sequential([layers.input([3, 2]), layers.masking(), layers.identity()]).compile({ loss: 'mse' });
    const right = [0.99, 0.01];
    const x = NdArray.from(Array.from({ length: 16 }, (_, i) => [i % 2 ? right : [...right].reverse(), [0, 0], [0, 0]]));
    const y = NdArray.from(Array.from({ length: 16 }, (_, i) => Array.from({ length: 3 }, () => (i % 2 ? [1, 0] : [0, 1]))));
    const found = await gradeOf(model, { inputs: [x], targets: [y], weights: [] });
    expect(found.loss).toBeCloseTo(0.01 ** 2, 6);
    expect(found.explained).toBeUndefined();
    expect(found.score).toBeGreaterThan(0.95);
  });

  it('targets that are no numbers of the outputs by the loss, against those of other rows', async () => {
    // The 10, 50 and 90 % quantiles of one number.
    const pinball: LossFunction = (target, output) => {
      const miss = ops.sub(target, output);
      const share = constant(NdArray.from([0.1, 0.5, 0.9]));
      return ops.reduceMean(ops.max(ops.mul(miss, share), ops.mul(miss, ops.sub(share, 1))), { axes: [1] });
    };
    const rows = Array.from({ length: 32 }, (_, i) => i);
    const y = NdArray.from(rows.map((i) => [i]));
    const know = rows.map((i) => [i, i, i]);
    expect(await grade(know, y, pinball)).toEqual({ score: expect.closeTo(1, 6), loss: expect.closeTo(0, 6) });
    const blind = await grade(
      rows.map(() => [3, 16, 28]),
      y,
      pinball,
    );
    expect(blind.score).toBeCloseTo(0, 6);
    expect(blind.loss).toBeGreaterThan(1);
    expect((await grade(know.toReversed(), y, pinball)).score).toBeLessThan(0);
    // What a penalty adds is no part of either loss.
    const rough = NdArray.from(know.map((row) => row.map((value) => value + 2)));
    const checked = { inputs: [rough], targets: [y], weights: [] };
    const penalized = sequential([layers.input([3]), layers.activityRegularization({ l1: 1 })]).compile({ loss: pinball });
    const added = know.flat().reduce((sum, value) => sum + value + 2, 0);
    const bare = await gradeOf(through(3, pinball), checked);
    expect(bare.score).toBeLessThan(0.95);
    for (const batchSize of [32, 8]) {
      expect(await gradeOf(penalized, checked, { penalty: added / 32, batchSize })).toEqual({
        score: expect.closeTo(bare.score, 4),
        loss: expect.closeTo(bare.loss ?? Number.NaN, 4),
      });
    }
  });

  it('of a loss that compares rows with each other, by as many of them as in training', async () => {
    const x = NdArray.from(Array.from({ length: 32 }, (_, i) => [Math.cos(i), Math.sin(i)]));
    const y = new NdArray(
      Int32Array.from({ length: 32 }, (_, i) => i % 3),
      [32, 1],
    );
    const near = through(2, 'circle');
    const lossOf = async (batchSize: number) => (await gradeOf(near, { inputs: [x], targets: [y], weights: [] }, { penalty: 0, batchSize })).loss;
    const { val_loss } = (await through(2, losses.circle()).fit({ x, y }, { batchSize: 8, epochs: 1, verbose: 0, validationData: { x, y } })).last;
    expect(await lossOf(8)).toBeCloseTo(Number(val_loss), 4);
    expect(await lossOf(32)).not.toBeCloseTo(Number(val_loss), 1);
    // Of two networks the one with less loss scores more: the first one's chance is that of both.
    const chances = new Map<number, number>();
    const gradeBy = (rows: NdArray) => gradeOf(near, { inputs: [rows], targets: [y], weights: [] }, { penalty: 0, batchSize: 32, chances });
    const [first, second] = [await gradeBy(x), await gradeBy(NdArray.from(Array.from({ length: 32 }, (_, i) => [Math.cos(i % 3), Math.sin(i % 3)])))];
    expect(second.loss).toBeLessThan(first.loss ?? 0);
    expect((1 - second.score) / (1 - first.score)).toBeCloseTo((second.loss ?? 0) / (first.loss ?? 1), 5);
  });

  it('what is not finite has the least score', async () => {
    const y = new NdArray(Int32Array.of(0, 1));
    const broken = sequential([layers.input([2]), layers.rescaling(Number.MAX_VALUE)]).compile({ loss: 'sparseCategoricalCrossentropy' });
    const found = await gradeOf(broken, {
      inputs: [
        NdArray.from([
          [1, 0],
          [0, 1],
        ]),
      ],
      targets: [y],
      weights: [],
    });
    expect(found).toEqual({ score: -1, finite: false });
  });
});
