import { flagOption, type OptionsOf, readOptions } from '../../core/catalogue.js';
import { type LineFile, openLines } from '../../storage/lines.js';
import type { Callback } from '../callbacks.js';
import { checkPath } from './options.js';

const rules = {
  /** Append to an existing file; default false: overwrite it. */
  append: flagOption(false),
};

/**
 * Options of `jsonlLogger`.
 * @useDeclaredType
 */
export type JsonlLoggerOptions = OptionsOf<typeof rules>;

/**
 * Writes a JSON object per epoch: `epoch` (from 0), `step` (optimizer steps so far), then the values; null where one is not finite.
 * Each line is on the disk when the next epoch begins; a line that a killed process tore is cut off when the file goes on. Needs Node.
 * @throws ArgumentError on a wrong option; while training FileError if the file cannot be written, or in a page.
 */
export function jsonlLogger(path: string, options: JsonlLoggerOptions = {}): Callback {
  checkPath('jsonlLogger', path);
  const { append } = readOptions('jsonlLogger', rules, options);
  let file: LineFile | undefined;
  return {
    async onTrainBegin() {
      file = await openLines(path, { append });
    },
    async onEpochEnd(epoch, logs, control) {
      await file?.add(JSON.stringify({ epoch, step: control.step, ...logs }));
    },
    async onTrainEnd() {
      await file?.close();
    },
  };
}
