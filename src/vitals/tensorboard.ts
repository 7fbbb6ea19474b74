import { WireWriter } from '../graph/onnx/wire-writer.js';
import { type Measured, QUANTILES, type StepRecord, type TraceHeader, type TraceRecord } from './trace.js';

// Field numbers of event.proto, summary.proto, histogram.proto, tensor.proto (https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto);
// only the fields we use.
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const SUMMARY = { values: 1 } as const;
const VALUE = { tag: 1, number: 2, histogram: 5, tensor: 8, metadata: 9 } as const;
const HISTOGRAM = { min: 1, max: 2, count: 3, limits: 6, buckets: 7 } as const;
const TENSOR = { type: 1, strings: 8 } as const;
const METADATA = { plugin: 1 } as const;
const PLUGIN = { name: 1 } as const;
const STRINGS = 7;

/** Counts of the numbers up to each limit, from the limit before on, or from `min`. */
interface Histogram {
  readonly min: number;
  readonly limits: readonly number[];
  readonly buckets: readonly number[];
}

/** What a curve, a histogram or a text of TensorBoard gets at one step. */
type Point = { readonly tag: string } & ({ readonly number: number } | { readonly histogram: Histogram } | { readonly text: string });

/** The event that begins a file. @param seconds since 1970. */
export function firstEvent(seconds: number): Uint8Array {
  const writer = new WireWriter();
  writer.string(EVENT.fileVersion, 'brain.Event:2');
  writer.double(EVENT.wallTime, seconds);
  return writer.finish();
}

/**
 * A record of a trace as a TensorBoard event (protobuf, not yet framed); undefined where TensorBoard has nothing to show of it. By tag:
 * `train/…` loss, learning rate, gradient norm; `epoch/…` the epoch's logs; `z_rms/<layer>`, `h_rms/…`, `g_rms/…` and so on for each watched
 * layer; `gradient/<array>`, `update_ratio/…`, `displacement/…` for each trained array; histograms `z/<layer>` and `g_abs/<layer>`, which hold the middle
 * 90 % in per cent; `dead/<layer>` and `coma/<layer>`, units of a pass; `failure`, a text. What was not measured is left out; numbers become float32.
 * @param seconds since 1970.
 */
export function recordEvent(header: TraceHeader, record: TraceRecord, seconds: number): Uint8Array | undefined {
  const points = pointsOf(header, record);
  if (points.length === 0 || record.kind === 'end') return undefined;
  const writer = new WireWriter();
  for (const point of points.reverse()) writePoint(writer, point);
  writer.close(EVENT.summary, 0);
  writer.int(EVENT.step, record.step);
  writer.double(EVENT.wallTime, seconds);
  return writer.finish();
}

function pointsOf(header: TraceHeader, record: TraceRecord): Point[] {
  switch (record.kind) {
    case 'step':
      return stepPoints(header, record);
    case 'pass':
      return [
        ...columnPoints(
          'dead',
          watchedNames(header),
          record.units.map((unit) => unit?.dead ?? null),
        ),
        ...columnPoints(
          'coma',
          watchedNames(header),
          record.units.map((unit) => unit?.coma ?? null),
        ),
      ];
    case 'epoch':
      return Object.entries(record.logs).flatMap(([name, value]) => numberPoint(`epoch/${name}`, value));
    case 'failure':
      return [{ tag: 'failure', text: record.message }];
    case 'end':
      return [];
  }
}

function stepPoints(header: TraceHeader, { loss, learningRate, gradientNorm, clipScale, sharpness, signals, arrays }: StepRecord): Point[] {
  const layers = watchedNames(header);
  const ofLayers = (group: string, column?: readonly Measured[]): Point[] => columnPoints(group, layers, column);
  const ofArrays = (group: string, column?: readonly Measured[]): Point[] => columnPoints(group, header.arrays, column);
  return [
    ...numberPoint('train/loss', loss),
    ...numberPoint('train/learning_rate', learningRate),
    ...numberPoint('train/gradient_norm', gradientNorm),
    ...numberPoint('train/clip_scale', clipScale),
    ...numberPoint('train/sharpness', sharpness),
    ...ofLayers('z_mean', signals.zMean),
    ...ofLayers('z_rms', signals.zRms),
    ...ofLayers('h_mean', signals.hMean),
    ...ofLayers('h_rms', signals.hRms),
    ...ofLayers('h_spread', signals.hSpread),
    ...ofLayers('g_rms', signals.gRms),
    ...ofLayers('saturated', signals.saturated),
    ...ofArrays('weight', arrays?.weight),
    ...ofArrays('gradient', arrays?.gradient),
    ...ofArrays(
      'update_ratio',
      arrays?.update.map((update, i) => ratio(update, arrays.weight[i])),
    ),
    ...ofArrays('displacement', arrays?.displacement),
    ...histogramPoints('z', layers, signals.zQuantiles),
    ...histogramPoints('g_abs', layers, signals.gQuantiles),
  ];
}

function watchedNames({ network, watched }: TraceHeader): string[] {
  return watched.map((at) => network.layers[at]?.name ?? String(at));
}

function columnPoints(group: string, names: readonly string[], column: readonly Measured[] = []): Point[] {
  return column.flatMap((value, i) => numberPoint(`${group}/${names[i] ?? i}`, value));
}

function numberPoint(tag: string, value: Measured | undefined): Point[] {
  return value === null || value === undefined ? [] : [{ tag, number: Number(value) }];
}

function ratio(update: Measured, weight: Measured | undefined): Measured {
  return update === null || weight === null || weight === undefined || weight === 0 ? null : Number(update) / Number(weight);
}

function histogramPoints(tag: string, names: readonly string[], quantiles: readonly (readonly Measured[])[] = []): Point[] {
  return quantiles.flatMap((values, i) => {
    const histogram = histogramOf(values);
    return histogram ? [{ tag: `${tag}/${names[i] ?? i}`, histogram }] : [];
  });
}

/** Between one quantile and the next lie as many per cent as their shares are apart. Equal quantiles make no bucket: their part goes to the next one. */
function histogramOf(values: readonly Measured[]): Histogram | undefined {
  const numbers = values.map((value) => (value === null ? Number.NaN : Number(value)));
  const [min] = numbers;
  if (min === undefined || numbers.length !== QUANTILES.length || !numbers.every(Number.isFinite)) return undefined;
  const limits: number[] = [];
  const buckets: number[] = [];
  let carried = 0;
  numbers.slice(1).forEach((limit, i) => {
    const share = Math.round(100 * ((QUANTILES[i + 1] ?? 1) - (QUANTILES[i] ?? 0)));
    if (limit > (limits.at(-1) ?? min)) {
      limits.push(limit);
      buckets.push(carried + share);
      carried = 0;
    } else carried += share;
  });
  if (limits.length === 0) return { min, limits: [min], buckets: [carried] };
  buckets.push((buckets.pop() ?? 0) + carried);
  return { min, limits, buckets };
}

function writePoint(writer: WireWriter, point: Point): void {
  const mark = writer.length;
  if ('number' in point) writer.float(VALUE.number, point.number);
  else if ('histogram' in point) writeHistogram(writer, point.histogram);
  else writeText(writer, point.text);
  writer.string(VALUE.tag, point.tag);
  writer.close(SUMMARY.values, mark);
}

function writeHistogram(writer: WireWriter, { min, limits, buckets }: Histogram): void {
  const mark = writer.length;
  writer.bytes(HISTOGRAM.buckets, packed(buckets));
  writer.bytes(HISTOGRAM.limits, packed(limits));
  writer.double(
    HISTOGRAM.count,
    buckets.reduce((sum, count) => sum + count, 0),
  );
  writer.double(HISTOGRAM.max, limits.at(-1) ?? min);
  writer.double(HISTOGRAM.min, min);
  writer.close(VALUE.histogram, mark);
}

function packed(numbers: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(8 * numbers.length));
  numbers.forEach((number, i) => {
    view.setFloat64(8 * i, number, true);
  });
  return new Uint8Array(view.buffer);
}

function writeText(writer: WireWriter, text: string): void {
  const metadata = writer.length;
  const plugin = writer.length;
  writer.string(PLUGIN.name, 'text');
  writer.close(METADATA.plugin, plugin);
  writer.close(VALUE.metadata, metadata);
  const tensor = writer.length;
  writer.string(TENSOR.strings, text);
  writer.int(TENSOR.type, STRINGS);
  writer.close(VALUE.tensor, tensor);
}
