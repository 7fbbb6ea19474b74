import { countOf } from '../core/count.js';
import { DataError, show } from '../core/errors.js';
import { isMissing, isNumber, writtenNumber } from './cell.js';
import { columnArgument, columnTitle, lookWritten, numeral, placeOf, readNumber, type Table } from './table.js';

export type ColumnKind = 'number' | 'text';

interface Place {
  readonly name: string;
  readonly index: number;
}

/** Numbers, their gaps filled; `indicator` adds a flag that is 1 where there was a gap. */
export interface NumberColumn extends Place {
  readonly kind: 'number';
  readonly fill: number;
  readonly indicator: boolean;
}

/** Texts, each with a flag of its own; `''` stands for a gap. */
export interface TextColumn extends Place {
  readonly kind: 'text';
  readonly categories: readonly string[];
}

export type Column = NumberColumn | TextColumn;

export interface ColumnFitOptions {
  readonly kind: ColumnKind | undefined;
  readonly indicators: boolean;
  readonly maxCategories: number;
}

/** What a column of a table becomes. @throws DataError if its cells do not go together. */
export function fitColumn(table: Table, index: number, { kind, indicators, maxCategories }: ColumnFitOptions): Column {
  const cells = table.rows.map((_, row) => numeral(table, row, index));
  const values = cells.filter((cell) => !isMissing(cell));
  const place = { name: table.columns?.[index] ?? String(index + 1), index };
  if (values.length === 0) {
    throw new DataError(`${table.name}: ${columnTitle(table, index)} has no value in any row; drop it`, {
      argument: columnArgument(table, index),
    });
  }
  const numbers = values.filter(isNumber).length;
  const gaps = values.length < cells.length;
  if (kind === undefined) refuseWritten(table, index, cells);
  // A column of numbers may hold one text by mistake; one of texts may hold some that look like numbers.
  if (kind === 'number' || (kind === undefined && numbers > values.length / 2)) {
    if (numbers < values.length && kind === undefined) refuseText(table, index, cells, numbers, values.length);
    return { ...place, kind: 'number', fill: median(numbersOf(table, index)), indicator: gaps && indicators };
  }
  // Texts stay as they are written.
  const categories = [...new Set(table.rows.map((row) => row[index] ?? '').filter((cell) => !isMissing(cell)))].sort();
  if (categories.length > maxCategories) {
    throw new DataError(
      `${table.name}: ${columnTitle(table, index)} holds ${categories.length} different texts in ${countOf(cells.length, 'row')}, more than ${maxCategories}; each would become a feature. If the column only identifies rows, leave it out`,
      { argument: columnArgument(table, index), received: categories.length, expected: maxCategories },
      { advice: 'raise maxCategories' },
    );
  }
  return { ...place, kind: 'text', categories: gaps ? ['', ...categories] : categories };
}

const asText = 'read the column as text with the option columns';

/** Numbers that are written for people would become a feature each. */
function refuseWritten(table: Table, index: number, cells: readonly string[]): void {
  const sample = writtenNumber(cells.filter((cell) => !isMissing(cell)));
  if (sample === undefined) return;
  throw new DataError(
    `${placeOf(table, cells.indexOf(sample), index)} holds ${show(sample)}, and nearly all values of the column ${lookWritten(table)}`,
    { argument: columnArgument(table, index), received: sample, expected: 'a number' },
    { advice: asText },
  );
}

function refuseText(table: Table, index: number, cells: readonly string[], numbers: number, values: number): never {
  const row = cells.findIndex((cell) => !isMissing(cell) && !isNumber(cell));
  throw new DataError(
    `${placeOf(table, row, index)} holds ${show(cells[row])}, but ${numbers} of the column's ${values} values are numbers; correct the cell`,
    { argument: columnArgument(table, index), received: cells[row], expected: 'a number' },
    { advice: asText },
  );
}

function numbersOf(table: Table, index: number): Float64Array {
  const numbers: number[] = [];
  for (let row = 0; row < table.rows.length; row++) if (!isMissing(table.rows[row]?.[index] ?? '')) numbers.push(readNumber(table, row, index));
  return Float64Array.from(numbers);
}

function median(numbers: Float64Array): number {
  const sorted = numbers.sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  // Halves first: the sum of two large numbers may overflow.
  return sorted.length % 2 ? upper : (sorted[middle - 1] ?? 0) / 2 + upper / 2;
}

/** The features that a column becomes, in order. */
export function columnFeatures(column: Column): { readonly name: string; readonly flag: boolean }[] {
  const { name } = column;
  if (column.kind === 'text')
    return column.categories.map((category) => ({ name: category === '' ? `${name} missing` : `${name}=${category}`, flag: true }));
  return [{ name, flag: false }, ...(column.indicator ? [{ name: `${name} missing`, flag: true }] : [])];
}

/** Writes a row's features of a column from `offset` on, into zeros. It throws DataError naming row and column of a cell that it cannot read. */
export function columnWriter(
  column: Column,
  table: Table,
  at: number,
  ignoreUnknown: boolean,
): (row: number, data: Float32Array, offset: number) => void {
  if (column.kind === 'number') {
    return (row, data, offset) => {
      const gap = isMissing(table.rows[row]?.[at] ?? '');
      data[offset] = gap ? column.fill : readNumber(table, row, at);
      if (gap && column.indicator) data[offset + 1] = 1;
    };
  }
  const places = new Map(column.categories.map((category, place) => [category, place]));
  return (row, data, offset) => {
    const cell = table.rows[row]?.[at] ?? '';
    const place = places.get(isMissing(cell) ? '' : cell);
    if (place !== undefined) data[offset + place] = 1;
    else if (!ignoreUnknown) refuseUnknown(table, row, at, column.categories);
  };
}

function refuseUnknown(table: Table, row: number, at: number, categories: readonly string[]): never {
  const cell = table.rows[row]?.[at] ?? '';
  const known = categories.slice(0, 12).map(show).join(', ');
  throw new DataError(
    `${placeOf(table, row, at)} ${isMissing(cell) ? 'is missing' : `holds ${show(cell)}`}, but the column had no such value in the table that the reader was fitted on; its values were ${known}${categories.length > 12 ? ', …' : ''}. Correct the cell`,
    { received: cell, expected: categories },
    { advice: "encode unknown texts as zeros (unknown: 'zeros')" },
  );
}
