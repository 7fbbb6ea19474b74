import { isLong, type TypedArray } from '../core/dtype.js';
import type { NdArray } from '../core/ndarray.js';
import { product, type StaticShape, stridesOf } from '../core/shape.js';
import { rowWidth, spreadRows, takeRows } from '../data/dataset.js';
import type { LayerCall } from '../network/layer.js';
import type { Network } from '../network/network.js';
import type { InputFacts } from '../vitals/facts.js';

/** Rows of a sample that facts are taken from, spread over all of it. */
const ROWS = 1024;

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
