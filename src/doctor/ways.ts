import type { NetworkFacts } from '../vitals/facts.js';
import type { Examination, WatchedUse } from './examination.js';
import { allBefore, allBehind, behind, longest } from './uses.js';

/** Hidden layers that follow each other on ways from one to another: only such can be compared. */
export interface Way {
  /** No other that counts stands before it. */
  readonly first: WatchedUse;
  /** No other stands behind it on the way to one of the outputs; the first itself where it has an output next to it. */
  readonly last: WatchedUse;
  /** All that stand on ways from the first to the last, these among them, in their order. */
  readonly between: readonly WatchedUse[];
  /** Their places in the network. */
  readonly places: ReadonlySet<number>;
  /** How many the longest of these ways has. */
  readonly depth: number;
}

/** Ways from each first hidden use to each last one that it leads to. @param firsts those that may be first; all unless given. */
export function waysOf(
  { facts, hidden }: { readonly facts: NetworkFacts; readonly hidden: readonly WatchedUse[] },
  firsts: readonly WatchedUse[] = hidden,
): Way[] {
  const ends = endsOf(facts, hidden);
  const inner = allBehind(
    facts,
    firsts.map(({ at }) => at),
  );
  return firsts
    .filter(({ at }) => !inner.has(at))
    .flatMap((first) => {
      const reached = allBehind(facts, [first.at]).add(first.at);
      return ends.filter(({ at }) => reached.has(at)).map((last) => wayBetween(facts, hidden, first, last, reached));
    });
}

function wayBetween(facts: NetworkFacts, hidden: readonly WatchedUse[], first: WatchedUse, last: WatchedUse, reached: ReadonlySet<number>): Way {
  const before = allBefore(facts, [last.at]).add(last.at);
  const between = hidden.filter(({ at }) => reached.has(at) && before.has(at));
  const places = new Set(between.map(({ at }) => at));
  return { first, last, between, places, depth: longest(facts, (at) => places.has(at)) };
}

/** Hidden uses behind which no other comes on the way to one of the outputs. */
function endsOf(facts: NetworkFacts, hidden: readonly WatchedUse[]): WatchedUse[] {
  const ends = new Set<number>();
  for (const output of facts.outputs) {
    const before = allBefore(facts, [output]).add(output);
    const on = hidden.filter(({ at }) => before.has(at)).map(({ at }) => at);
    const covered = allBefore(facts, on);
    for (const at of on) if (!covered.has(at)) ends.add(at);
  }
  return hidden.filter(({ at }) => ends.has(at));
}

/** Ways of merging that hand on each signal that comes in. */
export const straightMerges: ReadonlySet<string> = new Set(['add', 'subtract', 'average', 'concatenate']);

/** Whether what a use sums meets a signal that went around it: the end of a residual branch. */
export function endsBranch({ facts, users }: Pick<Examination, 'facts' | 'users'>, use: number): boolean {
  for (const { layer } of behind(facts, users, use)) {
    if (layer.role === 'weights') return false;
    if (layer.role !== 'merge') continue;
    const before = allBefore(facts, [use]);
    return straightMerges.has(layer.kind) && layer.inputs.some((from) => before.has(from));
  }
  return false;
}

/** Of what has the same key, what has the least factor. */
export function leastOfEach<T extends { readonly factor: number }>(list: readonly T[], keyOf: (one: T) => unknown): T[] {
  const least = new Map<unknown, T>();
  for (const one of list) {
    const before = least.get(keyOf(one));
    if (!before || one.factor < before.factor) least.set(keyOf(one), one);
  }
  return [...least.values()];
}
