import type { NdArray } from '../core/ndarray.js';
import type { Optimizer } from '../optimizers.js';
import type {
  ArrayVitals,
  EndRecord,
  EpochRecord,
  FailureRecord,
  Measured,
  PassRecord,
  SignalVitals,
  StepRecord,
  Trace,
  TraceHeader,
  TraceRecord,
} from '../vitals/trace.js';
import type { Logs } from './callbacks.js';
import type { ColumnPlace, VitalsLayout } from './observe.js';
import { PassKeeper } from './passes.js';
import type { NonFinitePlace } from './replay.js';

/** A number as traces hold it. */
export function measured(value: number | undefined): Measured {
  if (value === undefined) return null;
  return Number.isFinite(value) ? value : (String(value) as Measured);
}

/** A trace that grows while a run goes on. */
export class LiveTrace implements Trace {
  readonly header: TraceHeader;
  readonly steps: StepRecord[] = [];
  readonly passes: PassRecord[] = [];
  readonly epochs: EpochRecord[] = [];
  failure?: FailureRecord;
  end?: EndRecord;

  constructor(header: TraceHeader) {
    this.header = header;
  }

  add(record: TraceRecord): void {
    switch (record.kind) {
      case 'step':
        this.steps.push(record);
        break;
      case 'pass':
        this.passes.push(record);
        break;
      case 'epoch':
        this.epochs.push(record);
        break;
      case 'failure':
        this.failure = record;
        break;
      case 'end':
        this.end = record;
    }
  }
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
  readonly learningRates: readonly number[];
}

/** Turns what the engine measured into records of a trace. */
export class Recorder {
  readonly trace: LiveTrace;
  readonly #layout: VitalsLayout;
  readonly #optimizer: Optimizer;
  readonly #passes: PassKeeper;

  constructor(header: TraceHeader, layout: VitalsLayout, optimizer: Optimizer) {
    this.trace = new LiveTrace(header);
    this.#layout = layout;
    this.#optimizer = optimizer;
    this.#passes = new PassKeeper(layout);
  }

  /** The observed steps of a chunk. */
  chunk({ vitals, units, firstStep, epoch, losses, learningRates }: MeasuredChunk): StepRecord[] {
    const { every, level } = this.trace.header;
    const { size, unitCount } = this.#layout;
    return losses.flatMap((loss, k): StepRecord[] => {
      if ((firstStep + k) % every !== 0) return [];
      const step = firstStep + k + 1;
      const figures = vitals.data.subarray(k * size, (k + 1) * size) as Float32Array;
      if (units) this.#passes.observe(step, units.data.slice(k * 2 * unitCount, (k + 1) * 2 * unitCount) as Float32Array);
      const learningRate = learningRates[k] ?? Number.NaN;
      const scale = this.#layout.seeded ? 1 / learningRate : 1;
      const common = { kind: 'step', step, epoch, loss: measured(loss), learningRate: measured(learningRate) } as const;
      const signals = this.#signals(figures, scale);
      if (level === 'moments') return [{ ...common, signals }];
      return [{ ...common, ...this.#arrays(figures, scale, learningRate), signals }];
    });
  }

  /** What became of the units in a pass whose first step had the number `firstStep` (from 1). */
  pass(epoch: number, firstStep: number, lastStep: number, fired: NdArray): PassRecord {
    return { kind: 'pass', epoch, step: lastStep, units: this.#passes.end(firstStep, fired.data as Float32Array, this.#layout.watched.length) };
  }

  #signals(figures: Float32Array, scale: number): SignalVitals {
    const { columns, watched } = this.#layout;
    const read = (name: string, factor = 1): Measured[] => spread(columns, name, figures, watched.length).map(([value]) => times(value, factor));
    const lists = (name: string, factor = 1): Measured[][] =>
      spread(columns, name, figures, watched.length).map((values) => values.map((value) => times(value, factor)));
    const moments = {
      zMean: read('zMean'),
      zRms: read('zRms'),
      zMax: read('zMax'),
      hMean: read('hMean'),
      hRms: read('hRms'),
      hSpread: read('hSpread'),
      gRms: read('gRms', scale),
      gMax: read('gMax', scale),
    };
    if (!columns.some(({ name }) => name === 'zQuantiles')) return { ...moments, nonFinite: moments.zRms.map((_, i) => finiteOnly(moments, i)) };
    return {
      ...moments,
      nonFinite: read('nonFinite'),
      zQuantiles: lists('zQuantiles'),
      gQuantiles: lists('gQuantiles', scale),
      saturated: read('saturated'),
    };
  }

  #arrays(figures: Float32Array, scale: number, learningRate: number): Pick<StepRecord, 'arrays' | 'gradientNorm' | 'clipScale'> {
    const { columns, arrays, seeded } = this.#layout;
    const read = (name: string): (number | undefined)[] => spread(columns, name, figures, arrays.length).map(([value]) => value);
    const gradients = read('gradient').map((value) => (value === undefined ? undefined : value * scale));
    const updates = columns.some(({ name }) => name === 'update') ? read('update') : undefined;
    const [moved, starts] = [read('moved'), read('start')];
    const vitals: ArrayVitals = {
      weight: read('weight').map(measured),
      gradient: gradients.map(measured),
      update: gradients.map((gradient, i) => measured(updates?.[i] ?? (seeded && gradient !== undefined ? gradient * learningRate : undefined))),
      displacement: moved.map((way, i) => (starts[i] === 0 || way === undefined ? null : measured(way / (starts[i] ?? Number.NaN)))),
    };
    const squares = gradients.map((gradient = 0, i) => gradient ** 2 * (arrays[i]?.size ?? 0));
    const clipped = read('clipped').map((value = 0, i) => (value * scale) ** 2 * (arrays[i]?.size ?? 0));
    const clipScale = this.#clipScale(squares, clipped);
    const total = sum(squares);
    return { gradientNorm: measured(Math.sqrt(total)), ...(clipScale === undefined ? {} : { clipScale: measured(clipScale) }), arrays: vitals };
  }

  /** By what clipping multiplied the gradients, all taken together; where each is clipped by itself, the strongest. */
  #clipScale(squares: readonly number[], clipped: readonly number[]): number | undefined {
    const { norm, value, globalNorm } = this.#optimizer.clip;
    const total = sum(squares);
    if (globalNorm !== undefined) return Math.min(1, globalNorm / Math.sqrt(total));
    if (norm !== undefined) return Math.min(1, ...squares.map((square) => norm / Math.sqrt(square)));
    return value === undefined ? undefined : total === 0 ? 1 : Math.sqrt(sum(clipped) / total);
  }

  failure(place: NonFinitePlace | undefined, step: number, message: string): FailureRecord {
    const inputs = (place?.inputs ?? []).map(({ name, min, max }) => ({ name, min: measured(min), max: measured(max) }));
    const { layer = '', operator = '', pass = 'forward' } = place ?? {};
    return { kind: 'failure', step: place?.step ?? step, layer, operator, pass, inputs, message };
  }

  epoch(epoch: number, step: number, logs: Logs): EpochRecord {
    return { kind: 'epoch', epoch, step, logs: Object.fromEntries(Object.entries(logs).map(([name, value]) => [name, measured(value)])) };
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const times = (value: number | undefined, factor: number): Measured => measured(value === undefined ? undefined : value * factor);

/** 0 where all that was measured of a use is finite; null where it is not, and nobody counted. */
function finiteOnly(columns: Readonly<Record<string, readonly Measured[]>>, i: number): Measured {
  return Object.values(columns).some((values) => typeof values[i] === 'string') ? null : 0;
}

/** A column's figures by use; empty where it has none. */
function spread(columns: readonly ColumnPlace[], name: string, figures: Float32Array, count: number): number[][] {
  const result: number[][] = Array.from({ length: count }, () => []);
  for (const place of columns) {
    if (place.name !== name) continue;
    place.indices.forEach((index, i) => {
      const from = place.start + i * place.width;
      result[index] = Array.from(figures.subarray(from, from + place.width));
    });
  }
  return result;
}
