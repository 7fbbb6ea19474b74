import { flagOption, type OptionsOf, optionalWhole, readOptions } from '../../core/catalogue.js';
import { type LineFile, openLines } from '../../storage/lines.js';
import { traceLine } from '../../vitals/trace-file.js';
import type { Callback } from '../callbacks.js';
import { checkPath } from './options.js';

const rules = {
  /** Steps between observations; by default 400, the first steps more often. */
  every: optionalWhole(1),
  /** Whether each unit's mean pre-activation and the sizes of its activation and gradient are recorded too, a map of every layer; default false. */
  units: flagOption(false),
};

/**
 * Options of `traceFile`.
 * @useDeclaredType
 */
export type TraceFileOptions = OptionsOf<typeof rules>;

/**
 * Writes the vital signs of a run as JSON Lines, a header and then a record per line, while it goes on; `docs/trace-schema.md` says what they hold. Needs Node.
 * @throws ArgumentError on a wrong option; while training FileError if the file cannot be written, or in a page.
 */
export function traceFile(path: string, options: TraceFileOptions = {}): Callback {
  checkPath('traceFile', path);
  const { every, units } = readOptions('traceFile', rules, options);
  let file: LineFile | undefined;
  return {
    every: 'epoch',
    vitals: { ...(every === undefined ? {} : { every }), units },
    async onTraceBegin(header) {
      file = await openLines(path, { durable: false });
      await file.add(traceLine(header));
    },
    async onRecord(record) {
      await file?.add(traceLine(record));
    },
    async onTrainEnd() {
      await file?.close();
    },
  };
}
