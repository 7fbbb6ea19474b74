import { NdArray } from '../core/ndarray.js';
import { isStatic, type StaticShape, sizeOf } from '../core/shape.js';
import { constant, input, label, ONLOOKER, scalar, type Tensor } from '../graph/node.js';
import { add, cast, clip, concat, equal, gather, ifElse, less, mod, range, reshape, sub, where } from '../graph/ops/index.js';
import type { LayerCall } from '../network/layer.js';
import type { Network, SignalTap, Stored } from '../network/network.js';
import type { Optimizer } from '../optimizers.js';
import { arrayGroups, arrayMeanSquares, type KeptArray } from '../vitals/arrays.js';
import { isObserved, type VitalsRequest } from '../vitals/request.js';
import { type Column, signalColumns, type WatchedSignal } from '../vitals/signals.js';
import { reach, type TrackedSignal, trackedSignals, type UnitRange, unitMeans, unitRanges } from '../vitals/units.js';
import type { Step, StepInside, StepSpec } from './step.js';
import { takesSeed } from './update.js';

/** Where a column's figures lie in an observation: `width` for each of `indices`. */
export interface ColumnPlace {
  readonly name: string;
  readonly indices: readonly number[];
  readonly width: number;
  readonly start: number;
}

/** What the numbers of an observation mean. */
export interface VitalsLayout {
  /** Layer calls that are watched, by their place in the network. */
  readonly watched: readonly number[];
  /** Trained arrays, each on its own. */
  readonly arrays: readonly { readonly name: string; readonly size: number }[];
  readonly columns: readonly ColumnPlace[];
  /** Numbers in an observation. */
  readonly size: number;
  /** Units that can fall silent. */
  readonly units: readonly UnitRange[];
  readonly unitCount: number;
  /** Whether each unit's mean sum and bias are among what is measured. */
  readonly unitFigures: boolean;
  /** Stored arrays whose values at the start of the fit are read: inputs `initial:NAME`. */
  readonly initial: readonly Stored[];
  /** Whether gradients come multiplied by the learning rate. */
  readonly seeded: boolean;
}

/** Tensors that a step gives beside its results. */
export interface Observation {
  readonly layout: VitalsLayout;
  /** [size] figures; zeros in steps that are not observed. */
  readonly figures: Tensor;
  /** [2 · units]: mean sums, then biases; absent where no unit can fall silent. */
  readonly units: Tensor | undefined;
  /** [units]: how far each came to the side on which it fires. */
  readonly reach: Tensor | undefined;
  /** Inputs of the whole graph that it needs. */
  readonly inputs: readonly Tensor[];
}

export function initialName(name: string): string {
  return `initial:${name}`;
}

/** Name of the vector of steps at which units last fired. */
export const FIRED = 'vitals/fired';

/**
 * Writes what is measured in a step. It reads the step's tensors and changes none: the graph beside it stays what it was, bit for bit.
 * @param observed whether this step is observed; every step is where it is undefined.
 */
export function observeStep(spec: StepSpec, step: Step, observed: Tensor | undefined): Observation {
  const { vitals = { every: 1, spaced: false, level: 'moments' } } = spec;
  const { seen } = step;
  const signals = watchedSignals(seen.taps, seen.found);
  const tracked = trackedSignals(signals);
  const full = vitals.level === 'full';
  const initial = full ? seen.trained : [];
  const starts = new Map(initial.map(({ name, shape, dtype }) => [name, input(initialName(name), shape, dtype)]));
  const made: { places: ColumnPlace[]; size: number } = { places: [], size: 0 };
  const write = (): Tensor[] => {
    const columns = [...signalColumns(signals, vitals.level), ...(full ? arrayColumns(spec.optimizer, step, starts) : [])];
    const narrow = columns.filter(({ values: { dtype } }) => dtype === 'float32');
    const wide = columns.filter(({ values: { dtype } }) => dtype !== 'float32');
    Object.assign(made, placesOf([...narrow, ...wide]));
    const flat = (list: readonly Column[]): Tensor[] => list.map(({ values: figures }) => (figures.rank === 1 ? figures : reshape(figures, [-1])));
    const figures = concat([...(narrow.length > 0 ? [cast(endToEnd(flat(narrow)), 'float64')] : []), ...flat(wide)], 0);
    return [figures, ...(full && tracked.length > 0 ? [concat([unitMeans(tracked), unitBiases(tracked, seen, spec.network)], 0)] : [])];
  };
  const results = observed ? sometimes(observed, write) : write();
  const reached = tracked.length > 0 ? reach(tracked) : undefined;
  label([...results, ...(reached ? [reached] : [])], ONLOOKER);
  const units = unitRanges(tracked);
  return {
    layout: {
      watched: seen.taps.flatMap(({ calls }) => calls.map((call) => spec.network.calls.indexOf(call))),
      arrays: full ? seen.trained.flatMap(({ parts }) => parts.map(({ name, shape }) => ({ name, size: sizeOf(shape) }))) : [],
      columns: made.places,
      size: made.size,
      units,
      unitCount: units.reduce((sum, { count }) => sum + count, 0),
      unitFigures: results.length > 1,
      initial,
      seeded: takesSeed(spec.optimizer),
    },
    figures: results[0] as Tensor,
    units: results[1],
    reach: reached,
    inputs: [...starts.values()],
  };
}

/**
 * Which steps of a chunk are observed, as a vector of flags that a loop looks its step up in; undefined where all are.
 * @param before steps taken before the chunk. @param count its steps, both int64 scalars.
 */
export function observedSteps(vitals: VitalsRequest, before: Tensor, count: Tensor): Tensor | undefined {
  if (vitals.every === 1) return undefined;
  const period = scalar(vitals.every, 'int64');
  const numbers = add(range(count, 'K'), before);
  const phase = mod(numbers, period);
  if (!vitals.spaced) return equal(phase, scalar(0, 'int64'));
  const table = Uint8Array.from({ length: 2 * vitals.every }, (_, i) => Number(isObserved(vitals, i)));
  const place = where(less(numbers, period), numbers, add(phase, period));
  return cast(gather(constant(new NdArray(table, [table.length])), place), 'bool');
}

/** Zeros where the condition does not hold; nothing is computed then. */
function sometimes(condition: Tensor, write: () => Tensor[]): Tensor[] {
  let types: readonly Tensor[] = [];
  return ifElse(
    condition,
    () => {
      const results = write();
      types = results;
      label(results, ONLOOKER);
      return results;
    },
    () => types.map(({ shape, dtype }) => constant(NdArray.zeros(shape as StaticShape, dtype))),
  );
}

function watchedSignals(taps: readonly SignalTap[], found: ReadonlyMap<Tensor, Tensor>): WatchedSignal[] {
  let count = 0;
  return taps.map((tap) => {
    const indices = tap.calls.map(() => count++);
    return { indices, looped: tap.calls.length > 1, z: tap.z, h: tap.h, g: tap.gradient(found), activation: tap.calls[0]?.layer.activation };
  });
}

function placesOf(columns: readonly Column[]): { places: ColumnPlace[]; size: number } {
  let size = 0;
  const places = columns.map(({ name, indices, values }) => {
    const start = size;
    const width = values.rank > 1 ? Number(values.shape[1]) : 1;
    size += indices.length * width;
    return { name, indices, width, start };
  });
  return { places, size };
}

/** Mean squares of the trained arrays: weights, gradients, updates, the way from where they started, and where that was. */
function arrayColumns(optimizer: Optimizer, { seen, next }: Step, starts: ReadonlyMap<string, Tensor>): Column[] {
  const { value: limit } = optimizer.clip;
  const straight = stepsStraight(optimizer, seen);
  let index = 0;
  const homes = new Map<number, { readonly stored: Stored; readonly gradient: Tensor }>();
  const kept = seen.trained.map(({ kind, parts }, i): KeptArray => {
    const array = { kind, parts: parts.map(({ shape }) => shape), index };
    homes.set(index, { stored: seen.trained[i] as Stored, gradient: seen.gradients[i] as Tensor });
    index += parts.length;
    return array;
  });
  const home = (at: number) => homes.get(at) as { readonly stored: Stored; readonly gradient: Tensor };
  const from = (values: ReadonlyMap<string, Tensor>) => (at: number) => values.get(home(at).stored.name) as Tensor;
  return arrayGroups(kept).flatMap((group) => {
    const column = (name: string, rows: Tensor, tiny = false): Column => ({
      name,
      indices: group.indices,
      values: arrayMeanSquares(group, rows, tiny),
    });
    const [weights, gradients, before] = [group.rows(from(seen.values)), group.rows((at) => home(at).gradient), group.rows(from(starts))];
    return [
      column('weight', weights),
      column('gradient', gradients, true),
      ...(straight ? [] : [column('update', sub(group.rows(from(next)), weights))]),
      ...(limit === undefined ? [] : [column('clipped', clip(gradients, -limit, limit), true)]),
      column('moved', sub(weights, before)),
      column('start', before),
    ];
  });
}

/** Whether what a step adds is the gradient times the learning rate, so that it need not be measured by itself. */
function stepsStraight(optimizer: Optimizer, { trained }: StepInside): boolean {
  const { slots, weightDecay, averaging } = optimizer;
  return (
    takesSeed(optimizer) &&
    slots.length === 0 &&
    weightDecay === undefined &&
    !averaging &&
    trained.every(({ parts }) => parts.every(({ constraint }) => !constraint))
  );
}

function endToEnd(vectors: readonly Tensor[]): Tensor {
  return vectors.length === 1 ? (vectors[0] as Tensor) : concat(vectors, 0);
}

/** Vector over all units of the bias that goes into their sums; NaN where there is none that is known. */
function unitBiases(tracked: readonly TrackedSignal[], { taps, values }: StepInside, network: Network): Tensor {
  const parts = tracked.map((signal) => {
    const tap = taps.find(({ z }) => z === signal.z) as SignalTap;
    const count = Number(signal.z.shape.at(-1)) * signal.indices.length;
    const bias = tap.calls.length > 1 ? stackedBias(tap.calls, network, values) : ownBias(tap.calls[0] as LayerCall, values);
    if (bias && isStatic(bias.shape) && sizeOf(bias.shape) === count) return cast(reshape(bias, [-1]), 'float32');
    return constant(new NdArray(new Float32Array(count).fill(Number.NaN), [count]));
  });
  return endToEnd(parts);
}

/** The bias of a call's layer, or, where it has none and only applies an activation, of the layer before. */
function ownBias({ layer, inputs }: LayerCall, values: ReadonlyMap<string, Tensor>): Tensor | undefined {
  const own = values.get(`${layer.title}/bias`);
  const before = inputs[0]?.call.layer;
  return own ?? (layer.role === 'activation' && before?.role === 'weights' ? values.get(`${before.title}/bias`) : undefined);
}

function stackedBias(calls: readonly LayerCall[], network: Network, values: ReadonlyMap<string, Tensor>): Tensor | undefined {
  const head = calls[0]?.layer;
  const home = network
    .storage({ loops: true, packed: false })
    .find(({ kind, parts }) => kind === 'stacked' && parts[0]?.layer === head && parts[0]?.weight === 'bias');
  return home && values.get(home.name);
}
