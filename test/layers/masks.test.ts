import { type Layer, layers, model, NdArray, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { values } from '../training/sets.js';
import { paddedRows } from './wiring.js';

/** Two steps that count, and two of padding. */
const padded = NdArray.from([[[1], [2], [0], [0]]]);

/** Gives the sum of all steps so far, in the order in which it walks. */
const summing = (options: { goBackwards?: boolean; returnSequences?: boolean }) =>
  layers.simpleRnn(1, { ...options, activation: 'linear', kernelInitializer: 'ones', recurrentInitializer: 'ones' });

async function given(x: NdArray, ...row: readonly Layer[]): Promise<readonly number[]> {
  const [found = []] = values([await sequential([layers.input(x.shape.slice(1)), layers.masking(), ...row]).predict(x)]);
  return found;
}

describe('a mask behind a layer that walks backwards', () => {
  // Backwards the sums are 0, 0, 2 and 3: the padding comes first.
  const backwards = summing({ goBackwards: true, returnSequences: true });

  it('lets a pooling count the steps that do', async () => {
    expect(await given(padded, backwards, layers.globalAveragePooling1d())).toEqual([2.5]);
  });

  it('lets another recurrent layer pass over the padding', async () => {
    expect(await given(padded, backwards, summing({}))).toEqual([5]);
    // Forwards again: 3, 5 from the last step on.
    expect(await given(padded, backwards, summing({ goBackwards: true, returnSequences: true }), layers.globalAveragePooling1d())).toEqual([4]);
  });

  it('leaves the padding out of the loss', async () => {
    const net = sequential([layers.input([4, 1]), layers.masking(), backwards]).compile({ loss: 'mse' });
    // Off by 1 and by 2 at the steps that count.
    const { loss } = await net.evaluate(padded, NdArray.from([[[9], [9], [1], [1]]]));
    expect(loss).toBe(2.5);
  });

  it('has two directions give zeros at padding where the first of them does', async () => {
    const both = layers.bidirectional(backwards, { mergeMode: 'sum' });
    // 1 + 3 and 3 + 2 at the two steps, the last first.
    expect(await given(padded, both)).toEqual([0, 0, 5, 4]);
    expect(await given(padded, both, layers.globalAveragePooling1d())).toEqual([4.5]);
  });
});

describe('masks of what is merged, as in Keras 3', () => {
  /** Sequences of numbers that are nowhere 0; at the starred steps they do not count. */
  const [a, b] = [NdArray.from([[[1], [2], [0], [0]]]), NdArray.from([[[5], [0], [7], [0]]])];
  const merged = (layer: Layer, both: boolean, ...behind: readonly Layer[]): Promise<readonly number[]> => {
    const [x, y] = [layers.input([4, 1]), layers.input([4, 1])];
    // 11, 12, 10*, 10*
    const left = layers.rescaling(1, { offset: 10 }).apply(layers.masking().apply(x));
    // −15, −20*, −13, −20*; or the same without a mask.
    const right = layers.rescaling(1, { offset: -20 }).apply(both ? layers.masking().apply(y) : y);
    const outputs = behind.reduce((signal, next) => next.apply(signal), layer.apply([left, right]));
    return model({ inputs: [x, y], outputs })
      .predict([a, b])
      .then((found) => values([found])[0] ?? []);
  };
  const mean = layers.globalAveragePooling1d;

  it.each([
    ['add', [-4, -8, -3, -10], -15 / 3],
    ['subtract', [26, 32, 23, 30], 81 / 3],
    ['average', [-2, -4, -1.5, -5], -7.5 / 3],
    ['multiply', [-165, 12, -13, 0], -166 / 3],
    ['maximum', [11, 12, -13, 10], 10 / 3],
    ['minimum', [-15, 12, -13, 10], -16 / 3],
  ] as const)('%s: a step counts where it does in any input', async (kind, steps, pooled) => {
    expect(await merged(layers[kind](), true)).toEqual(steps);
    expect((await merged(layers[kind](), true, mean()))[0]).toBeCloseTo(pooled, 5);
  });

  it.each([
    ['add', [-4, -8, -3, -10]],
    ['multiply', [-165, -240, -13, -20]],
    ['maximum', [11, 12, -13, -20]],
    ['minimum', [-15, -20, -13, -20]],
  ] as const)('%s: all steps count where one input has no mask', async (kind, steps) => {
    expect(await merged(layers[kind](), false)).toEqual(steps);
    expect((await merged(layers[kind](), false, mean()))[0]).toBeCloseTo(steps.reduce((sum, one) => sum + one, 0) / 4, 4);
  });

  it.each([
    ['features', -1, true, [33 / 3, -48 / 3]],
    ['features, one without a mask', 2, false, [43 / 4, -68 / 4]],
    ['steps', 1, true, [-5 / 4]],
    ['steps, one without a mask', 1, false, [-45 / 6]],
  ] as const)('concatenate: %s', async (_, axis, both, pooled) => {
    const found = await merged(layers.concatenate({ axis }), both, mean());
    expect(found).toHaveLength(pooled.length);
    pooled.forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 5);
    });
  });

  it('maximum: of three, those that count', async () => {
    const inputs = [0, 1, 2].map(() => layers.input([3, 1]));
    const outputs = layers.maximum().apply(inputs.map((x) => layers.masking().apply(x)));
    const rows = [
      [-5, 0, 0],
      [-7, -2, 0],
      [0, -3, -4],
    ].map((row) => NdArray.from([row.map((value) => [value])]));
    expect(values([await model({ inputs, outputs }).predict(rows)])).toEqual([[-5, -2, -4]]);
  });

  it('multiply: a vector meets the steps of a sequence that count', async () => {
    const [x, v] = [layers.input([3, 2]), layers.input([2])];
    const net = model({ inputs: [x, v], outputs: layers.multiply().apply([layers.masking().apply(x), v]) });
    const found = await net.predict([
      NdArray.from([
        [
          [1, 2],
          [3, 4],
          [0, 0],
        ],
      ]),
      NdArray.from([[10, 100]]),
    ]);
    expect(values([found])).toEqual([[10, 200, 30, 400, 10, 100]]);
  });
});

describe('a batch normalization inside of timeDistributed', () => {
  const rows = paddedRows;
  /** Running statistics that are the last minibatch's alone. */
  const normal = () => layers.batchNormalization({ momentum: 0, epsilon: 1e-6 });
  const statistics = async (inner: Layer, x: NdArray, before: readonly Layer[]): Promise<number[][]> => {
    const net = sequential([layers.input(x.shape.slice(1)), ...before, layers.timeDistributed(inner), layers.flatten(), layers.dense(1)]);
    net.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    await net.trainOnBatch(x, NdArray.zeros([x.shape[0] ?? 0, 1]));
    const state = await net.getState();
    return values(['mean', 'variance'].flatMap((kind) => [...state].flatMap(([name, array]) => (name.endsWith(`moving_${kind}`) ? [array] : []))));
  };
  const expectNear = (found: number[][], expected: readonly (readonly number[])[]): void => {
    expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
    expected.flat().forEach((value, i) => {
      expect(found.flat()[i]).toBeCloseTo(value, 5);
    });
  };

  it('leaves padding out of its statistics, as one that stands by itself', async () => {
    // Of 1, 3, 5 and of 4, 2, −3; behind no mask the zeros count.
    const expected = [
      [3, 1],
      [8 / 3, 26 / 3],
    ];
    expectNear(await statistics(normal(), NdArray.from(rows), [layers.masking()]), expected);
    const squares = [35 / 6 - 1.5 ** 2, 29 / 6 - 0.5 ** 2];
    expectNear(await statistics(normal(), NdArray.from(rows), []), [[1.5, 0.5], squares]);
  });

  it('does so in steps of steps', async () => {
    // Each step of the sequence is itself two steps of two features; the mask is of the outer ones.
    const wide = NdArray.from(rows.map((row) => row.map((step) => [...step, ...step.map((value) => 3 * value)])));
    const before = [layers.masking(), layers.timeDistributed(layers.reshape([2, 2]))];
    // Of 1, 3, 5, 3, 9, 15 and of 4, 2, −3, 12, 6, −9.
    expectNear(await statistics(layers.timeDistributed(normal()), wide, before), [
      [6, 2],
      [350 / 6 - 36, 290 / 6 - 4],
    ]);
  });
});
