/** Where numbers lie on an axis, from 0 at its low end to 1. */
export interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

/** A logarithmic one, over whole powers of ten. Zeros lie at its low end. */
export interface LogScale extends Scale {
  /** Powers of ten at its ends. */
  readonly low: number;
  readonly high: number;
}

/** Ticks at most, beside the one at the low end. */
const TICKS = 5;

/** Over the positive, finite ones of some numbers. */
export function logScale(values: readonly number[]): LogScale {
  const [least, most] = extent(values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10)) ?? [-1, 0];
  const low = Math.floor(least);
  const high = Math.max(low + 1, Math.ceil(most));
  const every = Math.ceil((high - low) / TICKS);
  const ticks = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => 10 ** (low + i * every));
  return { low, high, ticks, at: (value) => clamp(((value > 0 ? Math.log10(value) : low) - low) / (high - low)) };
}

/** Numbers that differ by less than this part of their size hardly do: over the whole axis their rounding would look like a course. */
const FLAT = 1e-3;

/** Over the finite ones of some numbers, and some more where they hardly differ. */
export function linearScale(values: readonly number[]): Scale {
  const [lowest, highest] = extent(values.filter(Number.isFinite)) ?? [0, 1];
  const size = Math.max(Math.abs(lowest), Math.abs(highest));
  const more = highest > lowest && highest - lowest < FLAT * size ? 5 * FLAT * size : 0;
  const [least, most] = [lowest - more, highest + more];
  const rough = (most - least) / TICKS;
  if (!(rough > 0)) {
    const half = Math.abs(least) / 2 > 0 ? Math.abs(least) / 2 : 1;
    return { ticks: [least], at: (value) => clamp((value - least) / (2 * half) + 0.5) };
  }
  const unit = 10 ** Math.floor(Math.log10(rough));
  const every = ([1, 2, 5, 10].find((factor) => factor * unit >= rough) ?? 10) * unit;
  const low = Math.floor(least / every) * every;
  const high = Math.ceil(most / every) * every;
  const ticks = Array.from({ length: Math.round((high - low) / every) + 1 }, (_, i) => Number((low + i * every).toPrecision(12)));
  return { ticks, at: (value) => clamp((value - low) / (high - low)) };
}

/** Least and largest; undefined of none. */
export function extent(values: readonly number[]): readonly [number, number] | undefined {
  return values.length === 0
    ? undefined
    : values.reduce<readonly [number, number]>(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** A number, to three digits unless told otherwise. */
export function figure(value: number | undefined, digits = 3): string {
  if (value === undefined) return '–';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
  return String(Number(value.toPrecision(digits)));
}

/** Places of at most `most` of `count` things, evenly spread, the first and the last included. */
export function spread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
}

/** Places of labels of `count` things in a row, the same number of things apart and at most `most` gaps; the last has one unless that would touch its neighbour's. */
export function labelled(count: number, most: number): number[] {
  const every = Math.max(1, Math.ceil((count - 1) / most));
  const places = Array.from({ length: Math.ceil(count / every) }, (_, i) => i * every);
  const left = count - 1 - (places.at(-1) ?? 0);
  return left > 0 && left >= every / 2 ? [...places, count - 1] : places;
}

/** Viridis (van der Walt and Smith 2015): rises evenly in lightness, and reads the same for colour-blind eyes. */
const anchors = ['440154', '482475', '414487', '355f8d', '2a788e', '21918c', '22a884', '44bf70', '7ad151', 'bddf26', 'fde725'];

/** Its colours, dark for small, light for large. */
export const colours: readonly string[] = Array.from({ length: 32 }, (_, i) => {
  const place = (i / 31) * (anchors.length - 1);
  const from = Math.min(anchors.length - 2, Math.floor(place));
  const channel = (at: number, part: number): number => Number.parseInt((anchors[at] ?? '').slice(2 * part, 2 * part + 2), 16);
  const mixed = [0, 1, 2].map((part) => Math.round(channel(from, part) + (place - from) * (channel(from + 1, part) - channel(from, part))));
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
});
