import { type CompileOptions, layers, type Model, model, NdArray, ops, optimizers, type Signal, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { values } from '../training/sets.js';

const ones = { kernelInitializer: 'ones', useBias: false } as const;
const quiet = { verbose: 0, shuffle: false } as const;

/** Two inputs, two outputs, a skip connection and a shared layer, small enough to check by hand. */
function graph(): Model {
  const left = layers.input([2], { name: 'left' });
  const right = layers.input([2], { name: 'right' });
  const shared = layers.dense(2, { ...ones, name: 'shared' });
  const [a, b] = [shared.apply(left), shared.apply(right)];
  const skip = layers.add({ name: 'skip' }).apply([a, left]);
  const joined = layers.concatenate({ name: 'joined' }).apply([skip, b]);
  const sum = layers.dense(1, { ...ones, name: 'sum' }).apply(joined);
  const twice = layers.dense(2, { ...ones, name: 'twice' }).apply(b);
  return model({ inputs: [left, right], outputs: [sum, twice] }, { seed: 1, name: 'graph' });
}

const x = { left: [[1, 2]], right: [[10, 20]] };

describe('several inputs and outputs', () => {
  it('predict in the order of the outputs', async () => {
    // a = 3, 3; skip = 4, 5; b = 30, 30; sum = 69; twice = 60, 60.
    for (const given of [x, [new NdArray(Float32Array.of(1, 2), [1, 2]), new NdArray(Float32Array.of(10, 20), [1, 2])]]) {
      const [sum, twice] = await graph().predict(given, { all: true });
      expect([sum?.toNested(), twice?.toNested()]).toEqual([[[69]], [[60, 60]]]);
    }
    const reversed = { right: x.right, left: x.left };
    expect((await graph().predict(reversed, { all: true })).map((array) => array.toNested())).toEqual([[[69]], [[60, 60]]]);
  });

  it('of many rows, over several engine calls', async () => {
    const left = Array.from({ length: 700 }, (_, i) => [i, 1]);
    const [sum] = await graph().predict({ left, right: left }, { all: true });
    expect(sum?.shape).toEqual([700, 1]);
    expect(values([sum as NdArray])[0]).toEqual(left.map(([i]) => 2 * ((i ?? 0) + 1) + (i ?? 0) + 1 + 2 * ((i ?? 0) + 1)));
  });

  it.each<[string, Partial<CompileOptions>, Record<string, number>]>([
    // Errors: 69 − 60 = 9 and 60 − 58 = 2.
    ['one loss for all', { loss: 'mse' }, { loss: 85, sum_loss: 81, twice_loss: 4 }],
    ['a loss each', { loss: ['mse', 'mae'] }, { loss: 83, sum_loss: 81, twice_loss: 2 }],
    ['losses by name, weighed', { loss: { twice: 'mse', sum: 'mae' }, lossWeights: { twice: 0.5 } }, { loss: 11, sum_loss: 9, twice_loss: 4 }],
    ['weights in a list', { loss: 'mse', lossWeights: [0, 2] }, { loss: 8, sum_loss: 81, twice_loss: 4 }],
    [
      'metrics by name',
      { loss: 'mse', metrics: { sum: ['meanAbsoluteError'] } },
      { loss: 85, sum_loss: 81, twice_loss: 4, sum_meanAbsoluteError: 9 },
    ],
    [
      'metrics for all',
      { loss: 'mse', metrics: ['mae'] },
      { loss: 85, sum_loss: 81, twice_loss: 4, sum_meanAbsoluteError: 9, twice_meanAbsoluteError: 2 },
    ],
  ])('%s', async (_, options, expected) => {
    const net = graph().compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'mse', ...options });
    const y = { sum: [[60]], twice: [[58, 58]] };
    expect(await net.evaluate(x, y)).toEqual(expected);
    expect((await net.fit(x, y, quiet)).last).toEqual(expected);
  });

  it('gradients flow through skip, concatenation and both calls of the shared layer', async () => {
    const net = graph().compile({ loss: (_, output) => output });
    const y = { sum: [[0]], twice: [[0, 0]] };
    const { logs, gradients } = await net.gradients(x, y);
    // L = sum + mean(twice) = 2·s1 + (left1 + left2) + 2·s2 + 2·s2 with s1 = Σ left, s2 = Σ right, for kernels of ones.
    expect(logs.loss).toBe(129);
    expect(gradients.get('shared/kernel')?.toNested()).toEqual([
      [1 + 10 + 10, 1 + 10 + 10],
      [2 + 20 + 20, 2 + 20 + 20],
    ]);
    expect(gradients.get('sum/kernel')?.toNested()).toEqual([[4], [5], [30], [30]]);
    expect(gradients.get('twice/kernel')?.toNested()).toEqual([
      [15, 15],
      [15, 15],
    ]);
  });

  it('learn together', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => [Math.sin(i), Math.cos(3 * i)]);
    const y = { sum: rows.map(([a, b]) => [(a ?? 0) - (b ?? 0)]), twice: rows.map(([a, b]) => [b ?? 0, a ?? 0]) };
    const net = graph().compile({ optimizer: optimizers.adam({ learningRate: 0.03 }), loss: 'mse' });
    const { history } = await net.fit({ left: rows, right: rows }, y, { epochs: 60, verbose: 0, validationSplit: 0.2 });
    expect(history.loss?.at(-1)).toBeLessThan((history.loss?.[0] ?? 0) / 20);
    expect(Object.keys(history)).toEqual(['loss', 'sum_loss', 'twice_loss', 'val_loss', 'val_sum_loss', 'val_twice_loss']);
  });

  it('as a stream', async () => {
    const net = graph().compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
    const batch = { x, y: { sum: [[60]], twice: [[58, 58]] } };
    expect((await net.fit(() => [batch, batch], { verbose: 0 })).last.loss).toBe(85);
  });
});

describe('summary', () => {
  it('of layers in a row', () => {
    const net = sequential([
      layers.input([28, 28]),
      layers.flatten(),
      layers.dense(300),
      layers.batchNormalization(),
      layers.dense(10, { name: 'head' }),
    ]);
    const lines = net.summary().split('\n');
    expect(lines[0]).toBe('Model: sequential');
    const cells = lines.slice(4, -2).map((line) => line.trim().split(/ {2,}/));
    expect(cells).toEqual([
      ['input_1 (input)', '[N, 28, 28]', '0'],
      ['flatten_1 (flatten)', '[N, 784]', '0'],
      ['dense_1 (dense)', '[N, 300]', '235,500'],
      ['batchNormalization_1 (batchNormalization)', '[N, 300]', '1,200'],
      ['head (dense)', '[N, 10]', '3,010'],
    ]);
    expect(lines[2]?.trim().split(/ {2,}/)).toEqual(['Layer (kind)', 'Output shape', 'Parameters']);
    expect(lines.at(-1)).toBe('Parameters: 239,710 (936.4 KB); trainable 239,110, not trainable 600');
    expect(new Set([lines[1], lines[3], lines.at(-2)]).size).toBe(1);
  });

  it('of a graph says what is connected to what, and counts a shared layer once', () => {
    const cells = graph()
      .summary()
      .split('\n')
      .slice(4, -2)
      .map((line) => line.trim().split(/ {2,}/));
    expect(cells).toEqual([
      ['left (input)', '[N, 2]', '0'],
      ['right (input)', '[N, 2]', '0'],
      ['shared (dense)', '[N, 2]', '4', 'left'],
      ['skip (add)', '[N, 2]', '0', 'shared, left'],
      ['shared (dense)', '[N, 2]', 'shared', 'right'],
      ['joined (concatenate)', '[N, 4]', '0', 'skip, shared'],
      ['sum (dense)', '[N, 1]', '4'],
      ['twice (dense)', '[N, 2]', '4', 'shared'],
    ]);
    expect(graph().summary()).toMatch(/^Model: graph\n/);
    expect(graph().summary()).toMatch(/Parameters: 12 \(48 B\); trainable 12, not trainable 0$/);
  });

  it('follows what is frozen, and the size of float64', () => {
    const net = sequential([layers.input([4]), layers.dense(2, { trainable: false }), layers.dense(1)], { dtype: 'float64' });
    expect(net.summary()).toMatch(/Parameters: 13 \(104 B\); trainable 3, not trainable 10$/);
  });
});

describe('weights', () => {
  const build = (): Model => sequential([layers.input([2]), layers.dense(3, { name: 'a' }), layers.dense(1, { name: 'b' })], { seed: 1 });

  it('come as copies, in the order of variables, and can be put back', async () => {
    const net = build();
    const weights = await net.getWeights();
    expect(weights.map(({ shape }) => shape)).toEqual([[2, 3], [3], [3, 1], [1]]);
    const before = values(weights);
    (weights[0] as NdArray).data.fill(9 as never);
    expect(values(await net.getWeights())).toEqual(before);
    const other = sequential([layers.input([2]), layers.dense(3), layers.dense(1)], { seed: 2 });
    expect((await other.predict([[1, 2]])).data).not.toEqual((await net.predict([[1, 2]])).data);
    await other.setWeights(await net.getWeights());
    expect((await other.predict([[1, 2]])).data).toEqual((await net.predict([[1, 2]])).data);
  });

  it('that do not fit are refused, and none is set', async () => {
    const net = build();
    const before = values(await net.getWeights());
    const weights = (await net.getWeights()).map((array) => NdArray.zeros(array.shape));
    await expect(net.setWeights(weights.slice(1))).rejects.toThrow('the model has 4 arrays, got 3');
    await expect(net.setWeights([...weights.slice(0, 3), NdArray.zeros([2])])).rejects.toThrow('b/bias has shape [1], got [2]');
    expect(values(await net.getWeights())).toEqual(before);
    await expect(net.setState(new Map([['a/kernal', weights[0] as NdArray]]))).rejects.toThrow(/no array 'a\/kernal'.*a\/kernel/);
  });

  it('are set in the middle of training as well', async () => {
    const net = build().compile({ loss: 'mse', optimizer: 'adam' });
    await net.fit([[1, 2]], [[3]], quiet);
    const zeros = (await net.getWeights()).map((array) => NdArray.zeros(array.shape));
    await net.setWeights(zeros);
    expect((await net.predict([[1, 2]])).toNested()).toEqual([[0]]);
    await net.fit([[1, 2]], [[3]], quiet);
    expect((await net.predict([[1, 2]])).at(0)).toBeGreaterThan(0);
  });

  it('stay through another compile; slots start anew', async () => {
    const net = build().compile({ loss: 'mse', optimizer: 'adam' });
    await net.fit([[1, 2]], [[3]], quiet);
    const before = values(await net.getWeights());
    expect((await net.getState()).has('a/kernel/m')).toBe(true);
    net.compile({ loss: 'mae', optimizer: optimizers.sgd({ momentum: 0.9 }) });
    expect(values(await net.getWeights())).toEqual(before);
    const state = await net.getState();
    expect([...state.keys()]).toEqual([
      'a/kernel',
      'a/bias',
      'b/kernel',
      'b/bias',
      'a/kernel/velocity',
      'a/bias/velocity',
      'b/kernel/velocity',
      'b/bias/velocity',
      'iterations',
    ]);
    expect(
      values([state.get('a/kernel/velocity') as NdArray])
        .flat()
        .every((value) => value === 0),
    ).toBe(true);
  });

  it('that are frozen stay, also when frozen between fits', async () => {
    const net = build().compile({ loss: 'mse', optimizer: 'adam' });
    await net.fit([[1, 2]], [[3]], quiet);
    const before = values(await net.getWeights());
    net.layer('a').trainable = false;
    await net.fit([[1, 2]], [[3]], { ...quiet, epochs: 3 });
    const after = values(await net.getWeights());
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after.slice(2)).not.toEqual(before.slice(2));
    net.layer('a').trainable = true;
    await net.fit([[1, 2]], [[3]], { ...quiet, epochs: 3 });
    expect(values(await net.getWeights())[0]).not.toEqual(before[0]);
  });
});

describe('batch normalization', () => {
  const rows = Array.from({ length: 64 }, (_, i) => [Math.sin(i) * 3 + 1, Math.cos(2 * i) - 2]);
  const build = (trainable = true) => {
    const net = sequential([layers.input([2]), layers.batchNormalization({ momentum: 0.5, epsilon: 1e-6, trainable, name: 'bn' })], {
      dtype: 'float64',
    });
    return net.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0 }) });
  };

  it('moves its statistics towards the batch while training, and uses them in inference', async () => {
    const net = build();
    await net.fit(rows, rows, { ...quiet, batchSize: 64, epochs: 40 });
    const [, , mean = [], variance = []] = values(await net.getWeights());
    const column = (j: number) => rows.map((row) => row[j] ?? 0);
    for (const j of [0, 1]) {
      const expected = column(j).reduce((a, b) => a + b, 0) / 64;
      expect(mean[j]).toBeCloseTo(expected, 9);
      expect(variance[j]).toBeCloseTo(column(j).reduce((sum, value) => sum + (value - expected) ** 2, 0) / 64, 9);
    }
    const [first = []] = (await net.predict(rows.slice(0, 1))).toNested() as number[][];
    first.forEach((value, j) => {
      expect(value).toBeCloseTo(((rows[0]?.[j] ?? 0) - (mean[j] ?? 0)) / Math.sqrt((variance[j] ?? 0) + 1e-6), 9);
    });
  });

  it('frozen, it is in inference mode: no statistic moves, and the batch does not matter', async () => {
    const net = build(false);
    const evaluated = await net.evaluate(rows, rows);
    const { history } = await net.fit(rows, rows, { ...quiet, batchSize: 64 });
    expect(history.loss?.[0]).toBeCloseTo(evaluated.loss ?? Number.NaN, 12);
    expect(values(await net.getWeights())).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
  });
});

describe('softmax and cross-entropy are fused without asking', () => {
  const extreme = [
    [1000, -1000, 0],
    [-1000, 1000, 0],
  ];
  const build = (activation: 'softmax' | 'sigmoid', loss: string, wire: (x: Signal) => Signal = (signal) => signal) => {
    const input = layers.input([3]);
    const kernel = () => [1, 0, 0, 0, 1, 0, 0, 0, 1];
    const output = layers.dense(3, { kernelInitializer: kernel, activation }).apply(input);
    return model({ inputs: input, outputs: wire(output) }).compile({ loss, metrics: ['accuracy'], optimizer: optimizers.sgd({ learningRate: 1 }) });
  };

  it.each<[string, 'softmax' | 'sigmoid', string, number[][] | number[], number]>([
    ['sparse', 'softmax', 'sparseCategoricalCrossentropy', [1, 1], 1000],
    [
      'categorical',
      'softmax',
      'categoricalCrossentropy',
      [
        [0, 1, 0],
        [0, 1, 0],
      ],
      1000,
    ],
    // Sums over outputs of log(1 + e^∓z): 1000 + 1000 + log 2 where all are wrong, log 2 where all are right; over 3 outputs and 2 rows.
    [
      'binary',
      'sigmoid',
      'binaryCrossentropy',
      [
        [0, 1, 1],
        [0, 1, 1],
      ],
      (2000 + 2 * Math.log(2)) / 6,
    ],
  ])('%s: logits of ±1000 give a finite loss and finite gradients', async (_, activation, loss, y, expected) => {
    const net = build(activation, loss);
    const { logs, gradients } = await net.gradients(extreme, y);
    expect(Math.abs((logs.loss ?? Number.NaN) - expected)).toBeLessThan(1e-3 * expected);
    const flat = values(gradients.values()).flat();
    expect(flat.every(Number.isFinite)).toBe(true);
    // The wrong row still pulls: its gradient has not vanished.
    expect(Math.max(...flat.map(Math.abs))).toBeGreaterThan(100);
    expect((await net.evaluate(extreme, y)).loss).toBeCloseTo(logs.loss ?? Number.NaN, 2);
    expect((await net.fit(extreme, y, { ...quiet, batchSize: 1 })).steps).toBe(2);
    const outputs = values([await net.predict(extreme)]).flat();
    expect(outputs.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('an activation layer of its own, or a flatten behind, does not hinder it', async () => {
    const input = layers.input([3]);
    const logits = layers.dense(3, { kernelInitializer: () => [1, 0, 0, 0, 1, 0, 0, 0, 1] }).apply(input);
    const output = layers.activation('softmax').apply(logits);
    const net = model({ inputs: input, outputs: output }).compile({ loss: 'sparse_categorical_crossentropy' });
    expect((await net.evaluate(extreme, [1, 1])).loss).toBe(1000);
  });
});

describe('functions of one’s own', () => {
  it('activation, loss and initializer', async () => {
    const square = (z: Parameters<typeof ops.square>[0]) => ops.square(z);
    const net = sequential([
      layers.input([2]),
      layers.dense(1, { activation: square, kernelInitializer: () => [1, 2], biasInitializer: (shape) => shape.map(() => 0.5) }),
    ]);
    net.compile({ loss: (target, output) => ops.abs(ops.sub(target, output)), metrics: [(target, output) => ops.sub(output, target)] });
    // (1 + 2·2 + 0.5)² = 30.25
    expect((await net.predict([[1, 2]])).toNested()).toEqual([[30.25]]);
    const logs = await net.evaluate([[1, 2]], [[40]]);
    expect(Object.values(logs)).toEqual([9.75, -9.75]);
    const { gradients } = await net.gradients([[1, 2]], [[40]]);
    expect(values(gradients.values())).toEqual([[-11, -22], [-11]]);
  });

  it('what they return is checked', async () => {
    const net = () => sequential([layers.input([2]), layers.dense(1)]);
    const mean = net().compile({ loss: (target, output) => ops.reduceMean(ops.sub(target, output)) });
    await expect(mean.evaluate([[1, 2]], [[1]])).rejects.toThrow(/must return a tensor with one row per sample/);
    const short = sequential([layers.input([2]), layers.dense(3, { kernelInitializer: () => [1, 2] })]);
    await expect(short.predict([[1, 2]])).rejects.toThrow(/dense_1\/kernel|kernelInitializer/);
  });
});
