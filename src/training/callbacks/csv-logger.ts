import { flagOption, type OptionsOf, readOptions } from '../../core/catalogue.js';
import { FileError } from '../../core/errors.js';
import { suggestion } from '../../core/names.js';
import { type LineFile, openLines } from '../../storage/lines.js';
import type { Callback } from '../callbacks.js';
import { checkPath, textOption } from './options.js';

const rules = {
  /** Between the columns; default ','. */
  separator: textOption<string>(','),
  /** Goes on with the file that is there, its columns included; default false: it is overwritten. */
  append: flagOption(false),
};

/**
 * What `csvLogger` takes.
 * @useDeclaredType
 */
export type CsvLoggerOptions = OptionsOf<typeof rules>;

/**
 * Writes a line per epoch: `epoch` (from 0), then the values in the order of their names. Each line is on the disk when the next epoch
 * begins; a line that a killed process tore is cut off when the file goes on. Needs Node.
 * @throws ArgumentError on a wrong option; while training FileError where the file cannot be written, has other columns, or in a page.
 */
export function csvLogger(path: string, options: CsvLoggerOptions = {}): Callback {
  checkPath('csvLogger', path);
  const { separator, append } = readOptions('csvLogger', rules, options);
  let file: LineFile | undefined;
  let columns: readonly string[] | undefined;
  return {
    async onTrainBegin() {
      file = await openLines(path, { append });
      columns = file.lines[0]?.split(separator);
    },
    async onEpochEnd(epoch, logs) {
      if (!columns) {
        columns = ['epoch', ...Object.keys(logs).sort()];
        await file?.add(columns.join(separator));
      }
      const values: Readonly<Record<string, number>> = { epoch, ...logs };
      for (const name of Object.keys(values)) {
        if (columns.includes(name)) continue;
        throw new FileError(`csvLogger: '${path}' has no column '${name}'${suggestion(name, columns)}. Log to a new file, or leave out append`, {
          argument: 'path',
          received: name,
          expected: columns,
        });
      }
      await file?.add(columns.map((name) => values[name] ?? 'NA').join(separator));
    },
  };
}
