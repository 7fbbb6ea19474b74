import { countOf } from '../core/count.js';
import { isRecord, refuse } from '../core/expect.js';
import type { Examination } from '../doctor/examination.js';
import type { Finding } from '../doctor/finding.js';
import { runFacts } from '../views/facts.js';
import { gradientMap } from '../views/gradient-map.js';
import { depthCharts, speedCharts } from '../views/layer-charts.js';
import { layerTable } from '../views/layer-table.js';
import { lossCurves } from '../views/loss-curves.js';
import { html, Markup } from '../views/markup.js';
import { script } from '../views/script.js';
import { chosenSteps, stepSlider } from '../views/step-slider.js';
import { style } from '../views/style.js';
import { unitMaps } from '../views/unit-maps.js';
import { unitMosaic } from '../views/unit-mosaic.js';
import { evidence, verdict } from '../views/verdict.js';

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
 * A recorded run as one self-contained HTML page: verdict, findings with their evidence, signals and gradients by depth against the
 * forecast, gradients by layer and step, units, speeds, loss, facts. It stays under 1 MB for 100 layers and 1,000 observed steps.
 */
export function reportHtml(source: ReportSource): string {
  if (!isRecord(source?.examination?.trace) || !Array.isArray(source.findings))
    refuse('reportHtml', 'source', '{ examination: new Examination(trace), findings: doctor.diagnose(trace) }', source);
  const { examination, findings, title } = source;
  const name = title ?? `${examination.trace.header.model}: report`;
  const { trace } = examination;
  const depth = depthCharts(examination, findings);
  const speed = speedCharts(examination, findings);
  const { rows, places } = layerTable(examination);
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>${name}</title><style>${new Markup(style)}</style></head>
<body><a class="skip" href="#findings">To the findings</a>
<header><h1>${name}</h1><p class="about">${about(examination)}</p></header>
<main>${verdict(findings)}
${evidence(findings, places)}
<div>${stepSlider(trace)}
<section id="depth"><h2>Signal and gradient by depth</h2><div class="figures">${depth.markup}</div></section>
<section id="heat"><h2>Gradient by layer and step</h2>${gradientMap(examination)}</section>
<section id="units"><h2>Units</h2>${unitMosaic(examination)}${unitMaps(examination)}</section>
<section id="speed"><h2>Speed and displacement by layer</h2>${speed.markup.length === 0 ? html`<p>Not recorded: the trace's level is ‘moments’, or no kernel is trained.</p>` : html`<div class="figures">${speed.markup}</div>`}</section>
</div>
<section id="loss"><h2>Loss and learning rate</h2><div class="figures time">${lossCurves(examination)}</div></section>
<section id="layers"><h2>Layers</h2>${rows}</section>
${runFacts(examination)}</main>
${chosenSteps(trace, [depth, speed])}<script>${new Markup(script)}</script></body></html>
`;
  return page.text;
}

function about({ trace }: Examination): string {
  const { source, created } = trace.header;
  const last = trace.steps.at(-1)?.step;
  return `Recorded by ${source}${created === undefined ? '' : `, ${created}`}; ${last === undefined ? 'no step was observed' : `${countOf(trace.steps.length, 'step')} observed, the last is step ${last}`}.`;
}
