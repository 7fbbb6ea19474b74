/** Rows of cells in columns as wide as their widest, separated by two spaces, one line per row. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Titles and rows as a table for a terminal; columns that are empty but for their titles are left out. */
export function textTable(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = titles.map((_, i) => i).filter((i) => rows.some((row) => (row[i] ?? '') !== ''));
  return alignColumns([titles, ...rows].map((row) => shown.map((i) => row[i] ?? '')));
}
