/** Cells in columns as wide as their widest, two blanks apart; columns that are empty but for their titles are left out. */
export function columns(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = titles.map((_, i) => i).filter((i) => rows.some((row) => (row[i] ?? '') !== ''));
  const table = [titles, ...rows].map((row) => shown.map((i) => row[i] ?? ''));
  const widths = shown.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
