import { describe, expect, it } from 'vitest';
import { type Constraint, constraintFromConfig, constraints, resolveConstraint } from '#src/constraints.js';
import { ArgumentError } from '#src/core/errors.js';
import { input } from '#src/graph/node.js';
import { neg, reduceSum } from '#src/graph/ops/index.js';
import { evaluate, fixed, flatten, type Nested } from './evaluate.js';
import fixture from './fixtures/regularizers_constraints.json' with { type: 'json' };

const constrain = async (constraint: Constraint, x: Nested): Promise<number[]> => (await evaluate({ value: constraint.constrain(fixed(x)) })).value;

const close = (received: readonly number[], expected: readonly number[], tolerance = 2e-6): void => {
  expect(received.length).toBe(expected.length);
  received.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] ?? Number.NaN)), `element ${i}: ${value}`).toBeLessThanOrEqual(tolerance);
  });
};

describe('golden arrays', () => {
  const cases = fixture.cases.filter((one) => one.kind === 'constraint');
  it.each(cases.map((one) => [one.test, one] as const))('%s', async (_, { name, options, x, expected, atol }) => {
    close(await constrain(constraintFromConfig(name, options), x as Nested), flatten(expected as Nested), 2 * atol);
  });
});

describe('constraints', () => {
  // Columns of norm 5, 0.5 and 0.
  const x = [
    [3, 0.3, 0],
    [-4, 0.4, 0],
  ];

  it('maxNorm shortens what is too long alone', async () => {
    close(await constrain(constraints.maxNorm({ maxValue: 2 }), x), [1.2, 0.3, 0, -1.6, 0.4, 0]);
  });

  it('unitNorm makes every norm 1, but for zeros, which stay', async () => {
    close(await constrain(constraints.unitNorm(), x), [0.6, 0.6, 0, -0.8, 0.8, 0]);
  });

  it('minMaxNorm keeps norms between bounds, and goes part of the way where told', async () => {
    close(await constrain(constraints.minMaxNorm({ minValue: 1, maxValue: 2 }), x), [1.2, 0.6, 0, -1.6, 0.8, 0]);
    // Halfway from 5 to 2 is 3.5, from 0.5 to 1 is 0.75.
    close(await constrain(constraints.minMaxNorm({ minValue: 1, maxValue: 2, rate: 0.5 }), x), [2.1, 0.45, 0, -2.8, 0.6, 0]);
  });

  it('nonNeg keeps what is not negative', async () => {
    close(await constrain(constraints.nonNeg(), x), [3, 0.3, 0, 0, 0.4, 0]);
  });

  it('take other axes, and several', async () => {
    close(
      await constrain(constraints.unitNorm({ axis: 1 }), [
        [3, 4],
        [0, 2],
      ]),
      [0.6, 0.8, 0, 1],
    );
    close(
      await constrain(constraints.unitNorm({ axis: -1 }), [
        [3, 4],
        [0, 2],
      ]),
      [0.6, 0.8, 0, 1],
    );
    close(
      await constrain(constraints.maxNorm({ maxValue: 1, axis: [0, 1] }), [
        [2, 2],
        [2, 2],
      ]),
      [0.5, 0.5, 0.5, 0.5],
    );
  });

  it.each(Object.entries(constraints))('%s comes back from its name and config', (name, make) => {
    const one = make();
    const again = constraintFromConfig(name, JSON.parse(JSON.stringify(one.config)));
    expect([again.name, again.config]).toEqual([name, one.config]);
  });

  it('refuse impossible options', () => {
    expect(() => constraints.maxNorm({ maxValue: -1 })).toThrow(/maxValue must be a finite number ≥ 0, got -1/);
    expect(() => constraints.unitNorm({ axis: 0.5 })).toThrow(/axis must be an axis or a list of axes, got 0.5/);
    expect(() => constraints.minMaxNorm({ minValue: 2 })).toThrow(/minValue must not be above maxValue, got 2 and 1/);
    expect(() => constraints.minMaxNorm({ rate: 2 })).toThrow(ArgumentError);
  });
});

describe('resolveConstraint', () => {
  it('knows names, Keras spellings, instances and functions', async () => {
    expect(resolveConstraint('MaxNorm').config).toEqual({ maxValue: 2, axis: 0 });
    expect(constraintFromConfig('min_max_norm', { min_value: 0.5 }).config).toMatchObject({ minValue: 0.5, maxValue: 1, rate: 1 });
    close(await constrain(resolveConstraint(neg), [1, -2]), [-1, 2], 0);
  });

  it('refuses what is none, and functions that change the shape', () => {
    expect(() => resolveConstraint('nonNegg')).toThrow(/unknown constraint 'nonNegg'; did you mean 'nonNeg'/);
    expect(() => resolveConstraint((x) => reduceSum(x)).constrain(input('x', [2]))).toThrow(/the array's own type, float32 \[2\], got float32/);
  });
});
