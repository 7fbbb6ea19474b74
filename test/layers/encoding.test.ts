import { type Layer, layers, NdArray, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const given = async (layer: Layer, x: number[][], dtype: 'int32' | 'float32'): Promise<unknown> => {
  const width = x[0]?.length ?? 0;
  const numbers = dtype === 'int32' ? Int32Array.from(x.flat()) : Float32Array.from(x.flat());
  return (await sequential([layers.input([width], { dtype }), layer]).predict(new NdArray(numbers, [x.length, width]))).toNested();
};

describe('categoryEncoding', () => {
  // The examples of Keras's own page for CategoryEncoding.
  it('marks which numbers occur', async () => {
    const rows = [
      [0, 1],
      [0, 0],
      [1, 2],
      [3, 1],
    ];
    expect(await given(layers.categoryEncoding({ numTokens: 4, outputMode: 'multi_hot' }), rows, 'int32')).toEqual([
      [1, 1, 0, 0],
      [1, 0, 0, 0],
      [0, 1, 1, 0],
      [0, 1, 0, 1],
    ]);
  });

  it('counts them', async () => {
    expect(
      await given(
        layers.categoryEncoding({ numTokens: 3, outputMode: 'count' }),
        [
          [0, 0, 2],
          [1, 2, 1],
        ],
        'int32',
      ),
    ).toEqual([
      [2, 0, 1],
      [0, 2, 1],
    ]);
  });

  it('gives each its row of features', async () => {
    expect(await given(layers.categoryEncoding({ numTokens: 4, outputMode: 'oneHot' }), [[3], [2], [0]], 'int32')).toEqual([
      [0, 0, 0, 1],
      [0, 0, 1, 0],
      [1, 0, 0, 0],
    ]);
  });
});

it('discretization names the bin, its lower bound included', async () => {
  const layer = layers.discretization({ binBoundaries: [0, 1, 2] });
  expect(
    await given(
      layer as never,
      [
        [-1.5, 1, 3.4, 0.5],
        [0, 3, 1.3, 0],
      ],
      'float32',
    ),
  ).toEqual([
    [0, 2, 3, 1],
    [1, 3, 2, 1],
  ]);
});
