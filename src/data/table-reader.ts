import { countOf } from '../core/count.js';
import { ArgumentError, DataError, show } from '../core/errors.js';
import { checkOptionNames, isRecord, refuse } from '../core/expect.js';
import { suggestion } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import type { Dataset } from './dataset.js';
import { columnTitle, findColumn, type Known, parseTable, type Table, type TableOptions } from './table.js';
import { type Column, type ColumnKind, columnFeatures, columnWriter, fitColumn } from './table-columns.js';
import { readLabels, readTarget, type Task } from './table-target.js';

/** A table as text, as the bytes of a file (UTF-8, or UTF-16 with a byte-order mark, gzipped or not), or split into cells. */
export type TableLike = string | Uint8Array | Table;

export interface TableFitOptions extends TableOptions {
  /** Name or index of the target's column; negative indices count from the back. The last column by default; null for none. */
  readonly target?: string | number | null;
  /** Kind of target; by default text and whole numbers of at most 256 different values are classes, other numbers are not. */
  readonly task?: Task;
  /** How to read columns, by name or index, if their cells leave it open; `'skip'` leaves one out. */
  readonly columns?: Readonly<Record<string, ColumnKind | 'skip'>>;
  /** Adds a column of 0 and 1 for each column of numbers that has gaps; default true. */
  readonly indicators?: boolean;
  /** Maximum number of different texts in a column; default 256. */
  readonly maxCategories?: number;
}

export interface TableReadOptions extends TableOptions {
  /** What to do with a text that did not occur in the fitted table: throw an error, or encode it as zeros; default 'refuse'. */
  readonly unknown?: 'refuse' | 'zeros';
}

interface Target {
  readonly name: string;
  readonly index: number;
  /** Names of the classes in the order of their labels; absent where the target is a number. */
  readonly classNames?: readonly string[];
}

/** The complete state of a reader as JSON. */
export interface TableSchema {
  readonly version: 1;
  /** Whether columns are found by their names; else by their places. */
  readonly named: boolean;
  /** Columns of the fitted table, those that were left out counted. */
  readonly width: number;
  readonly columns: readonly Column[];
  readonly target?: Target;
  /** Whether numbers of the fitted table had decimal commas. */
  readonly decimalCommas?: boolean;
}

const fitOptions = ['delimiter', 'header', 'name', 'target', 'task', 'columns', 'indicators', 'maxCategories'];
const tasks: readonly unknown[] = [undefined, 'classification', 'regression'];

/** @throws ArgumentError on an option by another name, or a task that is none. */
export function checkTableOptions(owner: string, options: TableFitOptions): void {
  checkOptionNames(owner, options, fitOptions);
  if (!tasks.includes(options.task)) refuse(owner, 'task', "the task 'classification' or 'regression'", options.task);
}

const kinds = ['number', 'text', 'skip'];

/**
 * Converts tables into arrays, all in the way learned from the table that it was fitted on: gaps in numbers become that table's median, with a column that
 * says so; texts become one column of 0 and 1 for each of that table's texts. `JSON.stringify(reader)` and `TableReader.from` save and restore it.
 */
export class TableReader {
  readonly schema: TableSchema;

  private constructor(schema: TableSchema) {
    this.schema = schema;
  }

  /**
   * Learns columns and target from a table.
   * @throws ArgumentError for a column or option that does not exist.
   * @throws DataError for bytes that are no text, a column without any value, a text among numbers (naming its row), a column of more texts than
   * `maxCategories`, and a target that is missing or always the same.
   */
  static fit(input: TableLike, options: TableFitOptions = {}): TableReader {
    checkTableOptions('TableReader.fit', options);
    const wanted = options.target ?? -1;
    const table = toTable(input, options, { columnNames: typeof wanted === 'string' ? [wanted] : [] });
    const { indicators = true, maxCategories = 256 } = options;
    const targetIndex = options.target === null ? -1 : findColumn(table, wanted, 'target');
    const asked = askedKinds(table, options.columns ?? {}, targetIndex);
    const width = table.rows[0]?.length ?? 0;
    const columns: Column[] = [];
    for (let index = 0; index < width; index++) {
      const kind = asked.get(index);
      if (index !== targetIndex && kind !== 'skip') columns.push(fitColumn(table, index, { kind, indicators, maxCategories }));
    }
    if (columns.length === 0) {
      throw new DataError(`${table.name}: no column is left besides the target, so there are no features. Is the delimiter correct?`, {
        argument: 'delimiter',
      });
    }
    const target = targetIndex < 0 ? {} : { target: fitTarget(table, targetIndex, options.task) };
    const numbers = [targetIndex, ...columns.filter(({ kind }) => kind === 'number').map(({ index }) => index)];
    const decimals = numbers.some((index) => table.decimals?.commas.has(index)) ? { decimalCommas: true } : {};
    return new TableReader({ version: 1, named: table.columns !== undefined, width, columns, ...target, ...decimals });
  }

  /** The reader that `JSON.stringify` wrote, from its text or the parsed value. @throws DataError if it is none. */
  static from(json: unknown): TableReader {
    const schema = typeof json === 'string' ? parseJson(json) : json;
    if (!isSchema(schema)) throw new DataError(`expected the JSON of a TableReader, got ${show(json)}`, { received: json });
    return new TableReader(schema);
  }

  toJSON(): TableSchema {
    return this.schema;
  }

  /** Names of the columns that it looks for; none if it goes by position. */
  get columnNames(): readonly string[] {
    return this.schema.named ? this.schema.columns.map(({ name }) => name) : [];
  }

  /** Number of columns of the fitted table, its target and what was left out included. */
  get width(): number {
    return this.schema.width;
  }

  /** Whether it expects decimal commas, as the fitted table had them. */
  get decimalCommas(): boolean {
    return this.schema.decimalCommas ?? false;
  }

  /** Name of each column of `x`: `age`, `age missing`, `city=Oslo`. */
  get featureNames(): readonly string[] {
    return this.features.map(({ name }) => name);
  }

  /** The columns of `x`: numbers of any size, or flags of 0 and 1. */
  get features(): readonly { readonly name: string; readonly flag: boolean }[] {
    return this.schema.columns.flatMap(columnFeatures);
  }

  get classNames(): readonly string[] | undefined {
    return this.schema.target?.classNames;
  }

  /**
   * A table with its target: x float32 [rows, features]; y int32 [rows] where the target is a class, else float32 [rows, 1].
   * Columns may be in any order if they have names, and extra columns are ignored.
   * @throws DataError naming row and column of what cannot be read; of a column that is missing, its name.
   */
  read(input: TableLike, options: TableReadOptions = {}): Dataset {
    const { target } = this.schema;
    if (!target) throw new ArgumentError('this reader was fitted without a target; call readFeatures', { argument: 'target' });
    const table = this.#table(input, options);
    const at = columnPlaces(this.schema, table, true);
    const { classNames } = target;
    const column = at(target);
    const y = classNames ? { y: readLabels(table, column, classNames), classNames } : readTarget(table, column, 'regression');
    return { ...this.#encode(table, at, options), ...y };
  }

  /** The features of a table with or without its target. @throws DataError as `read` does. */
  readFeatures(input: TableLike, options: TableReadOptions = {}): Pick<Dataset, 'x' | 'featureNames'> {
    const table = this.#table(input, options);
    return this.#encode(table, columnPlaces(this.schema, table, false), options);
  }

  #table(input: TableLike, options: TableReadOptions): Table {
    return toTable(input, options, this);
  }

  #encode(table: Table, at: (column: Column) => number, { unknown = 'refuse' }: TableReadOptions): { x: NdArray; featureNames: readonly string[] } {
    if (unknown !== 'refuse' && unknown !== 'zeros') {
      throw new ArgumentError(`unknown must be 'refuse' or 'zeros', got ${show(unknown)}`, { argument: 'unknown', received: unknown });
    }
    const { featureNames } = this;
    const [rows, width] = [table.rows.length, featureNames.length];
    const data = new Float32Array(rows * width);
    let offset = 0;
    for (const column of this.schema.columns) {
      const write = columnWriter(column, table, at(column), unknown === 'zeros');
      for (let row = 0; row < rows; row++) write(row, data, row * width + offset);
      offset += columnFeatures(column).length;
    }
    return { x: new NdArray(data, [rows, width]), featureNames };
  }
}

/**
 * Where a table has the columns of a schema. @param needsTarget whether a table that is found by its places must have the target
 * @throws DataError for a table of other columns; for one that lacks a column, where its place is asked for.
 */
export function columnPlaces(
  { named, width, columns, target }: TableSchema,
  table: Table,
  needsTarget: boolean,
): (column: { readonly name: string; readonly index: number }) => number {
  const count = table.rows[0]?.length ?? 0;
  if (!named) {
    const bare = !needsTarget && target !== undefined && count === width - 1;
    if (count !== width && !bare) {
      throw new DataError(`${table.name}: ${countOf(count, 'column')}, expected ${width} as in the table that the reader was fitted on`, {
        received: count,
        expected: width,
      });
    }
    return ({ index }) => (bare && index > target.index ? index - 1 : index);
  }
  const known = table.columns;
  if (!known) {
    throw new DataError(
      `${table.name}: the first row does not contain the column names ${columns.map(({ name }) => show(name)).join(', ')}; restore the header, as in the table that the reader was fitted on`,
    );
  }
  const places = new Map(known.map((name, at) => [name, at]));
  return ({ name }) => {
    const column = places.get(name);
    if (column !== undefined) return column;
    throw new DataError(`${table.name}: the column ${show(name)} is missing${suggestion(name, known)}`, { argument: name, received: known });
  };
}

function toTable(input: TableLike, options: TableOptions, known: Known): Table {
  return typeof input === 'string' || input instanceof Uint8Array ? parseTable(input, options, known) : input;
}

function askedKinds(table: Table, columns: Readonly<Record<string, ColumnKind | 'skip'>>, target: number): ReadonlyMap<number, ColumnKind | 'skip'> {
  return new Map(
    Object.entries(columns).map(([title, kind]) => {
      if (!kinds.includes(kind)) {
        throw new ArgumentError(`columns: ${show(title)} must be read as 'number', 'text' or 'skip', got ${show(kind)}`, {
          argument: 'columns',
          received: kind,
        });
      }
      const place = table.columns?.includes(title) || !/^-?\d+$/.test(title) ? title : Number(title);
      const index = findColumn(table, place, 'columns');
      if (index === target)
        throw new ArgumentError(`columns: ${show(title)} is the target; set its kind with the option task`, { argument: 'columns', received: title });
      return [index, kind];
    }),
  );
}

function fitTarget(table: Table, index: number, task: Task | undefined): Target {
  const { y, classNames } = readTarget(table, index, task);
  if (y.data.every((value: number | bigint) => value === y.data[0])) {
    throw new DataError(
      `${table.name}: the target, ${columnTitle(table, index)}, is ${show(table.rows[0]?.[index])} in every row, so there is nothing to learn. Is this the right column?`,
      { argument: 'target', received: table.rows[0]?.[index] },
    );
  }
  return { name: table.columns?.[index] ?? String(index + 1), index, ...(classNames ? { classNames } : {}) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DataError('expected the JSON of a TableReader, got text that is not JSON', { received: text }, { cause });
  }
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');
const hasPlace = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isRecord(value) && typeof value.name === 'string' && Number.isInteger(value.index) && Number(value.index) >= 0;

function isSchema(value: unknown): value is TableSchema {
  if (!isRecord(value) || value.version !== 1 || typeof value.named !== 'boolean' || !Number.isInteger(value.width)) return false;
  const { columns, target, decimalCommas } = value;
  if (decimalCommas !== undefined && typeof decimalCommas !== 'boolean') return false;
  const isColumn = (column: unknown): boolean =>
    hasPlace(column) &&
    ((column.kind === 'number' && Number.isFinite(column.fill) && typeof column.indicator === 'boolean') ||
      (column.kind === 'text' && isTexts(column.categories)));
  const isTarget = target === undefined || (hasPlace(target) && (target.classNames === undefined || isTexts(target.classNames)));
  return Array.isArray(columns) && columns.length > 0 && columns.every(isColumn) && isTarget;
}
