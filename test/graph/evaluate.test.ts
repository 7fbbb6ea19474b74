import { describe, expect, it } from 'vitest';
import { ArgumentError, GradientError } from '#src/core/errors.js';
import { evaluateScalar, scalarFunction } from '#src/graph/evaluate.js';
import { input, int64, scalar, type Tensor } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';

const points = [-100, -20, -3.7, -1, -1e-3, 0, 1e-3, 0.6, 1, 2.4, 20, 100];
const near = (actual: number, expected: number): void =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-13 * Math.max(1, Math.abs(expected)));
const cosh = (x: number): number => (Math.exp(x) + Math.exp(-x)) / 2;

interface Known {
  readonly name: string;
  readonly expression: (x: Tensor) => Tensor;
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
}

const known: readonly Known[] = [
  { name: 'a constant', expression: () => scalar(3, 'float64'), value: () => 3, slope: () => 0 },
  { name: 'x', expression: (x) => x, value: (x) => x, slope: () => 1 },
  {
    name: '3x² − 2x + 1',
    expression: (x) => ops.add(ops.sub(ops.mul(ops.square(x), 3), ops.mul(x, 2)), 1),
    value: (x) => (3 * x - 2) * x + 1,
    slope: (x) => 6 * x - 2,
  },
  { name: 'tanh', expression: ops.tanh, value: Math.tanh, slope: (x) => (Math.abs(x) > 300 ? 0 : cosh(x) ** -2) },
  {
    name: 'x · sigmoid x',
    expression: (x) => ops.mul(x, ops.sigmoid(x)),
    value: (x) => x / (1 + Math.exp(-x)),
    slope: (x) => (1 + Math.exp(-x) * (1 + x)) / (1 + Math.exp(-x)) ** 2,
  },
  { name: 'relu', expression: ops.relu, value: (x) => Math.max(x, 0), slope: (x) => Number(x > 0) },
  { name: 'sin of x²', expression: (x) => ops.sin(ops.square(x)), value: (x) => Math.sin(x * x), slope: (x) => 2 * x * Math.cos(x * x) },
  {
    name: 'e^x below 0, 1 + x above',
    expression: (x) => ops.where(ops.greater(x, 0), ops.add(x, 1), ops.exp(ops.min(x, 0))),
    value: (x) => (x > 0 ? 1 + x : Math.exp(x)),
    slope: (x) => (x > 0 ? 1 : Math.exp(x)),
  },
];

describe('scalarFunction', () => {
  it.each(known)('has value and slope of $name', ({ expression, value, slope }) => {
    const f = scalarFunction(expression);
    for (const x of points) {
      near(f.value(x), value(x));
      near(f.slope(x), slope(x));
    }
  });

  it('integrates: the mean of tanh² under a standard normal is 0.394294', () => {
    const f = scalarFunction((x) => ops.square(ops.tanh(x)));
    // The trapezoidal rule is exact to rounding for smooth functions that vanish at the ends.
    let sum = 0;
    for (let x = -12; x <= 12; x += 0.01) sum += f.value(x) * Math.exp((-x * x) / 2);
    expect((sum * 0.01) / Math.sqrt(2 * Math.PI)).toBeCloseTo(0.394294, 5);
  });

  it('does not remember the last call', () => {
    const f = scalarFunction((x) => ops.relu(x));
    expect([f.value(2), f.slope(2), f.value(-1), f.slope(-1), f.value(3)]).toEqual([2, 1, 0, 0, 3]);
  });

  it('refuses what is not elementwise, and other inputs', () => {
    expect(() => scalarFunction((x) => ops.softmax(ops.unsqueeze(x, [0])))).toThrow(ArgumentError);
    expect(() => scalarFunction((x) => ops.softmax(ops.unsqueeze(x, [0])))).toThrow('Unsqueeze is not elementwise');
    expect(() => scalarFunction((x) => ops.mul(x, input('y', [], 'float64')))).toThrow("a function of one number must not use another input, 'y'");
    expect(() => scalarFunction((x) => ops.mul(x, ops.cast(int64([1, 2]), 'float64')))).toThrow(/constant of 2 elements/);
  });

  it('asks for a slope only when it is wanted', () => {
    const f = scalarFunction(ops.floor);
    expect(f.value(1.5)).toBe(1);
    expect(() => f.slope(1.5)).toThrow(GradientError);
  });
});

describe('evaluateScalar', () => {
  it('takes several inputs, and goes thousands of operators deep', () => {
    const [x, y] = [input('x', [3]), input('y', [3])];
    expect(
      evaluateScalar(
        ops.sub(ops.mul(x, y), x),
        new Map([
          [x, 3],
          [y, 5],
        ]),
      ),
    ).toBe(12);
    let sum = x;
    for (let i = 0; i < 20_000; i++) sum = ops.add(sum, 1);
    expect(evaluateScalar(sum, new Map([[x, 0.5]]))).toBe(20_000.5);
  });

  it('names an input that has no value', () => {
    expect(() => evaluateScalar(input('height', []), new Map())).toThrow("needs a value for 'height'");
  });
});
