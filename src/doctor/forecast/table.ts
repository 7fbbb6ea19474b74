import { countOf } from '../../core/count.js';
import { textTable } from '../../core/text-table.js';
import type { LayerForecast } from './layer-forecast.js';
import type { PhaseRun } from './phases.js';
import { ranged, short } from './words.js';

const share = (value: number | undefined): string => {
  if (value === undefined) return '';
  const percent = 100 * value;
  return percent > 0 && percent < 0.5 ? '<1 %' : `${Math.round(percent)} %`;
};

/** Initializers that suit whatever activation they meet. */
const fitting: ReadonlySet<string> = new Set(['auto', 'critical', 'lsuv']);

/** Columns that mean something for at least one layer are shown. */
const columns: readonly (readonly [title: string, cell: (layer: LayerForecast) => string])[] = [
  ['Layer', ({ name }) => name],
  ['Fans', ({ fanIn, fanOut }) => (fanIn === undefined ? '' : `${fanIn}→${fanOut}`)],
  [
    'Initializer',
    ({ initializer, suits }) =>
      initializer === undefined || suits === undefined || initializer === suits || fitting.has(initializer)
        ? (initializer ?? '')
        : `${initializer} (suited: ${suits})`,
  ],
  ['z RMS', ({ zRms }) => ranged(zRms)],
  ['Forward gain', ({ forwardGain }) => ranged(forwardGain)],
  ['Backward gain', ({ backwardGain }) => ranged(backwardGain)],
  ['Gradient', ({ gradient }) => (gradient ? short(gradient.value) : '')],
  ['Along time', ({ alongTime }) => (alongTime ? `×${short(alongTime.gradient)} over ${countOf(alongTime.steps, 'step')}` : '')],
  ['Looks at', ({ attention }) => (attention ? `${short(attention.lookedAt)} of ${countOf(attention.steps, 'step')}` : '')],
  ['Saturated', ({ saturated }) => share(saturated)],
  ['Dead', ({ dead }) => share(dead)],
  ['Not known', ({ why = '' }) => why],
];

/** What the table shows of a forecast. */
interface Shown {
  readonly layers: readonly LayerForecast[];
  readonly runs: readonly PhaseRun[];
  readonly longest: number;
}

/** The forecast as a table for a terminal. */
export function tableOf({ layers, runs, longest }: Shown): string {
  const rows = layers.filter(({ role, known, alongTime, attention }) => role === 'weights' || alongTime || attention || !known);
  const lines = textTable(
    columns.map(([title]) => title),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
  );
  return [...lines, ...runs.map((run) => lineOf(run, longest))].join('\n');
}

function lineOf(run: PhaseRun, longest: number): string {
  const [first, last] = [run.layers[0], run.layers.at(-1)];
  const size =
    run.fixedPoint === null
      ? 'signals grow without bound'
      : run.fixedPoint === 0
        ? 'signals die out'
        : run.kept
          ? 'signals keep their size'
          : `z settles at RMS ${short(Math.sqrt(run.fixedPoint))}`;
  const reach =
    run.trainableDepth === null
      ? 'no depth is too large'
      : `trainable to about ${countOf(Math.round(run.trainableDepth), 'layer')} (this network: ${longest})`;
  return `${first}…${last}: ${run.phase}, χ ${short(run.chi)}; ${size}; ${reach}`;
}
