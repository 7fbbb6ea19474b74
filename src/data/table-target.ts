import { DataError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { isMissing, isNumber, writtenNumber } from './cell.js';
import type { Dataset } from './dataset.js';
import { lookWritten, numeral, placeOf, readNumber, type Table } from './table.js';

/** What a target is: labels of classes, or numbers. */
export type Task = 'classification' | 'regression';

/** A target of whole numbers with more distinct values than this is a quantity, not a class. */
const MAX_CLASSES = 256;

/** @throws DataError naming the row of a target that is missing. */
function cellsOf(table: Table, column: number): string[] {
  const cells = table.rows.map((row) => row[column] ?? '');
  const gap = cells.findIndex(isMissing);
  if (gap >= 0) throw new DataError(`${placeOf(table, gap, column)}, the target, is missing (${show(cells[gap])}); drop the row`);
  return cells;
}

/** Cells that one class shares: text as it stands, numbers by value, so that 1 and 1.0 are one class. */
function keysOf(table: Table, column: number): { keys: string[]; numeric: boolean } {
  const cells = cellsOf(table, column);
  const numeric = cells.every((_, row) => isNumber(numeral(table, row, column)));
  return { keys: numeric ? cells.map((_, row) => String(readNumber(table, row, column))) : cells, numeric };
}

/**
 * The target in a column. Text, or whole numbers of at most 256 different values: int32 [rows], labels 0, 1, … in the order of
 * `classNames` (sorted); otherwise float32 [rows, 1]. `task` decides where it is given.
 * @throws DataError naming the row of a target that is missing, or no number where `task` is regression.
 */
export function readTarget(table: Table, column: number, task?: Task): Pick<Dataset, 'y' | 'classNames'> {
  const { keys, numeric } = keysOf(table, column);
  const distinct = [...new Set(keys)];
  const sample = task === undefined && !numeric ? writtenNumber(keys) : undefined;
  if (sample !== undefined) {
    throw new DataError(
      `${placeOf(table, keys.indexOf(sample), column)}, the target, holds ${show(sample)}, and nearly all of its values ${lookWritten(table)}, or, if they are classes, set the task to 'classification'`,
      { argument: 'target', received: sample, expected: 'a number' },
    );
  }
  // Beyond 2^53 no number has a fraction: that tells nothing of it.
  const quantity = numeric && (distinct.length > MAX_CLASSES || !distinct.every((key) => Number.isSafeInteger(Number(key))));
  if (task === undefined ? quantity : task === 'regression') {
    return {
      y: new NdArray(
        Float32Array.from(keys, (_, row) => readNumber(table, row, column)),
        [keys.length, 1],
      ),
    };
  }
  const classNames = numeric ? distinct.sort((a, b) => Number(a) - Number(b)) : distinct.sort();
  return { y: labelled(table, column, keys, classNames), classNames };
}

/** The target in a column as labels that number the classes of an earlier table. @throws DataError naming the row of another class. */
export function readLabels(table: Table, column: number, classNames: readonly string[]): NdArray {
  // What the fitted table held decides, not the rows at hand: of 01, 1 and x they may show numbers alone.
  const numeric = classNames.every(isNumber);
  const written = new Set(numeric ? [] : classNames);
  const keys = cellsOf(table, column).map((cell, row) =>
    !written.has(cell) && isNumber(numeral(table, row, column)) ? String(readNumber(table, row, column)) : cell,
  );
  return labelled(table, column, keys, classNames);
}

function labelled(table: Table, column: number, keys: readonly string[], classNames: readonly string[]): NdArray {
  const labels = new Map(classNames.map((key, label) => [key, label]));
  const unknown = keys.findIndex((key) => !labels.has(key));
  if (unknown >= 0) {
    const cell = table.rows[unknown]?.[column];
    throw new DataError(
      `${placeOf(table, unknown, column)} holds the class ${show(cell)}, which the model was not trained on; it knows ${classNames.join(', ')}`,
      { received: cell, expected: classNames },
    );
  }
  return new NdArray(Int32Array.from(keys, (key) => labels.get(key) ?? -1));
}
