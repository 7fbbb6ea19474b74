import type { FloatDType } from '#src/core/dtype.js';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { gradients } from '#src/graph/gradients.js';
import { constant, input, type Tensor } from '#src/graph/node.js';
import { mul, reduceSum } from '#src/graph/ops/index.js';
import { compute, type Feeds, numbers, open } from './engine.js';

/** An input of a case: its shape and where its values lie. */
export interface Argument {
  readonly shape: readonly number[];
  readonly low?: number;
  readonly high?: number;
  /** Values keep this far from every kink. */
  readonly kinks?: readonly number[];
  /** The values themselves. */
  readonly values?: readonly number[];
}

export type Build = (inputs: readonly Tensor[]) => Tensor;

/** Reproducible numbers in [0, 1) (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const MARGIN = 0.02;

export function valuesFor({ shape, low = -2, high = 2, kinks = [], values }: Argument, next: () => number): NdArray {
  const size = shape.reduce((a, b) => a * b, 1);
  if (values) return new NdArray(Float64Array.from(values), shape);
  const draw = (): number => {
    for (;;) {
      const value = low + (high - low) * next();
      if (kinks.every((kink) => Math.abs(value - kink) > MARGIN)) return value;
    }
  };
  return new NdArray(Float64Array.from({ length: size }, draw), shape);
}

/** Σ r·y for fixed random r: every element of y counts, each differently. */
export function weighted(y: Tensor, seed = 7): Tensor {
  const next = generator(seed);
  const shape = y.shape.map(Number);
  const size = shape.reduce((a, b) => a * b, 1);
  const weights = new NdArray(
    Float64Array.from({ length: size }, () => 0.5 + next()),
    shape,
  ).cast(y.dtype);
  return reduceSum(mul(y, constant(weights)));
}

export function makeInputs(args: readonly Argument[], dtype: FloatDType): Tensor[] {
  return args.map(({ shape }, i) => input(`x${i}`, shape, dtype));
}

export function feedsOf(inputs: readonly Tensor[], arrays: readonly NdArray[]): Feeds {
  return new Map(inputs.map((tensor, i) => [tensor, (arrays[i] as NdArray).cast(tensor.dtype)]));
}

/** Gradients of the weighted sum of what `build` makes, as the engine computes them. */
export async function symbolicGradients(build: Build, args: readonly Argument[], arrays: readonly NdArray[], dtype: FloatDType, simplify = true) {
  const inputs = makeInputs(args, dtype);
  const grads = gradients(weighted(build(inputs)), inputs);
  return compute(grads, feedsOf(inputs, arrays), { simplify });
}

/** A function of many arrays to a number. */
export type Loss = (arrays: readonly NdArray[]) => Promise<number>;

/** The loss as the engine computes it in float64. */
export async function engineLoss(build: Build, args: readonly Argument[]): Promise<Loss> {
  const inputs = makeInputs(args, 'float64');
  const runner = await open(emitModel(inputs, { loss: weighted(build(inputs)) }));
  return async (arrays) => {
    const { loss } = await runner.run(Object.fromEntries(arrays.map((array, i) => [`x${i}`, array])));
    return loss?.at(0) ?? Number.NaN;
  };
}

/** Central differences of five points. */
export async function numericGradients(loss: Loss, arrays: readonly NdArray[], step = 1e-3): Promise<NdArray[]> {
  const results: NdArray[] = [];
  for (const [k, array] of arrays.entries()) {
    const gradient = NdArray.zeros(array.shape, 'float64');
    for (let i = 0; i < array.size; i++) {
      const at = async (shift: number): Promise<number> => {
        const moved = new NdArray(Float64Array.from(array.data as Float64Array), array.shape);
        moved.set(i, array.at(i) + shift);
        return loss(arrays.map((other, j) => (j === k ? moved : other)));
      };
      const [far, near, nearBack, farBack] = [await at(2 * step), await at(step), await at(-step), await at(-2 * step)];
      gradient.set(i, (farBack - 8 * nearBack + 8 * near - far) / (12 * step));
    }
    results.push(gradient);
  }
  return results;
}

/** Largest difference of two arrays, relative to the element or, where that is small, to a hundredth of the largest element. */
export function relativeError(actual: NdArray | undefined, expected: NdArray): number {
  const [a, b] = [numbers(actual), numbers(expected)];
  if (a.length !== b.length || String(actual?.shape) !== String(expected.shape)) return Number.POSITIVE_INFINITY;
  const floor = 1e-2 * Math.max(1e-3, ...b.map(Math.abs));
  return Math.max(
    0,
    ...b.map((value, i) => {
      const error = Math.abs((a[i] as number) - value) / Math.max(Math.abs(value), floor);
      return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    }),
  );
}
