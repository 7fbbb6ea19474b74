import { describe, expect, it } from 'vitest';
import { ShapeError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import { constant, input, scalar, type Tensor } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';
import {
  type Argument,
  type Build,
  engineLoss,
  generator,
  numericGradients,
  relativeError,
  symbolicGradients,
  valuesFor,
  weighted,
} from './differences.js';
import { compute, numbers } from './engine.js';

const { add, ifElse, matMul, mul, reduceSum, scan, sin, sub, tanh, unsqueeze } = ops;

function row(sequence: Tensor, i: number): Tensor {
  return ops.squeeze(ops.slice(sequence, { axis: 0, start: i, end: i + 1 }), [0]);
}

interface Recurrence {
  readonly title: string;
  readonly args: readonly Argument[];
  /** The scan, and the same steps written one after another. */
  readonly scanned: Build;
  readonly unrolled: Build;
}

const kernel = { shape: [2, 2], low: -0.8, high: 0.8 };
const order = (reverse: boolean): number[] => (reverse ? [2, 1, 0] : [0, 1, 2]);

/** h' = tanh(h·W + x); y = h' · x + h. Directions of the input and of the output in any combination. */
const directions: Recurrence[] = [false, true].flatMap((reverse) =>
  [false, true].map((reverseOutput) => ({
    title: `${reverse ? 'from the end' : 'from the start'}, stacked ${reverseOutput ? 'backwards' : 'forwards'}`,
    args: [{ shape: [1, 2] }, { shape: [3, 1, 2] }, kernel],
    scanned: ([h0, xs, w]) => {
      const { state, outputs } = scan({
        state: [h0 as Tensor],
        sequences: [xs as Tensor],
        reverse: [reverse],
        reverseOutputs: [reverseOutput],
        step: ([h], [x]) => {
          const next = tanh(add(matMul(h as Tensor, w as Tensor), x as Tensor));
          return { state: [next], outputs: [add(mul(next, x as Tensor), h as Tensor)] };
        },
      });
      return ops.concat([unsqueeze(state[0] as Tensor, [0]), outputs[0] as Tensor], 0);
    },
    unrolled: ([h0, xs, w]) => {
      let h = h0 as Tensor;
      const made: Tensor[] = [];
      for (const i of order(reverse)) {
        const x = row(xs as Tensor, i);
        const next = tanh(add(matMul(h, w as Tensor), x));
        made.push(unsqueeze(add(mul(next, x), h), [0]));
        h = next;
      }
      if (reverseOutput) made.reverse();
      return ops.concat([unsqueeze(h, [0]), ...made], 0);
    },
  })),
);

const recurrences: Recurrence[] = [
  ...directions,
  {
    title: 'two states, two sequences, outputs unused',
    args: [{ shape: [2] }, { shape: [2] }, { shape: [3, 2] }, { shape: [3, 2] }],
    scanned: ([a0, b0, xs, ys]) => {
      const { state } = scan({
        state: [a0 as Tensor, b0 as Tensor],
        sequences: [xs as Tensor, ys as Tensor],
        reverse: [false, true],
        step: ([a, b], [x, y]) => ({
          state: [mul(b as Tensor, x as Tensor), add(a as Tensor, sin(y as Tensor))],
          outputs: [mul(a as Tensor, y as Tensor)],
        }),
      });
      return state[0] as Tensor;
    },
    unrolled: ([a0, b0, xs, ys]) => {
      let [a, b] = [a0 as Tensor, b0 as Tensor];
      for (const i of [0, 1, 2]) [a, b] = [mul(b, row(xs as Tensor, i)), add(a, sin(row(ys as Tensor, 2 - i)))];
      return a;
    },
  },
  {
    title: 'an output that is the state before the step, one that is the item, and one given twice',
    args: [{ shape: [2] }, { shape: [3, 2] }],
    scanned: ([h0, xs]) => {
      const { outputs } = scan({
        state: [h0 as Tensor],
        sequences: [xs as Tensor],
        step: ([h], [x]) => {
          const next = mul(h as Tensor, x as Tensor);
          return { state: [next], outputs: [h as Tensor, x as Tensor, next, next] };
        },
      });
      return outputs.reduce((sum, output) => add(mul(sum, 0.5), mul(output, output)));
    },
    unrolled: ([h0, xs]) => {
      let h = h0 as Tensor;
      const rows = [0, 1, 2].map((i) => {
        const x = row(xs as Tensor, i);
        const next = mul(h, x);
        const stacked = [h, x, next, next].reduce((sum, output) => add(mul(sum, 0.5), mul(output, output)));
        h = next;
        return unsqueeze(stacked, [0]);
      });
      return ops.concat(rows, 0);
    },
  },
  {
    title: 'a counter of whole numbers beside the state',
    args: [{ shape: [2] }, { shape: [3, 2] }],
    scanned: ([h0, xs]) => {
      const { state } = scan({
        state: [h0 as Tensor, scalar(1, 'int64')],
        sequences: [xs as Tensor],
        step: ([h, n], [x]) => ({
          state: [add(mul(h as Tensor, x as Tensor), ops.cast(n as Tensor, (h as Tensor).dtype)), add(n as Tensor, 1)],
        }),
      });
      return state[0] as Tensor;
    },
    unrolled: ([h0, xs]) => [0, 1, 2].reduce((h, i) => add(mul(h, row(xs as Tensor, i)), i + 1), h0 as Tensor),
  },
  {
    title: 'a state that only counts in floats, through a floor',
    args: [{ shape: [2] }, { shape: [3, 2] }],
    scanned: ([h0, xs]) => {
      const h = h0 as Tensor;
      const { state } = scan({
        state: [h, scalar(0, h.dtype)],
        sequences: [xs as Tensor],
        step: ([at, n], [x]) => ({ state: [add(mul(at as Tensor, x as Tensor), n as Tensor), ops.floor(add(n as Tensor, 1.5))] }),
      });
      return state[0] as Tensor;
    },
    unrolled: ([h0, xs]) => [0, 1, 2].reduce((h, i) => add(mul(h, row(xs as Tensor, i)), i), h0 as Tensor),
  },
  {
    title: 'captured tensors that depend on each other',
    args: [{ shape: [2] }, { shape: [3, 2] }, { shape: [2] }],
    scanned: ([h0, xs, w]) => {
      const doubled = sin(w as Tensor);
      const { state } = scan({
        state: [h0 as Tensor],
        sequences: [xs as Tensor],
        step: ([h], [x]) => ({ state: [add(mul(mul(h as Tensor, x as Tensor), doubled), w as Tensor)] }),
      });
      return state[0] as Tensor;
    },
    unrolled: ([h0, xs, w]) => [0, 1, 2].reduce((h, i) => add(mul(mul(h, row(xs as Tensor, i)), sin(w as Tensor)), w as Tensor), h0 as Tensor),
  },
  {
    title: 'a scan that captures the result of an earlier one',
    args: [{ shape: [2] }, { shape: [3, 2] }],
    scanned: ([h0, xs]) => {
      const walk = (from: Tensor, by: (h: Tensor, x: Tensor) => Tensor): Tensor =>
        scan({ state: [from], sequences: [xs as Tensor], step: ([h], [x]) => ({ state: [by(h as Tensor, x as Tensor)] }) }).state[0] as Tensor;
      const encoded = walk(h0 as Tensor, (h, x) => add(mul(h, 0.5), x));
      return walk(h0 as Tensor, (h, x) => add(mul(h, encoded), x));
    },
    unrolled: ([h0, xs]) => {
      const rows = [0, 1, 2].map((i) => row(xs as Tensor, i));
      const encoded = rows.reduce((h, x) => add(mul(h, 0.5), x), h0 as Tensor);
      return rows.reduce((h, x) => add(mul(h, encoded), x), h0 as Tensor);
    },
  },
  {
    title: 'a scan in a scan',
    args: [{ shape: [2] }, { shape: [3, 2] }, { shape: [2, 2] }],
    scanned: ([h0, xs, ws]) =>
      scan({
        state: [h0 as Tensor],
        sequences: [xs as Tensor],
        step: ([h], [x]) => {
          const inner = scan({
            state: [h as Tensor],
            sequences: [ws as Tensor],
            step: ([g], [w]) => ({ state: [add(sin(mul(g as Tensor, w as Tensor)), x as Tensor)], outputs: [mul(g as Tensor, h as Tensor)] }),
          });
          return { state: [add(inner.state[0] as Tensor, reduceSum(inner.outputs[0] as Tensor, { axes: [0] }))] };
        },
      }).state[0] as Tensor,
    unrolled: ([h0, xs, ws]) =>
      [0, 1, 2].reduce((h, i) => {
        let g = h;
        let sum: Tensor | undefined;
        for (const j of [0, 1]) {
          const product = mul(g, h);
          sum = sum ? add(sum, product) : product;
          g = add(sin(mul(g, row(ws as Tensor, j))), row(xs as Tensor, i));
        }
        return add(g, sum as Tensor);
      }, h0 as Tensor),
  },
  {
    title: 'a branch in a scan',
    args: [{ shape: [2] }, { shape: [3, 2] }, { shape: [2] }],
    scanned: ([h0, xs, w]) =>
      scan({
        state: [h0 as Tensor],
        sequences: [xs as Tensor],
        step: ([h], [x]) => ({
          state: ifElse(
            ops.greater(reduceSum(x as Tensor), 0),
            () => [mul(add(h as Tensor, x as Tensor), sin(w as Tensor))],
            () => [sub(h as Tensor, mul(sin(w as Tensor), x as Tensor))],
          ),
        }),
      }).state[0] as Tensor,
    unrolled: ([h0, xs, w]) =>
      [0, 1, 2].reduce((h, i) => {
        const x = row(xs as Tensor, i);
        const taken = mul(add(h, x), sin(w as Tensor));
        return ops.where(ops.greater(reduceSum(x), 0), taken, sub(h, mul(sin(w as Tensor), x)));
      }, h0 as Tensor),
  },
  ...[1, -1].map((sign) => ({
    title: `a scan in the ${sign > 0 ? 'first' : 'second'} branch`,
    args: [{ shape: [2] }, { shape: [3, 2] }, { shape: [2] }],
    scanned: ([h0, xs, w]: readonly Tensor[]) => {
      const walk = (factor: number) => () =>
        scan({
          state: [h0 as Tensor],
          sequences: [xs as Tensor],
          step: ([h], [x]) => ({ state: [add(sin(mul(h as Tensor, w as Tensor)), mul(x as Tensor, factor))] }),
        }).state;
      return ifElse(ops.greater(reduceSum(ops.square(w as Tensor)), sign > 0 ? -1 : 1e3), walk(1), walk(2))[0] as Tensor;
    },
    unrolled: ([h0, xs, w]: readonly Tensor[]) =>
      [0, 1, 2].reduce((h, i) => add(sin(mul(h, w as Tensor)), mul(row(xs as Tensor, i), sign > 0 ? 1 : 2)), h0 as Tensor),
  })),
];

describe('scan', () => {
  it.each(recurrences)('$title: values, gradients and their gradients are those of the steps written out', async ({ args, scanned, unrolled }) => {
    const next = generator(3);
    const arrays = args.map((argument) => valuesFor(argument, next));
    const inputs = args.map(({ shape }, i) => input(`x${i}`, shape, 'float64'));
    const feeds = new Map(inputs.map((tensor, i) => [tensor, arrays[i] as NdArray]));
    const all = (build: Build): Tensor[] => {
      const y = build(inputs);
      const first = gradients(weighted(y), inputs);
      const energy = first.map((gradient) => reduceSum(ops.square(gradient))).reduce(add);
      return [y, ...first, ...gradients(energy, inputs)];
    };
    const expected = await compute(all(unrolled), feeds);
    for (const simplify of [true, false]) {
      const actual = await compute(all(scanned), feeds, { simplify });
      expected.forEach((value, i) => {
        expect(relativeError(actual[i], value), `result ${i}`).toBeLessThanOrEqual(1e-10);
      });
    }
    const differences = await numericGradients(await engineLoss(scanned, args), arrays);
    const symbolic = await symbolicGradients(scanned, args, arrays, 'float64');
    differences.forEach((value, i) => {
      expect(relativeError(symbolic[i], value), `input ${i}`).toBeLessThanOrEqual(1e-6);
    });
  });

  it('walks a length that only the data tell', async () => {
    const xs = input('xs', ['T', 2], 'float64');
    const { state } = scan({
      state: [constant(NdArray.zeros([2], 'float64'))],
      sequences: [xs],
      step: ([h], [x]) => ({ state: [add(h as Tensor, ops.square(x as Tensor))] }),
    });
    const results = await compute(
      [state[0] as Tensor, ...gradients(state[0] as Tensor, [xs])],
      new Map([[xs, new NdArray(Float64Array.of(1, 2, 3, 4), [2, 2])]]),
    );
    expect(results.map(numbers)).toEqual([
      [10, 20],
      [2, 4, 6, 8],
    ]);
  });

  it('refuses a state that changes its type, and a scan of nothing', () => {
    const h = input('h', [2]);
    const xs = input('xs', [3, 2]);
    expect(() => scan({ state: [h], sequences: [xs], step: () => ({ state: [reduceSum(h)] }) })).toThrow(ShapeError);
    expect(() => scan({ state: [h], sequences: [xs], step: () => ({ state: [reduceSum(h)] }) })).toThrow(
      /scan.*value 0 is float32\[2\] at first and float32\[\] afterwards/,
    );
    expect(() => scan({ state: [h], sequences: [xs], step: () => ({ state: [] }) })).toThrow(/nothing/);
    expect(() => scan({ state: [], sequences: [xs], step: () => ({ state: [h] }) })).toThrow(/value 0 is nothing at first/);
    expect(() => scan({ state: [h], sequences: [], step: () => ({ state: [h] }) })).toThrow(/at least one sequence/);
  });
});
