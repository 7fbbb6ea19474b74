import {
  type CompileOptions,
  doctor,
  type Layer,
  type LossLike,
  layers,
  type Model,
  model,
  NdArray,
  optimizers,
  sequential,
  toConfig,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { Examination } from '#src/doctor/examination.js';
import { methodOf } from '#src/doctor/treatment/methods.js';
import { admit, build as make } from '#src/doctor/treatment/patient.js';
import { numberSet } from './sets.js';

interface Wanted {
  readonly deviation?: number;
  readonly mean?: number;
  readonly head?: () => readonly Layer[];
  readonly compile?: Partial<CompileOptions>;
}

const net = ({ head = () => [layers.dense(1)], compile = {} }: Wanted): Model =>
  sequential([layers.input([6]), layers.dense(32, { activation: 'relu', kernelInitializer: 'heNormal' }), ...head()], { seed: 4 }).compile({
    optimizer: optimizers.sgd({ learningRate: 0.02, momentum: 0.9 }),
    loss: 'mse',
    ...compile,
  });

async function look(wanted: Wanted) {
  const { x, y } = numberSet(wanted.deviation, wanted.mean);
  const found = doctor.diagnose(await net(wanted).examine(x, y));
  return (rule: string) => found.find((finding) => finding.rule === rule);
}

const severity = async (wanted: Wanted): Promise<string | undefined> => (await look(wanted))('raw-targets')?.severity;

/** What the remedy makes of a model, described and built. */
async function scaled(given: Model, { x, y }: { readonly x: NdArray; readonly y: NdArray | readonly NdArray[] }) {
  const patient = await admit(given, 32);
  const examination = new Examination(await given.examine(x, y as NdArray));
  const [change] =
    methodOf('scale-targets')?.method.apply({ patient, facts: examination.facts, examination, steps: 100, random: new Random(1), keep: [] }) ?? [];
  return change && { change, built: await make(change.patient, {}) };
}

const adam = { optimizer: 'adam' } as const;

describe('targets that are not standardized', () => {
  it.each([
    [0.5, 0, undefined],
    [0.25, 0, 'risk'],
    [0.05, 0, 'ill'],
    [10, 0, 'risk'],
    [1, 4, undefined],
    [1, 20, 'risk'],
    [1, 80, 'ill'],
    [0.05, 80, 'ill'],
  ])('deviating by %d about %d: %s', async (deviation, mean, expected) => {
    expect(await severity({ deviation, mean, compile: { optimizer: optimizers.sgd({ learningRate: 3e-4 }) } })).toBe(expected);
  });

  it('may be larger where steps do not grow with them', async () => {
    for (const compile of [
      adam,
      { optimizer: optimizers.sgd({ globalClipNorm: 1 }) },
      { loss: 'mae' },
      { loss: 'huber' },
    ] satisfies Partial<CompileOptions>[]) {
      expect(await severity({ deviation: 60, compile })).toBeUndefined();
      expect(await severity({ deviation: 600, compile })).toBe('risk');
    }
  });

  it('are ill as the cause of steps that are too large', async () => {
    const found = await look({ deviation: 1000, compile: { optimizer: optimizers.sgd({ learningRate: 0.1 }) } });
    expect(found('step-too-large')?.severity).toBe('ill');
    expect(found('raw-targets')).toMatchObject({ severity: 'ill', layers: ['dense_2'] });
  });

  it('are measured behind what scales outputs, column by column', async () => {
    const behind = (scale: number | number[], offset: number | number[]) => () => [
      layers.dense(1),
      layers.rescaling(scale, { offset }),
      layers.identity(),
    ];
    expect(await severity({ deviation: 400, mean: 900, head: behind(400, 900), compile: adam })).toBeUndefined();
    expect(await severity({ deviation: 400, mean: 900, head: behind([400], [900]), compile: adam })).toBeUndefined();
    expect(await severity({ head: behind(400, 0), compile: adam })).toBe('ill');
    expect(await severity({ head: behind(1, 900), compile: adam })).toBe('ill');
  });

  it('are not asked for where it is unknown what outputs are made of', async () => {
    const lambda = () => [layers.dense(1), layers.lambda((x) => x)];
    expect(await severity({ deviation: 1e4, head: lambda, compile: adam })).toBeUndefined();
    expect(await severity({ deviation: 1e4, head: () => [layers.dense(1, { activation: 'exponential' })], compile: adam })).toBeUndefined();
    expect(await severity({ deviation: 1e4, head: () => [layers.dense(1, { activation: (x) => x })], compile: adam })).toBeUndefined();
  });
});

describe('targets beyond the range of the last activation', () => {
  const behind = (activation: string, deviation = 1, mean = 0) => look({ deviation, mean, head: () => [layers.dense(1, { activation })] });

  it('are told with the share that nothing can explain', async () => {
    const finding = (await behind('relu'))('unreachable-targets');
    // Of a target below 0 the square of all that a ReLU misses; tenths tell of nearly all of it.
    const wanted = Array.from(numberSet().y.data, Number);
    const share = wanted.reduce((sum, one) => sum + Math.min(0, one) ** 2, 0) / wanted.length;
    expect(finding).toMatchObject({ severity: 'ill', layers: ['dense_2'] });
    expect(Math.abs((finding?.measured.value ?? 0) - share)).toBeLessThan(0.03);
    expect(finding?.cause).toContain('dense_2 ends with relu');
  });

  it('are a risk where few are', async () => {
    expect((await behind('relu', 1, 1.2))('unreachable-targets')?.severity).toBe('risk');
    expect((await behind('relu', 1, 6))('unreachable-targets')).toBeUndefined();
  });

  it('are answered by a last layer that gives any number', async () => {
    const { x, y } = numberSet();
    const given = net({ head: () => [layers.dense(1, { activation: 'sigmoid' }), layers.rescaling(1.5)] });
    const patient = await admit(given, 32);
    const examination = new Examination(await given.examine(x, y));
    const chart = { patient, facts: examination.facts, examination, steps: 100, random: new Random(1) };
    const mend = methodOf('mend-loss')?.method;
    const [change] = mend?.apply({ ...chart, keep: [] }) ?? [];
    expect(change?.what).toBe('use linear as the activation of dense_2');
    expect(change?.patient.config.layers.at(-2)?.config.activation).toMatchObject({ name: 'linear' });
    expect(mend?.apply({ ...chart, keep: ['activations'] })).toEqual([]);
  });
});

describe('scale-targets', () => {
  it('trains as on standardized targets', async () => {
    const [standard, prices] = [numberSet(), numberSet(1e5, 2e5)];
    const treated = await scaled(net({}), prices);
    const { config } = treated?.change.patient ?? {};
    expect(config?.layers.at(-1)?.kind).toBe('rescaling');
    expect(config?.layers.at(-1)?.config).toEqual({ scale: 1e5, offset: 2e5 });
    expect(config?.compile?.lossWeights).toEqual([1e-10]);
    const fit = { epochs: 6, verbose: 0 } as const;
    const plain = net({});
    const own = await treated?.built.fit(prices, fit);
    const { last } = await plain.fit(standard, fit);
    expect(last.loss).toBeLessThan(0.5);
    expect(Number(own?.last.loss) / Number(last.loss)).toBeCloseTo(1, 2);
    const [answers, wanted] = [await treated?.built.predict(standard.x), await plain.predict(standard.x)];
    const apart = Array.from({ length: wanted.size }, (_, i) => Math.abs(((answers?.at(i) ?? 0) - 2e5) / 1e5 - wanted.at(i)));
    expect(Math.max(...apart)).toBeLessThan(0.02);
  });

  it('keeps metrics, and the sign of what is bounded below', async () => {
    const given = net({ head: () => [layers.dense(1, { activation: 'softplus' })], compile: { metrics: ['mae'], weightedMetrics: ['mse'] } });
    const { change, built } = (await scaled(given, numberSet(100, 300))) ?? {};
    expect(change?.patient.config.layers.at(-1)?.config).toEqual({ scale: 100 });
    expect(change?.what).toBe('rescale the outputs of dense_2 to the size of their targets with layers.rescaling(), and weight the loss by 0.0001');
    expect(toConfig(built as Model).compile).toMatchObject({
      metrics: { rescaling_1: [{ name: 'meanAbsoluteError' }] },
      weightedMetrics: { rescaling_1: [{ name: 'meanSquaredError' }] },
    });
  });

  it('goes by the loss, by the column, and by what scales already', async () => {
    const { x, y } = numberSet(1000, 0);
    const weights = async (loss: LossLike) => (await scaled(net({ compile: { loss } }), { x, y }))?.change.patient.config.compile?.lossWeights;
    expect(await weights('mae')).toEqual([1e-3]);
    expect(await weights('mse')).toEqual([1e-6]);
    expect(await weights('meanAbsolutePercentageError')).toBeUndefined();
    const two = new NdArray(
      Float32Array.from({ length: 512 * 2 }, (_, i) => (i % 2 === 0 ? 1 : 50) * y.at(Math.floor(i / 2)) + (i % 2)),
      [512, 2],
    );
    const columns = await scaled(net({ head: () => [layers.dense(2)] }), { x, y: two });
    expect(columns?.change.patient.config.layers.at(-1)?.config.scale).toEqual([1000, 50_000]);
    const half = await scaled(net({ head: () => [layers.dense(1), layers.rescaling(10, { offset: 5 })] }), numberSet(1000, 100));
    const { config } = half?.change.patient ?? {};
    expect(config?.layers.slice(-2).map(({ config: options }) => options)).toEqual([
      { scale: 10, offset: 5 },
      { scale: 100, offset: -400 },
    ]);
    expect(await scaled(net({}), numberSet())).toBeUndefined();
    expect(await scaled(net({ head: () => [layers.dense(1, { activation: 'tanh' })] }), numberSet(1000))).toBeUndefined();
  });

  it('weighs each of several outputs by its own', async () => {
    const enter = layers.input([6]);
    const outputs = [layers.dense(1).apply(enter), layers.dense(1).apply(enter), layers.dense(1).apply(enter)];
    const given = model({ inputs: enter, outputs }, { seed: 1 }).compile({ loss: 'mse', lossWeights: [1, 3, 2] });
    const { x, y } = numberSet();
    const change = await scaled(given, { x, y: [numberSet(100).y, y, numberSet(10).y] });
    expect(change?.change.patient.config.compile?.lossWeights).toEqual([1e-4, 3, 0.02]);
    expect(change?.change.what).toContain('dense_1 and dense_3');
    expect(change?.built.network.outputs.map(({ call }) => call.layer.title)).toEqual(['rescaling_2', 'dense_2', 'rescaling_1']);
  });
});

it('scale-targets keeps the weight of an output that its user weighed against the others', async () => {
  const { x, y } = numberSet(1000);
  const labels = new NdArray(
    Int32Array.from({ length: 512 }, (_, i) => i % 4),
    [512, 1],
  );
  const weighed = async (weight: number) => {
    const enter = layers.input([6]);
    const outputs = [layers.dense(1).apply(enter), layers.dense(4, { activation: 'softmax' }).apply(enter)];
    const loss: LossLike[] = ['mse', 'sparseCategoricalCrossentropy'];
    const given = model({ inputs: enter, outputs }, { seed: 1 }).compile({ loss, lossWeights: [weight, 1] });
    return (await scaled(given, { x, y: [y, labels] }))?.change;
  };
  // The loss of chance of the numbers is 10⁶ times their weight, that of the labels ln 4.
  const kept = await weighed(1e-6);
  expect(kept?.patient.config.compile?.lossWeights).toEqual([1e-6, 1]);
  expect(kept?.what).toBe('rescale the outputs of dense_1 to the size of their targets with layers.rescaling()');
  expect((await weighed(1))?.patient.config.compile?.lossWeights).toEqual([1e-6, 1]);
  expect((await weighed(1e-12))?.patient.config.compile?.lossWeights).toEqual([1e-18, 1]);
});

it('a network on prices is brought to life by scaling them alone', async () => {
  const treatment = await doctor.treat(net({}), numberSet(1e5, 2e5), { epochs: 30, validationSplit: 0.2 });
  expect(treatment.outcome).toBe('cured');
  expect(treatment.remedies.map(({ id }) => id)).toContain('scale-targets');
  expect(treatment.before.grade.score).toBeLessThan(0.1);
  expect(treatment.after.grade.score).toBeGreaterThan(0.6);
  const predicted = await treatment.model.predict(numberSet().x);
  const mean = Array.from(predicted.data, Number).reduce((a, b) => a + b, 0) / predicted.size;
  expect(Math.abs(mean - 2e5)).toBeLessThan(5e4);
});
