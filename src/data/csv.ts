import { countOf } from '../core/count.js';
import { DataError } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import type { Dataset } from './dataset.js';
import { findColumn, parseTable, readNumber, type Table } from './table.js';
import { checkTableOptions, type TableFitOptions, TableReader } from './table-reader.js';

/** The numbers of all columns but those `without`. */
function readFeatures(table: Table, without: ReadonlySet<number>): NdArray {
  const columns = table.rows[0]?.length ?? 0;
  const count = columns - without.size;
  if (count === 0) {
    throw new DataError(`${table.name}: the target is the only column, so there are no features. Is the delimiter correct?`, {
      argument: 'delimiter',
    });
  }
  const data = new Float32Array(table.rows.length * count);
  let next = 0;
  for (let row = 0; row < table.rows.length; row++) {
    for (let column = 0; column < columns; column++) if (!without.has(column)) data[next++] = readNumber(table, row, column);
  }
  return new NdArray(data, [table.rows.length, count]);
}

/** A table as a data set, with the reader for other tables of the same kind. */
export interface TableDataset extends Dataset {
  readonly reader: TableReader;
}

/**
 * Reads a table with a target. x is float32 [rows, features]: numbers with their gaps filled, and a flag for each text of a text column. Where the
 * target is text, or whole numbers of at most 256 different values, y is int32 [rows], its labels 0, 1, … in the order of `classNames` (sorted);
 * otherwise y is float32 [rows, 1]. `reader` reads other tables in the same way.
 * @throws DataError, ArgumentError as `TableReader.fit` does.
 */
export function readCsv(input: string | Uint8Array, options: TableFitOptions = {}): TableDataset {
  checkTableOptions('readCsv', options);
  const table = parseTable(input, options, { columnNames: typeof options.target === 'string' ? [options.target] : [] });
  const reader = TableReader.fit(table, options);
  return { ...reader.read(table), reader };
}

/**
 * The numbers of a table for a model that takes `width` features, of which no reader is known: float32 [rows, width]. All columns are features where there are that many;
 * one column more is the target (the last unless `options` name it), which is left out and may hold anything, as do those `without`.
 * @throws DataError if the columns are another number, or a cell holds no number; ArgumentError for a target that does not exist.
 */
export function tableFeatures(
  table: Table,
  width: number,
  options: { readonly target?: string | number; readonly without?: readonly number[] } = {},
): Pick<Dataset, 'x' | 'featureNames'> {
  const without = new Set(options.without);
  const columns = (table.rows[0]?.length ?? 0) - without.size;
  if (columns !== width && columns !== width + 1) {
    throw new DataError(
      `${table.name}: ${countOf(columns, 'column')}, expected the ${countOf(width, 'feature')} of the model, or ${width + 1} with the target; remove the columns that are not features`,
      {
        received: columns,
        expected: width,
      },
    );
  }
  if (columns > width) without.add(findColumn(table, options.target ?? -1, 'target'));
  const featureNames = table.columns?.filter((_, column) => !without.has(column));
  return { x: readFeatures(table, without), ...(featureNames ? { featureNames } : {}) };
}
