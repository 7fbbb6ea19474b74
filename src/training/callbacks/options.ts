import type { Option } from '../../core/catalogue.js';
import { ArgumentError, show } from '../../core/errors.js';

/** A string that is not empty, or nothing. */
export function textOption<T extends string | undefined>(fallback: T): Option<T> {
  return { fallback, expected: 'a non-empty string', accepts: (value) => typeof value === 'string' && value !== '' };
}

/** A function. */
export function functionOption<T extends (...values: never[]) => unknown>(fallback: T): Option<T> {
  return { fallback, expected: 'a function', accepts: (value) => typeof value === 'function' };
}

/** The path as it was given. @throws ArgumentError if it is none. */
export function checkPath(owner: string, path: unknown): string {
  if (typeof path === 'string' && path !== '') return path;
  throw new ArgumentError(`${owner}: expected the path of a file, got ${show(path)}`, { argument: 'path', received: path });
}
