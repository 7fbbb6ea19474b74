import type { Trace } from '../vitals/trace.js';
import { type LayerCharts, stopsOf } from './layer-charts.js';
import { embedJson, html, type Markup } from './markup.js';

/** Chooses the step that the charts by layer show; undefined where fewer than two steps were observed. The script moves it, with `chosenSteps` on the page. */
export function stepSlider(trace: Trace): Markup | undefined {
  const stops = stopsOf(trace).length;
  if (stops < 2) return undefined;
  return html`<div class="slider"><label for="step">Chosen step</label><input id="step" type="range" min="0" max="${stops - 1}" value="${Math.floor(stops / 2)}" step="1"><output id="step-shown" for="step"></output></div>`;
}

/** What the script draws chosen steps from: one for the page, of all its charts by layer. */
export function chosenSteps(trace: Trace, list: readonly LayerCharts[]): Markup {
  return embedJson('chosen-steps', {
    steps: stopsOf(trace).map(({ step }) => step),
    charts: Object.assign({}, ...list.map(({ charts }) => charts)),
    names: Object.assign({}, ...list.map(({ names }) => names)),
  });
}
