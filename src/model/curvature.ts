import { ArgumentError } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import { type Network, SINGLE } from '../network/network.js';
import { extremeEigenvalues } from '../theory/tridiagonal.js';
import { curvatureProgram } from '../training/curvature.js';
import { type BatchParts, fetchedOf, rowsIn, typesOf } from './minibatch.js';

export interface CurvatureOptions {
  /** Steps of Lanczos's iteration; default 20. */
  readonly steps?: number;
}

/** Curvature of the loss as a function of the weights. */
export interface Curvature {
  /** Largest eigenvalue of the Hessian, λ_max. */
  readonly sharpness: number;
  /** Smallest eigenvalue, negative if the loss curves downwards. */
  readonly least: number;
  /** Whether the last quarter of the iteration changed the sharpness by less than 1 %. */
  readonly settled: boolean;
  /**
   * Learning rate above which the compiled optimizer's steps along the sharpest direction grow; undefined if it divides gradients by their size, or if the
   * loss curves upwards nowhere.
   */
  readonly stableRate: number | undefined;
}

/** Steps of the iteration, which mostly settle the sharpness. */
const CURVATURE_STEPS = 20;
/** Layers with weights, at most, whose curvature is measured unasked: for 100 of 100 units it takes two seconds, for 1,000 of 32 forty. */
const MOST_LAYERS = 64;
/** Part of the largest entry below which the length of what is left is rounding error: the directions have run out. */
const EXHAUSTED = 1e-6;
/** By what part the last quarter of the iteration may change what is settled. */
const SETTLED = 0.01;

const numbersOf = (array: NdArray | undefined): number[] => Array.from(array?.cast('float64').data ?? [], Number);

/** Whether there is anything along which a loss can bend. */
export const isTrained = ({ spec }: BatchParts): boolean => spec.network.variables.some(({ trainable }) => trainable);

/** Whether a network is one whose curvature does not take longer than all else that a look measures. */
export const bendsSoon = ({ calls }: Network): boolean => calls.filter(({ layer }) => layer.weights.size > 0).length <= MOST_LAYERS;

/** The extreme eigenvalues of the Hessian on one minibatch, in training mode. @throws ArgumentError if nothing is trained. */
export async function batchCurvature(parts: BatchParts, { steps = CURVATURE_STEPS }: CurvatureOptions = {}): Promise<Curvature> {
  if (!isTrained(parts))
    throw new ArgumentError('curvature: the model has no trainable arrays, so its loss has no curvature to measure', { argument: 'model' });
  const spec = { ...parts.spec, layout: SINGLE };
  const { session, program } = await parts.programs.load('curvature', [...typesOf(spec), steps], rowsIn(parts.checked), () =>
    curvatureProgram(spec, steps),
  );
  const { diagonal, beside } = await fetchedOf(session, { ...parts, spec, program }, ['diagonal', 'beside']);
  const [entries, links] = [numbersOf(diagonal), numbersOf(beside)];
  const scale = Math.max(...entries.map(Math.abs));
  const end = links.findIndex((link) => link <= EXHAUSTED * scale);
  const size = end < 0 ? steps : end + 1;
  const after = (count: number) => extremeEigenvalues({ diagonal: entries.slice(0, count), beside: links.slice(0, count - 1) });
  const { least, largest: sharpness } = after(size);
  const earlier = after(Math.ceil(0.75 * size)).largest;
  const { stableProduct } = spec.optimizer;
  return {
    sharpness,
    least,
    settled: end >= 0 || Math.abs(sharpness - earlier) <= SETTLED * Math.abs(sharpness),
    stableRate: stableProduct !== undefined && sharpness > 0 ? stableProduct / sharpness : undefined,
  };
}
