/** Lines that stand once, or that a block of them repeats. */
export interface Block {
  readonly lines: readonly string[];
  readonly count: number;
}

/** Fewer repeats are easier read as they stand. */
const FEWEST = 3;
const LONGEST_PERIOD = 6;

/** Lines as blocks: what repeats three times or more stands once, with how often. */
export function folded(lines: readonly string[]): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const { period, count } = repeatAt(lines, at);
    blocks.push({ lines: lines.slice(at, at + period), count });
    at += period * count;
  }
  return blocks;
}

function repeatAt(lines: readonly string[], at: number): { readonly period: number; readonly count: number } {
  for (let period = 1; period <= LONGEST_PERIOD; period++) {
    let count = 1;
    const equal = (offset: number): boolean => lines.slice(at, at + period).every((line, i) => line === lines[at + offset + i]);
    while (at + (count + 1) * period <= lines.length && equal(count * period)) count++;
    if (count >= FEWEST) return { period, count };
  }
  return { period: 1, count: 1 };
}
