import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { requireSafetensorsPath } from '../storage/safetensors.js';
import { UsageError } from './print.js';

type Named = Readonly<Record<string, string | undefined>>;

/**
 * Files to be written, by option.
 * @param inputs files that are read, by what they are: they are not to be lost.
 * @throws UsageError if one could not be written (its folder does not exist, or it is a folder itself), or would replace an input or another output.
 */
export function requireWritable(files: Named, inputs: Named = {}): void {
  const taken = new Map<string, string>();
  for (const [what, file] of Object.entries(inputs)) if (file !== undefined && isFile(file)) taken.set(realpathSync(file), what);
  for (const [option, file] of Object.entries(files)) {
    if (file === undefined) continue;
    const folder = dirname(resolve(file));
    if (!existsSync(folder)) throw new UsageError(`--${option}: the folder of '${file}' does not exist`);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`--${option}: '${file}' is a folder; name a file in it`);
    // Nothing is lost in a pipe or a device.
    if (existsSync(file) && !isFile(file)) continue;
    const end = existsSync(file) ? realpathSync(file) : join(realpathSync(folder), basename(file));
    const other = taken.get(end);
    if (other !== undefined) throw new UsageError(`--${option}: '${file}' is the file of ${other} as well, which would be lost; name another file`);
    taken.set(end, `--${option}`);
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** A model file to be written at the end. @throws UsageError if its name is that of another kind of file. */
export function requireModelPath(out: string | undefined): void {
  try {
    requireSafetensorsPath(out ?? '');
  } catch (error) {
    throw new UsageError(`--out: ${(error as Error).message}`, { cause: error });
  }
}
