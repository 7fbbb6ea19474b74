import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { requireSafetensorsPath } from '../storage/safetensors.js';
import { UsageError } from './print.js';

/** Files to be written at the end, by option. @throws UsageError if one could not be: its folder does not exist, or it is a folder itself. */
export function requireWritable(files: Readonly<Record<string, string | undefined>>): void {
  for (const [option, file] of Object.entries(files)) {
    if (file === undefined) continue;
    if (!existsSync(dirname(resolve(file)))) throw new UsageError(`--${option}: the folder of '${file}' does not exist`);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`--${option}: '${file}' is a folder; pass a file in it`);
  }
}

/** A model's file to be written at the end. @throws UsageError if its name is that of another kind of file. */
export function requireModelPath(out: string | undefined): void {
  try {
    requireSafetensorsPath(out ?? '');
  } catch (error) {
    throw new UsageError(`--out: ${(error as Error).message}`, { cause: error });
  }
}
