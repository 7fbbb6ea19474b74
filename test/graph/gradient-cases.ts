import { NdArray } from '#src/core/ndarray.js';
import { apply, applyOne, constant, int64, type Tensor } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';
import type { Argument, Build } from './differences.js';
import { windowCases } from './window-cases.js';

export interface GradientCase {
  readonly title: string;
  readonly args: readonly Argument[];
  readonly build: Build;
}

type Binary = (a: Tensor, b: Tensor) => Tensor;
type Unary = (x: Tensor) => Tensor;

const two =
  (op: Binary): Build =>
  ([a, b]) =>
    op(a as Tensor, b as Tensor);
const one =
  (op: Unary): Build =>
  ([x]) =>
    op(x as Tensor);
const indices = (values: readonly number[], shape: readonly number[]): Tensor => constant(new NdArray(BigInt64Array.from(values, BigInt), shape));

/** The shapes in which two operands meet: equal, broadcast on either side, on both, and with a number. */
const meetings: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[3], [3]],
  [[2, 3], [3]],
  [
    [1, 3],
    [2, 1],
  ],
  [[], [2, 2]],
  [
    [2, 1, 2],
    [3, 1],
  ],
];

function binary(op: Binary, left: Partial<Argument> = {}, right: Partial<Argument> = left): GradientCase[] {
  return meetings.map(([a, b]) => ({
    title: `[${a}] with [${b}]`,
    args: [
      { ...left, shape: a },
      { ...right, shape: b },
    ],
    build: two(op),
  }));
}

function unary(op: Unary, argument: Partial<Argument> = {}): GradientCase[] {
  return [[], [5], [2, 3]].map((shape) => ({ title: `[${shape}]`, args: [{ ...argument, shape }], build: one(op) }));
}

function each(build: (x: Tensor) => Tensor, shapes: readonly (readonly number[])[], title = ''): GradientCase[] {
  return shapes.map((shape) => ({ title: `${title}[${shape}]`, args: [{ shape }], build: one(build) }));
}

function reduction(op: (x: Tensor, options?: ops.ReduceOptions) => Tensor): GradientCase[] {
  const shape = [2, 3, 2];
  // Distinct values half a unit apart: no ties, and no kink within reach of a difference.
  const values = [0.5, 3, -2, 1, 4, -1, 2.5, -3, 0, 5, 1.5, -0.5];
  return [undefined, [0], [1], [-1], [0, 2], [0, 1, 2]].flatMap((axes) =>
    [false, true].map((keepdims) => ({
      title: `axes ${axes ?? 'all'}${keepdims ? ', kept' : ''}`,
      args: [{ shape, values }],
      build: one((x) => op(x, { ...(axes ? { axes } : {}), keepdims })),
    })),
  );
}

/** One number of several tensors, each with its own part in it. */
const weave = (pieces: readonly Tensor[]): Tensor =>
  pieces.map((piece, i) => ops.reduceSum(ops.mul(ops.sin(piece), i + 1))).reduce((a, b) => ops.add(ops.mul(a, 0.5), ops.square(b)));

const ordered: GradientCase = {
  title: 'axes of length 1',
  args: [{ shape: [1, 3, 1] }],
  build: one((x) => ops.reduceSum(x, { axes: [0, 1] })),
};
const positive = { low: 0.2, high: 3 };
const nonzero = { kinks: [0] };
const { ScatterElements, ScatterND } = ops.indexingRecords;

const gemmCases = [
  { transA: false, transB: false },
  { transA: true, transB: false },
  { transA: false, transB: true },
  { transA: true, transB: true },
].flatMap(({ transA, transB }) => {
  const [a, b] = [transA ? [4, 2] : [2, 4], transB ? [3, 4] : [4, 3]];
  const title = `${transA ? 'Aᵀ' : 'A'}·${transB ? 'Bᵀ' : 'B'}`;
  return [
    {
      title,
      args: [{ shape: a }, { shape: b }],
      build: ([x, y]: readonly Tensor[]) => ops.gemm(x as Tensor, y as Tensor, undefined, { transA, transB, alpha: 0.3 }),
    },
    ...[[3], [2, 3], [2, 1], [], [1]].map((shape) => ({
      title: `${title} + C of [${shape}]`,
      args: [{ shape: a }, { shape: b }, { shape }],
      build: ([x, y, z]: readonly Tensor[]) => ops.gemm(x as Tensor, y as Tensor, z, { transA, transB, alpha: 0.7, beta: 0.3 }),
    })),
  ];
});

/** At least one case for every operator with a gradient rule, by its ONNX name. */
export const gradientCases: Readonly<Record<string, readonly GradientCase[]>> = {
  Add: binary(ops.add),
  Sub: binary(ops.sub),
  Mul: binary(ops.mul),
  Div: binary(ops.div, {}, positive),
  Pow: [
    ...binary(ops.pow, positive, {}),
    ...[0, 1, 2, 3, -1].map((exponent) => ({ title: `to ${exponent}`, args: [{ shape: [4], ...nonzero }], build: one((x) => ops.pow(x, exponent)) })),
  ],
  Max: binary(ops.max, { low: -2, high: -0.1 }, { low: 0.1, high: 2 }).concat(binary(ops.max, { low: 0.1, high: 2 }, { low: -2, high: -0.1 })),
  Min: binary(ops.min, { low: -2, high: -0.1 }, { low: 0.1, high: 2 }).concat(binary(ops.min, { low: 0.1, high: 2 }, { low: -2, high: -0.1 })),
  Where: [
    ...[[3], [1, 3], [2, 3]].map((shape) => ({
      title: `[2, 1] with [${shape}] and [3]`,
      args: [{ shape }, { shape: [3] }],
      build: two((a, b) => ops.where(constant(new NdArray(Uint8Array.of(1, 0), [2, 1], 'bool')), a, b)),
    })),
    ...each((x) => ops.where(ops.greater(x, 0), ops.square(x), 3), [[], [5]], 'a number beside '),
  ],
  Neg: unary(ops.neg),
  Log: unary(ops.log, positive),
  Abs: unary(ops.abs, nonzero),
  Exp: unary(ops.exp),
  Sqrt: unary(ops.sqrt, positive),
  Reciprocal: unary(ops.reciprocal, { low: 0.3, high: 2 }),
  Sin: unary(ops.sin),
  Cos: unary(ops.cos),
  Tanh: unary(ops.tanh),
  Atan: unary(ops.atan, { low: -4, high: 4 }),
  Sigmoid: unary(ops.sigmoid, { low: -6, high: 6 }),
  Relu: unary(ops.relu, nonzero),
  LeakyRelu: unary((x) => ops.leakyRelu(x, 0.3), nonzero).concat(unary((x) => ops.leakyRelu(x), nonzero)),
  Elu: unary(ops.elu, nonzero).concat(
    unary((x) => ops.elu(x, 0.5), nonzero),
    unary((x) => ops.elu(x, -0.5), nonzero),
  ),
  Selu: unary(ops.selu, nonzero).concat(unary((x) => applyOne(ops.elementwiseRecords.Selu, [x], { alpha: 0.5, gamma: 2 }), nonzero)),
  Softplus: unary(ops.softplus, { low: -6, high: 6, ...nonzero }),
  Softsign: unary(ops.softsign, nonzero),
  Erf: unary(ops.erf),
  Shrink: unary((x) => ops.shrink(x, 0.5), { kinks: [-0.5, 0.5] }).concat(
    unary((x) => applyOne(ops.elementwiseRecords.Shrink, [x], { lambd: 1, bias: 0.5 }), { kinks: [-1, 1] }),
  ),
  Identity: unary(ops.identity),
  Cast: unary((x) => ops.cast(ops.cast(ops.mul(x, x), x.dtype === 'float64' ? 'float64' : 'float32'), x.dtype)).concat([
    {
      title: 'float64 to float32 and back',
      args: [{ shape: [3], values: [0.5, -0.25, 2] }],
      build: one((x) => ops.mul(ops.cast(ops.cast(x, 'float32'), x.dtype), x)),
    },
  ]),
  Reshape: [...each((x) => ops.reshape(x, [3, -1]), [[6], [2, 3], [1, 3, 2]]), ...each((x) => ops.reshape(x, []), [[1], [1, 1]], 'to a scalar ')],
  Transpose: [...each((x) => ops.transpose(x), [[3], [2, 3], [2, 3, 4]]), ...each((x) => ops.transpose(x, [1, 2, 0]), [[2, 3, 4]], '[1, 2, 0] of ')],
  Expand: [
    [[], [2, 3]],
    [[3], [2, 3]],
    [
      [2, 1, 3],
      [2, 4, 3],
    ],
    [
      [1, 1],
      [3, 2],
    ],
  ].map(([from, to]) => ({
    title: `[${from}] to [${to}]`,
    args: [{ shape: from as number[] }, { shape: to as number[] }],
    build: two((x, target) => ops.mul(ops.expandLike(x, target), target)),
  })),
  ReduceSum: [...reduction(ops.reduceSum), ordered],
  ReduceMean: reduction(ops.reduceMean),
  ReduceMax: reduction(ops.reduceMax),
  ReduceMin: reduction(ops.reduceMin),
  ReduceLogSumExp: reduction(ops.reduceLogSumExp),
  Softmax: [0, 1, -1].flatMap((axis) => each((x) => ops.softmax(x, axis), [[2, 3, 2]], `axis ${axis} of `)),
  LogSoftmax: [0, 1, -1].flatMap((axis) => each((x) => ops.logSoftmax(x, axis), [[2, 3, 2]], `axis ${axis} of `)),
  Unsqueeze: [...each((x) => ops.unsqueeze(x, [0, -1]), [[], [3], [2, 2]]), ...each((x) => ops.unsqueeze(x, [2, 1]), [[1, 3]])],
  Squeeze: [
    ...each(
      (x) => ops.squeeze(x, [0, -1]),
      [
        [1, 3, 1],
        [1, 1, 2, 1],
      ],
    ),
  ],
  Split: [
    { title: 'every piece', args: [{ shape: [6, 2] }], build: one((x) => weave(ops.split(x, { axis: 0, lengths: [1, 3, 2] }))) },
    {
      title: 'axis -1, one piece unused',
      args: [{ shape: [2, 5] }],
      build: one((x) => weave(ops.split(x, { axis: -1, lengths: [2, 1, 2] }).slice(1))),
    },
    { title: 'one piece', args: [{ shape: [3] }], build: one((x) => weave(ops.split(x, { axis: 0, lengths: [3] }))) },
    {
      title: 'as equal as can be',
      args: [{ shape: [5] }],
      build: one((x) => weave(apply(ops.joiningRecords.Split, [x], { num_outputs: 3 }).outputs)),
    },
  ],
  Concat: [
    { title: 'axis 0', args: [{ shape: [1, 2] }, { shape: [3, 2] }], build: two((a, b) => ops.concat([a, b], 0)) },
    { title: 'axis -1, one tensor twice', args: [{ shape: [2, 1] }, { shape: [2, 3] }], build: two((a, b) => ops.concat([a, b, a], -1)) },
  ],
  Slice: [
    ...each((x) => ops.slice(x, { axis: 0, start: 1, end: 3 }), [[4], [4, 2]]),
    ...each((x) => ops.slice(x, { axis: -1, start: -3, end: -1 }), [[5], [2, 4]], 'from the end of '),
    ...each((x) => ops.slice(x, { axis: 0, start: 0, end: 9, step: 2 }), [[5], [6, 2]], 'every second of '),
    ...each(
      (x) => ops.slice(x, { axis: 1, start: 1, end: 8, step: 3 }),
      [
        [2, 8],
        [2, 7],
      ],
      'every third of ',
    ),
    ...each((x) => ops.flip(x, 0), [[4], [3, 2], [1, 2]], 'backwards of '),
    ...each(
      (x) => ops.slice(x, { axis: 1, start: -2, end: 0, step: -3 }),
      [
        [2, 8],
        [2, 7],
      ],
      'every third backwards of ',
    ),
    ...each((x) => applyOne(ops.joiningRecords.Slice, [x, int64([1, -2]), int64([3, 99]), int64([0, -1])]), [[4, 3]], 'two axes of '),
  ],
  Pad: [
    ...each((x) => ops.pad(x, { axis: 0, before: 1, after: 2 }), [[3], [2, 2]]),
    ...each((x) => ops.pad(x, { axis: -1, before: -1, after: 2 }), [[2, 3]], 'cut before, '),
    ...each((x) => applyOne(ops.joiningRecords.Pad, [x, int64([1, 0, 0, 2])]), [[2, 2]], 'two axes of '),
  ],
  MatMul: [
    [
      [2, 3],
      [3, 4],
    ],
    [[3], [3, 2]],
    [[2, 3], [3]],
    [[3], [3]],
    [
      [2, 2, 3],
      [3, 2],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 2],
    ],
    [[3], [2, 3, 2]],
    [[2, 2, 3], [3]],
  ].map(([a, b]) => ({ title: `[${a}]·[${b}]`, args: [{ shape: a as number[] }, { shape: b as number[] }], build: two(ops.matMul) })),
  Gemm: gemmCases,
  TopK: [
    ...each((x) => ops.mul(ops.sort(x), ops.sort(x)), [[5], [2, 3]]),
    { title: 'along the first axis', args: [{ shape: [3, 2] }], build: one((x) => ops.mul(ops.sort(x, 0), x)) },
    { title: 'the two largest', args: [{ shape: [3, 5] }], build: one((x) => ops.square(ops.topK(x, 2).values)) },
  ],
  Gather: [
    ...each((x) => ops.gather(x, indices([2, 0, 2, 1], [4])), [[3], [3, 2]]),
    ...each((x) => ops.gather(x, indices([2, 0, 2, -1], [2, 2])), [[3, 2]], 'a table of rows of '),
    ...each((x) => ops.gather(x, indices([1], [])), [[3, 2]], 'one row of '),
    ...each(
      (x) => ops.gather(x, indices([1], []), 1),
      [
        [3, 2],
        [2, 3, 2],
      ],
      'one column of ',
    ),
    ...each(
      (x) => ops.gather(x, indices([1, 0, 1], [3]), 1),
      [
        [2, 2],
        [2, 2, 3],
      ],
      'columns of ',
    ),
    ...each((x) => ops.gather(x, indices([1, 0, 1, 1], [2, 2]), -2), [[2, 2, 3]], 'a table of columns of '),
  ],
  GatherElements: [
    ...each((x) => ops.gatherElements(x, indices([0, 2, 2, 1], [2, 2]), 0), [[3, 2]]),
    ...each((x) => ops.gatherElements(x, indices([1, 1, 0, 0, 2, 2], [2, 3]), -1), [[2, 3]]),
  ],
  ScatterElements: ['add', 'none'].map((reduction) => ({
    title: reduction,
    args: [{ shape: [3, 2] }, { shape: [2, 2] }],
    build: two((x, updates) =>
      applyOne(ScatterElements, [x, indices(reduction === 'add' ? [0, 1, 0, 2] : [0, 1, 2, 2], [2, 2]), updates], { axis: 0, reduction }),
    ),
  })),
  ScatterND: ['add', 'none'].map((reduction) => ({
    title: reduction,
    args: [{ shape: [4, 2] }, { shape: [3, 2] }],
    build: two((x, updates) => applyOne(ScatterND, [x, indices(reduction === 'add' ? [1, 3, 1] : [1, 3, 0], [3, 1]), updates], { reduction })),
  })),
  Scan: [
    {
      title: 'state, sequence and captured tensor',
      args: [{ shape: [2] }, { shape: [3, 2] }, { shape: [2, 2], low: -0.7, high: 0.7 }],
      build: ([state, sequence, kernel]) => {
        const { state: last, outputs } = ops.scan({
          state: [ops.unsqueeze(state as Tensor, [0])],
          sequences: [sequence as Tensor],
          step: ([h], [x]) => {
            const next = ops.tanh(ops.add(ops.matMul(h as Tensor, kernel as Tensor), x as Tensor));
            return { state: [next], outputs: [ops.mul(next, next)] };
          },
        });
        return ops.add(last[0] as Tensor, outputs[0] as Tensor);
      },
    },
  ],
  If: [true, false].map((taken) => ({
    title: `the ${taken ? 'first' : 'second'} branch`,
    args: [{ shape: [3] }, { shape: [3] }],
    build: two((a, b) => {
      const condition = ops.greater(ops.reduceSum(ops.mul(a, a)), taken ? -1 : 1e6);
      return ops.ifElse(
        condition,
        () => [ops.mul(a, b)],
        () => [ops.mul(ops.sin(a), a)],
      )[0] as Tensor;
    }),
  })),
  ...windowCases,
};
