import { activations } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { flatSides } from '#src/vitals/flat.js';

const inf = Number.POSITIVE_INFINITY;

/** Where slopes fall under 5 % of the largest, solved by hand: e^z = 0.05, 1 − tanh² z = 0.05, s(1 − s) = 0.05 / 4, (1 + |z|)⁻² = 0.05. */
const sides: readonly [keyof typeof activations, number, number, boolean][] = [
  ['relu', 0, inf, true],
  ['leakyRelu', 0, inf, false],
  ['prelu', 0, inf, false],
  ['rrelu', 0, inf, false],
  ['elu', Math.log(0.05), inf, false],
  ['selu', Math.log(0.05), inf, false],
  ['tanh', -Math.atanh(Math.sqrt(0.95)), Math.atanh(Math.sqrt(0.95)), false],
  ['sigmoid', -2 * Math.atanh(Math.sqrt(0.95)), 2 * Math.atanh(Math.sqrt(0.95)), false],
  ['softsign', 1 - Math.sqrt(20), Math.sqrt(20) - 1, false],
  ['softplus', -Math.log(19), inf, false],
  ['hardTanh', -1, 1, true],
  ['relu6', 0, 6, true],
  ['logSigmoid', -inf, Math.log(19), false],
];

it.each(sides)('%s is flat below %d and above %d', (name, low, high, dead) => {
  const found = flatSides(activations[name]());
  expect(found?.low).toBeCloseTo(low, 6);
  expect(found?.high).toBeCloseTo(high, 6);
  expect(found?.dead).toBe(dead);
});

describe('without flat sides', () => {
  it.each(['linear', 'softmax', 'tanhShrink'] as const)('%s', (name) => {
    expect(flatSides(activations[name]())).toBeUndefined();
  });
});
