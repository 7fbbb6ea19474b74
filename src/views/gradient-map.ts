import type { Examination } from '../doctor/examination.js';
import { value } from '../doctor/measured.js';
import { heatMap } from './heat-map.js';
import { html, type Markup } from './markup.js';

/** RMS of ∂L/∂z by layer and observed step. */
export function gradientMap({ trace, uses }: Examination): Markup {
  if (trace.steps.length === 0 || uses.length === 0) return html`<p>No step was observed.</p>`;
  return heatMap({
    title: 'RMS of ∂L/∂z by layer and step',
    names: uses.map(({ layer }) => layer.name),
    steps: trace.steps.map(({ step }) => step),
    rows: trace.steps.map(({ signals }) => uses.map(({ column }) => value(signals.gRms[column]))),
  });
}
