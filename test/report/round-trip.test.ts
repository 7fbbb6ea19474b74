import * as evenkeel from 'evenkeel';
import {
  codeOf,
  fromConfig,
  initializers,
  layers,
  losses,
  type Model,
  model,
  optimizers,
  regularizers,
  type Signal,
  schedules,
  sequential,
  toConfig,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { insertAfter } from '#src/model/rewire.js';

const written = (made: Model) => ({ config: toConfig(made), batchSize: 32 });

/** Runs Evenkeel code that was written, up to the fit, and gives the model that it makes. */
function run(code: string, own: Readonly<Record<string, unknown>> = {}): Model {
  const known = { ...evenkeel, ...own };
  const body = code.replace(/^await (\w+)\.fit.*$/m, 'return $1;');
  return new Function(...Object.keys(known), `{ ${body} }`)(...Object.values(known)) as Model;
}

const compiled = { loss: 'mse' };
const image = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([8, 8, 2]), ...entries]).compile(compiled);
const steps = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([6, 4]), ...entries]).compile(compiled);
const row = (...entries: Parameters<typeof sequential>[0]) => sequential([layers.input([4]), ...entries], { seed: 7 }).compile(compiled);

function siamese() {
  const [a, b] = [layers.input([4]), layers.input([4])];
  const twin = layers.dense(4, { activation: 'tanh', trainable: false });
  const joined = layers.concatenate().apply([twin.apply(a), twin.apply(b)]);
  const outputs = [layers.dense(1).apply(joined), layers.dense(3, { activation: 'softmax' }).apply(joined)];
  return model({ inputs: [a, b], outputs }, { seed: 1, name: "one's twins", dtype: 'float64' }).compile({
    loss: ['mse', losses.categoricalCrossentropy({ labelSmoothing: 0.1 })],
    lossWeights: [1, 0.1],
    metrics: { dense_2: ['accuracy', 'topKCategoricalAccuracy'] },
    weightedMetrics: ['mae'],
  });
}

function translator() {
  const [a, b] = [layers.input([5, 3]), layers.input([6, 2])];
  const [last, ...states] = layers.bidirectional(layers.lstm(4, { returnState: true })).applyAll(a);
  const [, , cell] = layers.lstm(8, { returnState: true }).applyAll(b) as [unknown, unknown, Signal];
  const walked = layers.bidirectional(layers.lstm(4, { returnSequences: true })).apply([b, ...states]);
  return model({ inputs: [a, b], outputs: [walked, layers.add().apply([last as Signal, cell]), states[3] as Signal] }).compile(compiled);
}

function residual() {
  const x = layers.input([4]);
  const deep = layers
    .repeat(3, (y) => layers.add().apply([layers.dense(4, { activation: 'relu' }).apply(y), y]), { remat: true })
    .apply(layers.dense(4).apply(x));
  return model({ inputs: x, outputs: layers.dense(1).apply(layers.repeat(2, layers.dense(4)).apply(deep)) }).compile(compiled);
}

const models: Readonly<Record<string, () => Model>> = {
  'layers of one kind, folded': () => row(...Array.from({ length: 4 }, () => layers.dense(4, { activation: 'selu' })), layers.dense(1)),
  'frozen and named layers': () => row(layers.dense(4, { trainable: false, name: 'the layer\'s "name"\\' }), layers.dense(1)),
  'initializers with options': () =>
    row(
      layers.dense(4, { kernelInitializer: initializers.varianceScaling({ scale: 3, mode: 'fanOut' }), useBias: false }),
      layers.dense(1, { kernelInitializer: 'auto' }),
    ).compile({ loss: 'mse', optimizer: optimizers.adam({ learningRate: 3e-3, layerClipNorm: 1 }) }),
  'regularizers and constraints': () =>
    row(
      layers.dense(4, { kernelRegularizer: regularizers.l2({ l2: 0.1 }), kernelConstraint: 'nonNeg', biasConstraint: 'maxNorm' }),
      layers.dense(1, { activityRegularizer: 'l1', kernelRegularizer: 'orthogonal', biasInitializer: initializers.constant({ value: 1 }) }),
    ),
  activations: () =>
    row(
      layers.activation('softplus'),
      layers.leakyRelu({ slope: 0.2 }),
      layers.prelu({ initial: 0.1 }),
      layers.rrelu(),
      layers.elu({ alpha: 2 }),
      layers.thresholdedRelu(),
      layers.dense(3, { activation: 'hardShrink' }),
      layers.softmax(),
    ),
  noise: () =>
    row(
      layers.dropout(0.1),
      layers.alphaDropout(0.1),
      layers.gaussianDropout(0.2),
      layers.gaussianNoise(0.3),
      layers.activityRegularization({ l1: 1 }),
    ),
  normalizations: () =>
    image(
      layers.normalization({ axis: null, mean: 1, variance: 2 }),
      layers.rescaling(2, { offset: 1 }),
      layers.batchNormalization({ momentum: 0.9, scale: false }),
      layers.layerNormalization({ epsilon: 1e-5 }),
      layers.groupNormalization({ groups: 2 }),
      layers.rmsNormalization(),
      layers.unitNormalization(),
    ),
  convolutions: () =>
    image(
      layers.conv2d(4, 3, { padding: 'same', strides: 2, activation: 'relu' }),
      layers.upSampling2d({ size: 3 }),
      layers.conv2dTranspose(2, 3),
      layers.depthwiseConv2d(3, { depthMultiplier: 2 }),
      layers.separableConv2d(3, [3, 2]),
      layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 1],
        ],
      }),
      layers.cropping2d({ cropping: 1 }),
      layers.spatialDropout2d(0.1),
      layers.maxPooling2d(),
      layers.averagePooling2d({ poolSize: 2, strides: 1 }),
      layers.upSampling2d({ size: 4 }),
      layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      layers.averagePooling2d({ poolSize: 3 }),
      layers.globalAveragePooling2d({ keepdims: true }),
      layers.flatten(),
      layers.reshape([3, 1]),
      layers.permute([2, 1]),
    ),
  'wrappers with layers inside': () =>
    steps(
      layers.masking(),
      layers.timeDistributed(layers.dense(4, { activation: 'tanh', trainable: false })),
      layers.bidirectional(layers.lstm(4, { returnSequences: true }), { mergeMode: 'sum' }),
      layers.bidirectional(layers.gru(3), { backwardLayer: layers.gru(2, { goBackwards: true }) }),
      layers.repeatVector(2),
      layers.timeDistributed(layers.repeatVector(2)),
      layers.timeDistributed(layers.timeDistributed(layers.identity())),
    ),
  'attention and embeddings': () => {
    const x = layers.input([5], { dtype: 'int32' });
    const y = layers.embedding(10, 4, { maskZero: true }).apply(x);
    const z = layers.multiHeadAttention(2, 3, { dropout: 0.1 }).apply([y, y]);
    return model({ inputs: x, outputs: layers.dot([1, 1], { normalize: true }).apply([y, z]) }).compile(compiled);
  },
  encodings: () => row(layers.discretization({ binBoundaries: [0, 1] }), layers.categoryEncoding({ numTokens: 3, outputMode: 'multiHot' })),
  'a layer that several calls share': siamese,
  'states, and outputs that are not the first': translator,
  'blocks in a row': () => row(layers.repeat(3, [layers.dense(4), layers.layerNormalization()], { remat: true }), layers.dense(1)),
  'blocks with skips': residual,
  'optimizers with schedules': () =>
    row(layers.dense(1)).compile({
      loss: losses.huber({ delta: 3 }),
      optimizer: optimizers.sgd({ learningRate: schedules.cosineDecay({ decaySteps: 9 }), momentum: 0.9, nesterov: true, globalClipNorm: 1 }),
      metrics: ['mae', 'r2Score'],
    }),
};

describe('Evenkeel code', () => {
  it.each(Object.entries(models))('makes the same model again: %s', (_, make) => {
    const made = make();
    expect(toConfig(run(codeOf(written(made), 'evenkeel') ?? ''))).toEqual(toConfig(made));
  });

  it('leaves out what follows from other options, and nothing else', () => {
    const codeFor = (made: Model) => codeOf(written(made), 'evenkeel');
    expect(codeFor(image(layers.maxPooling2d({ poolSize: 3, strides: 2 })))).toContain('maxPooling2d({ poolSize: [3, 3], strides: [2, 2] })');
    expect(codeFor(image(layers.maxPooling2d({ poolSize: 3, strides: 3 })))).toContain('maxPooling2d({ poolSize: [3, 3] })');
    expect(codeFor(image(layers.maxPooling2d({ poolSize: 2, strides: 3 })))).toContain('maxPooling2d({ strides: [3, 3] })');
    expect(codeFor(steps(layers.multiHeadAttention(2, 3, { valueDim: 3, dropout: 0.5 })))).toContain('multiHeadAttention(2, 3, { dropout: 0.5 })');
  });

  it('has functions and layers of the user’s own under their names', () => {
    const double = (x: Parameters<typeof evenkeel.ops.add>[0]) => evenkeel.ops.add(x, x);
    const made = row(layers.lambda(double), layers.dense(1, { activation: double }));
    const code = codeOf(written(made), 'evenkeel') ?? '';
    expect(code).toContain('layers.lambda(double)');
    expect(toConfig(run(code, { double }))).toEqual(toConfig(made));
  });

  it('writes blocks one by one where one was changed alone', () => {
    const made = row(layers.repeat(3, layers.dense(4)), layers.dense(1));
    const changed = fromConfig(insertAfter(toConfig(made), 2, { kind: 'dropout', config: { rate: 0.5 } }));
    const code = codeOf(written(changed), 'evenkeel') ?? '';
    expect(code).not.toContain('repeat(');
    expect(toConfig(run(code)).layers).toEqual(toConfig(changed).layers);
  });
});
