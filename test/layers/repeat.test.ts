import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  fromConfig,
  initializers,
  type Layer,
  layers,
  load,
  type Model,
  model,
  NdArray,
  optimizers,
  type Signal,
  sequential,
  toConfig,
} from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { forecast } from '#src/doctor/forecast.js';
import { findRuns } from '#src/network/runs.js';
import { trainingProgram } from '#src/training/program.js';
import { labelled } from '../training/sets.js';

const set = labelled(48);
const FEATURES = 6;

/** What a block makes of a signal, with new layers each time. */
type Block = (x: Signal) => Signal;
const blocks: Record<string, Block> = {
  'a dense layer': (x) => layers.dense(FEATURES, { activation: 'tanh' }).apply(x),
  'a skip connection around two layers': (x) =>
    layers
      .add()
      .apply([
        x,
        layers.dense(FEATURES, { kernelInitializer: initializers.normal({ stddev: 0.3 }) }).apply(layers.dense(9, { activation: 'relu' }).apply(x)),
      ]),
  'layer normalization in a branch': (x) =>
    layers.add().apply([layers.dense(FEATURES, { activation: 'gelu' }).apply(layers.layerNormalization().apply(x)), x]),
  'batch normalization, whose statistics go on': (x) =>
    layers.activation('relu').apply(layers.batchNormalization({ momentum: 0.8 }).apply(layers.dense(FEATURES).apply(x))),
  'dropout, which draws for each layer by itself': (x) => layers.dropout(0.3).apply(layers.dense(FEATURES, { activation: 'selu' }).apply(x)),
  'a penalty for what is active': (x) => layers.dense(FEATURES, { activation: 'tanh', activityRegularizer: 'l2' }).apply(x),
};

/** The same net twice: blocks in a row as a loop, and one by one. */
function twins(
  block: Block,
  n: number,
  options: { remat?: boolean; optimizer?: ReturnType<typeof optimizers.sgd> } = {},
): [looped: Model, unrolled: Model] {
  const made = ([true, false] as const).map((looped) => {
    const input = layers.input([FEATURES]);
    let signal = input;
    if (looped) signal = layers.repeat(n, block, { remat: options.remat ?? false }).apply(input);
    else for (let i = 0; i < n; i++) signal = block(signal);
    const outputs = layers.dense(3, { activation: 'softmax' }).apply(signal);
    const net = model({ inputs: input, outputs }, { seed: 5, threads: 1 });
    return net.compile({ optimizer: options.optimizer ?? optimizers.sgd({ learningRate: 0.05 }), loss: 'sparseCategoricalCrossentropy' });
  });
  return made as [Model, Model];
}

function numbers(shape: readonly [number, number], seed: number): NdArray {
  const random = new Random(seed);
  return new NdArray(
    Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal(0, 1)),
    shape,
  );
}

async function weightsOf(net: Model): Promise<number[][]> {
  return (await net.getWeights()).map((array) => Array.from(array.data, Number));
}

describe('a row of blocks as a loop is the row of layers', () => {
  it.each(Object.entries(blocks))('%s: it trains to the same numbers, whether insides are kept or computed again', async (_, block) => {
    const trained = async (net: Model): Promise<number[][]> => {
      await net.fit(set, { epochs: 2, batchSize: 16, verbose: 0 });
      const weights = await weightsOf(net);
      await net.dispose();
      return weights;
    };
    const [looped, unrolled] = twins(block, 5);
    const [again] = twins(block, 5, { remat: true });
    const plain = await trained(unrolled);
    const found = [await trained(looped), await trained(again)];
    expect(plain.length).toBeGreaterThan(5);
    for (const weights of found) {
      expect(weights).toHaveLength(plain.length);
      weights.forEach((array, i) => {
        array.forEach((value, j) => {
          expect(Math.abs(value - (plain[i]?.[j] ?? Number.NaN))).toBeLessThan(1e-6);
        });
      });
    }
  });

  it('with state of its own for each array: Adam, whose parts of a prime number of blocks leave some over', async () => {
    const optimizer = () => optimizers.adam({ learningRate: 0.01 });
    const [, unrolled] = twins(blocks['a dense layer'] as Block, 11, { optimizer: optimizer() });
    const [again] = twins(blocks['a dense layer'] as Block, 11, { optimizer: optimizer(), remat: true });
    for (const net of [unrolled, again]) await net.fit(set, { epochs: 1, batchSize: 16, verbose: 0 });
    const [expected, found] = [await weightsOf(unrolled), await weightsOf(again)];
    expect(found.flat().every((value, i) => Math.abs(value - (expected.flat()[i] ?? Number.NaN)) < 1e-5)).toBe(true);
    for (const net of [unrolled, again]) await net.dispose();
  });

  it('gradients are those of finite differences', async () => {
    const input = layers.input([3]);
    const block: Block = (x) => layers.add().apply([x, layers.dense(3, { activation: 'tanh' }).apply(layers.layerNormalization().apply(x))]);
    const outputs = layers.dense(1).apply(layers.repeat(4, block, { remat: true }).apply(input));
    const net = model({ inputs: input, outputs }, { seed: 2, threads: 1, dtype: 'float64' }).compile({ optimizer: 'sgd', loss: 'mse' });
    const [x, y] = [numbers([5, 3], 1), numbers([5, 1], 2)];
    const { gradients } = await net.gradients(x, y);
    const weights = await net.getWeights();
    const names = [...gradients.keys()];
    const loss = async (array: number, element: number, by: number): Promise<number> => {
      const moved = weights.map((one) => new NdArray((one.data as Float64Array).slice(), one.shape));
      (moved[array]?.data as Float64Array)[element] = Number(weights[array]?.data[element]) + by;
      await net.setWeights(moved);
      return (await net.evaluate(x, y)).loss as number;
    };
    expect(names).toHaveLength(weights.length);
    for (const [array, element] of [
      [0, 0],
      [2, 4],
      [5, 1],
      [9, 2],
      [12, 8],
      [15, 0],
      [16, 1],
    ] as const) {
      if (array >= weights.length || element >= (weights[array]?.size ?? 0)) continue;
      const numeric = ((await loss(array, element, 1e-5)) - (await loss(array, element, -1e-5))) / 2e-5;
      expect(Number([...gradients.values()][array]?.data[element])).toBeCloseTo(numeric, 7);
    }
    await net.dispose();
  });

  it('vital signs and the forecast tell of every layer, in order', async () => {
    const [looped, unrolled] = twins(blocks['layer normalization in a branch'] as Block, 4);
    expect(forecast(looped).layers).toEqual(forecast(unrolled).layers);
    const traces = [];
    for (const net of [looped, unrolled]) {
      const { trace } = await net.fit(set, { epochs: 1, batchSize: 16, shuffle: false, verbose: 0, callbacks: [{ vitals: { every: 2 } }] });
      traces.push(trace);
      await net.dispose();
    }
    const [a, b] = traces;
    expect(a?.header.watched).toEqual(b?.header.watched);
    expect(a?.header.network).toEqual(b?.header.network);
    expect([...(a?.header.arrays ?? [])].sort()).toEqual([...(b?.header.arrays ?? [])].sort());
    a?.steps.forEach(({ signals }, i) => {
      for (const name of ['zMean', 'zRms', 'hRms', 'gRms'] as const) {
        signals[name].forEach((value, column) => {
          expect(Number(value)).toBeCloseTo(Number(b?.steps[i]?.signals[name][column]), 5);
        });
      }
    });
  });

  it('draws weights for each block by itself', async () => {
    const net = sequential([layers.input([FEATURES]), layers.repeat(3, layers.dense(FEATURES))], { seed: 1 });
    const kernels = (await weightsOf(net)).filter(({ length }) => length === FEATURES * FEATURES);
    expect(kernels).toHaveLength(3);
    expect(new Set(kernels.map(String)).size).toBe(3);
    await net.dispose();
  });
});

describe('masks in a row of blocks', () => {
  const [x, y] = [new NdArray(Float32Array.of(1, 2, 0, 0, 1, 1, 0, 0, 0, 0, 2, 1), [2, 3, 2]), numbers([2, 6], 4).reshape([2, 3, 2])];
  const rows: Record<string, () => readonly Layer[]> = {
    'blocks that drop it': () => [layers.conv1d(2, 3, { padding: 'same' }), layers.dense(2)],
    'blocks that make one': () => [layers.lstm(2, { returnSequences: true }), layers.relu(), layers.masking()],
    'blocks that use one of their own': () => [layers.masking(), layers.lstm(2, { returnSequences: true }), layers.conv1d(2, 1)],
    'blocks that pass it on': () => [layers.dense(2, { activation: 'tanh' }), layers.gru(2, { returnSequences: true })],
  };
  const cases = Object.entries(rows).flatMap(([name, block]) => [true, false].map((masked) => ({ name, block, masked })));

  it.each(cases)('$name, masked before: $masked', async ({ block, masked }) => {
    const head = () => [layers.input([3, 2]), ...(masked ? [layers.masking()] : [])] as const;
    const [row, hand] = [
      sequential([...head(), layers.repeat(3, block())], { seed: 3 }),
      sequential([...head(), ...block(), ...block(), ...block()]),
    ];
    for (const net of [row, hand]) net.compile({ loss: 'mse', metrics: ['mae', 'mse', 'rmse'], optimizer: optimizers.sgd({ learningRate: 0 }) });
    await hand.setWeights(await row.getWeights());
    const [found, expected] = [await row.evaluate(x, y), await hand.evaluate(x, y)];
    const trained = (await row.fit(x, y, { verbose: 0 })).last;
    for (const [name, value] of Object.entries(expected)) {
      expect(found[name]).toBeCloseTo(Number(value), 6);
      expect(trained[name]).toBeCloseTo(Number(value), 6);
    }
    const outputs = await Promise.all([row, hand].map((net) => net.predict(x)));
    Array.from(outputs[1]?.data ?? [], Number).forEach((value, i) => {
      expect(outputs[0]?.at(i)).toBeCloseTo(value, 6);
    });
    for (const net of [row, hand]) await net.dispose();
  });

  it('a row that passes one on is a loop, skip connections in it or not', () => {
    const token = layers.input([3]);
    const skip = (s: Signal): Signal => layers.add().apply([s, layers.dense(2).apply(s)]);
    const outputs = layers.repeat(3, skip).apply(layers.embedding(5, 2, { maskZero: true }).apply(token));
    expect(findRuns(model({ inputs: token, outputs }).network.calls, [outputs])).toHaveLength(1);
  });
});

describe('a row of blocks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('makes a graph of one size, however many there are', () => {
    const size = (n: number): number => {
      const [net] = twins(blocks['a skip connection around two layers'] as Block, n);
      const spec = {
        network: net.network,
        optimizer: net.compiled.optimizer,
        losses: net.compiled.losses,
        lossWeights: [1],
        metrics: [[]],
        seed: 0,
        layout: { loops: true, packed: false },
        flush: false,
        inputs: [{ dtype: 'float32', shape: [FEATURES] }],
        targets: [{ dtype: 'int32', shape: [] }],
      } as const;
      return trainingProgram(spec).model.length;
    };
    expect(size(200) - size(10)).toBeLessThan(200);
  });

  it('comes back from a description and a file, as a row', async () => {
    const [net] = twins(blocks['batch normalization, whose statistics go on'] as Block, 3, { remat: true });
    await net.fit(set, { epochs: 1, batchSize: 16, verbose: 0 });
    const config = toConfig(net);
    expect(config.rows).toEqual([{ remat: true }]);
    expect(toConfig(fromConfig(JSON.parse(JSON.stringify(config))))).toEqual(config);
    const path = join(folder, 'row.safetensors');
    await net.save(path);
    const loaded = await load(path);
    expect(toConfig(loaded)).toEqual(config);
    expect(await weightsOf(loaded)).toEqual(await weightsOf(net));
    for (const one of [net, loaded]) await one.fit(set, { epochs: 1, batchSize: 16, shuffle: false, verbose: 0 });
    expect(await weightsOf(loaded)).toEqual(await weightsOf(net));
    for (const one of [net, loaded]) await one.dispose();
  });

  it('takes one line of the summary for each layer of a block', () => {
    const net = sequential([layers.input([4]), layers.repeat(1000, [layers.dense(4), layers.layerNormalization()]), layers.dense(2)]);
    const summary = net.summary();
    expect(summary.split('\n')).toHaveLength(10);
    expect(summary).toMatch(/^dense_1\.\.dense_1000 \(1,000 × dense\) +\[N, 4\] +20,000$/m);
    expect(summary).toMatch(/Parameters: 28,010 /);
  });

  it('whose blocks are looked into runs layer by layer, to the same end', async () => {
    const input = layers.input([FEATURES]);
    const inner: Signal[] = [];
    const row = layers.repeat(3, (x) => {
      inner.push(layers.dense(FEATURES, { activation: 'tanh' }).apply(x));
      return inner.at(-1) as Signal;
    });
    const outputs = [row.apply(input), inner[1] as Signal];
    const net = model({ inputs: input, outputs }, { seed: 1 }).compile({ optimizer: 'sgd', loss: 'mse' });
    const x = numbers([8, FEATURES], 3);
    await net.fit(x, [x, x], { epochs: 1, verbose: 0 });
    const [last, middle] = await net.predict(x, { all: true });
    expect([last?.shape, middle?.shape]).toEqual([
      [8, FEATURES],
      [8, FEATURES],
    ]);
    await net.dispose();
  });

  it('says what is wrong with it', () => {
    const input = layers.input([5]);
    expect(() => layers.repeat(3, () => layers.dense(4)).apply(input)).toThrow(
      /the block of dense takes float32\[N, 5\] and returns float32\[N, 4\]/,
    );
    expect(() => layers.repeat(0, layers.dense(5))).toThrow(/n must be a whole number ≥ 1, got 0/);
    expect(() => layers.repeat(2.5, layers.dense(5))).toThrow(/got 2\.5/);
    expect(() => layers.repeat(2, [])).toThrow(/no layers/);
    expect(() => layers.repeat(2, 7 as never)).toThrow(/must be a layer, a list of layers or a function/);
    expect(() => layers.repeat(2, (x) => x).apply(input)).toThrow(/block 0 returns its input/);
    expect(() => layers.repeat(2, () => 3 as never).apply(input)).toThrow(/must return a layer, a list of layers or the output of apply, got 3/);
    expect(() => layers.repeat(2, layers.dense(5), { rema: true } as never)).toThrow(/did you mean 'remat'/);
    expect(() =>
      layers.repeat(
        2,
        layers.lambda((x) => x),
      ),
    ).toThrow(/cannot be copied; pass a function that creates the block/);
    expect(() => layers.repeat(2, layers.dense(5)).apply(3 as never)).toThrow(/apply takes one output/);
    expect(() => fromConfig({ layers: [], calls: [{ layer: 0, inputs: [], block: [1, 0] }], rows: [{}] })).toThrow(/layer of call 0/);
  });
});
