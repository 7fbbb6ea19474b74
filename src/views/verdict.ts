import type { Finding } from '../doctor/finding.js';
import { html, type Markup, prose } from './markup.js';
import { figure } from './scale.js';
import { limitsOf, sayMargin, sayQuantity, showLayers } from './words.js';

/** The sentence at the top, and the causes. `linked`: each leads to its evidence on the page; default true. */
export function verdict(findings: readonly Finding[], { linked: leads = true }: { readonly linked?: boolean } = {}): Markup {
  const ill = findings.filter(({ severity }) => severity === 'ill').length;
  const risk = findings.length - ill;
  const word = ill > 0 ? 'ill' : risk > 0 ? 'risk' : 'healthy';
  const told =
    findings.length === 0
      ? 'Healthy: no findings.'
      : ill === 0
        ? `Nothing ill; ${risk} at risk.`
        : `${ill} ill${risk > 0 ? `, ${risk} at risk` : ''}.`;
  return html`<section${leads ? html` id="verdict"` : undefined} class="verdict ${word}" aria-label="Verdict"><p class="word">${told}</p>
${findings.length === 0 ? undefined : html`<ul>${findings.map((finding, i) => html`<li>${leads ? html`<a href="#finding-${i + 1}">${badge(finding)} ${prose(upper(finding.cause))}</a>` : html`${badge(finding)} ${prose(upper(finding.cause))} <small>(${seen(finding)})</small>`}</li>`)}</ul>`}</section>`;
}

/** Every finding with its evidence. `places`: rows of layers in the table, by name. */
export function evidence(findings: readonly Finding[], places: ReadonlyMap<string, number>): Markup {
  return html`<section id="findings"><h2>Findings</h2>${
    findings.length === 0
      ? html`<p>None of the applied rules found anything in the trace.</p>`
      : findings.map((finding, i) => oneFinding(finding, i + 1, places))
  }</section>`;
}

function oneFinding(finding: Finding, number: number, places: ReadonlyMap<string, number>): Markup {
  const { rule, severity, layers, measured, expected, confidence, cause, remedies } = finding;
  const [limits, beyond] = [limitsOf(expected), sayMargin(finding, figure)];
  return html`<article id="finding-${number}" class="finding ${severity}" aria-label="${`${severity}: ${rule}`}"><h3>${badge(finding)} <code>${rule}</code></h3><p>${prose(upper(cause))}</p>
<dl>${layers.length === 0 ? undefined : html`<dt>Layers</dt><dd>${linked(layers, places)}</dd>`}
<dt>Seen</dt><dd>${seen(finding)}</dd>
<dt>Measured</dt><dd>${measured.what}: <strong>${sayQuantity(measured.value, figure)}</strong></dd>
${limits === '' ? undefined : html`<dt>Expected</dt><dd>${limits} (${expected.why})</dd>`}
${beyond === undefined ? undefined : html`<dt>Margin</dt><dd>${beyond}</dd>`}
<dt>Confidence</dt><dd>${Math.round(100 * confidence)} %</dd>
${remedies.length === 0 ? undefined : html`<dt>Possible remedies</dt><dd><ol>${remedies.map(({ what, cost }) => html`<li>${prose(what)} <small>(changes ${cost === 'training' || cost === 'architecture' || cost === 'data' ? `the ${cost}` : 'the initial weights'})</small></li>`)}</ol></dd>`}</dl></article>`;
}

/** Layers as links to their rows; of long lists the first and the last stand for those between. */
function linked(layers: readonly string[], places: ReadonlyMap<string, number>): Markup {
  const link = (name: string): Markup => (places.has(name) ? html`<a href="#layer-${places.get(name)}">${name}</a>` : html`${name}`);
  if (layers.length <= 6) return html`${layers.map((name, i) => html`${i > 0 ? ', ' : undefined}${link(name)}`)}`;
  return html`<details><summary>${showLayers(layers)}</summary>${layers.map((name, i) => html`${i > 0 ? ', ' : undefined}${link(name)}`)}</details>`;
}

const seen = ({ step }: Finding): string => (step > 0 ? `at step ${step}` : 'before the first step');
const badge = ({ severity }: Finding): Markup => html`<span class="badge ${severity}">${severity}</span>`;
/** Names keep their first letter as it is. */
const upper = (text: string): string =>
  `${/^[a-z]+[\s,']/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text}${/[.!?]$/.test(text) ? '' : '.'}`;
