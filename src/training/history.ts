import type { NonFiniteError } from '../core/errors.js';
import type { Trace } from '../vitals/trace.js';
import type { Logs } from './callbacks.js';

/** Record of a fit, epoch by epoch. */
export class History {
  /** Index of each epoch. */
  readonly epoch: number[] = [];
  /** Values per epoch by name: `loss`, `accuracy`, `val_loss` … */
  readonly history: Record<string, number[]> = {};
  /** Optimizer steps taken in this fit. */
  steps = 0;
  /** Wall time of this fit in seconds. */
  seconds = 0;
  /** The error that ended the fit, with its place, if `terminateOnNaN` caught it; the interrupted epoch is not in the history. */
  failure: NonFiniteError | undefined;
  /** Vital signs, if a callback requested any. */
  trace: Trace | undefined;

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

/**
 * One thing that a step reports: the mean over its rows, or `width` sums, from whose totals `result` makes the value (several are numbered). Sums are
 * added up unless `combine` says how those of two parts are taken together.
 */
export interface LogEntry {
  readonly name: string;
  readonly width: number;
  readonly combine?: ((sums: readonly number[], more: readonly number[]) => number[]) | undefined;
  readonly result?: (sums: number[]) => number | readonly number[];
}

/** Means over the rows seen so far of an epoch, and what follows from sums over them. */
export class RunningMeans {
  readonly #entries: readonly LogEntry[];
  readonly #starts: readonly number[];
  readonly #sums: number[];
  /** For each sum, whether it is one of means: those count by rows. */
  readonly #means: readonly boolean[];
  /** Entries that take sums together by themselves, with their places; and for each sum, whether it is of one of them. */
  readonly #joint: readonly { readonly start: number; readonly width: number; readonly combine: NonNullable<LogEntry['combine']> }[];
  readonly #combined: readonly boolean[];
  readonly #penalized: boolean;
  #rows = 0;

  /** @param penalized whether batches tell, behind the entries, what is added to their loss. */
  constructor(entries: readonly LogEntry[], penalized = false) {
    let width = 0;
    this.#entries = entries;
    this.#starts = entries.map((entry) => {
      width += entry.width;
      return width - entry.width;
    });
    this.#penalized = penalized;
    this.#means = [...entries.flatMap(({ width, result }) => new Array<boolean>(width).fill(result === undefined)), ...(penalized ? [true] : [])];
    this.#joint = entries.flatMap(({ width, combine }, i) => (combine ? [{ start: this.#starts[i] ?? 0, width, combine }] : []));
    this.#combined = entries.flatMap(({ width, combine }) => new Array<boolean>(width).fill(combine !== undefined));
    this.#sums = new Array<number>(this.#means.length).fill(0);
  }

  /** Adds what one batch of `rows` rows reports, in the order of the entries, from `offset` of `values`. */
  add(values: ArrayLike<number>, offset: number, rows: number): void {
    for (let i = 0; i < this.#sums.length; i++) {
      if (!this.#combined[i]) this.#sums[i] = (this.#sums[i] ?? 0) + (values[offset + i] ?? Number.NaN) * (this.#means[i] ? rows : 1);
    }
    for (const { start, width, combine } of this.#joint) {
      const more = Array.from({ length: width }, (_, k) => values[offset + start + k] ?? Number.NaN);
      this.#sums.splice(start, width, ...combine(this.#sums.slice(start, start + width), more));
    }
    this.#rows += rows;
  }

  logs(prefix = ''): Logs {
    const named = this.#entries.flatMap(({ name, width, result }, i): [string, number][] => {
      const start = this.#starts[i] ?? 0;
      const value = result ? result(this.#sums.slice(start, start + width)) : (this.#sums[start] ?? 0) / this.#rows;
      return typeof value === 'number' ? [[`${prefix}${name}`, value]] : value.map((one, k) => [`${prefix}${name}_${k}`, one]);
    });
    return Object.fromEntries(named);
  }

  /** What is added to the loss, by the loss's name; nothing where batches do not tell. */
  penalties(prefix = ''): Logs {
    return this.#penalized ? { [`${prefix}loss`]: (this.#sums.at(-1) ?? Number.NaN) / this.#rows } : {};
  }
}
