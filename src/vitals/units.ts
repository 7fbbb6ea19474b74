import type { Activation } from '../activations.js';
import { NdArray } from '../core/ndarray.js';
import { constant, type Tensor } from '../graph/node.js';
import {
  abs,
  add,
  cast,
  concat,
  dimOf,
  greater,
  min,
  neg,
  range,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  reshape,
  sub,
  transpose,
  unsqueeze,
  where,
} from '../graph/ops/index.js';
import { activationKeys } from './activation-keys.js';
import { type FlatSides, flatSides } from './flat.js';
import { endToEnd } from './mean-square.js';
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

/** Wider layers are reduced by themselves: copying them side by side would cost more than it saves. */
const WIDE = 128;

/**
 * Those whose activations have a flat side and whose units can be counted: those with units that can die, then those with units that can fall into a
 * coma. Such as can be reduced together stand together.
 */
export function trackedSignals(signals: readonly WatchedSignal[]): TrackedSignal[] {
  const keyOf = activationKeys();
  const known = new Map<string, FlatSides | undefined>();
  const sidesOf = (activation: Activation): FlatSides | undefined => {
    const key = keyOf(activation);
    if (!known.has(key)) known.set(key, flatSides(activation));
    return known.get(key);
  };
  const tracked = signals.flatMap((signal) => {
    const flat = signal.activation && sidesOf(signal.activation);
    return flat && typeof signal.z.shape.at(-1) === 'number' && signal.z.rank > (signal.looped ? 2 : 1) ? [{ ...signal, flat }] : [];
  });
  return [...groupsOf(tracked.filter(({ flat }) => flat.dead)), ...groupsOf(tracked.filter(({ flat }) => !flat.dead))].flat();
}

function groupsOf(signals: readonly TrackedSignal[]): TrackedSignal[][] {
  const groups = new Map<string, TrackedSignal[]>();
  for (const signal of signals) {
    const { z, looped, indices, flat } = signal;
    const alone = looped || z.rank !== 2 || Number(z.shape[1]) > WIDE;
    const key = alone ? `alone ${indices[0]}` : `${z.shape[1]} ${flat.low} ${flat.high}`;
    groups.set(key, [...(groups.get(key) ?? []), signal]);
  }
  return [...groups.values()];
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

/** Axes of sums, or of what bends them, over which a unit's entries lie. */
const entryAxes = ({ shape }: Tensor, looped: WatchedSignal['looped']): number[] => shape.map((_, axis) => axis).slice(looped ? 1 : 0, -1);

/** Vector over all units of how far each came, over the instances of a batch, to the side that is not flat: it fired where that is above its limit. */
export function reach(signals: readonly TrackedSignal[]): Tensor {
  const vectors = groupsOf(signals).map((group) => {
    const [first] = group as [TrackedSignal];
    // What a ReLU gives is never below 0, and the engine adds rows up several times faster than it takes their largest.
    // It has axes of its own: `timeDistributed` folds its steps into the rows of its sums.
    if (group.length === 1 && first.h && first.activation?.name === 'relu') return reduceSum(first.h, { axes: entryAxes(first.h, first.looped) });
    if (first.looped || first.z.rank !== 2) return reachOf(first.z, first.flat, entryAxes(first.z, first.looped));
    const side = endToEnd(group.map(({ z }) => z));
    // Along rows, and along a middle axis, the largest are found several times faster than along the first.
    if (group.length === 1) return reachOf(transpose(side, [1, 0]), first.flat, [1]);
    return reachOf(reshape(side, [group.length, -1, Number(first.z.shape[1])]), first.flat, [1]);
  });
  return endToEnd(vectors.map((vector) => cast(vector.rank === 1 ? vector : reshape(vector, [-1]), 'float32')));
}

function reachOf(z: Tensor, { low, high }: FlatSides, axes: readonly number[]): Tensor {
  if (high === Number.POSITIVE_INFINITY) return reduceMax(z, { axes });
  if (low === Number.NEGATIVE_INFINITY) return neg(reduceMin(z, { axes }));
  return Math.abs(low + high) < 1e-9 ? neg(reduceMin(abs(z), { axes })) : reduceMax(min(sub(z, low), sub(high, z)), { axes });
}

function limitOf({ low, high }: FlatSides): number {
  if (high === Number.POSITIVE_INFINITY) return low;
  return low === Number.NEGATIVE_INFINITY || Math.abs(low + high) < 1e-9 ? -high : 0;
}

/**
 * Vector over all units of the last step at which each fired.
 * @param reached [K, units], what `reach` gave in each step of a row. @param first number of the first of them. @param before as it was.
 */
export function lastFired(ranges: readonly UnitRange[], reached: Tensor, first: Tensor, before: Tensor): Tensor {
  const limits = Float32Array.from(ranges.flatMap(({ count, flat }) => new Array<number>(count).fill(limitOf(flat))));
  // Whole numbers: float32 counts to 2^24 alone.
  const numbers = add(cast(range(dimOf(reached, 0), reached.shape[0]), 'int32'), cast(first, 'int32'));
  const steps = where(greater(reached, constant(new NdArray(limits, [limits.length]))), unsqueeze(numbers, [1]), 0);
  // Among them, so that something is left to reduce where no step was looked at.
  return reduceMax(concat([unsqueeze(before, [0]), steps], 0), { axes: [0] });
}

/** Vector over all units of the mean of their sums over the batch. */
export function unitMeans(signals: readonly TrackedSignal[]): Tensor {
  return endToEnd(signals.map(({ z, looped }) => cast(reshape(reduceMean(z, { axes: entryAxes(z, looped) }), [-1]), 'float32')));
}
