import {
  type Callback,
  type FitOptions,
  type Layer,
  layers,
  type Model,
  type ModelOptions,
  model,
  NdArray,
  ops,
  optimizers,
  regularizers,
  type Schedule,
  schedules,
  sequential,
  type Tensor,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import type { PassRecord, StepRecord, TraceHeader, TraceRecord } from '#src/vitals/trace.js';
import { type DenseLayer, type Matrix, ReferenceNet } from './reference.js';
import { labelled, values } from './sets.js';

const set = labelled(32);

interface Recorded {
  readonly header: TraceHeader;
  readonly records: TraceRecord[];
  readonly steps: StepRecord[];
  readonly passes: PassRecord[];
}

async function record(
  net: Model,
  vitals: NonNullable<Callback['vitals']>,
  data: { readonly x: NdArray; readonly y: NdArray } = set,
  options: FitOptions = {},
): Promise<Recorded> {
  const records: TraceRecord[] = [];
  let header: TraceHeader | undefined;
  const callback: Callback = {
    vitals,
    onTraceBegin: (given) => {
      header = given;
    },
    onRecord: (one) => {
      records.push(one);
    },
  };
  const { trace } = await net.fit(data, { epochs: 1, batchSize: 16, shuffle: false, verbose: 0, ...options, callbacks: [callback] });
  expect(trace?.header).toBe(header);
  expect([...(trace?.steps ?? [])]).toEqual(records.filter(({ kind }) => kind === 'step'));
  return {
    header: header as TraceHeader,
    records,
    steps: records.filter((one) => one.kind === 'step'),
    passes: records.filter((one) => one.kind === 'pass'),
  };
}

function stack(hidden: readonly Layer[], options: ModelOptions = {}): Model {
  return sequential([layers.input([6]), ...hidden, layers.dense(3, { activation: 'softmax' })], { seed: 3, ...options });
}

const rms = (matrix: readonly (readonly number[])[] | readonly number[]): number => {
  const all = matrix.flat();
  return Math.sqrt(all.reduce((sum, value) => sum + value * value, 0) / all.length);
};
const mean = (matrix: Matrix): number => matrix.flat().reduce((sum, value) => sum + value, 0) / matrix.flat().length;
const largest = (matrix: Matrix): number => Math.max(...matrix.flat().map(Math.abs));

const sumOf = (values: readonly number[], of: (value: number, i: number) => number): number =>
  values.reduce((sum, value, i) => sum + of(value, i), 0);

/** The reference net with the model's weights. */
async function referenceOf(net: Model, activations: readonly DenseLayer['activation'][]): Promise<ReferenceNet> {
  const arrays = await net.getWeights();
  return new ReferenceNet(
    activations.map((activation, i) => ({
      kernel: (arrays[2 * i] as NdArray).toNested() as Matrix,
      bias: (arrays[2 * i + 1] as NdArray).toNested() as number[],
      activation,
    })),
  );
}

/** Every figure within a relative error of the expected one. */
function expectNear(found: readonly unknown[] | undefined, expected: readonly number[], tolerance = 2e-5): void {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    const scale = Math.max(Math.abs(value), 1e-12);
    expect(Math.abs((Number(found?.[i]) - value) / scale), `figure ${i}: ${found?.[i]} against ${value}`).toBeLessThan(tolerance);
  });
}

const nets: readonly [string, DenseLayer['activation'][], number][] = [
  ['three layers', ['tanh', 'relu', 'tanh', 'softmax'], 16],
  ['a row long enough for a loop', [...Array.from({ length: 50 }, () => 'tanh' as const), 'softmax'], 6],
];

describe.each(nets)('of %s', (_, activations, width) => {
  const build = (rate = 0.1): Model => {
    const hidden = activations.slice(0, -1).map((activation) => layers.dense(width, { activation, kernelInitializer: 'orthogonal' }));
    return stack(hidden).compile({ optimizer: optimizers.sgd({ learningRate: rate }), loss: 'sparseCategoricalCrossentropy' });
  };

  it('signals, gradients, weights and updates are what a net by hand has', async () => {
    const net = build();
    const reference = await referenceOf(net, activations);
    const start = reference.weights;
    const { header, steps } = await record(net, { every: 1 });
    expect(header.watched).toEqual(activations.map((_, i) => i + 1));
    expect(header.arrays.toSorted()).toEqual(net.variables.map(({ name }) => name).toSorted());
    const order = header.arrays.map((name) => net.variables.findIndex((one) => one.name === name));
    expect(steps.map(({ step }) => step)).toEqual([1, 2]);
    steps.forEach(({ signals, arrays, gradientNorm, loss }, k) => {
      const [x, labels] = [set.nested.slice(16 * k, 16 * k + 16), set.labels.slice(16 * k, 16 * k + 16)];
      const before = reference.weights;
      const { signals: expected, gradients, loss: expectedLoss } = reference.gradients(x, labels);
      const flat = gradients.flatMap(({ kernel, bias }) => [kernel.flat(), bias]);
      expectNear([loss], [expectedLoss]);
      expectNear(
        signals.zMean,
        expected.map(({ z }) => mean(z)),
        1e-3,
      );
      expectNear(
        signals.zRms,
        expected.map(({ z }) => rms(z)),
      );
      expectNear(
        signals.zMax,
        expected.map(({ z }) => largest(z)),
      );
      expectNear(
        signals.hMean,
        expected.map(({ h }) => mean(h)),
        1e-3,
      );
      expectNear(
        signals.hRms,
        expected.map(({ h }) => rms(h)),
      );
      expectNear(
        signals.gRms,
        expected.map(({ delta }) => rms(delta)),
        1e-4,
      );
      expectNear(
        signals.gMax,
        expected.map(({ delta }) => largest(delta)),
        1e-4,
      );
      expectNear(
        signals.hSpread,
        expected.map(({ h }) => rms(h.map((row) => row.map((value, j) => value - h.reduce((sum, other) => sum + (other[j] ?? 0), 0) / h.length)))),
        1e-4,
      );
      expectNear(
        arrays?.weight,
        order.map((i) => rms(before[i] ?? [])),
        1e-4,
      );
      expectNear(
        arrays?.gradient,
        order.map((i) => rms(flat[i] ?? [])),
        1e-4,
      );
      expectNear(
        arrays?.update,
        order.map((i) => 0.1 * rms(flat[i] ?? [])),
        1e-4,
      );
      expectNear([gradientNorm], [Math.sqrt(flat.flat().reduce((sum, value) => sum + value * value, 0))], 1e-4);
      order.forEach((at, i) => {
        const [now = [], first = []] = [before[at], start[at]];
        if (rms(first) === 0) expect(arrays?.displacement[i]).toBeNull();
        else expect(Number(arrays?.displacement[i])).toBeCloseTo(rms(now.map((value, j) => value - (first[j] ?? 0))) / rms(first), 5);
      });
      reference.step(x, labels, { learningRate: 0.1 });
    });
  });

  it('saturated shares and quantiles are those of the sums', async () => {
    const net = build();
    const reference = await referenceOf(net, activations);
    const { steps } = await record(net, { every: 1 }, set, { batchSize: 32 });
    const { signals } = reference.gradients(set.nested, set.labels);
    const limit = Math.atanh(Math.sqrt(0.95));
    activations.forEach((activation, i) => {
      const z = (signals[i]?.z ?? []).flat();
      const flat = activation === 'tanh' ? z.filter((value) => Math.abs(value) > limit) : z.filter((value) => value <= 0);
      const expected = activation === 'softmax' ? null : flat.length / z.length;
      const found = steps[0]?.signals.saturated?.[i];
      if (expected === null) expect(found).toBeNull();
      else expect(Number(found)).toBeCloseTo(expected, 5);
      const sorted = z.toSorted((a, b) => a - b);
      [0.05, 0.25, 0.5, 0.75, 0.95].forEach((share, q) => {
        const value = Number(steps[0]?.signals.zQuantiles?.[i]?.[q]);
        // 256 entries stand for all: their ranks differ by 3 % at most where there are 512.
        const rank = sorted.filter((one) => one < value).length / sorted.length;
        expect(Math.abs(rank - share)).toBeLessThan(0.06);
      });
    });
  });
});

it('gradients of 1e-30 are measured, and weights that cannot move are seen not to', async () => {
  const hidden = Array.from({ length: 40 }, () =>
    layers.dense(6, {
      activation: 'tanh',
      kernelInitializer: {
        name: 'tiny',
        config: {},
        sample: ([n = 0, m = 0]) => Float64Array.from({ length: n * m }, (_, i) => (i % (m + 1) === 0 ? 0.15 : 0)),
      },
    }),
  );
  const net = stack(hidden).compile({ optimizer: optimizers.sgd({ learningRate: 0.01 }), loss: 'sparseCategoricalCrossentropy' });
  const { steps } = await record(net, { every: 1 });
  const sizes = (steps[0]?.signals.gRms ?? []).map(Number);
  // Each layer divides signal and gradient by 0.15: exactly, but for the bend of tanh.
  for (let i = 1; i < 38; i++) expect((sizes[i] ?? 0) / (sizes[i + 1] ?? 1)).toBeCloseTo(0.15, 2);
  expect(sizes[0]).toBeLessThan(1e-30);
  expect(sizes[0]).toBeGreaterThan(1e-37);
});

/** x W + b, row by row. */
const affine = (rows: Matrix, kernel: Matrix, bias: readonly number[]): number[][] =>
  rows.map((row) => bias.map((b, j) => row.reduce((sum, x, i) => sum + x * (kernel[i]?.[j] ?? Number.NaN), b)));

describe('what is added to the loss', () => {
  it.each(['full', 'moments'] as const)('is told apart from it: by regularizers, by layers, and not where nothing is (%s)', async (level) => {
    const hidden = () => layers.dense(5, { activation: 'tanh', kernelRegularizer: regularizers.l2({ l2: 0.3 }) });
    const compile = (net: Model): Model => net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    const net = compile(stack([hidden(), layers.dropout(0)]));
    const kernel = (await net.getWeights())[0] as NdArray;
    const { steps } = await record(net, { every: 1, level, neighbours: false });
    expectNear([steps[0]?.penalty], [0.3 * sumOf([...kernel.data] as number[], (one) => one * one)]);
    // The same weights without a penalty: the loss is less by as much.
    const plain = await record(compile(stack([layers.dense(5, { activation: 'tanh' }), layers.dropout(0)])), { every: 1, level });
    expect(plain.steps.every((step) => !('penalty' in step))).toBe(true);
    expectNear([Number(steps[0]?.loss) - Number(steps[0]?.penalty)], [Number(plain.steps[0]?.loss)], 1e-4);
    const active = await record(compile(stack([layers.dense(5), layers.activityRegularization({ l1: 1 })])), { every: 1, level });
    expect(active.steps[0]?.penalty).toBeGreaterThan(0);
  });
});

it.each([1, 3])('steps of a network without sums or activations are recorded all the same, every %i', async (every) => {
  const net = sequential([layers.input([6]), layers.layerNormalization()]).compile({ optimizer: 'sgd', loss: 'mse' });
  const { steps } = await record(net, { every, level: 'moments' }, { x: set.x, y: set.x }, { batchSize: 8 });
  expect(steps.map(({ step }) => step)).toEqual(every === 1 ? [1, 2, 3, 4] : [1, 3]);
  expect(steps.every(({ loss, signals }) => Number(loss) > 0 && signals.zRms.length === 0)).toBe(true);
});

describe('gates, which give half as many units as they take', () => {
  it.each(['moments', 'full'] as const)('have sizes of their own, %s', async (level) => {
    // Rows that no width divides; layers of one width, side by side.
    const odd = labelled(15);
    const net = stack([layers.dense(8, { activation: 'glu' }), layers.dense(8, { activation: 'glu' })]).compile({
      optimizer: 'sgd',
      loss: 'sparseCategoricalCrossentropy',
    });
    const arrays = (await net.getWeights()).map((array) => array.toNested());
    const gate = (rows: Matrix): number[][] => rows.map((row) => row.slice(0, 4).map((z, j) => z / (1 + Math.exp(-(row[j + 4] ?? Number.NaN)))));
    const first = affine(odd.nested, arrays[0] as Matrix, arrays[1] as number[]);
    const second = affine(gate(first), arrays[2] as Matrix, arrays[3] as number[]);
    const { steps } = await record(net, { every: 1, level }, odd);
    const { zMean, zRms, hMean, hRms } = steps[0]?.signals ?? {};
    [first, second].forEach((z, i) => {
      expect(zMean?.[i]).toBeCloseTo(mean(z), 5);
      expect(zRms?.[i]).toBeCloseTo(rms(z), 5);
      expect(hMean?.[i]).toBeCloseTo(mean(gate(z)), 5);
      expect(hRms?.[i]).toBeCloseTo(rms(gate(z)), 5);
    });
  });
});

describe('optimizers', () => {
  it.each(['adam', 'adamW', 'rmsprop', 'lamb'] as const)('%s: updates are the change of the weights', async (optimizer) => {
    const net = stack([layers.dense(16, { activation: 'tanh' })]).compile({ optimizer, loss: 'sparseCategoricalCrossentropy' });
    const before = values(await net.getWeights());
    const { header, steps } = await record(net, { every: 1 }, set, { batchSize: 32 });
    const after = values(await net.getWeights());
    const order = header.arrays.map((name) => net.variables.findIndex((one) => one.name === name));
    expectNear(
      steps[0]?.arrays?.update,
      order.map((at) => rms((after[at] ?? []).map((value, j) => value - (before[at]?.[j] ?? 0)))),
      1e-3,
    );
  });

  it.each([
    ['globalClipNorm', 0.01],
    ['clipNorm', 0.005],
    ['clipValue', 1e-4],
    ['layerClipNorm', 0.006],
  ] as const)('says by what %s shortened the gradients', async (kind, limit) => {
    const net = stack([layers.dense(16, { activation: 'tanh' })]);
    net.compile({ optimizer: optimizers.sgd({ [kind]: limit }), loss: 'sparseCategoricalCrossentropy' });
    const { gradients } = await net.gradients(set.x, set.y);
    const all = values(gradients.values());
    const { steps } = await record(net, { every: 1 }, set, { batchSize: 32 });
    const norm = (list: readonly number[]): number => Math.hypot(...list);
    const byLayer = (lists: readonly number[][]) => lists.flatMap((list, i) => (i % 2 === 0 ? [[...list, ...(lists[i + 1] ?? [])]] : []));
    const expected = {
      globalClipNorm: limit / norm(all.flat()),
      clipNorm: Math.min(...all.map((list) => limit / norm(list))),
      layerClipNorm: Math.min(...byLayer(all).map((list) => limit / norm(list))),
      clipValue: norm(all.flat().map((value) => Math.max(-limit, Math.min(limit, value)))) / norm(all.flat()),
    }[kind];
    expect(expected).toBeLessThan(0.9);
    expectNear([steps[0]?.clipScale], [expected], 1e-4);
    expectNear([steps[0]?.gradientNorm], [norm(all.flat())], 1e-4);
    const each = { layerClipNorm: byLayer(all).flatMap((list) => [norm(list), norm(list)]), clipNorm: all.map(norm) }[kind as 'clipNorm'];
    expect(steps[0]?.arrays?.clipScale === undefined).toBe(each === undefined);
    if (each)
      expectNear(
        steps[0]?.arrays?.clipScale,
        each.map((length) => Math.min(1, limit / length)),
        1e-4,
      );
  });
});

describe('units', () => {
  const biased = (values: readonly number[], slope?: number) =>
    layers.dense(4, {
      activation: slope === undefined ? 'relu' : { ...layers.leakyRelu({ slope }).activation },
      biasInitializer: () => values,
      kernelInitializer: 'zeros',
    });
  const states = (recorded: Recorded, pass: number): (string | null)[] => recorded.passes[pass]?.units.map((units) => units?.states ?? null) ?? [];

  it('that fire for no instance of a pass are dead, or in coma where the flat side has a slope', async () => {
    const relu = stack([biased([1, -1, 2, -3])]).compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'sparseCategoricalCrossentropy' });
    expect(states(await record(relu, {}), 0)).toEqual(['a1d1a1d1', null]);
    const leaky = stack([biased([1, -1, 2, -3], 0.01)]).compile({
      optimizer: optimizers.sgd({ learningRate: 0 }),
      loss: 'sparseCategoricalCrossentropy',
    });
    expect(states(await record(leaky, {}), 0)).toEqual(['a1c1a1c1', null]);
  });

  it.each(['row', 'step of a row'])('that rectify at each %s are counted wherever they stand', async (of) => {
    const dense = biased([1, -1, 2, -3]);
    const row = [layers.dense(6), layers.reshape([2, 3])];
    const inside = of === 'row' ? [dense] : [...row, layers.timeDistributed(dense), layers.flatten()];
    const net = stack(inside).compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'sparseCategoricalCrossentropy' });
    expect(states(await record(net, {}), 0)).toContain('a1d1a1d1');
    const apart = stack([
      ...row,
      layers.dense(4, { kernelInitializer: 'zeros', biasInitializer: () => [1, -1, 2, -3] }),
      layers.timeDistributed(layers.activation('relu')),
      layers.flatten(),
    ]);
    apart.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'sparseCategoricalCrossentropy' });
    expect(states(await record(apart, {}), 0)).toContain('a1d1a1d1');
  });

  it('are counted pass by pass however many there are', async () => {
    const x = NdArray.zeros([40, 6], 'float32');
    for (let row = 0; row < 40; row++) x.set(row * 6, row === 13 ? 5 : 0);
    const data = { x, y: new NdArray(new Uint8Array(40), [40]) };
    // The first half fires for one row of forty, the others for none; layers with more units are counted where they stay in the engine.
    for (const units of [40, 5000]) {
      const biases = (): number[] => Array.from({ length: units }, (_, i) => (i < units / 2 ? -4 : -6));
      const net = stack([layers.dense(units, { activation: 'relu', kernelInitializer: 'ones', biasInitializer: biases })]);
      net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'sparseCategoricalCrossentropy' });
      const { passes } = await record(net, {}, data, { epochs: 3, batchSize: 5, chunk: 3 });
      expect(passes.map((pass) => pass.units[0]?.states)).toEqual(Array.from({ length: 3 }, () => `a${units / 2}d${units / 2}`));
      await net.dispose();
    }
  });

  it('that one row of a hundred wakes are alive', async () => {
    const x = NdArray.zeros([100, 6], 'float32');
    x.set(57 * 6, 5);
    const data = { x, y: new NdArray(new Uint8Array(100), [100]) };
    const net = stack([layers.dense(2, { activation: 'relu', kernelInitializer: 'ones', biasInitializer: () => [-4, -6] })]);
    net.compile({ optimizer: optimizers.sgd({ learningRate: 0 }), loss: 'sparseCategoricalCrossentropy' });
    for (const chunk of [1, 3, 100]) {
      const { trace } = await net.fit(data, { epochs: 1, batchSize: 10, shuffle: false, verbose: 0, chunk, callbacks: [{ vitals: {} }] });
      expect(trace?.passes[0]?.units[0]?.states).toBe('a1d1');
    }
  });

  it('that a step kills are told with that step, and what did it', async () => {
    // The output pulls the unit's bias down at every step, from 0.05 by 0.02 each: it fires in steps 1 to 3 and never again.
    const x = NdArray.zeros([8, 6], 'float32');
    const data = { x, y: NdArray.zeros([8, 1], 'float32') };
    const make = () =>
      sequential([
        layers.input([6]),
        layers.dense(1, { activation: 'relu', kernelInitializer: 'zeros', biasInitializer: () => [0.05] }),
        layers.dense(1, { kernelInitializer: 'ones', useBias: false, trainable: false }),
      ]).compile({ optimizer: optimizers.sgd({ learningRate: 0.02 }), loss: 'meanAbsoluteError' });
    const recorded = await record(make(), { every: 1 }, data, { epochs: 4, batchSize: 4 });
    expect(states(recorded, 0)).toEqual(['a1', null]);
    expect(recorded.passes[2]?.units[0]).toMatchObject({ states: 'd1', dead: 1, died: [{ unit: 0, step: 4, by: 'bias' }] });
    expect(recorded.passes[3]?.units[0]).toEqual({ states: 'd1', dead: 1, coma: 0 });
    // Dying is seen in steps that are not observed as well.
    const sampled = await record(make(), { every: 1000 }, data, { epochs: 4, batchSize: 4 });
    expect(sampled.passes[2]?.units[0]).toMatchObject({ states: 'd1', died: [{ unit: 0, step: 4 }] });
    // Where float32 holds multiples of 4 alone.
    const late = make();
    const before = 2 ** 25;
    await late.setState(new Map([['iterations', new NdArray(BigInt64Array.of(BigInt(before)), [])]]));
    const { passes } = await record(late, { every: 1 }, data, { epochs: 4, batchSize: 4 });
    expect(passes[2]?.units[0]).toMatchObject({ states: 'd1', died: [{ unit: 0, step: before + 4, by: 'bias' }] });
  });

  it('in coma are judged by observed steps, of as many passes as 64 instances take', async () => {
    // One unit has a positive sum for no row, one for row 12 of 16 alone: of batches of 4 rows, that is each fourth step.
    const x = NdArray.zeros([16, 6], 'float32');
    x.set(11 * 6, 5);
    const data = { x, y: new NdArray(new Uint8Array(16), [16]) };
    const leaky = { ...layers.leakyRelu({ slope: 0.01 }).activation };
    const make = () =>
      stack([layers.dense(2, { activation: leaky, kernelInitializer: 'ones', biasInitializer: () => [-4, -6] })]).compile({
        optimizer: optimizers.sgd({ learningRate: 0 }),
        loss: 'sparseCategoricalCrossentropy',
      });
    const fit = { epochs: 9, batchSize: 4 };
    const seen = async (every: number) => {
      const recorded = await record(make(), { every }, data, fit);
      return recorded.passes.map((_, pass) => states(recorded, pass)[0]);
    };
    expect(await seen(1)).toEqual(new Array(9).fill('a1c1'));
    // Steps 1, 2, 4, 6 …: after eight passes 68 instances, and row 12 never among them.
    expect(await seen(2)).toEqual([...new Array(7).fill('a2'), 'c2', 'c2']);
    // Steps 1, 3, 6, 9 … 36: 52 instances are too few to judge by.
    expect(await seen(3)).toEqual(new Array(9).fill('a2'));
  });
});

it.each([
  ['begins at 0', () => schedules.cosineDecay({ initialLearningRate: 0, decaySteps: 9, warmupTarget: 0.1, warmupSteps: 2 }), true],
  ['is 0', () => 0, true],
  ['falls to 0', () => schedules.polynomialDecay({ initialLearningRate: 0.1, decaySteps: 1, endLearningRate: 0 }), false],
])('gradients of steps whose rate %s are what they are, or not measured', async (_, learningRate, known) => {
  const make = (rate: number | Schedule) =>
    stack([layers.dense(4, { activation: 'tanh' })]).compile({
      optimizer: optimizers.sgd({ learningRate: rate }),
      loss: 'sparseCategoricalCrossentropy',
    });
  const net = make(learningRate());
  const { steps } = await record(net, { every: 1 });
  const at = steps.findIndex((step) => step.learningRate === 0);
  const twin = make(0.1);
  // Of the first step, before which nothing has moved, the gradients are those of any rate.
  const truth = (await record(twin, { every: 1 })).steps[0];
  const { gradientNorm, arrays, signals } = steps[at] as StepRecord;
  // What a schedule's pause leaves as it is says nothing of speeds; a rate that is always 0 does.
  const constant = typeof learningRate() === 'number';
  expect(arrays?.update.every((update) => update === (constant ? 0 : null))).toBe(true);
  if (known) {
    expect(at).toBe(0);
    expectNear([gradientNorm, ...(signals.gRms ?? [])], [Number(truth?.gradientNorm), ...(truth?.signals.gRms ?? []).map(Number)], 1e-5);
  } else {
    expect([gradientNorm, ...(arrays?.gradient ?? []), ...(signals.gRms ?? [])].every((value) => value === null)).toBe(true);
  }
});

it('a value that is not finite ends the trace with its place; what was observed before stays', async () => {
  const net = stack([layers.dense(8, { activation: 'relu' })]).compile({
    optimizer: optimizers.sgd({ learningRate: 1e30 }),
    loss: 'sparseCategoricalCrossentropy',
  });
  const records: TraceRecord[] = [];
  const fit = net.fit(set, { epochs: 9, batchSize: 8, verbose: 0, callbacks: [{ vitals: { every: 1 }, onRecord: (one) => void records.push(one) }] });
  await expect(fit).rejects.toThrow(/the first non-finite value/);
  const failure = records.at(-1);
  expect(failure).toMatchObject({ kind: 'failure', layer: expect.stringMatching(/dense|loss/), operator: expect.any(String) });
  expect(records.filter(({ kind }) => kind === 'step').map(({ kind: _, ...one }) => (one as StepRecord).step)).toEqual([1]);
});

it('layers that are shared, frozen or without a gradient are told apart', async () => {
  const input = layers.input([6]);
  const shared = layers.dense(6, { activation: 'tanh', name: 'shared' });
  const frozen = layers.dense(6, { activation: 'tanh', name: 'frozen', trainable: false });
  const net = model({ inputs: input, outputs: layers.dense(3, { activation: 'softmax' }).apply(shared.apply(shared.apply(frozen.apply(input)))) });
  net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  const { header, steps } = await record(net, { every: 1 });
  expect(header.watched.map((i) => header.network.layers[i]?.name)).toEqual(['frozen', 'shared', 'shared#2', 'dense_1']);
  const gradients = steps[0]?.signals.gRms ?? [];
  expect(gradients[0]).toBeNull();
  expect(gradients.slice(1).every((value) => Number(value) > 0)).toBe(true);
});

it('native and WASM measure alike', async () => {
  const run = async (backend: 'native' | 'wasm') => {
    const net = stack([layers.dense(16, { activation: 'selu' }), layers.dropout(0.2), layers.dense(16, { activation: 'relu' })], { backend });
    return record(net.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' }), { every: 1 });
  };
  const [native, wasm] = [await run('native'), await run('wasm')];
  expect(wasm.header.training?.flushesBelow).toBeGreaterThan(native.header.training?.flushesBelow ?? 1);
  for (const name of ['zRms', 'hRms', 'gRms', 'saturated'] as const)
    expectNear(
      wasm.steps[1]?.signals[name]?.filter((value) => value !== null),
      (native.steps[1]?.signals[name] ?? []).filter((value) => value !== null).map(Number),
      1e-3,
    );
  expect(wasm.passes).toEqual(native.passes);
});

it('maps by unit, where they are asked for, hold every unit', async () => {
  const net = stack([layers.dense(5, { activation: 'tanh' }), layers.dense(8, { activation: 'relu' }), layers.dropout(0.5)]);
  net.compile({ optimizer: optimizers.sgd({ learningRate: 0.1 }), loss: 'sparseCategoricalCrossentropy' });
  const weights = (await net.getWeights()).map((array) => array.toNested());
  const { header, steps } = await record(net, { every: 1, level: 'moments', units: true }, set, { batchSize: 32 });
  expect(header.units).toBe(true);
  const [{ signals }] = steps as [StepRecord];
  const [kernel, bias] = weights as [Matrix, number[]];
  const rows = set.x.toNested() as Matrix;
  const sums = rows.map((row) => bias.map((b, unit) => row.reduce((sum, x, i) => sum + x * (kernel[i]?.[unit] ?? Number.NaN), b)));
  const over = (unit: number, f: (z: number) => number): number => sums.reduce((sum, row) => sum + f(row[unit] ?? Number.NaN), 0) / sums.length;
  expectNear(
    signals.zMeanByUnit?.[0],
    bias.map((_, unit) => over(unit, (z) => z)),
    1e-4,
  );
  expectNear(
    signals.hRmsByUnit?.[0],
    bias.map((_, unit) => Math.sqrt(over(unit, (z) => Math.tanh(z) ** 2))),
  );
  expect(signals.gRmsByUnit?.map(({ length }) => length)).toEqual([5, 8, 3]);
  // All units of a layer have the same number of entries: their mean square is the layer's.
  signals.gRmsByUnit?.forEach((list, i) => {
    expectNear([rms(list.map(Number))], [Number(signals.gRms[i])]);
  });
  const { steps: plain } = await record(net, { every: 1, level: 'moments' }, set, { batchSize: 32 });
  expect(Object.keys(plain[0]?.signals ?? {})).toEqual(['zMean', 'zRms', 'hMean', 'hRms', 'gRms']);
});

it('layers that walk along a sequence tell of sizes step by step', async () => {
  const [rows, time, features, units] = [12, 5, 3, 4];
  const random = new Random(8);
  const x = new NdArray(
    Float32Array.from({ length: rows * time * features }, () => random.normal(0, 1)),
    [rows, time, features],
  );
  const y = new NdArray(
    Float32Array.from({ length: rows }, () => random.normal(0, 1)),
    [rows, 1],
  );
  const net = sequential([layers.input([time, features]), layers.simpleRnn(units), layers.dense(1)], { seed: 4 }).compile({
    optimizer: optimizers.sgd({ learningRate: 0.1 }),
    loss: 'mse',
  });
  const [kernel, recurrent, bias, head] = (await net.getWeights()).map((array) => array.toNested()) as [Matrix, Matrix, number[], Matrix];
  const [offset] = (await net.getWeights()).slice(-1).map((array) => array.at(0));
  const { steps } = await record(net, { every: 1, level: 'moments' }, { x, y }, { batchSize: rows });
  const all = x.toNested() as number[][][];
  const runs = all.map((row) => {
    let h = new Array<number>(units).fill(0);
    return row.map((input) => {
      const z = bias.map((b, unit) => b + sumOf(input, (v, i) => v * (kernel[i]?.[unit] ?? 0)) + sumOf(h, (v, i) => v * (recurrent[i]?.[unit] ?? 0)));
      h = z.map(Math.tanh);
      return { z, h };
    });
  });
  const { signals } = steps[0] as StepRecord;
  expectNear(
    signals.zRmsByTime?.[0],
    Array.from({ length: time }, (_, t) => rms(runs.map((run) => run[t]?.z ?? []))),
  );
  // Backwards by hand: ∂L/∂h at the last step, then through tanh and the recurrent weights.
  const gradients = Array.from({ length: time }, (): number[][] => []);
  runs.forEach((run, row) => {
    const last = run[time - 1]?.h ?? [];
    const error = (2 / rows) * (sumOf(last, (v, i) => v * (head[i]?.[0] ?? 0)) + Number(offset) - y.at(row));
    let dh = last.map((_, i) => error * (head[i]?.[0] ?? 0));
    for (let t = time - 1; t >= 0; t--) {
      const dz = dh.map((d, i) => d * (1 - (run[t]?.h[i] ?? 0) ** 2));
      gradients[t]?.push(dz);
      dh = dz.map((_, i) => sumOf(dz, (d, j) => d * (recurrent[i]?.[j] ?? 0)));
    }
  });
  expectNear(signals.gRmsByTime?.[0], gradients.map(rms), 1e-4);
  expect(signals.gRmsByTime?.[1]).toEqual([]);
});

it('observes the first steps more often unless told how often', async () => {
  const net = stack([layers.dense(4)]).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  const { steps } = await record(net, {}, set, { epochs: 54, batchSize: 2 });
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 400, 800]);
});

it('has the same records whether a callback takes them as they come or nobody does before the end', async () => {
  const make = () => stack([layers.dense(4, { activation: 'relu' })]).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  const { steps, passes } = await record(make(), { every: 1 }, set, { epochs: 2, batchSize: 4 });
  const counts: (number | undefined)[] = [];
  const looking: Callback = { vitals: { every: 1 }, every: 5, onBatchEnd: (_batch, _logs, { trace }) => void counts.push(trace?.steps.length) };
  const fit = { epochs: 2, batchSize: 4, shuffle: false, verbose: 0 } as const;
  for (const callback of [{ vitals: { every: 1 } }, looking]) {
    const { trace } = await make().fit(set, { ...fit, callbacks: [callback] });
    expect(trace?.steps).toEqual(steps);
    expect(trace?.passes).toEqual(passes);
  }
  expect(counts).toEqual([5, 10, 15]);
});

it('refuses intervals and levels that make no sense', async () => {
  const net = stack([layers.dense(4)]).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
  await expect(net.fit(set, { verbose: 0, callbacks: [{ vitals: { every: 0 } }] })).rejects.toThrow(
    /every must be a whole number of steps ≥ 1, got 0/,
  );
  await expect(net.fit(set, { verbose: 0, callbacks: [{ vitals: { level: 'all' as 'full' } }] })).rejects.toThrow(/'moments' or 'full', got 'all'/);
  await expect(net.fit(set, { verbose: 0, callbacks: [{ vitals: { units: 1 as unknown as boolean } }] })).rejects.toThrow(/true or false, got 1/);
});

it('functions of the user’s own are told apart, though they have one name', async () => {
  const steep = { bend: (x: Tensor) => ops.tanh(ops.mul(x, 50)) };
  const gentle = { bend: (x: Tensor) => ops.tanh(ops.mul(x, 0.01)) };
  const net = stack([layers.dense(8, { activation: steep.bend }), layers.dense(8, { activation: gentle.bend })]);
  const { steps } = await record(net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' }), { every: 1 });
  const [first, second] = steps[0]?.signals.saturated ?? [];
  expect(Number(first)).toBeGreaterThan(0.5);
  expect(second).toBe(0);
});
