import type { NdArray } from '../core/ndarray.js';
import type { Optimizer } from '../optimizers.js';
import { LiveTrace } from '../vitals/live-trace.js';
import type { ArrayVitals, EpochRecord, FailureRecord, Measured, PassRecord, SignalVitals, StepRecord, TraceHeader } from '../vitals/trace.js';
import type { Logs } from './callbacks.js';
import type { ColumnPlace, VitalsLayout } from './observe.js';
import { PassKeeper } from './passes.js';
import type { NonFinitePlace } from './replay.js';

/** A number as traces hold it. */
export function measured(value: number | undefined): Measured {
  if (value === undefined) return null;
  return Number.isFinite(value) ? value : (String(value) as Measured);
}

/** One chunk's measurements, with what else is known of its steps. */
export interface MeasuredChunk {
  readonly vitals: NdArray;
  readonly units: NdArray | undefined;
  /** Optimizer steps before the chunk. */
  readonly firstStep: number;
  readonly epoch: number;
  /** By step of the chunk. */
  readonly losses: readonly number[];
  /** What is added to them; undefined where nothing is. */
  readonly penalties: readonly number[] | undefined;
  readonly learningRates: readonly number[];
}

/** Turns what the engine measured into records of a trace. */
export class Recorder {
  readonly trace: LiveTrace;
  readonly #layout: VitalsLayout;
  readonly #optimizer: Optimizer;
  readonly #passes: PassKeeper;
  readonly #places: { readonly signals: Places; readonly arrays: Places };

  constructor(header: TraceHeader, layout: VitalsLayout, optimizer: Optimizer) {
    this.trace = new LiveTrace(header);
    this.#layout = layout;
    this.#optimizer = optimizer;
    this.#passes = new PassKeeper(layout, header.training?.batchSize ?? 1);
    const of = (names: readonly string[], count: number) =>
      new Places(
        layout.columns.filter(({ name }) => names.includes(name)),
        count,
      );
    const ofArrays = ['weight', 'gradient', 'update', 'clipped', 'moved', 'start'];
    const ofSignals = layout.columns.map(({ name }) => name).filter((name) => !ofArrays.includes(name));
    this.#places = { signals: of(ofSignals, layout.watched.length), arrays: of(ofArrays, layout.arrays.length) };
  }

  /** The observed steps of a chunk: its last ones. */
  chunk({ vitals, units, firstStep, epoch, losses, penalties, learningRates }: MeasuredChunk): StepRecord[] {
    const { level } = this.trace.header;
    const { size, unitCount } = this.#layout;
    const observed = vitals.shape[0] ?? 0;
    const unobserved = losses.length - observed;
    return losses.slice(unobserved).map((loss, i): StepRecord => {
      const k = unobserved + i;
      const step = firstStep + k + 1;
      const figures = vitals.data.subarray(i * size, (i + 1) * size) as Float64Array;
      if (units) this.#passes.observe(step, units.data.slice(i * 2 * unitCount, (i + 1) * 2 * unitCount) as Float32Array);
      const learningRate = learningRates[k] ?? Number.NaN;
      const scale = this.#layout.seeded ? 1 / learningRate : 1;
      const added = penalties ? { penalty: measured(penalties[k]) } : {};
      const common = { kind: 'step', step, epoch, loss: measured(loss), ...added, learningRate: measured(learningRate) } as const;
      const signals = this.#signals(figures, scale);
      if (level === 'moments') return { ...common, signals };
      return { ...common, ...this.#arrays(figures, scale, learningRate), signals };
    });
  }

  /** What became of the units in a pass whose first step had the number `firstStep` (from 1). */
  pass(epoch: number, firstStep: number, lastStep: number, fired: NdArray): PassRecord {
    return {
      kind: 'pass',
      epoch,
      step: lastStep,
      units: this.#passes.end(firstStep, lastStep, fired.data as Int32Array, this.#layout.watched.length),
    };
  }

  #signals(figures: Float64Array, scale: number): SignalVitals {
    const { signals } = this.#places;
    const read = (name: string, factor = 1): Measured[] => signals.read(name, figures).map((value) => times(value, factor));
    const roots = (name: string, factor = 1): Measured[] => signals.read(name, figures).map((value) => times(root(value), factor));
    const largest = (name: string, factor = 1): Measured[] => {
      const [lows, highs] = [signals.read(`${name}Low`, figures), signals.read(`${name}High`, figures)];
      return highs.map((high, i) => times(high === undefined ? high : Math.max(high, -(lows[i] ?? high)), factor));
    };
    const lists = (name: string, factor = 1): Measured[][] =>
      signals.lists(name, figures).map((values) => values.map((value) => times(value, factor)));
    const rootLists = (name: string, factor = 1): Measured[][] =>
      signals.lists(name, figures).map((values) => values.map((value) => times(Math.sqrt(value), factor)));
    const moments = {
      zMean: read('zMean'),
      zRms: roots('zSquare'),
      hMean: read('hMean'),
      hRms: roots('hSquare'),
      gRms: roots('gSquare', scale),
    };
    const byUnit = this.trace.header.units
      ? { zMeanByUnit: lists('zMeanByUnit'), hRmsByUnit: rootLists('hSquareByUnit'), gRmsByUnit: rootLists('gSquareByUnit', scale) }
      : {};
    const byTime = signals.has('zSquareByTime') ? { zRmsByTime: rootLists('zSquareByTime'), gRmsByTime: rootLists('gSquareByTime', scale) } : {};
    const common = { ...moments, ...byUnit, ...byTime };
    if (this.trace.header.level === 'moments') return common;
    return {
      ...common,
      hSpread: roots('spreadSquare'),
      zMax: largest('z'),
      gMax: largest('g', scale),
      zQuantiles: lists('zQuantiles'),
      gQuantiles: lists('gQuantiles', scale),
      saturated: read('saturated'),
    };
  }

  #arrays(figures: Float64Array, scale: number, learningRate: number): Pick<StepRecord, 'arrays' | 'gradientNorm' | 'clipScale'> {
    const { arrays, seeded } = this.#layout;
    const read = (name: string): (number | undefined)[] => this.#places.arrays.read(name, figures).map(root);
    const given = read('gradient');
    // Where a schedule rests, as at the start of a warm-up, nothing shows how fast the weights will change.
    const rests = learningRate === 0 && typeof this.#optimizer.learningRate !== 'number';
    const gradients = given.map((value) => scaled(value, scale));
    const [updates, moved, starts] = [read('update'), read('moved'), read('start')];
    const vitals: ArrayVitals = {
      weight: read('weight').map(measured),
      gradient: gradients.map(measured),
      update: given.map((gradient, i) => (rests ? null : measured(updates[i] ?? (seeded ? gradient : undefined)))),
      displacement: moved.map((way, i) => (starts[i] === 0 || way === undefined ? null : measured(way / (starts[i] ?? Number.NaN)))),
    };
    const squares = gradients.map((gradient = 0, i) => gradient ** 2 * (arrays[i]?.size ?? 0));
    const clipped = read('clipped').map((value = 0, i) => (value * scale) ** 2 * (arrays[i]?.size ?? 0));
    const clipScale = this.#clipScale(squares, clipped);
    const scales = this.#clipScales(squares);
    const total = sum(squares);
    return {
      gradientNorm: measured(Number.isFinite(scale) ? Math.sqrt(total) : undefined),
      ...(clipScale === undefined ? {} : { clipScale: measured(clipScale) }),
      arrays: scales ? { ...vitals, clipScale: scales.map(measured) } : vitals,
    };
  }

  /** By what clipping multiplied the gradients, all taken together; where each is clipped by itself, the strongest. */
  #clipScale(squares: readonly number[], clipped: readonly number[]): number | undefined {
    const { value, globalNorm } = this.#optimizer.clip;
    const total = sum(squares);
    if (globalNorm !== undefined) return Math.min(1, globalNorm / Math.sqrt(total));
    const scales = this.#clipScales(squares);
    if (scales) return scales.reduce((least, scale) => Math.min(least, scale), 1);
    return value === undefined ? undefined : total === 0 ? 1 : Math.sqrt(sum(clipped) / total);
  }

  /** By what clipping multiplied each array's gradient, where arrays or layers are clipped by themselves. */
  #clipScales(squares: readonly number[]): number[] | undefined {
    const { norm, layerNorm } = this.#optimizer.clip;
    const scale = (limit: number, square: number): number => Math.min(1, limit / Math.sqrt(square));
    if (norm !== undefined) return squares.map((square) => scale(norm, square));
    if (layerNorm === undefined) return undefined;
    const { arrays } = this.#layout;
    const ofLayers = new Map<string, number>();
    arrays.forEach(({ layer }, i) => {
      ofLayers.set(layer, (ofLayers.get(layer) ?? 0) + (squares[i] ?? 0));
    });
    return arrays.map(({ layer }) => scale(layerNorm, ofLayers.get(layer) ?? 0));
  }

  failure(place: NonFinitePlace | undefined, step: number, message: string): FailureRecord {
    const inputs = (place?.inputs ?? []).map(({ name, min, max }) => ({ name, min: measured(min), max: measured(max) }));
    const { layer = '', operator = '', pass = 'forward' } = place ?? {};
    return { kind: 'failure', step: place?.step ?? step, layer, operator, pass, inputs, message };
  }

  /** @param penalties what is added to logs, by their names. */
  epoch(epoch: number, step: number, logs: Logs, penalties: Logs): EpochRecord {
    const record = { kind: 'epoch', epoch, step, logs: allMeasured(logs) } as const;
    return this.#layout.penalized ? { ...record, penalties: allMeasured(penalties) } : record;
  }
}

const allMeasured = (logs: Logs): Record<string, Measured> =>
  Object.fromEntries(Object.entries(logs).map(([name, value]) => [name, measured(value)]));
const root = (square: number | undefined): number | undefined => (square === undefined ? undefined : Math.sqrt(square));
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
/** Undefined where the factor is none: a gradient that came multiplied by a rate of 0 is not known. */
const scaled = (value: number | undefined, factor: number): number | undefined =>
  value === undefined || !Number.isFinite(factor) ? undefined : value * factor;
const times = (value: number | undefined, factor: number): Measured => measured(scaled(value, factor));

/** Where the figures of some uses, or arrays, lie in an observation. */
class Places {
  readonly #places = new Map<string, { readonly starts: Int32Array; readonly widths: Int32Array }>();
  readonly #count: number;

  /** @param count how many uses or arrays there are. */
  constructor(columns: readonly ColumnPlace[], count: number) {
    this.#count = count;
    for (const { name, indices, width, start } of columns) {
      const { starts, widths } = this.#places.get(name) ?? { starts: new Int32Array(count).fill(-1), widths: new Int32Array(count) };
      indices.forEach((index, i) => {
        starts[index] = start + i * width;
        widths[index] = width;
      });
      this.#places.set(name, { starts, widths });
    }
  }

  /** Whether some of them have this figure. */
  has(name: string): boolean {
    return this.#places.has(name);
  }

  /** A figure of each; undefined where it was not measured. */
  read(name: string, figures: Float64Array): (number | undefined)[] {
    const starts = this.#places.get(name)?.starts;
    return Array.from({ length: this.#count }, (_, i) => figures[starts?.[i] ?? -1]);
  }

  /** Several figures of each; none where they were not measured. */
  lists(name: string, figures: Float64Array): number[][] {
    const { starts, widths } = this.#places.get(name) ?? {};
    return Array.from({ length: this.#count }, (_, i) => {
      const start = starts?.[i] ?? -1;
      return start < 0 ? [] : Array.from(figures.subarray(start, start + (widths?.[i] ?? 0)));
    });
  }
}
