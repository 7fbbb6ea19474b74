import { CsvError, parse } from 'csv-parse/browser/esm/sync';
import { countOf } from '../core/count.js';
import { ArgumentError, DataError, show } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import { isDecimalComma, isMissing, isNumber, isWrittenNumber } from './cell.js';
import { type Decimals, decimalsOf, isUnclear } from './decimals.js';
import { gunzip, isGzip } from './gzip.js';
import { decodeText } from './text.js';

export interface TableOptions {
  /** Separator between cells; `' '` means any run of spaces and tabs. Found among `,` `;` tab and spaces by default. */
  readonly delimiter?: string;
  /** Whether the first row names the columns. By default it does where it has text above columns of numbers; an empty cell names none: `unnamed 0`, by its place. */
  readonly header?: boolean;
  /** Name of the file in messages. */
  readonly name?: string;
}

/** Rows of text cells, all of the same length, with the names of their columns where there are any. */
export interface Table {
  readonly columns: readonly string[] | undefined;
  readonly rows: readonly (readonly string[])[];
  readonly name: string;
  /** How its numbers are written, where not all with points. */
  readonly decimals?: Decimals;
}

/** What is known of a table before it is read. */
export interface Known {
  /** A first row that holds all of them is a header, whatever stands below it. */
  readonly columnNames: readonly string[];
  /** Whether an earlier table like it had decimal commas. */
  readonly decimalCommas?: boolean;
  /** How many columns that had. */
  readonly width?: number;
}

/** Rows from which delimiter and header are guessed. */
const SAMPLE = 20;

/** Stands for what is quoted, in which nothing separates. */
const QUOTED = '""';

/** The separator that cuts all of the first lines into the same number of cells, the more the better. */
function guessDelimiter(text: string, { decimalCommas = false, width = 1 }: Known): string {
  const whole = text
    .slice(0, 100_000)
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/"[^"]*"/g, QUOTED))
    .filter((line) => line.trim() !== '')
    .slice(0, SAMPLE);
  // The cut may have torn the last line.
  if (text.length > 100_000 && whole.length > 1 && whole.length < SAMPLE) whole.pop();
  const lines = whole.map((line) => line.trim());
  // A tab at the end of a line parts an empty cell, unless all lines have it.
  const indented = [/^[ \t]*\t/, /\t[ \t]*$/].some((edge) => whole.every((line) => edge.test(line)));
  const cells = (separator: string | RegExp): number => {
    const parted = separator === '\t' && !indented ? whole : lines;
    const counts = new Set(parted.map((line) => line.split(separator).length));
    return counts.size === 1 ? ([...counts][0] ?? 1) : 1;
  };
  // Commas in numbers cut lines into as many pieces as semicolons do, or more.
  for (const delimiter of [';', '\t'])
    if (cells(delimiter) > 1 && lines.some((line) => line.split(delimiter).some((cell) => cell.includes(',') && isWrittenNumber(cell.trim()))))
      return delimiter;
  // One column of decimal commas, beside a target that may be left out: nothing parts cells.
  const [first = '', ...others] = lines;
  const isOneNumber = (line: string): boolean => line === QUOTED || isNumber(line) || isDecimalComma(line);
  if (decimalCommas && width <= 2 && others.every(isOneNumber) && (isOneNumber(first) || !/[,;\t]/.test(first))) return ';';
  // Of equally many the comma, which most files have.
  const found = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: cells(delimiter) }));
  const most = found.reduce((best, one) => (one.count > best.count ? one : best));
  if (most.count > 1) return most.delimiter;
  if (cells(/[ \t]+/) > 1) return ' ';
  // No separator fits all lines: take the most frequent, and let the reader name the ragged line.
  return [',', ';', '\t'].find((delimiter) => first.includes(delimiter)) ?? (/\s/.test(first) ? ' ' : ',');
}

/** The cells of a line between runs of spaces and tabs, which quotes keep within a cell. */
function cutAtSpaces(line: string): string[] {
  const cells = line.match(/"(?:[^"]|"")*"(?=[ \t]|$)|[^ \t]+/g) ?? [];
  return cells.map((cell) => (/^".*"$/.test(cell) ? cell.slice(1, -1).replaceAll('""', '"') : cell));
}

function parseRows(text: string, delimiter: string, name: string): string[][] {
  if (delimiter === ' ') {
    const rows = text
      .split(/\r\n|\r|\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map(cutAtSpaces);
    const width = rows[0]?.length;
    const ragged = rows.findIndex((row) => row.length !== width);
    if (ragged >= 0) throw new DataError(`${name}: row ${ragged + 1} has ${countOf(rows[ragged]?.length, 'cell')}, the first row has ${width}`);
    return rows;
  }
  try {
    return parse(text, { delimiter, trim: true, skip_empty_lines: true, record_delimiter: ['\r\n', '\n', '\r'] });
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new DataError(`${name}: ${cause.message}. Is ${show(delimiter)} the delimiter, and is every quote closed?`, {}, { cause });
  }
}

const isAnyNumber = (cell: string): boolean => isNumber(cell) || isWrittenNumber(cell);

/**
 * A header stands where the first row has no number, and some text, above the columns of numbers; cells may be empty, as the one above pandas's index is.
 * Where that index is the only column of numbers, its count tells. Text in an only row is taken for one where no earlier table tells how many columns there are.
 */
function guessHeader(rows: readonly (readonly string[])[], { width }: Known): boolean {
  const [first = []] = rows;
  if (rows.length === 1) return width === undefined && first.every((top) => !isAnyNumber(top) && !isMissing(top));
  const sample = rows.slice(1, 1 + SAMPLE);
  const numeric = first.filter((_, column) => {
    const cells = sample.map((row) => row[column] ?? '').filter((cell) => !isMissing(cell));
    return cells.length > 0 && cells.filter(isAnyNumber).length > cells.length / 2;
  });
  const [corner = '', ...tops] = first;
  const counts = corner === '' && sample.length > 1 && sample.every(([cell], row) => cell === String(row)) && tops.every((top) => !isMissing(top));
  return (counts || numeric.some((top) => !isMissing(top))) && !numeric.some(isAnyNumber);
}

function refusePath(input: unknown): void {
  if (input instanceof Uint8Array) return;
  const path = typeof input === 'string' && /^[^\r\n]*\.(csv|tsv|txt|data|parquet)(\.gz)?$/i.test(input);
  if (typeof input === 'string' && !path) return;
  const got = path ? `what looks like a path (${show(input)})` : show(input);
  throw new ArgumentError(
    `expected the text or the bytes of a table, got ${got}; read the file first: await readFile(path) (node:fs/promises), or await (await fetch(url)).text() in a browser${path && /parquet$/i.test(input as string) ? '; for parquet use parquetTable' : ''}`,
    { received: input, expected: 'text or a Uint8Array' },
  );
}

/**
 * The cells of delimited text, or of the bytes of a file: UTF-8, or UTF-16 with a byte-order mark, gzipped or not.
 * @throws ArgumentError for a path, which is no text of a table; DataError for ragged rows, open quotes, columns of one name, bytes that are no text, and
 * where there is no row; FileError for corrupt gzip data.
 */
export function parseTable(input: string | Uint8Array, options: TableOptions = {}, known: Known = { columnNames: [] }): Table {
  const name = options.name ?? 'CSV';
  refusePath(input);
  const text = (typeof input === 'string' ? input : decodeText(isGzip(input) ? gunzip(input, name) : input, name)).replace(/^\uFEFF/, '');
  if (options.delimiter === '')
    throw new ArgumentError('delimiter must be a character, got an empty string', { argument: 'delimiter', received: '' });
  const { columnNames, decimalCommas = false } = known;
  const delimiter = options.delimiter ?? guessDelimiter(text, known);
  const all = parseRows(text, delimiter, name);
  const top = all[0]?.map((column, i) => (column === '' ? unnamed(i) : column));
  const titles = new Set(top);
  const named = columnNames.length > 0 && columnNames.every((column) => titles.has(column));
  const header = options.header ?? (named || guessHeader(all, known));
  const rows = header ? all.slice(1) : all;
  if (rows.length === 0) throw new DataError(`${name}: there are no rows of data${header ? ' below the header' : ''}`);
  const columns = header ? top : undefined;
  const repeated = columns && titles.size < columns.length ? columns.find((column, i) => columns.indexOf(column) !== i) : undefined;
  if (repeated !== undefined) throw new DataError(`${name}: two columns are named ${show(repeated)}; names must be unique`);
  const decimals = decimalsOf(rows, delimiter, decimalCommas);
  return { columns, rows, name, ...(decimals ? { decimals } : {}) };
}

/**
 * Index of a column by its name, or by its number from 0 (from the back where negative).
 * @throws ArgumentError if there is none, with the nearest name.
 */
export function findColumn({ columns, rows, name }: Table, wanted: string | number, argument: string): number {
  const count = rows[0]?.length ?? 0;
  if (typeof wanted === 'number') {
    const column = wanted < 0 ? count + wanted : wanted;
    if (Number.isInteger(wanted) && column >= 0 && column < count) return column;
    throw new ArgumentError(`${name}: ${argument} ${wanted} is not a column; the file has ${count}, counted from 0`, { argument, received: wanted });
  }
  if (!columns) {
    throw new ArgumentError(
      `${name}: ${argument} ${show(wanted)} is a name, but the file has no header; pass the column's index`,
      { argument, received: wanted },
      { advice: 'header: true' },
    );
  }
  const column = columns.indexOf(wanted);
  if (column < 0)
    throw new ArgumentError(`${name}: no column is named ${show(wanted)}${suggestion(wanted, columns)}`, { argument, received: wanted });
  return column;
}

/** What a column is called that a header leaves without a name: no number, which would stand for a place. */
const unnamed = (column: number): string => `unnamed ${column}`;

/** "column 'age'", or "column 2 (counted from 0)", as options count, where columns have no names. */
export function columnTitle({ columns }: Table, column: number): string {
  const title = columns?.[column];
  return `column ${title === undefined ? `${column} (counted from 0)` : show(title)}`;
}

/** What an error's details call a column: its name, or its number from 0, as options name it. */
export function columnArgument({ columns }: Table, column: number): string {
  return columns?.[column] ?? String(column);
}

/** "data.csv: row 3, column 'age'"; rows count from 1 below the header. */
export function placeOf(table: Table, row: number, column: number): string {
  return `${table.name}: row ${row + 1}, ${columnTitle(table, column)}`;
}

/** What messages say of values that are written for people. */
export const lookWritten = ({ decimals }: Table): string =>
  `look like numbers written with a decimal comma, thousands separators, a currency sign or a percent sign. Write plain numbers, such as ${decimals ? '1234,5' : '1234.5'}`;

/** A cell, with a point for its decimal comma. */
export function numeral({ rows, decimals }: Table, row: number, column: number): string {
  const cell = rows[row]?.[column] ?? '';
  return decimals?.commas.has(column) && isDecimalComma(cell) ? cell.replace(',', '.') : cell;
}

/** The number in a cell. @throws DataError naming row and column where there is none that a float32 can hold. */
export function readNumber(table: Table, row: number, column: number): number {
  const cell = numeral(table, row, column);
  const value = Number(cell);
  if (table.decimals && isUnclear(table.decimals, table.rows[row]?.[column] ?? '', column)) refuseUnclear(table, row, column);
  if (isNumber(cell) && Number.isFinite(Math.fround(value))) return value;
  const details = { argument: columnArgument(table, column), received: cell, expected: 'a number' };
  if (isMissing(cell)) throw new DataError(`${placeOf(table, row, column)} is missing (${show(cell)}); fill the gap or drop the row`, details);
  if (isNumber(cell))
    throw new DataError(`${placeOf(table, row, column)} holds ${cell}, which exceeds the range of float32; rescale the column`, details);
  // Commas that may part thousands, or stand beside points.
  if (isWrittenNumber(cell))
    throw new DataError(`${placeOf(table, row, column)} holds ${show(cell)}, and such values ${lookWritten(table)}`, details);
  throw new DataError(
    `${placeOf(table, row, column)} holds ${show(cell)}, expected a number; drop the column, or encode its texts as numbers`,
    details,
  );
}

function refuseUnclear(table: Table, row: number, column: number): never {
  const cell = table.rows[row]?.[column] ?? '';
  throw new DataError(
    `${placeOf(table, row, column)} holds ${show(cell)}, which is ambiguous: the point may be a decimal point or a thousands separator, and the table that the reader was fitted on has decimal commas. Write fractions with commas (${cell.replace('.', ',')}), or thousands without points (${cell.replace('.', '')})`,
    { argument: columnArgument(table, column), received: cell, expected: 'a number' },
  );
}
