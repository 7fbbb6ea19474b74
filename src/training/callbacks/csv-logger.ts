import { parse } from 'csv-parse/browser/esm/sync';
import { flagOption, type OptionsOf, readOptions } from '../../core/catalogue.js';
import { FileError } from '../../core/errors.js';
import { ended, suggestion } from '../../core/names.js';
import { type LineFile, openLines } from '../../storage/lines.js';
import type { Callback } from '../callbacks.js';
import { checkPath, textOption } from './options.js';

const rules = {
  /** Column separator; default ','. */
  separator: textOption<string>(','),
  /** Append to an existing file with the same columns; default false: overwrite it. */
  append: flagOption(false),
};

/**
 * Options of `csvLogger`.
 * @useDeclaredType
 */
export type CsvLoggerOptions = OptionsOf<typeof rules>;

/**
 * Writes a line per epoch: `epoch` (from 0), then the values in the order of their names. Each line is on the disk when the next epoch
 * begins; a line that a killed process tore is cut off when the file goes on. Needs Node.
 * @throws ArgumentError on a wrong option; while training FileError if the file cannot be written, has other columns, or in a page.
 */
export function csvLogger(path: string, options: CsvLoggerOptions = {}): Callback {
  checkPath('csvLogger', path);
  const { separator, append } = readOptions('csvLogger', rules, options);
  let file: LineFile | undefined;
  let columns: readonly string[] | undefined;
  return {
    async onTrainBegin() {
      file = await openLines(path, { append });
      columns = columnsOf(file.lines[0] ?? '', path, separator);
    },
    async onEpochEnd(epoch, logs) {
      if (!columns) {
        columns = ['epoch', ...Object.keys(logs).sort()];
        await file?.add(columns.map((name) => quote(name, separator)).join(separator));
      }
      const values: Readonly<Record<string, number>> = { epoch, ...logs };
      for (const name of Object.keys(values)) {
        if (columns.includes(name)) continue;
        throw new FileError(
          `${ended(`csvLogger: '${path}' has no column '${name}'${suggestion(name, columns)}`)} Log to a new file, or remove append`,
          {
            argument: 'path',
            received: name,
            expected: columns,
          },
        );
      }
      await file?.add(columns.map((name) => values[name] ?? 'NA').join(separator));
    },
    async onTrainEnd() {
      await file?.close();
    },
  };
}

/** The columns of the file that goes on; undefined where it begins. @throws FileError */
function columnsOf(line: string, path: string, separator: string): readonly string[] | undefined {
  try {
    return parse(line, { delimiter: separator })[0];
  } catch (cause) {
    throw new FileError(
      `csvLogger: the first line of '${path}' names no columns: ${(cause as Error).message}. Log to a new file, or leave out append`,
      {},
      { cause },
    );
  }
}

/** A name as it stands in a row of columns. */
function quote(name: string, separator: string): string {
  return name.includes(separator) || /["\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
