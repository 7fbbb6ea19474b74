import { layers, padSequences, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

describe('sequences of different lengths', () => {
  it('become one array, padded and cut in front unless told otherwise', () => {
    const rows = [[1], [2, 3], [4, 5, 6]];
    expect([...padSequences(rows).data]).toEqual([0, 0, 1, 0, 2, 3, 4, 5, 6]);
    expect([...padSequences(rows, { padding: 'post', value: -1 }).data]).toEqual([1, -1, -1, 2, 3, -1, 4, 5, 6]);
    expect([...padSequences(rows, { maxLength: 2 }).data]).toEqual([0, 1, 2, 3, 5, 6]);
    expect([...padSequences(rows, { maxLength: 2, truncating: 'post' }).data]).toEqual([0, 1, 2, 3, 4, 5]);
    const features = padSequences(
      [
        [[1, 2]],
        [
          [3, 4],
          [5, 6],
        ],
      ],
      { padding: 'post' },
    );
    expect(features.shape).toEqual([2, 2, 2]);
    expect([...features.data]).toEqual([1, 2, 0, 0, 3, 4, 5, 6]);
  });

  it('say what does not fit', () => {
    expect(() => padSequences([[1, [2]]] as never)).toThrow(/step 1 of row 0 is .*, expected a number/);
    expect(() => padSequences([[[1, 2]], [[3]]])).toThrow(/step 0 of row 1 is .*, expected 2 numbers/);
    expect(() => padSequences([[1]], { padding: 'left' as never })).toThrow(/padding must be 'pre' or 'post', got 'left'/);
    expect(() => padSequences([1] as never)).toThrow(/a list of sequences/);
    expect(() => padSequences([[1]], { maxlen: 3 } as never)).toThrow(/^padSequences: unknown option 'maxlen'; did you mean 'maxLength'\?$/);
    for (const value of ['x', Number.NaN, null]) {
      expect(() => padSequences([[1], [1, 2]], { value: value as never })).toThrow(/^padSequences: value must be a finite number, got /);
    }
    expect(() => padSequences([])).toThrow(/^padSequences: got no sequences, .* Did a filter remove all of them, or was a file empty\?$/);
    expect(padSequences([], { maxLength: 3 }).shape).toEqual([0, 3]);
    expect(() => padSequences([[]])).toThrow(/maxLength must be a whole number ≥ 1, got 0/);
  });

  it('are named with the way out where a model gets them as they are', async () => {
    const net = sequential([layers.input([3], { name: 'words' }), layers.embedding(5, 2), layers.gru(2)]);
    await expect(net.predict([[1, 2, 3], [1]])).rejects.toThrow(/words: nested arrays are ragged.* padSequences.* maskZero/s);
  });
});
