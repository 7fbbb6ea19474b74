import type { VitalsLevel } from './trace.js';

/** What is measured while training, and how often. */
export interface VitalsRequest {
  /** Steps between observations; the first step after a multiple of it is observed. */
  readonly every: number;
  /** Whether steps before the first multiple are observed too, farther and farther apart: 1, 2, 3, 5, 9, 17 … */
  readonly spaced: boolean;
  readonly level: VitalsLevel;
  /** Whether each unit's figures are taken too. */
  readonly units?: boolean;
}

/** Whether a step is observed. @param before steps taken before it. */
export function isObserved({ every, spaced }: Pick<VitalsRequest, 'every' | 'spaced'>, before: number): boolean {
  return before % every === 0 || (spaced && before < every && Number.isInteger(Math.log2(before)));
}

/** Steps up to the next one that is observed, that one included. @param before steps taken before them. */
export function stepsUntilObserved({ every, spaced }: Pick<VitalsRequest, 'every' | 'spaced'>, before: number): number {
  const multiple = Math.ceil(before / every) * every;
  const power = 2 ** Math.ceil(Math.log2(Math.max(before, 1)));
  return (spaced && before > 0 && power < every ? power : multiple) - before + 1;
}
