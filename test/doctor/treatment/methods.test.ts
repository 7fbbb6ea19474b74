import {
  type Initializer,
  initializers,
  Layer,
  type LossLike,
  layers,
  losses,
  type Model,
  model,
  NdArray,
  ops,
  optimizers,
  Random,
  regularizers,
  schedules,
  sequential,
  type Tensor,
  toConfig,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import type { Alterable, Change } from '#src/doctor/treatment/method.js';
import { withoutDecay } from '#src/doctor/treatment/methods/training.js';
import { applicable, methodOf } from '#src/doctor/treatment/methods.js';
import { admit, build as make } from '#src/doctor/treatment/patient.js';
import type { ModelConfig } from '#src/model/config.js';
import { build, type Patient, row } from '../patients.js';
import { glyphSet } from '../sets.js';

const [x, y] = [glyphSet.x.slice(0, 256), glyphSet.y.slice(0, 256)];

/** All ways in which a remedy changes a model, as one minibatch shows it. */
async function changes(id: string, given: Model, rows = { x, y }, batchSize = 32, keep: readonly Alterable[] = []): Promise<readonly Change[]> {
  const patient = await admit(given, batchSize);
  const examination = new Examination(await given.examine(rows.x, rows.y));
  const remedy = methodOf(id);
  if (!remedy) throw new Error(`no remedy '${id}'`);
  return remedy.method.apply({ patient, facts: examination.facts, examination, steps: 1000, random: new Random(1), keep });
}

/** What a remedy makes of a model: described, after it was built, and shown to run. */
async function treated(id: string, given: Model, rows = { x, y }, batchSize = 32): Promise<ModelConfig> {
  const [first] = await changes(id, given, rows, batchSize);
  if (!first) throw new Error(`'${id}' changes nothing`);
  const built = await make(first.patient, {});
  const { steps } = await built.examine(rows.x, rows.y);
  expect(Number.isFinite(Number(steps[0]?.loss))).toBe(true);
  expect(first.what).toMatch(/^[a-z].{8,}/);
  return toConfig(built);
}

const net = (patient: Partial<Patient> = {}): Model =>
  build({ hidden: () => row(3, 24, { activation: 'relu', kernelInitializer: 'heNormal' }), standardized: false, ...patient });
const kinds = ({ layers: list, calls }: ModelConfig): string[] => calls.map(({ layer }) => list[layer]?.kind ?? '');
const optimizer = ({ compile }: ModelConfig) => compile?.optimizer as { name: string; config: Record<string, unknown> };
const drawnBy = ({ layers: list }: ModelConfig): string[] =>
  list.flatMap(({ config }) => ('kernelInitializer' in config ? [(config.kernelInitializer as { name: string }).name] : []));
const bentBy = ({ layers: list }: ModelConfig): string[] =>
  list.flatMap(({ config }) => ('activation' in config ? [(config.activation as { name: string }).name] : []));
const sgd = (options: Parameters<typeof optimizers.sgd>[0]) => ({ optimizer: optimizers.sgd(options) });

describe('remedies', () => {
  it('of the training', async () => {
    const [lower, lowest] = (await changes('lower-learning-rate', net({ compile: sgd({ learningRate: 0.5 }) }))).map(({ patient }) => patient.config);
    expect(optimizer(lower as ModelConfig).config.learningRate).toBeLessThan(0.5);
    expect(optimizer(lowest as ModelConfig).config.learningRate).toBeLessThan(Number(optimizer(lower as ModelConfig).config.learningRate));
    expect(optimizer(await treated('raise-learning-rate', net({ compile: sgd({ learningRate: 1e-6 }) }))).config.learningRate).toBeGreaterThanOrEqual(
      3e-6,
    );
    expect(optimizer(await treated('adaptive-optimizer', net()))).toMatchObject({ name: 'adam', config: { learningRate: 1e-3 } });
    expect(optimizer(await treated('clip-gradients', net())).config.globalClipNorm).toBeGreaterThan(0);
    const clipped = net({ compile: sgd({ clipNorm: 1e-3, momentum: 0.9 }) });
    expect(optimizer(await treated('raise-clip', clipped)).config).toEqual(expect.not.objectContaining({ clipNorm: 1e-3 }));
    expect(optimizer(await treated('raise-clip', clipped)).config.momentum).toBe(0.9);
    expect((await changes('larger-batch', net(), { x, y }, 8))[0]?.patient.batchSize).toBe(32);
  });

  it('raise the rate of an optimizer that divides by gradients’ sizes to what is usual at least', async () => {
    const raised = async (learningRate: number): Promise<unknown> =>
      optimizer(await treated('raise-learning-rate', net({ compile: { optimizer: optimizers.adam({ learningRate }) } }))).config.learningRate;
    expect(await raised(2e-6)).toBe(1e-3);
    expect(await raised(1e-3)).toBeGreaterThanOrEqual(3e-3);
  });

  it('offer each rate once, where it is raised by little', async () => {
    const raises = (await changes('raise-learning-rate', net({ compile: { optimizer: optimizers.adam({ learningRate: 1e-3 }) } }))).map(
      ({ what }) => what,
    );
    expect(raises).toEqual(['raise the learning rate from 0.001 to 0.003']);
    const far = (await changes('raise-learning-rate', net({ compile: sgd({ learningRate: 1e-6 }) }))).map(({ what }) => what);
    expect(new Set(far).size).toBe(2);
  });

  it('let a rate fall late in the training, and can be taken back', async () => {
    const given = net({ compile: sgd({ learningRate: 0.02, momentum: 0.5 }) });
    const falling = optimizer(await treated('decay-learning-rate', given));
    expect(falling.config.learningRate).toEqual({ name: 'piecewiseConstantDecay', config: { boundaries: [700, 900], values: [0.02, 0.006, 0.002] } });
    const [change] = await changes('decay-learning-rate', given);
    expect(change?.what).toBe('lower the learning rate to 0.006 after step 700 and to 0.002 after step 900');
    expect(optimizer(withoutDecay((change as Change).patient).config)).toEqual(optimizer(toConfig(given)));
    // A schedule of the user's own stays.
    const own = schedules.cosineDecay({ initialLearningRate: 0.1, decaySteps: 100 });
    expect(await changes('decay-learning-rate', net({ compile: sgd({ learningRate: own }) }))).toEqual([]);
  });

  it('begin with a small rate, which then falls as any other', async () => {
    const given = net({ compile: sgd({ learningRate: 0.2 }) });
    const [change] = await changes('warm-up', given);
    expect(change?.what).toBe('start with a learning rate of 0.02 up to step 25, and 0.06 up to step 50');
    const warm = (change as Change).patient;
    const stairs = { name: 'piecewiseConstantDecay', config: { boundaries: [25, 50], values: [0.02, 0.06, 0.2] } };
    expect(optimizer(warm.config).config.learningRate).toEqual(stairs);
    const model = await make(warm, {});
    const falling = await changes('decay-learning-rate', model);
    const all = { boundaries: [25, 50, 700, 900], values: [0.02, 0.06, 0.2, 0.06, 0.02] };
    expect(optimizer((falling[0] as Change).patient.config).config.learningRate).toMatchObject({ config: all });
    expect(optimizer(withoutDecay((falling[0] as Change).patient).config).config.learningRate).toEqual(stairs);
    // Raised or lowered as a whole; nothing for a schedule of the user's own, and for a run that has begun.
    expect(optimizer(await treated('raise-learning-rate', model)).config.learningRate).toMatchObject({ config: { boundaries: [25, 50] } });
    const own = schedules.piecewiseConstantDecay({ boundaries: [10, 20], values: [0.02, 0.06, 0.2] });
    for (const id of ['warm-up', 'decay-learning-rate']) expect(await changes(id, net({ compile: sgd({ learningRate: own }) }))).toEqual([]);
    expect(optimizer(await treated('adaptive-optimizer', model))).toMatchObject({ name: 'adam', config: { learningRate: 1e-3 } });
  });

  it('of the data: a normalization right behind the input', async () => {
    expect(kinds(await treated('standardize-inputs', net())).slice(0, 3)).toEqual(['input', 'normalization', 'flatten']);
  });

  it('of the data, where they do not come standardized', async () => {
    const random = new Random(3);
    const table = (mean: number): { x: NdArray; y: NdArray } => ({
      x: new NdArray(
        Float32Array.from({ length: 256 * 6 }, () => random.normal(mean, 1)),
        [256, 6],
      ),
      y,
    });
    const [standard, shifted] = [table(0), table(2)];
    expect(await changes('standardize-inputs', net({ data: standard }), standard)).toEqual([]);
    expect(await changes('standardize-inputs', net({ data: shifted }), shifted)).toHaveLength(1);
  });

  it('of the weights, and biases that start at 0 with them', async () => {
    const drawn = initializers.normal({ stddev: 1 });
    const given = net({ hidden: () => row(2, 24, { activation: 'relu', kernelInitializer: drawn, biasInitializer: 'ones' }) });
    const config = await treated('suiting-initializer', given);
    expect(drawnBy(config)).toEqual(['auto', 'auto', 'glorotUniform']);
    expect(config.layers[2]?.config.biasInitializer).toMatchObject({ name: 'zeros' });
    expect(drawnBy(await treated('critical-initializer', net({ hidden: () => row(2, 24, { activation: 'tanh' }) })))).toEqual([
      'critical',
      'critical',
      'glorotUniform',
    ]);
    expect(drawnBy(await treated('lsuv', given))).toEqual(['lsuv', 'lsuv', 'glorotUniform']);
    expect(drawnBy(await treated('lecun-normal', net({ hidden: () => row(2, 24, { activation: 'selu' }) })))).toEqual([
      'lecunNormal',
      'lecunNormal',
      'glorotUniform',
    ]);
    expect(drawnBy(await treated('smaller-head', net())).at(-1)).toBe('varianceScaling');
  });

  it('revive silent units alone', async () => {
    const biasInitializer = initializers.constant({ value: -50 });
    const given = net({ standardized: true, hidden: () => row(1, 24, { activation: 'relu', kernelInitializer: 'heNormal', biasInitializer }) });
    await given.adapt(x);
    const arrays = await given.getWeights();
    const bias = arrays[given.variables.findIndex(({ name }) => name === 'dense_1/bias')] as NdArray;
    // One unit lives.
    bias.set(7, 1);
    await given.setWeights(arrays);
    const [first] = await changes('revive-units', given);
    expect(first?.what).toContain('23 silent units of dense_1');
    const kernel = (weights: ReadonlyMap<string, NdArray>, unit: number): number[] => {
      const array = weights.get('dense_1/kernel') as NdArray;
      return Array.from({ length: array.shape[0] ?? 0 }, (_, i) => array.at(i * 24 + unit));
    };
    const before = (await admit(given, 32)).weights;
    const after = first?.patient.weights ?? before;
    expect(kernel(after, 7)).toEqual(kernel(before, 7));
    expect(kernel(after, 3)).not.toEqual(kernel(before, 3));
    expect([3, 7].map((unit) => after.get('dense_1/bias')?.at(unit))).toEqual([0, 1]);
  });

  it('revive layers by what they are described with, where that made them silent and nothing was learned', async () => {
    const made = (bias: number) => {
      const biasInitializer = initializers.constant({ value: bias });
      return net({ standardized: true, hidden: () => row(1, 24, { activation: 'relu', kernelInitializer: 'heNormal', biasInitializer }) });
    };
    const [born] = await changes('revive-units', made(-50));
    expect(born?.what).toBe("redraw dense_1, whose units were silent from the start, with 'auto' and zero biases");
    expect(born?.revived).toBeUndefined();
    expect(born?.patient.config.layers.find(({ name }) => name === 'dense_1')?.config).toMatchObject({ kernelInitializer: { name: 'auto' } });
    expect([...(born?.patient.weights.keys() ?? [])].some((name) => name.startsWith('dense_1/'))).toBe(false);
    const again = await make(born?.patient as never, {});
    expect((await again.examine(x, y)).passes[0]?.units.find((one) => one)?.dead).toBeLessThan(6);
    // A layer behind it that gets nothing from it is silent by it alone.
    const biasInitializer = initializers.constant({ value: -50 });
    const hidden = () => [
      ...row(1, 24, { activation: 'relu', biasInitializer }),
      ...row(1, 24, { activation: 'relu', kernelInitializer: 'heNormal' }),
    ];
    const [front] = await changes('revive-units', net({ standardized: true, hidden }));
    expect(front?.what).toBe("redraw dense_1, whose units were silent from the start, with 'auto' and zero biases");
    expect(front?.patient.weights.has('dense_2/kernel')).toBe(true);
    // Some of its units are silent, and it is as it was drawn.
    const some = initializers.uniform({ minval: -60, maxval: 5 });
    const partly = net({ standardized: true, hidden: () => row(1, 24, { activation: 'relu', biasInitializer: some }) });
    const { dead = 24 } = (await partly.examine(x, y)).passes[0]?.units.find((one) => one) ?? {};
    expect(dead).toBeGreaterThan(0);
    expect(dead).toBeLessThan(24);
    expect((await changes('revive-units', partly))[0]?.revived).toBeUndefined();
    // What must stay stays, and learned weights do.
    const [kept] = await changes('revive-units', made(-50), { x, y }, 32, ['initializers']);
    expect(kept?.revived).toEqual({ units: 24, layers: ['dense_1'] });
    const units = [...Array(16).fill(-50), ...Array(8).fill(1)];
    const given = net({ standardized: true, hidden: () => row(1, 24, { activation: 'relu', biasInitializer: 'uniform' }) });
    const arrays = await given.getWeights();
    const bias = given.variables.findIndex(({ name }) => name === 'dense_1/bias');
    await given.setWeights(arrays.map((array, i) => (i === bias ? new NdArray(Float32Array.from(units), array.shape) : array)));
    expect((await changes('revive-units', given))[0]?.revived).toEqual({ units: 16, layers: ['dense_1'] });
  });

  it('of the architecture', async () => {
    const sigmoid = net({ hidden: () => row(2, 24, { activation: 'sigmoid' }) });
    expect(bentBy(await treated('change-activation', sigmoid))).toEqual(['selu', 'selu', 'softmax']);
    const behind = net({ hidden: () => [layers.dense(24), layers.batchNormalization(), layers.activation('sigmoid')] });
    expect((await changes('change-activation', behind)).map(({ what }) => what.split(' ')[1])).toEqual(['tanh', 'elu', 'selu']);
    expect((await changes('change-activation', net())).map(({ patient }) => bentBy(patient.config)[0])).toEqual(['leakyRelu', 'elu', 'selu', 'gelu']);
    const own = net({ hidden: () => [layers.dense(24), layers.relu(), layers.dense(24), layers.activation('relu')] });
    expect(kinds(await treated('change-activation', own))).toEqual(['input', 'flatten', 'dense', 'activation', 'dense', 'activation', 'dense']);
    expect(kinds(await treated('normalize', net()))).toEqual([
      'input',
      'flatten',
      ...['dense', 'batchNormalization', 'activation', 'dense', 'batchNormalization', 'activation', 'dense', 'batchNormalization', 'activation'],
      'dense',
    ]);
    expect(kinds(await treated('normalize', own))).toEqual([
      'input',
      'flatten',
      'dense',
      'batchNormalization',
      'relu',
      'dense',
      'batchNormalization',
      'activation',
      'dense',
    ]);
    const biases = ({ layers: all }: ModelConfig): unknown[] => all.filter(({ kind }) => kind === 'dense').map(({ config }) => config.useBias);
    // What a batch normalization subtracts again is left out with all that was said of it.
    expect(biases(await treated('normalize', net()))).toEqual([false, false, false, true]);
    const full = net({ hidden: () => row(1, 24, { activation: 'relu', biasInitializer: 'ones', biasRegularizer: 'l2' }) });
    const { biasInitializer, biasRegularizer } = (await treated('normalize', full)).layers[2]?.config ?? {};
    expect([biasInitializer, biasRegularizer]).toEqual([{ name: 'zeros', config: {} }, undefined]);
    expect(await changes('normalize', net(), { x, y }, 4).then((all) => all.map(({ patient }) => biases(patient.config)))).toEqual([
      [true, true, true, true],
    ]);
    expect((await changes('normalize', net(), { x, y }, 4)).map(({ patient }) => kinds(patient.config)[3])).toEqual(['layerNormalization']);
    const skips = await treated('residual', net({ hidden: () => row(5, 24, { activation: 'tanh' }) }));
    // The first layer changes the width: pairs are dense 2 with 3, and 4 with 5.
    expect(kinds(skips)).toEqual(['input', 'flatten', 'dense', 'dense', 'dense', 'add', 'dense', 'dense', 'add', 'dense']);
    expect(skips.calls[5]?.inputs).toEqual([4, 2]);
    const dropped = net({ hidden: () => [layers.dense(24, { activation: 'selu' }), layers.dropout(0.3)] });
    expect((await treated('alpha-dropout', dropped)).layers.find(({ kind }) => kind === 'alphaDropout')?.config).toEqual({ rate: 0.3 });
    expect((await treated('lower-dropout', dropped)).layers.find(({ kind }) => kind === 'dropout')?.config).toEqual({ rate: 0.1 });
    // What ten layers add together is bounded, not only what each does.
    const often = net({ hidden: () => Array.from({ length: 10 }, () => [layers.dense(24, { activation: 'selu' }), layers.dropout(0.8)]).flat() });
    expect(
      await treated('lower-dropout', often).then(({ layers: all }) => all.filter(({ kind }) => kind === 'dropout').map(({ config }) => config)),
    ).toEqual(Array(10).fill({ rate: 0.03 }));
    expect(await changes('lower-dropout', net())).toEqual([]);
    const late = net({ hidden: () => [layers.dense(24, { activation: 'relu' }), layers.batchNormalization()] });
    expect(kinds(await treated('move-normalization', late))).toEqual(['input', 'flatten', 'dense', 'batchNormalization', 'activation', 'dense']);
    expect(biases(await treated('move-normalization', late))).toEqual([false, true]);
    const biased = net({ hidden: () => [layers.dense(24), layers.batchNormalization(), layers.relu()] });
    expect((await changes('move-normalization', biased)).map(({ what }) => what)).toEqual(['remove the bias of dense_1']);
    expect(biases(await treated('move-normalization', biased))).toEqual([false, true]);
    const right = net({ hidden: () => [layers.dense(24, { useBias: false }), layers.batchNormalization(), layers.relu()] });
    expect(await changes('move-normalization', right)).toEqual([]);
    expect(kinds(await treated('batch-free-normalization', late))).toContain('layerNormalization');
  });

  it('put no skip past a narrow code, or past a layer of the user’s own', async () => {
    const wide = () => row(2, 24, { activation: 'tanh' });
    const code = (units: number) => () => [...wide(), layers.dense(units), layers.dense(24)];
    // Around the code, and around the row before it: dense 2 and 3 are as wide as each other where the code is.
    expect(await treated('residual', net({ hidden: code(24) })).then(kinds)).toContain('add');
    expect(await changes('residual', net({ hidden: code(3) }))).toEqual([]);
    class Sample extends Layer {
      readonly kind = 'sample';
      config() {
        return {};
      }
      call(inputs: readonly Tensor[]): Tensor {
        return ops.mul(inputs[0] as Tensor, 1);
      }
    }
    const between = (layer: () => Layer) => () => [...wide(), layer(), ...row(1, 24, { activation: 'tanh' })];
    expect(await treated('residual', net({ hidden: between(() => layers.identity()) })).then(kinds)).toContain('add');
    expect(await changes('residual', net({ hidden: between(() => new Sample()) }))).toEqual([]);
    expect(await changes('residual', net({ hidden: between(() => layers.lambda((signal) => ops.mul(signal, 1))) }))).toEqual([]);
  });

  it('of penalties', async () => {
    const ownRegularizer = (w: Tensor): Tensor => ops.reduceSum(ops.square(w));
    const hidden = () => [
      layers.dense(24, { activation: 'relu', kernelRegularizer: regularizers.l2({ l2: 0.5 }), biasRegularizer: 'l1' }),
      layers.repeatVector(3),
      layers.bidirectional(layers.lstm(4, { kernelRegularizer: regularizers.l1l2({ l1: 0.2, l2: 0.4 }) })),
      layers.activityRegularization({ l2: 2 }),
    ];
    const [change] = await changes('weaken-regularizers', net({ hidden }));
    const { loss, penalty } = (await net({ hidden }).examine(x, y)).steps[0] ?? {};
    const chance = Math.log(10);
    expect(Number(loss)).toBeGreaterThan(Number(penalty));
    const [, fold = ''] = /^weaken the regularizers of dense_1 to activityRegularization_1 \(3 layers\) (\d+)-fold$/.exec(change?.what ?? '') ?? [];
    // A tenth of what there is to learn, to half a power of ten.
    expect(Math.abs(Math.log10(Number(penalty) / chance / 0.1 / Number(fold)))).toBeLessThan(0.3);
    const config = JSON.stringify((await treated('weaken-regularizers', net({ hidden }))).layers);
    const strengths = (text: string): number[] => [...text.matchAll(/"l[12]":([\d.e-]+)/g)].map(([, value]) => Number(value));
    const before = strengths(JSON.stringify(toConfig(net({ hidden })).layers));
    expect(before).toContain(0.5);
    // Numbers are written with two digits.
    expect(strengths(config)).toEqual(before.map((value) => expect.closeTo(value / Number(fold), 4)));
    expect(strengths(config)[0]).toBeGreaterThan(0);
    expect(await changes('weaken-regularizers', net())).toEqual([]);
    const light = net({ hidden: () => [layers.dense(24, { activation: 'relu', kernelRegularizer: regularizers.l2({ l2: 1e-4 }) })] });
    expect(await changes('weaken-regularizers', light)).toEqual([]);
    // Frozen arrays cost nothing; what a frozen layer gives does.
    const frozen = layers.dense(24, { kernelRegularizer: regularizers.l2({ l2: 0.3 }), activityRegularizer: regularizers.l1({ l1: 0.5 }) });
    frozen.trainable = false;
    const some = await treated('weaken-regularizers', net({ hidden: () => [frozen] }));
    const { kernelRegularizer, activityRegularizer } = some.layers.find(({ config }) => 'activityRegularizer' in config)?.config ?? {};
    expect(kernelRegularizer).toEqual({ name: 'l2', config: { l2: 0.3 } });
    const [cooled = 1] = strengths(JSON.stringify(activityRegularizer));
    expect(cooled).toBeLessThan(0.1);
    // A function of one's own has no strength to divide.
    const own = net({ hidden: () => [layers.dense(24, { activation: 'relu', kernelRegularizer: ownRegularizer })] });
    expect(await changes('weaken-regularizers', own)).toEqual([]);
  });

  it('of layers that walk along a sequence', async () => {
    const read = net({ hidden: () => [layers.reshape([28, 28]), layers.simpleRnn(8, { returnSequences: true }), layers.simpleRnn(6)] });
    const kept = await treated('identity-recurrence', read);
    expect(bentBy(kept).slice(0, 2)).toEqual(['relu', 'relu']);
    expect(kept.layers.flatMap(({ config }) => ('recurrentInitializer' in config ? [config.recurrentInitializer] : []))).toEqual(
      Array(2).fill({ name: 'identity', config: { gain: 1 } }),
    );
    expect(kept.compile?.optimizer).toMatchObject({ config: { globalClipNorm: 1 } });
    expect(await changes('orthogonal-recurrence', read)).toEqual([]);
    const stretched = (activation: string, recurrentInitializer: Initializer) =>
      net({ hidden: () => [layers.reshape([28, 28]), layers.simpleRnn(6, { activation, recurrentInitializer })] });
    const turned = await treated('orthogonal-recurrence', stretched('tanh', initializers.orthogonal({ gain: 3 })));
    expect(turned.layers.flatMap(({ config }) => config.recurrentInitializer ?? [])).toEqual([{ name: 'orthogonal', config: { gain: 1 } }]);
    expect(bentBy(turned)).toContain('tanh');
    expect(await changes('orthogonal-recurrence', stretched('tanh', initializers.normal({ stddev: 1 })))).toHaveLength(1);
    // Rectifiers begin from the identity.
    expect(await changes('orthogonal-recurrence', stretched('relu', initializers.orthogonal({ gain: 3 })))).toEqual([]);
    const guarded = await treated('gated-recurrence', read);
    expect(kinds(guarded)).toEqual(['input', 'flatten', 'reshape', 'lstm', 'lstm', 'dense']);
    expect(guarded.layers.flatMap(({ config }) => config.returnSequences ?? [])).toEqual([true, false]);
    expect(await changes('gated-recurrence', net())).toEqual([]);
  });

  it('of loss and last activation', async () => {
    const head = (activation: string, units: number) => () => [layers.dense(units, { activation })];
    const logits = losses.sparseCategoricalCrossentropy({ fromLogits: true });
    expect(bentBy(await treated('mend-loss', net({ head: head('softmax', 10), compile: { loss: logits } }))).at(-1)).toBe('linear');
    expect(bentBy(await treated('mend-loss', net({ head: head('linear', 10) }))).at(-1)).toBe('softmax');
    const even = new NdArray(
      Uint8Array.from({ length: 256 }, (_, i) => y.at(i) % 2),
      [256, 1],
    );
    const one = await treated('mend-loss', net({ head: head('softmax', 1), compile: { loss: 'binaryCrossentropy' } }), { x, y: even });
    expect(bentBy(one).at(-1)).toBe('sigmoid');
    const twice = net({ head: head('sigmoid', 1), compile: { loss: losses.binaryCrossentropy({ fromLogits: true }) } });
    expect((await treated('mend-loss', twice, { x, y: even })).compile?.loss).toMatchObject([{ config: { fromLogits: false } }]);
  });

  it('of a loss whose activation must stay', async () => {
    const losing = async (activation: string, loss: LossLike): Promise<unknown> => {
      const given = net({ head: () => [layers.dense(10, { activation })], compile: { loss } });
      const [change] = await changes('mend-loss', given, { x, y }, 32, ['activations']);
      if (!change) return undefined;
      expect(bentBy(change.patient.config).at(-1)).toBe(activation);
      return [change.what, change.patient.config.compile?.loss];
    };
    const name = 'sparseCategoricalCrossentropy';
    const by = (fromLogits: boolean, what: string) => [
      `use the loss ${name} on ${what}`,
      [expect.objectContaining({ name, config: expect.objectContaining({ fromLogits }) })],
    ];
    expect(await losing('linear', name)).toEqual(by(true, 'logits'));
    expect(await losing('softmax', losses[name]({ fromLogits: true }))).toEqual(by(false, 'probabilities'));
    expect(await losing('relu', name)).toBeUndefined();
    expect(await losing('softmax', name)).toBeUndefined();
  });

  it('change nothing where there is nothing to change', async () => {
    const hidden = () => row(3, 24, { activation: 'tanh' });
    const good = net({ hidden, standardized: true, compile: { optimizer: 'adam' } });
    for (const id of [
      'standardize-inputs',
      'adaptive-optimizer',
      'raise-clip',
      'suiting-initializer',
      'lecun-normal',
      'revive-units',
      'alpha-dropout',
      'move-normalization',
      'batch-free-normalization',
      'mend-loss',
    ]) {
      expect([id, (await changes(id, good)).map(({ what }) => what)]).toEqual([id, []]);
    }
    expect(await changes('larger-batch', good, { x, y }, 256)).toEqual([]);
  });

  it('leave shared layers whole: what stands between their sums and activation would stand there twice', async () => {
    const enter = layers.input([8]);
    const shared = layers.dense(8, { activation: 'tanh' });
    const given = model({ inputs: enter, outputs: layers.dense(1).apply(shared.apply(shared.apply(enter))) }).compile({ loss: 'mse' });
    const rows = {
      x: NdArray.from(Array.from({ length: 16 }, (_, i) => Array.from({ length: 8 }, (_, k) => Math.sin(i + k)))),
      y: NdArray.zeros([16, 1]),
    };
    expect(await changes('normalize', given, rows)).toEqual([]);
    const normal = layers.batchNormalization();
    const late = model({ inputs: enter, outputs: layers.dense(1).apply(normal.apply(shared.apply(shared.apply(enter)))) }).compile({ loss: 'mse' });
    expect(await changes('move-normalization', late, rows)).toEqual([]);
    expect(bentBy(await treated('change-activation', given, rows))).toEqual(['selu', 'linear']);
  });

  it('are all tried here', () => {
    const ids = applicable.map(({ hint }) => hint.id);
    expect(ids).toHaveLength(29);
    expect(sequential([layers.input([2]), layers.dense(1)]).layers).toHaveLength(2);
  });
});
