import type { Examination } from '../doctor/examination.js';
import { value } from '../doctor/measured.js';
import { html, type Markup } from './markup.js';
import { figure } from './scale.js';

/** All uses of layers, and the rows in which they stand, by name. */
export function layerTable({ facts, uses, forecast, trace }: Examination): { readonly rows: Markup; readonly places: ReadonlyMap<string, number> } {
  const titles = [
    'Layer',
    'Kind',
    'Shape',
    'Fans',
    'Activation',
    'Initializer',
    'Suits',
    'RMS of z, first',
    'last',
    'RMS of ∂L/∂z, first',
    'last',
    'Not covered by theory',
  ];
  const [first, last] = [trace.steps[0]?.signals, trace.steps.at(-1)?.signals];
  const rows = facts.layers.map((layer, at) => {
    const column = uses.find((use) => use.at === at)?.column;
    const taken = (name: 'zRms' | 'gRms') => [first, last].map((signals) => (column === undefined ? '' : figure(value(signals?.[name][column]))));
    const { suits, why } = forecast.layers[at] ?? {};
    const cells = [
      layer.kind,
      layer.shape.map((length) => length ?? '?').join(' × '),
      layer.fanIn === undefined ? '' : `${layer.fanIn} → ${layer.fanOut}`,
      layer.activation?.name ?? '',
      layer.weights.find(({ name }) => name === 'kernel')?.initializer?.name ?? '',
      suits ?? '',
      ...taken('zRms'),
      ...taken('gRms'),
      why ?? '',
    ];
    return html`<tr id="layer-${at + 1}" data-name="${layer.name}"><th scope="row">${layer.name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`;
  });
  const table = html`<div class="scroll all" tabindex="0" role="region" aria-label="Table: layers"><table><thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
  return { rows: table, places: new Map(facts.layers.map(({ name }, at) => [name, at + 1])) };
}
