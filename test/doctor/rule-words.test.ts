import { doctor, initializers, type Layer, layers, type Model, model, NdArray, optimizers, Random, type Signal, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { diagnoseExamination } from '#src/doctor/diagnose.js';
import { Examination } from '#src/doctor/examination.js';
import { Bends, lookupsOf } from '#src/doctor/forecast.js';

const random = new Random(5);
const drawn = (...shape: number[]): NdArray => {
  const array = NdArray.zeros(shape);
  for (let i = 0; i < array.size; i++) array.set(i, random.normal());
  return array;
};

async function found(rule: string, net: Model, x: NdArray) {
  const findings = doctor.diagnose(await net.compile({ loss: 'mse' }).examine(x, drawn(16, 1)));
  return findings.find((one) => one.rule === rule);
}

describe('strong-dropout', () => {
  it('names the layers on the way on which most is dropped, and one as one', async () => {
    const enter = layers.input([6]);
    const most = layers.dropout(0.95, { name: 'most' }).apply(enter);
    const beside = layers.dropout(0.5, { name: 'beside' }).apply(layers.gaussianDropout(0.5).apply(enter));
    const net = model({ inputs: enter, outputs: layers.dense(1).apply(layers.concatenate().apply([most, beside])) });
    const finding = await found('strong-dropout', net, drawn(16, 6));
    expect(finding?.layers).toEqual(['most']);
    expect(finding?.cause).toBe('most leaves 5 % of the paths from input to output');
  });

  it('counts several', async () => {
    const net = sequential([layers.input([6]), layers.dropout(0.8), layers.dense(6), layers.alphaDropout(0.75), layers.dense(1)]);
    expect((await found('strong-dropout', net, drawn(16, 6)))?.cause).toBe('2 dropout layers in a row leave 5 % of the paths from input to output');
  });
});

describe('selu-wiring', () => {
  const merged = async (merge: (branches: readonly Signal[]) => Signal): Promise<string | undefined> => {
    const enter = layers.input([6]);
    const branches = [0, 1].map(() => layers.dense(6, { activation: 'selu' }).apply(enter));
    return (await found('selu-wiring', model({ inputs: enter, outputs: layers.dense(1).apply(merge(branches)) }), drawn(16, 6)))?.cause;
  };

  it('says of sums alone that variances add up', async () => {
    expect(await merged((branches) => layers.add().apply(branches))).toMatch(
      /^add_1 merges signals: the sum of two signals of variance 1 has variance 2/,
    );
    expect(await merged((branches) => layers.concatenate().apply(branches))).not.toMatch(/variance 2/);
  });

  it('says nothing of what is merged before the first of them', async () => {
    const [one, two] = [layers.input([3]), layers.input([3])];
    const bent = layers.dense(6, { activation: 'selu' }).apply(layers.concatenate().apply([one, two]));
    const net = model({ inputs: [one, two], outputs: layers.dense(1).apply(bent) }).compile({ loss: 'mse' });
    const trace = await net.examine([drawn(16, 3), drawn(16, 3)], drawn(16, 1));
    expect(doctor.diagnose(trace).map(({ rule }) => rule)).not.toContain('selu-wiring');
  });

  it.each([
    ['of its own', () => layers.lstm(4)],
    ['inside of another', () => layers.bidirectional(layers.lstm(4))],
  ])('sees a state %s behind them, does not call it a merge, and says nothing of one before the first', async (_, walking) => {
    const bent = () => layers.dense(6, { activation: 'selu' });
    const wiring = (...row: readonly Layer[]) => found('selu-wiring', sequential([layers.input([4, 2]), ...row, layers.dense(1)]), drawn(16, 4, 2));
    expect((await wiring(bent(), walking()))?.cause).toMatch(/^(lstm|bidirectional)_1 carries a state from step to step/);
    expect(await wiring(walking(), bent(), bent())).toBeUndefined();
    expect((await wiring(layers.simpleRnn(4, { activation: 'selu' })))?.layers).toEqual(['simpleRnn_1']);
  });
});

it('a remedy that not every activation has says so', async () => {
  const logistic = (kernelInitializer: 'glorotUniform' | 'critical') =>
    sequential([layers.input([6]), ...[1, 2, 3, 4].map(() => layers.dense(8, { activation: 'sigmoid', kernelInitializer })), layers.dense(1)]);
  const finding = await found('vanishing-gradient', logistic('glorotUniform'), drawn(16, 6));
  expect(finding?.remedies.find(({ id }) => id === 'critical-initializer')?.what).toContain('if the activation allows it');
  await expect(found('vanishing-gradient', logistic('critical'), drawn(16, 6))).rejects.toThrow("'sigmoid' has no critical weights");
});

it('constant-weights knows drawings of one’s own that give each unit the same weights', async () => {
  const alike = (shape: readonly number[]) => {
    const units = shape.at(-1) ?? 1;
    return Float64Array.from({ length: 6 * units }, (_, i) => Math.sin(1 + Math.floor(i / units)));
  };
  const own = sequential([layers.input([6]), layers.dense(8, { activation: 'tanh', kernelInitializer: alike }), layers.dense(1)]).compile({
    loss: 'mse',
  });
  const examination = new Examination(await own.examine(drawn(16, 6), drawn(16, 1)), { bends: new Bends(lookupsOf(own)) });
  const finding = diagnoseExamination(examination).find(({ rule }) => rule === 'constant-weights');
  expect(finding?.cause).toBe('the kernel of dense_1 starts from alike: its 8 units are identical and stay so');
  expect(examination.forecast.layers[1]?.why).toContain('all its units are identical');
});

describe('raw-features', () => {
  const ids = NdArray.zeros([16, 4], 'int32');
  for (let i = 0; i < ids.size; i++) ids.set(i, (i * 7) % 60);
  const large = NdArray.zeros([16, 6]);
  for (let i = 0; i < large.size; i++) large.set(i, 50 + 10 * random.normal());

  it('does not call indices raw, whatever else they go to', async () => {
    const enter = layers.input([4], { dtype: 'int32' });
    const [a, b] = [0, 1].map(() => layers.embedding(60, 3).apply(enter)) as [Signal, Signal];
    const product = layers.flatten().apply(layers.multiply().apply([a, b]));
    expect(await found('raw-features', model({ inputs: enter, outputs: layers.dense(1).apply(product) }), ids)).toBeUndefined();
    const beside = layers.concatenate().apply([layers.flatten().apply(a), enter]);
    expect(await found('raw-features', model({ inputs: enter, outputs: layers.dense(1).apply(beside) }), ids)).toBeUndefined();
  });

  it('does not take a normalization behind recurrent layers for one of the features', async () => {
    const steps = NdArray.zeros([16, 5, 3]);
    for (let i = 0; i < steps.size; i++) steps.set(i, 300 + 100 * random.normal());
    const walked = (...before: readonly Layer[]) =>
      sequential([layers.input([5, 3]), ...before, layers.bidirectional(layers.lstm(4)), layers.batchNormalization(), layers.dense(1)]);
    expect((await found('raw-features', walked(), steps))?.layers).toEqual(['input_1']);
    expect(await found('raw-features', walked(layers.normalization()), steps)).toBeUndefined();
  });

  it('goes by the features where both directions of a sequence are walked along, as where one is', async () => {
    const steps = NdArray.zeros([16, 5, 3]);
    for (let i = 0; i < steps.size; i++) steps.set(i, 90 + 10 * random.normal());
    for (const walking of [layers.gru(4), layers.bidirectional(layers.gru(4))]) {
      const finding = await found('raw-features', sequential([layers.input([5, 3]), walking, layers.dense(1)]), steps);
      expect(finding).toMatchObject({ severity: 'ill', measured: { what: 'RMS of input_1' } });
    }
  });

  it('sees branches that each standardise by themselves, and one that does not', async () => {
    const enter = layers.input([6]);
    const branched = (...branches: readonly Signal[]) =>
      model({ inputs: enter, outputs: layers.dense(1).apply(layers.concatenate().apply([...branches])) });
    const standard = (): Signal => layers.dense(4, { activation: 'tanh' }).apply(layers.normalization().apply(enter));
    expect(await found('raw-features', branched(standard(), standard()), large)).toBeUndefined();
    expect((await found('raw-features', branched(standard(), layers.dense(4).apply(enter)), large))?.layers).toEqual(['input_1']);
  });
});

it('selu-dropout says of each kind of dropout what it does', async () => {
  const net = (drop: Layer) => sequential([layers.input([6]), layers.dense(6, { activation: 'selu' }), drop, layers.dense(1)]);
  expect((await found('selu-dropout', net(layers.dropout(0.3)), drawn(16, 6)))?.cause).toMatch(/^dropout_1 sets values to 0/);
  expect((await found('selu-dropout', net(layers.gaussianDropout(0.3)), drawn(16, 6)))?.cause).toMatch(
    /^gaussianDropout_1 multiplies values by noise/,
  );
});

it('vanishing-along-time says where a layer begins that walks backwards', async () => {
  const forgetful = initializers.orthogonal({ gain: 0.2 });
  const net = (goBackwards: boolean) =>
    sequential([layers.input([12, 3]), layers.simpleRnn(8, { goBackwards, recurrentInitializer: forgetful }), layers.dense(1)]);
  const said = async (goBackwards: boolean) => (await found('vanishing-along-time', net(goBackwards), drawn(16, 12, 3)))?.cause;
  expect(await said(true)).toContain('reaches the first of simpleRnn_1 (which starts at the end of the sequence), a factor');
  expect(await said(false)).toContain('reaches the first of simpleRnn_1, a factor');
});

it('speeds of kernels of one layer are told by the kernels, and the layer once', async () => {
  const uneven = sequential([
    layers.input([5, 3]),
    layers.simpleRnn(4, { recurrentInitializer: initializers.orthogonal({ gain: 1e-4 }), kernelInitializer: initializers.normal({ stddev: 30 }) }),
    layers.dense(1),
  ]);
  const finding = await found('uneven-speeds', uneven, drawn(16, 5, 3));
  expect(finding?.layers).toEqual(['simpleRnn_1']);
  expect(finding?.cause).toMatch(/^simpleRnn_1\/recurrentKernel changes by \S+ of its size per step, simpleRnn_1\/kernel by \S+$/);
  const slow = sequential([layers.input([5, 3]), layers.lstm(4), layers.dense(1)]);
  slow.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 1e-9 }) });
  const findings = doctor.diagnose(await slow.examine(drawn(16, 5, 3), drawn(16, 1)));
  expect(findings.find(({ rule }) => rule === 'step-too-small')?.layers).toEqual(['lstm_1', 'dense_1']);
});

describe('what is one is told as one, and what is some as some', () => {
  it('a feature alone has one deviation', async () => {
    const one = NdArray.zeros([16, 1]);
    for (let i = 0; i < one.size; i++) one.set(i, 50 + 10 * (-1) ** i);
    const two = NdArray.zeros([16, 2]);
    for (let i = 0; i < two.size; i++) two.set(i, 50 + (i % 2 === 0 ? 10 : 1) * (i % 4 < 2 ? 1 : -1));
    const net = (features: number) => sequential([layers.input([features]), layers.dense(1)]);
    expect((await found('raw-features', net(1), one))?.cause).toContain('an RMS of 51 and standard deviations of 10, and they are not standardized');
    expect((await found('raw-features', net(2), two))?.cause).toContain('and standard deviations from 1 to 10, and they are not standardized');
  });

  it('units that fired no more after one step', async () => {
    const net = sequential([layers.input([6]), layers.dense(10, { activation: 'relu' }), layers.dense(1)]).compile({ loss: 'mse' });
    const trace = await net.examine(drawn(16, 6), drawn(16, 1));
    const died = (...steps: readonly number[]) => {
      const units = { states: `d${steps.length}a${10 - steps.length}`, dead: steps.length, coma: 0 };
      const pass = { kind: 'pass', epoch: 0, step: 9, units: [{ ...units, died: steps.map((step, unit) => ({ unit, step, by: 'bias' as const })) }] };
      return doctor.diagnose({ ...trace, passes: [pass as (typeof trace.passes)[number]] }).find(({ rule }) => rule === 'died-in-training')?.cause;
    };
    expect(died(3, 3, 3, 3)).toBe('4 of 10 units of dense_1 stopped firing after step 3; their biases caused it (40 %)');
    expect(died(5, 3, 3, 4)).toBe('4 of 10 units of dense_1 stopped firing after steps 3 to 5; their biases caused it (40 %)');
  });

  it('a class of four rows in a thousand is not one of none, nor the others all', async () => {
    const labels = new NdArray(
      Int32Array.from({ length: 1000 }, (_, i) => Number(i % 250 === 0)),
      [1000],
    );
    const net = sequential([layers.input([6]), layers.dense(2, { activation: 'softmax' })]).compile({ loss: 'sparseCategoricalCrossentropy' });
    const findings = doctor.diagnose(await net.examine(drawn(1000, 6), labels));
    const cause = findings.find(({ rule }) => rule === 'uneven-classes')?.cause;
    expect(cause).toBe('99.6 % of the targets of dense_1 belong to one class, 0.4 % to another');
  });
});
