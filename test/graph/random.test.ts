import * as wasm from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { baseKey, counterUniform, streamKey } from '#src/core/counter-hash.js';
import { ShapeError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { input, int64, scalar, type Tensor } from '#src/graph/node.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';
import { add, cast, loop, reshape } from '#src/graph/ops/index.js';
import { stepKey, uniformLike } from '#src/graph/random.js';
import { compute, numbers } from './engine.js';

const word = (value: number): NdArray => new NdArray(Uint32Array.of(value), []);
const expected = (key: number, size: number): number[] => Array.from({ length: size }, (_, i) => counterUniform(key, i));

describe('stepKey', () => {
  it('is streamKey of the counter hash', async () => {
    const step = input('step', [], 'uint32');
    for (const [seed, layer, at] of [
      [42, 'dropout_1', 0],
      [0, 3, 1],
      [-1.5, 'x', 4_294_967_295],
      [7, 'rrelu', 123_456_789],
    ] as const) {
      const [key] = await compute([stepKey(baseKey(seed, layer), step)], new Map([[step, word(at)]]));
      expect(key?.dtype).toBe('uint32');
      expect(numbers(key)).toEqual([streamKey(seed, layer, at)]);
    }
  });

  it('refuses what is no uint32 scalar', () => {
    expect(() => stepKey(1, input('step', [], 'int64'))).toThrow(ShapeError);
    expect(() => stepKey(1, input('step', [], 'int64'))).toThrow(/step must be one uint32 number, got int64\[\]/);
    expect(() => uniformLike(scalar(0), input('key', [2], 'uint32'))).toThrow(/key must be one uint32 number, got uint32\[2\]/);
  });
});

describe('uniformLike', () => {
  const key = input('key', [], 'uint32');
  const keys = [0, 1, 0xffffffff, 0x9e3779b9, 123456789];

  it.each([
    { shape: [], size: 1 },
    { shape: [7], size: 7 },
    { shape: [3, 5], size: 15 },
    { shape: [2, 1, 4, 3], size: 24 },
    { shape: [0, 4], size: 0 },
  ])('is counterUniform of the flat index in shape $shape', async ({ shape, size }) => {
    const like = input('like', shape);
    for (const at of keys) {
      const [result] = await compute(
        [uniformLike(like, key)],
        new Map([
          [like, NdArray.zeros(shape)],
          [key, word(at)],
        ]),
      );
      expect(result?.shape).toEqual(shape);
      expect(result?.dtype).toBe('float32');
      expect(numbers(result)).toEqual(expected(at, size));
    }
  });

  it.each([{ shape: ['N'] }, { shape: ['N', 4] }, { shape: ['N', 'T', 2] }])('takes lengths from the data in shape $shape', async ({ shape }) => {
    const like = input('like', shape, 'float64');
    const lengths = { N: 3, T: 5 } as Record<string, number>;
    const actual = shape.map((dim) => (typeof dim === 'string' ? (lengths[dim] as number) : dim));
    const uniform = uniformLike(like, key);
    expect(uniform.shape).toEqual(shape);
    const [result] = await compute(
      [add(uniform, like)],
      new Map([
        [like, NdArray.zeros(actual, 'float64')],
        [key, word(99)],
      ]),
    );
    expect(result?.shape).toEqual(actual);
    expect(numbers(result)).toEqual(expected(99, result?.size ?? 0));
  });

  it('gives each step of a loop its own numbers', async () => {
    const like = input('like', ['N', 4]);
    const base = baseKey(42, 'dropout_1');
    const { outputs } = loop({
      count: reshape(int64([3]), []),
      state: [],
      step: (iteration) => ({ state: [], outputs: [uniformLike(like, stepKey(base, cast(iteration, 'uint32')))] }),
    });
    const [result] = await compute(outputs, new Map([[like, NdArray.zeros([2, 4])]]));
    expect(numbers(result)).toEqual([0, 1, 2].flatMap((step) => expected(streamKey(42, 'dropout_1', step), 8)));
  });

  it('computes what does not depend on the step once for all layers of one width, outside of the loop', () => {
    const x = input('x', ['N', 4]);
    const { state } = loop({
      count: reshape(int64([3]), []),
      state: [x],
      step: (iteration, [h]) => {
        const step = cast(iteration, 'uint32');
        const masked = ['a', 'b', 'c'].reduce((sum, layer) => add(sum, uniformLike(sum, stepKey(baseKey(1, layer), step))), h as Tensor);
        return { state: [masked], outputs: [] };
      },
    });
    const { nodes } = emitModel([x], { y: state[0] as Tensor }).graph;
    const body = nodes.find(({ opType }) => opType === 'Loop')?.attributes.body;
    const inside = body?.kind === 'graph' ? body.value.nodes.map(({ opType }) => opType) : [];
    const count = (operators: readonly string[], name: string): number => operators.filter((one) => one === name).length;
    expect(
      count(
        nodes.map(({ opType }) => opType),
        'Range',
      ),
    ).toBe(1);
    expect(inside).not.toContain('Range');
    expect(inside).not.toContain('Size');
    // Of each layer the key's three foldings, and those of key and place.
    expect(count(inside, 'BitwiseXor')).toBe(3 * 6);
  });

  it('is the same on WebAssembly, bit for bit', async () => {
    wasm.env.wasm.numThreads = 1;
    wasm.env.logLevel = 'error';
    const like = input('like', ['N', 8]);
    const bytes = encodeOnnx(emitModel([like, key], { result: uniformLike(like, key) }));
    const session = await wasm.InferenceSession.create(bytes, { executionProviders: ['wasm'], graphOptimizationLevel: 'disabled' });
    const { result } = await session.run({
      like: new wasm.Tensor('float32', new Float32Array(4096), [512, 8]),
      key: new wasm.Tensor('uint32', Uint32Array.of(0xdeadbeef), []),
    });
    expect(Array.from(result?.data as Float32Array)).toEqual(expected(0xdeadbeef, 4096));
    await session.release();
  });
});
