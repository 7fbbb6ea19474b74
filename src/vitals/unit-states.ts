/** What became of a unit: alive, in coma, dead. */
export type UnitState = 'a' | 'c' | 'd';

/** Units beside each other in one state. */
export type UnitRun = readonly [state: UnitState, count: number];

/** States as runs: `aaad` is `a3d1`. */
export function writeRuns(states: readonly UnitState[]): string {
  const runs: string[] = [];
  for (let i = 0; i < states.length; ) {
    let end = i + 1;
    while (states[end] === states[i]) end++;
    runs.push(`${states[i]}${end - i}`);
    i = end;
  }
  return runs.join('');
}

/** Runs from what `writeRuns` gives; a letter without a count is one unit. */
export function readRuns(text: string): UnitRun[] {
  return [...text.matchAll(/([acd])(\d*)/g)].map(([, state, count]) => [state as UnitState, count === '' ? 1 : Number(count)]);
}
