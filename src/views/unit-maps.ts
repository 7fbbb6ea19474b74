import type { Examination } from '../doctor/examination.js';
import { value } from '../doctor/measured.js';
import type { SignalVitals } from '../vitals/trace.js';
import { heatMap } from './heat-map.js';
import { html, type Markup } from './markup.js';

const maps = [
  ['gRmsByUnit', 'RMS of ∂L/∂z by layer and unit'],
  ['hRmsByUnit', 'RMS of h by layer and unit'],
] as const satisfies readonly (readonly [keyof SignalVitals, string])[];

/** Size of every unit's gradient and activation at the last step for which maps by unit were recorded; undefined where none were asked for. */
export function unitMaps({ trace, uses }: Examination): Markup | undefined {
  const last = trace.steps.findLast(({ signals }) => signals.gRmsByUnit !== undefined);
  if (!last) return undefined;
  const drawn = maps.flatMap(([name, title]) => {
    const lists = uses.map(({ layer, column }) => ({ name: layer.name, values: (last.signals[name]?.[column] ?? []).map(value) }));
    const shown = lists.filter(({ values }) => values.length > 0);
    const widest = Math.max(...shown.map(({ values }) => values.length));
    if (shown.length === 0) return [];
    const units = Array.from({ length: widest }, (_, unit) => unit);
    return heatMap({
      title: `${title}, step ${last.step}`,
      names: shown.map((one) => one.name),
      steps: units,
      rows: units.map((unit) => shown.map(({ values }) => values[unit])),
      columns: { one: 'unit', several: 'units' },
    });
  });
  return drawn.length > 0 ? html`<div class="figures">${drawn}</div>` : undefined;
}
