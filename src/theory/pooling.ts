import { product } from '../core/shape.js';
import type { Bend } from './bend.js';
import type { Effect } from './layers.js';
import { normalGrid, PER_UNIT } from './normal.js';
import { atDistance, centred, noSteps, type Signal, type Steps } from './signal.js';

/** Windows in which neighbours are pooled. */
export interface Windows {
  /** Lengths of a window's axes, and from one window to the next. */
  readonly lengths: readonly number[];
  readonly strides: readonly number[];
}

/** How a kernel moves over its input, axis by axis. */
export interface Moves extends Windows {
  readonly dilations: readonly number[];
  /** Elements put before the first one; those behind the last follow from the number of windows. */
  readonly before: readonly number[];
}

/** Share of the windows' taps that lie on the input; the others meet padding, which adds nothing to a sum. */
export function shareInside({ lengths, strides, dilations, before }: Moves, inputs: readonly number[], outputs: readonly number[]): number {
  return product(
    lengths.map((length, axis) => {
      const count = outputs[axis] ?? 1;
      let inside = 0;
      for (let window = 0; window < count; window++) {
        for (let tap = 0; tap < length; tap++) {
          const place = window * (strides[axis] ?? 1) + tap * (dilations[axis] ?? 1) - (before[axis] ?? 0);
          if (place >= 0 && place < (inputs[axis] ?? 1)) inside++;
        }
      }
      return inside / (count * length);
    }),
  );
}

const within = (c: number): number => Math.max(-1, Math.min(1, c));

/** How many ordered pairs of a window's elements are each distance apart, the steps along all axes together. */
function pairsByDistance(lengths: readonly number[]): number[] {
  return lengths.reduce(
    (counts, length) => {
      const both = new Array<number>(counts.length + length - 1).fill(0);
      for (let along = 0; along < length; along++) {
        const pairs = along === 0 ? length : 2 * (length - along);
        counts.forEach((count, before) => {
          both[before + along] = (both[before + along] ?? 0) + pairs * count;
        });
      }
      return both;
    },
    [1],
  );
}

/** Mean correlation of two of a window’s elements. @param same whether each counts with itself as well. */
function overPairs(x: Signal, lengths: readonly number[], same: boolean): number {
  const [own = 0, ...apart] = pairsByDistance(lengths);
  const others = apart.reduce((sum, count, i) => sum + count * atDistance(x, i + 1), 0);
  if (same) return (others + own) / own ** 2;
  return own === 1 ? 0 : others / (own ** 2 - own);
}

/** Neighbours among what was pooled are as far apart as its windows. @param shared mean product of two windows, by the correlation of their elements. */
function thinned(x: Signal, kept: number, shared: (c: number) => number, strides: readonly number[]): Steps {
  const next = atDistance(x, product(strides) ** (1 / strides.length));
  return { stepCorrelation: within(shared(x.stepCorrelation ?? 0) / kept), nextCorrelation: within(shared(next) / kept) };
}

/** The mean over windows: of n elements that c correlates, (1 + (n − 1) c) / n of the mean square is left. Each element is sent 1 / n of the gradient. */
export function averagePooled(x: Signal, { lengths, strides }: Windows): Effect {
  const kept = Math.max(1e-12, overPairs(x, lengths, true));
  return averaged(
    x,
    kept,
    product(lengths),
    product(strides),
    thinned(x, kept, (c) => c, strides),
  );
}

/** The mean over all steps of a sequence, or places of a picture. */
export function averagedOver(x: Signal, steps: number): Effect {
  return averaged(x, Math.max(1e-12, (1 + (steps - 1) * (x.stepCorrelation ?? 0)) / steps), steps, steps, noSteps);
}

function averaged(x: Signal, kept: number, count: number, stride: number, steps: Steps): Effect {
  // Other steps of two rows are no more alike than these steps of theirs, nor than other steps of one row.
  const apart = (x.correlation + (count - 1) * Math.min(x.correlation, x.stepCorrelation ?? 0)) / count;
  return {
    signal: { ...x, log: x.log + Math.log(kept), meanShare: within(x.meanShare / Math.sqrt(kept)), correlation: within(apart / kept), ...steps },
    gradient: 1 / (count * stride),
    sensitivity: 0,
  };
}

/** The largest of each window of φ(z). */
export function maxPooled(z: Signal, table: Bend, { lengths, strides }: Windows): Effect {
  const largest = new Largest(z, table, product(lengths), overPairs(z, lengths, false));
  const { signal, ...rest } = pooled(z, largest, product(strides));
  return { signal: { ...signal, ...thinned(z, 1, (c) => largest.tie(c), strides) }, ...rest };
}

/** The largest over all steps of a sequence, or places of a picture. */
export function largestOver(z: Signal, table: Bend, steps: number): Effect {
  return pooled(z, new Largest(z, table, steps, z.stepCorrelation ?? 0), steps);
}

function pooled(z: Signal, largest: Largest, stride: number): Effect {
  const signal: Signal = {
    ...z,
    log: Math.log(largest.square),
    meanShare: largest.mean / Math.sqrt(largest.square),
    correlation: within(largest.tie(z.correlation)),
    ...noSteps,
    loose: 1,
  };
  return { signal, gradient: largest.slope / stride, sensitivity: 0 };
}

/** Normal numbers farther out weigh nothing. */
const FARTHEST = 7;
const { points: grid, shares: normal } = normalGrid(FARTHEST);

/**
 * φ of the largest of n normal numbers that correlate alike: √c a + √(1 − c) b of a common number a and of the largest b of n apart, whose density is
 * n f F^(n − 1). Where φ does not fall, that is the largest φ.
 */
class Largest {
  readonly mean: number;
  readonly square: number;
  /** Mean square of φ' at the largest, over that at any. */
  readonly slope: number;
  readonly #meanShare: number;
  readonly #common: number;
  readonly #means: readonly number[];

  constructor(z: Signal, table: Bend, count: number, correlation: number) {
    const { phi } = table;
    const rms = Math.exp(z.log / 2);
    const [centre, deviation] = [z.meanShare * rms, rms * Math.sqrt(Math.max(0, 1 - z.meanShare ** 2))];
    this.#meanShare = z.meanShare;
    this.#common = this.#centred(correlation);
    const own = Math.sqrt(1 - this.#common);
    let below = 0;
    const tops = normal.map((weight) => {
      const [from, to] = [below, Math.min(1, below + weight)];
      below = to;
      return to ** count - from ** count;
    });
    // By a, in units of z's deviation: what is common moves along it.
    const over = (f: (x: number) => number): { readonly means: number[]; readonly squares: number[] } => {
      const [means, squares] = [grid.map(() => 0), grid.map(() => 0)];
      grid.forEach((a, at) => {
        grid.forEach((b, i) => {
          const [top, value] = [tops[i] ?? 0, f(centre + deviation * (a + own * b))];
          means[at] = (means[at] ?? 0) + top * value;
          squares[at] = (squares[at] ?? 0) + top * value ** 2;
        });
      });
      return { means, squares };
    };
    const { means, squares } = over(phi.value);
    this.#means = means;
    const shared = Math.sqrt(this.#common);
    const expected = (values: readonly number[]): number => normal.reduce((sum, weight, i) => sum + weight * at(values, shared * (grid[i] ?? 0)), 0);
    this.mean = expected(means);
    this.square = expected(squares);
    this.slope = expected(over(phi.slope).squares) / Math.max(1e-300, Math.exp(table.logSlope(z.log, z.meanShare)));
  }

  /** The correlation of two windows' largest, of whose elements any two are correlated by c. */
  tie(c: number): number {
    const both = Math.min(this.#common, this.#centred(c));
    const [outer, inner] = [Math.sqrt(both), Math.sqrt(this.#common - both)];
    const given = grid.map((a) => normal.reduce((sum, weight, i) => sum + weight * at(this.#means, outer * a + inner * (grid[i] ?? 0)), 0));
    return given.reduce((sum, value, i) => sum + (normal[i] ?? 0) * value ** 2, 0) / this.square;
  }

  #centred(correlation: number): number {
    return Math.max(0, centred({ correlation, meanShare: this.#meanShare }));
  }
}

/** A function of the grid at a point, by a straight line between its neighbours. */
function at(values: readonly number[], x: number): number {
  const place = Math.max(0, Math.min(grid.length - 1.000001, (x + FARTHEST) * PER_UNIT));
  const left = Math.floor(place);
  const [a = 0, b = 0] = [values[left], values[left + 1]];
  return a + (b - a) * (place - left);
}
