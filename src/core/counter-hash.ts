import { ArgumentError, show } from './errors.js';

/**
 * The constants of the counter hash. A graph that repeats the hash takes them from here.
 * `golden` is 2³² divided by the golden ratio; shifts and multipliers are lowbias32's (Chris Wellons, "Prospecting for hash functions", 2018).
 */
export const counterHashConstants = {
  golden: 0x9e3779b9,
  shift1: 16,
  multiply1: 0x7feb352d,
  shift2: 15,
  multiply2: 0x846ca68b,
  shift3: 16,
  uniformShift: 8,
  uniformScale: 2 ** -24,
} as const;

const { golden, shift1, multiply1, shift2, multiply2, shift3, uniformShift, uniformScale } = counterHashConstants;

/**
 * lowbias32: a bijection of uint32 in which every input bit sways every output bit.
 *
 * In a graph (uint32 throughout, opset 18; `Mul` wraps around):
 * `x = BitwiseXor(x, BitShift(x, shift1, RIGHT)); x = Mul(x, multiply1); x = BitwiseXor(x, BitShift(x, shift2, RIGHT));
 * x = Mul(x, multiply2); x = BitwiseXor(x, BitShift(x, shift3, RIGHT))`.
 */
export function mix32(x: number): number {
  let bits = x ^ (x >>> shift1);
  bits = Math.imul(bits, multiply1);
  bits ^= bits >>> shift2;
  bits = Math.imul(bits, multiply2);
  return (bits ^ (bits >>> shift3)) >>> 0;
}

/** Four uint32 words. */
export type Key128 = readonly [number, number, number, number];

const LANES = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;
const NUMBER_MARK = 1;
const STRING_MARK = 2;

function wordsOf(value: number | string): number[] {
  if (typeof value === 'string') return [STRING_MARK, value.length, ...Array.from({ length: value.length }, (_, i) => value.charCodeAt(i))];
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value + 0); // -0 and 0 are one seed
  return [NUMBER_MARK, view.getUint32(0), view.getUint32(4)];
}

/**
 * 128 bits that depend on a seed and a path of names, and on nothing else; `1` and `'1'` are different names.
 * @throws ArgumentError if the seed or a name is neither a finite number nor (names only) a string.
 */
export function hashKey(seed: number, path: readonly (number | string)[] = []): Key128 {
  if (!Number.isFinite(seed)) {
    throw new ArgumentError(`a seed must be a finite number, got ${show(seed)}`, { argument: 'seed', received: seed, expected: 'a finite number' });
  }
  for (const name of path) {
    if (typeof name !== 'string' && !Number.isFinite(name)) {
      throw new ArgumentError(`the name of a random stream must be a string or a finite number, got ${show(name)}`, {
        argument: 'name',
        received: name,
        expected: 'a string or a finite number',
      });
    }
  }
  let [a, b, c, d]: Key128 = LANES;
  for (const word of [seed, ...path].flatMap(wordsOf)) {
    a = mix32(a ^ Math.imul(word, LANES[0]));
    b = mix32(b ^ Math.imul(word, LANES[1]));
    c = mix32(c ^ Math.imul(word, LANES[2]));
    d = mix32(d ^ Math.imul(word, LANES[3]));
  }
  return [mix32(a + b), mix32(b + c), mix32(c + d), mix32(d + Math.imul(a, golden))];
}

/** The part of a layer's key that stays the same over all steps (uint32). @throws ArgumentError as `hashKey`. */
export function baseKey(seed: number, layer: number | string): number {
  return hashKey(seed, [layer])[0];
}

/**
 * The key (uint32) of one layer's numbers at one step: `mix32(baseKey(seed, layer) + step · golden)`.
 *
 * In a graph, `base` being a constant and `step` a uint32 scalar: `key = mix32(Add(base, Mul(step, golden)))`.
 */
export function streamKey(seed: number, layer: number | string, step: number): number {
  return mix32(baseKey(seed, layer) + Math.imul(step, golden));
}

/**
 * 32 random bits that belong to a position: `mix32(mix32(index · golden) + key)`.
 * The inner hash keeps the streams of two keys from being shifted copies of each other.
 *
 * In a graph: `spread = mix32(Mul(Range(0, size, 1) as uint32, golden))` depends on no key, so it stands outside the loop or becomes a
 * constant; per step remains `bits = mix32(Add(spread, key))`. The index counts the elements in row-major order.
 */
export function counterBits(key: number, index: number): number {
  return mix32(mix32(Math.imul(index, golden)) + key);
}

/**
 * A number in [0, 1), a multiple of 2⁻²⁴ and hence exact in float32: `(bits >>> 8) · 2⁻²⁴`.
 *
 * In a graph: `Mul(Cast(BitShift(bits, uniformShift, RIGHT), float32), uniformScale)`.
 */
export function counterUniform(key: number, index: number): number {
  return (counterBits(key, index) >>> uniformShift) * uniformScale;
}
