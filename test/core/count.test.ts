import { DataError, layers, NdArray, ShapeError, sequential } from 'evenkeel';
import { expect, it } from 'vitest';
import { countOf } from '#src/core/count.js';

it('counts are said as they are spoken', () => {
  expect([0, 1, 2, '1', 'N'].map((number) => countOf(number, 'row'))).toEqual(['0 rows', '1 row', '2 rows', '1 row', 'N rows']);
  expect([1, 2].map((number) => countOf(number, 'axis', 'axes'))).toEqual(['1 axis', '2 axes']);
});

it('messages say “1 output”, “1 row”, “1 class”', async () => {
  const net = sequential([layers.input([2]), layers.dense(1, { activation: 'softmax', name: 'only' })]);
  expect(() => net.compile({ loss: ['mse', 'mse'] })).toThrow('loss has 2 entries, the model has 1 output');
  expect(() => layers.reshape([2]).apply(layers.input([1]))).toThrow(ShapeError);
  expect(() => layers.reshape([2]).apply(layers.input([1]))).toThrow(/cannot turn 1 number into the shape \[2\]/);
  net.compile({ loss: 'sparseCategoricalCrossentropy' });
  const rows = NdArray.zeros([3, 2]);
  await expect(net.fit(rows.slice(0, 1), NdArray.zeros([3, 1]), { verbose: 0 })).rejects.toThrow('x has 1 row and y has 3');
  const wrong = net.fit(rows, NdArray.from([[0], [2], [0]]), { verbose: 0 });
  await expect(wrong).rejects.toThrow(DataError);
  await expect(wrong).rejects.toThrow(/label 2 in row 1 is not the one class, 0, of only/);
  const one = net.fit(rows, NdArray.from([[0], [1], [0]]), { verbose: 0 });
  await expect(one).rejects.toThrow(
    /A single unit cannot distinguish classes: end with a softmax.*or, for two classes, with a sigmoid and 'binaryCrossentropy'\.$/,
  );
});
