import { type Callback, type FitOptions, type Layer, layers, type Model, type OptimizerLike, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { labelled, values } from './sets.js';

const set = labelled(83);

interface Net {
  readonly title: string;
  readonly hidden: () => Layer[];
  readonly optimizer?: OptimizerLike;
}

const plain = (): Layer[] => [
  layers.dense(8, { activation: 'tanh' }),
  layers.dense(8, { activation: 'tanh' }),
  layers.dense(8, { activation: 'tanh' }),
];

const nets: readonly Net[] = [
  { title: 'SGD', hidden: plain },
  { title: 'momentum', hidden: plain, optimizer: optimizers.sgd({ learningRate: 0.05, momentum: 0.9 }) },
  { title: 'Nesterov', hidden: plain, optimizer: optimizers.sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }) },
  { title: 'Adam', hidden: plain, optimizer: 'adam' },
  { title: 'AdamW, clipped', hidden: plain, optimizer: optimizers.adamW({ learningRate: 0.01, globalClipNorm: 0.3 }) },
  { title: 'Nadam, which keeps a scalar for all', hidden: plain, optimizer: 'nadam' },
  { title: 'LAMB, which looks at whole arrays', hidden: plain, optimizer: optimizers.lamb({ learningRate: 0.05 }) },
  { title: 'RMSprop', hidden: plain, optimizer: optimizers.rmsprop({ centered: true, momentum: 0.5 }) },
  { title: 'dropout', hidden: () => [layers.dense(12, { activation: 'relu' }), layers.dropout(0.5), layers.dense(8, { activation: 'selu' })] },
  { title: 'RReLU', hidden: () => [layers.dense(8, { activation: 'rrelu' }), layers.dense(8, { activation: 'rrelu' })], optimizer: 'adam' },
  { title: 'batch normalization', hidden: () => [layers.dense(8), layers.batchNormalization(), layers.activation('relu')] },
];

function build({ hidden, optimizer = 'sgd' }: Net, seed = 3): Model {
  const model = sequential([layers.input([6]), ...hidden(), layers.dense(3, { activation: 'softmax' })], { seed });
  return model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
}

/** History, and every array of the state: weights, slots, statistics, step counter. */
async function train(model: Model, options: FitOptions) {
  const { history } = await model.fit(set, { epochs: 3, batchSize: 8, validationSplit: 0.1, verbose: 0, ...options });
  const state = await model.getState();
  return { history, state: Object.fromEntries([...state].map(([name, array]) => [name, values([array])[0]])) };
}

describe.each(nets.map((net) => [net.title, net] as const))('%s', (_, net) => {
  it('gives the same bits in chunks of any length, watched or not, and learns', async () => {
    const expected = await train(build(net), { chunk: 1 });
    const losses = expected.history.loss ?? [];
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
    expect(expected.state.iterations).toEqual([30]);
    for (const chunk of [2, 7, 1000]) expect(await train(build(net), { chunk })).toEqual(expected);
    const watches: readonly Callback[] = [
      { onBatchEnd: () => {} },
      { every: 3, onBatchEnd: () => {} },
      { every: 'epoch', onBatchEnd: () => {} },
      { onProgress: () => {}, onEpochEnd: () => {} },
      { vitals: {} },
      { vitals: { every: 3 } },
      { vitals: { every: 1, level: 'moments' } },
    ];
    expect(await train(build(net), {})).toEqual(expected);
    for (const watch of watches) expect(await train(build(net), { callbacks: [watch] })).toEqual(expected);
  });
});

describe('seeds', () => {
  const dropout = nets.find(({ title }) => title === 'dropout') as Net;

  it('the same seed gives the same run, another seed another', async () => {
    const [one, same, other] = [await train(build(dropout, 1), {}), await train(build(dropout, 1), {}), await train(build(dropout, 2), {})];
    expect(same).toEqual(one);
    expect(other.history).not.toEqual(one.history);
  });

  it('two layers of one shape start from different weights, the same ones in another model', async () => {
    const weights = async (seed: number) => values(await build({ title: '', hidden: plain }, seed).getWeights());
    const [first, again, other] = [await weights(1), await weights(1), await weights(2)];
    expect(again).toEqual(first);
    expect(other[0]).not.toEqual(first[0]);
    expect(first[4]).not.toEqual(first[2]);
  });

  it('epochs of one fit and epochs of several are the same', async () => {
    const whole = build(dropout);
    await train(whole, { epochs: 3 });
    const parts = build(dropout);
    for (const epoch of [0, 1, 2]) await train(parts, { initialEpoch: epoch, epochs: epoch + 1 });
    expect(values((await parts.getState()).values())).toEqual(values((await whole.getState()).values()));
  });
});

describe('dropout', () => {
  const count = 2000;
  const ones = Array.from({ length: 4 }, () => Array.from({ length: count }, () => 1));
  /** A net whose gradient of the bias tells the mask: y = dropout(x + b), loss Σ y. */
  function masked(seed: number): Model {
    const model = sequential([layers.input([count]), layers.dense(count, { kernelInitializer: 'zeros' }), layers.dropout(0.3)], { seed });
    return model.compile({ loss: (_, output) => output, optimizer: optimizers.sgd({ learningRate: 0 }) });
  }

  it('keeps 1 − rate of the units, scaled by 1/(1 − rate), another mask each step, none in inference', async () => {
    const model = sequential([layers.input([count]), layers.dropout(0.3)], { seed: 1 });
    expect(new Set(values([await model.predict(ones)]).flat())).toEqual(new Set([1]));
    const deep = masked(1);
    const mask = async () => values((await deep.gradients(ones.slice(0, 1), ones.slice(0, 1))).gradients.values())[1] ?? [];
    const first = await mask();
    expect(await mask()).toEqual(first);
    const kept = first.filter((value) => value !== 0);
    // Four standard errors of a binomial share.
    expect(Math.abs(kept.length / count - 0.7)).toBeLessThan(4 * Math.sqrt((0.3 * 0.7) / count));
    for (const value of kept) expect(value * count).toBeCloseTo(1 / 0.7, 5);
    await deep.trainOnBatch(ones.slice(0, 1), ones.slice(0, 1));
    const second = await mask();
    expect(second).not.toEqual(first);
    // Independent masks agree on 0.7² + 0.3² of the units.
    const agree = second.filter((value, i) => (value === 0) === (first[i] === 0)).length / count;
    expect(Math.abs(agree - 0.58)).toBeLessThan(4 * Math.sqrt((0.58 * 0.42) / count));
    expect(values((await masked(2).gradients(ones.slice(0, 1), ones.slice(0, 1))).gradients.values())[1]).not.toEqual(first);
  });

  it('two dropout layers have masks of their own', async () => {
    const build = (n: number) => {
      const x = layers.input([count]);
      const layer = layers.dense(count, { kernelInitializer: 'zeros', name: 'shift' });
      const list = Array.from({ length: n }, (_, i) => layers.dropout(0.5, { name: `drop_${i}` }));
      const model = sequential([x, layer, list[n - 1] as Layer]);
      return model.compile({ loss: (_, output) => output });
    };
    const bias = async (n: number) => (await build(n).gradients(ones.slice(0, 1), ones.slice(0, 1))).gradients.get('shift/bias');
    expect((await bias(1))?.data).not.toEqual((await bias(2))?.data);
  });
});
