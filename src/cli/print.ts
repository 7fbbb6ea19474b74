import { inspect } from 'node:util';
import { CommanderError, InvalidArgumentError } from 'commander';
import { AbortError, EvenkeelError } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import { formatValue } from '../training/progress.js';
import { inUserWords, placeInUserCode } from './user-code.js';

/** Exit status of a run that failed. */
const FAILED = 1;
/** Exit status of wrong usage. */
const WRONG_USAGE = 2;
/** Exit status after Ctrl-C. */
export const INTERRUPTED = 130;

/** Wrong usage found after the arguments were read: a file that is not there, options that do not go together. */
export class UsageError extends Error {}

/** Results go to standard output, so that they can be piped. */
export function printResult(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Progress and notes go to standard error. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What an output shows: colours on a terminal, unless the reader wants none (https://no-color.org); characters in a line. */
export function looksOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: Readonly<Record<string, string | undefined>>,
): { readonly colour: boolean; readonly width: number } {
  const { NO_COLOR = '', TERM } = environment;
  return { colour: stream.isTTY === true && NO_COLOR === '' && TERM !== 'dumb', width: stream.columns ?? 80 };
}

/** `accuracy 0.8712, loss 0.3612`. */
export function showValues(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${formatValue(value)}`)
    .join(', ');
}

/** Says what went wrong, and where in a module of the user's own, and chooses the exit status; the stack is for those who ask. */
export function reportError(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
  const place = placeInUserCode(error);
  const message = error instanceof Error ? error.message : String(error);
  // Errors that are not ours say little without their kind: "ReferenceError: x is not defined".
  const told = place === undefined ? message : `${place}: ${error instanceof EvenkeelError || error instanceof UsageError ? message : error}`;
  printNote(`evenkeel: ${debug ? inspect(error) : inUserWords(told)}`);
  if (error instanceof AbortError) return INTERRUPTED;
  return error instanceof UsageError ? WRONG_USAGE : FAILED;
}

/** Reads a whole number from `from` on. */
export function wholeNumber(from: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < from) throw new InvalidArgumentError(`Expected a whole number ≥ ${from}.`);
    return value;
  };
}

/** Reads a number from `low` to below `high`. */
export function numberBelow(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= low && value < high)) throw new InvalidArgumentError(`Expected a number from ${low} to below ${high}.`);
    return value;
  };
}

/** Reads a name that `make` knows how to turn into something. */
export function nameFor(make: (name: string) => unknown): (text: string) => string {
  return (text) => {
    try {
      make(text);
      return text;
    } catch (error) {
      const { message = '' } = error instanceof Error ? error : {};
      throw new InvalidArgumentError(`It is an ${message}${message.endsWith('?') ? '' : '.'}`);
    }
  };
}

/** Reads lengths such as 28,28. */
export function lengths(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(1)(part.trim()));
}

/** "there is no 'glyph'; did you mean 'glyphs'?" */
export function missing(path: string, known: readonly string[]): string {
  return `there is no '${path}'${known.length > 0 ? suggestion(path, known) : ''}`;
}
