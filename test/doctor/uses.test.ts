import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allBefore, allBehind, behind, ending, headUses, longest, usersOf } from '#src/doctor/uses.js';
import type { LayerFacts, NetworkFacts, Role } from '#src/vitals/facts.js';

const factsOf = (inputs: readonly (readonly number[])[], role: (at: number) => Role = () => 'weights'): NetworkFacts => ({
  dtype: 'float32',
  layers: inputs.map((from, at): LayerFacts => {
    const [name, kind] = [`use_${at}`, role(at)];
    return { name, layer: name, kind, role: kind, inputs: from, shape: [1], trainable: true, weights: [], options: {} };
  }),
  inputs: [0],
  outputs: [inputs.length - 1],
});

/** Graphs of up to eight uses, each of which takes some of those before it. */
const graphs = fc
  .array(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 3 }), { minLength: 1, maxLength: 8 })
  .map((list) => list.map((picks, at) => (at === 0 ? [] : [...new Set(picks.map((pick) => Math.floor(pick * at)))])));

/** All ways that end at a use, written out one by one. */
const waysTo = (inputs: readonly (readonly number[])[], at: number): number[][] => [
  [at],
  ...(inputs[at] ?? []).flatMap((from) => waysTo(inputs, from).map((way) => [...way, at])),
];
const sorted = (uses: Iterable<number>): number[] => [...uses].sort((a, b) => a - b);

describe('walks on the graph of uses', () => {
  it('find what ways that are written out one by one find', () => {
    fc.assert(
      fc.property(graphs, fc.nat(7), fc.nat(255), (inputs, pick, chosen) => {
        const start = pick % inputs.length;
        const counts = (at: number): boolean => (chosen >> at) % 2 === 1;
        const facts = factsOf(inputs, (at) => (counts(at) ? 'weights' : 'shape'));
        const ways = inputs.flatMap((_, at) => waysTo(inputs, at));
        const ends = (from: number): number[] => [
          ...new Set(ways.filter((way) => way[0] === from && way.length > 1).map((way) => way.at(-1) as number)),
        ];
        expect(sorted(allBehind(facts, [start]))).toEqual(sorted(ends(start)));
        expect(sorted(allBefore(facts, [start]))).toEqual(inputs.flatMap((_, at) => (ends(at).includes(start) ? [at] : [])));
        expect(sorted(headUses(facts))).toEqual(inputs.flatMap((_, at) => (ends(at).some(counts) ? [] : [at])));
        expect(longest(facts, counts)).toBe(Math.max(...ways.map((way) => way.filter(counts).length)));
      }),
    );
  });

  it('know who uses what, and stop where it goes two ways', () => {
    const facts = factsOf([[], [0], [1], [2], [2], [3, 4]]);
    const users = usersOf(facts);
    expect(users).toEqual([[1], [2], [3, 4], [5], [5], []]);
    expect([...behind(facts, users, 0)].map(({ at }) => at)).toEqual([1, 2]);
  });

  it('find what makes an output behind what only hands it on', () => {
    const roles: readonly Role[] = ['input', 'weights', 'noise', 'shape', 'merge', 'shape'];
    const facts = factsOf([[], [0], [1], [2], [3, 0], [4]], (at) => roles[at] ?? 'other');
    expect(ending(facts, 3)).toMatchObject({ at: 1, behind: [{ name: 'use_3' }, { name: 'use_2' }] });
    expect(ending(facts, 5)).toBeUndefined();
  });
});
