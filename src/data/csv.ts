import { CsvError, parse } from 'csv-parse/browser/esm/sync';
import { ArgumentError, DataError, show } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import type { Dataset } from './dataset.js';

export interface CsvOptions {
  /** Name or index of the target's column; negative indices count from the back. The last column by default. */
  readonly target?: string | number;
  /** What stands between cells; `' '` means any run of spaces and tabs. Found among `,` `;` tab and spaces by default. */
  readonly delimiter?: string;
  /** Whether the first row names the columns. By default it does where it has text above columns of numbers. */
  readonly header?: boolean;
  /** What messages call the file. */
  readonly name?: string;
}

/** Rows from which delimiter and header are guessed. */
const SAMPLE = 20;

/** A target of whole numbers with more distinct values than this is a quantity, not a class. */
const MAX_CLASSES = 256;

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const MISSING = new Set(['', '?', 'na', 'n/a', 'nan', 'null', 'none']);

const isNumber = (cell: string): boolean => NUMBER.test(cell);
const isMissing = (cell: string): boolean => MISSING.has(cell.toLowerCase());

interface Table {
  readonly columns: readonly string[] | undefined;
  readonly rows: readonly (readonly string[])[];
  readonly name: string;
}

/** The separator that cuts all of the first lines into the same number of cells, the more the better. */
function guessDelimiter(text: string): string {
  const lines = text
    .slice(0, 100_000)
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/"[^"]*"/g, '').trim())
    .filter((line) => line !== '')
    .slice(0, SAMPLE);
  // The cut may have torn the last line.
  if (text.length > 100_000 && lines.length > 1 && lines.length < SAMPLE) lines.pop();
  const cells = (separator: string | RegExp): number => {
    const counts = new Set(lines.map((line) => line.split(separator).length));
    return counts.size === 1 ? ([...counts][0] ?? 1) : 1;
  };
  for (const delimiter of [',', ';', '\t']) if (cells(delimiter) > 1) return delimiter;
  if (cells(/[ \t]+/) > 1) return ' ';
  // No separator fits all lines: take the most frequent, and let the reader name the ragged line.
  const first = lines[0] ?? '';
  return [',', ';', '\t'].find((delimiter) => first.includes(delimiter)) ?? (/\s/.test(first) ? ' ' : ',');
}

function parseRows(text: string, delimiter: string, name: string): string[][] {
  if (delimiter === ' ') {
    const rows = text
      .split(/\r\n|\r|\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => line.split(/[ \t]+/).map((cell) => cell.replace(/^"(.*)"$/, '$1')));
    const width = rows[0]?.length;
    const ragged = rows.findIndex((row) => row.length !== width);
    if (ragged >= 0) throw new DataError(`${name}: row ${ragged + 1} has ${rows[ragged]?.length} cells, the first one has ${width}`);
    return rows;
  }
  try {
    return parse(text, { delimiter, trim: true, skip_empty_lines: true, record_delimiter: ['\r\n', '\n', '\r'] });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new DataError(`${name}: ${cause.message}. Is ${show(delimiter)} the delimiter, and is every quote closed?`, {}, { cause });
  }
}

/** A header stands where the first row has text, and no number, above every column of numbers. */
function guessHeader(rows: readonly (readonly string[])[]): boolean {
  const sample = rows.slice(1, 1 + SAMPLE);
  const numeric = (rows[0] ?? []).flatMap((top, column) => {
    const cells = sample.map((row) => row[column] ?? '').filter((cell) => !isMissing(cell));
    return cells.length > 0 && cells.filter(isNumber).length > cells.length / 2 ? [top] : [];
  });
  return numeric.length > 0 && numeric.every((top) => !isNumber(top) && !isMissing(top));
}

function readTable(input: string | Uint8Array, options: CsvOptions): Table {
  const name = options.name ?? 'CSV';
  const text = (typeof input === 'string' ? input : new TextDecoder().decode(input)).replace(/^\uFEFF/, '');
  if (options.delimiter === '') throw new ArgumentError('delimiter must be a character, got an empty text', { argument: 'delimiter', received: '' });
  const all = parseRows(text, options.delimiter ?? guessDelimiter(text), name);
  const header = options.header ?? guessHeader(all);
  const rows = header ? all.slice(1) : all;
  if (rows.length === 0) throw new DataError(`${name}: there is no row of data${header ? ' below the header' : ''}`);
  const columns = header ? all[0] : undefined;
  const repeated = columns?.find((column, i) => columns.indexOf(column) !== i);
  if (repeated !== undefined) throw new DataError(`${name}: two columns are named ${show(repeated)}; a name must be unique`);
  return { columns, rows, name };
}

function findTarget({ columns, rows, name }: Table, target: string | number): number {
  const count = rows[0]?.length ?? 0;
  if (typeof target === 'number') {
    const column = target < 0 ? count + target : target;
    if (Number.isInteger(target) && column >= 0 && column < count) return column;
    throw new ArgumentError(`${name}: target ${target} is not a column; the file has ${count}, counted from 0`, {
      argument: 'target',
      received: target,
    });
  }
  if (!columns) {
    throw new ArgumentError(`${name}: target ${show(target)} is a name, but the file has no header; give the column's index, or header: true`, {
      argument: 'target',
      received: target,
    });
  }
  const column = columns.indexOf(target);
  if (column < 0)
    throw new ArgumentError(`${name}: no column is named ${show(target)}${suggestion(target, columns)}`, { argument: 'target', received: target });
  return column;
}

/** "data.csv: row 3, column 'age'"; rows count from 1 below the header. */
function place({ columns, name }: Table, row: number, column: number): string {
  const title = columns?.[column];
  return `${name}: row ${row + 1}, column ${title === undefined ? column + 1 : show(title)}`;
}

function readNumber(table: Table, row: number, column: number): number {
  const cell = table.rows[row]?.[column] ?? '';
  const value = Number(cell);
  if (isNumber(cell) && Number.isFinite(Math.fround(value))) return value;
  const details = { argument: table.columns?.[column] ?? String(column), received: cell, expected: 'a number' };
  if (isMissing(cell)) throw new DataError(`${place(table, row, column)} is missing (${show(cell)}); fill the gap or leave the row out`, details);
  if (isNumber(cell)) throw new DataError(`${place(table, row, column)} holds ${cell}, more than a float32 can; scale the column`, details);
  throw new DataError(
    `${place(table, row, column)} holds ${show(cell)}, expected a number; leave the column out, or turn its texts into numbers`,
    details,
  );
}

/** All columns but the target's; all where `target` is -1. */
function readFeatures(table: Table, target: number): NdArray {
  const columns = table.rows[0]?.length ?? 0;
  const count = columns - (target < 0 ? 0 : 1);
  if (count === 0) {
    throw new DataError(`${table.name}: the target is the only column, so there are no features. Is the delimiter right?`, { argument: 'delimiter' });
  }
  const data = new Float32Array(table.rows.length * count);
  let next = 0;
  for (let row = 0; row < table.rows.length; row++) {
    for (let column = 0; column < columns; column++) if (column !== target) data[next++] = readNumber(table, row, column);
  }
  return new NdArray(data, [table.rows.length, count]);
}

function readTarget(table: Table, target: number): Pick<Dataset, 'y' | 'classNames'> {
  const cells = table.rows.map((row) => row[target] ?? '');
  const gap = cells.findIndex(isMissing);
  if (gap >= 0) throw new DataError(`${place(table, gap, target)}, the target, is missing (${show(cells[gap])}); leave the row out`);
  const numeric = cells.every(isNumber);
  // Numbers are told apart by value, so that 1 and 1.0 are one class.
  const keys = numeric ? cells.map((_, row) => String(readNumber(table, row, target))) : cells;
  const distinct = [...new Set(keys)];
  if (numeric && (distinct.length > MAX_CLASSES || !distinct.every((key) => Number.isInteger(Number(key))))) {
    return { y: new NdArray(Float32Array.from(keys, Number), [keys.length, 1]) };
  }
  const classNames = numeric ? distinct.sort((a, b) => Number(a) - Number(b)) : distinct.sort();
  const labels = new Map(classNames.map((key, label) => [key, label]));
  return { y: new NdArray(Int32Array.from(keys, (key) => labels.get(key) ?? -1)), classNames };
}

/**
 * Reads a table of numbers with a target. x is float32 [rows, features]. Where the target is text, or whole numbers of at most 256
 * different values, y is int32 [rows], its labels 0, 1, … in the order of `classNames` (sorted); otherwise y is float32 [rows, 1].
 * @throws DataError naming row and column of a cell that is missing or no number, for ragged rows and empty files.
 * @throws ArgumentError where the target does not exist, with the nearest column.
 */
export function readCsv(input: string | Uint8Array, options: CsvOptions = {}): Dataset {
  const table = readTable(input, options);
  const target = findTarget(table, options.target ?? -1);
  const featureNames = table.columns?.filter((_, column) => column !== target);
  return { x: readFeatures(table, target), ...readTarget(table, target), ...(featureNames ? { featureNames } : {}) };
}

/**
 * Reads a table for a model that takes `width` features: float32 [rows, width]. All columns are features where there are that many;
 * one column more is the target (the last unless `options` name it), which is left out and may hold anything.
 * @throws DataError where the columns are another number, and as `readCsv` does.
 */
export function readCsvFeatures(input: string | Uint8Array, width: number, options: CsvOptions = {}): Pick<Dataset, 'x' | 'featureNames'> {
  const table = readTable(input, options);
  const columns = table.rows[0]?.length ?? 0;
  if (columns !== width && columns !== width + 1) {
    throw new DataError(`${table.name}: ${columns} columns, expected the ${width} features of the model, or ${width + 1} with the target`, {
      received: columns,
      expected: width,
    });
  }
  const target = columns === width ? -1 : findTarget(table, options.target ?? -1);
  const featureNames = table.columns?.filter((_, column) => column !== target);
  return { x: readFeatures(table, target), ...(featureNames ? { featureNames } : {}) };
}
