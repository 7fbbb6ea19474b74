import { expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import { input } from '#src/graph/node.js';
import { linear } from '#src/graph/ops/index.js';
import { compute, numbers } from './engine.js';

const floats = (values: readonly number[], shape: readonly number[]): NdArray => new NdArray(Float32Array.from(values), shape);

it.each([
  ['N', 'T'],
  [2, 'T'],
  ['N', 2],
  [2, 2],
])('linear applies a kernel to the last of axes [%s, %s, 2], with its gradients', async (rows, steps) => {
  const [x, kernel, bias] = [input('x', [rows, steps, 2]), input('kernel', [2, 3]), input('bias', [3])];
  const y = linear(x, kernel, bias);
  expect(y.shape).toEqual([rows, steps, 3]);
  const feeds = new Map([
    [x, floats([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2])],
    [kernel, floats([1, 0, -1, 2, 1, 0], [2, 3])],
    [bias, floats([10, 20, 30], [3])],
  ]);
  const [value, dx, dKernel, dBias] = await compute([y, ...gradients(y, [x, kernel, bias])], feeds);
  expect(value?.toNested()).toEqual([
    [
      [15, 22, 29],
      [21, 24, 27],
    ],
    [
      [27, 26, 25],
      [33, 28, 23],
    ],
  ]);
  // Sums of the kernel's rows; of the inputs, 1 + 3 + 5 + 7 and 2 + 4 + 6 + 8; and of rows and steps.
  expect(numbers(dx)).toEqual([0, 3, 0, 3, 0, 3, 0, 3]);
  expect(dKernel?.toNested()).toEqual([
    [16, 16, 16],
    [20, 20, 20],
  ]);
  expect(dBias?.toNested()).toEqual([4, 4, 4]);
});
