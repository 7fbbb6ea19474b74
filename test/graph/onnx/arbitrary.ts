import fc from 'fast-check';
import { type DType, dtypes } from '#src/core/dtype.js';
import { NdArray } from '#src/core/ndarray.js';
import type { Attribute, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from '#src/graph/onnx/model.js';

// Random models in the form that decoding gives: nothing optional is present and empty.

const text = fc.string({ unit: 'binary', maxLength: 12 });
const longText = fc.string({ unit: 'binary', minLength: 900, maxLength: 1200 });
const dtype = fc.constantFrom(...(Object.keys(dtypes) as DType[]));
const int64 = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).filter((value) => !Number.isSafeInteger(Number(value))),
);
const float32 = fc.float();

const tensor: fc.Arbitrary<NdArray> = fc.tuple(dtype, fc.array(fc.nat({ max: 5 }), { maxLength: 4 })).chain(([type, shape]) => {
  const size = shape.reduce((product, length) => product * length, 1);
  const { bytes, array } = dtypes[type];
  return fc.uint8Array({ minLength: size * bytes, maxLength: size * bytes }).map((data) => new NdArray(new array(data.slice().buffer), shape, type));
});

const value: fc.Arbitrary<OnnxValue> = fc.record(
  {
    name: text,
    dtype,
    shape: fc.array(
      fc.oneof(
        fc.nat(),
        text.filter((dim) => dim !== '' && !dim.startsWith('?')),
      ),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: ['name', 'dtype'] },
);

const { graph } = fc.letrec<{ graph: OnnxGraph; node: OnnxNode; attribute: Attribute }>((tie) => ({
  graph: fc.record(
    {
      name: text,
      nodes: fc.array(tie('node'), { maxLength: 4, depthIdentifier: 'graph' }),
      inputs: fc.array(value, { maxLength: 3 }),
      outputs: fc.array(value, { maxLength: 3 }),
      initializers: fc.array(fc.record({ name: text, array: tensor }), { maxLength: 3 }),
      values: fc.array(value, { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: ['name', 'nodes', 'inputs', 'outputs', 'initializers'] },
  ),
  node: fc.record(
    {
      opType: text,
      domain: text.filter((domain) => domain !== '' && domain !== 'ai.onnx'),
      name: text,
      inputs: fc.array(text, { maxLength: 4 }),
      outputs: fc.array(text, { maxLength: 4 }),
      attributes: fc.dictionary(text, tie('attribute'), { maxKeys: 4, noNullPrototype: true }),
      doc: fc.oneof(
        text.filter((doc) => doc !== ''),
        longText,
      ),
    },
    { requiredKeys: ['opType', 'name', 'inputs', 'outputs', 'attributes'] },
  ),
  attribute: fc.oneof(
    { depthIdentifier: 'graph', maxDepth: 3 },
    fc.record({ kind: fc.constant('int' as const), value: int64 }),
    fc.record({ kind: fc.constant('float' as const), value: float32 }),
    fc.record({ kind: fc.constant('string' as const), value: text }),
    fc.record({ kind: fc.constant('ints' as const), value: fc.array(int64, { maxLength: 5 }) }),
    fc.record({ kind: fc.constant('floats' as const), value: fc.array(float32, { maxLength: 5 }) }),
    fc.record({ kind: fc.constant('strings' as const), value: fc.array(text, { maxLength: 5 }) }),
    fc.record({ kind: fc.constant('tensor' as const), value: tensor }),
    fc.record({ kind: fc.constant('graph' as const), value: tie('graph') }),
  ),
}));

export const anyModel: fc.Arbitrary<OnnxModel> = fc.record(
  {
    irVersion: fc.integer({ min: 1, max: 20 }),
    opsets: fc.dictionary(
      text.filter((domain) => domain !== 'ai.onnx'),
      fc.nat(),
      { minKeys: 1, maxKeys: 3, noNullPrototype: true },
    ),
    producer: text,
    graph,
    metadata: fc.dictionary(text, fc.oneof(text, longText), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ['irVersion', 'opsets', 'producer', 'graph'] },
);

/** Small, but with a nested graph that reads a name of the outer one: x0 + w, `trips` times over, every step's value listed. */
export function loopModel(trips: number): OnnxModel {
  const scalar = (name: string, dtype: DType): OnnxValue => ({ name, dtype, shape: [] });
  const vector = (name: string): OnnxValue => ({ name, dtype: 'float32', shape: [2] });
  const body: OnnxGraph = {
    name: 'body',
    nodes: [
      { opType: 'Identity', name: 'go_on', inputs: ['cond'], outputs: ['cond_out'], attributes: {} },
      { opType: 'Add', name: 'add', inputs: ['x', 'w'], outputs: ['x_next'], attributes: {} },
      { opType: 'Identity', name: 'list', inputs: ['x_next'], outputs: ['x_listed'], attributes: {} },
    ],
    inputs: [scalar('step', 'int64'), scalar('cond', 'bool'), vector('x')],
    outputs: [scalar('cond_out', 'bool'), vector('x_next'), vector('x_listed')],
    initializers: [],
  };
  return {
    irVersion: 8,
    opsets: { '': 17 },
    producer: 'test',
    graph: {
      name: 'loop',
      nodes: [
        {
          opType: 'Loop',
          name: 'train',
          inputs: ['trips', 'true', 'x0'],
          outputs: ['x_last', 'x_all'],
          attributes: { body: { kind: 'graph', value: body } },
          doc: 'Größe',
        },
      ],
      inputs: [vector('x0')],
      outputs: [vector('x_last'), { name: 'x_all', dtype: 'float32', shape: ['steps', 2] }],
      initializers: [
        { name: 'w', array: new NdArray(Float32Array.of(0.5, -2)) },
        { name: 'trips', array: new NdArray(BigInt64Array.of(BigInt(trips)), []) },
        { name: 'true', array: new NdArray(Uint8Array.of(1), [], 'bool') },
      ],
    },
  };
}
