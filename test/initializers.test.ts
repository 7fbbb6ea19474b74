import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { activationFromConfig, activations, asNonlinearity, resolveActivation } from '#src/activations.js';
import { ArgumentError } from '#src/core/errors.js';
import { Random } from '#src/core/random.js';
import {
  computeFans,
  type Initializer,
  type InitializerLike,
  type InitializerName,
  initializerFromConfig,
  initializers,
  resolveInitializer,
} from '#src/initializers.js';
import { centralMoment, kolmogorovSmirnov, mean, normalCdf } from './statistics.js';

const names = Object.keys(initializers) as InitializerName[];
const random = (seed = 1): Random => new Random(seed);
const uniformCdf = (min: number, max: number) => (x: number) => Math.min(1, Math.max(0, (x - min) / (max - min)));

/** Distribution function of a normal of deviation `std` cut at two of them. */
function truncatedCdf(std: number): (x: number) => number {
  const low = normalCdf(-2);
  return (x) => (Math.min(Math.max(normalCdf(x / std), low), 1 - low) - low) / (1 - 2 * low);
}

/** Variance of a standard normal cut at ±2: 1 − 2·2·φ(2) / (2Φ(2) − 1). */
const truncatedVariance = 1 - (4 * Math.exp(-2)) / Math.sqrt(2 * Math.PI) / (1 - 2 * normalCdf(-2));

const kernels = [
  { shape: [300, 100], fanIn: 300, fanOut: 100 },
  { shape: [20, 1500], fanIn: 20, fanOut: 1500 },
  { shape: [3, 3, 40, 80], fanIn: 360, fanOut: 720 },
];

type Kernel = (typeof kernels)[number];
interface Expectation {
  readonly variance: (kernel: Kernel) => number;
  readonly form: 'uniform' | 'truncated' | 'normal' | 'point';
  readonly mean?: number;
}

const glorot = ({ fanIn, fanOut }: Kernel): number => 2 / (fanIn + fanOut);
const he = ({ fanIn }: Kernel): number => 2 / fanIn;
const lecun = ({ fanIn }: Kernel): number => 1 / fanIn;

/** From the papers named in the table, and from the Keras documentation. An initializer that is not here gets the tests that hold for all. */
const published: Partial<Record<string, Expectation>> = {
  zeros: { variance: () => 0, form: 'point' },
  ones: { variance: () => 0, form: 'point', mean: 1 },
  constant: { variance: () => 0, form: 'point' },
  uniform: { variance: () => 0.1 ** 2 / 12, form: 'uniform' },
  normal: { variance: () => 0.05 ** 2, form: 'normal' },
  truncatedNormal: { variance: () => truncatedVariance * 0.05 ** 2, form: 'truncated' },
  varianceScaling: { variance: lecun, form: 'truncated' },
  glorotUniform: { variance: glorot, form: 'uniform' },
  glorotNormal: { variance: glorot, form: 'truncated' },
  heUniform: { variance: he, form: 'uniform' },
  heNormal: { variance: he, form: 'truncated' },
  lecunUniform: { variance: lecun, form: 'uniform' },
  lecunNormal: { variance: lecun, form: 'truncated' },
};

function cdfOf(form: Expectation['form'], variance: number): (x: number) => number {
  const std = Math.sqrt(variance);
  if (form === 'uniform') return uniformCdf(-std * Math.sqrt(3), std * Math.sqrt(3));
  return form === 'truncated' ? truncatedCdf(std / Math.sqrt(truncatedVariance)) : (x) => normalCdf(x / std);
}

describe.each(names)('%s', (name) => {
  const make = initializers[name] as () => Initializer;
  const isRandom = (values: Float64Array | undefined): boolean => name !== 'identity' && new Set(values).size > 1;

  it('fills any kernel with finite numbers, the same for the same seed', () => {
    const matrices = [
      [7, 5],
      [5, 7],
      [1, 1],
      [0, 4],
    ];
    for (const shape of name === 'identity' ? matrices : [...matrices, [3, 3, 2, 4], [2, 5, 3]]) {
      const values = make().sample(shape, random());
      expect(values).toHaveLength(shape.reduce((product, dim) => product * dim, 1));
      expect(values.every(Number.isFinite)).toBe(true);
      expect(make().sample(shape, random())).toEqual(values);
    }
  });

  it('gives two layers different values, unless it draws nothing', () => {
    const root = random();
    const [a, b] = ['dense_1', 'dense_2'].map((layer) => make().sample([8, 8], root.stream(layer).stream('kernel')));
    if (isRandom(a)) expect(a).not.toEqual(b);
    else expect(a).toEqual(b);
  });

  it('used twice with one generator gives different values', () => {
    const [initializer, generator] = [make(), random()];
    const first = initializer.sample([8, 8], generator);
    if (isRandom(first)) expect(initializer.sample([8, 8], generator)).not.toEqual(first);
    else expect(initializer.sample([8, 8], generator)).toEqual(first);
  });

  it('comes back from its name and configuration', () => {
    const initializer = make();
    const config = JSON.parse(JSON.stringify(initializer.config)) as Record<string, unknown>;
    const again = initializerFromConfig(initializer.name, config);
    expect(again.config).toEqual(initializer.config);
    expect(again.sample([6, 4], random(3))).toEqual(initializer.sample([6, 4], random(3)));
    expect(initializer.name).toBe(name);
  });

  it('resolves in camelCase and in snake_case', () => {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    expect(resolveInitializer(name).name).toBe(name);
    expect(resolveInitializer(snake).name).toBe(name);
  });

  it('refuses options that it does not have, and numbers that are not finite', () => {
    expect(() => initializerFromConfig(name, { scael: 1 })).toThrow(/has no option 'scael'/);
    for (const [option, value] of Object.entries(make().config)) {
      if (typeof value !== 'number') continue;
      for (const bad of [NaN, Infinity, '1']) {
        expect(() => initializerFromConfig(name, { [option]: bad })).toThrow(new RegExp(`${option} must be a finite number`));
      }
    }
  });

  const expectation = published[name];
  if (!expectation) return;
  it.each(kernels)('has the published mean, variance and distribution for $shape', (kernel) => {
    const values = make().sample(kernel.shape, random(5));
    const variance = expectation.variance(kernel);
    const measured = centralMoment(values, 2);
    const n = values.length;
    expect(Math.abs(mean(values) - (expectation.mean ?? 0))).toBeLessThanOrEqual(4 * Math.sqrt(variance / n));
    expect(Math.abs(measured - variance)).toBeLessThanOrEqual(4 * Math.sqrt((centralMoment(values, 4) - measured ** 2) / n));
    if (expectation.form !== 'point') expect(kolmogorovSmirnov(values, cdfOf(expectation.form, variance))).toBeGreaterThan(1e-4);
  });
});

/** Draws for an activation. */
function drawn(initializer: Initializer, activation: string, shape: number[], warn?: (message: string) => void): Float64Array {
  return initializer.suit?.(asNonlinearity(resolveActivation(activation))).sample(shape, random(11), warn) ?? new Float64Array();
}

describe('critical', () => {
  it.each([
    ['tanh', 2.1533, 0.151],
    ['selu', 0.9332, 0.0668],
    ['elu', 1.4968, 0.0347],
    ['relu', 2, 0],
    ['linear', 1, 0],
  ])('draws for %s weights of variance %d / fan_in and biases of variance %d', (activation, weights, biases) => {
    const kernel = drawn(initializers.critical(), activation, [400, 500]);
    expect(kolmogorovSmirnov(kernel, (x) => normalCdf(x / Math.sqrt(weights / 400)))).toBeGreaterThan(1e-4);
    const bias = drawn(initializers.critical(), activation, [20000]);
    if (biases === 0) expect(bias.every((x) => x === 0)).toBe(true);
    else expect(kolmogorovSmirnov(bias, (x) => normalCdf(x / Math.sqrt(biases)))).toBeGreaterThan(1e-4);
  });

  it('takes another q, and orthogonal weights', () => {
    const kernel = drawn(initializers.critical({ q: 0.01, distribution: 'orthogonal' }), 'tanh', [50, 50]);
    const column = kernel.filter((_, i) => i % 50 === 7);
    // 1 / E[sech⁴(0.1 z)] = 1 + 2q + O(q²).
    expect(column.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1.0195, 2);
  });

  it.each([[[20, 80]], [[80, 20]], [[3, 10, 90]]])(
    'draws orthogonal weights of %j whose sums vary as they should, narrowing or widening',
    (shape) => {
      const kernel = drawn(initializers.critical({ distribution: 'orthogonal' }), 'tanh', shape);
      // Each unit's weights have the length σ_w in the mean, however many there are.
      expect(kernel.reduce((sum, x) => sum + x * x, 0) / (shape.at(-1) ?? 1)).toBeCloseTo(2.1533, 3);
    },
  );

  it('goes by the fans of the layer, where it is told them', () => {
    for (const distribution of ['untruncatedNormal', 'uniform', 'orthogonal'] as const) {
      const draw = initializers.critical({ distribution }).suit?.(asNonlinearity(resolveActivation('relu')));
      const kernel = draw?.sample([50, 60], random(5), undefined, { fanIn: 10, fanOut: 1 }) ?? new Float64Array(1);
      expect(kernel.reduce((sum, x) => sum + x * x, 0) / kernel.length).toBeCloseTo(0.2, 1.5);
    }
  });

  it('refuses where there are none, with the reason', () => {
    expect(() => drawn(initializers.critical(), 'softplus', [3, 3])).toThrow(
      /'softplus' has no critical weights at q = 1: χ = 1 needs σ_w² = 3\.41, which alone raises the variance to 3\.14/,
    );
    expect(() => drawn(initializers.critical(), 'sigmoid', [3])).toThrow(ArgumentError);
    expect(() => drawn(initializers.critical(), 'softmax', [3, 3])).toThrow(
      /elementwise activation, which 'softmax' is not; for this layer use 'glorotUniform'/,
    );
  });

  it('warns where variances stray', () => {
    const heard: string[] = [];
    for (const activation of ['tanh', 'relu', 'gelu']) drawn(initializers.critical(), activation, [3, 3], (message) => heard.push(message));
    expect(heard).toEqual([expect.stringMatching(/'gelu' at q = 1 .* deviates further in each layer \(dq'\/dq = 1\.067 > 1\)/)]);
  });
});

describe('auto', () => {
  it.each([
    ['tanh', 'glorotUniform'],
    ['softmax', 'glorotUniform'],
    ['relu', 'heNormal'],
    ['gelu', 'heNormal'],
    ['selu', 'lecunNormal'],
  ])('takes for %s %s', (activation, name) => {
    expect(drawn(initializers.auto(), activation, [9, 8])).toEqual(initializerFromConfig(name, {}).sample([9, 8], random(11)));
  });

  it('knows every activation of the table, and gives zero biases', () => {
    for (const name of Object.keys(activations)) {
      expect(drawn(initializers.auto(), name, [4, 4]).every(Number.isFinite)).toBe(true);
      expect(drawn(initializers.auto(), name, [4])).toEqual(new Float64Array(4));
    }
  });
});

describe('sparse', () => {
  it('leaves each unit a share of its inputs', () => {
    const values = initializers.sparse({ sparsity: 0.75, stddev: 2 }).sample([40, 300], random());
    for (let unit = 0; unit < 300; unit++) expect(values.filter((x, i) => i % 300 === unit && x !== 0)).toHaveLength(10);
    expect(
      kolmogorovSmirnov(
        values.filter((x) => x !== 0),
        (x) => normalCdf(x / 2),
      ),
    ).toBeGreaterThan(1e-4);
    const fed = Array.from({ length: 40 }, (_, input) => values.subarray(input * 300, input * 300 + 300).filter((x) => x !== 0).length);
    expect(Math.min(...fed)).toBeGreaterThan(40);
  });
});

describe('deltaOrthogonal', () => {
  it('is orthogonal in the middle of the receptive field and 0 around it', () => {
    const values = initializers.deltaOrthogonal({ gain: 3 }).sample([3, 5, 4, 6], random());
    const middle = (1 * 5 + 2) * 24;
    expect(values.every((x, i) => (i >= middle && i < middle + 24) || x === 0)).toBe(true);
    const rows = Array.from({ length: 4 }, (_, row) => values.subarray(middle + row * 6, middle + row * 6 + 6));
    for (const a of rows) for (const b of rows) expect(a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)).toBeCloseTo(a === b ? 9 : 0, 10);
  });
});

describe('options', () => {
  const shape = [50, 400];

  it('shift and scale uniform, normal and truncatedNormal', () => {
    const uniform = initializers.uniform({ minval: 2, maxval: 3 }).sample(shape, random());
    expect(kolmogorovSmirnov(uniform, uniformCdf(2, 3))).toBeGreaterThan(1e-4);
    const normal = initializers.normal({ mean: -1, stddev: 4 }).sample(shape, random());
    expect(kolmogorovSmirnov(normal, (x) => normalCdf((x + 1) / 4))).toBeGreaterThan(1e-4);
    const cut = initializers.truncatedNormal({ mean: -1, stddev: 4 }).sample(shape, random());
    expect(kolmogorovSmirnov(cut, (x) => truncatedCdf(4)(x + 1))).toBeGreaterThan(1e-4);
  });

  it('zero is a value, not a missing one', () => {
    expect(
      initializers
        .uniform({ minval: 0 })
        .sample(shape, random())
        .every((x) => x >= 0 && x < 0.05),
    ).toBe(true);
    expect(initializers.normal({ stddev: 0 }).sample([2], random())).toEqual(new Float64Array(2));
  });

  it.each([
    ['fanIn', 50],
    ['fanOut', 400],
    ['fanAvg', 225],
  ] as const)('varianceScaling in mode %s divides by %d, in every distribution', (mode, fan) => {
    const variance = 3 / fan;
    for (const [distribution, form] of [
      ['truncatedNormal', 'truncated'],
      ['untruncatedNormal', 'normal'],
      ['uniform', 'uniform'],
    ] as const) {
      const values = initializers.varianceScaling({ scale: 3, mode, distribution }).sample(shape, random(8));
      expect(kolmogorovSmirnov(values, cdfOf(form, variance))).toBeGreaterThan(1e-4);
    }
  });

  it('takes Keras’s spelling of modes and distributions', () => {
    const config = { scale: 2, mode: 'fan_out', distribution: 'untruncated_normal' };
    expect(initializerFromConfig('variance_scaling', config).config).toEqual({ scale: 2, mode: 'fanOut', distribution: 'untruncatedNormal' });
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['varianceScaling', { scale: 0 }, /scale must be a finite number > 0, got 0/],
    ['varianceScaling', { mode: 'fan_inn' }, /mode must be 'fanIn' or 'fanOut' or 'fanAvg', got 'fan_inn'/],
    ['varianceScaling', { mode: 3 }, /mode must be/],
    ['varianceScaling', { distribution: 'gauss' }, /distribution must be/],
    ['uniform', { minval: 1, maxval: 0 }, /minval must be at most maxval \(0\), got 1/],
    ['normal', { stddev: -1 }, /stddev must be a finite number ≥ 0, got -1/],
    ['truncatedNormal', { stddev: -1 }, /stddev must be a finite number ≥ 0/],
    ['normal', { stdev: 1 }, /no option 'stdev'; did you mean 'stddev'\?/],
    ['heNormal', { gain: 1 }, /no option 'gain'; it takes no options/],
  ])('%s refuses %o', (name, config, message) => {
    expect(() => initializerFromConfig(name, config)).toThrow(message);
    expect(() => initializerFromConfig(name, config)).toThrow(ArgumentError);
  });
});

describe('orthogonal', () => {
  /** The largest deviation of the Gram matrix over the shorter side from gain² times the identity. */
  function deviation(values: Float64Array, rows: number, columns: number, gain: number): number {
    const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
    const at = (vector: number, i: number): number => values[rows < columns ? vector * columns + i : i * columns + vector] ?? NaN;
    let worst = 0;
    for (let a = 0; a < count; a++) {
      for (let b = 0; b <= a; b++) {
        let product = 0;
        for (let i = 0; i < length; i++) product += at(a, i) * at(b, i);
        worst = Math.max(worst, Math.abs(product - (a === b ? gain * gain : 0)));
      }
    }
    return worst;
  }

  it.each([
    { shape: [60, 60], rows: 60, columns: 60 },
    { shape: [90, 40], rows: 90, columns: 40 },
    { shape: [40, 90], rows: 40, columns: 90 },
    { shape: [1, 9], rows: 1, columns: 9 },
    { shape: [3, 3, 4, 8], rows: 36, columns: 8 },
    { shape: [2, 1, 3, 16], rows: 6, columns: 16 },
  ])('of shape $shape has orthogonal rows or columns of length gain', ({ shape, rows, columns }) => {
    for (const gain of [1, 2, Math.SQRT2]) {
      const values = initializers.orthogonal({ gain }).sample(shape, random());
      expect(deviation(values, rows, columns, gain)).toBeLessThan(1e-12);
    }
  });

  it('is uniform over the orthogonal matrices', () => {
    // A row or column of such a 3 × 3 matrix is uniform on the sphere, so each element is uniform on [-1, 1] (Archimedes);
    // the determinant is 1 or -1 with equal odds, and the squared trace has mean 1.
    const [n, generator] = [4000, random(2)];
    const samples = Array.from({ length: n }, () => initializers.orthogonal().sample([3, 3], generator));
    for (let i = 0; i < 9; i++) {
      expect(
        kolmogorovSmirnov(
          samples.map((q) => q[i] ?? NaN),
          uniformCdf(-1, 1),
        ),
      ).toBeGreaterThan(1e-4);
    }
    const determinants = samples.map(
      ([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0]) => a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g),
    );
    expect(Math.abs(mean(determinants))).toBeLessThan(4 / Math.sqrt(n));
    const squaredTraces = samples.map((q) => ((q[0] ?? 0) + (q[4] ?? 0) + (q[8] ?? 0)) ** 2);
    expect(Math.abs(mean(squaredTraces) - 1)).toBeLessThan(4 * Math.sqrt(centralMoment(squaredTraces, 2) / n));
  });

  it('is uniform for matrices that are not square', () => {
    const generator = random(4);
    for (const shape of [
      [3, 2],
      [2, 3],
    ]) {
      const samples = Array.from({ length: 3000 }, () => initializers.orthogonal().sample(shape, generator));
      for (let i = 0; i < 6; i++) {
        expect(
          kolmogorovSmirnov(
            samples.map((q) => q[i] ?? NaN),
            uniformCdf(-1, 1),
          ),
        ).toBeGreaterThan(1e-4);
      }
    }
  });

  it('refuses shapes of fewer than two axes', () => {
    expect(() => initializers.orthogonal().sample([5], random())).toThrow(/needs at least 2 axes, got the shape \[5\]/);
  });
});

describe('resolveInitializer', () => {
  it('suggests the nearest names for an unknown one', () => {
    expect(() => resolveInitializer('he_norml')).toThrow(ArgumentError);
    expect(() => resolveInitializer('he_norml')).toThrow(/unknown initializer 'he_norml'; did you mean 'heNormal'/);
    expect(() => resolveInitializer('xyzzyxyzzy')).toThrow(/known: zeros, ones/);
    expect(() => resolveInitializer('toString')).toThrow(ArgumentError);
  });

  it('passes initializers through and wraps functions', () => {
    const own = initializers.orthogonal({ gain: 2 });
    expect(resolveInitializer(own)).toBe(own);
    const eye = resolveInitializer(function identity([rows = 0, columns = 0]) {
      return Array.from({ length: rows * columns }, (_, i) => (i % (columns + 1) === 0 ? 1 : 0));
    });
    expect(eye.name).toBe('identity');
    expect(eye.sample([2, 2], random())).toEqual(Float64Array.of(1, 0, 0, 1));
    expect(resolveInitializer(() => [1]).name).toBe('custom');
    const drawn = resolveInitializer((shape, generator) => [generator.uniform(), shape.length]);
    expect(drawn.sample([2], random(3))).toEqual(Float64Array.of(random(3).uniform(), 1));
  });

  it('checks what a function returns', () => {
    expect(() => resolveInitializer(() => [1, 2]).sample([3], random())).toThrow(/returned 2 numbers; the shape \[3\] needs 3/);
    expect(() => resolveInitializer(() => [1, NaN]).sample([2], random())).toThrow(/element 1 of a \[2\] sample must be a finite number, got NaN/);
  });

  it('refuses what is no initializer, and a factory that was not called', () => {
    for (const value of [3, null, undefined, {}]) expect(() => resolveInitializer(value as unknown as InitializerLike)).toThrow(ArgumentError);
    expect(() => resolveInitializer(initializers.heNormal as unknown as InitializerLike)).toThrow(/pass 'heNormal', or call it: heNormal\(…\)/);
    expect(() => initializers.normal(5 as unknown as object)).toThrow(/options must be an object, such as { \w+: 5 }, got 5/);
  });
});

interface Golden {
  readonly kind: string;
  readonly name: string;
  readonly shape: number[];
  readonly config?: Record<string, unknown>;
  readonly expected: unknown;
  readonly expected_std: number;
  readonly atol: number;
  readonly limit?: number;
  readonly hard_bound?: number;
  readonly input_axes?: number[];
  readonly output_axes?: number[];
  readonly nonlinearity?: string;
  readonly param?: number | null;
}

describe('golden figures of Keras', () => {
  const file = new URL('./fixtures/initializers.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Golden[] };
  const of = (kind: string): Golden[] => cases.filter((golden) => golden.kind === kind);
  const load = ({ name, config = {} }: Golden): Initializer => initializerFromConfig(name, config);

  it.each(of('fans'))('fans of $shape', ({ shape, expected, input_axes, output_axes }) => {
    const [fanIn, fanOut] = expected as [number, number];
    const axes = { ...(input_axes ? { inputAxes: input_axes } : {}), ...(output_axes ? { outputAxes: output_axes } : {}) };
    expect(computeFans(shape, axes)).toEqual({ fanIn, fanOut });
  });

  it.each(of('variance_scaling'))('$name $shape: deviation and bound', ({ name, shape, expected_std, limit, hard_bound }) => {
    const values = initializerFromConfig(name, {}).sample(shape, random(7));
    const [variance, n, bound] = [centralMoment(values, 2), values.length, limit ?? hard_bound ?? NaN];
    expect(Math.abs(variance - expected_std ** 2)).toBeLessThan(4 * Math.sqrt((centralMoment(values, 4) - variance ** 2) / n));
    const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(largest).toBeLessThanOrEqual(bound);
    expect(largest).toBeGreaterThan(0.97 * bound);
  });

  it.each(of('sample_rule').filter((golden) => golden.expected_std !== undefined))('$name $config: deviation', (golden) => {
    const std = Math.sqrt(centralMoment(load(golden).sample(golden.shape, random()), 2));
    expect(Math.abs(std - golden.expected_std)).toBeLessThan(golden.atol);
  });

  it('RandomUniform stays in its range, Orthogonal has columns of norm gain', () => {
    const rules = of('sample_rule').filter((golden) => golden.expected_std === undefined);
    expect(rules.map(({ name }) => name)).toEqual(['RandomUniform', 'Orthogonal']);
    const [uniform, orthogonal] = rules.map((golden) => load(golden).sample(golden.shape, random()));
    expect(uniform?.every((x) => x >= -1 && x < 1)).toBe(true);
    for (let a = 0; a < 5; a++) {
      for (let b = 0; b < 5; b++) {
        const product = [0, 1, 2, 3, 4].reduce((sum, row) => sum + (orthogonal?.[row * 5 + a] ?? 0) * (orthogonal?.[row * 5 + b] ?? 0), 0);
        expect(product).toBeCloseTo(a === b ? 4 : 0, 10);
      }
    }
  });

  /**
   * PyTorch's gains of rectifiers are those of `auto`. Its tanh (5/3) and SELU (3/4) are rules of thumb that Keras does not know, and its convolutions
   * have the gain of their activation here; the gain of a linear layer belongs to LeCun's rule, where Glorot's is ours.
   */
  it.each(of('torch_gain').filter(({ nonlinearity = '' }) => nonlinearity.endsWith('relu')))(
    'gain of $nonlinearity $param',
    ({ nonlinearity = '', param, expected }) => {
      const slope = typeof param === 'number' ? { slope: param } : {};
      const suited = initializers.auto().suit?.(asNonlinearity(activationFromConfig(nonlinearity, nonlinearity === 'relu' ? {} : slope)));
      const reference = initializers.varianceScaling({ scale: Number(expected) ** 2 });
      expect([...(suited?.sample([30, 20], random()) ?? [])]).toEqual(
        [...reference.sample([30, 20], random())].map((x) => expect.closeTo(x, 10) as number),
      );
    },
  );

  it.each(of('exact'))('$name $config', (golden) => {
    const expected = golden.expected as number[][] | { readonly $full: number };
    expect([...load(golden).sample(golden.shape, random())]).toEqual(Array.isArray(expected) ? expected.flat() : new Array(9).fill(expected.$full));
  });

  it.each(of('error'))('$name $config $shape is refused', (golden) => {
    expect(() => load(golden).sample(golden.shape ?? [2, 2], random())).toThrow(ArgumentError);
  });
});
