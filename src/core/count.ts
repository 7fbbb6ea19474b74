/** A number with what it counts: `1 row`, `3 rows`. @param several plural form, if it is not formed with an s: `countOf(2, 'axis', 'axes')`. */
export function countOf(number: number | string | undefined, one: string, several = `${one}s`): string {
  return `${number} ${Number(number) === 1 ? one : several}`;
}
