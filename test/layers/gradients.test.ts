import { activations, layers, ops } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { gradients } from '#src/graph/gradients.js';
import type { Tensor } from '#src/graph/node.js';
import type { Layer, Signal } from '#src/network/layer.js';
import { numericGradients, relativeError } from '../graph/differences.js';
import { open } from '../graph/engine.js';
import { randomArray, seededLoss, wire } from './wiring.js';

interface Case {
  readonly title: string;
  readonly shapes: readonly (readonly number[])[];
  readonly apply: (inputs: readonly Signal[]) => Signal;
}

const single = (title: string, shape: readonly number[], make: () => Layer, before: (x: Signal) => Signal = (x) => x): Case => ({
  title,
  shapes: [shape],
  apply: ([x]) => make().apply(before(x as Signal)),
});

/** Sequences with zeros for the features of every step whose first is below −0.4; such steps do not count. */
const sometimesSilent = (x: Signal): Signal =>
  layers
    .masking()
    .apply(layers.lambda((t) => ops.mul(t, ops.cast(ops.greater(ops.slice(t, { axis: 2, start: 0, end: 1 }), -0.4), t.dtype))).apply(x));

/** Merges three sequences, of which two have steps that do not count. */
const behindMasks = (make: () => Layer): Case => ({
  title: `${make().kind} behind masks`,
  shapes: [
    [4, 2],
    [4, 2],
    [4, 2],
  ],
  apply: ([a, b, c]) => make().apply([sometimesSilent(a as Signal), sometimesSilent(b as Signal), c as Signal]),
});

/** Every layer of the table has at least one case: a new one does not compile without. */
const cases: Record<Exclude<keyof typeof layers, 'repeat'>, readonly Case[]> = {
  input: [single('input', [3], () => layers.activation('linear'))],
  dense: [
    single('dense', [3], () => layers.dense(4)),
    single('dense without bias over two axes', [2, 3], () => layers.dense(2, { useBias: false, activation: 'tanh' })),
    ...Object.keys(activations).map((activation) => single(`dense, ${activation}`, [3], () => layers.dense(4, { activation }))),
  ],
  conv1d: [
    single('conv1d', [5, 2], () => layers.conv1d(3, 2)),
    single('conv1d of one channel', [5, 1], () => layers.conv1d(3, 2)),
    single('conv1d, causal and dilated', [5, 2], () => layers.conv1d(2, 2, { padding: 'causal', dilationRate: 2, activation: 'tanh' })),
  ],
  conv2d: [
    single('conv2d', [4, 4, 2], () => layers.conv2d(2, [3, 2], { activation: 'tanh' })),
    single('conv2d, same, strides', [5, 4, 1], () => layers.conv2d(2, 3, { padding: 'same', strides: 2, useBias: false })),
    single('conv2d in groups', [3, 3, 4], () => layers.conv2d(2, 2, { groups: 2 })),
    {
      title: 'conv2d, pooled twice',
      shapes: [[4, 4, 1]],
      apply: ([x]) => {
        const hidden = layers.conv2d(2, 3, { padding: 'same', activation: 'softplus' }).apply(x as Signal);
        const pooled = layers.maxPooling2d().apply(hidden);
        const again = layers.conv2d(2, 2, { padding: 'same', activation: 'tanh' }).apply(pooled);
        return layers.dense(2).apply(layers.flatten().apply(layers.averagePooling2d({ padding: 'same' }).apply(again)));
      },
    },
    {
      title: 'conv2d, normalized and joined with what it received',
      shapes: [[3, 3, 2]],
      apply: ([x]) => {
        const hidden = layers.conv2d(2, 3, { padding: 'same' }).apply(x as Signal);
        const bent = layers.activation('softplus').apply(layers.batchNormalization().apply(hidden));
        return layers.globalAveragePooling2d().apply(layers.add().apply([layers.conv2d(2, 1).apply(bent), x as Signal]));
      },
    },
  ],
  conv1dTranspose: [
    single('conv1dTranspose', [3, 2], () => layers.conv1dTranspose(2, 3, { strides: 2 })),
    single('conv1dTranspose to one channel', [3, 2], () => layers.conv1dTranspose(1, 3, { strides: 2 })),
  ],
  conv2dTranspose: [
    single('conv2dTranspose', [2, 3, 2], () => layers.conv2dTranspose(2, 2, { strides: [2, 1], activation: 'tanh' })),
    single('conv2dTranspose, same', [2, 2, 1], () => layers.conv2dTranspose(2, 3, { strides: 2, padding: 'same', outputPadding: 1 })),
  ],
  depthwiseConv1d: [
    single('depthwiseConv1d', [4, 2], () => layers.depthwiseConv1d(2, { depthMultiplier: 2 })),
    single('depthwiseConv1d of one channel', [4, 1], () => layers.depthwiseConv1d(2)),
  ],
  depthwiseConv2d: [single('depthwiseConv2d', [3, 4, 2], () => layers.depthwiseConv2d(2, { depthMultiplier: 2, padding: 'same' }))],
  separableConv1d: [single('separableConv1d', [4, 2], () => layers.separableConv1d(3, 2))],
  separableConv2d: [single('separableConv2d', [4, 4, 2], () => layers.separableConv2d(2, 3, { depthMultiplier: 2, activation: 'tanh' }))],
  maxPooling1d: [single('maxPooling1d', [5, 2], () => layers.maxPooling1d())],
  maxPooling2d: [
    single('maxPooling2d', [4, 5, 2], () => layers.maxPooling2d()),
    single('maxPooling2d, overlapping', [3, 4, 1], () => layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  ],
  averagePooling1d: [single('averagePooling1d', [5, 2], () => layers.averagePooling1d({ padding: 'same' }))],
  averagePooling2d: [
    single('averagePooling2d', [4, 5, 2], () => layers.averagePooling2d()),
    single('averagePooling2d, overlapping', [5, 5, 1], () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' })),
  ],
  globalMaxPooling1d: [single('globalMaxPooling1d', [4, 2], () => layers.globalMaxPooling1d())],
  globalMaxPooling2d: [single('globalMaxPooling2d', [2, 3, 2], () => layers.globalMaxPooling2d({ keepdims: true }))],
  globalAveragePooling1d: [
    single('globalAveragePooling1d', [4, 2], () => layers.globalAveragePooling1d({ keepdims: true })),
    single('globalAveragePooling1d behind a mask', [4, 2], () => layers.globalAveragePooling1d(), sometimesSilent),
  ],
  globalAveragePooling2d: [single('globalAveragePooling2d', [2, 3, 2], () => layers.globalAveragePooling2d())],
  zeroPadding1d: [single('zeroPadding1d', [2, 2], () => layers.zeroPadding1d({ padding: [0, 2] }))],
  zeroPadding2d: [
    single('zeroPadding2d', [2, 2, 1], () =>
      layers.zeroPadding2d({
        padding: [
          [1, 0],
          [2, 1],
        ],
      }),
    ),
  ],
  cropping1d: [single('cropping1d', [4, 2], () => layers.cropping1d())],
  cropping2d: [
    single('cropping2d', [4, 3, 1], () =>
      layers.cropping2d({
        cropping: [
          [1, 1],
          [0, 2],
        ],
      }),
    ),
  ],
  upSampling1d: [single('upSampling1d', [2, 2], () => layers.upSampling1d({ size: 3 }))],
  upSampling2d: [
    single('upSampling2d', [2, 2, 2], () => layers.upSampling2d({ size: [2, 3] })),
    single('upSampling2d, bilinear', [2, 3, 2], () => layers.upSampling2d({ interpolation: 'bilinear' })),
  ],
  spatialDropout1d: [single('spatialDropout1d', [3, 4], () => layers.spatialDropout1d(0.4))],
  spatialDropout2d: [single('spatialDropout2d', [2, 2, 4], () => layers.spatialDropout2d(0.4))],
  activation: Object.keys(activations).map((activation) => single(`activation ${activation}`, [2, 4], () => layers.activation(activation))),
  simpleRnn: [
    single('simpleRnn', [4, 2], () => layers.simpleRnn(3)),
    single('simpleRnn, all it gave, backwards, prelu', [4, 2], () =>
      layers.simpleRnn(2, { returnSequences: true, goBackwards: true, activation: 'prelu', useBias: false }),
    ),
    { title: 'simpleRnn from a state', shapes: [[3, 2], [2]], apply: (signals) => layers.simpleRnn(2).apply(signals) },
  ],
  lstm: [
    single('lstm', [4, 2], () => layers.lstm(2)),
    single('lstm, all it gave, dropout', [3, 2], () => layers.lstm(2, { returnSequences: true, dropout: 0.3, recurrentDropout: 0.4 })),
    single('lstm behind a mask', [4, 2], () => layers.lstm(2), sometimesSilent),
    single(
      'lstm behind a mask, all it gave, zeros',
      [4, 2],
      () => layers.lstm(2, { returnSequences: true, zeroOutputForMask: true }),
      sometimesSilent,
    ),
    {
      title: 'lstm, its states',
      shapes: [[3, 2], [2], [2]],
      apply: (signals) => layers.add().apply(layers.lstm(2, { returnState: true }).applyAll(signals)),
    },
  ],
  gru: [
    single('gru', [4, 2], () => layers.gru(2)),
    single('gru, reset before, without bias', [3, 2], () => layers.gru(2, { resetAfter: false, useBias: false, returnSequences: true })),
    single('gru, reset before, dropout, backwards', [3, 2], () => layers.gru(2, { resetAfter: false, recurrentDropout: 0.4, goBackwards: true })),
    {
      title: 'gru behind a mask, from a state',
      shapes: [[4, 2], [2]],
      apply: ([x, state]) => layers.gru(2).apply([sometimesSilent(x as Signal), state as Signal]),
    },
  ],
  bidirectional: [
    single('bidirectional', [3, 2], () => layers.bidirectional(layers.gru(2, { returnSequences: true }))),
    single('bidirectional, mul, behind a mask', [4, 2], () => layers.bidirectional(layers.simpleRnn(2), { mergeMode: 'mul' }), sometimesSilent),
  ],
  timeDistributed: [
    single('timeDistributed', [3, 2], () => layers.timeDistributed(layers.dense(2, { activation: 'tanh' }))),
    single('timeDistributed batchNormalization behind a mask', [4, 2], () => layers.timeDistributed(layers.batchNormalization()), sometimesSilent),
  ],
  masking: [{ title: 'masking, through the layer behind it', shapes: [[4, 2]], apply: ([x]) => layers.lstm(2).apply(sometimesSilent(x as Signal)) }],
  multiHeadAttention: [
    single('multiHeadAttention', [3, 4], () => layers.multiHeadAttention(2, 3, { valueDim: 2, outputDim: 5, dropout: 0.2 })),
    single(
      'multiHeadAttention, causal, behind a mask',
      [4, 2],
      () => layers.multiHeadAttention(1, 2, { causal: true, useBias: false }),
      sometimesSilent,
    ),
    {
      title: 'multiHeadAttention of three',
      shapes: [
        [2, 3],
        [4, 2],
        [4, 5],
      ],
      apply: (signals) => layers.multiHeadAttention(2, 2).apply(signals),
    },
  ],
  embedding: [
    {
      title: 'embedding, through its table',
      shapes: [[2]],
      apply: ([x]) => layers.embedding(3, 2).apply(layers.lambda((t) => ops.cast(ops.greater(t, 0.1), 'int64')).apply(x as Signal)),
    },
  ],
  relu: [single('relu', [5], () => layers.relu())],
  leakyRelu: [single('leakyRelu', [5], () => layers.leakyRelu({ slope: 0.3 }))],
  prelu: [single('prelu', [5], () => layers.prelu())],
  rrelu: [single('rrelu', [5], () => layers.rrelu())],
  elu: [single('elu', [5], () => layers.elu({ alpha: 0.7 }))],
  thresholdedRelu: [single('thresholdedRelu', [5], () => layers.thresholdedRelu({ theta: 0.4 }))],
  softmax: [single('softmax', [5], () => layers.softmax())],
  lambda: [
    single('lambda', [3], () => layers.lambda((x) => ops.sin(x))),
    {
      title: 'lambda of two',
      shapes: [[3], [3]],
      apply: (signals) => layers.lambda(([a, b]) => ops.mul(a as Tensor, ops.cos(b as Tensor))).apply(signals),
    },
  ],
  reshape: [single('reshape', [2, 3], () => layers.reshape([-1, 2]))],
  permute: [single('permute', [2, 3], () => layers.permute([2, 1]))],
  repeatVector: [single('repeatVector', [3], () => layers.repeatVector(2))],
  rescaling: [single('rescaling', [3], () => layers.rescaling([0.5, 2, -1], { offset: 0.1 }))],
  layerNormalization: [
    single('layerNormalization', [4], () => layers.layerNormalization()),
    single('layerNormalization over two axes', [2, 3], () => layers.layerNormalization({ axis: [1, 2], epsilon: 1e-5 })),
    single('layerNormalization, axis 1, without shift', [3, 2], () => layers.layerNormalization({ axis: 1, center: false })),
  ],
  groupNormalization: [
    single('groupNormalization', [2, 4], () => layers.groupNormalization({ groups: 2 })),
    single('groupNormalization, axis 1', [4, 2], () => layers.groupNormalization({ groups: 2, axis: 1, scale: false })),
  ],
  rmsNormalization: [
    single('rmsNormalization', [4], () => layers.rmsNormalization()),
    single('rmsNormalization, axis 1', [3, 2], () => layers.rmsNormalization({ axis: 1 })),
  ],
  unitNormalization: [single('unitNormalization', [4], () => layers.unitNormalization())],
  alphaDropout: [single('alphaDropout', [6], () => layers.alphaDropout(0.4))],
  gaussianDropout: [single('gaussianDropout', [6], () => layers.gaussianDropout(0.4))],
  gaussianNoise: [single('gaussianNoise', [6], () => layers.gaussianNoise(0.4))],
  subtract: [{ title: 'subtract', shapes: [[3], [3]], apply: (signals) => layers.subtract().apply(signals) }],
  multiply: [
    { title: 'multiply', shapes: [[3], [3], [3]], apply: (signals) => layers.multiply().apply(signals) },
    behindMasks(() => layers.multiply()),
  ],
  average: [{ title: 'average', shapes: [[3], [3], [3]], apply: (signals) => layers.average().apply(signals) }],
  maximum: [{ title: 'maximum', shapes: [[3], [3]], apply: (signals) => layers.maximum().apply(signals) }, behindMasks(() => layers.maximum())],
  minimum: [{ title: 'minimum', shapes: [[3], [3]], apply: (signals) => layers.minimum().apply(signals) }, behindMasks(() => layers.minimum())],
  dot: [
    { title: 'dot of vectors', shapes: [[3], [3]], apply: (signals) => layers.dot(1).apply(signals) },
    { title: 'dot, normalized', shapes: [[3], [3]], apply: (signals) => layers.dot(-1, { normalize: true }).apply(signals) },
    {
      title: 'dot of matrices',
      shapes: [
        [2, 3],
        [3, 4],
      ],
      apply: (signals) => layers.dot([2, 1]).apply(signals),
    },
    { title: 'dot of a matrix and a vector', shapes: [[2, 3], [3]], apply: (signals) => layers.dot([2, 1]).apply(signals) },
  ],
  identity: [single('identity', [3], () => layers.identity())],
  activityRegularization: [single('activityRegularization', [3], () => layers.activityRegularization({ l2: 0.1 }))],
  categoryEncoding: [
    {
      title: 'categoryEncoding, through the layer behind it',
      shapes: [[3]],
      apply: ([x]) => {
        const tokens = layers.lambda((t) => ops.cast(ops.greater(t, 0.1), 'int64')).apply(x as Signal);
        return layers.dense(2).apply(layers.categoryEncoding({ numTokens: 2, outputMode: 'count' }).apply(tokens));
      },
    },
  ],
  discretization: [
    {
      title: 'discretization, through the layers behind it',
      shapes: [[3]],
      apply: ([x]) => layers.embedding(3, 2).apply(layers.discretization({ binBoundaries: [-0.5, 0.5] }).apply(x as Signal)),
    },
  ],
  flatten: [{ title: 'flatten', shapes: [[2, 3]], apply: ([x]) => layers.dense(2).apply(layers.flatten().apply(x as Signal)) }],
  normalization: [
    single('normalization', [3], () => layers.normalization({ mean: [0.1, 0.2, -0.3], variance: [0.5, 2, 1.5] })),
    single('normalization, axis null', [2, 2], () => layers.normalization({ axis: null, mean: 0.3, variance: 2.5 })),
    single('normalization, axis 1', [2, 3], () => layers.normalization({ axis: 1, mean: [0.5, 1], variance: [4, 9] })),
  ],
  batchNormalization: [
    single('batchNormalization', [3], () => layers.batchNormalization()),
    single('batchNormalization, axis 1', [3, 2], () => layers.batchNormalization({ axis: 1, epsilon: 1e-5 })),
    single('batchNormalization behind a mask', [4, 2], () => layers.batchNormalization(), sometimesSilent),
    single('batchNormalization without scale', [2, 2], () => layers.batchNormalization({ scale: false })),
  ],
  dropout: [single('dropout', [6], () => layers.dropout(0.4))],
  add: [
    { title: 'add', shapes: [[3], [3], [3]], apply: (signals) => layers.add().apply(signals) },
    {
      title: 'add, broadcast',
      shapes: [
        [2, 3],
        [1, 3],
      ],
      apply: (signals) => layers.add().apply(signals),
    },
    {
      title: 'add of one signal twice',
      shapes: [[3]],
      apply: ([x]) => layers.add().apply([layers.dense(3, { activation: 'tanh' }).apply(x as Signal), x as Signal, x as Signal]),
    },
  ],
  concatenate: [
    { title: 'concatenate', shapes: [[3], [2]], apply: (signals) => layers.concatenate().apply(signals) },
    {
      title: 'concatenate, axis 1',
      shapes: [
        [2, 3],
        [1, 3],
      ],
      apply: (signals) => layers.concatenate({ axis: 1 }).apply(signals),
    },
  ],
};

const rows = 4;
const every = Object.values(cases).flatMap((list) => list.map((one) => [one.title, one] as const));

/** A layer's loss on arrays of its own, and whatever follows from it as the engine computes it. */
function lossOf({ shapes, apply }: Case, training: boolean) {
  const signals = shapes.map((shape) => layers.input(shape));
  const { inputs, variables, outputs } = wire(signals, [apply(signals)], rows, training);
  const [output] = outputs;
  const fed: [string, Tensor][] = [...inputs.map((tensor, i) => [`in_${i}`, tensor] as [string, Tensor]), ...variables];
  // Variances must be positive; other weights may have either sign.
  const arrays = fed.map(([name, { shape }], i) => randomArray(shape.map(Number), 11 + i, name.endsWith('variance') ? 0.5 : -1.3, 1.7));
  const loss = seededLoss(output as Tensor, randomArray((output as Tensor).shape.map(Number), 99, 0.5, 1.5));
  const tensors = fed.map(([, tensor]) => tensor);
  const computed = async (wanted: readonly Tensor[]) => {
    const runner = await open(emitModel(tensors, Object.fromEntries(wanted.map((tensor, i) => [`out_${i}`, tensor]))));
    return async (values: readonly NdArray[]): Promise<NdArray[]> => {
      const found = await runner.run(Object.fromEntries(fed.map(([name], i) => [name, values[i] as NdArray])));
      return wanted.map((_, i) => found[`out_${i}`] as NdArray);
    };
  };
  return { names: fed.map(([name]) => name), arrays, loss, tensors, computed };
}

describe.each([true, false])('gradients against central differences in float64, training: %s', (training) => {
  it.each(every)('%s', async (_, one) => {
    const { names, arrays, loss, tensors, computed } = lossOf(one, training);
    const forward = await computed([loss]);
    const found = await (await computed(gradients(loss, tensors)))(arrays);
    const expected = await numericGradients(async (values) => (await forward(values))[0]?.at(0) ?? Number.NaN, arrays);
    for (const [i, name] of names.entries()) expect(relativeError(found[i], expected[i] as NdArray), name).toBeLessThanOrEqual(1e-6);
  });
});

describe('second derivatives along a direction, against central differences of the first', () => {
  const STEP = 1e-3;
  it.each(every)('%s', async (_, one) => {
    const { names, arrays, loss, tensors, computed } = lossOf(one, true);
    const slopes = gradients(loss, tensors);
    const direction = tensors.map(({ shape }, i) => randomArray(shape.map(Number), 51 + i, -0.1, 0.1));
    const along = slopes.map((slope, i) => seededLoss(slope, direction[i] as NdArray)).reduce((sum, next) => ops.add(sum, next));
    const found = await (await computed(gradients(along, tensors)))(arrays);
    const first = await computed(slopes);
    const at = (shift: number): Promise<NdArray[]> =>
      first(
        arrays.map(
          (array, i) =>
            new NdArray(
              Float64Array.from({ length: array.size }, (__, j) => array.at(j) + shift * (direction[i]?.at(j) ?? 0)),
              array.shape,
            ),
        ),
      );
    const [far, near, nearBack, farBack] = [await at(2 * STEP), await at(STEP), await at(-STEP), await at(-2 * STEP)];
    for (const [i, name] of names.entries()) {
      const entry = (list: readonly NdArray[], j: number): number => list[i]?.at(j) ?? Number.NaN;
      const expected = new NdArray(
        Float64Array.from(
          { length: arrays[i]?.size ?? 0 },
          (__, j) => (entry(farBack, j) - 8 * entry(nearBack, j) + 8 * entry(near, j) - entry(far, j)) / (12 * STEP),
        ),
        (arrays[i] as NdArray).shape,
      );
      expect(relativeError(found[i], expected), name).toBeLessThanOrEqual(1e-5);
    }
  });
});
