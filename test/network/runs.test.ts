import { type Layer, layers, type Model, model, NdArray, optimizers, type Signal, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { findRuns, rowName } from '#src/network/runs.js';
import { labelled } from '../training/sets.js';

const FEATURES = 6;
const set = labelled(48);

type Block = (x: Signal, index: number) => Signal;

/** `n` blocks in a row between an input and a head. */
function net(
  block: Block,
  n: number,
  options: { readonly width?: number; readonly outputs?: (x: Signal, inner: readonly Signal[]) => Signal[] } = {},
): Model {
  const { width = FEATURES, outputs = (x) => [layers.dense(3, { activation: 'softmax' }).apply(x)] } = options;
  const input = layers.input([width]);
  const inner: Signal[] = [];
  let signal: Signal = input;
  for (let i = 0; i < n; i++) {
    signal = block(signal, i);
    inner.push(signal);
  }
  return model({ inputs: input, outputs: outputs(signal, inner) }, { seed: 5, threads: 1 });
}

/** For each run, its blocks' number and the names of its rows. */
function runsOf({ network }: Model): { blocks: number; rows: string[] }[] {
  return findRuns(network.calls, network.outputs).map((run) => ({
    blocks: run.blocks.length,
    rows: (run.blocks[0] ?? []).map((_, place) => rowName(run, place)),
  }));
}

const chain =
  (make: () => readonly Layer[]): Block =>
  (x) =>
    make().reduce((signal, layer) => layer.apply(signal), x);
const dense = chain(() => [layers.dense(FEATURES, { activation: 'tanh' })]);
const normalized = chain(() => [layers.dense(FEATURES), layers.batchNormalization(), layers.relu()]);
const residual: Block = (x) =>
  layers.add().apply([x, chain(() => [layers.layerNormalization(), layers.dense(9), layers.relu(), layers.dense(FEATURES)])(x, 0)]);

describe('rows of equal blocks that nobody asked for', () => {
  it('are found from twelve on', () => {
    expect(runsOf(net(dense, 11))).toEqual([]);
    expect(runsOf(net(dense, 12))).toEqual([{ blocks: 12, rows: ['dense_1..dense_12'] }]);
    expect(runsOf(net(normalized, 11))).toEqual([]);
    expect(runsOf(net(normalized, 14))).toEqual([
      { blocks: 14, rows: ['dense_1..dense_14', 'batchNormalization_1..batchNormalization_14', 'relu_1..relu_14'] },
    ]);
  });

  it('wait for the forty-eighth where a layer is wide', () => {
    const wide = chain(() => [layers.dense(129)]);
    expect(runsOf(net(wide, 47, { width: 129 }))).toEqual([]);
    expect(runsOf(net(wide, 48, { width: 129 }))).toMatchObject([{ blocks: 48 }]);
    expect(
      runsOf(
        net(
          chain(() => [layers.dense(128)]),
          12,
          { width: 128 },
        ),
      ),
    ).toMatchObject([{ blocks: 12 }]);
  });

  it('are found where skip connections go around layers, wherever in the order of calls a block begins', () => {
    const [run, ...others] = runsOf(net(residual, 20));
    expect(others).toEqual([]);
    expect(run?.blocks).toBeGreaterThanOrEqual(19);
    expect(run?.rows).toHaveLength(5);
  });

  it('begin behind a layer of another width', () => {
    const stack = sequential([
      layers.input([3]),
      ...Array.from({ length: 13 }, () => [layers.dense(FEATURES), layers.relu()]).flat(),
      layers.dense(3),
    ]);
    expect(runsOf(stack)).toEqual([{ blocks: 12, rows: ['relu_1..relu_12', 'dense_2..dense_13'] }]);
  });

  it('are two where two kinds of blocks follow each other', () => {
    const two: Block = (x, i) => (i < 15 ? normalized(x, i) : residual(x, i));
    expect(runsOf(net(two, 30)).map(({ rows }) => rows.length)).toEqual([3, 5]);
  });

  it('end where something else looks in', () => {
    const seen = net(dense, 30, { outputs: (x, inner) => [x, inner[14] as Signal] });
    expect(runsOf(seen).map(({ blocks }) => blocks)).toEqual([14, 15]);
    const joined = net(dense, 30, { outputs: (x, inner) => [layers.add().apply([x, inner[9] as Signal])] });
    expect(runsOf(joined).map(({ blocks }) => blocks)).toEqual([20]);
  });

  it('are one for each of two towers', () => {
    const input = layers.input([FEATURES]);
    const tower = (): Signal => Array.from({ length: 12 }).reduce<Signal>((x) => dense(x, 0), input);
    const outputs = layers.add().apply([tower(), tower()]);
    for (const { blocks } of runsOf(model({ inputs: input, outputs }))) expect(blocks).toBe(12);
  });

  it.each<[string, Block]>([
    ['options that differ', (x, i) => layers.dense(FEATURES, { activation: i % 13 === 5 ? 'relu' : 'tanh' }).apply(x)],
    ['regularizers', chain(() => [layers.dense(FEATURES, { kernelRegularizer: 'l2' })])],
    ['functions of the user’s own', chain(() => [layers.dense(FEATURES, { activation: (x) => x })])],
    [
      'layers that are shared',
      (() => {
        const shared = layers.dense(FEATURES);
        return (x: Signal) => shared.apply(x);
      })(),
    ],
  ])('are none with %s', (_, block) => {
    expect(runsOf(net(block, 17))).toEqual([]);
  });
});

describe('a row that becomes a loop unasked', () => {
  /** Options of every other block differ by less than a float32 can tell, so that the blocks are not equal and run one by one. */
  const hardly = (i: number): number => (i % 2 ? 1e-3 : 1e-3 + 1e-12);
  const blocks: Record<string, (epsilon: number) => Block> = {
    'batch normalization': (epsilon) => chain(() => [layers.dense(FEATURES), layers.batchNormalization({ epsilon, momentum: 0.9 }), layers.relu()]),
    'layer normalization in a branch, with dropout': (epsilon) => (x) =>
      layers
        .add()
        .apply([
          x,
          chain(() => [layers.layerNormalization({ epsilon }), layers.dense(FEATURES), layers.activation('gelu'), layers.dropout(0.2)])(x, 0),
        ]),
    'what is active penalized': (epsilon) =>
      chain(() => [layers.groupNormalization({ groups: 2, epsilon }), layers.dense(FEATURES, { activityRegularizer: 'l2' })]),
  };

  it.each(Object.entries(blocks))('trains to the same numbers as one by one, watched or not: %s', async (_, block) => {
    const trained = async (made: Model, vitals: boolean): Promise<{ weights: number[]; logs: Record<string, unknown> }> => {
      made.compile({ optimizer: optimizers.adam({ learningRate: 0.003 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
      const callbacks = vitals ? [{ vitals: { every: 2, level: 'full' as const } }] : [];
      const history = await made.fit(set, { epochs: 3, batchSize: 16, verbose: 0, callbacks });
      const logs = { ...history.last, ...(await made.evaluate(set.x, set.y)) };
      const weights = (await made.getWeights()).flatMap(({ data }) => Array.from(data, Number));
      await made.dispose();
      return { weights, logs };
    };
    const apart: Block = (x, i) => block(hardly(i))(x, i);
    expect(runsOf(net(block(1e-3), 14))).toHaveLength(1);
    expect(runsOf(net(apart, 14))).toEqual([]);
    const expected = await trained(net(apart, 14), false);
    for (const vitals of [false, true]) {
      const found = await trained(net(block(1e-3), 14), vitals);
      expect(found.weights).toHaveLength(expected.weights.length);
      found.weights.forEach((value, i) => {
        expect(Math.abs(value - (expected.weights[i] ?? Number.NaN))).toBeLessThan(2e-4);
      });
      for (const [name, value] of Object.entries(expected.logs)) expect(found.logs[name]).toBeCloseTo(Number(value), 3);
    }
  });

  it('passes on a mask, and counts the steps it tells of alone', async () => {
    const row = (epsilon: (i: number) => number): Model => {
      const made = Array.from({ length: 12 }, (_, i) => [
        layers.dense(2),
        layers.batchNormalization({ epsilon: epsilon(i) }),
        layers.activation('tanh'),
      ]);
      return sequential([layers.input([3, 2]), layers.masking(), ...made.flat()], { seed: 3 }).compile({ loss: 'mse', optimizer: 'adam' });
    };
    const [looped, apart] = [row(() => 1e-3), row(hardly)];
    expect([runsOf(looped).length, runsOf(apart).length]).toEqual([1, 0]);
    const x = new NdArray(Float32Array.of(1, 2, 0, 0, 1, 1, 0, 0, 0, 0, 2, 1), [2, 3, 2]);
    const y = new NdArray(Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.1, 0.2, 0.3), [2, 3, 2]);
    const losses = await Promise.all(
      [looped, apart].map(async (made) => (await made.fit({ x, y }, { epochs: 2, batchSize: 2, verbose: 0 })).history.loss),
    );
    losses[1]?.forEach((loss, i) => {
      expect(losses[0]?.[i]).toBeCloseTo(Number(loss), 5);
    });
    for (const made of [looped, apart]) await made.dispose();
  });
});
