import { layers, type Model, model, NdArray, optimizers, Random, type Schedule, schedules, sequential, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import type { Change } from '#src/doctor/treatment/method.js';
import { methodOf } from '#src/doctor/treatment/methods.js';
import { admit, build } from '#src/doctor/treatment/patient.js';

const random = new Random(5);
const drawn = (...shape: number[]): NdArray => {
  const array = NdArray.zeros(shape);
  for (let i = 0; i < array.size; i++) array.set(i, random.normal());
  return array;
};
const [x, y] = [drawn(32, 6), drawn(32, 1)];

async function changes(id: string, given: Model, rows = x): Promise<readonly Change[]> {
  const examination = new Examination(await given.examine(rows, y));
  const { method } = methodOf(id) ?? {};
  if (!method) throw new Error(`no remedy '${id}'`);
  const patient = await admit(given, 16);
  return method.apply({ patient, facts: examination.facts, examination, steps: 1000, random: new Random(1), keep: [] });
}
const said = async (id: string, given: Model): Promise<string[]> => (await changes(id, given)).map(({ what }) => what);

/** Two uses of each shared layer, then a layer bent otherwise, one that is frozen, and the head. */
function odd(): Model {
  const enter = layers.input([6]);
  const shared = layers.dense(6, { activation: 'relu', name: 'shared' });
  const drop = layers.dropout(0.6, { name: 'drop' });
  const twice = drop.apply(shared.apply(drop.apply(shared.apply(enter))));
  const bent = layers.dense(6, { activation: 'tanh', name: 'bent' }).apply(twice);
  const frozen = layers.dense(6, { activation: 'sigmoid', name: 'frozen', trainable: false }).apply(bent);
  return model({ inputs: enter, outputs: layers.dense(1, { name: 'head' }).apply(frozen) }).compile({ loss: 'mse' });
}

describe('what a remedy says is what it does', () => {
  it('of layers that are used twice', async () => {
    expect(await said('lower-dropout', odd())).toEqual(['lower the dropout rate of drop to 0.1']);
    expect(await said('alpha-dropout', odd())).toEqual(['use layers.alphaDropout instead of drop']);
    const beside = [1, 2].map((i) => layers.dense(6, { activation: 'relu', name: `beside${i}` }));
    const shared = layers.dense(6, { activation: 'relu' });
    const twice = sequential([layers.input([6]), shared, shared, ...beside, layers.dense(1)]).compile({ loss: 'mse' });
    expect(await said('normalize', twice)).toEqual(['put layers.batchNormalization() between pre-activation and activation of beside1 and beside2']);
  });

  it('of several activations, of which frozen layers keep theirs', async () => {
    const [first, second] = await changes('change-activation', odd());
    expect(first?.what).toBe('use leakyRelu instead of relu and tanh as the activation of shared and bent, with the initializer that matches it');
    const before = toConfig(odd()).layers;
    const after = second?.patient.config.layers ?? [];
    expect(after.flatMap(({ name }, i) => (JSON.stringify(after[i]) === JSON.stringify(before[i]) ? [] : [name]))).toEqual(['shared', 'bent']);
    const partly = sequential([layers.input([6]), layers.dense(6, { activation: 'relu' }), layers.dense(6, { activation: 'elu' }), layers.dense(1)]);
    expect((await said('change-activation', partly.compile({ loss: 'mse' })))[1]).toBe(
      'use elu instead of relu as the activation of dense_1, with the initializer that matches it',
    );
  });

  it('of depthwise convolutions, whose kernel is drawn by an option of another name', async () => {
    const rows = drawn(16, 8, 2);
    const deep = sequential([
      layers.input([8, 2]),
      layers.depthwiseConv1d(3, { activation: 'relu', depthwiseInitializer: 'zeros' }),
      layers.flatten(),
      layers.dense(1),
    ]).compile({ loss: 'mse' });
    const examination = new Examination(await deep.examine(rows, drawn(16, 1)));
    const patient = await admit(deep, 16);
    const chart = { patient, facts: examination.facts, examination, steps: 1000, random: new Random(1), keep: [] };
    const [change] = methodOf('suiting-initializer')?.method?.apply(chart) ?? [];
    expect(change?.what).toBe("initialize depthwiseConv1d_1 with 'auto'");
    if (!change) throw new Error('nothing was changed');
    const made = await build(change.patient, {});
    expect(made.layer('depthwiseConv1d_1').config()).toMatchObject({ depthwiseInitializer: { name: 'auto' } });
  });

  it('of one skip connection', async () => {
    const two = sequential([layers.input([6]), layers.dense(6, { activation: 'relu' }), layers.dense(6, { activation: 'relu' }), layers.dense(1)]);
    expect(await said('residual', two.compile({ loss: 'mse' }))).toEqual(['add a skip connection around two layers']);
  });

  it('puts skip connections around layers that stand behind each other, not around those of two branches', async () => {
    const enter = layers.input([6]);
    const branch = () => layers.dense(6, { activation: 'tanh' }).apply(enter);
    const both = layers.concatenate().apply([branch(), branch()]);
    expect(await said('residual', model({ inputs: enter, outputs: layers.dense(1).apply(both) }).compile({ loss: 'mse' }))).toEqual([]);
    const top = layers.dense(6, { activation: 'tanh' }).apply(both);
    const [change] = await changes('residual', model({ inputs: enter, outputs: layers.dense(1).apply(top) }).compile({ loss: 'mse' }));
    // From what the second branch takes, around it and the layer behind both.
    expect(change?.patient.config.calls.map(({ inputs }) => inputs)).toEqual([[], [0], [0], [1, 2], [3], [4, 0], [5]]);
  });

  it('of dropout of whole channels', async () => {
    const net = sequential([layers.input([6]), layers.reshape([3, 2]), layers.spatialDropout1d(0.95), layers.flatten(), layers.dense(1)]);
    expect(await said('lower-dropout', net.compile({ loss: 'mse' }))).toEqual(['lower the dropout rate of spatialDropout1d_1 to 0.1']);
  });

  it('puts alpha dropout in the place of all that selu-dropout finds', async () => {
    const net = sequential([layers.input([6]), layers.dense(6, { activation: 'selu' }), layers.gaussianDropout(0.3), layers.dense(1)]);
    const [change] = await changes('alpha-dropout', net.compile({ loss: 'mse' }));
    expect(change?.what).toBe('use layers.alphaDropout instead of gaussianDropout_1');
    expect(change?.patient.config.layers.map(({ kind, config }) => [kind, config.rate])[2]).toEqual(['alphaDropout', 0.3]);
  });

  it('leaves layers whose activation halves what they give as wide as they are', async () => {
    const halved = sequential([
      layers.input([6]),
      layers.dense(8, { activation: 'glu' }),
      layers.dense(4, { activation: 'relu' }),
      layers.dense(1),
    ]).compile({ loss: 'mse' });
    expect((await said('change-activation', halved))[0]).toBe(
      'use leakyRelu instead of relu as the activation of dense_2, with the initializer that matches it',
    );
  });

  it('leaves gates, and what weighs features against each other, as they are bent', async () => {
    const enter = layers.input([6]);
    const bent = layers.dense(6, { activation: 'relu', name: 'bent' }).apply(enter);
    const gate = layers.dense(6, { activation: 'sigmoid', name: 'gate' }).apply(bent);
    const weighed = layers.dense(6, { activation: 'softmax', name: 'weights' }).apply(layers.multiply().apply([bent, gate]));
    const gated = model({ inputs: enter, outputs: layers.dense(1).apply(weighed) }).compile({ loss: 'mse' });
    expect((await said('change-activation', gated))[0]).toBe(
      'use leakyRelu instead of relu as the activation of bent, with the initializer that matches it',
    );
    const gateless = sequential([layers.input([6]), layers.dense(4, { activation: 'softmax' }), layers.dense(1)]).compile({ loss: 'mse' });
    expect(await said('change-activation', gateless)).toEqual([]);
  });

  it('leaves frozen recurrent layers and normalizations as they were learned', async () => {
    const walked = (trainable: boolean): Model =>
      sequential([layers.input([6]), layers.reshape([3, 2]), layers.simpleRnn(4, { trainable }), layers.dense(1)]).compile({ loss: 'mse' });
    expect(await said('gated-recurrence', walked(false))).toEqual([]);
    expect(await said('identity-recurrence', walked(false))).toEqual([]);
    expect(await said('orthogonal-recurrence', walked(false))).toEqual([]);
    expect(await said('gated-recurrence', walked(true))).toEqual(['protect the state with the gates of an LSTM in simpleRnn_1']);
    const learned = [layers.dense(6, { trainable: false }), layers.batchNormalization({ trainable: false }), layers.relu()];
    const normalized = sequential([
      layers.input([6]),
      ...learned,
      layers.dense(6, { activation: 'relu' }),
      layers.batchNormalization(),
      layers.dense(1),
    ]).compile({ loss: 'mse' });
    expect(await said('move-normalization', normalized)).toEqual(['move batchNormalization_2 before the activation and remove the bias of dense_2']);
    expect(await said('batch-free-normalization', normalized)).toEqual(['use layers.layerNormalization() instead of batchNormalization_2']);
  });

  it('leaves the bias of a frozen layer, and what comes to one, as it was learned', async () => {
    const row = (...frozen: readonly number[]): Model =>
      sequential([
        layers.input([6]),
        ...[1, 2, 3, 4].map((i) => layers.dense(6, { activation: 'relu', trainable: !frozen.includes(i), name: `d${i}` })),
        layers.dense(1),
      ]).compile({ loss: 'mse' });
    const normal = (names: string) => [`put layers.batchNormalization() between pre-activation and activation of ${names}`];
    expect(await said('normalize', odd())).toEqual([]);
    expect(await said('normalize', row(1))).toEqual(normal('d2 to d4 (3 layers)'));
    expect(await said('normalize', row(3))).toEqual(normal('d1 and d4'));
    expect(await said('normalize', row(1, 2, 3, 4))).toEqual([]);
    const [change] = await changes('normalize', row(1));
    expect(change?.patient.config.layers.find(({ name }) => name === 'd1')).toEqual(toConfig(row(1)).layers.find(({ name }) => name === 'd1'));
    // d2 + what enters d1 would come to d3.
    expect(await said('residual', row(3))).toEqual(['add a skip connection around two layers']);
    expect(await said('residual', row())).toEqual(['add 2 skip connections, each around two layers']);
    const late = (trainable: boolean): Model =>
      sequential([layers.input([6]), layers.dense(6, { activation: 'relu', trainable }), layers.batchNormalization(), layers.dense(1)]).compile({
        loss: 'mse',
      });
    expect(await said('move-normalization', late(true))).toHaveLength(1);
    expect(await said('move-normalization', late(false))).toEqual([]);
    const large = new NdArray(
      Float32Array.from({ length: x.size }, (_, i) => 50 * x.at(i)),
      x.shape,
    );
    expect(await changes('standardize-inputs', late(true), large)).toHaveLength(1);
    expect(await changes('standardize-inputs', late(false), large)).toEqual([]);
  });

  it('leaves a frozen head, and units of frozen layers, as they were learned', async () => {
    const silent = (trainable: boolean) => layers.dense(6, { activation: 'relu', biasInitializer: () => [-50, 1, 1, 1, 1, 1], trainable });
    const frozen = sequential([layers.input([6]), silent(false), layers.dense(4), layers.dense(1, { trainable: false })]).compile({ loss: 'mse' });
    expect(await said('smaller-head', frozen)).toEqual([]);
    expect(await said('revive-units', frozen)).toEqual([]);
    const learning = sequential([layers.input([6]), silent(true), layers.dense(4), layers.dense(1)]).compile({ loss: 'mse' });
    expect(await said('revive-units', learning)).toEqual([
      'redraw the weights of a silent unit of dense_1, with zero biases (code cannot express such weights: load the treated model)',
    ]);
  });

  it('revives a shared unit once, and where it is silent in all uses alone', async () => {
    // Unit 0 is silent in both uses, unit 1 in the second alone, which gets nothing below 0.
    const kernel = [-9, -9, 0, 0];
    const twice = (bias: readonly number[], columns: readonly number[]): Model => {
      const shared = layers.dense(4, { activation: 'relu', name: 'shared', biasInitializer: () => bias, kernelInitializer: () => [...columns] });
      const enter = layers.input([6]);
      const narrow = layers.dense(4, { name: 'narrow' }).apply(enter);
      return model({ inputs: enter, outputs: layers.dense(1).apply(shared.apply(shared.apply(narrow))) }).compile({ loss: 'mse' });
    };
    const rows = [0, 1, 2, 3].flatMap(() => kernel);
    const [change] = await changes('revive-units', twice([-500, 1, 1, 1], rows));
    expect(change?.what).toMatch(/^redraw the weights of a silent unit of shared,/);
  });
});

describe('rates of schedules', () => {
  const highest = ({ rate }: Schedule): number => Math.max(...Array.from({ length: 200 }, (_, step) => rate(step)));

  it.each<[string, Schedule]>([
    ['a warm-up from 0', schedules.cosineDecay({ initialLearningRate: 0, decaySteps: 100, warmupTarget: 0.3, warmupSteps: 10 })],
    ['one cycle', schedules.oneCycle({ maxLearningRate: 0.3, totalSteps: 100 })],
    ['steps', schedules.piecewiseConstantDecay({ boundaries: [50, 70], values: [0.3, 0.2, 0.1] })],
    ['a line', schedules.polynomialDecay({ initialLearningRate: 0.3, decaySteps: 100, endLearningRate: 0.03 })],
  ])('%s is lowered as a whole, and keeps its course', async (_, learningRate) => {
    const net = (rate: Schedule | number): Model =>
      sequential([layers.input([6]), layers.dense(4, { activation: 'relu' }), layers.dense(1)], { seed: 1 }).compile({
        optimizer: optimizers.sgd({ learningRate: rate }),
        loss: 'mse',
      });
    for (const change of await changes('lower-learning-rate', net(learningRate))) {
      const [, from, to] = /^lower the learning rate from (\S+) to ([^\s,]+) at the peak of its schedule$/.exec(change.what) ?? [];
      expect(Number(from)).toBe(0.3);
      const made = (await build(change.patient, {})).compiled.optimizer.config.learningRate as Schedule;
      const described = made as unknown as { readonly name: keyof typeof schedules; readonly config: never };
      const schedule = typeof made.rate === 'function' ? made : schedules[described.name](described.config);
      expect(highest(schedule) / highest(learningRate)).toBeCloseTo(Number(to) / 0.3, 5);
      for (const step of [0, 5, 40, 60, 90]) expect(schedule.rate(step)).toBeCloseTo((learningRate.rate(step) * Number(to)) / 0.3, 6);
    }
    expect(await changes('lower-learning-rate', net(learningRate))).toHaveLength(2);
    expect(await changes('lower-learning-rate', net(0))).toEqual([]);
  });
});
