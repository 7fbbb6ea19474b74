const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const MISSING = new Set(['', '?', 'na', 'n/a', 'nan', 'null', 'none']);

export const isNumber = (cell: string): boolean => NUMBER.test(cell);
export const isMissing = (cell: string): boolean => cell.length <= 4 && MISSING.has(cell.toLowerCase());

const currency = '(?:[$€£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR)';
const digits = "(?:\\d{1,3}(?:[.,'’\\s]\\d{3})+(?:[.,]\\d+)?|\\d+(?:[.,]\\d*)?)";
const WRITTEN = new RegExp(`^\\(?[+-]?\\s?(?:${currency}\\s?)?[+-]?${digits}\\s?(?:${currency}|[%‰])?\\)?$`);

/** Share of a column's values that must look like numbers for the others to be no texts. */
const NEARLY_ALL = 0.9;

/** A number as people write it and no program reads it: 3,14 or 1.234,50 or $5 or 12 %. */
export const isWrittenNumber = (cell: string): boolean => !isNumber(cell) && WRITTEN.test(cell);

/** What messages say of values that are written for people. */
export const lookWritten =
  'look like numbers: with a decimal comma, thousands apart, a currency or a percent sign? Write plain numbers, such as 1234.5';

/** The first number that is written for people, where nearly all values are numbers of some kind. */
export function writtenNumber(values: readonly string[]): string | undefined {
  const first = values.find(isWrittenNumber);
  if (first === undefined) return undefined;
  const alike = values.filter((value) => isNumber(value) || isWrittenNumber(value)).length;
  return alike >= NEARLY_ALL * values.length ? first : undefined;
}

const DECIMAL_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;
const MAYBE_THOUSANDS = /^[+-]?[1-9]\d{0,2},\d{3}$/;

/** Whether a cell holds a number that a decimal comma alone explains. */
const hasDecimalComma = (cell: string): boolean => DECIMAL_COMMA.test(cell) && !MAYBE_THOUSANDS.test(cell);

/** Rows whose columns of numbers have points for decimal commas, where no cell says that a comma, or a point, could be anything else. */
export function withDecimalPoints(rows: string[][]): string[][] {
  const certain = rows.some((row) => row.some(hasDecimalComma));
  if (!certain || rows.some((row) => row.some((cell) => cell.includes('.') && isNumber(cell)))) return rows;
  const isColumn = (column: number): boolean =>
    // The first row may be a header.
    rows.slice(1).every((row) => DECIMAL_COMMA.test(row[column] ?? '') || isNumber(row[column] ?? '') || isMissing(row[column] ?? ''));
  const numeric = (rows[0] ?? []).map((_, column) => isColumn(column));
  return rows.map((row) => row.map((cell, column) => (numeric[column] && DECIMAL_COMMA.test(cell) ? cell.replace(',', '.') : cell)));
}
