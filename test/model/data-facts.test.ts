import { layers, NdArray, sequential } from 'evenkeel';
import { expect, it } from 'vitest';
import { inputFacts } from '#src/model/data-facts.js';

const network = sequential([layers.input([3, 2]), layers.flatten(), layers.dense(1)]).network;
/** Two rows of three steps of two features. */
const values = [1, 10, 2, 10, 4, 10, 3, 10, 3, 10, 5, 10];
const shape = [2, 3, 2];

it.each<[string, readonly (readonly number[])[], number]>([
  [
    'grey levels',
    [
      [0, 9],
      [1, 10],
      [2, 12],
      [0, 7],
    ],
    1,
  ],
  [
    'one that is much narrower',
    [
      [0, 9],
      [1, 10],
      [2, 3],
      [0, 7],
    ],
    2 / 3,
  ],
  [
    'equal ranges in places apart, such as degrees of latitude and longitude',
    [
      [37, 38],
      [-123, -122],
    ],
    0,
  ],
  [
    'one that varies beside constants',
    [
      [0, 1],
      [7, 7],
      [7, 7],
    ],
    0,
  ],
  [
    'none that varies',
    [
      [7, 7],
      [3, 3],
    ],
    1,
  ],
])('how alike ranges are: %s', (_, columns, share) => {
  const given = new NdArray(Float32Array.from([0, 1].flatMap((row) => columns.map((column) => column[row] ?? 0))), [2, columns.length]);
  const net = sequential([layers.input([columns.length]), layers.dense(1)]).network;
  expect(inputFacts(net, [given])[0]?.alikeRanges).toBeCloseTo(share, 12);
});

it('moments of features, and how alike steps are', () => {
  const [facts] = inputFacts(network, [new NdArray(Float32Array.from(values), shape)]);
  // Of each feature the two rows; those that are always 10 vary no more than the columns of steps do.
  expect(facts).toMatchObject({ layer: 0, rows: 2, features: 6, min: 1, max: 10, constantFeatures: 3 });
  expect(facts?.mean).toBeCloseTo((1 + 2 + 4 + 3 + 3 + 5 + 60) / 12, 6);
  expect(facts?.rms).toBeCloseTo(Math.sqrt((1 + 4 + 16 + 9 + 9 + 25 + 600) / 12), 6);
  expect(facts?.featureDeviations[0]).toBeCloseTo(0.5, 6);
  expect(facts?.featureDeviations[1]).toBeCloseTo(1, 6);
  // E[x y] over pairs of steps, of neighbours alone, over E[x²].
  const pairs = (list: readonly (readonly number[])[]): number => list.reduce((sum, [x = 0, y = 0]) => sum + x * y, 0);
  const squares = 1 + 4 + 16 + 9 + 9 + 25 + 600;
  const all =
    pairs([
      [1, 2],
      [1, 4],
      [2, 4],
      [3, 3],
      [3, 5],
      [3, 5],
    ]) +
    6 * 100;
  expect(facts?.stepCorrelation).toBeCloseTo((2 * all) / (2 * squares), 6);
  const near =
    pairs([
      [1, 2],
      [2, 4],
      [3, 3],
      [3, 5],
    ]) +
    4 * 100;
  const nearSquares = (1 + 4 + 4 + 16 + 9 + 9 + 9 + 25) / 2 + 4 * 100;
  expect(facts?.nextCorrelation).toBeCloseTo(near / nearSquares, 6);
});

it('are those of whole numbers of any length', () => {
  const [long] = inputFacts(network, [new NdArray(BigInt64Array.from(values, BigInt), shape)]);
  expect(long).toEqual(inputFacts(network, [new NdArray(Int32Array.from(values), shape)])[0]);
});

it('tells moments of features that are far from 0, whatever the first row holds', () => {
  const offsets = [0, 1e9, -1e6, 5];
  const rows = Array.from({ length: 600 }, (_, row) => offsets.map((offset, k) => offset + Math.sin(1 + row * (k + 1)) * (k + 1)));
  // In two passes.
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
  const columns = offsets.map((offset, k) => rows.map((row) => (row[k] ?? 0) - offset));
  const deviations = columns.map((column) => Math.sqrt(mean(column.map((value) => (value - mean(column)) ** 2))));
  const net = sequential([layers.input([offsets.length]), layers.dense(1)]).network;
  const [facts] = inputFacts(net, [new NdArray(Float64Array.from(rows.flat()), [rows.length, offsets.length])]);
  const [least, largest] = facts?.featureDeviations ?? [];
  expect(least).toBeCloseTo(Math.min(...deviations), 6);
  expect(largest).toBeCloseTo(Math.max(...deviations), 6);
  expect((facts?.mean ?? 0) / mean(rows.flat())).toBeCloseTo(1, 9);
  expect((facts?.rms ?? 0) / Math.sqrt(mean(rows.flat().map((value) => value ** 2)))).toBeCloseTo(1, 9);
  expect((facts?.featureMean ?? 0) / mean(columns.map((column, k) => Math.abs((offsets[k] ?? 0) + mean(column))))).toBeCloseTo(1, 9);
});
