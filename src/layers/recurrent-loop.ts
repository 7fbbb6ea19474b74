import { NdArray } from '../core/ndarray.js';
import { constant, scalar, type Tap, type Tensor } from '../graph/node.js';
import { gather, scan, slice, stopGradient, transpose, unsqueeze, where, zerosLike } from '../graph/ops/index.js';
import type { LayerContext } from '../network/layer.js';

/** What one step of a recurrent layer gives. */
export interface StepOfCell {
  /** The new state, each part [N, units]; the first is what the layer gives. */
  readonly state: readonly Tensor[];
  /** What the activation received [N, units]. */
  readonly sums: Tensor;
}

/** Everything that makes a walk over time. */
export interface Walk {
  /** [time, N, …]: what enters each step, computed for all steps at once. */
  readonly items: Tensor;
  /** The state before the first step, each part [N, units]. */
  readonly initial: readonly Tensor[];
  /** What is given at steps that do not count before the first that does; the first part of the state unless given. */
  readonly silence?: Tensor | undefined;
  /** Which steps count: bool [N, time]; all unless given. */
  readonly mask?: Tensor | undefined;
  /** Walk from the last step to the first; outputs come in that order. */
  readonly goBackwards: boolean;
  /** Give zeros, not what was given before, at a step that does not count. */
  readonly zeroOutputForMask: boolean;
  /** Steps that a gradient flows back through at most; all unless given. */
  readonly truncate?: number | undefined;
  readonly step: (item: Tensor, state: readonly Tensor[]) => StepOfCell;
}

/** [time, N, units] of every step in the order taken, the last of them, and the state after it. */
export interface Walked {
  readonly outputs: Tensor;
  readonly last: Tensor;
  readonly state: readonly Tensor[];
}

/** Zeros [N, units], for the rows of `items` [time, N, features] with at least as many features. */
export function zeroState(items: Tensor, units: number): Tensor {
  return zerosLike(slice(gather(items, scalar(0, 'int64')), { axis: 1, start: 0, end: units }));
}

/** What stands in steps [N, time, …], in the other order. */
export function turned(x: Tensor): Tensor {
  const time = Number(x.shape[1]);
  const places = new NdArray(
    BigInt64Array.from({ length: time }, (_, i) => BigInt(time - 1 - i)),
    [time],
  );
  return gather(x, constant(places), 1);
}

/**
 * Carries a state along the steps of a sequence as one `Scan`; its gradient is the `Scan` the other way round (Werbos, "Backpropagation through
 * time", 1990). At a step that does not count, the state stays and what was given before is given again.
 */
export function walk(options: Walk, context: LayerContext): Walked {
  const { items, initial, silence, mask, goBackwards, zeroOutputForMask, truncate, step } = options;
  const length = Number(items.shape[0]);
  const cuts = truncate !== undefined && truncate < length ? cutsOf(length, truncate) : undefined;
  const extra = [...(mask ? [unsqueeze(transpose(mask, [1, 0]), [2])] : []), ...(cuts ? [cuts] : [])];
  // A state that begins with something else than what silent steps give needs the output carried beside it.
  const apart = mask !== undefined && silence !== undefined;
  let tap: Tap | undefined;
  const { state, outputs } = scan({
    state: apart ? [...initial, silence] : initial,
    sequences: [items, ...extra],
    reverse: [goBackwards, ...(mask ? [goBackwards] : []), ...(cuts ? [false] : [])],
    step: (carried, [item, ...rest]) => {
      const counts = mask ? rest.shift() : undefined;
      const [cut] = rest;
      const before = carried.slice(0, initial.length).map((part) => (cut ? where(cut, stopGradient(part), part) : part));
      const made = step(item as Tensor, before);
      const next = made.state.map((part, i) => context.guard(counts ? where(counts, part, before[i] as Tensor) : part));
      const current = made.state[0] as Tensor;
      const repeated = carried[initial.length] ?? (before[0] as Tensor);
      const given = counts ? where(counts, current, zeroOutputForMask ? 0 : repeated) : (next[0] as Tensor);
      const seen = context.observed ? { outputs: [given, made.sums], taps: [{ tensor: made.sums }] } : { outputs: [given] };
      [tap] = 'taps' in seen ? seen.taps : [];
      return { state: apart ? [...next, given] : next, ...seen };
    },
  });
  const [all, sums] = outputs as [Tensor, Tensor | undefined];
  if (tap && sums) context.looped(sums, tap);
  return { outputs: all, last: lastOf(all, state, options), state: state.slice(0, initial.length) };
}

/** What the last step gave; without a loop over what all gave where the state tells. */
function lastOf(outputs: Tensor, state: readonly Tensor[], { initial, mask, silence, zeroOutputForMask }: Walk): Tensor {
  if (!mask || (!silence && !zeroOutputForMask)) return state[0] as Tensor;
  if (zeroOutputForMask) return gather(outputs, scalar(Number(outputs.shape[0]) - 1, 'int64'));
  return state[initial.length] as Tensor;
}

/** Before which steps, in the order taken, the gradient ends: every `size` steps, counted from the last. */
function cutsOf(length: number, size: number): Tensor {
  const flags = Uint8Array.from({ length }, (_, i) => Number(i > 0 && (length - i) % size === 0));
  return constant(new NdArray(flags, [length], 'bool'));
}
