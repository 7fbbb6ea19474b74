import { countOf } from '../core/count.js';
import { median } from '../doctor/measured.js';
import { type Figure, rowLabels, showFigure } from './figure.js';
import { html, type Markup } from './markup.js';
import { colours, figure, type LogScale, logScale, spread } from './scale.js';

/** Columns at most: several steps share one beyond that. */
const COLUMNS = 300;

export interface HeatMap {
  readonly title: string;
  readonly names: readonly string[];
  /** Numbers of the columns. */
  readonly steps: readonly number[];
  /** For each step an entry for each layer. */
  readonly rows: readonly (readonly (number | undefined)[])[];
  /** What columns are, one and several; default observed steps. */
  readonly columns?: { readonly one: string; readonly several: string };
}

/** Layers by steps, or by units, coloured by size. Of columns that share one each layer shows the one farthest from its usual size. */
export function heatMap({ title, names, steps, rows, columns: called = { one: 'step', several: 'observed steps' } }: HeatMap): Markup {
  const scale = logScale(rows.flat().filter((value) => value !== undefined));
  const columns = Math.min(COLUMNS, steps.length);
  const start = (column: number): number => Math.round((column * steps.length) / columns);
  const cells = names.map((_, layer) => {
    const all = rows.map((row) => row[layer]);
    const usual = logOf(median(all.filter((value) => value !== undefined && value > 0 && Number.isFinite(value)) as number[]));
    return Array.from({ length: columns }, (_, column) => farthest(all.slice(start(column), start(column + 1)), usual));
  });
  const labels = spread(columns, 6).map((column) => ({ step: steps[start(column)], left: ((100 * (column + 0.5)) / columns).toFixed(1) }));
  const height = Math.max(120, Math.min(520, names.length * 14));
  const shared =
    columns < steps.length
      ? ` ${steps.length} ${called.several} share ${columns} columns; each cell shows the value farthest from its layer's median.`
      : '';
  const broken = rows.some((row) => row.some((value) => value !== undefined && !Number.isFinite(value)));
  const zero = rows.some((row) => row.includes(0));
  const shown: Figure = {
    title,
    wide: true,
    summary: `${countOf(names.length, 'layer')} by ${steps.length} ${called.several}, from ${figure(10 ** scale.low)} (dark) to ${figure(10 ** scale.high)} (light), logarithmic.${shared}`,
    drawing: html`<div class="rows" style="height:${height}px">${rowLabels(names, height)}
<svg viewBox="0 0 ${columns} ${names.length}" preserveAspectRatio="none" class="cells" aria-hidden="true"><g transform="translate(0 0.5)">${paint(cells, scale)}</g></svg></div>
<div class="ticks" aria-hidden="true">${labels.map(({ step, left }) => html`<span style="left:${left}%">${step}</span>`)}</div><p class="ticks-title" aria-hidden="true">${called.one}</p>`,
    caption: html`<span class="ramp"><span>${figure(10 ** scale.low)}</span><svg viewBox="0 0 ${colours.length} 1" preserveAspectRatio="none" aria-hidden="true">${colours.map((colour, i) => html`<rect x="${i}" width="1.05" height="1" fill="${colour}"/>`)}</svg><span>${figure(10 ** scale.high)}</span></span> ${zero ? html`<span class="key zero"></span>0 ` : undefined}${broken ? html`<span class="key broken"></span>not finite ` : undefined}Rows: layers, from the input on. Columns: ${called.several}.${shared}`,
    numbers: {
      titles: ['Layer', ...spread(steps.length, 8).map((at) => `${called.one[0]?.toUpperCase()}${called.one.slice(1)} ${steps[at]}`)],
      rows: names.map((name, layer) => [name, ...spread(steps.length, 8).map((at) => figure(rows[at]?.[layer]))]),
    },
  };
  return showFigure(shown);
}

const logOf = (value: number): number => (value > 0 ? Math.log10(value) : -400);

/** What is not finite counts as farthest of all. */
function farthest(values: readonly (number | undefined)[], usual: number): number | undefined {
  const distance = (value: number): number => (Number.isFinite(value) ? Math.abs(logOf(value) - usual) : Infinity);
  return values.reduce((best, value) => (value !== undefined && (best === undefined || distance(value) > distance(best)) ? value : best), undefined);
}

/** One path for each colour: strokes along runs of equal cells, a little wider than their rows, so that no seams show in print. */
function paint(cells: readonly (readonly (number | undefined)[])[], scale: LogScale): Markup {
  const paths = new Map<string, string>();
  const inkOf = (value: number | undefined): string => {
    if (value === undefined) return '';
    if (!Number.isFinite(value)) return 'broken';
    return value > 0 ? String(Math.min(colours.length - 1, Math.floor(scale.at(value) * colours.length))) : 'zero';
  };
  cells.forEach((row, y) => {
    const inks = row.map(inkOf);
    for (let x = 0; x < inks.length; ) {
      const ink = inks[x] ?? '';
      let end = x + 1;
      while (end < inks.length && inks[end] === ink) end++;
      if (ink !== '') paths.set(ink, `${paths.get(ink) ?? ''}M${x} ${y}h${end - x}`);
      x = end;
    }
  });
  return html`${[...paths].map(([ink, d]) =>
    ink === 'broken' || ink === 'zero' ? html`<path class="${ink}" d="${d}"/>` : html`<path stroke="${colours[Number(ink)]}" d="${d}"/>`,
  )}`;
}
