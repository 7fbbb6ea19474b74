import { ArgumentError, classWeights, DataError, type Dataset, NdArray, splitDataset } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const rows = 100;
/** Row i holds i; a fifth of the rows have label 1. */
const set: Dataset = {
  x: new NdArray(
    Float32Array.from({ length: rows }, (_, i) => i),
    [rows, 1],
  ),
  y: new NdArray(Int32Array.from({ length: rows }, (_, i) => Number(i % 5 === 0))),
  classNames: ['no', 'yes'],
};
const ids = (part: Dataset | undefined): number[] => Array.from({ length: part?.x.size ?? 0 }, (_, i) => part?.x.at(i) ?? Number.NaN);
const share = (part: Dataset): number => [...(part.y.data as Int32Array)].reduce((a, b) => a + b, 0) / part.y.size;

describe('splitDataset', () => {
  it('keeps a group of any size together', () => {
    const many = 200_000;
    const large = { x: NdArray.zeros([many, 1]), y: NdArray.zeros([many]) };
    const groups = Array.from({ length: many }, (_, row) => (row < 150_000 ? 'one' : `of ${row}`));
    const { train, test } = splitDataset(large, { test: 0.2, groups, seed: 1 });
    expect((train.x.shape[0] ?? 0) + (test.x.shape[0] ?? 0)).toBe(many);
    expect([train, test].map(({ x }) => (x.shape[0] ?? 0) >= 150_000).sort()).toEqual([false, true]);
  });

  it('gives every row to one part, x with its y', () => {
    const { train, test, validation } = splitDataset(set, { test: 0.2, validation: 0.1, seed: 1 });
    expect([ids(train).length, ids(test).length, ids(validation).length]).toEqual([70, 20, 10]);
    expect([...ids(train), ...ids(test), ...ids(validation)].sort((a, b) => a - b)).toEqual(ids(set));
    for (const part of [train, test]) expect(ids(part).map((_, i) => part.y.at(i))).toEqual(ids(part).map((id) => Number(id % 5 === 0)));
    expect(test.classNames).toEqual(['no', 'yes']);
  });

  it('mixes the rows of every part, so that its last rows are like the others', () => {
    for (const options of [{}, { stratify: true }, { groups: ids(set).map((id) => id >> 1) }]) {
      const train = ids(splitDataset(set, { test: 0.2, ...options }).train);
      const late = train.slice(60);
      expect(Math.min(...late)).toBeLessThan(35);
      expect(Math.max(...late)).toBeGreaterThan(65);
      expect(train.slice(60).some((id) => id % 5 === 0)).toBe(true);
    }
  });

  it('is drawn from its seed', () => {
    expect(ids(splitDataset(set, { seed: 1 }).test)).toEqual(ids(splitDataset(set, { seed: 1 }).test));
    expect(ids(splitDataset(set, { seed: 1 }).test)).not.toEqual(ids(splitDataset(set, { seed: 2 }).test));
    expect(splitDataset(set).validation).toBeUndefined();
  });

  it('keeps the shares of classes where it is told to', () => {
    const { train, test, validation } = splitDataset(set, { test: 0.3, validation: 0.2, stratify: true, seed: 3 });
    for (const part of [train, test, validation as Dataset]) expect(share(part)).toBeCloseTo(0.2, 10);
  });

  it('keeps them of classes with few rows, whose parts are as large as those of one class', () => {
    const labelled = (labels: number[]): Dataset => ({
      x: new NdArray(
        Float32Array.from(labels, (_, i) => i),
        [labels.length, 1],
      ),
      y: new NdArray(Int32Array.from(labels)),
    });
    const sizesOf = (part: Dataset): number[] => {
      const counts = new Array<number>(40).fill(0);
      for (const label of part.y.data as Int32Array) counts[label] = (counts[label] ?? 0) + 1;
      return counts;
    };
    const few = labelled(Array.from({ length: 100 }, (_, i) => i % 33));
    for (const [test, validation] of [
      [0.1, 0],
      [0.1, 0.15],
      [0.5, 0.3],
      [0.33, 0.33],
      [0.9, 0.05],
    ] as const) {
      const parts = splitDataset(few, { test, validation, stratify: true, seed: 5 });
      const lengths = [parts.train, parts.test, parts.validation].map((part) => ids(part).length);
      expect(lengths).toEqual([100 - Math.round(100 * (test + validation)), Math.round(100 * test), Math.round(100 * validation)]);
      expect([...ids(parts.train), ...ids(parts.test), ...ids(parts.validation)].sort((a, b) => a - b)).toEqual(ids(few));
      // No class is further from its share than a row.
      const all = sizesOf(few);
      for (const [label, count] of sizesOf(parts.test).entries()) expect(Math.abs(count - (all[label] ?? 0) * test)).toBeLessThan(1);
    }
    const firsts = [1, 2, 3].map((seed) => sizesOf(splitDataset(few, { test: 0.1, stratify: true, seed }).test).join());
    expect(new Set(firsts).size).toBe(3);
  });

  it('keeps groups together', () => {
    const groups = ids(set).map((id) => `person ${Math.floor(id / 4)}`);
    const { train, test } = splitDataset(set, { test: 0.4, groups, seed: 4 });
    expect(test.x.shape[0]).toBe(40);
    const of = (part: Dataset): Set<string | undefined> => new Set(ids(part).map((id) => groups[id]));
    expect([...of(train)].filter((group) => of(test).has(group))).toEqual([]);
  });

  it.each<[string, () => unknown, RegExp, new (...given: never[]) => Error]>([
    ['shares that leave nothing', () => splitDataset(set, { test: 0.5, validation: 0.5 }), /nothing to train on/, ArgumentError],
    [
      'no share to test on',
      () => splitDataset(set, { test: 0, validation: 0.3 }),
      /^splitDataset: test must be above 0, got 0; to split into two parts only, pass \{ test: 0\.3 \} and validate on the test part$/,
      ArgumentError,
    ],
    ['a misspelt option', () => splitDataset(set, { tset: 0.5 } as never), /'tset'; did you mean 'test'/, ArgumentError],
    ['too few rows', () => splitDataset({ x: set.x.slice(0, 1), y: set.y.slice(0, 1) }), /no row is left for test/, DataError],
    ['too few groups', () => splitDataset(set, { groups: ['a'] }), /groups has 1 entry, but the set has 100 rows/, ArgumentError],
    [
      'strata of numbers',
      () =>
        splitDataset(
          {
            x: set.x,
            y: new NdArray(
              Float32Array.from(ids(set), (id) => id / 7),
              [rows, 1],
            ),
          },
          { stratify: true },
        ),
      /expected labels/,
      DataError,
    ],
    ['both', () => splitDataset(set, { stratify: true, groups: ids(set) }), /cannot be combined/, ArgumentError],
  ])('refuses %s', (_, work, message, type) => {
    expect(work).toThrow(message);
    expect(work).toThrow(type);
  });
});

describe('classWeights', () => {
  it('makes every class count alike', () => {
    expect(classWeights(set.y)).toEqual({ 0: 100 / (2 * 80), 1: 100 / (2 * 20) });
    expect(() => classWeights(new NdArray(Float32Array.of(0.5, 1)))).toThrow(DataError);
  });
});
