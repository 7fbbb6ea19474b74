import { countOf } from '../core/count.js';
import type { Callback, Logs, TrainingControl } from './callbacks.js';

/** Where progress is written. */
export interface ProgressStream {
  write(text: string): unknown;
  /** A terminal can redraw its last line. */
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  /** Redraw a bar on terminals; else a line per epoch. */
  readonly bar: boolean;
  /** Default the process's standard error, so that results can be piped; the console in a page. */
  readonly stream?: ProgressStream;
  /** Milliseconds since some origin. */
  readonly clock: () => number;
}

const BAR_WIDTH = 24;
/** Milliseconds between redraws. */
const REDRAW = 80;

/** Keras-like progress: a bar with time left on a terminal, a plain line per epoch elsewhere. */
export function progressBar({ bar, stream = standardStream(), clock }: ProgressOptions): Callback {
  const live = bar && stream.isTTY === true;
  let began = 0;
  let drawn = Number.NEGATIVE_INFINITY;
  const seconds = (): number => (clock() - began) / 1000;
  return {
    onEpochBegin: (epoch, control) => {
      began = clock();
      drawn = Number.NEGATIVE_INFINITY;
      if (live) stream.write(`Epoch ${epoch + 1}/${control.epochs}\n`);
    },
    onProgress: (batches, logs, control) => {
      if (!live || (clock() - drawn < REDRAW && batches !== control.steps)) return;
      drawn = clock();
      stream.write(`\r\u001b[2K${cut(barLine(batches, seconds(), logs, control), stream.columns)}`);
    },
    onEpochEnd: (epoch, logs, control) => {
      const took = duration(seconds());
      if (live) stream.write(`\r\u001b[2K${cut(`${bars(1)} ${took} - ${values(logs)}`, stream.columns)}\n`);
      else stream.write(`Epoch ${epoch + 1}/${control.epochs} - ${took} - ${values(logs)}\n`);
    },
  };
}

function standardStream(): ProgressStream {
  return typeof process === 'object' && process.stderr ? process.stderr : { write: (text) => console.log(text.trimEnd()) };
}

function barLine(batches: number, seconds: number, logs: Logs, { steps }: TrainingControl): string {
  const each = seconds / batches;
  const pace = each >= 0.001 ? `${(each * 1000).toPrecision(3)} ms/step` : `${(each * 1e6).toPrecision(3)} µs/step`;
  if (steps === undefined) return `${countOf(batches, 'step')} ${duration(seconds)} ${pace} - ${values(logs)}`;
  return `${batches}/${steps} ${bars(batches / steps)} ${duration(each * (steps - batches))} left ${pace} - ${values(logs)}`;
}

function bars(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR_WIDTH);
  return `${'━'.repeat(full)}${'─'.repeat(BAR_WIDTH - full)}`;
}

function values(logs: Logs): string {
  return Object.entries(logs)
    .map(([name, value]) => `${name}: ${formatValue(value)}`)
    .join(' - ');
}

/** Four decimals, or scientific where those would hide the value. */
export function formatValue(value: number): string {
  return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(3) : value.toFixed(4);
}

/** `850ms`, `4.2s`, `3m20s`, `2h05m`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 60) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`;
}

/** Cut to the terminal's width, so that the line can be redrawn in place. */
function cut(line: string, columns = 80): string {
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
}
