import { describe, expect, it } from 'vitest';
import { asNonlinearity, resolveActivation } from '#src/activations.js';
import { describeEntry } from '#src/core/catalogue.js';
import { Random } from '#src/core/random.js';
import { Bends, Unknown } from '#src/doctor/forecast/lookups.js';
import { weightMoments } from '#src/doctor/forecast/weight-moments.js';
import { type Initializer, initializers, resolveInitializer } from '#src/initializers.js';

const bends = new Bends({});
const momentsOf = (initializer: Initializer, shape: readonly number[], activation?: string) =>
  weightMoments(describeEntry(initializer), shape, activation === undefined ? undefined : { name: activation, config: {} }, bends);

/** Mean and mean square of many draws. */
function drawn(initializer: Initializer, shape: readonly number[], activation?: string) {
  const fitted = activation && initializer.suit ? initializer.suit(asNonlinearity(resolveActivation(activation))) : initializer;
  const random = new Random(3);
  let [count, sum, squares] = [0, 0, 0];
  for (let i = 0; i < 30; i++) {
    for (const x of fitted.sample(shape, random, () => {})) {
      count++;
      sum += x;
      squares += x * x;
    }
  }
  return { mean: sum / count, square: squares / count };
}

describe('moments of weights', () => {
  const made = Object.entries(initializers).map(([name, make]) => [name, make()] as const);

  it.each([
    ...made,
    ['uniform in [0, 0.3)', initializers.uniform({ minval: 0, maxval: 0.3 })],
    ['normal, mean 0.5', initializers.normal({ mean: 0.5, stddev: 0.1 })],
    ['varianceScaling by fanAvg', initializers.varianceScaling({ scale: 3, mode: 'fanAvg', distribution: 'uniform' })],
    ['varianceScaling by fanOut', initializers.varianceScaling({ scale: 0.5, mode: 'fanOut' })],
    ['constant 0.3', initializers.constant({ value: 0.3 })],
    ['orthogonal, gain 2', initializers.orthogonal({ gain: 2 })],
  ] as const)('of %s are those of its draws', (_, initializer) => {
    for (const shape of [
      [40, 70],
      [90, 30],
    ]) {
      const [known, found] = [momentsOf(initializer, shape, 'tanh'), drawn(initializer, shape, 'tanh')];
      expect(Math.abs(known.square - found.square)).toBeLessThanOrEqual(0.02 * found.square + 1e-12);
      expect(Math.abs(known.mean - found.mean)).toBeLessThanOrEqual(0.06 * Math.sqrt(found.square) + 1e-12);
    }
  });

  it.each([
    ['relu', 2],
    ['leakyRelu', 2 / (1 + 0.01 ** 2)],
    ['selu', 1],
  ])('of auto suit %s', (activation, scale) => {
    expect(momentsOf(initializers.auto(), [50, 20], activation).square).toBeCloseTo(scale / 50, 9);
  });

  it('of truncatedNormal shrink by 0.8796, scaled families do not', () => {
    expect(Math.sqrt(momentsOf(initializers.truncatedNormal({ stddev: 1 }), [9, 9]).square)).toBeCloseTo(0.8796, 4);
    expect(momentsOf(resolveInitializer('heNormal'), [9, 9]).square).toBeCloseTo(2 / 9, 12);
  });

  it('of an initializer of the user’s own come from a sample of it', () => {
    const own = resolveInitializer(function wide(shape, random) {
      return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.uniform(-2, 2));
    });
    const found = weightMoments(describeEntry(own), [60, 60], undefined, new Bends({ initializers: { wide: own } }));
    expect(found.square).toBeCloseTo(4 / 3, 1);
    expect(found.mean).toBe(0);
    const same = resolveInitializer(function flat(shape) {
      return new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0.5);
    });
    expect(weightMoments(describeEntry(same), [6, 6], undefined, new Bends({ initializers: { flat: same } }))).toMatchObject({
      mean: 0.5,
      symmetric: true,
    });
  });

  it('says what is not known', () => {
    expect(() => weightMoments({ name: 'mine', config: {}, custom: true }, [2, 2], undefined, bends)).toThrow(Unknown);
    expect(() => weightMoments({ name: 'critical', config: { q: 1 } }, [2, 2], { name: 'softplus', config: {} }, bends)).toThrow(/softplus/);
  });
});
