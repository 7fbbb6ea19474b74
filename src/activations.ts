import { type Catalogue, flagOption, make, maker, numberOption, resolve } from './core/catalogue.js';
import { ArgumentError, ShapeError } from './core/errors.js';
import { NdArray } from './core/ndarray.js';
import { Random } from './core/random.js';
import { type StaticShape, sameShape, showShape } from './core/shape.js';
import { type ScalarFunction, scalarFunction } from './graph/evaluate.js';
import { constant, Tensor } from './graph/node.js';
import * as g from './graph/ops/index.js';
import { type InitializerLike, type InitializerName, initializers, type Nonlinearity, resolveInitializer } from './initializers.js';

/** What an activation can request from the layer that applies it. */
export interface ActivationContext {
  readonly training: boolean;
  /** A learned array of the layer, made on first use; its shape has no batch axis. */
  parameter(name: string, spec: { readonly shape: StaticShape; readonly initializer: InitializerLike }): Tensor;
  /** Uniform random numbers in [min, max), one for each element of `like`, drawn anew at each step. */
  uniform(like: Tensor, min: number, max: number): Tensor;
}

/** Facts about an activation as a function of one number. */
export interface ActivationFacts {
  /** Infimum and supremum of its values. */
  readonly range: readonly [number, number];
  /** On which sides its slope vanishes. */
  readonly saturates: 'none' | 'left' | 'right' | 'both';
  /** Whether its slope is continuous at 0. */
  readonly smooth: boolean;
  /** Whether a unit can fall silent for every input on a side whose slope is exactly 0; one flat in its middle alone wakes as signals grow. */
  readonly canDie: boolean;
  /** Whether a unit can get stuck in a flat region with a slope that is small but not 0. */
  readonly canComa: boolean;
  /** Whether it preserves mean 0 and variance 1 through depth by itself. */
  readonly selfNormalizing: boolean;
  /** Kernel initializer that matches it. */
  readonly initializer: InitializerName;
  /** Whether its values are a distribution along the last axis, or independent probabilities; absent if they are arbitrary numbers. */
  readonly gives?: 'distribution' | 'probabilities';
}

/** An elementwise nonlinearity (softmax: along the last axis); `name` and `config` are stored in a saved model. */
export interface Activation extends ActivationFacts {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The activation of `x`, of its shape and dtype. */
  apply(x: Tensor, context: ActivationContext): Tensor;
}

const inf = Number.POSITIVE_INFINITY;

/** What holds of a function of which nothing is known. */
const unknown: ActivationFacts = {
  range: [-inf, inf],
  saturates: 'none',
  smooth: true,
  canDie: false,
  canComa: false,
  selfNormalizing: false,
  initializer: 'glorotUniform',
};

const sigmoidal: ActivationFacts = { ...unknown, saturates: 'both' };
const distribution: ActivationFacts = { ...sigmoidal, range: [0, 1], gives: 'distribution' };
const probability: ActivationFacts = { ...sigmoidal, range: [0, 1], gives: 'probabilities' };
/** Kinked rectifiers whose slope is 0 below 0. */
const rectifier: ActivationFacts = { ...unknown, range: [0, inf], saturates: 'left', smooth: false, canDie: true, initializer: 'heNormal' };
/** Rectifiers with a slope below 0. */
const leaky: ActivationFacts = { ...unknown, smooth: false, canComa: true, initializer: 'heNormal' };
/** Smooth rectifiers whose slope fades out below 0. */
const softRectifier: ActivationFacts = { ...unknown, saturates: 'left', canComa: true, initializer: 'heNormal' };

const kind = 'activation';
const plain = (name: string, facts: ActivationFacts, apply: (x: Tensor) => Tensor) =>
  maker(kind, name, {}, (): Omit<Activation, 'name' | 'config'> => ({ ...facts, apply }));
const wrap = (facts: ActivationFacts, apply: Activation['apply']): Omit<Activation, 'name' | 'config'> => ({ ...facts, apply });

/** `x` above 0, `slope` · x at 0 and below; one product forwards, one back. */
function slopedBelow(x: Tensor, slope: Tensor): Tensor {
  return g.mul(x, g.where(g.greater(x, 0), 1, slope));
}

/** max(x − τ, 0) with the τ at which the last axis sums to 1: over the k largest, where 1 + k·x₍ₖ₎ still exceeds their sum. */
function sparsemaxOf(x: Tensor): Tensor {
  const width = x.shape.at(-1);
  if (typeof width !== 'number')
    throw new ShapeError(`activation 'sparsemax' sorts the last axis, whose length must be known; got ${showShape(x.shape)}`, { received: x.shape });
  const axes = [x.rank - 1];
  // The shares depend on differences alone; sums of large numbers would leave no digits for them.
  const below = g.sub(x, g.reduceMax(x, { axes, keepdims: true }));
  const falling = g.neg(g.sort(g.neg(below)));
  const ranks = constant(NdArray.zeros([width], x.dtype));
  const upper = constant(NdArray.zeros([width, width], x.dtype));
  for (let i = 0; i < width; i++) {
    ranks.node.value?.set(i, i + 1);
    for (let j = i; j < width; j++) upper.node.value?.set(i * width + j, 1);
  }
  const sums = g.matMul(falling, upper);
  const within = g.cast(g.greater(g.add(g.mul(falling, ranks), 1), sums), x.dtype);
  const count = g.reduceSum(within, { axes, keepdims: true });
  const threshold = g.div(g.sub(g.reduceSum(g.mul(falling, within), { axes, keepdims: true }), 1), count);
  return g.relu(g.sub(below, threshold));
}

/** The activations, by name; each entry creates one from its options. */
export const activations = {
  /** x. */
  linear: plain('linear', unknown, (x) => x),

  /** 1 / (1 + e⁻ˣ). */
  sigmoid: plain('sigmoid', probability, g.sigmoid),

  tanh: plain('tanh', { ...sigmoidal, range: [-1, 1] }, g.tanh),

  /** eˣ / Σ eˣ along the last axis. */
  softmax: plain('softmax', distribution, (x) => g.softmax(x)),

  /** max(x, 0). */
  relu: plain('relu', rectifier, g.relu),

  /** min(max(x, 0), 6). */
  relu6: plain('relu6', { ...rectifier, range: [0, 6], saturates: 'both' }, (x) => g.min(g.relu(x), 6)),

  /** x above 0, `slope` · x below; Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013. Keras's slope is 0.2. */
  leakyRelu: maker(kind, 'leakyRelu', { slope: numberOption(0.01, { from: 0 }) }, ({ slope }) =>
    slope === 0 ? wrap(rectifier, (x) => g.relu(x)) : wrap(leaky, (x) => g.leakyRelu(x, slope)),
  ),

  /**
   * x above 0, a · x below, where each unit learns its own a, or the layer a single one (`shared`); axes of unknown length share one too.
   * He et al., "Delving deep into rectifiers", 2015.
   */
  prelu: maker(kind, 'prelu', { initial: numberOption(0.25), shared: flagOption(false) }, ({ initial, shared }) =>
    wrap(leaky, (x, context) => {
      const shape = x.shape.slice(1).map((dim) => (shared || typeof dim === 'string' ? 1 : dim));
      return slopedBelow(x, context.parameter('alpha', { shape, initializer: initializers.constant({ value: initial }) }));
    }),
  ),

  /**
   * x above 0, a · x below, a uniform in [lower, upper) for each element during training, the mean of these otherwise.
   * Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.
   */
  rrelu: maker(kind, 'rrelu', { lower: numberOption(1 / 8, { from: 0 }), upper: numberOption(1 / 3, { from: 0 }) }, ({ lower, upper }) => {
    if (lower > upper) {
      throw new ArgumentError(`activation 'rrelu': lower must be at most upper (${upper}), got ${lower}`, {
        argument: 'lower',
        received: lower,
        expected: upper,
      });
    }
    return wrap(leaky, (x, context) => (context.training ? slopedBelow(x, context.uniform(x, lower, upper)) : g.leakyRelu(x, (lower + upper) / 2)));
  }),

  /** x above 0, `alpha` · (eˣ − 1) below; Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2016. */
  elu: maker(kind, 'elu', { alpha: numberOption(1, { from: 0 }) }, ({ alpha }) =>
    alpha === 0 ? wrap(rectifier, (x) => g.relu(x)) : wrap({ ...softRectifier, range: [-alpha, inf], smooth: alpha === 1 }, (x) => g.elu(x, alpha)),
  ),

  /** λx above 0, λα · (eˣ − 1) below, with λ and α that preserve mean 0 and variance 1; Klambauer et al., "Self-normalizing neural networks", 2017. */
  selu: plain(
    'selu',
    { ...softRectifier, range: [-g.SELU_LAMBDA * g.SELU_ALPHA, inf], smooth: false, selfNormalizing: true, initializer: 'lecunNormal' },
    g.selu,
  ),

  /** x · Φ(x), or its tanh form (`approximate`); Hendrycks and Gimpel, "Gaussian error linear units", 2016. */
  gelu: maker(kind, 'gelu', { approximate: flagOption(false) }, ({ approximate }) =>
    wrap({ ...softRectifier, range: [approximate ? -0.17004075 : -0.16997121, inf] }, (x) => {
      const bent = approximate
        ? g.tanh(g.mul(g.mul(x, g.add(g.mul(g.square(x), 0.044715), 1)), Math.sqrt(2 / Math.PI)))
        : g.erf(g.mul(x, Math.SQRT1_2));
      return g.mul(g.mul(x, 0.5), g.add(bent, 1));
    }),
  ),

  /** x · sigmoid(x), also called swish; Ramachandran et al., "Searching for activation functions", 2017. */
  silu: plain('silu', { ...softRectifier, range: [-0.27846455, inf] }, (x) => g.mul(x, g.sigmoid(x))),

  /** x · tanh(softplus(x)); Misra, "Mish: a self regularized non-monotonic activation function", 2019. */
  mish: plain('mish', { ...softRectifier, range: [-0.30884016, inf] }, (x) => g.mul(x, g.tanh(g.softplus(x)))),

  /** log(1 + eˣ). */
  softplus: plain('softplus', { ...softRectifier, range: [0, inf] }, g.softplus),

  /** x / (1 + |x|). */
  softsign: plain('softsign', { ...sigmoidal, range: [-1, 1] }, g.softsign),

  /** x / 6 + 1/2, clipped to [0, 1]. */
  hardSigmoid: plain('hardSigmoid', { ...probability, canDie: true }, (x) => g.clip(g.add(g.mul(x, 1 / 6), 0.5), 0, 1)),

  /** x above 0, `alpha` · (e^(x / alpha) − 1) below; Barron, "Continuously differentiable exponential linear units", 2017. */
  celu: maker(kind, 'celu', { alpha: numberOption(1, { above: 0 }) }, ({ alpha }) =>
    wrap({ ...softRectifier, range: [-alpha, inf] }, (x) => g.add(g.relu(x), g.mul(g.sub(g.exp(g.mul(g.min(x, 0), 1 / alpha)), 1), alpha))),
  ),

  /** x beyond ±`threshold`, 0 between. */
  hardShrink: maker(kind, 'hardShrink', { threshold: numberOption(0.5, { from: 0 }) }, ({ threshold }) =>
    wrap(unknown, (x) => g.shrink(x, threshold)),
  ),

  /** x · (x / 6 + 1/2 clipped to [0, 1]), also called hard swish; Howard et al., "Searching for MobileNetV3", 2019. */
  hardSilu: plain('hardSilu', { ...softRectifier, range: [-0.375, inf], canDie: true }, (x) => g.mul(x, g.clip(g.add(g.mul(x, 1 / 6), 0.5), 0, 1))),

  /** x clipped to [−1, 1]. */
  hardTanh: plain('hardTanh', { ...sigmoidal, range: [-1, 1], canDie: true }, (x) => g.clip(x, -1, 1)),

  /** log(sigmoid(x)). */
  logSigmoid: plain('logSigmoid', { ...unknown, range: [-inf, 0], saturates: 'right' }, (x) => g.neg(g.softplus(g.neg(x)))),

  /**
   * The first half of the last axis times the sigmoid of the second: halves the number of units. Dauphin et al., "Language modeling with gated
   * convolutional networks", 2017.
   */
  glu: plain('glu', unknown, (x) => {
    const width = x.shape.at(-1);
    if (typeof width !== 'number' || width % 2 !== 0)
      throw new ShapeError(`activation 'glu' halves the last axis, whose length must be even; got ${showShape(x.shape)}`, { received: x.shape });
    const [signal, gate] = g.split(x, { axis: x.rank - 1, lengths: [width / 2, width / 2] }) as [Tensor, Tensor];
    return g.mul(signal, g.sigmoid(gate));
  }),

  /** The nearest distribution along the last axis, with many entries at 0; Martins and Astudillo, "From softmax to sparsemax", 2016. */
  sparsemax: plain('sparsemax', { ...distribution, smooth: false, canDie: true }, (x) => sparsemaxOf(x)),

  /** The logarithm of softmax, along the last axis. */
  logSoftmax: plain('logSoftmax', { ...unknown, range: [-inf, 0] }, (x) => g.logSoftmax(x)),

  /** x shrunk towards 0 by `threshold`, 0 between. */
  softShrink: maker(kind, 'softShrink', { threshold: numberOption(0.5, { from: 0 }) }, ({ threshold }) =>
    wrap(unknown, (x) => g.sub(x, g.clip(x, -threshold, threshold))),
  ),

  /** 0 up to −1, (x + 1)² / 4 up to 1, x beyond. */
  sparsePlus: plain('sparsePlus', { ...softRectifier, range: [0, inf], canDie: true, canComa: false }, (x) =>
    g.add(g.mul(g.square(g.add(g.clip(x, -1, 1), 1)), 0.25), g.relu(g.sub(x, 1))),
  ),

  /** (x + 1) / 2, clipped to [0, 1]. */
  sparseSigmoid: plain('sparseSigmoid', { ...probability, canDie: true }, (x) => g.clip(g.add(g.mul(x, 0.5), 0.5), 0, 1)),

  /** (x + √(x² + b)) / 2; Barron, "Squareplus", 2021. */
  squareplus: maker(kind, 'squareplus', { b: numberOption(4, { above: 0 }) }, ({ b }) =>
    wrap({ ...softRectifier, range: [0, inf] }, (x) => {
      const above = g.add(x, g.sqrt(g.add(g.square(x), b)));
      // Far below 0 that sum would cancel; b / (√(x² + b) − x) is the same number.
      const below = g.min(x, 0);
      const rest = g.div(b, g.sub(g.sqrt(g.add(g.square(below), b)), below));
      return g.mul(g.where(g.greaterOrEqual(x, 0), above, rest), 0.5);
    }),
  ),

  /** x − tanh(x). */
  tanhShrink: plain('tanhShrink', unknown, (x) => g.sub(x, g.tanh(x))),

  /** x above `threshold`, `value` at and below it. */
  threshold: maker(kind, 'threshold', { threshold: numberOption(0), value: numberOption(0) }, ({ threshold, value }) =>
    wrap({ ...rectifier, range: [Math.min(threshold, value), inf], smooth: threshold !== 0 }, (x) => g.where(g.greater(x, threshold), x, value)),
  ),

  /** x above `theta`, 0 at and below it. */
  thresholdedRelu: maker(kind, 'thresholdedRelu', { theta: numberOption(1, { from: 0 }) }, ({ theta }) =>
    wrap({ ...rectifier, smooth: theta !== 0 }, (x) => g.where(g.greater(x, theta), x, 0)),
  ),

  /** eˣ; overflows float32 beyond 88. */
  exponential: plain('exponential', { ...softRectifier, range: [0, inf], initializer: 'glorotUniform' }, g.exp),
};

export type ActivationName = keyof typeof activations;

/** A custom elementwise activation, built from graph operators. */
export type ActivationFunction = (x: Tensor) => Tensor;

/** What users may pass where an activation is expected; Keras's spellings (`leaky_relu`, `swish`) are names as well. */
export type ActivationLike = ActivationName | (string & {}) | Activation | ActivationFunction;

const catalogue: Catalogue<Activation> = {
  kind,
  table: activations,
  aliases: { swish: 'silu', hardSwish: 'hardSilu' },
  holds: (value) => typeof (value as Partial<Activation>).apply === 'function',
  fromFunction: (value, name) => fromFunction(value as ActivationFunction, name),
};

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no activation. */
export function resolveActivation(value: ActivationLike): Activation {
  return resolve(catalogue, value);
}

/** The activation of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function activationFromConfig(name: string, config: Readonly<Record<string, unknown>>): Activation {
  return make(catalogue, name, config);
}

function fromFunction(apply: ActivationFunction, name: string): Activation {
  return {
    name,
    config: {},
    ...unknown,
    apply(x) {
      const y: unknown = apply(x);
      if (!(y instanceof Tensor)) {
        throw new ArgumentError(`activation function '${name}' must return a tensor, got ${typeof y}; build it from graph operators`, {
          argument: kind,
          received: y,
        });
      }
      if (!sameShape(x.shape, y.shape)) {
        throw new ShapeError(`activation function '${name}' turned the shape ${showShape(x.shape)} into ${showShape(y.shape)}; it must keep it`, {
          received: y.shape,
          expected: x.shape,
        });
      }
      return y;
    },
  };
}

/**
 * An activation as a function of one number, with its derivative, as it is outside training; what it learns has its first value.
 * @throws ArgumentError if it is not elementwise.
 */
export function scalarForm(activation: Activation): ScalarFunction {
  const parameter: ActivationContext['parameter'] = (_, { initializer }) =>
    constant(new NdArray(resolveInitializer(initializer).sample([1], new Random(0)), []));
  return scalarFunction((x) => activation.apply(x, { training: false, parameter, uniform: (like) => like }));
}

/** What initializers may know of an activation. */
export function asNonlinearity(activation: Activation): Nonlinearity {
  return { name: activation.name, initializer: activation.initializer, scalar: () => scalarForm(activation) };
}
