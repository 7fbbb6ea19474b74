import { showFigure } from './figure.js';
import { html, type Markup, prose } from './markup.js';
import { linePath, plot, xAt, yAt } from './plot.js';
import { extent, figure, linearScale, logScale, spread } from './scale.js';

/** Points at most in each line; of steps that share a place the least and the largest are drawn. */
const POINTS = 400;
/** From this ratio of its ends on a positive quantity is drawn logarithmically. */
const WIDE = 50;

/** Losses near that of chance differ in the fourth digit. */
const DIGITS = 5;

export interface Line {
  readonly name: string;
  readonly steps: readonly number[];
  readonly values: readonly (number | undefined)[];
}

/** One quantity over the steps of the run; a second line is one of the validation rows. */
export function overTime(title: string, lines: readonly Line[]): Markup {
  const finite = lines.flatMap(({ values }) => values.filter((value) => value !== undefined && Number.isFinite(value))) as number[];
  const [least, most] = extent(finite) ?? [0, 1];
  const logarithmic = least > 0 && most / least > WIDE;
  const scale = (logarithmic ? logScale : linearScale)(finite);
  const [from, to] = extent(lines.flatMap(({ steps }) => steps)) ?? [0, 1];
  const at = (step: number): number => (to > from ? (step - from) / (to - from) : 0.5);
  const drawn = lines.map((line, i) => {
    const { steps, values } = thinned(line);
    const dots = steps.length <= 60 ? html`${steps.map((step, j) => dot(line.name, step, values[j], xAt(at(step)), scale.at))}` : undefined;
    return html`<g class="${i === 0 ? 'first' : 'last'}"><path class="${i === 0 ? 'first' : 'last'}" d="${linePath(steps.map(at), values, scale)}"/>${dots}</g>`;
  });
  const labels = [...new Set(spread(to - from + 1, 5))].map((step) => [at(from + step), String(from + step)] as const);
  const summary = `${lines.map(told).join(' ')}${logarithmic ? ' Logarithmic.' : ''}`;
  const [first] = lines;
  const shown = first ? spread(first.steps.length, 20) : [];
  return showFigure({
    title,
    summary,
    drawing: plot({ title: 'step', labels }, scale, drawn),
    caption: html`${lines.length > 1 ? lines.map(({ name }, i) => html`<span class="item"><span class="key ${i === 0 ? 'first' : 'last'}"></span>${name}</span> `) : undefined}${lines.length > 1 ? html`<br>` : undefined}${prose(summary)}`,
    numbers: {
      titles: ['Step', ...lines.map(({ name }) => name)],
      rows: shown.map((i) => {
        const step = first?.steps[i] ?? 0;
        return [String(step), ...lines.map(({ steps, values }) => figure(values[steps.findLastIndex((one) => one <= step)], DIGITS))];
      }),
    },
  });
}

function dot(name: string, step: number, value: number | undefined, x: number, share: (value: number) => number): Markup | undefined {
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return html`<circle cx="${x}" cy="${yAt(share(value))}" r="2.5"><title>${name}, step ${step}: ${figure(value, DIGITS)}</title></circle>`;
}

function thinned({ name, steps, values }: Line): Line {
  if (steps.length <= POINTS) return { name, steps, values };
  const bins = POINTS / 2;
  const kept = Array.from({ length: bins }, (_, bin) => {
    const places = Array.from({ length: steps.length }, (_, i) => i).slice((bin * steps.length) / bins, ((bin + 1) * steps.length) / bins);
    const known = places.filter((i) => Number.isFinite(values[i]));
    const sorted = known.toSorted((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
    return [...new Set([sorted[0], sorted.at(-1)])].filter((i) => i !== undefined).toSorted((a, b) => a - b);
  }).flat();
  return { name, steps: kept.map((i) => steps[i] ?? 0), values: kept.map((i) => values[i]) };
}

function told({ name, steps, values }: Line): string {
  const known = steps.flatMap((step, i) => (values[i] === undefined ? [] : [{ step, value: values[i] }]));
  const [start, end] = [known[0], known.at(-1)];
  if (!start || !end) return `${name}: not recorded.`;
  return start.step === end.step
    ? `${name}: ${figure(start.value, DIGITS)} at step ${start.step}.`
    : `${name}: ${figure(start.value, DIGITS)} at step ${start.step}, ${figure(end.value, DIGITS)} at step ${end.step}.`;
}
