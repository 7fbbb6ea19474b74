import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { baseKey, counterHashConstants as constants, counterBits, counterUniform, hashKey, mix32, streamKey } from '#src/core/counter-hash.js';
import { ArgumentError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';
import type { OnnxModel, OnnxNode } from '#src/graph/onnx/model.js';
import { chiSquared, correlation, kolmogorovSmirnov, tally } from '../statistics.js';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const series = (n: number, value: (i: number) => number): Float64Array => Float64Array.from({ length: n }, (_, i) => value(i));

/** The published inverse of lowbias32 (nullprogram.com, "Prospecting for hash functions"). */
function unmix(bits: number): number {
  const mask = 0xffffffffn;
  let x = BigInt(bits);
  x ^= x >> 16n;
  x = (x * 0x43021123n) & mask;
  x ^= (x >> 15n) ^ (x >> 30n);
  x = (x * 0x1d69e2a5n) & mask;
  x ^= x >> 16n;
  return Number(x);
}

describe('mix32', () => {
  it('is undone by the published inverse', () => {
    fc.assert(fc.property(uint32, (x) => unmix(mix32(x)) === x));
  });

  it('changes half of the bits when one changes', () => {
    const flips = new Float64Array(32 * 32);
    const n = 4000;
    for (let i = 0; i < n; i++) {
      const x = Math.imul(i + 1, 0x01000193) >>> 0;
      for (let bit = 0; bit < 32; bit++) {
        const changed = mix32(x) ^ mix32(x ^ (1 << bit));
        for (let out = 0; out < 32; out++) flips[bit * 32 + out] = (flips[bit * 32 + out] ?? 0) + ((changed >>> out) & 1);
      }
    }
    for (const count of flips) expect(Math.abs(count / n - 0.5)).toBeLessThan(0.05);
  });
});

describe('keys', () => {
  it('follow the formula that a graph uses', () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), uint32, (seed, layer, step) => {
        const sum = (BigInt(baseKey(seed, layer)) + BigInt(step) * BigInt(constants.golden)) & 0xffffffffn;
        expect(streamKey(seed, layer, step)).toBe(mix32(Number(sum)));
      }),
    );
  });

  it('are whole numbers of 32 bits that differ by seed, layer and step', () => {
    const keys = [0, 1, 42].flatMap((seed) =>
      ['dropout_1', 'dropout_2', 1, '1'].flatMap((layer) => [0, 1, 2].map((step) => streamKey(seed, layer, step))),
    );
    expect(new Set(keys).size).toBe(36);
    for (const key of keys) expect(key === key >>> 0).toBe(true);
    expect(new Set(hashKey(1, ['a'])).size).toBe(4);
  });

  it('of many layers and seeds do not collide more than chance allows', () => {
    // 40,000 keys of 32 bits: 0.19 collisions expected
    const bases = [0, 1, 2, 3].flatMap((seed) => Array.from({ length: 10_000 }, (_, i) => baseKey(seed, `dropout_${i}`)));
    expect(bases.length - new Set(bases).size).toBeLessThanOrEqual(3);
  });

  it('refuse a seed that is no finite number', () => {
    expect(() => baseKey(NaN, 'dropout')).toThrow(ArgumentError);
    expect(() => streamKey(Infinity, 'dropout', 0)).toThrow(/seed/);
  });
});

describe('counterUniform', () => {
  const n = 50_000;
  const key = streamKey(1, 'dropout_1', 0);
  const views: Record<string, (i: number) => number> = {
    'over the index': (i) => counterUniform(key, i),
    'over the step': (i) => counterUniform(streamKey(1, 'dropout_1', i), 17),
    'over the layer': (i) => counterUniform(streamKey(1, i, 3), 17),
    'over the seed': (i) => counterUniform(streamKey(i, 'dropout_1', 3), 17),
  };

  it.each(Object.entries(views))('is uniform %s, without memory', (_, value) => {
    const values = series(n, value);
    expect(kolmogorovSmirnov(values, (x) => x)).toBeGreaterThan(1e-4);
    expect(
      chiSquared(
        tally(
          values.map((x) => Math.floor(x * 256)),
          256,
        ),
      ),
    ).toBeGreaterThan(1e-4);
    for (const lag of [1, 2, 100]) {
      expect(Math.abs(correlation(values.subarray(lag), values.subarray(0, -lag)))).toBeLessThan(4 / Math.sqrt(n - lag));
    }
    // pairs of neighbours fill the square
    expect(
      chiSquared(
        tally(
          values.subarray(1).map((x, i) => Math.floor(x * 16) * 16 + Math.floor((values[i] ?? 0) * 16)),
          256,
        ),
      ),
    ).toBeGreaterThan(1e-4);
  });

  it('the masks of neighbouring steps and layers are independent', () => {
    const one = series(n, (i) => counterUniform(streamKey(1, 'dropout_1', 5), i));
    const step = series(n, (i) => counterUniform(streamKey(1, 'dropout_1', 6), i));
    const layer = series(n, (i) => counterUniform(streamKey(1, 'dropout_2', 5), i));
    for (const other of [step, layer]) {
      for (const shift of [0, 1, 2])
        expect(Math.abs(correlation(one.subarray(shift), other.subarray(0, n - shift)))).toBeLessThan(4 / Math.sqrt(n - shift));
    }
  });

  it('keys that differ by a multiple of the golden constant give no shifted copies', () => {
    const moved = (key + 3 * constants.golden) % 2 ** 32;
    const here = new Set(Array.from({ length: 2000 }, (_, i) => counterBits(key, i)));
    const there = Array.from({ length: 2000 }, (_, i) => counterBits(moved, i));
    expect(there.filter((bits) => here.has(bits)).length).toBeLessThanOrEqual(2);
  });

  it('has balanced bits, and float32 holds it exactly', () => {
    const ones = new Float64Array(32);
    for (let i = 0; i < n; i++) {
      const bits = counterBits(key, i);
      for (let b = 0; b < 32; b++) ones[b] = (ones[b] ?? 0) + ((bits >>> b) & 1);
      const value = counterUniform(key, i);
      expect(value >= 0 && value < 1 && Math.fround(value) === value && Number.isInteger(value * 2 ** 24)).toBe(true);
    }
    for (const count of ones) expect(Math.abs(count - n / 2)).toBeLessThan(4.5 * Math.sqrt(n / 4));
  });
});

/** The graph that the docstrings describe: from the key's base and the step to uniform numbers. */
function hashGraph(size: number): OnnxModel {
  const nodes: OnnxNode[] = [];
  const initializers: { name: string; array: NdArray }[] = [];
  const node = (opType: string, inputs: string[], attributes: OnnxNode['attributes'] = {}): string => {
    const name = `v${nodes.length}`;
    nodes.push({ opType, name, inputs, outputs: [name], attributes });
    return name;
  };
  const hold = (array: NdArray): string => {
    const name = `c${initializers.length}`;
    initializers.push({ name, array });
    return name;
  };
  const word = (value: number): string => hold(new NdArray(Uint32Array.of(value), []));
  const right = { direction: { kind: 'string', value: 'RIGHT' } } as const;
  const xorShift = (x: string, places: number): string => node('BitwiseXor', [x, node('BitShift', [x, word(places)], right)]);
  const mix = (x: string): string => {
    const first = node('Mul', [xorShift(x, constants.shift1), word(constants.multiply1)]);
    return xorShift(node('Mul', [xorShift(first, constants.shift2), word(constants.multiply2)]), constants.shift3);
  };
  const key = mix(node('Add', ['base', node('Mul', ['step', word(constants.golden)])]));
  const index = hold(new NdArray(Uint32Array.from({ length: size }, (_, i) => i)));
  const spread = mix(node('Mul', [index, word(constants.golden)]));
  const bits = mix(node('Add', [spread, key]));
  const top = node('Cast', [node('BitShift', [bits, word(constants.uniformShift)], right)], { to: { kind: 'int', value: 1 } });
  const uniform = node('Mul', [top, hold(new NdArray(Float32Array.of(constants.uniformScale), []))]);
  return {
    irVersion: 8,
    opsets: { '': 18 },
    producer: 'test',
    graph: {
      name: 'hash',
      nodes,
      inputs: ['base', 'step'].map((name) => ({ name, dtype: 'uint32', shape: [] })),
      outputs: [
        { name: bits, dtype: 'uint32', shape: [size] },
        { name: uniform, dtype: 'float32', shape: [size] },
      ],
      initializers,
    },
  };
}

describe('in a graph', () => {
  it('gives the same bits and the same numbers', async () => {
    const size = 5000;
    const session = await InferenceSession.create(encodeOnnx(hashGraph(size)));
    const scalar = (value: number): Tensor => new Tensor('uint32', Uint32Array.of(value), []);
    for (const [seed, layer, step] of [
      [1, 'dropout_1', 0],
      [-7.5, 'dropout_2', 1],
      [1e9, 3, 123_456_789],
      [42, 'rrelu', 2 ** 32 - 1],
    ] as const) {
      const result = await session.run({ base: scalar(baseKey(seed, layer)), step: scalar(step) });
      const [bits, uniform] = session.outputNames.map((name) => result[name]?.data);
      const key = streamKey(seed, layer, step);
      expect(bits).toEqual(Uint32Array.from({ length: size }, (_, i) => counterBits(key, i)));
      expect(uniform).toEqual(Float32Array.from({ length: size }, (_, i) => counterUniform(key, i)));
    }
    await session.release();
  });
});
