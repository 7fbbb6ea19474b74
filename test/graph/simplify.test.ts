import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { constant, input, isConstant, named, scalar, type Tensor } from '#src/graph/node.js';
import type { OnnxGraph } from '#src/graph/onnx/model.js';
import * as ops from '#src/graph/ops/index.js';
import { simplify } from '#src/graph/simplify.js';
import { generator, relativeError, valuesFor } from './differences.js';
import { compute } from './engine.js';

const { add, div, exp, gemm, identity, matMul, mul, neg, reduceSum, scan, sub, transpose } = ops;

const a = input('a', [3, 4]);
const b = input('b', [4, 2]);
const c = input('c', [3, 2]);
const x = input('x', [3, 2]);
const inputs = [a, b, c, x];

function operators(...outputs: Tensor[]): string[] {
  const { nodes } = emitModel(inputs, Object.fromEntries(outputs.map((tensor, i) => [`y${i}`, tensor]))).graph;
  return nodes.map(({ opType }) => opType);
}

async function expectSame(...outputs: Tensor[]): Promise<void> {
  const next = generator(9);
  const feeds = new Map(inputs.map((tensor) => [tensor, valuesFor({ shape: tensor.shape.map(Number) }, next).cast('float32')]));
  const plain = await compute(outputs, feeds, { simplify: false });
  const clean = await compute(outputs, feeds, { simplify: true });
  plain.forEach((array, i) => {
    expect(relativeError(clean[i], array)).toBeLessThanOrEqual(1e-6);
  });
}

describe('neutral operations', () => {
  it.each([
    ['x + 0', () => add(x, 0)],
    ['0 + x', () => add(0, x)],
    ['x − 0', () => sub(x, 0)],
    ['x · 1', () => mul(x, 1)],
    ['1 · x', () => mul(1, x)],
    ['x / 1', () => div(x, 1)],
    ['−(−x)', () => neg(neg(x))],
    ['x', () => identity(identity(x))],
    ['many in a row', () => mul(add(neg(neg(identity(x))), 0), 1)],
  ] as const)('%s is x', (_, make) => {
    expect(simplify([make()])).toEqual([x]);
  });

  it.each([
    ['0 − x', () => sub(0, x)],
    ['1 / x', () => div(1, x)],
    ['x · 0, which keeps NaN', () => mul(x, 0)],
    ['x + 0 in a larger shape', () => add(x, constant(NdArray.zeros([1, 1, 1])))],
  ] as const)('%s is not', async (_, make) => {
    expect(simplify([make()])[0]).not.toBe(x);
    await expectSame(make());
  });
});

describe('constants', () => {
  const folded = (tensor: Tensor): NdArray | undefined => simplify([tensor])[0]?.node.value;

  it('are computed, with broadcasting, in the dtype', () => {
    const row = constant(NdArray.from([1, 2, 3]));
    const column = constant(NdArray.from([[10], [20]]));
    expect(folded(add(mul(row, 2), column))?.toNested()).toEqual([
      [12, 14, 16],
      [22, 24, 26],
    ]);
    expect(folded(div(scalar(1), 3))?.at(0)).toBe(Math.fround(1 / 3));
    expect(folded(div(scalar(1, 'float64'), 3))?.at(0)).toBe(1 / 3);
    expect(folded(ops.where(ops.greater(row, 2), row, -1))?.toNested()).toBeUndefined();
  });

  it('stay where the engine knows better: whole numbers, large arrays, unknown values', () => {
    expect(folded(add(scalar(1, 'int64'), 1))).toBeUndefined();
    expect(folded(add(constant(NdArray.zeros([5000])), 1))).toBeUndefined();
    expect(folded(add(x, 1))).toBeUndefined();
  });

  it('of one value are one', () => {
    const { initializers } = emitModel(inputs, { y: add(mul(x, 0.5), exp(mul(c, 0.5))) }).graph;
    expect(initializers).toHaveLength(1);
  });

  it('of unlike sign of zero, dtype or shape stay apart', () => {
    const kinds = [scalar(0), scalar(-0), scalar(0, 'float64'), constant(NdArray.zeros([1])), scalar(Number.NaN)];
    expect(new Set(simplify(kinds))).toHaveLength(5);
    expect(new Set(simplify([scalar(Number.NaN), scalar(Number.NaN)]))).toHaveLength(1);
  });

  it('keep their names', () => {
    const kernel = named(constant(NdArray.from([1, 2])), 'dense_1/kernel');
    const { initializers } = emitModel(inputs, { y: mul(x, kernel) }).graph;
    expect(initializers.map(({ name }) => name)).toEqual(['dense_1/kernel']);
  });
});

describe('equal nodes', () => {
  it('are one', async () => {
    const y = [mul(exp(x), 2), add(exp(x), c), exp(identity(x))] as const;
    expect(operators(...y).filter((name) => name === 'Exp')).toHaveLength(1);
    await expectSame(...y);
  });

  it('are two where inputs, their order or attributes differ', async () => {
    const y = [
      sub(x, c),
      sub(c, x),
      ops.leakyRelu(x, 0.1),
      ops.leakyRelu(x, 0.2),
      reduceSum(x, { axes: [1] }),
      reduceSum(x, { axes: [1], keepdims: true }),
    ] as const;
    expect(operators(...y)).toHaveLength(6);
    await expectSame(...y);
  });

  it('in two branches stay two, so that neither runs in vain', () => {
    const condition = ops.greater(reduceSum(x), 0);
    const pick = (): Tensor =>
      ops.ifElse(
        condition,
        () => [ops.sin(exp(x))],
        () => [ops.cos(exp(x))],
      )[0] as Tensor;
    expect(operators(pick())).not.toContain('Exp');
    // What is computed outside anyway serves the branches too.
    const { nodes } = emitModel(inputs, { outside: exp(x), y: pick() }).graph;
    expect(nodes.filter(({ opType }) => opType === 'Exp')).toHaveLength(1);
    const branch = nodes.find(({ opType }) => opType === 'If')?.attributes.then_branch;
    expect(branch?.kind === 'graph' && branch.value.nodes.map(({ opType }) => opType)).toEqual(['Sin']);
  });
});

describe('products of matrices', () => {
  const product = (): Tensor => gemm(a, b, undefined, { alpha: 0.5 });
  it.each([
    { what: 'c + A·B', make: () => add(c, product()), attributes: { alpha: 0.5, beta: 1 } },
    { what: 'A·B + c', make: () => add(product(), c), attributes: { alpha: 0.5, beta: 1 } },
    { what: 'c − A·B', make: () => sub(c, product()), attributes: { alpha: -0.5, beta: 1 } },
    { what: '0.25·c + A·B', make: () => add(mul(c, 0.25), product()), attributes: { alpha: 0.5, beta: 0.25 } },
    { what: 'c·0.25 − A·B', make: () => sub(mul(0.25, c), product()), attributes: { alpha: -0.5, beta: 0.25 } },
  ])('$what is one Gemm', async ({ make, attributes }) => {
    expect(operators(make())).toEqual(['Gemm']);
    expect(simplify([make()])[0]?.node.attributes).toMatchObject(attributes);
    await expectSame(make());
  });

  it.each([
    { what: 'A·B − c', make: () => sub(product(), c) },
    { what: 'a sum that broadcasts', make: () => add(product(), constant(NdArray.from([1, 2]))) },
    { what: 'a product that adds something already', make: () => add(gemm(a, b, c), x) },
  ])('$what stays as it is', async ({ make }) => {
    expect(operators(make())).toHaveLength(2);
    await expectSame(make());
  });

  it('keep NaN of what is multiplied by 0', () => {
    expect(operators(add(mul(c, 0), product())).sort()).toEqual(['Gemm', 'Mul']);
  });

  it('that are used elsewhere are computed once', async () => {
    const shared = product();
    expect(operators(add(c, shared), exp(shared)).filter((name) => name === 'Gemm')).toHaveLength(1);
    const scaled = mul(c, 0.25);
    expect(operators(add(scaled, product()), exp(scaled)).sort()).toEqual(['Exp', 'Gemm', 'Mul']);
    await expectSame(add(c, shared), exp(shared), add(scaled, product()), exp(scaled));
  });

  it('read transposed matrices where they lie', async () => {
    const both = matMul(transpose(b), transpose(a));
    const nested = gemm(transpose(transpose(a)), b, c, { beta: 2 });
    const flipped = gemm(transpose(a), transpose(b), undefined, { transA: true, transB: true });
    for (const y of [both, nested, flipped]) expect(operators(y)).toEqual(['Gemm']);
    await expectSame(both, nested, flipped, add(c, matMul(a, transpose(transpose(b)))));
  });

  it('keep a factor that float32 cannot hold out of float64 attributes', async () => {
    const [p, q, r] = [input('p', [1, 1], 'float64'), input('q', [1, 1], 'float64'), input('r', [1, 1], 'float64')];
    const one = new NdArray(Float64Array.of(1), [1, 1]);
    const [result] = await compute([add(mul(r, 0.1), gemm(p, q, undefined, { alpha: 0.3 }))], new Map([p, q, r].map((tensor) => [tensor, one])));
    expect(result?.at(0)).toBeCloseTo(0.4, 15);
  });
});

describe('sums over the rows of a matrix', () => {
  it('are a product with ones', async () => {
    const y = reduceSum(x, { axes: [0] });
    expect(operators(y)).not.toContain('ReduceSum');
    expect(operators(y)).toContain('MatMul');
    await expectSame(y);
  });

  it('of other axes, ranks and dtypes stay sums', () => {
    for (const y of [
      reduceSum(x, { axes: [1] }),
      reduceSum(x),
      reduceSum(x, { axes: [0], keepdims: true }),
      reduceSum(ops.cast(x, 'int64'), { axes: [0] }),
    ]) {
      expect(operators(y)).toContain('ReduceSum');
    }
  });
});

describe('lengths that only the data tell', () => {
  const batch = input('batch', ['N', 2]);
  const shapes = (outputs: Record<string, Tensor>, given: readonly Tensor[] = [batch]): number =>
    emitModel(given, outputs).graph.nodes.filter(({ opType }) => opType === 'Shape').length;
  const total = (tensor: Tensor): Tensor => reduceSum(tensor, { axes: [0] });

  it('are asked for once', async () => {
    const outputs = { a: total(batch), b: total(exp(batch)), c: total(ops.sin(batch)) };
    expect(shapes(outputs)).toBe(1);
    const results = await compute(
      Object.values(outputs),
      new Map([
        [
          batch,
          NdArray.from([
            [0, 0],
            [0, 0],
            [0, 0],
          ]),
        ],
      ]),
    );
    expect(results.map((array) => array.toNested())).toEqual([
      [0, 0],
      [3, 3],
      [0, 0],
    ]);
  });

  it('stay apart in different bodies, and where two loops stack under one name', async () => {
    const stack = (steps: number): Tensor =>
      ops.loop({ count: scalar(steps, 'int64'), state: [], step: (i) => ({ state: [], outputs: [ops.unsqueeze(ops.cast(i, 'float32'), [0])] }) })
        .outputs[0] as Tensor;
    const [short, long] = [stack(2), stack(4)];
    const results = await compute([total(short), total(long)]);
    expect(results.map((array) => array.toNested())).toEqual([[1], [6]]);

    const within = ops.loop({
      count: scalar(2, 'int64'),
      state: [],
      step: (i) => {
        const part = ops.add(batch, ops.cast(i, 'float32'));
        return { state: [], outputs: [total(part), total(exp(part))] };
      },
    }).outputs;
    const [sums] = await compute([within[0] as Tensor, within[1] as Tensor, total(batch)], new Map([[batch, NdArray.from([[1, 2]])]]));
    expect(sums?.toNested()).toEqual([
      [1, 2],
      [2, 3],
    ]);
  });

  it('are asked of the graph’s own input, outside of the loops that need them', async () => {
    const sums = ops.loop({
      count: scalar(3, 'int64'),
      state: [],
      step: (i) => ({ state: [], outputs: [total(ops.add(exp(batch), ops.cast(i, 'float32')))] }),
    }).outputs as [Tensor];
    const { nodes } = emitModel([batch], { sums: sums[0] }).graph;
    const [walk] = nodes.filter(({ opType }) => opType === 'Loop');
    const body = walk?.attributes.body;
    const inside = body?.kind === 'graph' ? body.value.nodes.map(({ opType }) => opType) : [];
    expect(inside).toContain('MatMul');
    expect(inside).not.toContain('Shape');
    expect(inside).not.toContain('Expand');
    const [found] = await compute(sums, new Map([[batch, NdArray.zeros([4, 2], 'float32')]]));
    expect(found?.toNested()).toEqual([
      [4, 4],
      [8, 8],
      [12, 12],
    ]);
  });
});

describe('numbers of elements that only the data tell', () => {
  const batch = input('batch', ['N', 2]);
  const sizeOf = (tensor: Tensor): Tensor => ops.sizeAs(tensor, 'float32');
  const within = (graph: OnnxGraph): string[] =>
    graph.nodes.flatMap(({ attributes: { body } }) => (body?.kind === 'graph' ? body.value.nodes.map(({ opType }) => opType) : []));

  it('are products of the lengths of the graph’s own input, outside of the loops that need them', async () => {
    const { outputs } = ops.loop({
      count: scalar(2, 'int64'),
      state: [],
      step: (i) => {
        const part = ops.add(batch, ops.cast(i, 'float32'));
        return { state: [], outputs: [ops.add(reduceSum(part), sizeOf(part)), ops.add(sizeOf(exp(part)), reduceSum(part))] };
      },
    });
    const names = Object.fromEntries(outputs.map((tensor, i) => [`y${i}`, tensor]));
    const { graph } = emitModel([batch], names);
    expect(within(graph)).not.toContain('Size');
    expect(graph.nodes.filter(({ opType }) => opType === 'Shape')).toHaveLength(1);
    const results = await compute(outputs, new Map([[batch, NdArray.zeros([3, 2], 'float32')]]));
    expect(results.map((array) => array.toNested())).toEqual([
      [6, 12],
      [6, 12],
    ]);
  });

  it('are counted once for lengths of one name in one body, and where no input tells them', async () => {
    const rows = ops.reshape(batch, ['M', 1]);
    const outputs = { a: sizeOf(rows), b: sizeOf(exp(rows)), c: sizeOf(ops.transpose(rows, [1, 0])) };
    const { graph } = emitModel([batch], outputs);
    expect(graph.nodes.filter(({ opType }) => opType === 'Size')).toHaveLength(1);
    const results = await compute(Object.values(outputs), new Map([[batch, NdArray.zeros([3, 2], 'float32')]]));
    expect(results.map((array) => array.at(0))).toEqual([6, 6, 6]);
  });
});

describe('what no output needs', () => {
  it('is gone, stacked values of scans included, those inside each other as well', async () => {
    const walk = scan({
      state: [reduceSum(x, { axes: [0] })],
      sequences: [c],
      reverseOutputs: [true, false, true],
      step: ([h], [item]) => {
        const inner = scan({
          state: [h as Tensor],
          sequences: [x],
          step: ([g], [one]) => ({ state: [add(g as Tensor, one as Tensor)], outputs: [exp(one as Tensor)] }),
        });
        return { state: [inner.state[0] as Tensor], outputs: [ops.sin(item as Tensor), ops.cos(item as Tensor), inner.outputs[0] as Tensor] };
      },
    });
    const kept = [walk.state[0] as Tensor, walk.outputs[1] as Tensor];
    const text = JSON.stringify(emitModel(inputs, { y0: kept[0] as Tensor, y1: kept[1] as Tensor }).graph.nodes, (_, value) =>
      typeof value === 'bigint' ? Number(value) : value,
    );
    expect(text).toContain('"Cos"');
    expect(text).not.toContain('"Sin"');
    expect(text).not.toContain('"Exp"');
    await expectSame(...kept);
    await expectSame(walk.outputs[0] as Tensor, walk.outputs[2] as Tensor);
  });
});

describe('float64', () => {
  it.each(['Elu', 'Selu', 'LeakyRelu', 'Softplus', 'Softsign', 'Atan', 'Shrink'] as const)(
    '%s is written out, and stays one operator in float32',
    (name) => {
      const make = {
        Elu: ops.elu,
        Selu: ops.selu,
        LeakyRelu: ops.leakyRelu,
        Softplus: ops.softplus,
        Softsign: ops.softsign,
        Atan: ops.atan,
        Shrink: (t: Tensor) => ops.shrink(t, 0.1),
      }[name];
      expect(operators(make(x))).toEqual([name]);
      const wide = input('wide', [2], 'float64');
      const { nodes } = emitModel([wide], { y: make(wide) }).graph;
      expect(nodes.map(({ opType }) => opType)).not.toContain(name);
    },
  );
});

it('leaves constants, inputs and an empty list alone', () => {
  expect(simplify([])).toEqual([]);
  const one = scalar(1);
  expect(simplify([x, one])).toEqual([x, one]);
  expect(isConstant(one)).toBe(true);
});
