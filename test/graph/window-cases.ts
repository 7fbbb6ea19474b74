import type { Tensor } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';
import type { GradientCase } from './gradient-cases.js';

type ConvOptions = Parameters<typeof ops.conv>[3];
type TransposeOptions = Parameters<typeof ops.convTranspose>[3];

const convolution = (title: string, x: readonly number[], kernel: readonly number[], options: ConvOptions = {}, bias = false): GradientCase => ({
  title,
  args: [{ shape: x }, { shape: kernel }, ...(bias ? [{ shape: [kernel[0] as number] }] : [])],
  build: ([input, weights, shift]) => ops.conv(input as Tensor, weights as Tensor, shift, options),
});

const transposed = (title: string, x: readonly number[], kernel: readonly number[], options: TransposeOptions = {}, bias = 0): GradientCase => ({
  title,
  args: [{ shape: x }, { shape: kernel }, ...(bias > 0 ? [{ shape: [bias] }] : [])],
  build: ([input, weights, shift]) => ops.convTranspose(input as Tensor, weights as Tensor, shift, options),
});

/** Numbers 0.1 apart in a scrambled order: no ties, and no kink within reach of a difference. */
const apart = (shape: readonly number[]): readonly number[] => {
  const size = shape.reduce((a, b) => a * b, 1);
  const step = [7, 11, 13, 17].find((prime) => size % prime !== 0) ?? 1;
  return Array.from({ length: size }, (_, i) => ((i * step) % size) / 10 - size / 20);
};

type Places = Partial<ops.Windows>;
const pooling = (op: (x: Tensor, at: ops.Windows) => Tensor): GradientCase[] =>
  (
    [
      ['side by side', [2, 2, 4, 6], [2, 3], { strides: [2, 3] }],
      ['side by side, with a rest', [1, 2, 5, 5], [2, 2], { strides: [2, 2] }],
      ['side by side, padded behind', [1, 2, 5, 3], [2, 2], { strides: [2, 2], after: [1, 1] }],
      ['overlapping', [1, 2, 5, 5], [3, 3], { strides: [2, 2] }],
      ['overlapping and padded', [2, 1, 4, 5], [3, 2], { strides: [1, 1], before: [1, 0], after: [1, 1] }],
      ['with gaps', [1, 1, 6, 5], [2, 1], { strides: [3, 2] }],
      ['of one axis', [2, 2, 7], [3], { strides: [3] }],
      ['of many taps', [1, 1, 4, 8], [4, 4], { strides: [4, 4] }],
    ] as const
  ).map(([title, shape, kernel, places]: readonly [string, readonly number[], readonly number[], Places]) => ({
    title,
    args: [{ shape, values: apart(shape) }],
    build: ([x]) => op(x as Tensor, ops.windows(kernel, places)),
  }));

/** Cases of operators over windows: kernels odd and even, strides with and without a rest, every formulation of the kernel's gradient. */
export const windowCases: Readonly<Record<string, readonly GradientCase[]>> = {
  Conv: [
    convolution('one channel', [2, 1, 5, 4], [3, 1, 2, 3], {}, true),
    convolution('one channel, strides and a rest', [2, 1, 6, 7], [2, 1, 3, 2], { strides: [2, 3], before: [1, 0], after: [1, 1] }),
    convolution('one channel, padding that no window reaches', [1, 1, 4, 4], [2, 1, 2, 2], { strides: [3, 3], after: [1, 1] }),
    convolution('few channels', [2, 3, 5, 4], [2, 3, 3, 2], { before: [1, 0], after: [1, 1] }, true),
    convolution('few channels, dilated', [1, 2, 6, 5], [2, 2, 2, 2], { dilations: [2, 3], before: [0, 1], after: [1, 0] }),
    convolution('many channels', [2, 9, 3, 4], [2, 9, 2, 3], { before: [0, 1], after: [1, 1] }, true),
    convolution('many channels, strides', [1, 8, 5, 5], [3, 8, 3, 3], { strides: [2, 2] }),
    convolution('many channels, dilated', [1, 8, 4, 3], [2, 8, 2, 2], { dilations: [2, 1] }),
    convolution('one tap', [2, 8, 2, 2], [3, 8, 1, 1]),
    convolution('in groups', [2, 4, 4, 3], [6, 2, 2, 2], { group: 2, strides: [2, 1], after: [1, 0] }, true),
    convolution('depthwise', [2, 3, 4, 4], [6, 1, 3, 3], { group: 3, before: [1, 1], after: [1, 1] }),
    convolution('along one axis, causal', [2, 2, 6], [3, 2, 3], { before: [4], dilations: [2] }, true),
    convolution('along three axes', [1, 2, 3, 2, 3], [2, 2, 2, 1, 2], { strides: [1, 1, 2] }),
    convolution('large', [1, 1, 32, 32], [1, 1, 2, 3], { before: [0, 1], after: [1, 1], dilations: [1, 2] }),
  ],
  ConvTranspose: [
    transposed('plain', [2, 3, 3, 2], [3, 2, 2, 3], {}, 2),
    transposed('strides', [1, 2, 2, 3], [2, 2, 3, 2], { strides: [2, 3] }),
    transposed(
      'strides, padded before and behind',
      [1, 2, 3, 3],
      [2, 1, 3, 3],
      { strides: [2, 2], before: [0, 1], after: [1, 1], outputPadding: [1, 0] },
      1,
    ),
    transposed('dilated', [1, 1, 3, 2], [1, 2, 2, 2], { dilations: [2, 1], before: [1, 0], after: [1, 0] }),
    transposed('in groups', [2, 4, 2, 2], [4, 2, 2, 2], { group: 2, strides: [2, 1] }, 4),
    transposed('along one axis', [2, 2, 4], [2, 3, 3], { strides: [2], after: [1] }, 3),
  ],
  MaxPool: pooling(ops.maxPool),
  AveragePool: pooling(ops.averagePool),
};
