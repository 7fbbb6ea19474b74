import { ArgumentError, activations, layers, ndarray, Random, ShapeError } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '#src/graph/node.js';
import { layerFromConfig } from '#src/layers/registry.js';
import type { Layer } from '#src/network/layer.js';
import { Signal } from '#src/network/layer.js';

type Options = Readonly<Record<string, unknown>>;

/** Every layer of the table with its required arguments: a new one does not compile without. */
const make: Record<Exclude<keyof typeof layers, 'repeat'>, (options: Options) => Layer | Signal> = {
  input: (options) => layers.input([3], options),
  dense: (options) => layers.dense(4, options),
  activation: (options) => layers.activation('relu', options),
  simpleRnn: (options) => layers.simpleRnn(3, options),
  lstm: (options) => layers.lstm(3, options),
  gru: (options) => layers.gru(3, options),
  bidirectional: (options) => layers.bidirectional(layers.gru(3), options),
  timeDistributed: (options) => layers.timeDistributed(layers.dense(2), options),
  masking: (options) => layers.masking(options),
  multiHeadAttention: (options) => layers.multiHeadAttention(2, 3, options),
  conv1d: (options) => layers.conv1d(2, 1, options),
  conv2d: (options) => layers.conv2d(2, 1, options),
  conv1dTranspose: (options) => layers.conv1dTranspose(2, 1, options),
  conv2dTranspose: (options) => layers.conv2dTranspose(2, 1, options),
  depthwiseConv1d: (options) => layers.depthwiseConv1d(1, options),
  depthwiseConv2d: (options) => layers.depthwiseConv2d(1, options),
  separableConv1d: (options) => layers.separableConv1d(2, 1, options),
  separableConv2d: (options) => layers.separableConv2d(2, 1, options),
  maxPooling1d: (options) => layers.maxPooling1d(options),
  maxPooling2d: (options) => layers.maxPooling2d(options),
  averagePooling1d: (options) => layers.averagePooling1d(options),
  averagePooling2d: (options) => layers.averagePooling2d(options),
  globalMaxPooling1d: (options) => layers.globalMaxPooling1d(options),
  globalMaxPooling2d: (options) => layers.globalMaxPooling2d(options),
  globalAveragePooling1d: (options) => layers.globalAveragePooling1d(options),
  globalAveragePooling2d: (options) => layers.globalAveragePooling2d(options),
  zeroPadding1d: (options) => layers.zeroPadding1d(options),
  zeroPadding2d: (options) => layers.zeroPadding2d(options),
  cropping1d: (options) => layers.cropping1d(options),
  cropping2d: (options) => layers.cropping2d(options),
  upSampling1d: (options) => layers.upSampling1d(options),
  upSampling2d: (options) => layers.upSampling2d(options),
  spatialDropout1d: (options) => layers.spatialDropout1d(0.5, options),
  spatialDropout2d: (options) => layers.spatialDropout2d(0.5, options),
  embedding: (options) => layers.embedding(5, 2, options),
  relu: (options) => layers.relu(options),
  leakyRelu: (options) => layers.leakyRelu(options),
  prelu: (options) => layers.prelu(options),
  rrelu: (options) => layers.rrelu(options),
  elu: (options) => layers.elu(options),
  thresholdedRelu: (options) => layers.thresholdedRelu(options),
  softmax: (options) => layers.softmax(options),
  lambda: (options) => layers.lambda((x) => x, options),
  identity: (options) => layers.identity(options),
  activityRegularization: (options) => layers.activityRegularization(options),
  categoryEncoding: (options) => layers.categoryEncoding({ numTokens: 4, ...options }),
  discretization: (options) => layers.discretization({ binBoundaries: [0, 1], ...options }),
  flatten: (options) => layers.flatten(options),
  reshape: (options) => layers.reshape([3, 1], options),
  permute: (options) => layers.permute([1], options),
  repeatVector: (options) => layers.repeatVector(2, options),
  rescaling: (options) => layers.rescaling(2, options),
  normalization: (options) => layers.normalization(options),
  batchNormalization: (options) => layers.batchNormalization(options),
  layerNormalization: (options) => layers.layerNormalization(options),
  groupNormalization: (options) => layers.groupNormalization(options),
  rmsNormalization: (options) => layers.rmsNormalization(options),
  unitNormalization: (options) => layers.unitNormalization(options),
  dropout: (options) => layers.dropout(0.5, options),
  alphaDropout: (options) => layers.alphaDropout(0.5, options),
  gaussianDropout: (options) => layers.gaussianDropout(0.5, options),
  gaussianNoise: (options) => layers.gaussianNoise(0.5, options),
  add: (options) => layers.add(options),
  subtract: (options) => layers.subtract(options),
  multiply: (options) => layers.multiply(options),
  average: (options) => layers.average(options),
  maximum: (options) => layers.maximum(options),
  minimum: (options) => layers.minimum(options),
  dot: (options) => layers.dot(1, options),
  concatenate: (options) => layers.concatenate(options),
};

function mistake(work: () => unknown): ArgumentError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return error as ArgumentError;
  }
  throw new Error('nothing was refused');
}

describe('the line from somebody’s notes', () => {
  it('is refused with both mistakes in one message, the right names first', () => {
    const options: Options = { activation: 'reslu', knernelInitializer: 'he_normal' };
    const { message, details } = mistake(() => layers.dense(10, options));
    expect(message).toMatch(/^dense: 2 mistakes/);
    expect(message).toMatch(/unknown activation 'reslu'; did you mean 'relu'/);
    expect(message).toMatch(/did you mean 'relu' \(matches he_normal\) or /);
    expect(message).toMatch(/unknown option 'knernelInitializer'; did you mean 'kernelInitializer'\?/);
    expect(details.layer).toBe('dense');
  });

  it('works with its spelling mended', () => {
    const dense = layers.dense(10, { activation: 'relu', kernelInitializer: 'he_normal' });
    expect([dense.activation.name, dense.kernelInitializer.name, dense.units]).toEqual(['relu', 'heNormal', 10]);
    const variance = dense.kernelInitializer.sample([500, 200], new Random(1)).reduce((sum, value) => sum + value * value, 0) / 1e5;
    expect(Math.abs(variance - 2 / 500)).toBeLessThan(1e-4);
  });

  it('suggests the activation that goes with the initializer, whatever its spelling', () => {
    const refuse = (kernelInitializer: string) => mistake(() => layers.dense(3, { activation: 'zelu', kernelInitializer } as Options)).message;
    expect(refuse('lecunNormal')).toMatch(/did you mean 'selu' \(matches lecunNormal\)/);
    expect(refuse('lecun_normal')).toMatch(/did you mean 'selu' \(matches lecun_normal\)/);
    expect(refuse('he_normal')).toMatch(/did you mean '(celu|elu|relu|gelu)' \(matches he_normal\)/);
  });
});

describe.each(Object.entries(make))('%s', (name, build) => {
  it('takes its common options', () => {
    const built = build(name === 'input' ? { name: 'own' } : { name: 'own', trainable: false });
    const layer = built instanceof Signal ? built.call.layer : built;
    expect(layer.name).toBe('own');
    expect(layer.trainable).toBe(name === 'input');
    expect(layer.config()).toEqual(JSON.parse(JSON.stringify(layer.config())));
  });

  it('comes back from its description', () => {
    const built = build({ name: 'own' });
    const layer = built instanceof Signal ? built.call.layer : built;
    const described = JSON.parse(JSON.stringify({ ...layer.config(), name: 'own' })) as Options;
    const again = layerFromConfig(layer.kind, described, { custom: (x: Tensor) => x });
    expect(again.constructor).toBe(layer.constructor);
    expect([again.kind, again.name, again.config()]).toEqual([layer.kind, 'own', layer.config()]);
  });

  it('refuses an unknown option and suggests the nearest', () => {
    const error = mistake(() => build({ naem: 'own' }));
    expect(error.message).toBe(`${name}: unknown option 'naem'; did you mean 'name'?`);
  });

  it('refuses wrong values, all in one message', () => {
    const error = mistake(() => build({ name: '', trainable: 'yes', colour: 1 }));
    expect(error.message).toMatch(new RegExp(`^${name}: 3 mistakes`));
    expect(error.message).toMatch(/name must be a non-empty string/);
    expect(error.message).toMatch(/trainable must be true or false, got yes/);
    expect(error.message).toMatch(/unknown option 'colour'; known: /);
  });
});

describe('options that bound each other', () => {
  it('are checked together, not against defaults', () => {
    expect(layers.rrelu({ lower: 0.5, upper: 0.8 }).config()).toEqual({ lower: 0.5, upper: 0.8 });
    expect(() => layers.rrelu({ lower: 0.5, upper: 0.4 })).toThrow('lower must be at most upper (0.4), got 0.5');
  });
});

describe('a misspelt option', () => {
  it('is checked under the name it was meant to have', () => {
    const { message } = mistake(() => layers.dense(3, { activatoin: 'reslu', useBais: 3 } as Options));
    expect(message).toMatch(/'activatoin'; did you mean 'activation'\?/);
    expect(message).toMatch(/unknown activation 'reslu'; did you mean 'relu'/);
    expect(message).toMatch(/'useBais'; did you mean 'useBias'\?/);
    expect(message).toMatch(/useBias must be true or false, got 3/);
  });
});

describe('arguments', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'an activation that is none',
      () => layers.dense(1, { activation: 5 as never }),
      /^dense: activation: expected the name of an activation or an instance/,
    ],
    [
      'an initializer that is none',
      () => layers.dense(1, { kernelInitializer: 5 as never }),
      /^dense: kernelInitializer: expected the name of an initializer/,
    ],
    ['a part of a name', () => layers.dense(1, { kernelInitializer: 'glorot' }), /did you mean 'glorotNormal' or 'glorotUniform'\?$/],
    ['dense units', () => layers.dense(0), /units must be a whole number ≥ 1, got 0/],
    ['dense units, not whole', () => layers.dense(2.5), /got 2.5/],
    ['dense units, text', () => layers.dense('10' as never), /got '10'/],
    [
      'dense initializer',
      () => layers.dense(3, { kernelInitializer: 'glorot_unifrom' }),
      /unknown initializer 'glorot_unifrom'; did you mean 'glorotUniform'/,
    ],
    ['dense bias initializer', () => layers.dense(3, { biasInitializer: 7 as never }), /biasInitializer/],
    ['dense activation', () => layers.dense(3, { activation: 3 as never }), /activation/],
    ['activation', () => layers.activation('tahn'), /unknown activation 'tahn'; did you mean 'tanh'/],
    ['activation far from all', () => layers.activation('xyzzyx'), /known: linear, sigmoid/],
    ['leakyRelu slope', () => layers.leakyRelu({ slope: -1 }), /slope must be a finite number ≥ 0, got -1/],
    ['rrelu bounds', () => layers.rrelu({ lower: 0.5, upper: 0.2 }), /lower must be at most upper/],
    ['lambda of nothing', () => layers.lambda(undefined as never), /expected a function of tensors/],
    ['reshape with two open lengths', () => layers.reshape([-1, -1]), /one of which may be -1/],
    ['permute with the batch', () => layers.permute([0, 1]), /each axis exactly once, counted from 1/],
    ['repeatVector 0', () => layers.repeatVector(0), /n must be a whole number ≥ 1, got 0/],
    ['embedding of nothing', () => layers.embedding(0, 2), /inputDim must be a whole number ≥ 1/],
    ['gaussianNoise', () => layers.gaussianNoise(-1), /stddev must be a number ≥ 0/],
    ['alphaDropout 1', () => layers.alphaDropout(1), /rate must be a number ≥ 0 and < 1, got 1/],
    ['groups', () => layers.groupNormalization({ groups: 0 }), /groups must be a whole number ≥ 1, or -1, got 0/],
    ['rescaling', () => layers.rescaling(Number.NaN), /scale must be a finite number/],
    ['dot along the batch', () => layers.dot(0), /not the batch axis \(0\)/],
    ['dropout 1', () => layers.dropout(1), /rate must be a number ≥ 0 and < 1, got 1/],
    ['dropout below 0', () => layers.dropout(-0.1), /got -0.1/],
    ['dropout NaN', () => layers.dropout(Number.NaN), /got NaN/],
    ['dropout without rate', () => layers.dropout(undefined as never), /rate/],
    ['momentum', () => layers.batchNormalization({ momentum: 1.5 }), /momentum must be a number ≥ 0 and ≤ 1, got 1\.5/],
    ['epsilon', () => layers.batchNormalization({ epsilon: 0 }), /epsilon must be a number > 0/],
    ['axis', () => layers.batchNormalization({ axis: 0.5 }), /axis must be a whole number/],
    ['no axis', () => layers.batchNormalization({ axis: null as never }), /axis must be a whole number/],
    ['gamma', () => layers.batchNormalization({ gammaInitializer: 'one' }), /did you mean 'ones'/],
    ['mean alone', () => layers.normalization({ mean: 1 }), /pass both mean and variance, or neither/],
    ['variance alone', () => layers.normalization({ variance: [1] }), /pass both mean and variance, or neither/],
    ['mean of words', () => layers.normalization({ mean: ['a'] as never, variance: 1 }), /mean must be a number or an array/],
    ['a variance below 0', () => layers.normalization({ mean: 0, variance: -1 }), /variance/],
    ['a mean that is no number', () => layers.normalization({ mean: Number.NaN, variance: 1 }), /mean/],
    ['normalization axis', () => layers.normalization({ axis: 'last' as never }), /axis must be a whole number or null, got last/],
    ['encoding without tokens', () => layers.categoryEncoding({} as never), /numTokens must be a whole number ≥ 1/],
    [
      'encoding mode',
      () => layers.categoryEncoding({ numTokens: 3, outputMode: 'tfidf' as never }),
      /must be 'oneHot', 'multiHot' or 'count', got 'tfidf'/,
    ],
    ['bins that fall', () => layers.discretization({ binBoundaries: [1, 0] }), /must be a list of numbers in ascending order, got \[1, 0\]/],
    ['activity penalty', () => layers.activityRegularization({ l1: -1 }), /l1 must be a finite number ≥ 0, got -1/],
    ['gamma regularizer', () => layers.batchNormalization({ gammaRegularizer: 'l3' }), /did you mean 'l1' or 'l2'/],
    ['concatenate axis', () => layers.concatenate({ axis: 1.5 }), /axis must be a whole number, got 1.5/],
    ['input shape', () => layers.input(28 as never), /expected the shape of one instance/],
    ['input dtype', () => layers.input([2], { dtype: 'float' as never }), /dtype/],
  ])('%s', (_, work, expected) => {
    expect(mistake(work).message).toMatch(expected);
  });

  it.each([[[0]], [[3, -1]], [[2.5]], [[Number.NaN]], [['3']]])('input shape %j', (shape) => {
    expect(() => layers.input(shape as number[])).toThrow(ShapeError);
  });

  it('a shape whose size overflows', () => {
    expect(() => layers.input([2 ** 30, 2 ** 30])).toThrow(ShapeError);
    expect(() => layers.dense(2 ** 40).apply(layers.input([2 ** 30]))).toThrow(ShapeError);
    expect(() => layers.flatten().apply(layers.input([2 ** 52, 2]))).toThrow(ShapeError);
  });
});

describe('shapes that do not fit name the layer, what it expects and what it received', () => {
  const vector = () => layers.input([3]);
  it.each<[string, () => unknown, RegExp]>([
    [
      'dense on a batch of scalars',
      () => layers.dense(2, { name: 'head' }).apply(layers.input([])),
      /^head: expects .*Is a flatten missing\?.*\[N\]/,
    ],
    ['add of other lengths', () => layers.add({ name: 'skip' }).apply([vector(), layers.input([4])]), /^skip: .*\[N, 3\].*\[N, 4\]/],
    ['add of one', () => layers.add().apply(vector()), /^add: merges at least two inputs, got 1/],
    ['concatenate of other ranks', () => layers.concatenate().apply([vector(), layers.input([2, 3])]), /^concatenate: .*\[N, 3\] and \[N, 2, 3\]/],
    [
      'concatenate along the batch',
      () => layers.concatenate({ axis: 0 }).apply([vector(), vector()]),
      /^concatenate: cannot join along the batch axis/,
    ],
    ['concatenate along no axis', () => layers.concatenate({ axis: 2 }).apply([vector(), vector()]), /^concatenate: .*axis 2/],
    ['batchNormalization over the batch', () => layers.batchNormalization({ axis: 0 }).apply(vector()), /^batchNormalization: axis 0/],
    ['batchNormalization along no axis', () => layers.batchNormalization({ axis: 3 }).apply(vector()), /^batchNormalization: .*axis 3/],
    ['normalization with other features', () => layers.normalization({ mean: [1, 2], variance: [1, 2] }).apply(vector()), /2 entries.*3 features/],
  ])('%s', (_, work, expected) => {
    expect(work).toThrow(ShapeError);
    expect(work).toThrow(expected);
  });
});

it.each([3, true, 'same', [2]])('no layer takes %j in the place of its options', (given) => {
  const whole = {
    ...make,
    categoryEncoding: (options: Options) => layers.categoryEncoding(options as never),
    discretization: (options: Options) => layers.discretization(options as never),
  };
  for (const [kind, one] of Object.entries(whole)) expect(() => one(given as unknown as Options), kind).toThrow(/options must be an object/);
});

it('what stands in the place of options is shown where it belongs', () => {
  const given = (value: unknown) => value as never;
  expect(() => layers.maxPooling2d(given(3))).toThrow('maxPooling2d: options must be an object, such as { poolSize: 3 }, got 3');
  expect(() => layers.dense(4, given('relu'))).toThrow("such as { activation: 'relu' }");
  expect(() => layers.maxPooling2d(given('nonsense'))).toThrow("such as { name: 'first' }");
});

it.each<[string, () => unknown, string]>([
  [
    'all in one object',
    () => layers.dense({ units: 3, activation: 'relu' } as never),
    'dense: units must be passed before the options, not inside them: dense(3, { … }), got',
  ],
  ['two of them', () => layers.multiHeadAttention({ numHeads: 2, keyDim: 8 } as never, undefined as never), 'multiHeadAttention(2, 8)'],
  ['one of two', () => layers.conv2d({ filters: 3 } as never, undefined as never, { padding: 'same' }), 'conv2d(3, kernelSize)'],
  [
    'once more',
    () => layers.lstm(4, { units: 5 } as never),
    'lstm: units must be passed before the options, not inside them: lstm(5), got {"units":5}',
  ],
  ['blocks', () => layers.repeat({ n: 2, block: layers.dense(2) } as never, undefined as never), 'repeat(2, { … })'],
])('what stands before the options is shown there where it was given among them: %s', (_, work, expected) => {
  expect(work).toThrow(expected);
});

it('options of activations reach the layer', () => {
  const { activation } = layers.dense(3, { activation: activations.leakyRelu({ slope: 0.3 }) });
  expect(activation.config).toEqual({ slope: 0.3 });
});

it('normalization takes arrays', () => {
  expect(layers.normalization({ mean: ndarray([1, 2]), variance: ndarray([3, 4]) }).config()).toEqual({ axis: -1, mean: [1, 2], variance: [3, 4] });
});
