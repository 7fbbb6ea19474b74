import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { EvenkeelError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { gradients } from '#src/graph/gradients.js';
import { importModel } from '#src/graph/import.js';
import { constant, input, int64, named, scalar, type Tensor } from '#src/graph/node.js';
import { decodeOnnx } from '#src/graph/onnx/decode.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode } from '#src/graph/onnx/model.js';
import * as ops from '#src/graph/ops/index.js';
import { uniformLike } from '#src/graph/random.js';
import { feedsOf, generator, makeInputs, relativeError, valuesFor, weighted } from './differences.js';
import { compute, numbers, open } from './engine.js';
import { gradientCases } from './gradient-cases.js';

/** emit → encode → decode → import → emit. */
function roundTrip(model: OnnxModel, simplify = false): OnnxModel {
  const { inputs, outputs } = importModel(decodeOnnx(encodeOnnx(model)));
  return emitModel(inputs, outputs, { simplify });
}

async function run(model: OnnxModel, feeds: Readonly<Record<string, NdArray>>): Promise<Record<string, NdArray>> {
  return (await open(model)).run(feeds);
}

describe('importModel gives back what was emitted', () => {
  const rows = Object.entries(gradientCases).map(([name, cases]) => ({ name, testCase: cases[cases.length - 1] }));
  it.each(rows)('$name, with its gradient', async ({ testCase }) => {
    if (!testCase) throw new Error('no case');
    const next = generator(2);
    const inputs = makeInputs(testCase.args, 'float32');
    const y = testCase.build(inputs);
    const grads = gradients(weighted(y), inputs);
    const model = emitModel(inputs, { y, ...Object.fromEntries(grads.map((gradient, i) => [`d${i}`, gradient])) });
    const feeds = Object.fromEntries(
      [
        ...feedsOf(
          inputs,
          testCase.args.map((argument) => valuesFor(argument, next)),
        ),
      ].map(([tensor, array]) => [tensor.name as string, array]),
    );
    const expected = await run(model, feeds);
    for (const simplify of [false, true]) {
      const again = roundTrip(model, simplify);
      expect(again.graph.inputs).toEqual(model.graph.inputs);
      expect(again.graph.outputs).toEqual(model.graph.outputs);
      const actual = await run(again, feeds);
      for (const [name, array] of Object.entries(expected)) expect(relativeError(actual[name], array), name).toBeLessThanOrEqual(1e-6);
    }
  });

  it('with lengths that only the data tell, in loops, with names and labels', async () => {
    const x = input('x', ['N', 4]);
    const count = input('count', [], 'int64');
    const kernel = named(
      constant(
        new NdArray(
          Float32Array.from({ length: 16 }, (_, i) => (i % 5) / 8),
          [4, 4],
        ),
      ),
      'dense_1/kernel',
    );
    const { state, outputs } = ops.loop({
      count,
      state: [x],
      step: (iteration, [at]) => {
        const next = ops.tanh(ops.linear(at as Tensor, kernel));
        next.node.label = 'dense_1';
        const noise = uniformLike(at as Tensor, ops.cast(iteration, 'uint32'));
        return {
          state: [ops.add(next, noise)],
          outputs: ops.ifElse(
            ops.equal(iteration, 1),
            () => [ops.reduceSum(next)],
            () => [scalar(-1)],
          ),
        };
      },
    });
    const model = emitModel([x, count], { last: state[0] as Tensor, sums: outputs[0] as Tensor });
    const again = roundTrip(model);
    const feeds = {
      x: new NdArray(
        Float32Array.from({ length: 12 }, (_, i) => i / 7),
        [3, 4],
      ),
      count: new NdArray(BigInt64Array.of(3n), []),
    };
    const [expected, actual] = [await run(model, feeds), await run(again, feeds)];
    expect(expected.last?.shape).toEqual([3, 4]);
    expect(numbers(actual.last)).toEqual(numbers(expected.last));
    expect(numbers(actual.sums)).toEqual(numbers(expected.sums));
    expect(again.graph.initializers.map(({ name }) => name)).toContain('dense_1/kernel');
    expect(JSON.stringify(namesIn(again.graph))).toContain('dense_1/Tanh');
  });
});

function namesIn(graph: OnnxGraph): string[] {
  return graph.nodes.flatMap((node) => [
    node.name,
    ...Object.values(node.attributes).flatMap((attribute) => (attribute.kind === 'graph' ? namesIn(attribute.value) : [])),
  ]);
}

const float = (...shape: number[]) => ({ dtype: 'float32' as const, shape });
const node = (opType: string, inputs: string[], outputs: string[], attributes: Record<string, Attribute> = {}): OnnxNode => ({
  opType,
  name: `${opType}_1`,
  inputs,
  outputs,
  attributes,
});
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value });

function modelOf(nodes: OnnxNode[], parts: Partial<OnnxGraph> = {}, opset = 21): OnnxModel {
  const graph: OnnxGraph = {
    name: 'test',
    nodes,
    inputs: [{ name: 'x', ...float(2, 3) }],
    outputs: [{ name: 'y', dtype: 'float32' }],
    initializers: [],
    ...parts,
  };
  return { irVersion: 8, opsets: { '': opset }, producer: 'test', graph };
}

const x23 = { x: new NdArray(Float32Array.of(1, -2, 3, -4, 5, -6), [2, 3]) };

describe('importModel', () => {
  it.each([
    { name: 'Max', slopes: [1, 0, 0, 0, 0, 1, 0, 1, 0] },
    { name: 'Min', slopes: [0, 1, 0, 1, 0, 0, 0, 0, 1] },
  ])('reads $name of three values, with its gradient', async ({ name, slopes }) => {
    const values = { a: [5, 1, 2], b: [0, 2, 9], c: [3, 7, -1] };
    const inputs = Object.keys(values).map((key) => ({ name: key, ...float(3) }));
    const made = importModel(modelOf([node(name, ['a', 'b', 'c'], ['y'])], { inputs }));
    const feeds = new Map(made.inputs.map((tensor, i) => [tensor, NdArray.from(Object.values(values)[i] ?? [], 'float32')]));
    const found = await compute(gradients(made.outputs.y as Tensor, made.inputs), feeds);
    // One row for each place: who of a, b and c is the one.
    const expected = [0, 1, 2].map((who) => [0, 1, 2].map((place) => slopes[3 * place + who]));
    expect(found.map(numbers)).toEqual(expected);
  });

  it('reads the largest of one value', async () => {
    const { inputs, outputs } = importModel(modelOf([node('Max', ['x'], ['y'])]));
    expect((await run(emitModel(inputs, outputs), x23)).y?.toNested()).toEqual(x23.x.toNested());
  });

  it.each([
    {
      what: 'axes as an attribute',
      nodes: [node('ReduceSum', ['x'], ['y'], { axes: ints(-1), keepdims: { kind: 'int', value: 0 } })],
      opset: 11,
      expected: [2, -5],
      shape: [2],
    },
    { what: 'no axes at all', nodes: [node('ReduceMax', ['x'], ['y'])], opset: 11, expected: [5], shape: [1, 1] },
    {
      what: 'a slice by attributes',
      nodes: [node('Slice', ['x'], ['y'], { starts: ints(1), ends: ints(99), axes: ints(1) })],
      opset: 6,
      expected: [-2, 3, 5, -6],
      shape: [2, 2],
    },
    {
      what: 'a slice by attributes to the end, the largest integer there is',
      nodes: [node('Slice', ['x'], ['y'], { starts: ints(1), ends: { kind: 'ints', value: [2n ** 63n - 1n] }, axes: ints(1) })],
      opset: 9,
      expected: [-2, 3, 5, -6],
      shape: [2, 2],
    },
    { what: 'a transpose without an order', nodes: [node('Transpose', ['x'], ['y'])], opset: 13, expected: [1, -4, -2, 5, 3, -6], shape: [3, 2] },
    {
      what: 'unsqueeze by attribute, squeeze without axes',
      nodes: [node('Unsqueeze', ['x'], ['u'], { axes: ints(0, 3) }), node('Squeeze', ['u'], ['y'])],
      opset: 11,
      expected: [1, -2, 3, -4, 5, -6],
      shape: [2, 3],
    },
    {
      what: 'the first of the largest',
      nodes: [node('ArgMax', ['x'], ['i']), node('Cast', ['i'], ['y'], { to: { kind: 'int', value: 1 } })],
      opset: 13,
      expected: [0, 1, 0],
      shape: [1, 3],
    },
    {
      what: 'padding of one axis, with nothing for the value',
      nodes: [
        node('Constant', [], ['lengths'], { value_ints: ints(1, 0) }),
        node('Constant', [], ['axes'], { value_ints: ints(-1) }),
        node('Pad', ['x', 'lengths', '', 'axes'], ['y']),
      ],
      opset: 19,
      expected: [0, 1, -2, 3, 0, -4, 5, -6],
      shape: [2, 4],
    },
    {
      what: 'the largest two of the last axis',
      nodes: [node('Constant', [], ['k'], { value_ints: ints(2) }), node('TopK', ['x', 'k'], ['y', 'places'])],
      opset: 13,
      expected: [3, 1, 5, -4],
      shape: [2, 2],
    },
    {
      what: 'constants of every kind',
      nodes: [
        node('Constant', [], ['a'], { value_float: { kind: 'float', value: 2 } }),
        node('Constant', [], ['b'], { value_floats: { kind: 'floats', value: [1, 0, -1] } }),
        node('Constant', [], ['c'], { value: { kind: 'tensor', value: new NdArray(Float32Array.of(10), []) } }),
        node('Mul', ['x', 'a'], ['xa']),
        node('Add', ['xa', 'b'], ['xab']),
        node('Sub', ['xab', 'c'], ['z']),
        node('Constant', [], ['d'], { value_ints: ints(3, -1) }),
        node('Reshape', ['z', 'd'], ['y']),
      ],
      opset: 13,
      expected: [-7, -14, -5, -17, 0, -23],
      shape: [3, 2],
    },
  ])('reads $what', async ({ nodes, opset, expected, shape }) => {
    const model = modelOf(nodes, {}, opset);
    const { inputs, outputs } = importModel(model);
    expect(outputs.y?.shape).toEqual(shape);
    const [result] = await compute([outputs.y as Tensor], new Map([[inputs[0] as Tensor, x23.x]]));
    expect(result?.shape).toEqual(shape);
    expect(numbers(result)).toEqual(expected);
  });

  it('takes initializers that are listed among the inputs, as old files do, for constants', () => {
    const { inputs, outputs } = importModel(
      modelOf([node('Add', ['x', 'w'], ['y'])], {
        inputs: [
          { name: 'x', ...float(2, 3) },
          { name: 'w', ...float(3) },
        ],
        initializers: [{ name: 'w', array: new NdArray(Float32Array.of(1, 2, 3)) }],
      }),
    );
    expect(inputs.map(({ name }) => name)).toEqual(['x']);
    expect(outputs.y?.node.inputs[1]?.node.value?.toNested()).toEqual([1, 2, 3]);
  });

  it('goes 20,000 nodes deep', () => {
    const nodes = Array.from({ length: 20_000 }, (_, i) => node('Tanh', [i === 0 ? 'x' : `h${i}`], [i === 19_999 ? 'y' : `h${i + 1}`]));
    const { inputs, outputs } = importModel(modelOf(nodes));
    expect(emitModel(inputs, outputs).graph.nodes).toHaveLength(20_000);
  });

  const branch = (nodes: OnnxNode[]): Attribute => ({
    kind: 'graph',
    value: { name: 'branch', nodes, inputs: [], outputs: [{ name: 'b', dtype: 'float32' }], initializers: [] },
  });
  it.each([
    {
      what: 'unknown operators, those in bodies and of other domains included',
      nodes: [
        node('LRN', ['x'], ['c']),
        { ...node('Gelu', ['c'], ['g']), domain: 'com.microsoft' },
        node('If', ['g'], ['y'], { then_branch: branch([node('LSTM', ['x'], ['b'])]), else_branch: branch([]) }),
      ],
      message: /operators: LRN \(node 'LRN_1'\), com\.microsoft\.Gelu \(node 'Gelu_1'\), LSTM \(node 'LSTM_1'\); supported are Abs, Add,.*Xor/,
    },
    {
      what: 'an unknown attribute',
      nodes: [node('Relu', ['x'], ['y'], { slope: { kind: 'float', value: 2 } })],
      message: /Relu \(node 'Relu_1'\): attribute 'slope' with value 2 is not supported/,
    },
    {
      what: 'an attribute that asks for what is not known',
      nodes: [node('Reshape', ['x', 'x'], ['y'], { allowzero: { kind: 'int', value: 1 } })],
      message: /attribute 'allowzero' with value 1/,
    },
    {
      what: 'shapes that do not fit',
      nodes: [node('MatMul', ['x', 'x'], ['y'])],
      message: /MatMul \(node 'MatMul_1'\): .*\[2, 3\] and float32\[2, 3\]/,
    },
    { what: 'a name that nothing gives', nodes: [node('Relu', ['z'], ['y'])], message: /Relu \(node 'Relu_1'\): no earlier node produces 'z'/ },
    { what: 'a name given twice', nodes: [node('Relu', ['x'], ['y']), node('Tanh', ['x'], ['y'])], message: /two values of a graph are named 'y'/ },
    {
      what: 'axes that only the data tell',
      nodes: [node('Cast', ['x'], ['i'], { to: { kind: 'int', value: 7 } }), node('ReduceSum', ['x', 'i'], ['y'])],
      message: /ReduceSum.*axes must be constants/,
    },
    {
      what: 'an old softmax over several axes',
      nodes: [node('Softmax', ['x'], ['y'], { axis: { kind: 'int', value: 0 } })],
      opset: 11,
      message: /softmax over all axes from 0/,
    },
    { what: 'fewer inputs than an operator takes', nodes: [node('Add', ['x'], ['y'])], message: /Add \(node 'Add_1'\): cannot be read with 1 input/ },
    { what: 'no inputs at all', nodes: [node('Relu', [], ['y'])], message: /Relu \(node 'Relu_1'\): cannot be read with 0 inputs/ },
    {
      what: 'a transpose of other axes than there are',
      nodes: [node('Transpose', ['x'], ['y'], { perm: ints(0) })],
      message: /Transpose \(node 'Transpose_1'\): .*each axis of \[2, 3\] once, got \[0\]/,
    },
    { what: 'more outputs than an operator has', nodes: [node('Relu', ['x'], ['y', 'z'])], message: /output 1 \('z'\) is not supported/ },
    { what: 'an output that nothing gives', nodes: [], message: /'y'/ },
  ])('refuses $what', ({ nodes, message, opset }) => {
    const attempt = (): unknown => importModel(modelOf(nodes, {}, opset ?? 21));
    expect(attempt).toThrow(EvenkeelError);
    expect(attempt).toThrow(message);
  });

  it('refuses an input of unknown rank', () => {
    expect(() => importModel(modelOf([], { inputs: [{ name: 'x', dtype: 'float32' }] }))).toThrow(/how many axes 'x' has/);
  });

  it('reads a loop without count or condition of its own', async () => {
    const keepOn: OnnxGraph = {
      name: 'body',
      nodes: [node('Add', ['sum', 'one'], ['next']), { ...node('Less', ['next', 'end'], ['more']), name: 'Less_1' }],
      inputs: [
        { name: 'i', dtype: 'int64' },
        { name: 'go', dtype: 'bool' },
        { name: 'sum', dtype: 'float32' },
      ],
      outputs: [
        { name: 'more', dtype: 'bool' },
        { name: 'next', dtype: 'float32' },
      ],
      initializers: [
        { name: 'one', array: new NdArray(Float32Array.of(1), []) },
        { name: 'end', array: new NdArray(Float32Array.of(5), []) },
      ],
    };
    const start = { name: 'start', array: new NdArray(Float32Array.of(0), []) };
    const { inputs, outputs } = importModel(
      modelOf([node('Loop', ['', '', 'start'], ['y'], { body: { kind: 'graph', value: keepOn } })], { initializers: [start] }),
    );
    const [result] = await compute([outputs.y as Tensor], new Map([[inputs[0] as Tensor, x23.x]]));
    expect(numbers(result)).toEqual([5]);
  });

  it('sums over all axes, turned before or not, where the list of axes is empty', async () => {
    const nodes = [
      node('Unsqueeze', ['x', 'first'], ['u']),
      node('Transpose', ['u'], ['t'], { perm: ints(0, 2, 1) }),
      node('ReduceSum', ['t', 'none'], ['y'], { keepdims: { kind: 'int', value: 0 } }),
    ];
    const initializers = [
      { name: 'first', array: new NdArray(BigInt64Array.of(0n), [1]) },
      { name: 'none', array: new NdArray(new BigInt64Array(0), [0]) },
    ];
    const { inputs, outputs } = importModel(modelOf(nodes, { initializers }));
    expect((await run(emitModel(inputs, outputs), x23)).y?.toNested()).toBe(1 - 2 + 3 - 4 + 5 - 6);
  });

  it('keeps what is given besides axes: a slice with steps and no axes', async () => {
    const starts = { name: 's', array: new NdArray(BigInt64Array.of(0n, 2n)) };
    const ends = { name: 'e', array: new NdArray(BigInt64Array.of(2n, -9n)) };
    const steps = { name: 'k', array: new NdArray(BigInt64Array.of(1n, -2n)) };
    const { inputs, outputs } = importModel(modelOf([node('Slice', ['x', 's', 'e', '', 'k'], ['y'])], { initializers: [starts, ends, steps] }));
    const [result] = await compute([outputs.y as Tensor], new Map([[inputs[0] as Tensor, x23.x]]));
    expect(result?.toNested()).toEqual([
      [3, 1],
      [-6, -4],
    ]);
    expect(int64([1]).dtype).toBe('int64');
  });
});

const models = fileURLToPath(new URL('../../../shared/models/', import.meta.url));
const converted = `${models}onnx-pytorch-converted`;
const present = existsSync(converted);
if (!present) console.info(`skipped: the models exported from PyTorch are not at ${converted}`);

describe.skipIf(!present)('files exported by PyTorch', () => {
  const tensorOf = (path: string): NdArray => {
    const { dims, dataType, rawData, floatData, int64Data } = fromBinary(TensorProtoSchema, readFileSync(path));
    const shape = dims.map(Number);
    const bytes = Uint8Array.from(rawData).buffer;
    if (dataType === 7) return new NdArray(rawData.length > 0 ? new BigInt64Array(bytes) : BigInt64Array.from(int64Data), shape);
    return new NdArray(rawData.length > 0 ? new Float32Array(bytes) : Float32Array.from(floatData), shape);
  };
  const names = present ? readdirSync(converted, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])) : [];
  const unknown = new Set(['BatchNorm2d_eval', 'PReLU_2d']);

  it.each(names.filter((name) => !unknown.has(name)))('%s gives its recorded output', async (name) => {
    const { inputs, outputs } = importModel(decodeOnnx(readFileSync(`${converted}/${name}/model.onnx`)));
    const [output] = Object.values(outputs) as [Tensor];
    const [result] = await compute([output], new Map([[inputs[0] as Tensor, tensorOf(`${converted}/${name}/input_0.pb`)]]));
    expect(relativeError(result, tensorOf(`${converted}/${name}/output_0.pb`))).toBeLessThanOrEqual(1e-4);
  });

  it.each(names.filter((name) => unknown.has(name)))('%s is refused by the name of its operator', (name) => {
    const { nodes } = decodeOnnx(readFileSync(`${converted}/${name}/model.onnx`)).graph;
    expect(() => importModel(decodeOnnx(readFileSync(`${converted}/${name}/model.onnx`)))).toThrow(
      `unsupported operators: ${nodes[0]?.opType} (node '`,
    );
  });
});
