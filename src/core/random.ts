import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { hashKey } from './counter-hash.js';
import { ArgumentError, show } from './errors.js';
import { MAX_ELEMENTS } from './shape.js';

const WORD = 2 ** 32;
const MAX_INTEGER = 2 ** 53;

/**
 * Seeded random numbers: xoroshiro128+ (Blackman and Vigna, 2018), its state hashed from the seed and the names of the stream.
 *
 * Sub-streams depend only on the seed and on their names, not on previous draws or on the order of creation:
 * `random.stream('dense_1').stream('kernel')` yields the same numbers in every run.
 *
 * @throws ArgumentError if the seed is not a finite number.
 */
export class Random {
  readonly seed: number;
  /** The names of the streams that led here; empty at the root. */
  readonly path: readonly (string | number)[];
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;
  #spare: number | undefined;

  constructor(seed: number, path: readonly (string | number)[] = []) {
    this.seed = seed;
    this.path = [...path];
    const state = hashKey(seed, path);
    // From a state of zeros, which seed 0 has at the root, the generator never leaves it.
    this.#generator = xoroshiro128plusFromState(state.every((word) => word === 0) ? [1, 0, 0, 0] : state);
  }

  /** The sub-stream of that name. @throws ArgumentError if the name is neither a string nor a finite number. */
  stream(name: string | number): Random {
    return new Random(this.seed, [...this.path, name]);
  }

  /** A number in [min, max), of 53 random bits; `min` where the two are equal. @throws ArgumentError if max < min or a bound is not finite. */
  uniform(min = 0, max = 1): number {
    const range = max - min;
    if (!(range >= 0 && range < Infinity)) {
      throw new ArgumentError(`uniform needs finite bounds with min ≤ max, got ${show(min)} and ${show(max)}`, { received: [min, max] });
    }
    const value = min + range * this.#unit();
    return value < max ? value : min; // rounding may reach max in a narrow range
  }

  /** A normal number (Marsaglia's polar method, 1964). @throws ArgumentError if std < 0 or an argument is not finite. */
  normal(mean = 0, std = 1): number {
    checkNormal(mean, std);
    return mean + std * this.#standardNormal();
  }

  /**
   * A normal number, redrawn until it lies within two `std` of the mean. It is not rescaled to compensate: its standard deviation is 0.8796 `std`.
   * @throws ArgumentError if std < 0 or an argument is not finite.
   */
  truncatedNormal(mean = 0, std = 1): number {
    checkNormal(mean, std);
    let z = this.#standardNormal();
    while (Math.abs(z) > 2) z = this.#standardNormal();
    return mean + std * z;
  }

  /** A whole number from 0 to n − 1, each equally likely. @throws ArgumentError if n is not a whole number from 1 to 2⁵³. */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > MAX_INTEGER) {
      throw new ArgumentError(`integer(n) needs a whole number from 1 to 2^53, got ${show(n)}`, { argument: 'n', received: n });
    }
    if (n <= WORD) {
      // Equal buckets of the whole range; what is left over at its end is drawn again. The division keeps the generator's better, upper bits.
      const bucket = Math.floor(WORD / n);
      const limit = bucket * n;
      let word = this.#generator.next() >>> 0;
      while (word >= limit) word = this.#generator.next() >>> 0;
      return Math.floor(word / bucket);
    }
    const limit = MAX_INTEGER - (MAX_INTEGER % n);
    let word = this.#unit() * MAX_INTEGER;
    while (word >= limit) word = this.#unit() * MAX_INTEGER;
    return word % n;
  }

  /** The numbers 0 to n − 1 in random order (Fisher and Yates). @throws ArgumentError if n is not a whole number ≥ 0 that an array can hold. */
  permutation(n: number): Uint32Array {
    if (!Number.isInteger(n) || n < 0 || n > MAX_ELEMENTS) {
      throw new ArgumentError(`permutation(n) needs a whole number from 0 to ${MAX_ELEMENTS}, got ${show(n)}`, { argument: 'n', received: n });
    }
    const order = new Uint32Array(n);
    for (let i = 1; i < n; i++) order[i] = i;
    for (let last = n - 1; last > 0; last--) {
      const chosen = this.integer(last + 1);
      const kept = order[last] ?? 0;
      order[last] = order[chosen] ?? 0;
      order[chosen] = kept;
    }
    return order;
  }

  /** [0, 1) in steps of 2⁻⁵³. The lowest bits of each word are the generator's weakest and are left out. */
  #unit(): number {
    const high = this.#generator.next() >>> 5;
    const low = this.#generator.next() >>> 6;
    return (high * 2 ** 26 + low) * 2 ** -53;
  }

  #standardNormal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    for (;;) {
      const x = 2 * this.#unit() - 1;
      const y = 2 * this.#unit() - 1;
      const square = x * x + y * y;
      if (square === 0 || square >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spare = y * factor;
      return x * factor;
    }
  }
}

function checkNormal(mean: number, std: number): void {
  if (!Number.isFinite(mean) || !(std >= 0 && std < Infinity)) {
    throw new ArgumentError(`a normal distribution needs a finite mean and a finite std ≥ 0, got ${show(mean)} and ${show(std)}`, {
      received: [mean, std],
    });
  }
}
