import { ArgumentError } from '../core/errors.js';
import { checkOptionNames } from '../core/expect.js';
import type { NdArray } from '../core/ndarray.js';
import { type FileSystem, writeAtomically } from '../storage/files.js';
import { encodeSafetensors, requireSafetensorsPath } from '../storage/safetensors.js';
import { type Describable, toConfig } from './config.js';

/** What the metadata of a model's file say it is. */
export const FORMAT = 'evenkeel';
/** Metadata of a file: what it is, the description, the normalization layers that know their data, and what the user noted. */
export const KEYS = { format: 'format', model: 'model', adapted: 'adapted' } as const;

/** What is needed of a model to save it. */
export interface Savable extends Describable {
  /** Names of layers that know their data. */
  readonly adapted: ReadonlySet<string>;
  getState(): Promise<Map<string, NdArray>>;
}

export interface SaveOptions {
  /** Text to store with the model, by name: class names, a date … */
  readonly notes?: Readonly<Record<string, string>>;
  readonly fs?: FileSystem;
}

/**
 * The whole model as the bytes of one `.safetensors` file: weights, optimizer slots, step counter, and its description in the metadata.
 * @throws ArgumentError if a layer's own `config()` holds what JSON cannot, or a note takes a name that the file needs.
 */
export async function encodeModel(model: Savable, notes: Readonly<Record<string, string>> = {}): Promise<Uint8Array> {
  const taken = Object.keys(notes).find((name) => Object.values<string>(KEYS).includes(name));
  if (taken !== undefined) throw new ArgumentError(`a note cannot be named '${taken}'; the file format reserves that name`, { argument: 'notes' });
  const config = toConfig(model);
  const adapted = [...model.adapted];
  const metadata = { ...notes, [KEYS.format]: FORMAT, [KEYS.model]: JSON.stringify(config), [KEYS.adapted]: JSON.stringify(adapted) };
  return encodeSafetensors(Object.fromEntries(await model.getState()), metadata);
}

/**
 * Saves the whole model in one `.safetensors` file; a file that was there stays whole until the new one is.
 * @throws FileError if it cannot be written; ArgumentError if the model cannot be described, or the path ends in anything but .safetensors.
 */
export async function saveModel(model: Savable, path: string, options: SaveOptions = {}): Promise<void> {
  checkOptionNames('save', options, ['notes', 'fs']);
  const { notes, fs } = options;
  requireSafetensorsPath(path);
  await writeAtomically(path, await encodeModel(model, notes), fs ? { fs } : {});
}
