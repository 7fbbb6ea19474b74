import { plainView } from './dtype.js';
import { ArgumentError, show } from './errors.js';
import { suggestion } from './names.js';

/** Refuses an argument that is of another kind than a function takes. @param expected completes "expected …": what is taken, and where it comes from. */
export function refuse(owner: string, argument: string, expected: string, received: unknown): never {
  throw new ArgumentError(`${owner}: expected ${expected}, got ${show(received)}`, { argument, received, expected });
}

/** What is made; undefined where an argument of it is refused. */
export function unlessRefused<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

/** Whether it is a plain kind of object: no array, nested or typed. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** @throws ArgumentError if options is not an object, or an option is unknown; the message suggests the nearest known name. */
export function checkOptionNames(owner: string, options: unknown, known: readonly string[]): void {
  if (!isRecord(options)) throw new ArgumentError(`${owner}: options must be an object, got ${show(options)}`, { argument: 'options' });
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new ArgumentError(`${owner}: unknown option '${key}'${suggestion(key, known)}`, { argument: key, received: key });
  }
}

/** @throws ArgumentError if a number that is given is not whole, or below the least. */
export function checkWhole(owner: string, argument: string, value: number | undefined, least = 1): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw new ArgumentError(`${owner}: ${argument} must be a whole number ≥ ${least}, got ${show(value)}`, { argument, received: value });
}

/** @throws ArgumentError if one or more words, as options list them, are no list. */
export function checkList(owner: string, argument: string, given: unknown): void {
  if (given === undefined || Array.isArray(given)) return;
  const example = typeof given === 'string' ? `, such as [${show(given)}]` : '';
  throw new ArgumentError(`${owner}: ${argument} must be a list${example}, got ${show(given)}`, { argument, received: given });
}

/** The bytes of a file, as a plain array over the same memory. @throws ArgumentError if what is to be read is no file's bytes. */
export function checkBytes(owner: string, bytes: unknown): Uint8Array {
  if (bytes instanceof Uint8Array) return plainView(bytes);
  refuse(owner, 'bytes', 'the bytes of a file as a Uint8Array, for example from await readFile(path) (node:fs/promises)', bytes);
}
