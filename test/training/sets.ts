import { NdArray } from 'evenkeel';
import { generator } from '../graph/differences.js';

/** A small set with something to learn: the label is the largest of three sums of the features. */
export function labelled(rows: number, features = 6, seed = 5): { x: NdArray; y: NdArray; nested: number[][]; labels: number[] } {
  const next = generator(seed);
  // Multiples of 1/64: the same numbers in float32 and float64.
  const nested = Array.from({ length: rows }, () => Array.from({ length: features }, () => Math.round((next() - 0.5) * 192) / 64));
  const labels = nested.map((row) => {
    const sums = [0, 1, 2].map((k) => row.reduce((sum, value, j) => sum + (j % 3 === k ? value : 0), 0));
    return sums.indexOf(Math.max(...sums));
  });
  const x = new NdArray(Float32Array.from(nested.flat()), [rows, features]);
  return { x, y: new NdArray(Uint8Array.from(labels), [rows]), nested, labels };
}

/** Elements of arrays, side by side. */
export function values(arrays: Iterable<NdArray>): number[][] {
  return [...arrays].map((array) => Array.from({ length: array.size }, (_, i) => array.at(i)));
}

/** The rows of a matrix in pieces of `size`. */
export function pieces<T>(rows: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size));
}
