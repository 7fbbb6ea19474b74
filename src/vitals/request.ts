import type { VitalsLevel } from './trace.js';

/** What is measured while training, and how often. */
export interface VitalsRequest {
  /** Steps between observations: multiples of it are observed, and the first step. */
  readonly every: number;
  /** Whether steps before the first multiple are observed too, farther and farther apart: 2, 4, 8, 16 … */
  readonly spaced: boolean;
  readonly level: VitalsLevel;
  /** Whether each unit's figures are taken too. */
  readonly units?: boolean;
}

/** Whether a step is observed. @param before steps taken before it. @param start steps taken before the fit that it is part of. */
export function isObserved(request: Pick<VitalsRequest, 'every' | 'spaced'>, before: number, start = 0): boolean {
  return stepsUntilObserved(request, before, start) === 1;
}

/** Steps up to the next one that is observed, that one included. @param before steps taken before them. @param start steps taken before the fit. */
export function stepsUntilObserved({ every, spaced }: Pick<VitalsRequest, 'every' | 'spaced'>, before: number, start = 0): number {
  if (before === start) return 1;
  const power = 2 ** Math.floor(Math.log2(before) + 1);
  if (spaced && power < every) return power - before;
  return every - (before % every);
}
