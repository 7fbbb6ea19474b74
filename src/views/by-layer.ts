import type { Severity } from '../doctor/finding.js';
import { type Figure, showFigure } from './figure.js';
import { html, type Markup, prose } from './markup.js';
import { bandPath, frame, HEIGHT, inner, linePath, plot, xAt, yAt } from './plot.js';
import { extent, figure, type LogScale, labelled, logScale } from './scale.js';

/** One positive quantity of every layer at some steps. */
export interface ByLayer {
  readonly id: string;
  readonly title: string;
  readonly names: readonly string[];
  /** Numbers of the steps, and for each a row with an entry for each layer. */
  readonly steps: readonly number[];
  readonly rows: readonly (readonly (number | undefined)[])[];
  /** Where theory expects the first row. */
  readonly band?: readonly ({ readonly low: number; readonly high: number } | undefined)[];
  /** Layers that findings name. */
  readonly marks: ReadonlyMap<string, Severity>;
  readonly note?: string;
  /** Least and largest that the axis shows at least, for charts that stand side by side. */
  readonly reach?: readonly [number, number];
}

/** What the slider needs to draw a step: logarithms times 100. */
export interface SliderChart {
  readonly low: number;
  readonly high: number;
  readonly rows: readonly (readonly (number | null)[])[];
}

export function byLayer(chart: ByLayer): { readonly markup: Markup; readonly slider: SliderChart } {
  const { id, title, names, steps, rows, band = [], marks, note, reach = [] } = chart;
  const [first = [], last = []] = [rows[0], rows.at(-1)];
  const lows = names.map((_, i) => band[i]?.low);
  const highs = names.map((_, i) => band[i]?.high);
  const scale = logScale([...shownIn(chart), ...reach]);
  const xs = names.map((_, i) => (names.length > 1 ? 0.02 + (0.96 * i) / (names.length - 1) : 0.5));
  const labels = labelled(names.length, 6).map((i) => [xs[i] ?? 0, String(i + 1)] as const);
  const banded = band.some((one) => one !== undefined);
  const drawing = plot({ title: 'layer, starting at the input', labels }, scale, [
    banded ? html`<path class="band" d="${bandPath(xs, lows, highs, scale)}"/>` : undefined,
    html`${names.map((name, i) =>
      marks.has(name)
        ? html`<rect class="${marks.get(name)}" x="${xAt(xs[i] ?? 0) - 2}" y="${HEIGHT - frame.bottom + 1}" width="4" height="4"><title>${name}: ${named[marks.get(name) ?? 'ill']}</title></rect>`
        : undefined,
    )}`,
    html`<path class="first" d="${linePath(xs, first, scale)}"/><path class="last" d="${linePath(xs, last, scale)}"/>`,
    points(names, xs, first, scale, 'first', steps[0]),
    points(names, xs, last, scale, 'last', steps.at(-1)),
    html`<path class="chosen" d=""/><path class="guide" d=""/>`,
  ]);
  const several = steps.length > 1;
  const severities = (['ill', 'risk'] as const).filter((severity) => names.some((name) => marks.get(name) === severity));
  const summary = [
    sentence(steps[0], first, names),
    several ? sentence(steps.at(-1), last, names) : '',
    banded ? outside(first, band) : '',
    [...first, ...last].includes(0) ? 'Zeros lie on the lower edge.' : '',
    note ?? '',
  ]
    .filter((part) => part !== '')
    .join(' ');
  const shown: Figure = {
    title,
    summary,
    drawing: html`<div class="by-layer" data-chart="${id}" data-xs="${xs.map(xAt).join(' ')}">${drawing}</div>`,
    caption: html`${key('first', `step ${steps[0] ?? '–'}`)}${several ? html`${key('last', `step ${steps.at(-1)}`)}${key('chosen', 'chosen step', ' scripted')}` : undefined}${banded ? key('band', 'predicted, 95 % of draws') : undefined}${severities.map((severity) => key(severity, named[severity]))}<br>${prose(summary)}`,
    numbers: {
      titles: ['Layer', ...(banded ? ['Predicted'] : []), `Step ${steps[0] ?? '–'}`, ...(several ? [`Step ${steps.at(-1)}`] : [])],
      rows: names.map((name, i) => [
        name,
        ...(banded ? [band[i] ? `${figure(band[i]?.low)} to ${figure(band[i]?.high)}` : '–'] : []),
        figure(first[i]),
        ...(several ? [figure(last[i])] : []),
      ]),
    },
  };
  return {
    markup: showFigure(shown),
    slider: { low: scale.low, high: scale.high, rows: rows.map((row) => names.map((_, i) => hundredths(row[i], scale))) },
  };
}

/** What a mark below the axis says. */
const named: { readonly [K in Severity]: string } = { ill: 'named in an ill finding', risk: 'named in a risk finding' };

/** Numbers that the axis of a chart shows. */
export function shownIn({ rows, band = [] }: Pick<ByLayer, 'rows' | 'band'>): number[] {
  return [...rows.flat(), ...band.flatMap((one) => [one?.low, one?.high])].filter((value) => value !== undefined);
}

const key = (kind: string, text: string, more = ''): Markup => html`<span class="item${more}"><span class="key ${kind}"></span>${text}</span> `;

function hundredths(value: number | undefined, { low }: LogScale): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  return Math.round(100 * (value > 0 ? Math.log10(value) : low));
}

function points(
  names: readonly string[],
  xs: readonly number[],
  row: readonly (number | undefined)[],
  scale: LogScale,
  kind: string,
  step: number | undefined,
): Markup {
  return html`<g class="${kind}">${names.map((name, i) => {
    const value = row[i];
    if (value === undefined || !Number.isFinite(value)) return undefined;
    const radius = names.length > 40 ? 2 : 3.5;
    return html`<circle cx="${xAt(xs[i] ?? 0)}" cy="${yAt(scale.at(value))}" r="${radius}"><title>${name}, step ${step}: ${figure(value)}</title></circle>`;
  })}</g>`;
}

function sentence(step: number | undefined, row: readonly (number | undefined)[], names: readonly string[]): string {
  const known = row.flatMap((value, i) => (value !== undefined && Number.isFinite(value) ? [{ value, name: names[i] ?? '' }] : []));
  const ends = extent(known.map(({ value }) => value));
  if (!ends) return `Step ${step ?? '–'}: no finite value was measured.`;
  const [least, most] = ends.map((end) => known.find(({ value }) => value === end)?.name);
  const missing = row.filter((value) => value !== undefined && !Number.isFinite(value)).length;
  return `Step ${step}: from ${figure(ends[0])} (${least}) to ${figure(ends[1])} (${most})${missing > 0 ? `, ${missing} not finite` : ''}.`;
}

function outside(row: readonly (number | undefined)[], band: NonNullable<ByLayer['band']>): string {
  const compared = band.flatMap((limits, i) => (limits && row[i] !== undefined ? [row[i] >= limits.low && row[i] <= limits.high] : []));
  return `At first ${compared.filter(Boolean).length} of ${compared.length} lie in the predicted band.`;
}

/** Sizes that the script draws by. */
export const geometry = { top: frame.top, height: inner.height } as const;
