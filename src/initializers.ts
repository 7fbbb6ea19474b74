import { asFromTable } from './core/catalogue.js';
import { ArgumentError, show } from './core/errors.js';
import { findName, lookUp, suggestion } from './core/names.js';
import type { Random } from './core/random.js';
import { type StaticShape, showShape, sizeOf } from './core/shape.js';

/** Fills a new parameter: `sample` gives the elements in row-major order. `name` and `config` are what a saved model keeps. */
export interface Initializer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  sample(shape: StaticShape, random: Random): Float64Array;
}

/** An initializer of the user's own; returns as many numbers as the shape has elements, in row-major order. */
export type InitializerFunction = (shape: StaticShape, random: Random) => ArrayLike<number>;

type Options = Readonly<Record<string, number | string>>;
type Sampler = Initializer['sample'];

function refuse(initializer: string, argument: string, received: unknown, expected: string): never {
  throw new ArgumentError(`initializer '${initializer}': ${argument} must be ${expected}, got ${show(received)}`, { argument, received, expected });
}

/**
 * A factory that fills in defaults and refuses unknown options, numbers that are not finite and words that `choices` does not hold;
 * what else needs checking, `build` checks.
 */
function factory<O extends Options>(
  name: string,
  defaults: O,
  build: (options: O) => Sampler,
  choices: { readonly [K in keyof O]?: object } = {},
): (options?: Partial<O>) => Initializer {
  return (options = {}) => {
    if (options === null || typeof options !== 'object') refuse(name, 'options', options, 'an object');
    const config: Record<string, unknown> = { ...defaults };
    for (const [argument, value] of Object.entries(options)) {
      const key = findName(argument, defaults);
      if (key === undefined) {
        const known = Object.keys(defaults);
        const hint = known.length === 0 ? '; it takes none' : suggestion(argument, known);
        throw new ArgumentError(`initializer '${name}' has no option '${argument}'${hint}`, { argument, received: value, expected: known });
      }
      if (value === undefined) continue;
      const table = choices[key];
      if (table) config[key] = choice(name, key, value, table);
      else if (Number.isFinite(value)) config[key] = value;
      else refuse(name, key, value, 'a finite number');
    }
    return asFromTable({ name, config, sample: build(config as O) });
  };
}

function choice(initializer: string, argument: string, value: unknown, table: object): string {
  const found = typeof value === 'string' ? findName(value, table) : undefined;
  return found ?? refuse(initializer, argument, value, `one of ${Object.keys(table).map(show).join(', ')}`);
}

function fill(shape: StaticShape, draw: () => number): Float64Array {
  const values = new Float64Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = draw();
  return values;
}

/** Units that feed one unit, and units that one unit feeds. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Fans of a kernel: dense `[in, out]`, convolution `[...receptive field, in, out]`; `[n]` counts n both ways, a scalar 1 (as in Keras). */
export function computeFans(shape: StaticShape): Fans {
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) };
  const receptiveField = sizeOf(shape.slice(0, -2));
  return { fanIn: (shape.at(-2) ?? 1) * receptiveField, fanOut: (shape.at(-1) ?? 1) * receptiveField };
}

const modes = {
  fanIn: ({ fanIn }: Fans) => fanIn,
  fanOut: ({ fanOut }: Fans) => fanOut,
  fanAvg: ({ fanIn, fanOut }: Fans) => (fanIn + fanOut) / 2,
};

/** Standard deviation of a standard normal cut at ±2. */
const TRUNCATED_STD = 0.8796256610342398;

/** Draws with mean 0 and standard deviation `std`. */
const distributions = {
  truncatedNormal: (std: number, random: Random) => random.truncatedNormal(0, std / TRUNCATED_STD),
  untruncatedNormal: (std: number, random: Random) => random.normal(0, std),
  uniform: (std: number, random: Random) => random.uniform(-Math.sqrt(3) * std, Math.sqrt(3) * std),
};

type Mode = keyof typeof modes;
type Distribution = keyof typeof distributions;

/** Variance scale / fan, whatever the distribution. */
function scaled(scale: number, mode: Mode, distribution: Distribution): Sampler {
  return (shape, random) => {
    const std = Math.sqrt(scale / Math.max(1, modes[mode](computeFans(shape))));
    return fill(shape, () => distributions[distribution](std, random));
  };
}

function plain(name: string, sample: Sampler): () => Initializer {
  return factory(name, {}, () => sample);
}

/**
 * A matrix with orthonormal rows (fewer rows than columns) or columns, uniform over all of them (Haar's measure): the product of
 * reflections whose vectors are normal, which is the Q of a normal matrix with the signs of R's diagonal moved into it, without the
 * factorisation (Stewart, "The efficient generation of random orthogonal matrices", SIAM J. Numer. Anal. 17, 1980).
 */
function orthonormal(rows: number, columns: number, random: Random): Float64Array {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors = Array.from({ length: count }, () => new Float64Array(length));
  const reflections = vectors.map((vector, k) => {
    const normal = Float64Array.from({ length: length - k }, () => random.normal());
    const norm = Math.sqrt(normal.reduce((sum, x) => sum + x * x, 0));
    const first = normal[0] ?? 0;
    const sign = first < 0 ? -1 : 1;
    vector[k] = -sign;
    normal[0] = first + sign * norm;
    return { k, normal, square: 2 * norm * (norm + Math.abs(first)) };
  });
  for (const { k, normal, square } of reflections.reverse()) {
    for (const vector of vectors.slice(k)) reflect(vector.subarray(k), normal, square);
  }
  const values = new Float64Array(rows * columns);
  vectors.forEach((vector, k) => {
    if (rows < columns) values.set(vector, k * columns);
    else for (let row = 0; row < rows; row++) values[row * columns + k] = vector[row] ?? 0;
  });
  return values;
}

/** Mirrors `vector` at the plane whose normal (squared length `square`) is given, in place. */
function reflect(vector: Float64Array, normal: Float64Array, square: number): void {
  let product = 0;
  for (let i = 0; i < vector.length; i++) product += (vector[i] ?? 0) * (normal[i] ?? 0);
  const factor = (2 * product) / square;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) - factor * (normal[i] ?? 0);
}

/**
 * The initializers, by name; each entry makes one from its options.
 *
 * `truncatedNormal` is cut at two standard deviations and not widened, so its deviation is 0.8796 `stddev`; the scaled families widen
 * theirs, so that their variance is `scale / fan` exactly. All as in Keras.
 */
export const initializers = {
  zeros: plain('zeros', (shape) => new Float64Array(sizeOf(shape))),

  ones: plain('ones', (shape) => new Float64Array(sizeOf(shape)).fill(1)),

  constant: factory('constant', { value: 0 }, ({ value }) => {
    return (shape) => new Float64Array(sizeOf(shape)).fill(value);
  }),

  /** Uniform in [min, max). */
  uniform: factory('uniform', { min: -0.05, max: 0.05 }, ({ min, max }) => {
    if (min > max) refuse('uniform', 'min', min, `at most max (${max})`);
    return (shape, random) => fill(shape, () => random.uniform(min, max));
  }),

  normal: factory('normal', { mean: 0, stddev: 0.05 }, ({ mean, stddev }) => {
    if (stddev < 0) refuse('normal', 'stddev', stddev, '≥ 0');
    return (shape, random) => fill(shape, () => random.normal(mean, stddev));
  }),

  truncatedNormal: factory('truncatedNormal', { mean: 0, stddev: 0.05 }, ({ mean, stddev }) => {
    if (stddev < 0) refuse('truncatedNormal', 'stddev', stddev, '≥ 0');
    return (shape, random) => fill(shape, () => random.truncatedNormal(mean, stddev));
  }),

  /** Mean 0, variance `scale / fan`; `mode` is fanIn, fanOut or fanAvg, `distribution` truncatedNormal, untruncatedNormal or uniform. */
  varianceScaling: factory(
    'varianceScaling',
    { scale: 1, mode: 'fanIn' as Mode, distribution: 'truncatedNormal' as Distribution },
    ({ scale, mode, distribution }) => {
      if (scale <= 0) refuse('varianceScaling', 'scale', scale, '> 0');
      return scaled(scale, mode, distribution);
    },
    { mode: modes, distribution: distributions },
  ),

  /** Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010: variance 2 / (fanIn + fanOut). */
  glorotUniform: plain('glorotUniform', scaled(1, 'fanAvg', 'uniform')),
  glorotNormal: plain('glorotNormal', scaled(1, 'fanAvg', 'truncatedNormal')),

  /** He et al., "Delving deep into rectifiers", 2015: variance 2 / fanIn. */
  heUniform: plain('heUniform', scaled(2, 'fanIn', 'uniform')),
  heNormal: plain('heNormal', scaled(2, 'fanIn', 'truncatedNormal')),

  /** LeCun et al., "Efficient BackProp", 1998; asked for by SELU (Klambauer et al., 2017): variance 1 / fanIn. */
  lecunUniform: plain('lecunUniform', scaled(1, 'fanIn', 'uniform')),
  lecunNormal: plain('lecunNormal', scaled(1, 'fanIn', 'truncatedNormal')),

  /**
   * `gain` times a matrix with orthonormal columns, or rows where it has fewer rows (Saxe et al., "Exact solutions to the nonlinear dynamics
   * of learning in deep linear neural networks", 2014). All axes but the last make up the rows.
   */
  orthogonal: factory('orthogonal', { gain: 1 }, ({ gain }) => (shape, random) => {
    const columns = shape.at(-1) ?? 0;
    if (shape.length < 2) {
      throw new ArgumentError(`initializer 'orthogonal' needs at least two axes, got the shape ${showShape(shape)}; it suits kernels, not biases`, {
        argument: 'shape',
        received: shape,
      });
    }
    const size = sizeOf(shape);
    return size === 0 ? new Float64Array(0) : orthonormal(size / columns, columns, random).map((value) => gain * value);
  }),
};

export type InitializerName = keyof typeof initializers;

/** What users may pass where an initializer is expected; Keras's spellings (`he_normal`) are names as well. */
export type InitializerLike = InitializerName | (string & {}) | Initializer | InitializerFunction;

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no initializer. */
export function resolveInitializer(value: InitializerLike): Initializer {
  if (typeof value === 'string') return initializerFromConfig(value, {});
  if (typeof value === 'function') {
    const name = Object.entries(initializers).find(([, make]) => make === (value as unknown))?.[0];
    if (name === undefined) return fromFunction(value);
    throw new ArgumentError(`expected an initializer, got the function that makes one; pass '${name}' or initializers.${name}()`, {
      argument: 'initializer',
      received: value,
    });
  }
  if (typeof value?.sample === 'function') return value;
  throw new ArgumentError(`expected an initializer's name, an initializer or a function, got ${show(value)}`, {
    argument: 'initializer',
    received: value,
  });
}

/** The initializer of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function initializerFromConfig(name: string, config: Readonly<Record<string, unknown>>): Initializer {
  const make = lookUp('initializer', name, initializers) as (options: Readonly<Record<string, unknown>>) => Initializer;
  return make(config);
}

function fromFunction(draw: InitializerFunction): Initializer {
  const name = draw.name === '' ? 'custom' : draw.name;
  return {
    name,
    config: {},
    sample(shape, random) {
      const drawn = draw(shape, random);
      const values = Float64Array.from(drawn ?? []);
      if (values.length !== sizeOf(shape)) {
        const received = `${values.length} numbers`;
        throw new ArgumentError(`initializer function '${name}' returned ${received}; the shape ${showShape(shape)} needs ${sizeOf(shape)}`, {
          argument: 'initializer',
          received: values.length,
          expected: sizeOf(shape),
        });
      }
      const bad = values.findIndex((x) => !Number.isFinite(x));
      if (bad >= 0) refuse(name, `element ${bad} of a ${showShape(shape)} sample`, values[bad], 'a finite number');
      return values;
    },
  };
}
