const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const MISSING = new Set(['', '?', 'na', 'n/a', 'nan', 'null', 'none']);

export const isNumber = (cell: string): boolean => NUMBER.test(cell);
export const isMissing = (cell: string): boolean => cell.length <= 4 && MISSING.has(cell.toLowerCase());

const currency = '(?:[$€£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR)';
const digits = "(?:\\d{1,3}(?:[.,'’\\s]\\d{3})+(?:[.,]\\d+)?|\\d+(?:[.,]\\d*)?)";
const WRITTEN = new RegExp(`^\\(?[+-]?\\s?(?:${currency}\\s?)?[+-]?${digits}\\s?(?:${currency}|[%‰])?\\)?$`);

/** Share of a column's values that must look like numbers for the others to be no texts. */
const NEARLY_ALL = 0.9;

const DECIMAL_COMMA = /^[+-]?\d+,\d+(e[+-]?\d+)?$/i;

/** Whether a cell is a number if its comma is decimal: 3,14, and 1,234 too. */
export const isDecimalComma = (cell: string): boolean => cell.includes(',') && DECIMAL_COMMA.test(cell);

/** A number as people write it and no program reads it: 3,14 or 1.234,50 or $5 or 12 %. */
export const isWrittenNumber = (cell: string): boolean => !isNumber(cell) && (WRITTEN.test(cell) || isDecimalComma(cell));

/** The first number that is written for people, where nearly all values are numbers of some kind. */
export function writtenNumber(values: readonly string[]): string | undefined {
  const first = values.find(isWrittenNumber);
  if (first === undefined) return undefined;
  const alike = values.filter((value) => isNumber(value) || isWrittenNumber(value)).length;
  return alike >= NEARLY_ALL * values.length ? first : undefined;
}
