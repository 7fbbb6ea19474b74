import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  doctor,
  fromConfig,
  initializers,
  type Layer,
  layers,
  load,
  type Model,
  model,
  NdArray,
  NonFiniteError,
  ops,
  optimizers,
  ShapeError,
  type Signal,
  sequential,
  toConfig,
  transformerBlock,
} from 'evenkeel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gradients } from '#src/graph/gradients.js';
import type { Tensor } from '#src/graph/node.js';
import { compute, numbers } from '../graph/engine.js';
import { paddedRows, randomArray, seededLoss, wire } from './wiring.js';

const array = (shape: readonly number[], seed: number): NdArray => randomArray(shape, seed).cast('float32');
const values = (x: NdArray): number[] => Array.from({ length: x.size }, (_, i) => x.at(i));
const seed = { seed: 3 };

function near(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThanOrEqual(tolerance);
  });
}

/** Steps `from` to `to` of sequences [N, time, features]. */
function steps(x: NdArray, from: number, to: number): NdArray {
  const [rows = 0, time = 0, features = 0] = x.shape;
  const cut = NdArray.zeros([rows, to - from, features], x.dtype);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < (to - from) * features; i++) cut.set(row * (to - from) * features + i, x.at((row * time + from) * features + i));
  }
  return cut;
}

/** The sequences with `count` steps of zeros behind them, or in front. */
function padded(x: NdArray, count: number, front = false): NdArray {
  const [rows = 0, time = 0, features = 0] = x.shape;
  const wide = NdArray.zeros([rows, time + count, features], x.dtype);
  for (let row = 0; row < rows; row++) {
    const at = (row * (time + count) + (front ? count : 0)) * features;
    for (let i = 0; i < time * features; i++) wide.set(at + i, x.at(row * time * features + i));
  }
  return wide;
}

const kinds: Readonly<Record<string, (options: object) => Layer>> = {
  simpleRnn: (options) => layers.simpleRnn(4, options),
  lstm: (options) => layers.lstm(4, options),
  gru: (options) => layers.gru(4, options),
  'gru, reset before': (options) => layers.gru(4, { resetAfter: false, ...options }),
  bidirectional: (options) => layers.bidirectional(layers.lstm(2, options)),
};

describe.each(Object.entries(kinds))('%s', (_, make) => {
  it.each([false, true])('passes over padding, in front: %s', async (front) => {
    const net = (time: number): Model => sequential([layers.input([time, 3]), layers.masking(), make({})], seed);
    const x = array([5, 4, 3], 1);
    near(values(await net(7).predict(padded(x, 3, front))), values(await net(4).predict(x)));
  });

  it('gives the last of a sequence, or all of it', async () => {
    const x = array([5, 4, 3], 2);
    if (_ === 'bidirectional') return;
    const all = await sequential([layers.input([4, 3]), make({ returnSequences: true })], seed).predict(x);
    const last = await sequential([layers.input([4, 3]), make({})], seed).predict(x);
    expect(all.shape).toEqual([5, 4, 4]);
    expect(values(last)).toEqual(values(steps(all, 3, 4)));
  });

  it('goes on where the minibatch before ended, until it is reset', async () => {
    if (_ === 'bidirectional') return;
    const x = array([5, 6, 3], 3);
    const whole = values(await sequential([layers.input([6, 3]), make({})], seed).predict(x));
    const kept = sequential([layers.input([3, 3]), make({ stateful: true, batchSize: 5 })], seed);
    const first = values(await kept.predict(steps(x, 0, 3)));
    near(values(await kept.predict(steps(x, 3, 6))), whole);
    await kept.resetStates();
    expect(values(await kept.predict(steps(x, 0, 3)))).toEqual(first);
  });

  it('sends no gradient further back than it is told', async () => {
    const gradientOf = async (truncate: number | undefined): Promise<number[]> => {
      const signal = layers.input([6, 2]);
      const { inputs, variables, outputs } = wire([signal], [make(truncate === undefined ? {} : { truncate }).apply(signal)], 2, true);
      const output = outputs[0] as Tensor;
      const [dx] = gradients(seededLoss(output, randomArray([2, Number(output.shape[1])], 9)), inputs);
      const feeds = new Map([
        [inputs[0] as Tensor, randomArray([2, 6, 2], 4)],
        ...[...variables.values()].map((v, i) => [v, randomArray(v.shape.map(Number), 20 + i)] as const),
      ]);
      return numbers((await compute([dx as Tensor], feeds))[0]);
    };
    const [all, cut, never] = [await gradientOf(undefined), await gradientOf(2), await gradientOf(6)];
    expect(never).toEqual(all);
    if (_ === 'bidirectional') return;
    for (let i = 0; i < cut.length; i++) {
      const step = Math.floor(i / 2) % 6;
      if (step < 4) expect(cut[i]).toBe(0);
      else expect(Math.abs((cut[i] ?? 0) - (all[i] ?? 0))).toBeLessThan(1e-12);
    }
    expect(all.slice(0, 2).some((value) => value !== 0)).toBe(true);
  });
});

describe('first weights', () => {
  it('are orthogonal where the state returns, and 1 in the forget gate’s bias', async () => {
    const net = sequential([layers.input([4, 3]), layers.lstm(2)], seed);
    const [kernel, recurrent, bias] = await net.getWeights();
    expect([kernel?.shape, recurrent?.shape, bias?.shape]).toEqual([[3, 8], [2, 8], [8]]);
    expect(values(bias as NdArray)).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    const row = (i: number): number[] => values(recurrent as NdArray).slice(8 * i, 8 * i + 8);
    const product = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
    near([product(row(0), row(0)), product(row(0), row(1)), product(row(1), row(1))], [1, 0, 1]);
    const plain = sequential([layers.input([4, 3]), layers.lstm(2, { unitForgetBias: false, biasInitializer: 'ones' })], seed);
    expect(values((await plain.getWeights())[2] as NdArray)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
  });
});

describe('a mask', () => {
  it('leaves steps out of loss and metrics', async () => {
    const tokens = NdArray.from([
      [1, 2, 0],
      [3, 0, 0],
      [2, 1, 3],
    ]);
    const targets = NdArray.from([
      [1, 0, 1],
      [0, 1, 1],
      [1, 1, 0],
    ]);
    const net = sequential(
      [
        layers.input([3]),
        layers.embedding(4, 3, { maskZero: true }),
        layers.gru(4, { returnSequences: true }),
        layers.dropout(0),
        layers.timeDistributed(layers.dense(3)),
        layers.dense(2, { activation: 'softmax' }),
      ],
      seed,
    );
    net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const probabilities = values(await net.predict(tokens));
    const counted = values(tokens).flatMap((token, i) =>
      token === 0 ? [] : [[probabilities[2 * i] ?? 0, probabilities[2 * i + 1] ?? 0, targets.at(i)] as const],
    );
    const loss = counted.reduce((sum, [a, b, label]) => sum - Math.log(label === 0 ? a : b), 0) / counted.length;
    const accuracy = counted.filter(([a, b, label]) => Number(b > a) === label).length / counted.length;
    const found = await net.evaluate(tokens, targets);
    near([found.loss ?? Number.NaN, found.accuracy ?? Number.NaN], [loss, accuracy]);
    const weighted = await net.evaluate(tokens, targets, { sampleWeight: NdArray.from([1, 0, 0]) });
    const first = counted.slice(0, 2).reduce((sum, [a, b, label]) => sum - Math.log(label === 0 ? a : b), 0);
    near([weighted.loss ?? Number.NaN], [first / counted.length]);
    const { history } = await net.fit(tokens, targets, { epochs: 2, verbose: 0 });
    near([history.loss?.[0] ?? Number.NaN, history.accuracy?.[0] ?? Number.NaN], [loss, accuracy]);
  });

  it('goes through what merges sequences as in Keras', async () => {
    const shown = (name: 'add' | 'steps' | 'features'): Model => {
      const [a, b] = [layers.input([3, 1]), layers.input([3, 1])];
      const [left, right] = [layers.masking().apply(a), layers.masking().apply(b)];
      const merged = {
        add: () => layers.add().apply([left, right]),
        steps: () => layers.concatenate({ axis: 1 }).apply([left, b]),
        features: () => layers.concatenate().apply([left, right]),
      }[name]();
      // With weights of 1 and no recurrence, a linear layer gives the sum at the last step that counts.
      const last = layers.simpleRnn(1, { activation: 'linear', kernelInitializer: 'ones', recurrentInitializer: 'zeros' });
      return model({ inputs: [a, b], outputs: last.apply(merged) });
    };
    const x = [NdArray.from([[[1], [2], [0]]]), NdArray.from([[[5], [0], [0]]])];
    expect(values(await shown('add').predict(x))).toEqual([2]);
    expect(values(await shown('features').predict(x))).toEqual([2]);
    expect(values(await shown('steps').predict(x))).toEqual([0]);
  });

  it.each([true, false])('leaves padding out of the mean over the steps, keepdims: %s', async (keepdims) => {
    const net = sequential([layers.input([3]), layers.embedding(4, 2, { maskZero: true }), layers.globalAveragePooling1d({ keepdims })], seed);
    const [table] = (await net.getWeights()).map((weights) => weights.toNested() as number[][]);
    const tokens = [
      [1, 2, 0],
      [3, 0, 0],
      [0, 0, 0],
    ];
    const means = tokens.map((row) => {
      const kept = row.filter((token) => token > 0);
      return [0, 1].map((i) => kept.reduce((sum, token) => sum + (table?.[token]?.[i] ?? 0), 0) / Math.max(1, kept.length));
    });
    const pooled = await net.predict(NdArray.from(tokens));
    expect(pooled.shape).toEqual(keepdims ? [3, 1, 2] : [3, 2]);
    near(values(pooled), means.flat());
  });

  it.each([-1, 1])('leaves padding out of the statistics of batch normalization along axis %d', async (axis) => {
    const net = sequential(
      [layers.input([3, 2]), layers.masking(), layers.batchNormalization({ axis, momentum: 0.5, epsilon: 1e-6, name: 'n' })],
      seed,
    );
    net.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    const rows = paddedRows;
    // The entries that share a mean, of steps that are not padding.
    const counted = rows.flatMap((row) => row.flatMap((step, time) => (step.every((one) => one === 0) ? [] : [{ step, time }])));
    const groups =
      axis === -1
        ? [0, 1].map((i) => counted.map(({ step }) => step[i] ?? 0))
        : [0, 1, 2].map((at) => counted.filter(({ time }) => time === at).flatMap(({ step }) => step));
    const mean = groups.map((group) => group.reduce((a, b) => a + b, 0) / Math.max(1, group.length));
    const variance = groups.map((group, i) => group.reduce((sum, one) => sum + (one - (mean[i] ?? 0)) ** 2, 0) / Math.max(1, group.length));
    const targets = array([2, 3, 2], 3);
    const { loss } = (await net.fit(NdArray.from(rows), targets, { verbose: 0 })).last;
    const state = await net.getState();
    near(
      values(state.get('n/moving_mean') as NdArray),
      mean.map((one) => one / 2),
    );
    near(
      values(state.get('n/moving_variance') as NdArray),
      variance.map((one) => 0.5 + one / 2),
    );
    const errors = rows.flatMap((row, n) =>
      row.flatMap((step, time) => {
        if (step.every((one) => one === 0)) return [];
        const of = (i: number): number => (axis === -1 ? i : time);
        const normal = step.map((one, i) => (one - (mean[of(i)] ?? 0)) / Math.sqrt((variance[of(i)] ?? 0) + 1e-6));
        return [normal.reduce((sum, one, i) => sum + (one - targets.at((3 * n + time) * 2 + i)) ** 2 / 2, 0)];
      }),
    );
    near([Number(loss)], [errors.reduce((a, b) => a + b, 0) / errors.length]);
  });

  it.each<[string, () => Layer]>([
    ['identity', () => layers.identity()],
    ['rescaling', () => layers.rescaling(1)],
    ['activityRegularization', () => layers.activityRegularization({ l2: 1 })],
  ])('goes through %s', async (_, make) => {
    const net = sequential([layers.input([4, 1]), layers.masking(), make(), layers.globalAveragePooling1d()], seed);
    near(values(await net.predict(NdArray.from([[[1], [2], [0], [0]]]))), [1.5]);
  });

  it.each([
    ['concat', [1, 3, 3, 2, 0, 0, 0, 0]],
    ['sum', [4, 5, 0, 0]],
    ['ave', [2, 2.5, 0, 0]],
    ['mul', [3, 6, 0, 0]],
  ] as const)('makes both directions give zeros at padding, joined by %s', async (mergeMode, expected) => {
    // Sums of all steps so far: 1, 3 from the front, 3, 2 from the back.
    const summing = layers.simpleRnn(1, {
      returnSequences: true,
      activation: 'linear',
      kernelInitializer: 'ones',
      recurrentInitializer: 'ones',
    });
    const net = sequential([layers.input([4, 1]), layers.masking(), layers.bidirectional(summing, { mergeMode })], seed);
    near(values(await net.predict(NdArray.from([[[1], [2], [0], [0]]]))), expected);
  });

  it('makes both directions give their last state at padding, also where they give zeros alone', async () => {
    const options = { activation: 'linear', kernelInitializer: 'ones', recurrentInitializer: 'ones', zeroOutputForMask: true } as const;
    const last = async (layer: Layer): Promise<number[]> =>
      values(await sequential([layers.input([4, 1]), layers.masking(), layer], seed).predict(NdArray.from([[[1], [2], [0], [0]]])));
    near(await last(layers.bidirectional(layers.simpleRnn(1, options))), [3, 3]);
    near(await last(layers.simpleRnn(1, options)), [0]);
    near(await last(layers.bidirectional(layers.simpleRnn(1, { ...options, returnSequences: true }))), [1, 3, 3, 2, 0, 0, 0, 0]);
  });

  it.each<[string, readonly Layer[]]>([
    ['behind a mask', [layers.masking(), layers.dense(2, { useBias: false, activation: 'softmax' })]],
    ['in every step', [layers.timeDistributed(layers.dense(2, { useBias: false, activation: 'softmax' }))]],
    ['in another shape', [layers.dense(2, { useBias: false, activation: 'softmax' }), layers.reshape([1, 2]), layers.reshape([1, 2])]],
  ])('keeps the loss exact where probabilities round to 0: softmax %s', async (_, row) => {
    const net = sequential([layers.input([1, 1]), ...row], seed).compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    await net.setWeights([NdArray.from([[50, -50]])]);
    const [x, y] = [NdArray.from([[[1]]]), NdArray.from([[1]])];
    expect(await net.evaluate(x, y)).toEqual({ loss: 100, accuracy: 0 });
    // p − t, which the limits on probabilities would make 0.
    const [slope] = (await net.gradients(x, y)).gradients.values();
    near(values(slope as NdArray), [1, -1]);
  });

  it.each<[string, readonly Layer[]]>([
    ['behind a mask', [layers.masking(), layers.dense(1, { useBias: false, activation: 'sigmoid' })]],
    ['in every step', [layers.timeDistributed(layers.dense(1, { useBias: false, activation: 'sigmoid' }))]],
  ])('keeps the loss exact where probabilities round to 1: sigmoid %s', async (_, row) => {
    const net = sequential([layers.input([1, 1]), ...row], seed).compile({ loss: 'binaryCrossentropy', metrics: ['accuracy'] });
    await net.setWeights([NdArray.from([[50]])]);
    const [x, y] = [NdArray.from([[[1]]]), NdArray.from([[[0]]])];
    expect(await net.evaluate(x, y)).toEqual({ loss: 50, accuracy: 0 });
    const [slope] = (await net.gradients(x, y)).gradients.values();
    near(values(slope as NdArray), [1]);
  });

  it('goes with both outputs of two directions that are not joined', async () => {
    const x = layers.input([3, 2]);
    const [ahead, back] = layers.bidirectional(layers.gru(2, { returnSequences: true }), { mergeMode: null }).applyAll(layers.masking().apply(x));
    expect([ahead?.masked, back?.masked]).toEqual([true, true]);
    const net = model({ inputs: x, outputs: back as Signal }, seed).compile({ loss: 'mse' });
    const rows = NdArray.from([
      [
        [1, 2],
        [3, 1],
        [0, 0],
      ],
    ]);
    const found = values(await net.predict(rows));
    near([Number((await net.evaluate(rows, NdArray.zeros([1, 3, 2]))).loss)], [found.slice(0, 4).reduce((sum, one) => sum + one * one, 0) / 4]);
  });

  it('keeps attention away from padding', async () => {
    const net = (time: number): Model => sequential([layers.input([time, 4]), layers.masking(), layers.multiHeadAttention(2, 3)], seed);
    const x = array([3, 4, 4], 5);
    near(values(steps(await net(6).predict(padded(x, 2)), 0, 4)), values(await net(4).predict(x)));
  });
});

describe('attention', () => {
  // 32 features to 8 heads of 16, and back to 12 outputs.
  it.each([
    ['glorotUniform', [2 / (32 + 128), 2 / (128 + 12)]],
    ['heNormal', [2 / 32, 2 / 128]],
    [initializers.varianceScaling({ mode: 'fanOut' }), [1 / 128, 1 / 12]],
    [initializers.varianceScaling({ inputAxes: [1], outputAxes: [2] }), [1 / (8 * 32), 1 / (16 * 8)]],
    ['auto', [2 / (32 + 128), 2 / (128 + 12)]],
    ['critical', [1 / 32, 1 / 128]],
    // Rows are all axes but the last, as in Keras.
    ['orthogonal', [1 / (32 * 8), 1 / 128]],
  ] as const)('draws kernels by the sides of its products: %s', async (kernelInitializer, [inner, last]) => {
    for (const wrapped of [false, true]) {
      const attention = layers.multiHeadAttention(8, 16, { kernelInitializer, outputDim: 12 });
      const net = sequential([layers.input(wrapped ? [2, 5, 32] : [5, 32]), wrapped ? layers.timeDistributed(attention) : attention], seed);
      const weights = await net.getWeights();
      const square = (name: string): number => {
        const drawn = values(weights[net.variables.findIndex(({ weight }) => weight === name)] as NdArray);
        return drawn.reduce((sum, x) => sum + x * x, 0) / drawn.length;
      };
      for (const name of ['query', 'key', 'value']) expect(Math.abs(square(`${name}/kernel`) / inner - 1)).toBeLessThan(0.08);
      expect(Math.abs(square('output/kernel') / last - 1)).toBeLessThan(0.12);
    }
  });

  it('sees no later step where it is causal', async () => {
    const net = sequential([layers.input([5, 4]), layers.multiHeadAttention(2, 3, { causal: true })], seed);
    const x = array([2, 5, 4], 6);
    const changed = new NdArray((x.data as Float32Array).slice(), x.shape);
    for (let i = 0; i < 4; i++) changed.set(4 * 4 + i, 3);
    const [before, after] = [await net.predict(x), await net.predict(changed)];
    expect(values(steps(after, 0, 4))).toEqual(values(steps(before, 0, 4)));
    expect(values(steps(after, 4, 5))).not.toEqual(values(steps(before, 4, 5)));
  });
});

describe('a transformer block', () => {
  it.each(['pre', 'post'] as const)('%s-norm is a sum of its input, attention and dense layers', async (norm) => {
    const x = layers.input([3, 4]);
    const out = transformerBlock(x, { numHeads: 2, hiddenDim: 5, norm, activation: 'tanh', causal: true });
    const net = model({ inputs: x, outputs: out }, seed);
    expect(net.layers.map(({ kind }) => kind).filter((kind) => kind !== 'input')).toEqual(
      norm === 'pre'
        ? ['layerNormalization', 'multiHeadAttention', 'add', 'layerNormalization', 'dense', 'dense', 'add']
        : ['multiHeadAttention', 'add', 'layerNormalization', 'dense', 'dense', 'add', 'layerNormalization'],
    );
    const given = array([2, 3, 4], 10);
    const loaded = fromConfig(toConfig(net));
    await loaded.setWeights(await net.getWeights());
    expect(values(await loaded.predict(given))).toEqual(values(await net.predict(given)));
    expect(() => transformerBlock(x, { numHeads: 3 })).toThrow(/3 heads do not divide 4 features evenly; pass keyDim/);
    for (const own of [{ name: 'block' }, { trainable: false }])
      expect(() => transformerBlock(x, { numHeads: 2, ...own })).toThrow(
        /^transformerBlock: has no option (name|trainable): it consists of several layers/,
      );
    expect(() => transformerBlock(x, undefined as never)).toThrow(/transformerBlock\(x, \{ numHeads: 4 \}\), got undefined as options/);
  });

  it('keeps the mask of its input', () => {
    const x = layers.masking().apply(layers.input([3, 4]));
    expect(transformerBlock(x, { numHeads: 2 }).masked).toBe(true);
  });
});

describe('a stateful layer', () => {
  const net = (): Model =>
    sequential([layers.input([3, 2]), layers.lstm(3, { stateful: true, batchSize: 4 }), layers.dense(1)], seed).compile({
      optimizer: 'adam',
      loss: 'mse',
    });
  const [x, y] = [array([16, 3, 2], 7), array([16, 1], 8)];

  it('carries its state through a fit alike in chunks of any length', async () => {
    const trained = async (chunk: number): Promise<number[]> => {
      const one = net();
      await one.fit(x, y, { batchSize: 4, epochs: 2, shuffle: false, verbose: 0, chunk });
      return (await one.getWeights()).flatMap(values);
    };
    const [single, several] = [await trained(1), await trained(3)];
    expect(several).toEqual(single);
  });

  it('says how many rows it needs', async () => {
    expect(() => layers.lstm(3, { stateful: true })).toThrow(/pass batchSize too/);
    await expect(net().fit(x, y, { batchSize: 8, verbose: 0 })).rejects.toThrow(
      /lstm_1 keeps a state for each of 4 rows, but minibatches have 8; pass batchSize: 4/,
    );
    await expect(net().predict(array([6, 3, 2], 1))).rejects.toThrow(/6 rows of x do not fill whole minibatches; remove 2 or add 2/);
    const two = sequential([
      layers.input([3, 2]),
      layers.gru(3, { stateful: true, batchSize: 4, returnSequences: true }),
      layers.gru(3, { stateful: true, batchSize: 2 }),
    ]);
    await expect(two.predict(array([4, 3, 2], 1))).rejects.toThrow(/need the same batchSize/);
  });
});

describe('saving', () => {
  it('keeps wrappers, masks, several outputs and functions of the user’s own', async () => {
    const bent = (z: Tensor): Tensor => ops.tanh(ops.mul(z, 0.5));
    const tokens = layers.input([5], { name: 'tokens' });
    const later = layers.input([2, 3], { name: 'later' });
    const embedded = layers.embedding(6, 3, { maskZero: true }).apply(tokens);
    const both = layers.bidirectional(layers.lstm(3, { returnState: true, activation: bent }), { mergeMode: 'sum' }).applyAll(embedded);
    const decoded = layers.gru(3, { returnSequences: true, truncate: 2 }).apply([later, both[2] as never]);
    const attended = layers.multiHeadAttention(1, 2).apply([decoded, embedded]);
    const outputs = [layers.timeDistributed(layers.dense(2, { activation: 'relu' })).apply(attended), both[1] as never];
    const before = model({ inputs: [tokens, later], outputs }, seed);
    const x = {
      tokens: NdArray.from([
        [1, 2, 3, 0, 0],
        [5, 4, 0, 0, 0],
      ]),
      later: array([2, 2, 3], 9),
    };
    const folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'model.safetensors');
    await before.save(path);
    const after = await load(path, { custom: { bent } });
    const [given, loaded] = [await before.predict(x, { all: true }), await after.predict(x, { all: true })];
    expect(loaded.map(values)).toEqual(given.map(values));
    expect(toConfig(fromConfig(toConfig(before), { custom: { bent } }))).toEqual(toConfig(before));
    await expect(load(path)).rejects.toThrow(/bent/);
  });
});

describe('vital signs', () => {
  it('hold what the activation receives inside the loop, and its gradient', async () => {
    const net = sequential(
      [layers.input([2, 2]), layers.simpleRnn(1, { recurrentInitializer: 'ones', kernelInitializer: 'ones' }), layers.dense(1)],
      seed,
    );
    net.compile({ optimizer: 'sgd', loss: 'mse' });
    // The kernel's gradient is each step's gradient, since each step has a feature of its own.
    const [x, y] = [
      NdArray.from([
        [
          [1, 0],
          [0, 1],
        ],
      ]),
      NdArray.from([[0.3]]),
    ];
    const found = await net.gradients(x, y);
    const [first = 0, second = 0] = values(found.gradients.get('simpleRnn_1/kernel') as NdArray);
    const trace = await net.examine(x, y);
    const signals = trace.steps[0]?.signals;
    near([Number(signals?.gRms?.[0])], [Math.hypot(first, second) / Math.SQRT2], 1e-7);
    near([Number(signals?.zRms?.[0])], [Math.hypot(1, 1 + Math.tanh(1)) / Math.SQRT2]);
    expect(doctor.forecast(net).layers[1]?.why).toContain('its weights all have the same value');
  });
});

describe('a state that explodes', () => {
  it('is found in the layer that carries it', async () => {
    const grows = layers.simpleRnn(1, { activation: 'linear', recurrentInitializer: initializers.constant({ value: 10 }), name: 'grows' });
    const net = sequential([layers.input([40, 1]), grows, layers.dense(1)], seed).compile({ optimizer: 'sgd', loss: 'mse' });
    const run = net.fit(NdArray.from([new Array(40).fill([1])]), NdArray.from([[0]]), { verbose: 0 });
    await expect(run).rejects.toThrow(/layer grows, operator Scan \(forward\)/);
    await expect(run).rejects.toBeInstanceOf(NonFiniteError);
  });
});

describe('mistakes', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['no units', () => layers.lstm(0), /lstm: units must be a whole number ≥ 1, .* got 0/],
    [
      'rows without time',
      () => layers.gru(2).apply(layers.input([3])),
      /gru: expects sequences \[N, time, features\], got \[N, 3\]\. For a single feature add an axis/,
    ],
    ['pictures', () => layers.gru(2).apply(layers.input([3, 4, 4, 1])), /Is a layers\.timeDistributed\(layers\.flatten\(\)\) missing before it\?/],
    [
      'states of another size',
      () => layers.gru(2).apply([layers.input([3, 4]), layers.input([3])]),
      /the initial state must have shape \[N, 2\], got \[N, 3\]/,
    ],
    ['one state of two', () => layers.lstm(2).apply([layers.input([3, 4]), layers.input([2])]), /takes a sequence and 2 more inputs/],
    [
      'no recurrent layer',
      () => layers.bidirectional(layers.dense(2) as never),
      /bidirectional: layer must be a recurrent layer, .* got layers\.dense/,
    ],
    [
      'both ways alike',
      () => layers.bidirectional(layers.gru(2), { backwardLayer: layers.gru(2) }),
      /one layer must run forwards and the other backwards/,
    ],
    [
      'no steps',
      () => layers.timeDistributed(layers.dense(2)).apply(layers.input([3])),
      /applies a layer to every step of \[N, time, …\], got \[N, 3\]/,
    ],
    ['a signal for a layer', () => layers.timeDistributed(layers.input([2]) as never), /must be a layer/],
    ['tokens to masking', () => layers.masking().apply(layers.input([3])), /use layers\.embedding with maskZero/],
    ['no time in attention', () => layers.multiHeadAttention(2, 2).apply(layers.input([3])), /its query must be a sequence/],
  ])('%s', (_, work, message) => {
    expect(work).toThrow(message);
    expect(work).toThrow(expect.toSatisfy((error) => error instanceof ShapeError || error instanceof ArgumentError));
  });
});
