import { NdArray } from '../core/ndarray.js';
import { sizeOf, type StaticShape } from '../core/shape.js';
import { constant, input, label, ONLOOKER, scalar, type Tensor } from '../graph/node.js';
import { add, cast, clip, concat, equal, ifElse, mod, reshape, sub } from '../graph/ops/index.js';
import type { LayerCall } from '../network/layer.js';
import type { Network, SignalTap, Stored } from '../network/network.js';
import type { Optimizer } from '../optimizers.js';
import { rmsOf } from '../vitals/arrays.js';
import { type Column, signalColumns, type WatchedSignal } from '../vitals/signals.js';
import { lastFired, type TrackedSignal, trackedSignals, type UnitRange, unitMeans, unitRanges } from '../vitals/units.js';
import { ITERATIONS, type Step, type StepInside, type StepSpec } from './step.js';
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
  /** Units that can fall silent; their vectors hold a mean sum and a bias each. */
  readonly units: readonly UnitRange[];
  readonly unitCount: number;
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
  /** [units]: the last step at which each fired. */
  readonly fired: Tensor | undefined;
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
 * @param fired each unit's last step so far, [units].
 */
export function observeStep(spec: StepSpec, step: Step, values: ReadonlyMap<string, Tensor>, fired: Tensor | undefined): Observation {
  const { vitals = { every: 1, level: 'moments' } } = spec;
  const { seen } = step;
  const signals = watchedSignals(seen.taps, seen.found);
  const tracked = fired ? trackedSignals(signals) : [];
  const iterations = values.get(ITERATIONS) as Tensor;
  const full = vitals.level === 'full';
  const initial = full ? seen.trained : [];
  const starts = new Map(initial.map(({ name, shape, dtype }) => [name, input(initialName(name), shape, dtype)]));
  const made: { places: ColumnPlace[]; size: number } = { places: [], size: 0 };
  const write = (): Tensor[] => {
    const columns = [...signalColumns(signals, vitals.level), ...(full ? arrayColumns(spec.optimizer, step, starts) : [])];
    Object.assign(made, placesOf(columns));
    const figures = concat(
      columns.map(({ values: column }) => reshape(cast(column, 'float32'), [-1])),
      0,
    );
    return [figures, ...(tracked.length > 0 ? [concat([unitMeans(tracked), unitBiases(tracked, seen, spec.network)], 0)] : [])];
  };
  const number = cast(add(iterations, scalar(1, 'int64')), 'float32');
  const results = vitals.every === 1 ? write() : sometimes(equal(mod(iterations, scalar(vitals.every, 'int64')), scalar(0, 'int64')), write);
  const next = fired && tracked.length > 0 ? lastFired(tracked, number, fired) : undefined;
  label([...results, ...(next ? [next] : [])], ONLOOKER);
  const units = unitRanges(tracked);
  return {
    layout: {
      watched: signals.flatMap((_, i) => (seen.taps[i] as SignalTap).calls.map((call) => spec.network.calls.indexOf(call))),
      arrays: full ? seen.trained.flatMap(({ parts }) => parts.map(({ name, shape }) => ({ name, size: sizeOf(shape) }))) : [],
      columns: made.places,
      size: made.size,
      units,
      unitCount: units.reduce((sum, { count }) => sum + count, 0),
      initial,
      seeded: takesSeed(spec.optimizer),
    },
    figures: results[0] as Tensor,
    units: results[1],
    fired: next,
    inputs: [...starts.values()],
  };
}

/** Zeros where the condition does not hold; nothing is computed then. */
function sometimes(condition: Tensor, write: () => Tensor[]): Tensor[] {
  let shapes: StaticShape[] = [];
  return ifElse(
    condition,
    () => {
      const results = write();
      shapes = results.map(({ shape }) => shape as StaticShape);
      label(results, ONLOOKER);
      return results;
    },
    () => shapes.map((shape) => constant(NdArray.zeros(shape, 'float32'))),
  );
}

function watchedSignals(taps: readonly SignalTap[], found: ReadonlyMap<Tensor, Tensor>): WatchedSignal[] {
  let count = 0;
  return taps.map((tap) => {
    const indices = tap.calls.map(() => count++);
    return { indices, looped: tap.calls.length > 1, z: tap.z, h: tap.h, g: tap.gradient(found), activation: tap.calls[0]?.layer.activation };
  });
}

/** How many units of a network can fall silent. */
export function trackedUnits(taps: readonly SignalTap[]): number {
  const none = new Map<Tensor, Tensor>();
  return unitRanges(trackedSignals(watchedSignals(taps, none))).reduce((sum, { count }) => sum + count, 0);
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

/** Root mean squares of the trained arrays: weights, gradients, updates, the way from where they started, and where that was. */
function arrayColumns(optimizer: Optimizer, { seen, next }: Step, starts: ReadonlyMap<string, Tensor>): Column[] {
  const straight = takesSeed(optimizer) && optimizer.slots.length === 0 && optimizer.weightDecay === undefined && !optimizer.averaging;
  let count = 0;
  return seen.trained.flatMap((stored, i) => {
    const indices = stored.parts.map(() => count++);
    const weight = seen.values.get(stored.name) as Tensor;
    const gradient = seen.gradients[i] as Tensor;
    const after = next.get(stored.name) as Tensor;
    const start = starts.get(stored.name) as Tensor;
    const kept = { kind: stored.kind, parts: stored.parts.map(({ shape }) => shape) };
    const column = (name: string, tensor: Tensor): Column => ({ name, indices, values: rmsOf(kept, tensor) });
    const { value: limit } = optimizer.clip;
    const free = straight && stored.parts.every(({ constraint }) => !constraint);
    return [
      column('weight', weight),
      column('gradient', gradient),
      ...(free ? [] : [column('update', sub(after, weight))]),
      ...(limit === undefined ? [] : [column('clipped', clip(gradient, -limit, limit))]),
      column('moved', sub(weight, start)),
      column('start', start),
    ];
  });
}

/** Vector over all units of the bias that goes into their sums; NaN where there is none that is known. */
function unitBiases(tracked: readonly TrackedSignal[], { taps, values }: StepInside, network: Network): Tensor {
  const stored = new Map([...values].map(([name, tensor]) => [name, tensor]));
  const parts = tracked.map((signal) => {
    const tap = taps.find(({ z }) => z === signal.z) as SignalTap;
    const count = Number(signal.z.shape.at(-1)) * signal.indices.length;
    const bias = tap.calls.length > 1 ? stackedBias(tap.calls, network, stored) : ownBias(tap.calls[0] as LayerCall, stored);
    const fits = bias && bias.shape.every((dim) => typeof dim === 'number') && sizeOf(bias.shape as StaticShape) === count;
    if (bias && fits) return cast(reshape(bias, [-1]), 'float32');
    return constant(new NdArray(new Float32Array(count).fill(Number.NaN), [count]));
  });
  return parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 0);
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
