import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { gradients } from '#src/graph/gradients.js';
import { importModel } from '#src/graph/import.js';
import { constant, type Tensor } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';
import {
  type Argument,
  type Build,
  engineLoss,
  feedsOf,
  generator,
  makeInputs,
  numericGradients,
  relativeError,
  symbolicGradients,
  valuesFor,
  weighted,
} from './differences.js';
import { compute } from './engine.js';

/** One step of a random expression: takes one or two of the tensors made so far, and adds one. Everything is smooth. */
interface Step {
  readonly op: number;
  readonly left: number;
  readonly right: number;
  readonly choice: number;
}

const indices = (length: number, choice: number): Tensor =>
  constant(new NdArray(BigInt64Array.from([choice % length, (choice >> 2) % length, choice % length], BigInt), [3]));

/** `b`, averaged over the axes that would not broadcast to `a`. */
function spread(a: Tensor, b: Tensor): Tensor {
  let result = b;
  while (result.rank > a.rank) result = ops.reduceMean(result, { axes: [0] });
  const clash = result.shape.flatMap((dim, i) =>
    dim !== 1 && dim !== a.shape[i + a.rank - result.rank] && a.shape[i + a.rank - result.rank] !== 1 ? [i] : [],
  );
  return clash.length > 0 ? ops.reduceMean(result, { axes: clash, keepdims: true }) : result;
}

type Maker = (a: Tensor, b: Tensor, choice: number) => Tensor;

const axisOf = (x: Tensor, choice: number): number => choice % x.rank;
/** Operators that need an axis see a tensor that has one. */
const withAxis =
  (make: Maker): Maker =>
  (a, b, choice) =>
    make(a.rank === 0 ? ops.unsqueeze(a, [0]) : a, b, choice);
const asMatrix = (x: Tensor): Tensor => (x.rank === 2 ? x : ops.reshape(x, [Number(x.shape[0] ?? 1), -1]));

const makers: readonly Maker[] = [
  (a, b) => ops.add(a, spread(a, b)),
  (a, b) => ops.sub(spread(a, b), a),
  (a, b) => ops.mul(ops.tanh(a), ops.sin(spread(a, b))),
  (a, b) => ops.div(a, ops.add(ops.square(spread(a, b)), 1)),
  (a) => ops.sigmoid(a),
  (a) => ops.softplus(a),
  (a) => ops.exp(ops.neg(ops.square(a))),
  (a) => ops.atan(a),
  (a) => ops.sqrt(ops.add(ops.square(a), 0.5)),
  (a, b) => ops.add(ops.mul(a, 0.5), ops.mul(spread(a, b), -0.25)),
  withAxis((a, _, choice) => ops.softmax(a, axisOf(a, choice))),
  withAxis((a, _, choice) => ops.reduceSum(a, { axes: [axisOf(a, choice)], keepdims: choice % 2 === 0 })),
  withAxis((a, _, choice) => ops.reduceMean(a, { axes: [axisOf(a, choice)] })),
  withAxis((a, _, choice) => ops.reduceLogSumExp(a, { axes: [axisOf(a, choice)], keepdims: true })),
  (a) => ops.matMul(asMatrix(a), ops.transpose(asMatrix(a))),
  (a, b) => ops.gemm(asMatrix(a), ops.tanh(ops.matMul(ops.transpose(asMatrix(a)), asMatrix(a))), undefined, { alpha: b.rank === 2 ? 0.5 : 1 }),
  (a) => {
    const m = asMatrix(a);
    return ops.sub(ops.tanh(m), ops.gemm(ops.sigmoid(m), ops.matMul(ops.transpose(m), ops.cos(m))));
  },
  (a) => ops.reshape(a, [-1]),
  withAxis((a) => ops.transpose(a)),
  withAxis((a, _, choice) => ops.concat([a, ops.sin(a)], axisOf(a, choice))),
  withAxis((a, _, choice) => {
    const axis = axisOf(a, choice);
    return ops.slice(a, { axis, start: Number(a.shape[axis]) > 1 ? 1 : 0, end: Number(a.shape[axis]) });
  }),
  withAxis((a, _, choice) => ops.gather(a, indices(Number(a.shape[axisOf(a, choice)]), choice), axisOf(a, choice))),
  withAxis((a, _, choice) => ops.pad(a, { axis: axisOf(a, choice), before: 1, after: 0 })),
  (a, b) => ops.where(ops.greater(ops.reduceSum(b), 1e6), ops.exp(ops.sigmoid(a)), ops.sin(a)),
];

/** Tensors beyond this size are averaged, so that expressions neither grow nor overflow. */
const LARGEST = 24;

function expression(steps: readonly Step[]): Build {
  return (inputs) => {
    const made = [...inputs];
    for (const { op, left, right, choice } of steps) {
      const [a, b] = [made[left % made.length] as Tensor, made[right % made.length] as Tensor];
      const y = (makers[op % makers.length] as Maker)(a, b, choice);
      const size = y.shape.reduce<number>((product, dim) => product * Number(dim), 1);
      made.push(ops.tanh(size > LARGEST ? ops.reduceMean(y, { axes: [0] }) : y));
    }
    // The last few count, so that little of what was made is idle.
    return made
      .slice(-3)
      .map((tensor) => weighted(tensor))
      .reduce(ops.add);
  };
}

const natural = fc.nat({ max: 1000 });
const steps = fc.array(fc.record({ op: natural, left: natural, right: natural, choice: natural }), { minLength: 1, maxLength: 8 });
const shapes = fc.constantFrom<readonly (readonly number[])[]>([[2, 3], [3]], [[2], [2, 2]], [[], [3, 1]], [[2, 1, 2], [2]], [[1], [2, 3]]);
const cases = fc.record({ steps, shapes, seed: fc.nat({ max: 2 ** 31 }) });

function arraysFor(args: readonly Argument[], seed: number): NdArray[] {
  const next = generator(seed);
  return args.map((argument) => valuesFor(argument, next));
}

describe('random expressions', () => {
  it('have the gradients of central differences', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ steps: chosen, shapes: used, seed }) => {
        const args = used.map((shape) => ({ shape, low: -1.5, high: 1.5 }));
        const arrays = arraysFor(args, seed);
        const build = expression(chosen);
        const actual = await symbolicGradients(build, args, arrays, 'float64');
        const expected = await numericGradients(await engineLoss(build, args), arrays);
        expected.forEach((gradient, i) => {
          expect(relativeError(actual[i], gradient)).toBeLessThanOrEqual(1e-6);
        });
      }),
      { numRuns: 80, seed: 20_240_607 },
    );
  });

  it('have the same values and gradients in float32 simplified or not, and after a journey through a file', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ steps: chosen, shapes: used, seed }) => {
        const args = used.map((shape) => ({ shape, low: -1.5, high: 1.5 }));
        const inputs = makeInputs(args, 'float32');
        const y = expression(chosen)(inputs);
        const outputs = [y, ...gradients(y, inputs)];
        const feeds = feedsOf(inputs, arraysFor(args, seed));
        const plain = await compute(outputs, feeds, { simplify: false });
        const clean = await compute(outputs, feeds);
        const read = importModel(emitModel(inputs, Object.fromEntries(outputs.map((tensor, i) => [`y${i}`, tensor]))));
        const again = await compute(
          Object.values(read.outputs),
          new Map(read.inputs.map((tensor, i) => [tensor, feeds.get(inputs[i] as Tensor) as NdArray])),
        );
        plain.forEach((array, i) => {
          expect(relativeError(clean[i], array)).toBeLessThanOrEqual(1e-3);
          expect(relativeError(again[i], clean[i] as NdArray)).toBeLessThanOrEqual(1e-5);
        });
      }),
      { numRuns: 80, seed: 20_240_608 },
    );
  });
});
