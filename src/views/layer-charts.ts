import type { Examination } from '../doctor/examination.js';
import type { Finding, Severity } from '../doctor/finding.js';
import { value } from '../doctor/measured.js';
import type { StepRecord, Trace } from '../vitals/trace.js';
import { type ByLayer, byLayer, type SliderChart } from './by-layer.js';
import type { Markup } from './markup.js';
import { spread } from './scale.js';

/** Steps at most that the slider stops at. */
const STOPS = 60;

/** Charts by layer that one slider moves. */
export interface LayerCharts {
  readonly markup: readonly Markup[];
  /** What the page's script draws a chosen step from, by the id of the chart. */
  readonly charts: Readonly<Record<string, SliderChart>>;
  /** Names of the layers of each chart, in their order. */
  readonly names: Readonly<Record<string, readonly string[]>>;
}

/** Observed steps that the slider stops at: all, or 60 spread over the run. */
export function stopsOf({ steps }: Trace): StepRecord[] {
  return spread(steps.length, STOPS).flatMap((at) => steps[at] ?? []);
}

/** RMS of ∂L/∂z and of z by layer, against what theory expects; layers that `findings` name are marked. */
export function depthCharts(examination: Examination, findings: readonly Finding[] = []): LayerCharts {
  return drawn(signalCharts(examination, findings));
}

/** Update ratio and displacement of each kernel; none where the trace has no updates (level `moments`) or nothing is trained. */
export function speedCharts(examination: Examination, findings: readonly Finding[] = []): LayerCharts {
  return drawn(kernelCharts(examination, findings));
}

function drawn(list: readonly ByLayer[]): LayerCharts {
  const all = list.map((chart) => ({ chart, ...byLayer(chart) }));
  return {
    markup: all.map(({ markup }) => markup),
    charts: Object.fromEntries(all.map(({ chart, slider }) => [chart.id, slider])),
    names: Object.fromEntries(list.map(({ id, names }) => [id, names])),
  };
}

/** Layers that findings name, by the graver severity. */
function marksOf(findings: readonly Finding[]): Map<string, Severity> {
  const marks = new Map<string, Severity>();
  for (const { severity, layers } of findings) for (const layer of layers) if (marks.get(layer) !== 'ill') marks.set(layer, severity);
  return marks;
}

/** By what factor gradients of several outputs may differ and still be of one size. */
const ALIKE = 1.1;

/**
 * RMS of ∂L/∂z by layer at some steps; the band is that of the forecast, scaled to what the last hidden layer with weights has at the first of them. The
 * forecast takes gradients of all outputs for equally large; where losses or their weights make them differ, there is no band.
 */
export function gradientByLayer({ uses, hidden, forecast, facts }: Examination, steps: readonly StepRecord[]): Omit<ByLayer, 'id' | 'marks'> {
  const sent = facts.outputs.map((output) => value(steps[0]?.signals.gRms[uses.find(({ at }) => at === output)?.column ?? -1]) ?? Number.NaN);
  const alike = facts.outputs.length < 2 || Math.max(...sent) <= ALIKE * Math.min(...sent);
  const reference = alike ? hidden.at(-1) : undefined;
  const size = reference && value(steps[0]?.signals.gRms[reference.column]);
  const band = uses.map(({ at }) => {
    const { gradient } = forecast.layers[at] ?? {};
    return gradient && size !== undefined && Number.isFinite(size) ? { low: gradient.low * size, high: gradient.high * size } : undefined;
  });
  return {
    title: 'Gradient: RMS of ∂L/∂z',
    names: uses.map(({ layer }) => layer.name),
    steps: steps.map(({ step }) => step),
    rows: steps.map(({ signals }) => uses.map(({ column }) => value(signals.gRms[column]))),
    band,
    ...(reference && band.some((one) => one !== undefined)
      ? { note: `The band is relative to ${reference.layer.name}, the last hidden layer with weights.` }
      : {}),
    ...(alike ? {} : { note: 'There is no band: theory assumes output gradients of equal size, which these are not.' }),
  };
}

function signalCharts(examination: Examination, findings: readonly Finding[]): ByLayer[] {
  const { trace, uses, forecast } = examination;
  const stops = stopsOf(trace);
  const marks = marksOf(findings);
  const gradient = gradientByLayer(examination, stops);
  return [
    { ...gradient, id: 'gradient', marks },
    {
      id: 'signal',
      title: 'Signal: RMS of the pre-activations z',
      names: gradient.names,
      steps: gradient.steps,
      rows: stops.map(({ signals }) => uses.map(({ column }) => value(signals.zRms[column]))),
      band: uses.map(({ at }) => forecast.layers[at]?.zRms),
      marks,
    },
  ];
}

function kernelCharts({ trace, kernels }: Examination, findings: readonly Finding[]): ByLayer[] {
  const stops = stopsOf(trace);
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
