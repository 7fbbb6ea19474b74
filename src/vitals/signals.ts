import type { Activation } from '../activations.js';
import { NdArray } from '../core/ndarray.js';
import type { Dim } from '../core/shape.js';
import { gradients } from '../graph/gradients.js';
import { constant, int64, scalar, type Tensor } from '../graph/node.js';
import {
  abs,
  cast,
  div,
  gather,
  less,
  mod,
  mul,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSum,
  reshape,
  sizeAs,
  slice,
  sort,
  sub,
} from '../graph/ops/index.js';
import { FLAT, largestSlope } from '../theory/mean-field.js';
import { activationKeys } from './activation-keys.js';
import { scalarOf } from './flat.js';
import { endToEnd, plainMeanSquares } from './mean-square.js';
import { QUANTILES, type VitalsLevel } from './trace.js';

/** What one watched use, or a loop of equal ones, lets be seen. */
export interface WatchedSignal {
  /** Places among the watched uses. */
  readonly indices: readonly number[];
  /** Whether a loop's uses are stacked along the first axis. */
  readonly looped: boolean;
  /** Sums that the activation receives: [N, …, units], looped [n, N, …, units]. */
  readonly z: Tensor;
  /** What it gives; undefined where only z was kept. */
  readonly h: Tensor | undefined;
  /** ∂L/∂z; undefined where nothing at or below the use is trained. */
  readonly g: Tensor | undefined;
  readonly activation: Activation | undefined;
  /** Whether the first axis is that of the steps of a sequence. */
  readonly overTime: boolean;
}

/** Figures of some watched uses, one name after the other: [names · n] values, or [names · n, k], in the order of `indices`. */
export interface Column {
  readonly names: readonly string[];
  readonly indices: readonly number[];
  readonly values: Tensor;
}

/** Mean squares still to be taken, of the rows of a matrix [names · n, entries], of numbers that may be too small or too large to square as they are. */
export interface SquareColumn {
  readonly names: readonly string[];
  readonly indices: readonly number[];
  readonly rows: Tensor;
  /** By what each mean is multiplied; one unless given. */
  readonly shares?: readonly number[] | undefined;
}

/** Signals of equal width and activation as one array each: [n, entries of a unit, units]. Reducing them together costs a few operators, not a few for each. */
interface Stack {
  readonly indices: readonly number[];
  readonly z: Tensor;
  readonly h: Tensor;
  readonly g: Tensor | undefined;
  readonly activation: Activation | undefined;
  /** All of them one behind the other, [3 n, entries], or [2 n, entries] without g: fewer operators still, where moments are all that is asked for, uses are several and all are of one width. */
  readonly joined: Tensor | undefined;
}

/** Entries of a use that quantiles are taken from, and a prime by whose multiples they are picked, so that every unit has its turn. */
const [SAMPLE, STRIDE] = [256, 1_000_003];

/** What the figures of `SignalVitals` are made from, for all watched signals. */
export function signalColumns(signals: readonly WatchedSignal[], level: VitalsLevel, units: boolean): (Column | SquareColumn)[] {
  return [
    ...stacksOf(signals, level).flatMap((stack) => [
      ...moments(stack),
      ...(level === 'full' ? details(stack) : []),
      ...(units && typeof stack.z.shape[2] === 'number' ? byUnit(stack) : []),
    ]),
    ...signals.flatMap(byTime),
  ];
}

/** Steps of a sequence at which sizes are taken, at most. */
const MOMENTS = 32;

/** Sizes at steps of a sequence that lie evenly from the first to the last: [1, moments]. */
function byTime({ indices, z, g, overTime }: WatchedSignal): Column[] {
  const steps = z.shape[0];
  if (!overTime || typeof steps !== 'number') return [];
  const count = Math.min(MOMENTS, steps);
  const places = int64(Array.from({ length: count }, (_, i) => Math.round((i * (steps - 1)) / Math.max(1, count - 1))));
  const squares = (x: Tensor): Tensor => reshape(plainMeanSquares(cast(reshape(gather(x, places, 0), [count, -1]), 'float64')), [1, count]);
  return [{ names: ['zSquareByTime'], indices, values: squares(z) }, ...(g ? [{ names: ['gSquareByTime'], indices, values: squares(g) }] : [])];
}

function moments({ indices, z, h, g, joined }: Stack): (Column | SquareColumn)[] {
  const ofGradient = g ? ['gSquare'] : [];
  if (joined) {
    return [
      { names: ['zMean', 'hMean'], indices, values: slice(reduceMean(joined, { axes: [1] }), { axis: 0, start: 0, end: 2 * indices.length }) },
      { names: ['zSquare', 'hSquare', ...ofGradient], indices, rows: joined },
    ];
  }
  return [
    { names: ['zMean'], indices, values: reduceMean(flat(z), { axes: [1] }) },
    { names: ['zSquare'], indices, rows: flat(z) },
    { names: ['hMean'], indices, values: reduceMean(flat(h), { axes: [1] }) },
    { names: ['hSquare'], indices, rows: flat(h) },
    ...(g ? [{ names: ofGradient, indices, rows: flat(g) }] : []),
  ];
}

function details({ indices, z, h, g, activation }: Stack): (Column | SquareColumn)[] {
  const column = (name: string, values: Tensor): Column => ({ names: [name], indices, values });
  const saturated = activation && saturation(z, activation);
  const extremes = (name: string, x: Tensor): Column[] => [
    column(`${name}Low`, reduceMin(flat(x), { axes: [1] })),
    column(`${name}High`, reduceMax(flat(x), { axes: [1] })),
  ];
  const deviations = sub(h, reduceMean(h, { axes: [1], keepdims: true }));
  return [
    ...extremes('z', z),
    { names: ['spreadSquare'], indices, rows: flat(deviations) },
    column('zQuantiles', quantiles(z)),
    ...(g ? [...extremes('g', g), column('gQuantiles', quantiles(abs(g)))] : []),
    ...(saturated ? [column('saturated', saturated)] : []),
  ];
}

/** Figures of each unit: [n, units]. */
function byUnit({ indices, z, h, g }: Stack): Column[] {
  const squares = (x: Tensor): Tensor => {
    const wide = cast(x, 'float64');
    return reduceMean(mul(wide, wide), { axes: [1] });
  };
  return [
    { names: ['zMeanByUnit'], indices, values: reduceMean(z, { axes: [1] }) },
    { names: ['hSquareByUnit'], indices, values: squares(h) },
    ...(g ? [{ names: ['gSquareByUnit'], indices, values: squares(g) }] : []),
  ];
}

const countIn = (x: Tensor): number => Number(x.shape[0]);
/** [n, all entries]. */
const flat = (x: Tensor): Tensor => reshape(x, [countIn(x), -1]);

/** [n, 5]: `QUANTILES` of each use's entries. */
function quantiles(x: Tensor): Tensor {
  const rows = flat(x);
  const steps = constant(
    new NdArray(
      BigInt64Array.from({ length: SAMPLE }, (_, i) => BigInt(i * STRIDE)),
      [SAMPLE],
    ),
  );
  const picked = gather(rows, mod(steps, div(sizeAs(x, 'int64'), scalar(countIn(x), 'int64'))), 1);
  return gather(sort(picked), int64(QUANTILES.map((share) => Math.round(share * (SAMPLE - 1)))), 1);
}

/** The share of entries whose slope is under 5 % of the largest; undefined where the activation is no function of one number, or learns. */
function saturation(z: Tensor, activation: Activation): Tensor | undefined {
  const phi = activation.name === 'linear' ? undefined : scalarOf(activation);
  const applied = phi && inference(activation, z);
  if (!phi || !applied) return undefined;
  const [slope] = gradients(reduceSum(applied), [z]) as [Tensor];
  return reduceMean(cast(less(abs(slope), FLAT * largestSlope(phi)), 'float32'), { axes: [1, 2] });
}

/** The activation as it is outside training; undefined where it has arrays of its own. */
function inference(activation: Activation, z: Tensor): Tensor | undefined {
  let learns = false;
  const parameter = (): Tensor => {
    learns = true;
    return scalar(0, z.dtype);
  };
  const applied = activation.apply(z, { training: false, parameter, uniform: (like) => like });
  return learns ? undefined : applied;
}

/** Signals that can be reduced together, side by side. */
function stacksOf(signals: readonly WatchedSignal[], level: VitalsLevel): Stack[] {
  const groups = new Map<string, WatchedSignal[]>();
  const keyOf = activationKeys();
  for (const [i, signal] of signals.entries()) {
    const { z, g, activation, looped } = signal;
    // A loop's uses lie side by side as they are: beside others they would have to be copied there.
    const key = looped ? `loop ${i}` : JSON.stringify([z.shape, g !== undefined, keyOf(activation)]);
    groups.set(key, [...(groups.get(key) ?? []), signal]);
  }
  return [...groups.values()].map((group): Stack => {
    const [first] = group as [WatchedSignal];
    const indices = group.flatMap((signal) => signal.indices);
    const [z, h, g] = [
      group.map((signal) => rowsOf(signal.z)),
      group.map((signal) => rowsOf(signal.h ?? given(signal))),
      first.g ? group.map((signal) => rowsOf(signal.g ?? signal.z)) : [],
    ];
    const side = (rows: readonly Tensor[]): Tensor => reshape(endToEnd(rows), [indices.length, -1, unitsOf(rows[0] as Tensor)]);
    const all = [...z, ...h, ...g];
    // A gate gives half as many units as it takes.
    const alike = all.every((rows) => unitsOf(rows) === unitsOf(first.z));
    return {
      indices,
      z: side(z),
      h: side(h),
      g: first.g && side(g),
      activation: first.activation,
      joined: level === 'moments' && group.length > 1 && alike ? reshape(endToEnd(all), [all.length, -1]) : undefined,
    };
  });
}

/** Numbers along the last axis; one where that is the axis of rows. */
const unitsOf = ({ rank, shape }: Tensor): Dim => (rank > 1 ? (shape.at(-1) ?? 1) : 1);
/** [entries of a unit, units]. */
const rowsOf = (x: Tensor): Tensor => (x.rank === 2 ? x : reshape(x, [-1, unitsOf(x)]));

/** What the activation makes of kept sums; the sums themselves where that cannot be told. */
const given = ({ z, activation }: WatchedSignal): Tensor => (activation && inference(activation, z)) ?? z;
