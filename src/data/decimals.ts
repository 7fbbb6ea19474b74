import { isDecimalComma, isNumber } from './cell.js';

/** How columns of a table write fractions, by number from 0; the others have points. */
export interface Decimals {
  /** Columns with decimal commas. */
  readonly commas: ReadonlySet<number>;
  /** Columns of such as 1.234 where commas were expected: the point may part thousands. */
  readonly unclear: ReadonlySet<number>;
}

/** A number whose point, or comma, may part thousands. */
const MAYBE_THOUSANDS = /^[+-]?[1-9]\d{0,2}[.,]\d{3}$/;

/** Whether a cell's point may part thousands. */
export const isUnclear = ({ unclear }: Decimals, cell: string, column: number): boolean =>
  unclear.has(column) && cell.includes('.') && MAYBE_THOUSANDS.test(cell);

/** What a column's fractions show. */
class Marks {
  /** Whether there are numbers with a comma, or a point. */
  readonly any = { comma: false, point: false };
  /** Whether one of them can only be decimal. */
  readonly sure = { comma: false, point: false };

  constructor(rows: readonly (readonly string[])[], column: number) {
    for (const row of rows) {
      const cell = row[column] ?? '';
      const mark = isDecimalComma(cell) ? 'comma' : cell.includes('.') && isNumber(cell) ? 'point' : undefined;
      if (mark === undefined) continue;
      this.any[mark] = true;
      if (!MAYBE_THOUSANDS.test(cell)) this.sure[mark] = true;
    }
  }
}

/**
 * How rows write fractions; undefined where all have points. @param expected whether commas are expected, as an earlier table had them: then each
 * column speaks for itself; else one with points, or a delimiter of commas, leaves none with commas.
 */
export function decimalsOf(rows: readonly (readonly string[])[], delimiter: string, expected: boolean): Decimals | undefined {
  if (delimiter === ',' && !expected) return undefined;
  const columns = (rows[0] ?? []).map((_, column) => new Marks(rows, column));
  const where = (is: (marks: Marks) => boolean): ReadonlySet<number> => new Set(columns.flatMap((marks, column) => (is(marks) ? [column] : [])));
  const commas = where(({ any, sure }) => any.comma && !sure.point);
  const certain = columns.some(({ sure }) => sure.comma);
  if (!expected) return certain && !columns.some(({ any }) => any.point) ? { commas, unclear: new Set() } : undefined;
  // Without a sure comma, sure points and a delimiter of commas tell of another notation, in which such as 1,234 are thousands.
  if (!certain && (delimiter === ',' || columns.some(({ sure }) => sure.point))) return undefined;
  return { commas, unclear: where(({ any, sure }) => any.point && !sure.point) };
}
