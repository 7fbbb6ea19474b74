import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashKey } from '#src/core/counter-hash.js';
import { ArgumentError } from '#src/core/errors.js';
import { Random } from '#src/core/random.js';
import { centralMoment, chiSquared, correlation, kolmogorovSmirnov, mean, normalCdf, tally } from '../statistics.js';

const draw = (n: number, next: () => number): Float64Array => Float64Array.from({ length: n }, next);
const uniforms = (random: Random, n = 20): number[] => Array.from({ length: n }, () => random.uniform());

/** xoroshiro128+ as published (24, 16, 37), in whole numbers of 64 bits. */
function* xoroshiro128plus(s0: bigint, s1: bigint): Generator<bigint, never> {
  const rotate = (x: bigint, k: bigint): bigint => BigInt.asUintN(64, (x << k) | (x >> (64n - k)));
  for (let [a, b] = [s0, s1]; ; ) {
    yield BigInt.asUintN(64, a + b);
    b ^= a;
    a = rotate(a, 24n) ^ b ^ BigInt.asUintN(64, b << 16n);
    b = rotate(b, 37n);
  }
}

describe('generator', () => {
  it('is xoroshiro128+, the lower word of each step, two steps a number', () => {
    const random = new Random(7, ['dense_1', 2]);
    const [s01, s00, s11, s10] = hashKey(7, ['dense_1', 2]).map(BigInt) as [bigint, bigint, bigint, bigint];
    const words = xoroshiro128plus((s01 << 32n) | s00, (s11 << 32n) | s10);
    const word = (): bigint => BigInt.asUintN(32, words.next().value);
    for (let i = 0; i < 100; i++) {
      const bits = ((word() >> 5n) << 26n) | (word() >> 6n);
      expect(random.uniform()).toBe(Number(bits) / 2 ** 53);
    }
  });
});

describe('seeds', () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    expect(uniforms(new Random(42))).toEqual(uniforms(new Random(42)));
    const seeds = [0, 1, 2, -1, 0.5, 1e-300, 1e300, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
    expect(new Set(seeds.map((seed) => new Random(seed).uniform())).size).toBe(seeds.length);
    expect(uniforms(new Random(-0))).toEqual(uniforms(new Random(0)));
  });

  it.each([NaN, Infinity, -Infinity, '3', undefined, null])('refuses the seed %s', (seed) => {
    expect(() => new Random(seed as number)).toThrow(ArgumentError);
    expect(() => new Random(seed as number)).toThrow(/seed must be a finite number, got/);
  });

  it('neighbouring seeds are not correlated', () => {
    const first = draw(20_000, () => new Random(1).uniform());
    for (let i = 0; i < first.length; i++) first[i] = new Random(i).uniform();
    expect(kolmogorovSmirnov(first, (x) => x)).toBeGreaterThan(1e-4);
    expect(Math.abs(correlation(first.subarray(1), first.subarray(0, -1)))).toBeLessThan(4 / Math.sqrt(first.length));
  });
});

describe('streams', () => {
  it('depend on seed and names, not on draws or order', () => {
    const one = new Random(3);
    const kernel = uniforms(one.stream('dense_1').stream('kernel'));
    const bias = uniforms(one.stream('dense_1').stream('bias'));
    const two = new Random(3);
    two.normal();
    two.permutation(50);
    const layer = two.stream('dense_1');
    layer.uniform();
    expect(uniforms(layer.stream('bias'))).toEqual(bias);
    expect(uniforms(layer.stream('kernel'))).toEqual(kernel);
    expect(kernel).not.toEqual(bias);
    expect(uniforms(new Random(4).stream('dense_1').stream('kernel'))).not.toEqual(kernel);
  });

  it('making a stream leaves its parent where it was', () => {
    const [a, b] = [new Random(5), new Random(5)];
    a.stream('x');
    expect(uniforms(a)).toEqual(uniforms(b));
  });

  it('keeps paths apart that look alike', () => {
    const paths = [[], [''], ['a', 'b'], ['ab'], ['b', 'a'], ['a', '', 'b'], [1], ['1'], [12], [1, 2], ['a\u0000b'], ['dense_1'], ['dense_2']];
    const first = paths.map((path) => path.reduce<Random>((random, name) => random.stream(name), new Random(1)).uniform());
    expect(new Set(first).size).toBe(paths.length);
  });

  it('refuses names that are neither text nor finite numbers', () => {
    expect(() => new Random(1).stream(NaN)).toThrow(/the name of a random stream must be a string or a finite number, got NaN/);
    expect(() => new Random(1).stream(undefined as unknown as string)).toThrow(ArgumentError);
  });

  it('sibling streams are not correlated', () => {
    const root = new Random(11);
    const n = 20_000;
    const [a, b] = [root.stream(0), root.stream(1)];
    expect(
      Math.abs(
        correlation(
          draw(n, () => a.uniform()),
          draw(n, () => b.uniform()),
        ),
      ),
    ).toBeLessThan(4 / Math.sqrt(n));
  });
});

describe('uniform', () => {
  it('is uniform', () => {
    const random = new Random(1);
    expect(
      kolmogorovSmirnov(
        draw(100_000, () => random.uniform()),
        (x) => x,
      ),
    ).toBeGreaterThan(1e-4);
    expect(
      kolmogorovSmirnov(
        draw(100_000, () => random.uniform(-3, 5)),
        (x) => (x + 3) / 8,
      ),
    ).toBeGreaterThan(1e-4);
  });

  it('stays in [min, max), however narrow', () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.integer({ min: 1, max: 8 }), (seed, min, ulps) => {
        const max = min + ulps * Math.max(Math.abs(min), 1e-300) * Number.EPSILON;
        const x = new Random(seed).uniform(min, max);
        expect(x === min || (x > min && x < max)).toBe(true);
      }),
    );
    expect(new Random(1).uniform(2, 2)).toBe(2);
  });

  it.each([
    [1, 0],
    [NaN, 1],
    [0, Infinity],
    [-Number.MAX_VALUE, Number.MAX_VALUE],
  ])('refuses bounds %d, %d', (min, max) => {
    expect(() => new Random(1).uniform(min, max)).toThrow(ArgumentError);
  });
});

describe('normal and truncatedNormal', () => {
  const n = 200_000;

  it('normal has the moments and the distribution of a normal', () => {
    const random = new Random(2);
    const values = draw(n, () => random.normal());
    expect(Math.abs(mean(values))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(centralMoment(values, 2) - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    expect(Math.abs(centralMoment(values, 3))).toBeLessThan(4 * Math.sqrt(15 / n));
    expect(Math.abs(centralMoment(values, 4) - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    expect(kolmogorovSmirnov(values, normalCdf)).toBeGreaterThan(1e-4);
    // pairs come from one draw
    expect(Math.abs(correlation(values.subarray(1), values.subarray(0, -1)))).toBeLessThan(4 / Math.sqrt(n));
  });

  it('scales and shifts', () => {
    const random = new Random(2);
    expect(
      kolmogorovSmirnov(
        draw(50_000, () => random.normal(3, 0.5)),
        (x) => normalCdf((x - 3) / 0.5),
      ),
    ).toBeGreaterThan(1e-4);
    expect(random.normal(4, 0)).toBe(4);
  });

  it('truncatedNormal is a normal cut at two deviations, not widened', () => {
    const random = new Random(3);
    const values = draw(n, () => random.truncatedNormal());
    const low = normalCdf(-2);
    expect(kolmogorovSmirnov(values, (x) => (normalCdf(x) - low) / (1 - 2 * low))).toBeGreaterThan(1e-4);
    expect(values.every((x) => Math.abs(x) <= 2)).toBe(true);
    // variance 1 − 2·2·φ(2) / (2Φ(2) − 1)
    const variance = 1 - (4 * Math.exp(-2)) / Math.sqrt(2 * Math.PI) / (1 - 2 * low);
    expect(Math.abs(centralMoment(values, 2) - variance)).toBeLessThan(4 * Math.sqrt((centralMoment(values, 4) - variance ** 2) / n));
    const moved = draw(1000, () => random.truncatedNormal(10, 3));
    expect(moved.every((x) => x >= 4 && x <= 16)).toBe(true);
    expect(Math.abs(mean(moved) - 10)).toBeLessThan((4 * 3) / Math.sqrt(1000));
  });

  it.each([
    [NaN, 1],
    [0, -1],
    [0, NaN],
    [0, Infinity],
  ])('refuse mean %d, std %d', (average, std) => {
    expect(() => new Random(1).normal(average, std)).toThrow(/finite mean and a finite std ≥ 0/);
    expect(() => new Random(1).truncatedNormal(average, std)).toThrow(ArgumentError);
  });
});

describe('integer', () => {
  it.each([2, 3, 10, 1000])('below %d is even', (n) => {
    const random = new Random(n);
    expect(
      chiSquared(
        tally(
          draw(100 * n, () => random.integer(n)),
          n,
        ),
      ),
    ).toBeGreaterThan(1e-4);
  });

  it('is even where n does not divide the generator’s range', () => {
    // A plain remainder of a 32-bit word would hit the first third twice as often as the others.
    for (const n of [3 * 2 ** 30, 3 * 2 ** 51]) {
      const random = new Random(9);
      const thirds = draw(30_000, () => Math.floor((random.integer(n) / n) * 3));
      expect(chiSquared(tally(thirds, 3))).toBeGreaterThan(1e-4);
    }
  });

  it('stays below n', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.oneof(
          fc.integer({ min: 1, max: 100 }),
          fc.maxSafeNat().map((n) => n + 1),
        ),
        (seed, n) => {
          const value = new Random(seed).integer(n);
          expect(Number.isInteger(value) && value >= 0 && value < n).toBe(true);
        },
      ),
    );
  });

  it.each([0, -1, 1.5, NaN, 2 ** 53 + 2])('refuses n = %d', (n) => {
    expect(() => new Random(1).integer(n)).toThrow(ArgumentError);
  });
});

describe('permutation', () => {
  it('holds every number once', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat({ max: 300 }), (seed, n) => {
        const order = new Random(seed).permutation(n);
        expect(order).toBeInstanceOf(Uint32Array);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it('makes every order equally likely', () => {
    const random = new Random(6);
    const codes = draw(24_000, () => {
      const [a = 0, b = 0, c = 0] = random.permutation(4);
      return a * 6 + (b - (b > a ? 1 : 0)) * 2 + (c - (c > a ? 1 : 0) - (c > b ? 1 : 0));
    });
    expect(chiSquared(tally(codes, 24))).toBeGreaterThan(1e-4);
  });

  it.each([-1, 1.5, NaN, 2 ** 31])('refuses n = %d', (n) => {
    expect(() => new Random(1).permutation(n)).toThrow(ArgumentError);
  });
});

it('seed 0 gives numbers as other seeds do', () => {
  const random = new Random(0);
  const drawn = Array.from({ length: 1000 }, () => random.uniform());
  expect(new Set(drawn).size).toBe(1000);
  expect(drawn.reduce((sum, value) => sum + value, 0) / 1000).toBeCloseTo(0.5, 1);
  expect(Math.abs(new Random(0).normal())).toBeLessThan(6);
});
