import { countOf } from '../core/count.js';
import { refuse } from '../core/expect.js';
import { Examination } from '../doctor/examination.js';
import { value } from '../doctor/measured.js';
import { isInVain, isUntried, sayEvidence, sayFear, sayShare, wasFeared, wasWell } from '../doctor/treatment/describe.js';
import type { AppliedRemedy, Evidence, Outcome, Treatment } from '../doctor/treatment/treatment.js';
import { type ByLayer, byLayer, shownIn } from '../views/by-layer.js';
import { showTable } from '../views/figure.js';
import { gradientByLayer } from '../views/layer-charts.js';
import { html, type Markup, prose, Markup as Raw } from '../views/markup.js';
import { type Line, overTime } from '../views/over-time.js';
import { extent, figure } from '../views/scale.js';
import { style } from '../views/style.js';
import { unitsIfAny } from '../views/unit-mosaic.js';
import { verdict } from '../views/verdict.js';
import { frameworkNames, patchOf } from './patch.js';

interface Verdict {
  readonly text: string;
  readonly tone: 'healthy' | 'risk' | 'ill';
}

const words: { readonly [K in Outcome]: Verdict } = {
  healthy: { text: 'Healthy: trained as it is.', tone: 'healthy' },
  cured: { text: 'Cured.', tone: 'healthy' },
  improved: { text: 'Better, but not cured.', tone: 'risk' },
  uncured: { text: 'None of the remedies tried helps.', tone: 'ill' },
};

function verdictOf(treatment: Treatment): Verdict {
  if (isUntried(treatment)) return { text: 'No remedy was tried.', tone: 'ill' };
  if (wasWell(treatment)) return { text: 'Nothing was ill, but the network does better with the changes.', tone: 'healthy' };
  return wasFeared(treatment) ? { text: `Healthy: ${sayFear(treatment)} did no harm.`, tone: 'healthy' } : words[treatment.outcome];
}

const frameworks = { evenkeel: 'Evenkeel', keras: 'Keras', pytorch: 'PyTorch' };

/**
 * A treatment as one self-contained HTML page: what was ill, what was changed, before and after side by side, what else was tried, the change as code.
 */
export function treatmentHtml(treatment: Treatment, heading?: string): string {
  if (!treatment?.before || !treatment.after) refuse('treatmentHtml', 'treatment', 'a treatment, as returned by doctor.treat', treatment);
  const title = heading ?? `${treatment.model.name}: treatment`;
  const { remedies, before, after, changed, interrupted } = treatment;
  const [was, is] = [new Examination(before.trace), new Examination(after.trace)];
  const { text, tone } = verdictOf(treatment);
  const charts = { before: gradientsOf(was), after: gradientsOf(is) };
  // One axis for both: only then is higher larger.
  const reach = extent(
    [charts.before, charts.after].flatMap((chart) => (chart ? shownIn(chart).filter((one) => one > 0 && Number.isFinite(one)) : [])),
  );
  const side = (title: string, evidence: Evidence, examination: Examination, chart: GradientChart | undefined): Markup =>
    html`<article class="side" aria-label="${title}"><h3>${title}: ${sayEvidence(evidence)}</h3><div>${verdict(evidence.findings, { linked: false })}</div>
<div>${chart && byLayer({ ...chart, id: `gradient-${title}`, marks: new Map(), ...(reach ? { reach } : {}) }).markup}</div><div>${unitsIfAny(examination)}</div></article>`;
  const sides = changed
    ? [side('Before', before, was, charts.before), side('After', after, is, charts.after)]
    : [side('As it is', after, is, charts.after)];
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>${title}</title><style>${new Raw(style)}${new Raw(own)}</style></head>
<body><a class="skip" href="#remedies">To the remedies</a>
<header><h1>${title}</h1><p class="about">${cost(treatment)}</p></header>
<main><section class="verdict ${tone}" aria-label="Outcome"><p class="word">${interrupted ? 'Stopped before its end. ' : undefined}${text}</p>${changed ? html`<p>Before: ${sayEvidence(before)}. After: ${sayEvidence(after)}.</p>` : html`<p>${upper(sayEvidence(after))}.</p>`}</section>
<section id="remedies"><h2>Remedies</h2>${remedies.length === 0 ? html`<p>None was applied.</p>` : html`${isInVain(treatment) ? html`<p>What did best in a trial did not help in the end:</p>` : undefined}<ol>${remedies.map(remedy)}</ol>`}${proposals(treatment)}</section>
<section id="sides"><h2>${changed ? 'Before and after' : 'The run'}</h2><div class="sides">${sides}</div></section>
<section id="loss"><h2>Loss</h2><div class="figures time">${lossChart(was, is, changed)}</div></section>
<section id="trials"><h2>What was tried</h2>${trialTable(treatment)}</section>
${changed ? code(treatment) : undefined}</main></body></html>
`;
  return page.text;
}

const own = `
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:0 2rem}.side{display:grid;grid-template-rows:subgrid;grid-template-columns:minmax(0,1fr);grid-row:span 4;align-content:start;margin-bottom:1.5rem}.side h3{font-size:1.1rem}.side figure{margin:1rem 0}
@media screen{.told td{white-space:normal;overflow-wrap:normal}.told td:nth-child(4){min-width:10rem}.told td:nth-child(5){min-width:20rem}.told td:nth-child(n+4),.told th:nth-child(n+4){text-align:left}}
pre{overflow-x:auto;background:var(--panel);padding:.75rem 1rem;font:13px/1.45 ui-monospace,monospace;overflow-wrap:normal}pre .comes{color:var(--fine)}pre .goes{color:var(--ill)}
@media print{pre{white-space:pre-wrap}}`;

function cost({ steps, plainSteps, seconds }: Treatment): string {
  return `${countOf(steps, 'step')} in ${figure(seconds)} s, ${(steps / plainSteps).toFixed(2)} times one training of ${countOf(plainSteps, 'step')}.`;
}

function remedy({ what, cost: changes, answers }: AppliedRemedy): Markup {
  return html`<li>${prose(what)} <small>(changes ${changes === 'weights' ? 'the initial weights' : `the ${changes}`}${answers.length > 0 ? html`; answers ${answers.join(', ')}` : undefined})</small></li>`;
}

function proposals({ proposals: list }: Treatment): Markup | undefined {
  return list.length === 0 ? undefined : html`<p>For you to decide: ${list.map(({ what }) => what).join('; ')}.</p>`;
}

type GradientChart = Omit<ByLayer, 'id' | 'marks'>;

function gradientsOf(examination: Examination): GradientChart | undefined {
  const { steps } = examination.trace;
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last || examination.uses.length === 0) return undefined;
  const { note: _, ...chart } = gradientByLayer(examination, [first, last]);
  return chart;
}

/** Losses of chance this near, in logarithms, are of one loss. */
const ALIKE = 0.02;

/** Losses that were changed are drawn as parts of what chance would make them: only then is higher larger. */
function lossChart(was: Examination, is: Examination, changed: boolean): Markup {
  const { constantLoss: before } = was;
  const { constantLoss: after } = is;
  const apart = changed && before !== undefined && after !== undefined && Math.abs(Math.log(before / after)) > ALIKE;
  const line = (name: string, { trace, constantLoss = 1 }: Examination): Line => ({
    name,
    steps: trace.steps.map(({ step }) => step),
    values: trace.steps.map(({ loss }) => {
      const measured = value(loss);
      return measured === undefined ? undefined : measured / (apart ? constantLoss : 1);
    }),
  });
  return overTime(
    `Loss of the minibatch${apart ? ', over the chance-level loss' : ''}`,
    changed ? [line('Before', was), line('After', is)] : [line('Loss', is)],
  );
}

function trialTable({ trials }: Treatment): Markup {
  const kinds = { look: 'one minibatch', short: 'trial', full: 'full run' };
  const rows = trials.map(({ remedies, kind, steps, grade, ill }) => [
    kinds[kind],
    String(steps),
    grade === undefined ? '' : sayShare(grade.score),
    ill.length === 0 ? 'nothing' : ill.join(', '),
    remedies.length === 0 ? 'untreated' : remedies.map(({ what }) => what).join('; '),
  ]);
  return html`<div class="told">${showTable({ titles: ['How', 'Steps', 'Score', 'Ill', 'Change'], rows }, 'what was tried')}</div>`;
}

function code(treatment: Treatment): Markup {
  return html`<section id="code"><h2>The change as code</h2>${isInVain(treatment) ? html`<p>It did not help.</p>` : undefined}${frameworkNames.map(
    (name, i) => {
      const patch = patchOf(treatment, name);
      return html`<details${i === 0 ? new Raw(' open') : undefined}><summary>${frameworks[name]}</summary>${patch ? html`<pre tabindex="0">${patch.split('\n').map(coloured)}</pre>` : html`<p>${patch === undefined ? `The model has layers with custom functions, which cannot be written as ${frameworks[name]} code here.` : 'The code stays as it is: only weights were drawn anew.'}</p>`}</details>`;
    },
  )}</section>`;
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function coloured(line: string): Markup {
  if (line.startsWith('+')) return html`<span class="comes">${line}</span>\n`;
  return line.startsWith('-') ? html`<span class="goes">${line}</span>\n` : html`${line}\n`;
}
