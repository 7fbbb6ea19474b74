import { describe, expect, it } from 'vitest';
import { type Activation, type ActivationContext, activationFromConfig, activations, resolveActivation } from '#src/activations.js';
import { ArgumentError, ShapeError } from '#src/core/errors.js';
import { sizeOf } from '#src/core/shape.js';
import { gradients } from '#src/graph/gradients.js';
import { input, type Tensor } from '#src/graph/node.js';
import { mul, reduceSum, reshape, square } from '#src/graph/ops/index.js';
import { initializers, resolveInitializer } from '#src/initializers.js';
import { array, evaluate, fixed, flatten, type Nested, numericalGradient } from './evaluate.js';
import fixture from './fixtures/activations.json' with { type: 'json' };

/** A layer for one activation: parameters are constants at their initial values, random slopes evenly spread. */
class Bench implements ActivationContext {
  readonly training: boolean;
  readonly dtype: 'float32' | 'float64';
  readonly parameters: Tensor[] = [];
  readonly shapes: (readonly number[])[] = [];

  constructor(dtype: 'float32' | 'float64', training = false) {
    this.dtype = dtype;
    this.training = training;
  }

  parameter(_: string, { shape, initializer }: Parameters<ActivationContext['parameter']>[1]): Tensor {
    const values = resolveInitializer(initializer).sample(shape, undefined as never);
    const tensor = reshape(fixed([...values], this.dtype), shape);
    this.parameters.push(tensor);
    this.shapes.push(shape);
    return tensor;
  }

  uniform(like: Tensor, min: number, max: number): Tensor {
    const count = sizeOf(like.shape as number[]);
    const spread = Array.from({ length: count }, (_, i) => min + ((max - min) * ((7 * i) % 11)) / 11);
    return reshape(fixed(spread, this.dtype), like.shape);
  }
}

const all: [string, Activation][] = Object.entries(activations).map(([name, make]) => [name, make()]);
const variants: [string, Activation][] = [
  ...all,
  ['elu, alpha 0.5', activations.elu({ alpha: 0.5 })],
  ['gelu, approximate', activations.gelu({ approximate: true })],
  ['leakyRelu, slope 0', activations.leakyRelu({ slope: 0 })],
  ['prelu, shared', activations.prelu({ shared: true })],
];
const alongRows = ['softmax', 'logSoftmax', 'sparsemax', 'glu'];
const elementwise = variants.filter(([name]) => !alongRows.includes(name));

/** Values and slopes of an elementwise activation. */
async function curve(activation: Activation, points: readonly number[], dtype: 'float32' | 'float64' = 'float64') {
  const x = fixed([points], dtype);
  const y = activation.apply(x, new Bench(dtype));
  return evaluate({ value: y, slope: gradients(y, [x])[0] as Tensor });
}

describe('golden values', () => {
  it.each(fixture.cases.map((one, i) => [`${one.name} (${one.test}, case ${i})`, one] as const))('%s', async (_, { name, options, x, expected }) => {
    const tensor = input('x', array(x as Nested).shape);
    const y = activationFromConfig(name, options).apply(tensor, new Bench('float32'));
    const result = await evaluate({ y }, new Map([[tensor, array(x as Nested)]]));
    flatten(expected as Nested).forEach((value, i) => {
      expect(Math.abs((result.y[i] as number) - value)).toBeLessThanOrEqual(1e-6 + 2e-6 * Math.abs(value));
    });
  });

  it('covers the table, random and learned slopes apart; left out are axes other than the last', () => {
    const covered = new Set(fixture.cases.map(({ name }) => name));
    expect(Object.keys(activations).filter((name) => !covered.has(name))).toEqual(['prelu', 'rrelu']);
  });

  it('prelu starts with a slope of 0.25 for each unit, or one for all', async () => {
    const x = fixed([[-2, -1, 0, 3]]);
    const [own, shared] = [new Bench('float32'), new Bench('float32')];
    const y = activations.prelu().apply(x, own);
    activations.prelu({ shared: true }).apply(x, shared);
    expect((await evaluate({ y })).y).toEqual([-0.5, -0.25, 0, 3]);
    expect([own.shapes, shared.shapes]).toEqual([[[4]], [[1]]]);
  });

  it('prelu shares a slope along axes of unknown length', () => {
    const bench = new Bench('float32');
    activations.prelu().apply(input('x', ['N', 'T', 5]), bench);
    expect(bench.shapes).toEqual([[1, 5]]);
  });

  it('rrelu draws slopes while training and uses their mean, 11/48, otherwise', async () => {
    const x = fixed([[-48, -1, 2]]);
    const still = activations.rrelu().apply(x, new Bench('float32', false));
    const training = activations.rrelu({ lower: 0.25, upper: 0.5 }).apply(x, new Bench('float32', true));
    const result = await evaluate({ still, training });
    [-11, -11 / 48, 2].forEach((value, i) => {
      expect(result.still[i]).toBeCloseTo(value, 5);
    });
    [-48 * 0.25, -(0.25 + (0.25 * 7) / 11), 2].forEach((value, i) => {
      expect(result.training[i]).toBeCloseTo(value, 5);
    });
  });
});

describe('gradients', () => {
  const points = [-7.3, -3.7, -2.1, -1.3, -0.4, -0.05, 0.07, 0.6, 1.9, 4.2, 5.1, 8.5];
  const weights = points.map((_, i) => 1 - ((i * 5) % 7) / 4);
  /** A sum with a weight for each output, however many there are. */
  const weighted = (y: Tensor): Tensor => reduceSum(mul(y, fixed([weights.slice(0, Number(y.shape[1]))], 'float64')));

  it.each(
    variants.flatMap(([name, activation]) =>
      [false, true].map((training) => [`${name}${training ? ', training' : ''}`, activation, training] as const),
    ),
  )('%s agrees with finite differences in float64', async (_, activation, training) => {
    const bench = new Bench('float64', training);
    const x = fixed([points], 'float64');
    const loss = weighted(activation.apply(x, bench));
    const [dx, ...dParameters] = gradients(loss, [x, ...bench.parameters]);
    const exact = await evaluate({ dx: dx as Tensor, ...Object.fromEntries(dParameters.map((tensor, i) => [`parameter${i}`, tensor])) });
    const rowwise = async (rows: readonly (readonly number[])[]) => {
      // One sample a row, so that random slopes repeat as they were.
      const outputs = rows.map((row) => weighted(activation.apply(fixed([row], 'float64'), new Bench('float64', training))));
      const values = await evaluate(Object.fromEntries(outputs.map((tensor, i) => [`row${i}`, tensor])));
      return outputs.map((_, i) => values[`row${i}`]?.[0] as number);
    };
    const numerical = await numericalGradient(rowwise, points);
    numerical.forEach((slope, i) => {
      expect(Math.abs((exact.dx[i] as number) - slope)).toBeLessThanOrEqual(1e-6 * Math.abs(slope) + 1e-9);
    });
  });

  it('prelu learns its slope: the gradient is the input where it is negative', async () => {
    const bench = new Bench('float64');
    const x = fixed([[-3, 2, -0.5]], 'float64');
    const y = activations.prelu().apply(x, bench);
    const [slope] = gradients(reduceSum(square(y)), bench.parameters);
    // d Σ(ax)² / da = 2ax² at a = 1/4.
    expect((await evaluate({ slope: slope as Tensor })).slope).toEqual([4.5, 0, 0.125]);
  });
});

describe('far out and at kinks', () => {
  const points = [-0, 0, 20, -20, 100, -100, 3, -3, 6, -6, 1e-30, -1e-30];

  it.each(variants)('%s has finite values and slopes', async (_, activation) => {
    const truth = await curve(activation, points);
    expect([...truth.value, ...truth.slope].every(Number.isFinite)).toBe(true);
    const single = await curve(activation, points, 'float32');
    points.forEach((x, i) => {
      const [value, slope] = [truth.value[i] as number, truth.slope[i] as number];
      // What float32 cannot hold is not asked of it: eˣ beyond 88.
      if (!Number.isFinite(Math.fround(value))) return;
      expect(single.value[i], `value at ${x}`).toSatisfy((y: number) => Math.abs(y - value) <= 2e-6 * Math.max(1, Math.abs(value)));
      expect(single.slope[i], `slope at ${x}`).toSatisfy((y: number) => Math.abs(y - slope) <= 2e-6 * Math.max(1, Math.abs(slope)));
    });
  });

  it.each([0, 2 ** 20, -(2 ** 20)])('sparsemax goes by differences alone, of logits near %d too', async (base) => {
    const shares = activations.sparsemax().apply(fixed([[0, -0.25, -0.5, -10].map((difference) => base + difference)]), new Bench('float32'));
    // τ = (0 − 1/4 − 1/2 − 1) / 3 below the highest.
    (await evaluate({ shares })).shares.forEach((share, i) => {
      expect(share).toBeCloseTo([7 / 12, 4 / 12, 1 / 12, 0][i] ?? 0, 6);
    });
  });

  it.each(elementwise)('%s has at 0 a slope between those of its two sides', async (_, activation) => {
    const { slope } = await curve(activation, [-1e-7, 0, 1e-7]);
    const [left = 0, middle = 0, right = 0] = slope;
    expect(middle).toBeGreaterThanOrEqual(Math.min(left, right) - 1e-6);
    expect(middle).toBeLessThanOrEqual(Math.max(left, right) + 1e-6);
  });
});

describe('facts', () => {
  const grid = Array.from({ length: 1201 }, (_, i) => (i - 600) / 20);

  it.each(elementwise)('%s lies in its range and reaches its ends', async (_, { range: [low, high], ...activation }) => {
    const { value } = await curve(activation as Activation, [...grid, -500, 500, -1e5, 0]);
    const finite = value.filter(Number.isFinite);
    expect(Math.min(...finite)).toBeGreaterThanOrEqual(low - 1e-7);
    expect(Math.max(...finite)).toBeLessThanOrEqual(high + 1e-7);
    if (low > -Infinity) expect(Math.min(...finite)).toBeLessThan(low + 1e-3);
    else expect(Math.min(...finite)).toBeLessThan(-100);
    if (high < Infinity) expect(Math.max(...finite)).toBeGreaterThan(high - 3e-3);
    else expect(Math.max(...value)).toBeGreaterThan(100);
  });

  it.each(elementwise)('%s saturates where its slope vanishes', async (_, activation) => {
    const { slope } = await curve(activation, [-600, 600]);
    const [left, right] = slope.map((one) => Math.abs(one) < 1e-4);
    expect(activation.saturates).toBe(left && right ? 'both' : left ? 'left' : right ? 'right' : 'none');
  });

  it.each(elementwise)('%s is smooth where its slope is continuous at 0', async (_, activation) => {
    const { slope } = await curve(activation, [-1e-6, 1e-6]);
    expect(activation.smooth).toBe(Math.abs((slope[0] as number) - (slope[1] as number)) < 1e-3);
  });

  it.each(elementwise)('%s can die where its slope is exactly 0, not where it is only small', async (_, activation) => {
    const { slope } = await curve(activation, [-4]);
    expect(activation.canDie).toBe(slope[0] === 0);
    if (activation.canComa) expect(Math.abs(slope[0] as number)).toBeLessThan(0.3);
  });

  it.each(elementwise.filter(([, { selfNormalizing }]) => selfNormalizing))('%s keeps mean 0 and variance 1', async (_, activation) => {
    const step = 0.01;
    const points = Array.from({ length: 2001 }, (_, i) => (i - 1000) * step);
    const { value } = await curve(activation, points);
    const moment = (power: number) =>
      value.reduce((sum, y, i) => sum + (y ** power * Math.exp(-((points[i] as number) ** 2) / 2) * step) / Math.sqrt(2 * Math.PI), 0);
    expect(moment(1)).toBeCloseTo(0, 4);
    expect(moment(2)).toBeCloseTo(1, 4);
  });

  it('only selu normalizes itself', () => {
    expect(all.filter(([, { selfNormalizing }]) => selfNormalizing).map(([name]) => name)).toEqual(['selu']);
  });

  it.each(all)('%s names a known initializer', (_, { initializer }) => {
    expect(Object.keys(initializers)).toContain(initializer);
  });
});

describe('resolveActivation', () => {
  it.each(variants)('%s comes back from its name and config', (_, activation) => {
    const again = activationFromConfig(activation.name, JSON.parse(JSON.stringify(activation.config)));
    expect([again.name, again.config, again.range]).toEqual([activation.name, activation.config, activation.range]);
  });

  it('knows Keras spellings', () => {
    const names = ['leaky_relu', 'LeakyReLU', 'hard_sigmoid', 'swish', 'SELU'].map((name) => resolveActivation(name).name);
    expect(names).toEqual(['leakyRelu', 'leakyRelu', 'hardSigmoid', 'silu', 'selu']);
  });

  it('suggests the nearest name', () => {
    expect(() => resolveActivation('rleu')).toThrow(/unknown activation 'rleu'; did you mean .*'relu'/);
    expect(() => resolveActivation('rleu')).toThrow(ArgumentError);
  });

  it('passes instances through and wraps functions', async () => {
    const relu = activations.relu();
    expect(resolveActivation(relu)).toBe(relu);
    const squared = resolveActivation(function squared(x) {
      return square(x);
    });
    expect(squared.name).toBe('squared');
    expect((await curve(squared, [3])).slope).toEqual([6]);
  });

  it('refuses what is none', () => {
    expect(() => resolveActivation(activations.elu as never)).toThrow(/got the function that creates one; pass 'elu'/);
    expect(() => resolveActivation(7 as never)).toThrow(/activation: expected the name of an activation or an instance, or a function, got 7$/);
    expect(() => resolveActivation({ name: 'leaky_relu', slope: 0.1 } as never)).toThrow(/to set options, call the function: leakyRelu\({ … }\)$/);
    expect(() => resolveActivation({ class_name: 'ELU', config: {} } as never)).toThrow(/: elu\({ … }\)$/);
    expect(() => resolveActivation({ name: 'none of them' } as never)).toThrow(/got {"name":"none of them"}$/);
    const context = new Bench('float32');
    expect(() => resolveActivation((() => 1) as never).apply(fixed([1]), context)).toThrow(ArgumentError);
    expect(() => resolveActivation((x: Tensor) => reduceSum(x)).apply(fixed([1]), context)).toThrow(ShapeError);
  });

  it('refuses options that do not exist or do not fit', () => {
    expect(() => activations.leakyRelu({ slop: 0.1 } as never)).toThrow("activation 'leakyRelu' has no option 'slop'; did you mean 'slope'?");
    expect(() => activations.elu({ alpha: Number.NaN })).toThrow("activation 'elu': alpha must be a finite number ≥ 0, got NaN");
    expect(() => activations.gelu({ approximate: 1 as never })).toThrow(/approximate must be true or false, got 1/);
    expect(() => activations.rrelu({ lower: 0.5, upper: 0.1 })).toThrow(/lower must be at most upper/);
    expect(() => activations.relu({ slope: 1 } as never)).toThrow("activation 'relu' has no option 'slope'; it takes no options");
  });
});
