import { CommanderError, InvalidArgumentError } from 'commander';
import { ArgumentError, EvenkeelError, FileError } from '../core/errors.js';

/** Exit status of a run that failed. */
export const FAILED = 1;
/** Exit status of wrong usage. */
export const WRONG_USAGE = 2;
/** Exit status after Ctrl-C. */
export const INTERRUPTED = 130;

/** Results go to standard output, so that they can be piped. */
export function printResult(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress and notes go to standard error. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Says what went wrong and chooses the exit status. The stack is shown with `EVENKEEL_DEBUG=1`. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  const debug = Boolean(process.env.EVENKEEL_DEBUG);
  const message = error instanceof Error ? (debug ? (error.stack ?? error.message) : error.message) : String(error);
  printNote(`evenkeel: ${message}`);
  if (!debug && error instanceof Error && !(error instanceof EvenkeelError)) printNote('Set EVENKEEL_DEBUG=1 to see where.');
  return error instanceof ArgumentError || error instanceof UsageError ? WRONG_USAGE : FAILED;
}

/** Wrong usage found after the arguments were read: a file that is not there, a model that does not suit the data. */
export class UsageError extends FileError {}

/** Reads a whole number from `from` on. */
export function wholeNumber(from: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < from) throw new InvalidArgumentError(`expected a whole number ≥ ${from}.`);
    return value;
  };
}

/** Reads a finite number within bounds. */
export function numberBetween(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value <= high)) throw new InvalidArgumentError(`expected a number from ${low} to ${high}.`);
    return value;
  };
}
