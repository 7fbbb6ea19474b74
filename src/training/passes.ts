import type { UnitStates } from '../vitals/trace.js';
import { type UnitState, writeRuns } from '../vitals/unit-states.js';
import type { VitalsLayout } from './observe.js';

/** Mean sums and biases of all units at one observed step: [2 · units]. */
interface UnitObservation {
  readonly step: number;
  readonly values: Float32Array;
}

/** Observations kept of one pass; every second one goes when there are more. */
const MOST = 64;

/** Instances that must have been observed before a unit that fired for none of them counts as in coma, unless every step was. */
const ENOUGH = 64;

/**
 * Follows the units from pass to pass: who is dead or in coma, since when, and what did it. Every step tells whether a unit fired that can die; comas
 * are judged by observed steps, of more than one pass where one has few of them.
 */
export class PassKeeper {
  readonly #layout: VitalsLayout;
  readonly #batchSize: number;
  #observations: UnitObservation[] = [];
  #before: UnitState[] | undefined;
  /** The first step by which comas will be judged next, and how many of those that follow were observed. */
  #since = 0;
  #looks = 0;

  constructor(layout: VitalsLayout, batchSize: number) {
    this.#layout = layout;
    this.#batchSize = batchSize;
  }

  observe(step: number, values: Float32Array): void {
    this.#looks++;
    this.#observations.push({ step, values });
    if (this.#observations.length > 2 * MOST) this.#observations = this.#observations.filter((_, i) => i % 2 === 1);
  }

  /** Ends a pass of the steps `firstStep` to `lastStep`. @param fired the last step at which each unit was seen to fire, 0 for never. */
  end(firstStep: number, lastStep: number, fired: Int32Array, watched: number): (UnitStates | null)[] {
    const { units, unitCount } = this.#layout;
    this.#since ||= firstStep;
    const judged = this.#looks * this.#batchSize >= ENOUGH || this.#looks === lastStep - this.#since + 1;
    const now = this.#before ? [...this.#before] : new Array<UnitState>(unitCount).fill('a');
    for (const { start, count, flat } of units) {
      if (!flat.dead && !judged) continue;
      const since = flat.dead ? firstStep : this.#since;
      for (let i = start; i < start + count; i++) now[i] = (fired[i] ?? 0) >= since ? 'a' : flat.dead ? 'd' : 'c';
    }
    if (judged) [this.#since, this.#looks] = [lastStep + 1, 0];
    const result = new Array<UnitStates | null>(watched).fill(null);
    for (const { index, start, count } of units) {
      const own = now.slice(start, start + count);
      const died = own.flatMap((state, i) => {
        const was = this.#before?.[start + i];
        if (state === 'a' || (was !== undefined && was !== 'a') || (was === undefined && (fired[start + i] ?? 0) === 0)) return [];
        const step = (fired[start + i] ?? 0) + 1;
        return [{ unit: i, step, by: this.#cause(start + i, step) }];
      });
      const woke = own.flatMap((state, i) => (state === 'a' && (this.#before?.[start + i] ?? 'a') !== 'a' ? [i] : []));
      result[index] = {
        states: writeRuns(own),
        dead: own.filter((state) => state === 'd').length,
        coma: own.filter((state) => state === 'c').length,
        ...(died.length > 0 ? { died } : {}),
        ...(woke.length > 0 ? { woke } : {}),
      };
    }
    this.#before = now;
    // The pass that begins may need what was seen last: a unit may have fired for the last time just before.
    this.#observations = this.#observations.slice(-MOST);
    return result;
  }

  /** What moved a unit's mean sum when it fell silent: its bias, or all else that its sum is made of. */
  #cause(unit: number, step: number): 'bias' | 'weights' | 'unknown' {
    const before = this.#observations.findLast((one) => one.step < step);
    const after = this.#observations.find((one) => one.step > step);
    if (!before || !after) return 'unknown';
    const { unitCount } = this.#layout;
    const change = (at: number): number => (after.values[at] ?? Number.NaN) - (before.values[at] ?? Number.NaN);
    const [whole, bias] = [change(unit), change(unitCount + unit)];
    if (Number.isNaN(whole) || Number.isNaN(bias)) return 'unknown';
    return Math.abs(bias) > Math.abs(whole - bias) ? 'bias' : 'weights';
  }
}
