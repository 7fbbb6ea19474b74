import { layers, NdArray, sequential } from 'evenkeel';
import { expect, it } from 'vitest';
import { inputFacts } from '#src/model/data-facts.js';

const network = sequential([layers.input([3, 2]), layers.flatten(), layers.dense(1)]).network;
/** Two rows of three steps of two features. */
const values = [1, 10, 2, 10, 4, 10, 3, 10, 3, 10, 5, 10];
const shape = [2, 3, 2];

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
