import type { ScalarFunction } from '../graph/evaluate.js';
import { FLAT, largestSlope } from './mean-field.js';
import { normalCdf } from './normal.js';

/** Inputs between which edges are looked for, and steps on each side; what holds at the end holds beyond. */
const FAR = 60;
const STEPS = 400;
const HALVINGS = 60;
/** An edge this near 0 is one at 0. */
const AT_ZERO = 1e-6;

type Interval = readonly [from: number, to: number];

/** Intervals of inputs whose slope is under 5 % of the largest, in order; the outer ones may be infinite. */
export function saturatedIntervals(phi: ScalarFunction): Interval[] {
  const limit = FLAT * largestSlope(phi);
  return intervalsOf((x) => Math.abs(phi.slope(x)) < limit);
}

/** Where a function is flat towards both ends. */
export interface Sides {
  /** Flat below; −Infinity where it is not. */
  readonly low: number;
  /** Flat above; Infinity where it is not. */
  readonly high: number;
}

/** The outer intervals of those where something holds, if it does not hold everywhere. */
export function flatSides(flat: (x: number) => boolean): Sides {
  const found = intervalsOf(flat);
  const sided = found.filter(([from, to]) => !(from === Number.NEGATIVE_INFINITY && to === Number.POSITIVE_INFINITY));
  const [left, right] = [sided.find(([from]) => from === Number.NEGATIVE_INFINITY), sided.find(([, to]) => to === Number.POSITIVE_INFINITY)];
  return { low: left?.[1] ?? Number.NEGATIVE_INFINITY, high: right?.[0] ?? Number.POSITIVE_INFINITY };
}

/** Where something holds, in order. */
function intervalsOf(flat: (x: number) => boolean): Interval[] {
  // Squared, so that steps are short where functions bend; off 0, where slopes may jump.
  const at = (i: number): number => Math.sign(i) * (i / STEPS) ** 2 * FAR + 1e-9;
  const edges: number[] = [];
  for (let i = -STEPS; i < STEPS; i++) {
    if (flat(at(i)) === flat(at(i + 1))) continue;
    let [left, right] = [at(i), at(i + 1)];
    const before = flat(left);
    for (let step = 0; step < HALVINGS; step++) {
      const middle = (left + right) / 2;
      if (flat(middle) === before) left = middle;
      else right = middle;
    }
    edges.push(Math.abs(right) < AT_ZERO ? 0 : right);
  }
  const cuts = [Number.NEGATIVE_INFINITY, ...edges, Number.POSITIVE_INFINITY];
  const first = flat(at(-STEPS)) ? 0 : 1;
  return cuts.slice(1).flatMap((to, i) => (i % 2 === first ? [[cuts[i] ?? 0, to] as const] : []));
}

/** The share of N(mean, variance) that lies in some intervals. */
export function shareWithin(intervals: readonly Interval[], mean: number, variance: number): number {
  const below = (x: number): number => normalCdf((x - mean) / Math.sqrt(variance));
  return intervals.reduce((total, [from, to]) => total + below(to) - below(from), 0);
}
