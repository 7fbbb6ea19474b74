import { ArgumentError, GradientError, gradients as gradientsOf, ops, type Tensor, tensorInput } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import { constant, topological } from '#src/graph/node.js';
import { mul, reduceSum, withGradient } from '#src/graph/ops/index.js';
import { simplify } from '#src/graph/simplify.js';
import { feedsOf, makeInputs } from './differences.js';
import { compute, numbers } from './engine.js';

describe('a gradient of its own', () => {
  const two = constant(new NdArray(Float64Array.of(1, 2), [2]));

  it('takes the place of the chain rule, and costs no operator', async () => {
    const [x] = makeInputs([{ shape: [2] }], 'float64') as [Tensor];
    const y = withGradient(mul(x, x), [x], (dy) => [mul(dy, two)]);
    const [gradient] = gradients(reduceSum(y), [x]) as [Tensor];
    const feeds = feedsOf([x], [new NdArray(Float64Array.of(5, 7), [2])]);
    const found = await compute([y, gradient], feeds);
    expect(found.map(numbers)).toEqual([
      [25, 49],
      [1, 2],
    ]);
    expect(
      topological(simplify([y]))
        .filter(({ value, record }) => !value && record.name !== 'Input')
        .map(({ record }) => record.name),
    ).toEqual(['Mul']);
  });

  it('reaches those tensors alone that the value is said to be a function of', async () => {
    const [x, scale] = makeInputs([{ shape: [2] }, { shape: [2] }], 'float64') as [Tensor, Tensor];
    const y = withGradient(mul(x, scale), [x], (dy) => [dy]);
    const feeds = feedsOf([x, scale], [two.node.value as NdArray, two.node.value as NdArray]);
    expect((await compute(gradients(reduceSum(y), [x, scale]), feeds)).map(numbers)).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  it('refuses what is no tensor or no rule at once, and what a rule gives when gradients are asked for', () => {
    const [x, sum] = [tensorInput('x', [2, 3]), (y: Tensor) => ops.reduceSum(y)];
    const asked = (rule: unknown) => () => gradientsOf(sum(ops.withGradient(ops.mul(x, x), [x], rule as never)), [x]);
    expect(() => ops.withGradient(x, x as never, () => [x])).toThrow(/^withGradient: expected a list of tensors, such as \[x\], got a Tensor/);
    expect(() => ops.withGradient(3 as never, [x], () => [x])).toThrow(ArgumentError);
    expect(asked(undefined)).toThrow(/^withGradient: expected a function of the gradient of the value, got undefined/);
    expect(asked(() => [])).toThrow(GradientError);
    expect(asked(() => [])).toThrow(/must return a list of 1 tensors/);
    expect(asked((dy: Tensor) => dy)).toThrow(/must return a list/);
    expect(asked((dy: Tensor) => [ops.reduceSum(dy, { axes: [0] })])).toThrow(/gives \[3\] as the gradient of a tensor \[2, 3\]/);
  });
});
