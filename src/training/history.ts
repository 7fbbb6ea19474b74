import type { NonFiniteError } from '../core/errors.js';
import type { Logs } from './callbacks.js';

/** What a fit did, epoch by epoch. */
export class History {
  /** Index of each epoch. */
  readonly epoch: number[] = [];
  /** Values per epoch by name: `loss`, `accuracy`, `val_loss` … */
  readonly history: Record<string, number[]> = {};
  /** Optimizer steps taken in this fit. */
  steps = 0;
  /** Wall time of this fit in seconds. */
  seconds = 0;
  /** What ended the fit, with its place, where `terminateOnNaN` turned it into a stop; the epoch that it broke is not in the history. */
  failure: NonFiniteError | undefined;

  add(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      const values = this.history[name] ?? [];
      values.push(value);
      this.history[name] = values;
    }
  }

  /** Values of the last epoch. */
  get last(): Logs {
    return Object.fromEntries(Object.entries(this.history).map(([name, values]) => [name, values[values.length - 1] ?? Number.NaN]));
  }
}

/** Means over the rows seen so far of an epoch. */
export class RunningMeans {
  readonly #names: readonly string[];
  readonly #sums: number[];
  #rows = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#sums = names.map(() => 0);
  }

  /** Adds the means of one batch of `rows` rows, in the order of the names, from `offset` of `values`. */
  add(values: ArrayLike<number>, offset: number, rows: number): void {
    for (let i = 0; i < this.#sums.length; i++) this.#sums[i] = (this.#sums[i] ?? 0) + (values[offset + i] ?? Number.NaN) * rows;
    this.#rows += rows;
  }

  logs(prefix = ''): Logs {
    return Object.fromEntries(this.#names.map((name, i) => [`${prefix}${name}`, (this.#sums[i] ?? 0) / this.#rows]));
  }
}
