import { folded } from './fold.js';

/** `topKAccuracy` as Python has it: `top_k_accuracy`; words of capitals, `ROC`, stay. */
export const snake = (name: string): string => name.replace(/(?<=[a-z0-9])[A-Z]|(?<=[A-Z])[A-Z](?=[a-z])/g, (letter) => `_${letter.toLowerCase()}`);

/** `batchNormalization` as a class's name: `BatchNormalization`. */
export const pascal = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** A value as Python writes it. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return tuple(value.map(literal));
  return String(value);
}

/** An expression of PyTorch's whose numbers become such as it computes with. */
export const asFloats = (x: string): string => `${x}.to(torch.get_default_dtype())`;

/** A number, or several, as numbers with a point: Python tells `1` from `1.0`. */
export function float(value: unknown): string {
  return Array.isArray(value) ? tuple(value.map(float)) : literal(value).replace(/^-?\d+$/, '$&.0');
}

const tuple = (items: readonly string[]): string => (items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`);

/** `1, name=2`. */
export function argumentList(leads: readonly string[], options: readonly (readonly [string, string])[]): string {
  return [...leads, ...options.map(([key, value]) => `${key}=${value}`)].join(', ');
}

/** Code with what has to be said of it: in a comment at the end of its line, where it breaks nothing. */
export interface Noted {
  readonly code: string;
  readonly notes: readonly string[];
}

/** A line with its comment; a line of nothing but a comment where there is no code. */
export function noted(code: string, notes: readonly string[], indent = ''): string {
  const comment = notes.length === 0 ? '' : `# ${[...new Set(notes)].join('; ')}`;
  return `${indent}${code}${code === '' || comment === '' ? '' : '  '}${comment}`;
}

/** What a list holds, line by line with comments; what repeats stands once. Entries without code are comments alone. */
export function listLines(entries: readonly Noted[]): string[] {
  return folded(entries.map((entry) => JSON.stringify(entry))).map(({ lines, count }) => {
    const block = lines.map((line) => JSON.parse(line) as Noted);
    const codes = block.flatMap(({ code }) => (code === '' ? [] : [code]));
    const notes = block.flatMap((entry) => entry.notes);
    const code = codes.join(', ');
    if (codes.length === 0) return noted('', notes, '    ');
    const repeated = codes.length === 1 ? `${code} for _ in range(${count})` : `layer for _ in range(${count}) for layer in (${code})`;
    return noted(count === 1 ? `${code},` : `*[${repeated}],`, notes, '    ');
  });
}
