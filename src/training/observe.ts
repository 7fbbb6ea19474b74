import { NdArray } from '../core/ndarray.js';
import { isStatic, sizeOf } from '../core/shape.js';
import { constant, input, label, ONLOOKER, type Tensor } from '../graph/node.js';
import { cast, clip, concat, reshape, slice, sub } from '../graph/ops/index.js';
import type { LayerCall } from '../network/layer.js';
import type { Network, Stored } from '../network/network.js';
import type { SignalTap } from '../network/taps.js';
import type { Optimizer } from '../optimizers.js';
import { arrayGroups, arrayMeanSquares, type KeptArray, scaled } from '../vitals/arrays.js';
import { endToEnd, isRow, meanSquares } from '../vitals/mean-square.js';
import { type Column, type SquareColumn, signalColumns, type WatchedSignal } from '../vitals/signals.js';
import { lastFired, reach, type TrackedSignal, trackedSignals, type UnitRange, unitMeans, unitRanges } from '../vitals/units.js';
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
  readonly arrays: readonly { readonly name: string; readonly layer: string; readonly size: number }[];
  readonly columns: readonly ColumnPlace[];
  /** Numbers in an observation. */
  readonly size: number;
  /** Units that can fall silent: those that can die first. */
  readonly units: readonly UnitRange[];
  readonly unitCount: number;
  /** Whether each unit's mean sum and bias are among what is measured. */
  readonly unitFigures: boolean;
  /** Stored arrays whose values at the start of the fit are read: inputs `initial:NAME`. */
  readonly initial: readonly Stored[];
  /** Whether gradients come multiplied by the learning rate. */
  readonly seeded: boolean;
  /** Whether a step's logs end in what is added to its loss. */
  readonly penalized: boolean;
  /** Whether a run is told how many of its steps, its last ones, are observed; without that all are. */
  readonly counted: boolean;
}

/** Tensors that a step gives beside its results. */
export interface Observation {
  readonly layout: VitalsLayout;
  /** [size]; absent in steps that are not observed. */
  readonly figures: Tensor | undefined;
  /** [2 · units]: mean sums, then biases; absent there too, and where no unit can fall silent. */
  readonly units: Tensor | undefined;
  /** How far each unit that can die came to the side on which it fires. */
  readonly reach: Tensor | undefined;
  /** The same of each unit that can fall into a coma; absent in steps that are not observed. */
  readonly comaReach: Tensor | undefined;
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
 * @param figures whether this step is observed: of the others only how far units came that can die is taken: whether one never fired must be known, a coma is seen in a sample.
 */
export function observeStep(spec: StepSpec, step: Step, figures: boolean): Observation {
  const { vitals = { every: 1, spaced: false, level: 'moments' } } = spec;
  const { seen } = step;
  const watched = watchedCalls(seen.taps, spec.network);
  const signals = watchedSignals(seen.taps, seen.found, watched);
  const full = vitals.level === 'full';
  const tracked = trackedSignals(signals).filter(({ flat }) => full || flat.dead);
  const mortal = tracked.filter(({ flat }) => flat.dead);
  const others = tracked.slice(mortal.length);
  const initial = full ? seen.trained : [];
  const starts = new Map(initial.map(({ name, shape, dtype }) => [name, input(initialName(name), shape, dtype)]));
  const columns = figures
    ? [...signalColumns(signals, vitals.level, vitals.units === true), ...(full ? arrayColumns(spec.optimizer, step, starts) : [])]
    : [];
  // An observed step gives figures even where there is nothing to measure.
  const { places, size, vector } = lay(figures && columns.length === 0 ? [blank()] : columns);
  const measured = vector && [
    vector,
    ...(full && tracked.length > 0 ? [concat([unitMeans(tracked), unitBiases(tracked, seen, spec.network)], 0)] : []),
  ];
  const reached = mortal.length > 0 ? reach(mortal) : undefined;
  const comaReach = figures && others.length > 0 ? reach(others) : undefined;
  label(
    [...(measured ?? []), reached, comaReach].filter((tensor) => tensor !== undefined),
    ONLOOKER,
  );
  const units = unitRanges(tracked);
  return {
    layout: {
      watched: [...watched.values()],
      arrays: full
        ? seen.trained.flatMap(({ parts }) => parts.map(({ name, shape, layer }) => ({ name, layer: layer.title, size: sizeOf(shape) })))
        : [],
      columns: places,
      size,
      units,
      unitCount: units.reduce((sum, { count }) => sum + count, 0),
      unitFigures: measured?.[1] !== undefined,
      initial,
      seeded: takesSeed(spec.optimizer),
      penalized: seen.penalty !== undefined,
      counted: vitals.every > 1,
    },
    figures: measured?.[0],
    units: measured?.[1],
    reach: reached,
    comaReach,
    inputs: [...starts.values()],
  };
}

/**
 * The vector of steps at which units last fired, after a chunk.
 * @param looks of the units that can die, then of the others: what `reach` gave by step, and the number of the first of those steps.
 */
export function firedNext(
  { units }: VitalsLayout,
  fired: Tensor,
  looks: readonly { readonly reached: Tensor | undefined; readonly first: Tensor }[],
): Tensor {
  const parts = [units.filter(({ flat }) => flat.dead), units.filter(({ flat }) => !flat.dead)];
  let start = 0;
  return concat(
    parts.flatMap((ranges, i) => {
      const look = looks[i];
      if (!look?.reached) return [];
      const end = start + ranges.reduce((sum, { count }) => sum + count, 0);
      const before = slice(fired, { axis: 0, start, end });
      start = end;
      return [lastFired(ranges, look.reached, look.first, before)];
    }),
    0,
  );
}

/** A number that means nothing. */
const blank = (): Column => ({ names: [], indices: [], values: constant(new NdArray(new Float64Array(1), [1])) });

/** The calls that are watched, in the network's order: each one's place in the network. */
function watchedCalls(taps: readonly SignalTap[], { calls }: Network): Map<LayerCall, number> {
  const seen = new Set(taps.flatMap((tap) => tap.calls));
  return new Map(calls.flatMap((call, at) => (seen.has(call) ? [[call, at] as const] : [])));
}

function watchedSignals(taps: readonly SignalTap[], found: ReadonlyMap<Tensor, Tensor>, watched: ReadonlyMap<LayerCall, number>): WatchedSignal[] {
  const columns = new Map([...watched.keys()].map((call, column) => [call, column]));
  return taps.map((tap) => {
    const indices = tap.calls.map((call) => columns.get(call) as number);
    return {
      indices,
      looped: tap.calls.length > 1,
      z: tap.z,
      h: tap.h,
      g: tap.gradient(found),
      activation: tap.calls[0]?.layer.activation,
      overTime: tap.overTime === true,
    };
  });
}

/** All figures as one vector in float64: what float32 holds first, then what is float64 already, then mean squares. */
function lay(columns: readonly (Column | SquareColumn)[]): { places: ColumnPlace[]; size: number; vector: Tensor | undefined } {
  const ready = columns.filter((column) => 'values' in column);
  const narrow = ready.filter(({ values: { dtype } }) => dtype === 'float32');
  const wide = ready.filter(({ values: { dtype } }) => dtype !== 'float32');
  // In the order in which their means come.
  const squares = columns.filter((column) => 'rows' in column).sort((a, b) => Number(isRow(b.rows)) - Number(isRow(a.rows)));
  const flat = (list: readonly Column[]): Tensor[] => list.map(({ values }) => (values.rank === 1 ? values : reshape(values, [-1])));
  const parts = [
    ...(narrow.length > 0 ? [cast(endToEnd(flat(narrow)), 'float64')] : []),
    ...flat(wide),
    ...(squares.length > 0 ? [squaresOf(squares)] : []),
  ];
  let size = 0;
  const places = [...narrow, ...wide, ...squares].flatMap((column): ColumnPlace[] => {
    const { names, indices } = column;
    const width = 'values' in column && column.values.rank > 1 ? Number(column.values.shape[1]) : 1;
    return names.map((name) => {
      const start = size;
      size += indices.length * width;
      return { name, indices, width, start };
    });
  });
  return { places, size, vector: parts.length > 0 ? endToEnd(parts) : undefined };
}

function squaresOf(columns: readonly SquareColumn[]): Tensor {
  const means = meanSquares(columns.map(({ rows }) => rows));
  const shared = columns.some(({ shares }) => shares !== undefined);
  return scaled(means, shared ? columns.flatMap(({ names, indices, shares }) => names.flatMap(() => shares ?? indices.map(() => 1))) : undefined);
}

/** Mean squares of the trained arrays: weights, gradients, updates, the way from where they started, and where that was. */
function arrayColumns(optimizer: Optimizer, { seen, next }: Step, starts: ReadonlyMap<string, Tensor>): (Column | SquareColumn)[] {
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
    const { indices, shares } = group;
    const column = (name: string, rows: Tensor): Column => ({ names: [name], indices, values: arrayMeanSquares(group, rows) });
    const [weights, gradients, before] = [group.rows(from(seen.values)), group.rows((at) => home(at).gradient), group.rows(from(starts))];
    return [
      column('weight', weights),
      { names: ['gradient'], indices, rows: gradients, shares },
      ...(straight ? [] : [column('update', sub(group.rows(from(next)), weights))]),
      ...(limit === undefined ? [] : [{ names: ['clipped'], indices, rows: clip(gradients, -limit, limit), shares }]),
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
