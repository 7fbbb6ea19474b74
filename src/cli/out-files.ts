import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from './print.js';

/** Files to be written at the end, by option. @throws UsageError where one could not be: its folder does not exist, or it is a folder itself. */
export function requireWritable(files: Readonly<Record<string, string | undefined>>): void {
  for (const [option, file] of Object.entries(files)) {
    if (file === undefined) continue;
    if (!existsSync(dirname(resolve(file)))) throw new UsageError(`--${option}: the folder of '${file}' does not exist`);
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`--${option}: '${file}' is a folder; name a file in it`);
  }
}
