import { value } from '../doctor/measured.js';
import { colours, figure, logScale } from '../views/scale.js';
import type { Trace } from '../vitals/trace.js';

export interface HeatStripOptions {
  /** Characters in a line; default 80. */
  readonly width?: number;
  /** Blocks in 256 colours; without, the default, ASCII alone. */
  readonly colour?: boolean;
}

/** Rows at most: neighbouring layers share one beyond that. */
const ROWS = 24;
/** Characters at most of a row's name. */
const NAME = 22;
/** Columns at least, however narrow the terminal. */
const LEAST = 8;

/** A run of places, from `from` to below `to`. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** One character, in one of 256 colours where it has one. */
interface Cell {
  readonly text: string;
  readonly colour?: number;
}

/** What cells are drawn with, from small to large, and for what has no place among them. */
interface Ink {
  readonly levels: readonly Cell[];
  readonly zero: Cell;
  readonly broken: Cell;
  readonly title: string;
  readonly between: string;
  readonly cut: string;
}

/** Nearest of the 216 colours that terminals have in a cube of 6 × 6 × 6. */
function terminalColour(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16);
    return channel < 48 ? 0 : channel < 115 ? 1 : Math.round((channel - 55) / 40);
  });
  return 16 + 36 * red + 6 * green + blue;
}

const blocks: Ink = {
  levels: [...new Set(colours.map(terminalColour))].map((colour) => ({ text: '█', colour })),
  zero: { text: '·', colour: 244 },
  broken: { text: '×', colour: 199 },
  title: '∂L/∂z',
  between: '…',
  cut: '…',
};
const ascii: Ink = {
  levels: [...'.:-=+*#%@'].map((text) => ({ text })),
  zero: { text: '0' },
  broken: { text: 'X' },
  title: 'dL/dz',
  between: '..',
  cut: '~',
};
const blank: Cell = { text: ' ' };

/**
 * The RMS of ∂L/∂z by layer (rows, from the input on) and observed step (columns, as far apart as steps grow), with a legend in the last line. A cell of
 * several layers or steps shows the geometric mean of what is not 0; one value that is not finite marks it. Empty where fewer than two steps were observed.
 */
export function heatStrip({ header, steps }: Trace, options: HeatStripOptions = {}): string {
  const { width = 80 } = options;
  const ink = options.colour ? blocks : ascii;
  const layers = header.watched.map((at) => header.network.layers[at]?.name ?? `layer ${at}`);
  if (steps.length < 2 || layers.length === 0) return '';
  const rows = evenSpans(layers.length, ROWS);
  const labels = rows.map(({ from, to }) => labelOf(layers.slice(from, to), ink));
  const beside = Math.max(...labels.map(({ length }) => length));
  const numbers = steps.map(({ step }) => step);
  const columns = geometricSpans(numbers, Math.max(LEAST, width - beside - 1));
  const cells = rows.map((row) =>
    columns.map((column) =>
      together(
        steps
          .slice(column.from, column.to)
          .flatMap(({ signals }) => signals.gRms.slice(row.from, row.to).flatMap((measured) => value(measured) ?? [])),
      ),
    ),
  );
  const scale = logScale(cells.flat().filter((cell) => cell !== undefined));
  const drawn = (cell: number | undefined): Cell => {
    if (cell === undefined) return blank;
    if (!Number.isFinite(cell)) return ink.broken;
    return cell > 0 ? (ink.levels[Math.min(ink.levels.length - 1, Math.floor(scale.at(cell) * ink.levels.length))] ?? blank) : ink.zero;
  };
  return [
    ...cells.map((row, i) => `${(labels[i] ?? '').padEnd(beside)} ${paint(row.map(drawn))}`.trimEnd()),
    `RMS of ${ink.title}, log scale: ${figure(10 ** scale.low)} ${paint(ink.levels)} ${figure(10 ** scale.high)}, ${paint([ink.zero])} zero, ${paint([ink.broken])} not finite; steps ${numbers[0]} to ${numbers.at(-1)}`,
  ].join('\n');
}

/** Cells in a row; a colour is named once for a run of cells that have it. */
function paint(cells: readonly Cell[]): string {
  const text = cells.map((cell, i) => `${cell.colour === cells[i - 1]?.colour ? '' : sequence(cell.colour)}${cell.text}`).join('');
  return cells.at(-1)?.colour === undefined ? text : `${text}${sequence(undefined)}`;
}

const sequence = (colour: number | undefined): string => (colour === undefined ? '\u001b[39m' : `\u001b[38;5;${colour}m`);

/** Spans of nearly equal length that cover `count` places; at most `most`. */
function evenSpans(count: number, most: number): Span[] {
  const spans = Math.min(count, most);
  const start = (i: number): number => Math.round((i * count) / spans);
  return Array.from({ length: spans }, (_, i) => ({ from: start(i), to: start(i + 1) }));
}

/** Steps that share a column: of `most` columns, each the same factor after the one before, those into which steps fall. */
function geometricSpans(steps: readonly number[], most: number): Span[] {
  if (steps.length <= most) return steps.map((_, i) => ({ from: i, to: i + 1 }));
  const place = (step: number): number => Math.log(Math.max(1, step));
  const [first, last] = [place(steps[0] ?? 1), place(steps.at(-1) ?? 1)];
  const columns = steps.map((step) => Math.min(most - 1, Math.floor((most * (place(step) - first)) / Math.max(last - first, 1e-9))));
  const starts = columns.flatMap((column, i) => (column === columns[i - 1] ? [] : [i]));
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? steps.length }));
}

/** Undefined where nothing was measured. */
function together(values: readonly number[]): number | undefined {
  const broken = values.find((one) => !Number.isFinite(one));
  if (broken !== undefined || values.length === 0) return broken;
  const sizes = values.filter((one) => one > 0).map(Math.log);
  return sizes.length === 0 ? 0 : Math.exp(sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
}

function labelOf(names: readonly string[], { between, cut }: Ink): string {
  const [first = '', last = ''] = [names[0], names.at(-1)];
  const text = names.length < 2 ? first : `${first}${between}${tail(first, last)}`;
  return text.length <= NAME ? text : `${text.slice(0, NAME - 1)}${cut}`;
}

/** Of `dense_12` behind `dense_9`: `12`. */
function tail(first: string, last: string): string {
  const [, stem = ''] = /^(.*_)\d+$/.exec(first) ?? [];
  return stem !== '' && last.startsWith(stem) && /^\d+$/.test(last.slice(stem.length)) ? last.slice(stem.length) : last;
}
