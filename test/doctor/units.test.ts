import { layers } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { examine, type Patient, severityOf } from './patients.js';

/** Two layers of ReLUs, so many per cent of whose units are born dead. */
const withDead = (first: number, second: number): Patient => ({
  hidden: () =>
    [first, second].map((dead) =>
      layers.dense(100, {
        activation: 'relu',
        kernelInitializer: 'heNormal',
        biasInitializer: () => Float64Array.from({ length: 100 }, (_, i) => (i < dead ? -50 : 0.5)),
      }),
    ),
});

describe('units born dead', () => {
  it.each<[first: number, second: number, expected: string | undefined]>([
    [10, 10, undefined],
    [60, 0, 'risk'],
    [60, 60, 'risk'],
    [90, 0, 'risk'],
    [97, 0, 'ill'],
    [80, 80, 'ill'],
  ])('%d and %d per cent of two layers', async (first, second, expected) => {
    expect(severityOf(await examine(withDead(first, second)), 'born-dead')).toBe(expected);
  });
});
