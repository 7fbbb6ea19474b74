import { doctor, initializers, layers, type Model, model, NdArray, Random, type Signal, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { waysOf } from '#src/doctor/ways.js';
import type { NetworkFacts } from '#src/vitals/facts.js';

const random = new Random(5);
const drawn = (...shape: number[]): NdArray => {
  const array = NdArray.zeros(shape);
  for (let i = 0; i < array.size; i++) array.set(i, random.normal());
  return array;
};

/** All ways of a network from its inputs to an output, as the hidden uses on each: written out one by one. */
function written({ layers: uses, outputs }: NetworkFacts, hidden: ReadonlySet<number>): number[][] {
  const to = (at: number): number[][] => {
    const inputs = uses[at]?.inputs ?? [];
    const before = inputs.length === 0 ? [[]] : inputs.flatMap(to);
    return before.map((way) => (hidden.has(at) ? [...way, at] : way));
  };
  return outputs.flatMap(to);
}

const he = (name: string, width = 8) => layers.dense(width, { activation: 'relu', kernelInitializer: 'heNormal', name });
const branched = (): Model => {
  const enter = layers.input([6]);
  const stem = he('stem').apply(enter);
  const long = [1, 2, 3].reduce((signal: Signal, i) => he(`long${i}`).apply(signal), stem);
  const short = he('short').apply(enter);
  const joined = he('joined').apply(layers.concatenate().apply([long, short]));
  const side = he('side').apply(stem);
  return model({ inputs: enter, outputs: [layers.dense(1, { name: 'main' }).apply(joined), layers.dense(1, { name: 'aux' }).apply(side)] });
};

describe('ways between hidden layers', () => {
  it('lead from each first one to each last one that it reaches, and are as long as the longest', async () => {
    const made = branched().compile({ loss: 'mse' });
    const examination = new Examination(await made.examine(drawn(16, 6), [drawn(16, 1), drawn(16, 1)]));
    const { facts, hidden } = examination;
    const all = written(facts, new Set(hidden.map(({ at }) => at)));
    const ways = waysOf(examination);
    expect(ways.map(({ first, last }) => [first.layer.name, last.layer.name])).toEqual([
      ['stem', 'joined'],
      ['stem', 'side'],
      ['short', 'joined'],
    ]);
    for (const { first, last, between, depth } of ways) {
      const same = all.filter((way) => way[0] === first.at && way.at(-1) === last.at);
      expect(depth).toBe(Math.max(...same.map(({ length }) => length)));
      expect(between.map(({ at }) => at)).toEqual([...new Set(same.flat())].sort((a, b) => a - b));
    }
  });

  it('are one where layers stand in a row, skip connections or not', async () => {
    const enter = layers.input([6]);
    let signal = he('stem').apply(enter);
    for (const i of [1, 2]) signal = layers.add().apply([signal, he(`b${i}`).apply(he(`a${i}`).apply(signal))]);
    const made = model({ inputs: enter, outputs: layers.dense(1).apply(signal) }).compile({ loss: 'mse' });
    const [way, ...others] = waysOf(new Examination(await made.examine(drawn(16, 6), drawn(16, 1))));
    expect(others).toEqual([]);
    expect(way).toMatchObject({ depth: 5, first: { layer: { name: 'stem' } }, last: { layer: { name: 'b2' } } });
  });
});

describe('what is compared', () => {
  const found = async (made: Model, x: NdArray | NdArray[], y: NdArray | NdArray[]) => doctor.diagnose(await made.examine(x, y));
  const small = initializers.normal({ stddev: 0.01 });

  it('is never a trunk with a head that weighs next to nothing', async () => {
    const enter = layers.input([6]);
    const trunk = he('trunk', 16).apply(enter);
    const heads = ['main', 'aux'].map((name) => layers.dense(1, { name }).apply(he(`${name}Hidden`, 16).apply(trunk)));
    const made = model({ inputs: enter, outputs: heads }, { seed: 1 }).compile({ loss: 'mse', lossWeights: [1, 1e-5] });
    expect((await found(made, drawn(64, 6), [drawn(64, 1), drawn(64, 1)])).map(({ rule }) => rule)).not.toContain('exploding-gradient');
    // An output beside the trunk's end sends what the trunk gets.
    const deep = ['b', 'c'].reduce((signal: Signal, name) => he(name, 16).apply(signal), trunk);
    const early = model({ inputs: enter, outputs: [layers.dense(1).apply(trunk), layers.dense(1).apply(deep)] }, { seed: 1 });
    early.compile({ loss: 'mse', lossWeights: [1, 1e-5] });
    expect((await found(early, drawn(64, 6), [drawn(64, 1), drawn(64, 1)])).map(({ rule }) => rule)).not.toContain('exploding-gradient');
  });

  it('are layers of one branch, and those on it are counted', async () => {
    const enter = layers.input([6]);
    const sick = [1, 2, 3].reduce(
      (signal: Signal, i) => layers.dense(16, { activation: 'relu', kernelInitializer: small, name: `sick${i}` }).apply(signal),
      enter,
    );
    const well = [1, 2, 3, 4, 5].reduce((signal: Signal, i) => he(`well${i}`, 16).apply(signal), enter);
    const made = model({ inputs: enter, outputs: layers.dense(1).apply(layers.concatenate().apply([well, sick])) }, { seed: 1 });
    const findings = await found(made.compile({ loss: 'mse' }), drawn(64, 6), drawn(64, 1));
    const of = (rule: string) => findings.find((one) => one.rule === rule);
    expect(of('vanishing-gradient')).toMatchObject({ layers: ['sick1', 'sick2'] });
    expect(of('vanishing-gradient')?.cause).toMatch(
      /the gradient's RMS in sick1 \S+ \S+ times that in sick3: a factor of 0\.0\d+ per layer over 3 layers/,
    );
    expect(of('signal-dying')).toMatchObject({ layers: ['sick2', 'sick3'] });
    expect(of('signal-dying')?.cause).toMatch(/falls from .* in sick1 to .* in sick3$/);
    expect(of('initializer-mismatch')?.cause).toContain('over 3 hidden layers');
  });

  it('are no layers that stand beside each other', async () => {
    const enter = layers.input([6]);
    const quiet = layers.dense(16, { activation: 'relu', kernelInitializer: small }).apply(enter);
    const made = model(
      { inputs: enter, outputs: layers.dense(1).apply(layers.concatenate().apply([he('loud', 16).apply(enter), quiet])) },
      { seed: 1 },
    );
    const findings = await found(made.compile({ loss: 'mse' }), drawn(64, 6), drawn(64, 1));
    expect(findings.map(({ rule }) => rule).filter((rule) => /gradient|signal|mismatch/.test(rule))).toEqual([]);
  });

  it('are uses of a shared layer within one tower', async () => {
    const tower = sequential([
      layers.input([6]),
      ...[1, 2, 3].map((i) => layers.dense(16, { activation: 'relu', kernelInitializer: small, name: `t${i}` })),
    ]);
    const shared = tower.layers.filter(({ kind }) => kind === 'dense');
    const inputs = [layers.input([6]), layers.input([6])];
    const ends = inputs.map((input) => shared.reduce((signal: Signal, layer) => layer.apply(signal), input as Signal));
    const made = model({ inputs, outputs: layers.dense(1).apply(layers.subtract().apply(ends)) }, { seed: 1 }).compile({ loss: 'mse' });
    const findings = await found(made, [drawn(64, 6), drawn(64, 6)], drawn(64, 1));
    expect(findings.find(({ rule }) => rule === 'vanishing-gradient')?.cause).toMatch(
      /in (t1 .* that in t3|t1#2 .* that in t3#2): a factor of .* per layer over 3 layers/,
    );
  });

  it('is what saturated layers behind each other let through', async () => {
    const loud = (name: string) => layers.dense(16, { activation: 'tanh', kernelInitializer: initializers.normal({ stddev: 1 }), name });
    const enter = layers.input([6]);
    const beside = model(
      { inputs: enter, outputs: layers.dense(1).apply(layers.concatenate().apply([1, 2, 3, 4, 5, 6].map((i) => loud(`p${i}`).apply(enter)))) },
      { seed: 1 },
    );
    const severity = async (made: Model) =>
      (await found(made.compile({ loss: 'mse', optimizer: 'sgd' }), drawn(64, 6), drawn(64, 1))).find(({ rule }) => rule === 'saturation')?.severity;
    expect(await severity(beside)).toBe('risk');
    expect(await severity(sequential([layers.input([6]), ...[1, 2, 3, 4, 5, 6].map((i) => loud(`r${i}`)), layers.dense(1)], { seed: 1 }))).toBe(
      'ill',
    );
  });

  it('is how deep a network is with how deep theory lets it be', () => {
    const enter = layers.input([6]);
    const beside = [0, 1].map(() => [1, 2, 3].reduce((signal: Signal) => layers.dense(8, { activation: 'sigmoid' }).apply(signal), enter));
    const told = doctor.forecast(model({ inputs: enter, outputs: layers.dense(1).apply(layers.concatenate().apply(beside)) }));
    expect([told.depth, told.longest]).toEqual([7, 4]);
    expect(String(told)).toMatch(/trainable to about \d+ layers? \(this network: 4\)/);
  });
});
