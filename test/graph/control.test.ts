import { describe, expect, it } from 'vitest';
import { ArgumentError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { gradients } from '#src/graph/gradients.js';
import { input, scalar, type Tensor } from '#src/graph/node.js';
import type { OnnxGraph } from '#src/graph/onnx/model.js';
import * as ops from '#src/graph/ops/index.js';
import { compute, numbers } from './engine.js';

const { add, gather, ifElse, loop, matMul, mul, reduceSum, sub } = ops;

describe('ifElse', () => {
  const x = input('x', [2], 'float64');
  const feeds = (values: number[]): Map<Tensor, NdArray> => new Map([[x, new NdArray(Float64Array.from(values), [2])]]);
  const positive = ops.greater(ops.reduceMin(x), 0);

  it.each([
    {
      values: [1, 4],
      expected: [
        [0, Math.log(4)],
        [1, 0.25],
      ],
    },
    {
      values: [-1, 4],
      expected: [
        [-1, 4],
        [1, 1],
      ],
    },
  ])('keeps the infinities of the branch not taken out of value and gradient at $values', async ({ values, expected }) => {
    const [y] = ifElse(
      positive,
      () => [ops.log(x)],
      () => [x],
    ) as [Tensor];
    for (const simplify of [true, false]) {
      const results = await compute([y, ...gradients(y, [x])], feeds(values), { simplify });
      expect(results.map(numbers)).toEqual(expected);
    }
  });

  it('has second derivatives, as lazy as the first', async () => {
    const [y] = ifElse(
      positive,
      () => [ops.sqrt(x)],
      () => [mul(x, ops.square(x))],
    ) as [Tensor];
    const [slope] = gradients(y, [x]) as [Tensor];
    const [curvature] = gradients(slope, [x]) as [Tensor];
    const taken = await compute([slope, curvature], feeds([1, 4]));
    expect(taken.map(numbers)).toEqual([
      [0.5, 0.25],
      [-0.25, -1 / 32],
    ]);
    const other = await compute([slope, curvature], feeds([-1, 0]));
    expect(other.map(numbers)).toEqual([
      [3, 0],
      [-6, 0],
    ]);
  });

  it('does the work of a branch in that branch, also what gradients add', () => {
    const [y] = ifElse(
      positive,
      () => [ops.tanh(ops.exp(x))],
      () => [x],
    ) as [Tensor];
    const { nodes } = emitModel([x], { y, dx: gradients(y, [x])[0] as Tensor }).graph;
    const outside = nodes.map((node) => node.opType);
    for (const name of ['Exp', 'Tanh', 'Mul']) expect(outside).not.toContain(name);
    expect(outside.filter((name) => name === 'If')).toHaveLength(2);
  });

  it('refuses branches that differ', () => {
    const make = () =>
      ifElse(
        positive,
        () => [x],
        () => [reduceSum(x)],
      );
    expect(make).toThrow(/both branches must return the same types: value 0 is float64\[2\] at first and float64\[\] afterwards/);
    expect(() =>
      ifElse(
        positive,
        () => [x],
        () => [x, x],
      ),
    ).toThrow(/value 1 is nothing/);
  });
});

function bodyOf(graph: OnnxGraph, opType: string): OnnxGraph {
  const node = graph.nodes.find((one) => one.opType === opType);
  const body = node?.attributes.body;
  if (body?.kind !== 'graph') throw new Error(`no ${opType} with a body`);
  return body.value;
}

describe('loop', () => {
  it('counts its steps, carries state and stacks outputs', async () => {
    const count = input('count', [], 'int64');
    const { state, outputs } = loop({
      count,
      state: [scalar(1), scalar(0, 'int64')],
      step: (iteration, [value, sum]) => ({
        state: [mul(value as Tensor, 2), add(sum as Tensor, iteration)],
        outputs: [value as Tensor, iteration],
      }),
    });
    for (const steps of [4, 1]) {
      const results = await compute([...state, ...outputs], new Map([[count, new NdArray(BigInt64Array.of(BigInt(steps)), [])]]));
      expect(results.map(numbers)).toEqual([
        [2 ** steps],
        [(steps * (steps - 1)) / 2],
        Array.from({ length: steps }, (_, i) => 2 ** i),
        Array.from({ length: steps }, (_, i) => i),
      ]);
    }
  });

  it('leaves out what no step changes, and what nobody reads', () => {
    const w = input('w', [4, 4]);
    const data = input('data', ['K', 4, 4]);
    const rate = input('rate', []);
    const { state, outputs } = loop({
      count: scalar(3, 'int64'),
      state: [w],
      step: (iteration, [at]) => {
        const invariant = ops.exp(mul(rate, 2));
        const batch = gather(data, iteration);
        const next = sub(at as Tensor, mul(matMul(batch, at as Tensor), invariant));
        return { state: [next], outputs: [ops.reduceMax(next), ops.atan(next)] };
      },
    });
    const { graph } = emitModel([w, data, rate], { last: state[0] as Tensor, top: outputs[0] as Tensor });
    const inside = bodyOf(graph, 'Loop');
    expect(graph.nodes.map((node) => node.opType).sort()).toEqual(['Exp', 'Loop', 'Mul']);
    expect(inside.nodes.map((node) => node.opType).sort()).toEqual(['Gather', 'Identity', 'MatMul', 'Mul', 'ReduceMax', 'Sub']);
    expect(inside.outputs).toHaveLength(3);
    expect(inside.initializers).toEqual([]);
  });

  it('keeps a product that no step changes outside, though the sum beside it is inside', () => {
    const [a, b] = [input('a', [4, 4]), input('b', [4, 4])];
    const { state } = loop({ count: scalar(3, 'int64'), state: [a], step: (_, [at]) => ({ state: [add(at as Tensor, ops.gemm(a, b))] }) });
    const { graph } = emitModel([a, b], { last: state[0] as Tensor });
    expect(graph.nodes.map((node) => node.opType)).toContain('Gemm');
    expect(bodyOf(graph, 'Loop').nodes.map((node) => node.opType)).not.toContain('Gemm');
  });

  it('keeps a branch of its body lazy', () => {
    const x = input('x', [2]);
    const { state } = loop({
      count: scalar(3, 'int64'),
      state: [x],
      step: (iteration, [at]) => ({
        state: ifElse(
          ops.equal(iteration, 2),
          () => [ops.exp(x)],
          () => [at as Tensor],
        ),
      }),
    });
    const { graph } = emitModel([x], { last: state[0] as Tensor });
    expect(graph.nodes.map((node) => node.opType)).toEqual(['Loop']);
    expect(bodyOf(graph, 'Loop').nodes.map((node) => node.opType)).not.toContain('Exp');
  });

  it('refuses a value that leaves it by another way', () => {
    let leaked: Tensor | undefined;
    const { state } = loop({
      count: scalar(3, 'int64'),
      state: [scalar(1)],
      step: (_, [at]) => {
        leaked = ops.exp(at as Tensor);
        return { state: [leaked] };
      },
    });
    const attempt = (): unknown => emitModel([], { sum: add(leaked as Tensor, state[0] as Tensor) });
    expect(attempt).toThrow(ArgumentError);
    expect(attempt).toThrow(/'Add' outside of a loop uses a value computed inside it; return that value from the loop's step as state or output/);
  });

  it('trains: a gradient in the body of a loop', async () => {
    const w = input('w', [], 'float64');
    const { state } = loop({
      count: scalar(3, 'int64'),
      state: [w],
      step: (_, [at]) => {
        const [slope] = gradients(ops.square(at as Tensor), [at as Tensor]) as [Tensor];
        return { state: [sub(at as Tensor, mul(slope, 0.25))] };
      },
    });
    const [result] = await compute(state, new Map([[w, new NdArray(Float64Array.of(8), [])]]));
    expect(numbers(result)).toEqual([1]);
  });
});
