import { ArgumentError, show } from './errors.js';

/** Folds the spellings that mean one name: `he_normal`, `HeNormal` and `heNormal` become `henormal`. */
export function foldName(name: string): string {
  return name.replace(/[_\s-]/g, '').toLowerCase();
}

/** Edits between two words, a swap of neighbours counted once (optimal string alignment distance). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(substitution, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/**
 * Known names close to a mistaken one, nearest first; empty where none is close.
 * `prefer` breaks ties: names in it come before equally distant ones.
 */
export function nearestNames(name: string, known: Iterable<string>, prefer: readonly string[] = []): string[] {
  const folded = foldName(name);
  const limit = Math.max(2, Math.floor(folded.length / 3));
  return [...known]
    .map((candidate) => ({ candidate, distance: editDistance(folded, foldName(candidate)), preferred: prefer.includes(candidate) ? 0 : 1 }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || a.preferred - b.preferred || a.candidate.localeCompare(b.candidate))
    .map(({ candidate }) => candidate);
}

/** Known names that begin with what was given, as `glorotUniform` does with `glorot`; shortest first. */
function begunBy(name: string, known: readonly string[]): string[] {
  const folded = foldName(name);
  if (folded.length < 2) return [];
  return known.filter((candidate) => foldName(candidate).startsWith(folded)).sort((a, b) => a.length - b.length || a.localeCompare(b));
}

/** "; did you mean 'relu' or 'selu'?", names that begin with what was given first; or the list of all names where none is close. */
export function suggestion(name: string, known: Iterable<string>, prefer: readonly string[] = []): string {
  const all = [...known];
  const begun = begunBy(name, all);
  // Of a name of few letters anything is near.
  const others = begun.length > 0 && name.length <= 3 ? [] : nearestNames(name, all, prefer);
  const near = [...new Set([...begun, ...others])].slice(0, 3);
  if (near.length === 0) return `; known: ${all.join(', ')}`;
  return `; did you mean ${near.map((candidate) => `'${candidate}'`).join(' or ')}?`;
}

/** A text as the end of a sentence: a question has its mark. */
export function ended(text: string): string {
  return text.endsWith('?') ? text : `${text}.`;
}

/** The key of `table` that `name` spells (camelCase or Keras's snake_case), or undefined. */
export function findName<T extends object>(name: string, table: T): (keyof T & string) | undefined {
  if (Object.hasOwn(table, name)) return name as keyof T & string;
  const folded = foldName(name);
  return (Object.keys(table) as (keyof T & string)[]).find((key) => foldName(key) === folded);
}

/**
 * Looks a name up in a table of what users pick by name.
 * @throws ArgumentError naming the kind and the nearest known names.
 */
export function lookUp<T extends object>(kind: string, name: string, table: T): T[keyof T & string] {
  if (typeof name !== 'string') {
    throw new ArgumentError(`expected the name of a ${kind}, got ${show(name)}; known: ${Object.keys(table).join(', ')}`, { argument: kind });
  }
  const key = findName(name, table);
  if (key === undefined) {
    throw new ArgumentError(`unknown ${kind} '${name}'${suggestion(name, Object.keys(table))}`, { argument: kind, received: name });
  }
  return table[key];
}
