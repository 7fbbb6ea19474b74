import { type Examination, value } from '../doctor/examination.js';
import type { Finding, Severity } from '../doctor/finding.js';
import type { Measured } from '../vitals/trace.js';
import { type ByLayer, byLayer } from './html/by-layer.js';
import { runFacts } from './html/facts.js';
import { heatMap } from './html/heat-map.js';
import { layerTable } from './html/layer-table.js';
import { embedJson, html, type Markup, Markup as Raw } from './html/markup.js';
import { mosaic } from './html/mosaic.js';
import { type Line, overTime } from './html/over-time.js';
import { spread } from './html/scale.js';
import { script } from './html/script.js';
import { style } from './html/style.js';
import { evidence, verdict } from './html/verdict.js';

/** Steps at most that the slider stops at. */
const STOPS = 60;

/** What a report is made of. */
export interface ReportSource {
  /** A trace with its forecast. */
  readonly examination: Examination;
  /** What was found in it, `diagnose(trace)`. */
  readonly findings: readonly Finding[];
  /** Default: the model's name. */
  readonly title?: string;
}

/**
 * A recorded run as one HTML page that needs nothing else: verdict, findings with their evidence, signals and gradients by depth against the
 * forecast, gradients by layer and step, units, speeds, loss, facts. It stays under 1 MB for 100 layers and 1,000 observed steps.
 */
export function reportHtml({ examination, findings, title }: ReportSource): string {
  const name = title ?? `${examination.trace.header.model}: report`;
  const { markup: depth, slider: depthSlider } = charts(signalCharts(examination, findings));
  const { markup: speed, slider: speedSlider } = charts(speedCharts(examination, findings));
  const { steps } = examination.trace;
  const stops = spread(steps.length, STOPS).map((at) => steps[at]?.step ?? 0);
  const chosen = {
    steps: stops,
    charts: { ...depthSlider.charts, ...speedSlider.charts },
    names: { ...depthSlider.names, ...speedSlider.names },
  };
  const { rows, places } = layerTable(examination);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>${name}</title><style>${new Raw(style)}</style></head>
<body><a class="skip" href="#findings">To the findings</a>
<header><h1>${name}</h1><p class="about">${about(examination)}</p></header>
<main>${verdict(findings)}
${evidence(findings, places)}
<div>${sliderOf(stops)}
<section id="depth"><h2>Signal and gradient by depth</h2><div class="figures">${depth}</div></section>
<section id="heat"><h2>Gradient by layer and step</h2>${gradientMap(examination)}</section>
<section id="units"><h2>Units</h2>${unitMosaic(examination)}</section>
<section id="speed"><h2>Speed and displacement by layer</h2>${speed.length === 0 ? html`<p>Not recorded: the trace's level is ‘moments’, or no kernel is trained.</p>` : html`<div class="figures">${speed}</div>`}</section>
</div>
<section id="loss"><h2>Loss and learning rate</h2><div class="figures time">${timeCharts(examination)}</div></section>
<section id="layers"><h2>Layers</h2>${rows}</section>
${runFacts(examination)}</main>
${embedJson('chosen-steps', chosen)}<script>${new Raw(script)}</script></body></html>
`;
  return page.text;
}

function about({ trace }: Examination): string {
  const { source, created } = trace.header;
  const last = trace.steps.at(-1)?.step;
  return `Recorded by ${source}${created === undefined ? '' : `, ${created}`}; ${last === undefined ? 'no step was observed' : `${trace.steps.length} steps observed, the last is step ${last}`}.`;
}

/** Charts by layer, and what the slider knows of them. */
function charts(list: readonly ByLayer[]) {
  const drawn = list.map((chart) => ({ chart, ...byLayer(chart) }));
  return {
    markup: drawn.map(({ markup }) => markup),
    slider: {
      charts: Object.fromEntries(drawn.map(({ chart, slider }) => [chart.id, slider])),
      names: Object.fromEntries(list.map(({ id, names }) => [id, names])),
    },
  };
}

function sliderOf(stops: readonly number[]): Markup | undefined {
  if (stops.length < 2) return undefined;
  return html`<div class="slider"><label for="step">Chosen step</label><input id="step" type="range" min="0" max="${stops.length - 1}" value="${Math.floor(stops.length / 2)}" step="1"><output id="step-shown" for="step"></output></div>`;
}

/** Layers that findings name, by the graver severity. */
function marksOf(findings: readonly Finding[]): Map<string, Severity> {
  const marks = new Map<string, Severity>();
  for (const { severity, layers } of findings) for (const layer of layers) if (marks.get(layer) !== 'ill') marks.set(layer, severity);
  return marks;
}

function signalCharts({ trace, uses, hidden, forecast }: Examination, findings: readonly Finding[]): ByLayer[] {
  const stops = spread(trace.steps.length, STOPS).flatMap((at) => trace.steps[at] ?? []);
  const column = (values: readonly Measured[]): (number | undefined)[] => uses.map((use) => value(values[use.column]));
  const reference = hidden.at(-1);
  const size = reference && value(stops[0]?.signals.gRms[reference.column]);
  const common = { names: uses.map(({ layer }) => layer.name), steps: stops.map(({ step }) => step), marks: marksOf(findings) };
  return [
    {
      ...common,
      id: 'gradient',
      title: 'Gradient: RMS of ∂L/∂z',
      rows: stops.map(({ signals }) => column(signals.gRms)),
      band: uses.map(({ at }) => {
        const { gradient } = forecast.layers[at] ?? {};
        return gradient && size !== undefined && Number.isFinite(size) ? { low: gradient.low * size, high: gradient.high * size } : undefined;
      }),
      ...(reference && size !== undefined ? { note: `The band is relative to ${reference.layer.name}, the last hidden layer with weights.` } : {}),
    },
    {
      ...common,
      id: 'signal',
      title: 'Signal: RMS of z, which activations receive',
      rows: stops.map(({ signals }) => column(signals.zRms)),
      band: uses.map(({ at }) => forecast.layers[at]?.zRms),
    },
  ];
}

function speedCharts({ trace, kernels }: Examination, findings: readonly Finding[]): ByLayer[] {
  const stops = spread(trace.steps.length, STOPS).flatMap((at) => trace.steps[at] ?? []);
  if (kernels.length === 0 || !stops.some(({ arrays }) => arrays)) return [];
  const common = { names: kernels.map(({ layer }) => layer), steps: stops.map(({ step }) => step), marks: marksOf(findings) };
  const ratio = (update: number | undefined, weight: number | undefined): number | undefined =>
    update === undefined || weight === undefined || weight === 0 ? undefined : update / weight;
  return [
    {
      ...common,
      id: 'speed',
      title: 'Speed: update ratio, RMS of the update over that of the kernel',
      rows: stops.map(({ arrays }) => kernels.map(({ column }) => ratio(value(arrays?.update[column]), value(arrays?.weight[column])))),
    },
    {
      ...common,
      id: 'displacement',
      title: 'Displacement of the kernel: ‖W − W₀‖ / ‖W₀‖',
      rows: stops.map(({ arrays }) => kernels.map(({ column }) => value(arrays?.displacement[column]))),
    },
  ];
}

function gradientMap({ trace, uses }: Examination): Markup {
  if (trace.steps.length === 0 || uses.length === 0) return html`<p>No step was observed.</p>`;
  return heatMap({
    title: 'RMS of ∂L/∂z by layer and step',
    names: uses.map(({ layer }) => layer.name),
    steps: trace.steps.map(({ step }) => step),
    rows: trace.steps.map(({ signals }) => uses.map(({ column }) => value(signals.gRms[column]))),
  });
}

function unitMosaic(examination: Examination): Markup {
  const pass = examination.trace.passes.at(-1);
  const layers = examination.uses.flatMap((use) => {
    const units = examination.units(use);
    return units ? [{ name: use.layer.name, units }] : [];
  });
  if (!pass) return html`<p>No whole pass over the data was recorded, so that nobody can say which units are dead.</p>`;
  if (layers.length === 0) return html`<p>No activation of this network has a flat side on which units could die.</p>`;
  return mosaic({ epoch: pass.epoch, layers });
}

function timeCharts({ trace }: Examination): Markup[] {
  if (trace.steps.length === 0) return [html`<p>No step was observed.</p>`];
  const steps = trace.steps.map(({ step }) => step);
  const validation = trace.epochs.filter(({ logs }) => logs.val_loss !== undefined);
  const lines: Line[] = [
    { name: 'Loss of the minibatch', steps, values: trace.steps.map(({ loss }) => value(loss)) },
    ...(validation.length > 0
      ? [
          {
            name: 'Loss of the validation rows',
            steps: validation.map(({ step }) => step),
            values: validation.map(({ logs }) => value(logs.val_loss)),
          },
        ]
      : []),
  ];
  return [
    overTime('Loss', lines),
    overTime('Learning rate', [{ name: 'Learning rate', steps, values: trace.steps.map(({ learningRate }) => value(learningRate)) }]),
  ];
}
