import { isLong, type TypedArray } from '../core/dtype.js';
import type { NdArray } from '../core/ndarray.js';
import { product, type StaticShape, stridesOf } from '../core/shape.js';
import { rowsOf, rowWidth, spreadRows, takeRows } from '../data/dataset.js';
import type { Loss } from '../losses.js';
import type { LayerCall } from '../network/layer.js';
import type { Network } from '../network/network.js';
import type { StepSpec } from '../training/step.js';
import type { InputFacts, TargetFacts, TargetSpread } from '../vitals/facts.js';
import type { Checked } from './weights.js';

/** Rows of a sample that facts are taken from, spread over all of it. */
const ROWS = 1024;
/** Columns of targets that are told one by one, and targets that are put in order, at most. */
const [MOST_COLUMNS, MOST_ORDERED] = [64, 4096];

/** What a sample of data says about each input. */
export function inputFacts({ calls, inputs }: Network, arrays: readonly NdArray[]): InputFacts[] {
  return arrays.flatMap((array, i) => {
    const signal = inputs[i];
    if (!signal || array.size === 0) return [];
    const sample = sampled(array);
    return [{ layer: calls.indexOf(signal.call), ...momentsOf(sample), ...alikeIn(sample, placesOf(calls, signal.call) ?? array.shape.slice(1)) }];
  });
}

interface Sample {
  readonly rows: number;
  /** Features of a row. */
  readonly features: number;
  /** Rows one behind the other. */
  readonly numbers: Exclude<TypedArray, BigInt64Array | BigUint64Array>;
}

/** Rows spread over all, as numbers to look through at speed. */
function sampled(array: NdArray): Sample {
  const rows = spreadRows(array, ROWS);
  const { data } = takeRows(array, Uint32Array.from(rows));
  return { rows: rows.length, features: rowWidth(array), numbers: isLong(data) ? Float64Array.from(data, Number) : data };
}

function momentsOf({ rows, features, numbers }: Sample): Omit<InputFacts, 'layer'> {
  // Sums of what differs from the first row: squares of numbers far from 0 have no digits left for how far those vary.
  const origins = Float64Array.from(numbers.subarray(0, features));
  const [sums, squares] = [new Float64Array(features), new Float64Array(features)];
  const [lows, highs] = [new Float64Array(features).fill(Number.POSITIVE_INFINITY), new Float64Array(features).fill(Number.NEGATIVE_INFINITY)];
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < features; k++) {
      const value = numbers[row * features + k] as number;
      const apart = value - (origins[k] as number);
      sums[k] = (sums[k] as number) + apart;
      squares[k] = (squares[k] as number) + apart * apart;
      if (value < (lows[k] as number)) lows[k] = value;
      if (value > (highs[k] as number)) highs[k] = value;
    }
  }
  const varying = Array.from({ length: features }, (_, k) => k).filter((k) => lows[k] !== highs[k]);
  const means = origins.map((origin, k) => origin + (sums[k] ?? 0) / rows);
  const variances = squares.map((sum, k) => Math.max(0, sum / rows - ((sums[k] ?? 0) / rows) ** 2));
  const deviations = varying.map((k) => Math.sqrt(variances[k] ?? 0));
  const total = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + value, 0);
  return {
    rows,
    features,
    mean: total(means) / features,
    rms: Math.sqrt(total(variances.map((variance, k) => variance + (means[k] ?? 0) ** 2)) / features),
    min: lows.reduce((least, low) => Math.min(least, low), Number.POSITIVE_INFINITY),
    max: highs.reduce((most, high) => Math.max(most, high), Number.NEGATIVE_INFINITY),
    constantFeatures: features - varying.length,
    featureMean: varying.length === 0 ? 0 : total(varying.map((k) => Math.abs(means[k] ?? 0))) / varying.length,
    alikeRanges: alikeRanges(varying.map((k) => [lows[k] ?? 0, highs[k] ?? 0])),
    featureDeviations: deviations.length === 0 ? [0, 0] : [deviations.reduce((a, b) => Math.min(a, b)), deviations.reduce((a, b) => Math.max(a, b))],
  };
}

/** Share of the other ranges that overlap with the widest and are at least half as wide; 1 where nothing varies. One range alone is like no other. */
function alikeRanges(ranges: readonly (readonly [low: number, high: number])[]): number {
  const [first, ...others] = [...ranges].sort((a, b) => b[1] - b[0] - (a[1] - a[0]));
  if (!first) return 1;
  const [low, high] = first;
  const alike = others.filter(([from, to]) => to - from >= (high - low) / 2 && from < high && to > low);
  return others.length === 0 ? 0 : alike.length / others.length;
}

/** The shape of one row of an input's data: of the first layer that reshapes it, where only scales change before. */
function placesOf(calls: readonly LayerCall[], input: LayerCall): StaticShape | undefined {
  let from = input;
  for (;;) {
    const next = calls.find(({ inputs }) => inputs[0]?.call === from)?.layer;
    if (next?.kind === 'reshape') return next.config().targetShape as StaticShape;
    if (!next || (next.role !== 'normalization' && next.role !== 'noise' && next.kind !== 'rescaling')) return undefined;
    from = calls.find(({ layer, inputs }) => layer === next && inputs[0]?.call === from) as LayerCall;
  }
}

/** How alike the steps of a row's sequence, or the places of its picture, are: E[x y] / E[x²] over all pairs, and over neighbours. */
function alikeIn({ rows, features, numbers }: Sample, shape: StaticShape): Pick<InputFacts, 'stepCorrelation' | 'nextCorrelation'> {
  const [lengths, width] = [shape.slice(0, -1), shape.at(-1) ?? 1];
  const places = product(lengths);
  if (places < 2 || shape.some((length) => length < 1) || places * width !== features) return {};
  const strides = stridesOf(lengths);
  const nextTo = lengths.map((length, axis) => {
    const stride = strides[axis] ?? 1;
    const firsts = Array.from({ length: places }, (_, place) => place).filter((place) => Math.floor(place / stride) % length < length - 1);
    return { stride, firsts: Uint32Array.from(firsts) };
  });
  const values = new Float64Array(places);
  let [crossed, own, near, nearOwn] = [0, 0, 0, 0];
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < width; k++) {
      let sum = 0;
      for (let place = 0; place < places; place++) {
        const x = numbers[(row * places + place) * width + k] as number;
        values[place] = x;
        sum += x;
        own += x * x;
      }
      crossed += sum * sum;
      for (const { stride, firsts } of nextTo) {
        for (const one of firsts) {
          const x = values[one] as number;
          const y = values[one + stride] as number;
          near += x * y;
          nearOwn += (x * x + y * y) / 2;
        }
      }
    }
  }
  return own > 0 ? { stepCorrelation: (crossed - own) / ((places - 1) * own), nextCorrelation: near / nearOwn } : {};
}

/** What a sample of targets says about each output. */
export function targetFacts({ network: { outputs }, losses, lossWeights }: StepSpec, sample: Pick<Checked, 'targets' | 'weights'>): TargetFacts[] {
  return sample.targets.flatMap((array, i) => {
    const loss = losses[i];
    if (!loss || array.size === 0) return [];
    const units = Number(outputs[i]?.shape.at(-1));
    const rows = sampledValues(array);
    const facts = kindOf(rows, loss, units);
    const weight = lossWeights[i] ?? 1;
    const weights = sample.weights[i] ?? sample.weights[0];
    const { chanceLoss, leastLoss = 0, zeroLoss } = chanceOf(loss, rows, weights && sampledValues(weights).flat());
    return [
      {
        ...facts,
        ...sharesOf(rows, facts),
        ...(chanceLoss === undefined ? {} : { chanceLoss: chanceLoss * weight }),
        ...(weights ? { weighed: true as const } : {}),
        ...(leastLoss > 0 ? { leastLoss: leastLoss * weight } : {}),
        ...(zeroLoss === undefined || facts.kind !== 'real' ? {} : { zeroLoss: zeroLoss * weight }),
        ...(facts.kind === 'real'
          ? { spread: spreadOf(rows.flat(), array.shape.length > 1 && array.shape.at(-1) === units && units <= MOST_COLUMNS ? units : 1) }
          : {}),
      },
    ];
  });
}

/** Values of targets, row by row. */
type Rows = readonly (readonly number[])[];

function kindOf(rows: Rows, loss: Loss, units: number): Pick<TargetFacts, 'kind' | 'classes'> {
  const width = rows[0]?.length ?? 0;
  const whole = rows.every((row) => row.every(Number.isInteger));
  const labels = width === 1 && whole && loss.targets === 'labels';
  if (labels) return { kind: 'labels', classes: Number.isFinite(units) ? units : classesIn(rows) };
  if (width > 1 && rows.every((row) => Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-3 && row.every((value) => value >= 0)))
    return { kind: 'distribution', classes: width };
  if (whole && rows.every((row) => row.every((value) => value === 0 || value === 1))) return { kind: 'binary', classes: 2 };
  return { kind: 'real' };
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return meanOf(values.map((value) => (value - mean) ** 2));
}

/** How means over rows are taken that count differently. */
interface Weighing {
  /** What the loss of a minibatch is multiplied by on average, since it is a mean over rows, not over weights. */
  readonly size: number;
  readonly mean: (values: readonly number[]) => number;
}

function weighingOf(weights: readonly number[] | undefined): Weighing {
  const size = weights ? meanOf(weights) : 1;
  if (!weights || !(size > 0)) return { size, mean: meanOf };
  return { size, mean: (values) => meanOf(values.map((value, i) => (value * (weights[i] ?? 0)) / size)) };
}

/** The loss of the best constant output, where there is a formula: the entropy of the targets, or their variance; of shares that without error, of numbers that of no output as well. @param weights how much each row counts */
function chanceOf(
  { name, config }: Loss,
  given: Rows,
  weights: readonly number[] | undefined,
): Pick<TargetFacts, 'chanceLoss' | 'leastLoss' | 'zeroLoss'> {
  const { size, mean } = weighingOf(weights);
  if (!(size > 0)) return {};
  const entropy = (shares: readonly number[]): number => -shares.reduce((sum, share) => sum + (share > 0 ? share * Math.log(share) : 0), 0);
  const decision = (share: number): number => entropy([share, 1 - share]);
  const smoothing = Number(config.labelSmoothing ?? 0);
  const smoothed = (ways: number): Rows =>
    smoothing === 0 ? given : given.map((row) => row.map((share) => share * (1 - smoothing) + smoothing / ways));
  switch (name) {
    case 'sparseCategoricalCrossentropy': {
      const counts = new Map<number, number>();
      given.forEach((row, i) => {
        for (const label of row) counts.set(label, (counts.get(label) ?? 0) + (weights?.[i] ?? 1));
      });
      const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
      return { chanceLoss: size * entropy([...counts.values()].map((count) => count / all)) };
    }
    case 'categoricalCrossentropy': {
      const rows = smoothed(given[0]?.length ?? 1);
      return { chanceLoss: size * entropy(columnsOf(rows).map(mean)), leastLoss: size * mean(rows.map(entropy)) };
    }
    case 'binaryCrossentropy': {
      const rows = smoothed(2);
      return {
        chanceLoss: size * meanOf(columnsOf(rows).map((column) => decision(mean(column)))),
        leastLoss: size * mean(rows.map((row) => meanOf(row.map(decision)))),
      };
    }
    case 'meanSquaredError': {
      const columns = columnsOf(given);
      const squares = (column: readonly number[], from: number): number => size * mean(column.map((value) => (value - from) ** 2));
      return {
        chanceLoss: meanOf(columns.map((column) => squares(column, mean(column)))),
        zeroLoss: meanOf(columns.map((column) => squares(column, 0))),
      };
    }
    default:
      return {};
  }
}

/** A class of even share must be seen so often, for its share to be told. */
const SEEN = 20;

/** Shares of the classes that occur, where a row is of one. */
function sharesOf(rows: Rows, { kind, classes = 0 }: Pick<TargetFacts, 'kind' | 'classes'>): Pick<TargetFacts, 'shares'> {
  const single = kind === 'distribution' || rows[0]?.length === 1;
  if (kind === 'real' || !single || rows.length < SEEN * classes) return {};
  const counts = new Map<number, number>();
  const add = (one: number, count: number) => counts.set(one, (counts.get(one) ?? 0) + count);
  for (const row of rows) {
    if (kind === 'distribution') for (const [one, share] of row.entries()) add(one, share);
    else add(row[0] ?? 0, 1);
  }
  const shares = [...counts.values()].filter((count) => count > 0).map((count) => count / rows.length);
  return shares.length < 2 ? {} : { shares: { least: Math.min(...shares), largest: Math.max(...shares) } };
}

const columnsOf = (rows: Rows): number[][] => Array.from({ length: rows[0]?.length ?? 0 }, (_, k) => rows.map((row) => row[k] ?? 0));

/** @param count columns, whose values stand in turn */
function spreadOf(values: readonly number[], count: number): TargetSpread {
  const columns = Array.from({ length: count }, (_, k) => values.filter((_, i) => i % count === k));
  const stride = Math.ceil(values.length / MOST_ORDERED);
  const sorted = values.filter((_, i) => i % stride === 0).sort((a, b) => a - b);
  return {
    means: columns.map(meanOf),
    deviations: columns.map((column) => Math.sqrt(varianceOf(column))),
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
    tenths: tenthsOf(sorted.length).map(([from, to]) => meanOf(sorted.slice(from, to))),
  };
}

/** Where each tenth of so many begins and ends; of few, tenths share what they have. */
function tenthsOf(count: number): (readonly [from: number, to: number])[] {
  return Array.from({ length: 10 }, (_, tenth) => {
    const from = Math.floor((tenth / 10) * count);
    return [from, Math.max(from + 1, Math.floor(((tenth + 1) / 10) * count))];
  });
}

function sampledValues(array: NdArray): number[][] {
  const width = array.size / Math.max(1, rowsOf(array));
  return spreadRows(array, ROWS).map((row) => Array.from({ length: width }, (_, k) => array.at(row * width + k)));
}

const classesIn = (rows: Rows): number => rows.reduce((most, [label = 0]) => Math.max(most, label + 1), 0);
