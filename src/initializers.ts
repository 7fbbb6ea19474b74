import { axesOption, type Catalogue, choiceOption, make, maker, numberOption, type Rules, resolve, type Settings } from './core/catalogue.js';
import { countOf } from './core/count.js';
import { ArgumentError } from './core/errors.js';
import type { Random } from './core/random.js';
import { type StaticShape, showShape, sizeOf } from './core/shape.js';
import { type Drawing, fill, type Initializer, refuse } from './initializers/initializer.js';
import { deltaOrthogonal, orthogonal, requireAxes } from './initializers/orthogonal.js';
import { type Distribution, distributionNames, type Mode, modeNames, scaled } from './initializers/scaled.js';
import { auto, type CriticalDistribution, critical } from './initializers/suited.js';

export type { Fans, Initializer, Nonlinearity, Warn } from './initializers/initializer.js';
export { computeFans, type FanAxes } from './initializers/scaled.js';

/** A custom initializer; returns as many numbers as the shape has elements, in row-major order. */
export type InitializerFunction = (shape: StaticShape, random: Random) => ArrayLike<number>;

const kind = 'initializer';
const entry = <R extends Rules>(name: string, rules: R, draw: (settings: Settings<R>) => Drawing) => maker(kind, name, rules, draw);
const sampled = <R extends Rules>(name: string, rules: R, sample: (settings: Settings<R>) => Initializer['sample']) =>
  entry(name, rules, (settings) => ({ sample: sample(settings) }));
const plain = (name: string, sample: Initializer['sample']) => sampled(name, {}, () => sample);

const deviation = numberOption(0.05, { from: 0 });
const gain = numberOption(1);

/**
 * The initializers, by name; each entry creates one from its options. `truncatedNormal` is truncated at two standard deviations and not rescaled, so its
 * deviation is 0.8796 `stddev`; the scaled families rescale theirs, so that their variance is exactly `scale / fan`. All as in Keras.
 */
export const initializers = {
  zeros: plain('zeros', (shape) => new Float64Array(sizeOf(shape))),

  ones: plain('ones', (shape) => new Float64Array(sizeOf(shape)).fill(1)),

  constant: sampled(
    'constant',
    { value: numberOption(0) },
    ({ value }) =>
      (shape) =>
        new Float64Array(sizeOf(shape)).fill(value),
  ),

  /** `gain` on the diagonal of a matrix, 0 elsewhere. */
  identity: sampled('identity', { gain }, (options) => (shape) => {
    requireAxes('identity', shape, 2, 2, 'it suits the kernel of a dense layer');
    const columns = shape[1] ?? 0;
    const values = new Float64Array(sizeOf(shape));
    for (let i = 0; i < Math.min(shape[0] ?? 0, columns); i++) values[i * (columns + 1)] = options.gain;
    return values;
  }),

  /** Uniform in [minval, maxval). */
  uniform: sampled('uniform', { minval: numberOption(-0.05), maxval: numberOption(0.05) }, ({ minval, maxval }) => {
    if (minval > maxval) refuse('uniform', 'minval', minval, `at most maxval (${maxval})`);
    return (shape, random) => fill(sizeOf(shape), () => random.uniform(minval, maxval));
  }),

  normal: sampled(
    'normal',
    { mean: numberOption(0), stddev: deviation },
    ({ mean, stddev }) =>
      (shape, random) =>
        fill(sizeOf(shape), () => random.normal(mean, stddev)),
  ),

  truncatedNormal: sampled(
    'truncatedNormal',
    { mean: numberOption(0), stddev: deviation },
    ({ mean, stddev }) =>
      (shape, random) =>
        fill(sizeOf(shape), () => random.truncatedNormal(mean, stddev)),
  ),

  /**
   * Mean 0, variance `scale / fan`. `inputAxes` and `outputAxes` say which axes of the kernel count the fans; by default the last but one and the
   * last.
   */
  varianceScaling: sampled(
    'varianceScaling',
    {
      scale: numberOption(1, { above: 0 }),
      mode: choiceOption<Mode>('fanIn', modeNames),
      distribution: choiceOption<Distribution>('truncatedNormal', distributionNames),
      inputAxes: axesOption(),
      outputAxes: axesOption(),
    },
    ({ scale, mode, distribution, ...axes }) => scaled(scale, mode, distribution, axes),
  ),

  /** Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010: variance 2 / (fanIn + fanOut). */
  glorotUniform: plain('glorotUniform', scaled(1, 'fanAvg', 'uniform')),
  glorotNormal: plain('glorotNormal', scaled(1, 'fanAvg', 'truncatedNormal')),

  /** He et al., "Delving deep into rectifiers", 2015: variance 2 / fanIn. */
  heUniform: plain('heUniform', scaled(2, 'fanIn', 'uniform')),
  heNormal: plain('heNormal', scaled(2, 'fanIn', 'truncatedNormal')),

  /** LeCun et al., "Efficient BackProp", 1998; required by SELU (Klambauer et al., 2017): variance 1 / fanIn. */
  lecunUniform: plain('lecunUniform', scaled(1, 'fanIn', 'uniform')),
  lecunNormal: plain('lecunNormal', scaled(1, 'fanIn', 'truncatedNormal')),

  /**
   * `gain` times a matrix with orthonormal columns, or rows where it has fewer rows (Saxe et al., "Exact solutions to the nonlinear dynamics
   * of learning in deep linear neural networks", 2014). All axes but the last make up the rows.
   */
  orthogonal: sampled('orthogonal', { gain }, (options) => orthogonal(options.gain)),

  /**
   * `gain` times an orthogonal matrix in the middle of a convolution's receptive field, 0 around it: norms are kept (Xiao et al., "Dynamical
   * isometry and a mean field theory of CNNs", 2018), where it has at least as many outputs as inputs.
   */
  deltaOrthogonal: sampled('deltaOrthogonal', { gain }, (options) => deltaOrthogonal(options.gain)),

  /** Each unit gets N(0, stddev²) weights from a share 1 − `sparsity` of its inputs, 0 from the others (Martens, "Deep learning via Hessian-free optimization", 2010). */
  sparse: sampled('sparse', { sparsity: numberOption(0.9, { from: 0, to: 1 }), stddev: numberOption(0.01, { from: 0 }) }, ({ sparsity, stddev }) => {
    return (shape, random) => {
      requireAxes('sparse', shape, 2, Number.POSITIVE_INFINITY, 'it suits kernels, not biases');
      const units = shape.at(-1) ?? 0;
      const inputs = units === 0 ? 0 : sizeOf(shape) / units;
      const kept = inputs - Math.ceil(sparsity * inputs);
      const values = new Float64Array(inputs * units);
      for (let unit = 0; unit < units; unit++) {
        for (const input of random.permutation(inputs).subarray(0, kept)) values[input * units + unit] = random.normal(0, stddev);
      }
      return values;
    };
  }),

  /**
   * Weights, and biases, for which gradients neither vanish nor explode (χ = 1) while the layer's sums keep the variance `q`, for the layer's own
   * activation, a user's function included (Schoenholz et al., "Deep information propagation", 2017). It refuses where there are none, and warns
   * where variances stray from q. A dense or convolutional layer with this kernel and no other bias initializer takes it for the biases as well, and gives
   * it its own fans: inputs that meet in one sum. Orthogonal weights are longer where the layer widens, by √(out / in).
   */
  critical: entry(
    'critical',
    { q: numberOption(1, { above: 0 }), distribution: choiceOption<CriticalDistribution>('untruncatedNormal', [...distributionNames, 'orthogonal']) },
    ({ q, distribution }) => critical(q, distribution),
  ),

  /**
   * Orthogonal weights, each layer's scaled on the data of the first fit so that its sums have variance 1 there (Mishkin and Matas, "All you need is a
   * good init", 2016); for kernels of dense and convolutional layers. Of the two of a separable convolution the pointwise one is scaled if both ask.
   */
  lsuv: entry('lsuv', {}, () => ({ sample: orthogonal(1), scaledByData: true })),

  /**
   * The initializer that matches the layer's activation: He for rectifiers (less for leaky ones), LeCun normal for SELU, Glorot uniform otherwise; zeros
   * for biases.
   */
  auto: entry('auto', {}, () => auto((name) => initializerFromConfig(name, {}).sample)),
};

export type InitializerName = keyof typeof initializers;

/** What users may pass where an initializer is expected; Keras's spellings (`he_normal`) are names as well. */
export type InitializerLike = InitializerName | (string & {}) | Initializer | InitializerFunction;

const catalogue: Catalogue<Initializer> = {
  kind,
  table: initializers,
  aliases: {
    randomUniform: 'uniform',
    randomNormal: 'normal',
    eye: 'identity',
    identityInitializer: 'identity',
    orthogonalInitializer: 'orthogonal',
  },
  holds: (value) => typeof (value as Partial<Initializer>).sample === 'function',
  fromFunction: (value, name) => fromFunction(value as unknown as InitializerFunction, name),
};

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no initializer. */
export function resolveInitializer(value: InitializerLike): Initializer {
  return resolve(catalogue, value);
}

/** The initializer of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function initializerFromConfig(name: string, config: Readonly<Record<string, unknown>>): Initializer {
  return make(catalogue, name, config);
}

function fromFunction(draw: InitializerFunction, name: string): Initializer {
  return {
    name,
    config: {},
    sample(shape, random) {
      const values = Float64Array.from(draw(shape, random) ?? []);
      if (values.length !== sizeOf(shape)) {
        throw new ArgumentError(
          `initializer function '${name}' returned ${countOf(values.length, 'number')}; the shape ${showShape(shape)} needs ${sizeOf(shape)}`,
          {
            argument: kind,
            received: values.length,
            expected: sizeOf(shape),
          },
        );
      }
      const bad = values.findIndex((x) => !Number.isFinite(x));
      if (bad >= 0) refuse(name, `element ${bad} of a ${showShape(shape)} sample`, values[bad], 'a finite number');
      return values;
    },
  };
}
