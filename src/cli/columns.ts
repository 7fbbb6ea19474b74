import { Option } from 'commander';
import { ArgumentError, DataError, EvenkeelError, show } from '../core/errors.js';
import { columnArgument, findColumn, type Table } from '../data/table.js';
import { columnPlaces, type TableReader } from '../data/table-reader.js';
import { UsageError } from './print.js';

/** Columns of a table as options name them: by name, or by number from 0. */
export interface ColumnOptions {
  /** Column of a table that is no feature. */
  readonly target?: string | undefined;
  /** Columns of a table that are left out. */
  readonly without?: readonly string[] | undefined;
}

/** The option that leaves columns of a table out, for every command that reads one. */
export function withoutOption(): Option {
  return new Option('--without <COLUMN>', 'leave out a column of a table, by name or number from 0; may be repeated').argParser(
    (name: string, before: readonly string[] = []) => [...before, name],
  );
}

/** A column's number, or its name. */
export function place(title: string): string | number {
  return /^-?\d+$/.test(title) ? Number(title) : title;
}

/** The same in a table, where a name may look like a number. */
const placeIn = ({ columns }: Table, title: string): string | number => (columns?.includes(title) ? title : place(title));

/** Names that the first row must hold to be a header, where nothing else tells. */
export function namesOf({ target, without = [] }: ColumnOptions): string[] {
  const names = (target === undefined ? without : [target]).map(place);
  return names.filter((name) => typeof name === 'string');
}

/** Where a table has the columns that are left out. @throws ArgumentError if it has none of that name, with the nearest. */
export function leftOut(table: Table, without: readonly string[]): number[] {
  return without.map((title) => findColumn(table, placeIn(table, title), '--without'));
}

/** A column as its option named it, with its name where that was a number: "column '1' ('age')". */
function called({ columns }: Table, title: string, index: number): string {
  const name = columns?.[index];
  return `column ${show(title)}${name === undefined || name === title ? '' : ` (${show(name)})`}`;
}

/**
 * @param trains whether the target is needed as well
 * @throws UsageError if a model that knows its table is to take another column for its target, or to do without one; ArgumentError for a column
 * that the table does not have.
 */
export function checkColumns(reader: TableReader, table: Table, { target, without = [] }: ColumnOptions, trains: boolean): void {
  const { columns, target: own } = reader.schema;
  // What the table lacks is told first: without it nothing can be compared.
  const needed = new Set([...columns, ...(trains && own ? [own] : [])].map(columnPlaces(reader.schema, table, trains)));
  if (target !== undefined) checkTarget(reader, table, target);
  leftOut(table, without).forEach((index, i) => {
    if (!needed.has(index)) return;
    const column = called(table, without[i] ?? '', index);
    throw new UsageError(`--without: the model was trained with the ${column} and needs it; train a new model without it`);
  });
}

function checkTarget({ schema: { named, width, target: own } }: TableReader, table: Table, title: string): void {
  const wanted = placeIn(table, title);
  // A table to predict from may lack the target that is named.
  const ownPlace = named ? (table.columns?.indexOf(own?.name ?? '') ?? -1) : table.rows[0]?.length === width ? (own?.index ?? -1) : -1;
  const same = named && typeof wanted === 'string' ? wanted === own?.name : findColumn(table, wanted, '--target') === ownPlace;
  if (same) return;
  const trained = own === undefined ? 'without a target' : `on '${named ? own.name : own.index}'`;
  throw new UsageError(`--target: the model was trained ${trained}; it cannot be trained further on '${title}'`);
}

/** What a reader is told of columns that are left out. @throws UsageError if the target is among them. */
export function skipped(table: Table, { target, without = [] }: ColumnOptions): Record<string, 'skip'> {
  const own = findColumn(table, place(target ?? '-1'), 'target');
  const indices = leftOut(table, without);
  const clash = indices.indexOf(own);
  if (clash >= 0) {
    const why = target === undefined ? 'the target, since it is the last column; choose another with --target' : 'the target itself';
    throw new UsageError(`--without: ${called(table, without[clash] ?? '', own)} is ${why}`);
  }
  return Object.fromEntries(indices.map((index) => [table.columns?.[index] ?? String(index), 'skip']));
}

/**
 * What `read` makes of a table. Errors advise what the command line has: the option by which a column can be left out, and none that only code has.
 * @throws DataError, ArgumentError as `read` does
 */
export function advising<T>(table: Table, target: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    const { withoutAdvice: said } = error;
    if (error instanceof ArgumentError) throw new ArgumentError(said, error.details, { cause: error });
    if (!(error instanceof DataError)) throw error;
    const { argument } = error.details;
    const names = (table.rows[0] ?? []).map((_, index) => columnArgument(table, index));
    const feature = argument !== undefined && names.includes(argument) && argument !== names[findColumn(table, place(target ?? '-1'), 'target')];
    throw new DataError(feature ? `${said}. To leave the column out, use --without ${show(argument)}` : said, error.details, { cause: error });
  }
}

/** What `read` makes of a table that a model knows: `way` stands where an error's way out is one that only code has. @throws DataError as `read` does */
export function readKnown<T>(read: () => T, way?: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DataError) || error.withoutAdvice === error.message) throw error;
    throw new DataError(error.withoutAdvice, error.details, { cause: error, ...(way === undefined ? {} : { advice: way }) });
  }
}
