import { NdArray } from '../core/ndarray.js';
import { constant, type Tensor } from '../graph/node.js';
import { cast, concat, greater, min, neg, reduceMax, reduceMean, reshape, sub, where } from '../graph/ops/index.js';
import { type FlatSides, flatSides } from './flat.js';
import type { WatchedSignal } from './signals.js';

/** Units of one watched use, in the vectors that hold all units one behind the other. */
export interface UnitRange {
  /** Place among the watched uses. */
  readonly index: number;
  readonly start: number;
  readonly count: number;
  readonly flat: FlatSides;
}

/** Signals whose units can fall silent, with where their activations are flat. */
export interface TrackedSignal extends WatchedSignal {
  readonly flat: FlatSides;
}

/** Those whose activations have a flat side and whose units can be counted. */
export function trackedSignals(signals: readonly WatchedSignal[]): TrackedSignal[] {
  return signals.flatMap((signal) => {
    const flat = signal.activation && flatSides(signal.activation);
    return flat && typeof signal.z.shape.at(-1) === 'number' && signal.z.rank > (signal.looped ? 2 : 1) ? [{ ...signal, flat }] : [];
  });
}

export function unitRanges(signals: readonly TrackedSignal[]): UnitRange[] {
  let start = 0;
  return signals.flatMap(({ indices, z, flat }) => {
    const count = Number(z.shape.at(-1));
    return indices.map((index) => {
      start += count;
      return { index, start: start - count, count, flat };
    });
  });
}

/** Axes over which a unit's entries lie. */
const entryAxes = ({ z, looped }: WatchedSignal): number[] => z.shape.map((_, axis) => axis).slice(looped ? 1 : 0, -1);

/** Vector over all units: `step` where the unit fired for some instance of this batch, else as before. */
export function lastFired(signals: readonly TrackedSignal[], step: Tensor, before: Tensor): Tensor {
  const nearest = signals.map((signal) => reshape(reduceMax(awakeness(signal), { axes: entryAxes(signal) }), [-1]));
  const limits = signals.flatMap(({ flat, z, indices }) => new Array<number>(indices.length * Number(z.shape.at(-1))).fill(limitOf(flat)));
  const limit = constant(new NdArray(Float32Array.from(limits), [limits.length]));
  return where(greater(cast(joined(nearest), 'float32'), limit), step, before);
}

/** Above its limit exactly where the activation is not flat. */
function awakeness({ z, flat: { low, high } }: TrackedSignal): Tensor {
  if (high === Number.POSITIVE_INFINITY) return z;
  if (low === Number.NEGATIVE_INFINITY) return neg(z);
  return min(sub(z, low), sub(high, z));
}

function limitOf({ low, high }: FlatSides): number {
  if (high === Number.POSITIVE_INFINITY) return low;
  return low === Number.NEGATIVE_INFINITY ? -high : 0;
}

/** Vector over all units of the mean of their sums over the batch. */
export function unitMeans(signals: readonly TrackedSignal[]): Tensor {
  return joined(signals.map((signal) => cast(reshape(reduceMean(signal.z, { axes: entryAxes(signal) }), [-1]), 'float32')));
}

function joined(vectors: readonly Tensor[]): Tensor {
  return vectors.length === 1 ? (vectors[0] as Tensor) : concat(vectors, 0);
}
