import { countOf } from '../core/count.js';
import type { UnitStates } from '../vitals/trace.js';
import { readRuns, type UnitRun, type UnitState } from '../vitals/unit-states.js';
import { rowLabels, showFigure } from './figure.js';
import { html, type Markup } from './markup.js';

/** Runs of units at most; beyond that, each layer's units are sorted by state. */
const MOST_RUNS = 12_000;

const states: Readonly<Record<UnitState, string>> = { a: 'alive', c: 'coma', d: 'dead' };

/** What became of the units of some layers in a pass over the data. */
export interface Mosaic {
  readonly epoch: number;
  readonly layers: readonly { readonly name: string; readonly units: UnitStates }[];
}

export function mosaic({ epoch, layers }: Mosaic): Markup {
  const rows = layers.map(({ name, units }) => ({ name, units, runs: readRuns(units.states) }));
  const sorted = rows.reduce((sum, { runs }) => sum + runs.length, 0) > MOST_RUNS;
  const counts = rows.map(({ runs }) => countsOf(runs));
  const totals = { alive: sum(counts, 'a'), coma: sum(counts, 'c'), dead: sum(counts, 'd') };
  const names = rows.map(({ name }) => name);
  const height = Math.max(60, Math.min(520, names.length * 14));
  const summary = `Pass ${epoch + 1} over the data: ${countOf(totals.alive, 'unit')} alive, ${totals.coma} in coma, ${totals.dead} dead, in ${countOf(rows.length, 'layer')}.`;
  return showFigure({
    title: 'Units: alive, in coma, dead',
    wide: true,
    summary,
    drawing: html`<div class="rows" style="height:${height}px">${rowLabels(names, height)}
<div class="strips">${rows.map(({ runs }, i) => strip(sorted ? sortedRuns(counts[i] ?? { a: 0, c: 0, d: 0 }) : runs))}</div></div>`,
    caption: html`<span class="key alive"></span>alive <span class="key coma"></span>in coma: only on a flat side <span class="key dead"></span>dead: fired for no instance<br>${summary} Each row is a layer, its units from left to right${sorted ? ', sorted by state' : ''}.`,
    numbers: {
      titles: ['Layer', 'Units', 'Alive', 'In coma', 'Dead', 'Died in this pass'],
      rows: rows.map(({ name, units }, i) => {
        const { a = 0, c = 0, d = 0 } = counts[i] ?? {};
        return [name, String(a + c + d), String(a), String(c), String(d), diedOf(units)];
      }),
    },
  });
}

function countsOf(runs: readonly UnitRun[]): Record<UnitState, number> {
  const counts = { a: 0, c: 0, d: 0 };
  for (const [state, count] of runs) counts[state] += count;
  return counts;
}

const sum = (counts: readonly Record<UnitState, number>[], state: UnitState): number => counts.reduce((total, one) => total + one[state], 0);
const sortedRuns = (counts: Record<UnitState, number>): UnitRun[] => (['a', 'c', 'd'] as const).map((state) => [state, counts[state]]);

/** A row whose width is its units, one path for each state. */
function strip(runs: readonly UnitRun[]): Markup {
  const paths: Record<UnitState, string> = { a: '', c: '', d: '' };
  let at = 0;
  for (const [state, count] of runs) {
    if (count > 0) paths[state] += `M${at} 0h${count}v1h${-count}`;
    at += count;
  }
  return html`<svg viewBox="0 0 ${Math.max(1, at)} 1" preserveAspectRatio="none" aria-hidden="true">${(['a', 'c', 'd'] as const).map((state) =>
    paths[state] === '' ? undefined : html`<path class="${states[state]}" d="${paths[state]}"/>`,
  )}</svg>`;
}

function diedOf({ died = [] }: UnitStates): string {
  if (died.length === 0) return '–';
  const [from, to] = died.reduce(([least, most], { step }) => [Math.min(least, step), Math.max(most, step)], [Infinity, -Infinity]);
  const bias = died.filter(({ by }) => by === 'bias').length;
  return `${died.length} (step ${from === to ? from : `${from} to ${to}`}${bias > 0 ? `; ${bias} by their bias` : ''})`;
}
