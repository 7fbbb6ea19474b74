import { doctor, type Layer, layers, type Model, model, NdArray, sequential, synthetic } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { Examination } from '#src/doctor/examination.js';
import { methodOf } from '#src/doctor/treatment/methods.js';
import { admit } from '#src/doctor/treatment/patient.js';

const { x, y } = synthetic.spirals({ rows: 2000, classes: 3, turns: 0.75, noise: 0.03, seed: 5 });
const compile = { optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] } as const;
const head = () => layers.dense(3, { activation: 'softmax' });
const net = (...hidden: readonly Layer[]): Model => sequential([layers.input([2]), ...hidden, head()], { seed: 1 }).compile(compile);
const rows = [x.slice(0, 128), y.slice(0, 128)] as const;
const found = async (given: Model) => doctor.diagnose(await given.examine(...rows)).find(({ rule }) => rule === 'linear-layers');

async function bent(given: Model) {
  const patient = await admit(given, 32);
  const examination = new Examination(await given.examine(...rows));
  return methodOf('bend-layers')?.method.apply({ patient, facts: examination.facts, examination, steps: 100, random: new Random(1), keep: [] }) ?? [];
}

describe('layers that nothing bends', () => {
  it('in the whole network make one layer', async () => {
    const finding = await found(net(layers.dense(16), layers.batchNormalization(), layers.dropout(0.1), layers.dense(16)));
    expect(finding).toMatchObject({ severity: 'risk', margin: 2, layers: ['dense_1', 'dense_2'] });
    expect(finding?.cause).toBe('dense_1 and dense_2 have no nonlinearity: the network is one linear layer, whatever its depth');
  });

  it('between such as are bent are named with what sums them', async () => {
    const finding = await found(net(layers.dense(16, { activation: 'tanh' }), layers.dense(16), layers.dense(16, { activation: 'tanh' })));
    expect(finding).toMatchObject({ severity: 'risk', margin: 1, layers: ['dense_2'] });
    expect(finding?.cause).toBe('dense_2 has no nonlinearity before dense_3');
  });

  it('are none where something bends, weighs or bounds', async () => {
    const enter = layers.input([2]);
    const [query, values] = [layers.dense(8).apply(enter), layers.dense(8).apply(enter)];
    const gated = model({ inputs: enter, outputs: head().apply(layers.multiply().apply([query, values])) }, { seed: 1 }).compile(compile);
    const lambda = net(
      layers.dense(16),
      layers.lambda((z) => z),
    );
    const frozen = layers.dense(16, { trainable: false });
    const list = [
      net(layers.dense(16), layers.activation('relu'), layers.dense(16, { activation: 'elu' })),
      net(layers.dense(16), layers.layerNormalization()),
      net(layers.dense(16, { activation: 'relu' }), layers.dense(2), layers.dense(16, { activation: 'relu' })),
      net(frozen),
      net(),
      gated,
      lambda,
    ];
    for (const one of list) expect(await found(one)).toBeUndefined();
  });

  it('are ill once the network learned too little, and are answered first', async () => {
    const treatment = await doctor.treat(net(layers.dense(32), layers.dense(32)), { x, y }, { epochs: 8, seed: 1 });
    expect(treatment.findings.find(({ rule }) => rule === 'linear-layers')?.severity).toBe('ill');
    expect(treatment.remedies[0]).toMatchObject({ id: 'bend-layers', answers: ['linear-layers'] });
    expect(treatment.before.grade.score).toBeLessThan(0.35);
    expect(treatment.after.grade.score).toBeGreaterThan(0.7);
  });
});

describe('bend-layers', () => {
  const activations = (change: Awaited<ReturnType<typeof bent>>[number] | undefined) =>
    change?.patient.config.layers.flatMap(({ config }) => ('activation' in config ? [(config.activation as { readonly name: string }).name] : []));

  it('takes the activation of the others, or ReLU, and draws what suits it', async () => {
    const [alone] = await bent(net(layers.dense(16), layers.dense(16)));
    expect(activations(alone)).toEqual(['relu', 'relu', 'softmax']);
    expect(alone?.what).toBe('use relu as the activation of dense_1 and dense_2, with the initializer that matches it');
    expect(alone?.patient.config.layers[1]?.config.kernelInitializer).toMatchObject({ name: 'auto' });
    const [among] = await bent(net(layers.dense(16, { activation: 'elu' }), layers.dense(16), layers.dense(16, { activation: 'elu' })));
    expect(activations(among)).toEqual(['elu', 'elu', 'elu', 'softmax']);
    expect(await bent(net(layers.dense(16, { activation: 'elu' })))).toEqual([]);
  });
});

describe('a layer that is too narrow', () => {
  const glyphs = (around: boolean): Model => {
    const enter = layers.input([2]);
    const wide = layers.dense(32, { activation: 'tanh' }).apply(enter);
    const narrow = layers.dense(2, { activation: 'tanh' }).apply(wide);
    const last = around ? layers.concatenate().apply([narrow, wide]) : narrow;
    const given = model({ inputs: enter, outputs: layers.dense(10, { activation: 'softmax' }).apply(last) }, { seed: 1 });
    return given.compile({ loss: 'sparseCategoricalCrossentropy' });
  };
  const narrowIn = async (given: Model) => {
    const labels = new NdArray(
      Int32Array.from({ length: 256 }, (_, i) => i % 10),
      [256],
    );
    return doctor.diagnose(await given.examine(x.slice(0, 256), labels)).find(({ rule }) => rule === 'narrow-layer');
  };

  it('is named where all goes through it', async () => {
    const finding = await narrowIn(glyphs(false));
    expect(finding).toMatchObject({ severity: 'risk', layers: ['dense_2'], measured: { value: 2 }, expected: { from: 5 } });
    expect(finding?.margin).toBeCloseTo(2.5, 9);
    expect(finding?.cause).toBe('everything by which dense_3 distinguishes 10 classes passes through the 2 units of dense_2');
  });

  it('is none where there is a way around', async () => {
    expect(await narrowIn(glyphs(true))).toBeUndefined();
  });
});
