import { ArgumentError } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import { product } from '../core/shape.js';
import { spreadRows, takeRows } from '../data/dataset.js';
import type { Signal } from '../network/layer.js';
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

/** Products of weights and signals in one pass forwards, at most, whose curvature is measured unasked: about as many as 64 dense layers of 100 units have on 256 rows. Convolutions take some seconds for them. */
const MOST_PRODUCTS = 2 ** 27;
/** Fewer rows than this tell more of themselves than of a loss. */
const FEWEST_ROWS = 16;

/** Numbers of a shape beside each other in its last axis; lengths that vary count as 1. */
const placesOf = ({ shape }: Signal): number => shape.slice(1, -1).reduce<number>((all, one) => all * (typeof one === 'number' ? one : 1), 1);

/** Products of weights and signals that one row takes on its way forwards, about. What is looked up takes none. */
function productsOf({ calls }: Network): number {
  return calls.reduce((sum, { layer, inputs, outputs }) => {
    if (layer.kind === 'embedding') return sum;
    const kernels = [...layer.weights.values()].reduce((all, { shape }) => all + (shape.length > 1 ? product(shape) : 0), 0);
    return sum + kernels * Math.max(...[...inputs, ...outputs].map(placesOf));
  }, 0);
}

/** Of so many rows, those whose curvature does not take longer than all else that a look measures; 0 where it always does. By shapes, not by the clock: what is found depends on no machine. */
export function soonRows(network: Network, rows: number): number {
  if (network.calls.filter(({ layer }) => layer.weights.size > 0).length > MOST_LAYERS) return 0;
  const most = Math.floor(MOST_PRODUCTS / Math.max(1, productsOf(network)));
  return most >= rows ? rows : most >= FEWEST_ROWS ? most : 0;
}

/** Some rows of a minibatch, spread over it. */
export function spread(parts: BatchParts, most: number): BatchParts {
  if (most >= rowsIn(parts.checked)) return parts;
  const some = (array: NdArray): NdArray => takeRows(array, Uint32Array.from(spreadRows(array, most)));
  const { inputs, targets, weights } = parts.checked;
  return { ...parts, checked: { inputs: inputs.map(some), targets: targets.map(some), weights: weights.map(some) } };
}

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
