import { ArgumentError, constant, gradients, ndarray, ops, ShapeError, type Tensor, tensorInput } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { input } from '#src/graph/node.js';
import { transpose } from '#src/graph/ops/index.js';
import { compute } from './engine.js';

const x = tensorInput('x', [2, 3]);
const none = undefined as unknown as Tensor;

describe('operators', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['nothing beside a tensor', () => ops.add(x, none), /^Add: expected a tensor .* got undefined/],
    ['nothing at all', () => ops.relu(none), /^Relu: expected a tensor .* got undefined/],
    ['a number where only a tensor will do', () => ops.relu(3 as unknown as Tensor), /^Relu: expected a tensor .* got 3/],
    ['an array', () => ops.mul(x, ndarray([1, 2, 3]) as unknown as Tensor), /^Mul: expected a tensor .*constant\(ndarray.* got a NdArray/],
    ['text', () => ops.where(ops.greater(x, 0), x, '1' as unknown as Tensor), /^Where: expected a tensor .* got '1'/],
  ])('refuse %s, and say how tensors are made', (_, attempt, message) => {
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(message);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['plain numbers as a constant', () => constant([1, 2] as never), /^constant: expected an NdArray, such as ndarray.* got \[1, 2\]/],
    ['an input without a shape', () => tensorInput('x', undefined as never), /^tensorInput: expected a list of lengths.*got undefined/],
    ['a gradient of nothing', () => gradients(none, [x]), /^gradients: expected a tensor, or a list of them, got undefined/],
    [
      'a gradient for one tensor without a list',
      () => gradients(x, x as never),
      /^gradients: expected a list of tensors, such as \[x\], got a Tensor/,
    ],
  ])('and what makes their operands refuse %s', (_, attempt, message) => {
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(message);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['fewer axes than there are', () => ops.transpose(x, [0]), /each axis of \[2, 3\] once, got \[0\]/],
    ['one axis twice', () => ops.transpose(x, [1, 1]), /each axis of \[2, 3\] once, got \[1, 1\]/],
    ['an axis that is not there', () => ops.transpose(x, [0, 2]), /axis 2 does not exist/],
    ['one new axis twice', () => ops.unsqueeze(x, [0, -4]), /cannot add the same axis twice, got \[0, -4\]/],
  ])('refuse an order of axes with %s', (_, attempt, message) => {
    expect(attempt).toThrow(ShapeError);
    expect(attempt).toThrow(message);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['axis of a sum over axes', () => ops.reduceSum(x, { axis: 0 } as never), /^reduceSum: unknown option 'axis'; did you mean 'axes'\?/],
    ['keepDims of a mean', () => ops.reduceMean(x, { keepDims: true } as never), /^reduceMean: .*'keepDims'; did you mean 'keepdims'\?/],
    ['axes of one index', () => ops.argMax(x, { axes: [0] } as never), /^argMax: .*'axes'; did you mean 'axis'\?/],
    ['transposeB of a product', () => ops.gemm(x, x, undefined, { transposeB: true } as never), /^gemm: .*'transposeB'/],
    ['a number in place of options', () => ops.reduceMax(x, 1 as never), /^reduceMax: options must be an object, got 1/],
  ])('refuse %s', (_, attempt, message) => {
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(message);
  });

  it('count axes of a transpose from the end too', async () => {
    const one = input('one', [1, 2, 3]);
    const turned = transpose(one, [-1, 0, -2]);
    expect(turned.shape).toEqual([3, 1, 2]);
    const [value] = await compute([turned], new Map([[one, new NdArray(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3])]]));
    expect(value?.toNested()).toEqual([[[1, 4]], [[2, 5]], [[3, 6]]]);
  });
});
