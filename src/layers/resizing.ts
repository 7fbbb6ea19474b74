import { ShapeError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { type StaticShape, showShape } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import { concat, matMul, pad, reshape, slice, transpose, unsqueeze } from '../graph/ops/index.js';
import { Layer, type LayerOptions } from '../network/layer.js';
import type { Rank } from './convolution.js';
import { checkOptions, type OptionCheck } from './options.js';
import { areSizes, imageOf, type Sizes, sizes } from './windowing.js';

/** What to add or cut: one number everywhere; one for each axis; or [before, after], for two axes one pair for each. */
export type Margins = number | readonly number[] | readonly (readonly number[])[];

type Pair = readonly [before: number, after: number];

/** [before, after] of each axis, or undefined where the margins are none. */
function marginsOf(value: unknown, rank: Rank): readonly Pair[] | undefined {
  if (isMargin(value)) return new Array<Pair>(rank).fill([value, value]);
  if (!Array.isArray(value)) return undefined;
  const list: readonly unknown[] = value;
  const [first, last] = list;
  if (rank === 1) return list.length === 2 && isMargin(first) && isMargin(last) ? [[first, last]] : undefined;
  const pairs = list.flatMap((one) => marginsOf(one, 1) ?? []);
  return list.length === rank && pairs.length === rank ? pairs : undefined;
}

function isMargin(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

const areMargins =
  (rank: Rank): OptionCheck =>
  (value) =>
    marginsOf(value, rank)
      ? undefined
      : `must be a whole number ≥ 0${rank === 1 ? ' or [before, after]' : ', [rows, columns] or [[top, bottom], [left, right]]'}, got ${show(value)}`;

export interface ZeroPaddingOptions extends LayerOptions {
  /** Default 1. */
  readonly padding?: Margins;
}

/** Zeros around every channel. */
export class ZeroPadding extends Layer {
  readonly kind: string;
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly rank: Rank;
  readonly padding: readonly Pair[];

  constructor(rank: Rank, options: ZeroPaddingOptions = {}) {
    const kind = `zeroPadding${rank}d`;
    checkOptions(kind, options, { padding: areMargins(rank) });
    super(options);
    this.kind = kind;
    this.rank = rank;
    this.padding = marginsOf(options.padding ?? 1, rank) ?? [];
  }

  config() {
    return { padding: this.rank === 1 ? this.padding[0] : this.padding };
  }

  call([input]: readonly Tensor[]): Tensor {
    return this.padding.reduce((x, [before, after], axis) => pad(x, { axis: axis + 1, before, after }), imageOf(input, this.rank).x);
  }
}

export interface CroppingOptions extends LayerOptions {
  /** Default 1 along one axis, 0 along two. */
  readonly cropping?: Margins;
}

/** The middle of every channel. */
export class Cropping extends Layer {
  readonly kind: string;
  override readonly role = 'shape';
  override readonly takes = 1;
  override readonly keepsIntegers = true;
  readonly rank: Rank;
  readonly cropping: readonly Pair[];

  constructor(rank: Rank, options: CroppingOptions = {}) {
    const kind = `cropping${rank}d`;
    checkOptions(kind, options, { cropping: areMargins(rank) });
    super(options);
    this.kind = kind;
    this.rank = rank;
    this.cropping = marginsOf(options.cropping ?? (rank === 1 ? 1 : 0), rank) ?? [];
  }

  config() {
    return { cropping: this.rank === 1 ? this.cropping[0] : this.cropping };
  }

  call([input]: readonly Tensor[]): Tensor {
    const { x, lengths } = imageOf(input, this.rank);
    if (this.cropping.some(([before, after], axis) => before + after >= (lengths[axis] ?? 0))) {
      throw new ShapeError(`crops ${show(this.cropping)} from ${showShape(lengths)}, which leaves nothing; crop less`, {
        received: lengths,
        expected: this.cropping,
      });
    }
    return this.cropping.reduce((y, [before, after], axis) => slice(y, { axis: axis + 1, start: before, end: (lengths[axis] ?? 0) - after }), x);
  }
}

export type Interpolation = 'nearest' | 'bilinear';

export interface UpSamplingOptions extends LayerOptions {
  /** Factor of enlargement; default 2. */
  readonly size?: Sizes;
  /** Along two axes: what lies between, `'nearest'` or `'bilinear'`; default nearest. */
  readonly interpolation?: Interpolation;
}

const isInterpolation =
  (rank: Rank): OptionCheck =>
  (value) =>
    value === 'nearest' || (rank === 2 && value === 'bilinear')
      ? undefined
      : `must be 'nearest'${rank === 2 ? " or 'bilinear'" : ', the only choice along one axis'}, got ${show(value)}`;

/** Every element several times, or the lines between elements. */
export class UpSampling extends Layer {
  readonly kind: string;
  override readonly takes = 1;
  readonly rank: Rank;
  readonly size: StaticShape;
  readonly interpolation: Interpolation;

  constructor(rank: Rank, options: UpSamplingOptions = {}) {
    const kind = `upSampling${rank}d`;
    checkOptions(kind, options, { size: areSizes(rank), interpolation: isInterpolation(rank) });
    super(options);
    this.kind = kind;
    this.rank = rank;
    this.size = sizes(options.size ?? 2, rank);
    this.interpolation = options.interpolation ?? 'nearest';
  }

  config() {
    return { size: this.rank === 1 ? this.size[0] : this.size, ...(this.rank === 1 ? {} : { interpolation: this.interpolation }) };
  }

  call([input]: readonly Tensor[]): Tensor {
    const { x } = imageOf(input, this.rank);
    const along = this.interpolation === 'nearest' ? repeated : interpolated;
    return this.size.reduce((y, times, axis) => (times === 1 ? y : along(y, axis + 1, times)), x);
  }
}

function repeated(x: Tensor, axis: number, times: number): Tensor {
  const apart = concat(new Array<Tensor>(times).fill(unsqueeze(x, [axis + 1])), axis + 1);
  return reshape(
    apart,
    x.shape.map((dim, i) => (i === axis ? Number(dim) * times : dim)),
  );
}

/** Lines between elements whose centres are `times` apart, flat beyond the first and the last: a product with the matrix of their shares. */
function interpolated(x: Tensor, axis: number, times: number): Tensor {
  const length = Number(x.shape[axis]);
  const shares = NdArray.zeros([length * times, length], x.dtype);
  for (let i = 0; i < length * times; i++) {
    const place = Math.min(length - 1, Math.max(0, (i + 0.5) / times - 0.5));
    const [low, part] = [Math.floor(place), place % 1];
    shares.set(i * length + low, 1 - part);
    if (part > 0) shares.set(i * length + low + 1, part);
  }
  const order = x.shape.map((_, i) => i);
  const swapped = order.map((i) => (i === axis ? x.rank - 2 : i === x.rank - 2 ? axis : i));
  return transpose(matMul(constant(shares), transpose(x, swapped)), swapped);
}
