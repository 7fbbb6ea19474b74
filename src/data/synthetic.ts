import { numberOption, type Option, readOptions } from '../core/catalogue.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import type { Dataset } from './dataset.js';

const count = (fallback: number, least = 1): Option<number> => ({
  fallback,
  expected: `a whole number ≥ ${least}`,
  accepts: (value) => Number.isInteger(value) && (value as number) >= least,
});
const noise = (fallback: number): Option<number> => numberOption(fallback, { from: 0 });

/** Points in a plane with a class each: `place` gives those of a class, `at` from 0 to below 1 along it. */
function plane(
  name: string,
  rows: number,
  classes: number,
  seed: number,
  place: (label: number, at: number, random: Random) => readonly [number, number],
): Dataset {
  const random = new Random(seed).stream(name);
  const order = random.permutation(rows);
  const [x, y] = [new Float32Array(2 * rows), new Int32Array(rows)];
  order.forEach((row, i) => {
    const label = i % classes;
    const at = Math.floor(i / classes) / Math.ceil(rows / classes);
    y[row] = label;
    x.set(place(label, at, random), 2 * row);
  });
  return { x: new NdArray(x, [rows, 2]), y: new NdArray(y), classNames: Array.from({ length: classes }, (_, label) => String(label)) };
}

const jitter = (random: Random, spread: number): number => random.normal(0, spread);

/** Synthetic data sets drawn from a seed; the same options give the same rows. x is float32 [rows, 2] and y int32 [rows] unless noted. */
export const synthetic = {
  /** Round clouds, one per class, evenly spaced around the origin at distance 3. */
  blobs(options: { readonly rows?: number; readonly classes?: number; readonly spread?: number; readonly seed?: number } = {}): Dataset {
    const rules = { rows: count(300), classes: count(3), spread: noise(1), seed: numberOption(0) };
    const { rows, classes, spread, seed } = readOptions('blobs', rules, options);
    return plane('blobs', rows, classes, seed, (label, _, random) => {
      const angle = (2 * Math.PI * label) / classes;
      return [3 * Math.cos(angle) + jitter(random, spread), 3 * Math.sin(angle) + jitter(random, spread)];
    });
  },

  /** Two interleaving half circles. */
  moons(options: { readonly rows?: number; readonly noise?: number; readonly seed?: number } = {}): Dataset {
    const rules = { rows: count(300), noise: noise(0.1), seed: numberOption(0) };
    const { rows, noise: spread, seed } = readOptions('moons', rules, options);
    return plane('moons', rows, 2, seed, (label, at, random) => {
      const [cos, sin] = [Math.cos(Math.PI * at), Math.sin(Math.PI * at)];
      const [px, py] = label === 0 ? [cos, sin] : [1 - cos, 0.5 - sin];
      return [px + jitter(random, spread), py + jitter(random, spread)];
    });
  },

  /** A circle of radius 1 and one of radius `factor` inside it. */
  circles(options: { readonly rows?: number; readonly noise?: number; readonly factor?: number; readonly seed?: number } = {}): Dataset {
    const rules = { rows: count(300), noise: noise(0.05), factor: numberOption(0.5, { above: 0, below: 1 }), seed: numberOption(0) };
    const { rows, noise: spread, factor, seed } = readOptions('circles', rules, options);
    return plane('circles', rows, 2, seed, (label, at, random) => {
      const radius = label === 0 ? 1 : factor;
      return [radius * Math.cos(2 * Math.PI * at) + jitter(random, spread), radius * Math.sin(2 * Math.PI * at) + jitter(random, spread)];
    });
  },

  /** Spiral arms, one per class, that wind `turns` times around the origin. */
  spirals(
    options: { readonly rows?: number; readonly classes?: number; readonly noise?: number; readonly turns?: number; readonly seed?: number } = {},
  ): Dataset {
    const rules = { rows: count(300), classes: count(2), noise: noise(0.02), turns: numberOption(1.25, { above: 0 }), seed: numberOption(0) };
    const { rows, classes, noise: spread, turns, seed } = readOptions('spirals', rules, options);
    return plane('spirals', rows, classes, seed, (label, at, random) => {
      const angle = 2 * Math.PI * (turns * at + label / classes);
      return [at * Math.cos(angle) + jitter(random, spread), at * Math.sin(angle) + jitter(random, spread)];
    });
  },

  /**
   * The adding problem: x float32 [rows, steps, 2] holds numbers in [0, 1) and marks of which two are 1, one in each half; y [rows, 1] is the
   * sum of the marked numbers. Hochreiter and Schmidhuber, "Long short-term memory", 1997.
   */
  addingProblem(options: { readonly rows?: number; readonly steps?: number; readonly seed?: number } = {}): Dataset {
    const { rows, steps, seed } = readOptions('addingProblem', { rows: count(1000), steps: count(50, 2), seed: numberOption(0) }, options);
    const random = new Random(seed).stream('addingProblem');
    const [x, y] = [new Float32Array(rows * steps * 2), new Float32Array(rows)];
    const half = Math.floor(steps / 2);
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < steps; step++) x[2 * (row * steps + step)] = random.uniform();
      for (const marked of [random.integer(half), half + random.integer(steps - half)]) {
        const at = 2 * (row * steps + marked);
        x[at + 1] = 1;
        y[row] = (y[row] ?? 0) + (x[at] ?? 0);
      }
    }
    return { x: new NdArray(x, [rows, steps, 2]), y: new NdArray(y, [rows, 1]) };
  },
};
