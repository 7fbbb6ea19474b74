import { html, type Markup } from './markup.js';
import { figure, type Scale } from './scale.js';

export const WIDTH = 460;
export const HEIGHT = 260;
export const frame = { left: 58, right: 24, top: 12, bottom: 40 } as const;
export const inner = { width: WIDTH - frame.left - frame.right, height: HEIGHT - frame.top - frame.bottom } as const;

export const xAt = (share: number): number => round(frame.left + share * inner.width);
export const yAt = (share: number): number => round(frame.top + (1 - share) * inner.height);
const round = (number: number): number => Math.round(number * 10) / 10;

export interface Axis {
  readonly title: string;
  /** Where labels stand, from 0 to 1. */
  readonly labels: readonly (readonly [share: number, text: string])[];
}

/** Axes, and in them what is given. */
export function plot(x: Axis, y: Scale, marks: readonly (Markup | undefined)[]): Markup {
  // As many as keep neighbours apart.
  const digits = [3, 4, 5, 6].find((count) => new Set(y.ticks.map((tick) => figure(tick, count))).size === y.ticks.length) ?? 7;
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" class="plot" aria-hidden="true">
${y.ticks.map((tick) => html`<path class="grid" d="M${frame.left} ${yAt(y.at(tick))}h${inner.width}"/><text x="${frame.left - 6}" y="${yAt(y.at(tick)) + 4}" text-anchor="end">${figure(tick, digits)}</text>`)}
${x.labels.map(([share, text]) => html`<text x="${xAt(share)}" y="${HEIGHT - frame.bottom + 18}" text-anchor="middle">${text}</text>`)}
<text x="${xAt(0.5)}" y="${HEIGHT - 6}" text-anchor="middle" class="axis">${x.title}</text>
${marks}</svg>`;
}

/** A line through points that are there; it breaks where one is missing or not finite. */
export function linePath(xs: readonly number[], ys: readonly (number | undefined)[], y: Scale): string {
  let drawing = false;
  return xs
    .map((x, i) => {
      const value = ys[i];
      if (value === undefined || !Number.isFinite(value)) {
        drawing = false;
        return '';
      }
      const command = drawing ? 'L' : 'M';
      drawing = true;
      // A point alone is a line of no length, which round caps show.
      return `${command}${xAt(x)} ${yAt(y.at(value))}${command === 'M' ? 'h0' : ''}`;
    })
    .join('');
}

/** The area between two lines; it breaks where one is missing. */
export function bandPath(xs: readonly number[], lows: readonly (number | undefined)[], highs: readonly (number | undefined)[], y: Scale): string {
  const runs: number[][] = [];
  let open = false;
  xs.forEach((_, i) => {
    const whole = Number.isFinite(lows[i]) && Number.isFinite(highs[i]);
    if (whole && open) runs.at(-1)?.push(i);
    else if (whole) runs.push([i]);
    open = whole;
  });
  return runs
    .map((run) => {
      const point = (ends: readonly (number | undefined)[], wider: number) => (i: number) => `${xAt(xs[i] ?? 0) + wider} ${yAt(y.at(ends[i] ?? 0))}`;
      const there = run.length > 1 ? run.map(point(highs, 0)) : run.flatMap((i) => [point(highs, -3)(i), point(highs, 3)(i)]);
      const back = run.length > 1 ? run.toReversed().map(point(lows, 0)) : run.flatMap((i) => [point(lows, 3)(i), point(lows, -3)(i)]);
      return `M${there.join('L')}L${back.join('L')}Z`;
    })
    .join('');
}
