/** Lines of context around what changed. */
const CONTEXT = 2;

type Kind = ' ' | '-' | '+';

/** The change from some lines to others as people read it: `-` what goes, `+` what comes, two lines of context, `…` for the rest. Empty where nothing changes. */
export function linesChanged(before: readonly string[], after: readonly string[]): string[] {
  const script = edits(before, after);
  const near = script.map((_, at) => script.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(([kind]) => kind !== ' '));
  if (!near.includes(true)) return [];
  return script.flatMap(([kind, line], at) => {
    if (near[at]) return [`${kind} ${line}`];
    return at === 0 || near[at - 1] ? ['  …'] : [];
  });
}

/** Shortest edit script by the longest common subsequence. */
function edits(before: readonly string[], after: readonly string[]): (readonly [Kind, string])[] {
  const [rows, columns] = [before.length, after.length];
  const longest = Array.from({ length: rows + 1 }, () => new Uint32Array(columns + 1));
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0;
  for (let i = rows - 1; i >= 0; i--) {
    const row = longest[i] as Uint32Array;
    for (let j = columns - 1; j >= 0; j--) row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const script: (readonly [Kind, string])[] = [];
  let [i, j] = [0, 0];
  while (i < rows || j < columns) {
    if (i < rows && j < columns && before[i] === after[j]) {
      script.push([' ', before[i] as string]);
      i++;
      j++;
    } else if (j >= columns || (i < rows && at(i + 1, j) >= at(i, j + 1))) {
      script.push(['-', before[i] as string]);
      i++;
    } else {
      script.push(['+', after[j] as string]);
      j++;
    }
  }
  return script;
}
