import { layers, model, NdArray, type Signal, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const a = NdArray.from([
  [1, -2, 3],
  [0, 5, -6],
]).cast('float32');
const b = NdArray.from([
  [4, 2, -1],
  [7, -5, -6],
]).cast('float32');

/** What a layer makes of one or two inputs. */
async function given(make: (inputs: readonly Signal[]) => Signal, ...data: readonly NdArray[]): Promise<unknown> {
  const inputs = data.map(({ shape }) => layers.input(shape.slice(1)));
  return (await model({ inputs, outputs: make(inputs) }).predict([...data])).toNested();
}

describe('layers without weights, by hand', () => {
  it.each<[string, (inputs: readonly Signal[]) => Signal, readonly (readonly number[])[]]>([
    [
      'multiply',
      (inputs) => layers.multiply().apply(inputs),
      [
        [4, -4, -3],
        [0, -25, 36],
      ],
    ],
    [
      'maximum',
      (inputs) => layers.maximum().apply(inputs),
      [
        [4, 2, 3],
        [7, 5, -6],
      ],
    ],
    [
      'minimum',
      (inputs) => layers.minimum().apply(inputs),
      [
        [1, -2, -1],
        [0, -5, -6],
      ],
    ],
    ['dot', (inputs) => layers.dot(1).apply(inputs), [[-3], [11]]],
  ])('%s', async (_, make, expected) => {
    expect(await given(make, a, b)).toEqual(expected);
  });

  it('merging takes what has fewer axes for every step alike, as in Keras', async () => {
    const rows = NdArray.from([
      [1, 2],
      [3, 4],
    ]);
    const sequences = NdArray.from([
      [
        [10, 20],
        [30, 40],
        [50, 60],
      ],
      [
        [1, 1],
        [2, 2],
        [3, 3],
      ],
    ]);
    const sums = [
      [
        [11, 22],
        [31, 42],
        [51, 62],
      ],
      [
        [4, 5],
        [5, 6],
        [6, 7],
      ],
    ];
    const add = (inputs: readonly Signal[]): Signal => layers.add().apply(inputs);
    expect(await given(add, rows, sequences)).toEqual(sums);
    expect(await given(add, sequences, rows)).toEqual(sums);
    // One step alone: rows must not meet other rows.
    expect(await given(add, rows, NdArray.from([[[10, 20]], [[30, 40]]]))).toEqual([[[11, 22]], [[33, 44]]]);
  });

  it('rescaling is scale · x + offset', async () => {
    const made = await given(([x]) => layers.rescaling(2, { offset: -1 }).apply(x as Signal), a);
    expect(made).toEqual([
      [1, -5, 5],
      [-1, 9, -13],
    ]);
  });

  it('thresholdedRelu lets through what is above its threshold', async () => {
    const made = await given(([x]) => layers.thresholdedRelu({ theta: 2 }).apply(x as Signal), a);
    expect(made).toEqual([
      [0, 0, 3],
      [0, 5, 0],
    ]);
  });

  it('identity and activityRegularization give what they get', async () => {
    expect(await given(([x]) => layers.activityRegularization({ l2: 1 }).apply(layers.identity().apply(x as Signal)), a)).toEqual(a.toNested());
  });

  it('permute counts axes from 1, as Keras does, and reshape keeps the order of elements', async () => {
    const x = new NdArray(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [2, 2, 3],
    );
    const turned = [
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
      [
        [6, 9],
        [7, 10],
        [8, 11],
      ],
    ];
    expect((await sequential([layers.input([2, 3]), layers.permute([2, 1])]).predict(x)).toNested()).toEqual(turned);
    expect((await sequential([layers.input([2, 3]), layers.reshape([6])]).predict(x)).toNested()).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10, 11],
    ]);
  });
});
