import { DataError, layers, model, NdArray, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const made = (maskZero = false) =>
  sequential([layers.input([2]), layers.embedding(3, 2, { name: 'words', maskZero }), layers.flatten(), layers.dense(1)]).compile({ loss: 'mse' });

describe('what an embedding looks up', () => {
  it.each<[string, unknown, RegExp]>([
    ['one beyond the last', [[0, 1], [2, 3]], /^index 3 in row 1 is out of range for words, which has 3 vectors, 0 to 2\..*inputDim must be at least the largest index plus one, here 4\. Do the indices start at 1\?/], // biome-ignore format: one row
    ['far beyond', new NdArray(new Uint8Array([9, 0]), [1, 2]), /index 9 in row 0.*inputDim must be at least the largest index plus one, here 10\.$/],
    ['a negative one', new NdArray(new Int32Array([0, 0, 0, -1]), [2, 2]), /index -1 in row 1 .*with maskZero, 0 is the padding/],
    ['a fraction', [[0, 1.75]], /index 1\.75 in row 0.*Indices must be whole numbers/],
    ['one of 64 bits', new NdArray(new BigInt64Array([1n, -5n]), [1, 2]), /index -5 in row 0/],
    ['a large one of 64 bits', new NdArray(new BigUint64Array([1n, 2n ** 63n]), [1, 2]), /in row 0/],
  ])('%s is refused before anything runs', async (_, x, message) => {
    const net = made();
    const rows = (x as NdArray).shape?.[0] ?? (x as unknown[]).length;
    const y = NdArray.zeros([rows, 1]);
    const given = x as NdArray;
    await expect(net.predict(given)).rejects.toThrow(DataError);
    await expect(net.predict(given)).rejects.toThrow(message);
    await expect(net.evaluate(given, y)).rejects.toThrow(message);
    await expect(net.fit(given, y, { verbose: 0 })).rejects.toThrow(message);
    await expect(
      net.fit(
        () => [
          { x: NdArray.zeros([1, 2]), y: [[0]] },
          { x: given, y },
        ],
        { verbose: 0 },
      ),
    ).rejects.toThrow(message);
    await net.dispose();
  });

  it.each([
    ['flattened', layers.flatten()],
    ['turned', layers.permute([2, 1])],
  ])('is refused where the numbers are %s first', async (_, between) => {
    const net = sequential([
      layers.input([2, 2], { dtype: 'int32' }),
      between,
      layers.embedding(3, 2, { name: 'words' }),
      layers.flatten(),
      layers.dense(1),
    ]);
    await expect(
      net.predict([
        [
          [0, 1],
          [2, -1],
        ],
      ]),
    ).rejects.toThrow(
      /^index -1 in row 0 is out of range for words, which has 3 vectors, 0 to 2\. Does it mark padding or an unknown word\? Both need indices from 0 on; with maskZero, 0 is the padding/,
    );
  });

  const of = (...row: number[]) => new NdArray(Int32Array.from(row), [1, row.length]);
  it('is refused where the numbers of several inputs are joined first', async () => {
    const inputs = [layers.input([1], { dtype: 'int32' }), layers.input([2], { dtype: 'int32' })];
    const words = layers.embedding(3, 2, { name: 'words' }).apply(layers.concatenate().apply(inputs));
    const net = model({ inputs, outputs: layers.dense(1).apply(layers.flatten().apply(words)) });
    await expect(net.predict([of(2), of(0, 7)])).rejects.toThrow(
      /^index 7 in row 0 is out of range for words, which has 3 vectors, 0 to 2\. inputDim must be at least the largest index plus one/,
    );
    expect((await net.predict([of(2), of(0, 1)])).shape).toEqual([1, 1]);
  });

  it('tells that the padding counts', async () => {
    await expect(made(true).predict([[3, 0]])).rejects.toThrow(
      /inputDim must be at least the largest index plus one, here 4 \(0, the padding, counts too\)\. Do the indices start at 1\?/,
    );
  });

  it('is judged by the smallest of several tables, and let through where all have a vector', async () => {
    const x = layers.input([2]);
    const tables = [5, 3, 4].map((count) => layers.embedding(count, 2, { name: `of${count}` }).apply(x));
    const net = model({ inputs: x, outputs: layers.add().apply(tables) });
    expect((await net.predict([[0, 2]])).shape).toEqual([1, 2, 2]);
    await expect(net.predict([[0, 4]])).rejects.toThrow(/index 4 in row 0 is out of range for of3, which has 3 vectors, 0 to 2/);
    await net.dispose();
  });
});
