import { describe, expect, it } from 'vitest';
import { ruleIds } from '#src/doctor/diagnose.js';
import { bodies, otherSets } from '../../ward/bodies.js';
import { otherSources } from '../../ward/data.js';
import { faults, oddities } from '../../ward/faults.js';
import { choices, closedSet, familyOf, mix, patientOf } from '../../ward/patients.js';

const patients = Array.from({ length: 3000 }, (_, seed) => patientOf(seed));
const shareOf = (is: (patient: (typeof patients)[number]) => boolean): number => patients.filter(is).length / patients.length;

/** Four standard errors of a share. */
const slack = (share: number): number => 4 * Math.sqrt((share * (1 - share)) / patients.length);

describe('the generator', () => {
  it('gives a seed the same patient again', () => {
    expect(patientOf(41)).toEqual(patients[41]);
    expect(new Set(patients.map((patient) => JSON.stringify({ ...patient, seed: 0 }))).size).toBeGreaterThan(0.99 * patients.length);
  });

  it('draws other sets where they are asked for, by the same mix, and hides none of them', () => {
    const names = new Set(Object.values(otherSets).flatMap((list) => list.map(([name]) => name)));
    expect([...names].sort()).toEqual(Object.keys(otherSources).sort());
    const others = patients.slice(0, 1000).map(({ seed }) => patientOf(seed, 'others'));
    expect(new Set(others.map(({ dataset }) => dataset))).toEqual(names);
    expect(others.every(({ half, fault }) => half === 'open' && fault !== 'tight-clip')).toBe(true);
    // Where half and task allow both, the same seed draws the same network but for its data.
    const same = others.filter(
      ({ kind, body, width }, i) => kind === patients[i]?.kind && body === patients[i]?.body && width === patients[i]?.width,
    );
    expect(same.length).toBeGreaterThan(800);
    for (const list of Object.values(otherSets)) expect(list.reduce((sum, [, weight]) => sum + weight, 0)).toBe(100);
  });

  it('is data alone', () => {
    for (const patient of patients.slice(0, 50)) expect(JSON.parse(JSON.stringify(patient))).toEqual(patient);
  });

  it('keeps to the stated mix', () => {
    expect(Object.values(mix).reduce((sum, share) => sum + share, 0)).toBe(100);
    // Faults that a half or a task does not allow are drawn anew with the whole patient, which takes at most a twentieth of them.
    for (const [kind, share] of Object.entries(mix)) {
      expect(Math.abs(shareOf((patient) => patient.kind === kind) - share / 100)).toBeLessThan(slack(share / 100) + 0.02);
    }
    const lists = [choices, ...Object.values(bodies).map(({ share, ...drawn }) => drawn)].flatMap((group) =>
      Object.values<readonly (readonly [unknown, number])[]>(group),
    );
    for (const list of lists) expect(list.reduce((sum, [, weight]) => sum + weight, 0)).toBe(100);
    expect(Object.values(bodies).reduce((sum, { share }) => sum + share, 0)).toBe(100);
    for (const [name, { share }] of Object.entries(bodies)) {
      expect(Math.abs(shareOf(({ body }) => body === name) - share / 100)).toBeLessThan(slack(share / 100) + 0.01);
    }
    for (const table of [faults, oddities]) {
      const dense = Object.values(table).filter(({ bodies: fits }) => fits?.includes('dense') ?? true);
      expect(dense.reduce((sum, { share }) => sum + share, 0)).toBe(100);
    }
  });

  it('draws every data set, fault and oddity', () => {
    for (const [name] of bodies.dense.dataset) expect(shareOf(({ dataset }) => dataset === name)).toBeGreaterThan(0.02);
    for (const name of Object.keys(faults)) expect(shareOf(({ fault }) => fault === name)).toBeGreaterThan(0.003);
    for (const name of Object.keys(oddities)) expect(shareOf(({ odd }) => odd === name)).toBeGreaterThan(0.0005);
  });

  it('names faults by rules that there are', () => {
    for (const { rules } of Object.values(faults)) expect(rules.filter((rule) => !ruleIds.includes(rule))).toEqual([]);
  });
});

describe('the halves', () => {
  it('share no family', () => {
    const halves = new Map<string, Set<string>>();
    for (const { family, half } of patients) halves.set(family, (halves.get(family) ?? new Set()).add(half));
    expect([...halves.values()].every((set) => set.size === 1)).toBe(true);
    for (const patient of patients) expect(familyOf(patient)).toBe(patient.family);
  });

  it('keep one data set and one kind of fault from the open one', () => {
    const open = patients.filter(({ half }) => half === 'open');
    expect(open.filter(({ dataset }) => dataset === closedSet)).toEqual([]);
    expect(open.filter(({ fault }) => fault === 'tight-clip')).toEqual([]);
    expect(patients.some(({ fault }) => fault === 'tight-clip')).toBe(true);
  });

  it('are both large, the closed one larger', () => {
    const closed = shareOf(({ half }) => half === 'closed');
    expect(closed).toBeGreaterThan(0.5);
    expect(closed).toBeLessThan(0.75);
  });
});
