import { doctor, type Loss, layers, losses, NdArray, Random, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { targetFacts } from '#src/model/target-facts.js';

describe('targets that are any numbers', () => {
  const facts = (units: number, loss: string, y: NdArray) => {
    const { network, compiled } = sequential([layers.input([2]), layers.dense(units)]).compile({ loss });
    const { losses, lossWeights, metrics, optimizer } = compiled;
    return targetFacts({ network, losses, lossWeights, metrics, optimizer } as never, { targets: [y], weights: [] })[0];
  };

  it('are told column by column, with their tenths', () => {
    // 0 … 10 in the first column, 100 in every other row of the second.
    const y = NdArray.from(Array.from({ length: 11 }, (_, row) => [row, row % 2 === 0 ? 100 : 0]));
    const { spread, kind } = facts(2, 'mse', y.cast('float32')) ?? {};
    expect(kind).toBe('real');
    expect(spread?.means[0]).toBeCloseTo(5, 9);
    expect(spread?.deviations[0]).toBeCloseTo(Math.sqrt(10), 9);
    expect(spread?.means[1]).toBeCloseTo(600 / 11, 9);
    expect(spread?.deviations[1]).toBeCloseTo((100 * Math.sqrt(30)) / 11, 9);
    // In order: 0 six times (five of the second column), 1 to 10, 100 six times.
    expect(spread).toMatchObject({ least: 0, most: 100, tenths: [0, 0, 0, 1.5, 4, 6.5, 8.5, 55, 100, 100] });
  });

  it('are told together where columns are no outputs, or many', () => {
    const row = new NdArray(Float32Array.of(1, 2, 3, 6), [4]);
    expect(facts(1, 'mse', row)?.spread).toMatchObject({ means: [3], least: 1, most: 6, tenths: [1, 1, 1, 2, 2, 3, 3, 3, 6, 6] });
    expect(facts(1, 'mae', row)?.spread?.deviations[0]).toBeCloseTo(Math.sqrt(14 / 4), 9);
    const wide = new NdArray(
      Float32Array.from({ length: 5 * 100 }, (_, i) => i + 0.5),
      [5, 100],
    );
    expect(facts(100, 'mse', wide)?.spread?.means).toEqual([250]);
  });

  it('classes and shares have none', () => {
    expect(facts(3, 'sparseCategoricalCrossentropy', new NdArray(Int32Array.of(0, 2, 1), [3]))?.spread).toBeUndefined();
    expect(
      facts(
        2,
        'mse',
        NdArray.from([
          [0.5, 0.5],
          [0.25, 0.75],
        ]),
      )?.spread,
    ).toBeUndefined();
    expect(facts(1, 'mse', NdArray.from([[0], [1]]))?.spread).toBeUndefined();
  });
});

it('shares of classes are told where each row is of one, and enough were seen', () => {
  const facts = (units: number, loss: string, y: NdArray) => {
    const { network, compiled } = sequential([layers.input([2]), layers.dense(units)]).compile({ loss });
    return targetFacts({ network, ...compiled } as never, { targets: [y], weights: [] })[0]?.shares;
  };
  const labels = (count: (label: number) => number) => Int32Array.from([0, 1, 2].flatMap((label) => new Array<number>(count(label)).fill(label)));
  const some = labels((label) => [60, 30, 10][label] ?? 0);
  const expected = { least: 0.1, largest: 0.6 };
  expect(facts(3, 'sparseCategoricalCrossentropy', new NdArray(some, [100]))).toEqual(expected);
  const oneHot = Float32Array.from({ length: 300 }, (_, i) => Number(some[Math.floor(i / 3)] === i % 3));
  const shares = facts(3, 'categoricalCrossentropy', new NdArray(oneHot, [100, 3]));
  expect(shares?.least).toBeCloseTo(0.1, 9);
  expect(shares?.largest).toBeCloseTo(0.6, 9);
  const ones = Float32Array.from({ length: 100 }, (_, i) => Number(i < 7));
  expect(facts(1, 'binaryCrossentropy', new NdArray(ones, [100, 1]))).toEqual({ least: 0.07, largest: 0.93 });
  // A class that no row is of is none; too few rows; steps, and decisions, of several in a row; numbers.
  expect(facts(4, 'sparseCategoricalCrossentropy', new NdArray(some, [100]))).toEqual(expected);
  expect(facts(3, 'sparseCategoricalCrossentropy', new NdArray(some.slice(0, 50), [50]))).toBeUndefined();
  expect(facts(2, 'binaryCrossentropy', new NdArray(ones, [50, 2]))).toBeUndefined();
  expect(facts(1, 'mse', NdArray.from([[0.5], [1.5]]))).toBeUndefined();
});

it('the loss of chance counts rows as their weights say', () => {
  const weights = NdArray.from([1, 1, 1, 9]);
  const facts = (units: number, loss: string, y: NdArray) => {
    const { network, compiled } = sequential([layers.input([2]), layers.dense(units)]).compile({ loss });
    return targetFacts({ network, ...compiled } as never, { targets: [y], weights: [weights] })[0];
  };
  // Always a quarter for the one class and three quarters for the other, by weight: the mean over four rows of w · −log p.
  const decided = -(3 * Math.log(0.25) + 9 * Math.log(0.75)) / 4;
  expect(facts(2, 'sparseCategoricalCrossentropy', new NdArray(Int32Array.of(0, 0, 0, 1)))).toMatchObject({
    weighed: true,
    chanceLoss: expect.closeTo(decided, 9),
  });
  const rows = NdArray.from([
    [1, 0],
    [1, 0],
    [1, 0],
    [0, 1],
  ]);
  expect(facts(2, 'categoricalCrossentropy', rows)?.chanceLoss).toBeCloseTo(decided, 9);
  expect(facts(1, 'binaryCrossentropy', NdArray.from([[0], [0], [0], [1]]))?.chanceLoss).toBeCloseTo(decided, 9);
  // Of 0, 0, 0 and 4 the mean is 3 by weight: 3 · 9 + 9 · 1 over four rows; of no output 9 · 16.
  const numbers = facts(1, 'mse', NdArray.from([[0.5], [0.5], [0.5], [4.5]]));
  expect(numbers?.chanceLoss).toBeCloseTo((3 * 9 + 9) / 4, 9);
  expect(numbers?.zeroLoss).toBeCloseTo((3 * 0.25 + 9 * 4.5 ** 2) / 4, 9);
});

describe('what targets that are shares leave of a loss', () => {
  const facts = (units: number, loss: Loss | string, y: readonly (readonly number[])[], lossWeights = [1]) => {
    const { network, compiled } = sequential([layers.input([2]), layers.dense(units)]).compile({ loss, lossWeights });
    return targetFacts({ network, ...compiled } as never, { targets: [NdArray.from(y)], weights: [] })[0];
  };
  const least = (...shares: readonly number[]): number => -shares.reduce((sum, share) => sum + share * Math.log(share), 0);

  it('is the entropy of each of them', () => {
    const grey = [
      [0.25, 0.5],
      [0.75, 1],
    ];
    const [quarter, half] = [least(0.25, 0.75), least(0.5, 0.5)];
    expect(facts(2, 'binaryCrossentropy', grey)?.leastLoss).toBeCloseTo((2 * quarter + half) / 4, 6);
    expect(facts(2, 'binaryCrossentropy', grey)?.chanceLoss).toBeCloseTo((half + quarter) / 2, 6);
    expect(facts(2, 'binaryCrossentropy', grey, [10])?.leastLoss).toBeCloseTo((10 * (2 * quarter + half)) / 4, 5);
    const shared = [
      [0.2, 0.8],
      [1, 0],
    ];
    expect(facts(2, 'categoricalCrossentropy', shared)?.leastLoss).toBeCloseTo(least(0.2, 0.8) / 2, 6);
  });

  it('is that of smoothing', () => {
    const certain = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
    const smoothed = facts(3, losses.categoricalCrossentropy({ labelSmoothing: 0.3 }), certain);
    expect(smoothed?.leastLoss).toBeCloseTo(least(0.8, 0.1, 0.1), 6);
    expect(smoothed?.chanceLoss).toBeCloseTo(Math.log(3), 6);
    const decided = facts(1, losses.binaryCrossentropy({ labelSmoothing: 0.2 }), [[1], [0]]);
    expect(decided?.leastLoss).toBeCloseTo(least(0.9, 0.1), 6);
  });

  it('is nothing where they are certain', () => {
    expect(facts(1, 'binaryCrossentropy', [[0], [1]])).not.toHaveProperty('leastLoss');
    expect(facts(2, 'categoricalCrossentropy', [[1, 0]])).not.toHaveProperty('leastLoss');
    expect(facts(2, 'mse', [[0.5, 0.2]])).not.toHaveProperty('leastLoss');
  });
});

describe('targets of which a few are far out', () => {
  const random = new Random(3);
  const logNormal = Float32Array.from({ length: 20_000 }, () => Math.exp(random.normal(0, 1.6)));
  const mean = logNormal.reduce((sum, value) => sum + value, 0) / logNormal.length;
  const variance = logNormal.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logNormal.length;
  const model = () => sequential([layers.input([1]), layers.dense(1)], { seed: 1 }).compile({ loss: 'mse', optimizer: 'adam' });
  const [x, y] = [new NdArray(new Float32Array(20_000), [20_000, 1]), new NdArray(logNormal, [20_000, 1])];

  it('are told by all rows that are in memory', () => {
    const { network, compiled } = model();
    const [facts] = targetFacts({ network, ...compiled } as never, { targets: [y], weights: [] });
    expect((facts?.chanceLoss ?? 0) / variance).toBeCloseTo(1, 9);
    expect((facts?.spread?.means[0] ?? 0) / mean).toBeCloseTo(1, 9);
    expect((facts?.spread?.deviations[0] ?? 0) / Math.sqrt(variance)).toBeCloseTo(1, 9);
    expect(facts?.spread?.most).toBe(logNormal.reduce((a, b) => Math.max(a, b)));
    expect(facts).not.toHaveProperty('chanceError');
  });

  it('of a stream by its first rows, with how far those may be off', async () => {
    const rows = 500;
    const minibatches = Array.from({ length: 40 }, (_, i) => ({ x: x.slice(i * rows, (i + 1) * rows), y: y.slice(i * rows, (i + 1) * rows) }));
    const history = await model().fit(minibatches, { epochs: 1, verbose: 0, callbacks: [doctor.watch({ onFinding: 'ignore' })] });
    const first = logNormal.slice(0, rows);
    const own = first.reduce((sum, value) => sum + value, 0) / rows;
    const squares = Array.from(first, (value) => (value - own) ** 2);
    const chance = squares.reduce((a, b) => a + b) / rows;
    const error = Math.sqrt(squares.reduce((sum, value) => sum + (value - chance) ** 2, 0) / rows / rows);
    const [facts] = history.trace?.header.training?.targets ?? [];
    expect((facts?.chanceLoss ?? 0) / chance).toBeCloseTo(1, 6);
    expect((facts?.chanceError ?? 0) / error).toBeCloseTo(1, 6);
    const { losses: [loss = Number.NaN] = [], partOfChance } = new Examination(history.trace as never);
    expect(partOfChance).toBeCloseTo(loss / (chance + 2 * error), 6);
  });
});
