import type { Described } from '../core/catalogue.js';
import { countOf } from '../core/count.js';
import { product } from '../core/shape.js';
import type { Examination } from '../doctor/examination.js';
import { value } from '../doctor/measured.js';
import { html, type Markup, type Part } from './markup.js';
import { figure } from './scale.js';

/** What the run was: network, training, data, engine. */
export function runFacts({ trace, facts, forecast }: Examination): Markup {
  const { model, source, created, training, data = [], every, level } = trace.header;
  const weights = facts.layers.flatMap((layer, i) => (facts.layers.findIndex((one) => one.layer === layer.layer) === i ? layer.weights : []));
  const size = weights.reduce((sum, { shape, trainable }) => sum + (trainable ? product(shape) : 0), 0);
  const lines: readonly (readonly [string, Part])[] = [
    ['Model', model],
    ['Written by', `${source}${created === undefined ? '' : `, ${created}`}`],
    [
      'Network',
      `${countOf(facts.layers.length, 'use')} of layers, ${forecast.depth} of them with weights; ${countOf(size, 'trained number')}; ${facts.dtype}`,
    ],
    ...(training ? trainingLines(training) : []),
    ...data.map(({ rows, features, mean, rms, min, max, constantFeatures }, i): readonly [string, Part] => [
      data.length > 1 ? `Data, input ${i + 1}` : 'Data',
      `${countOf(features, 'feature')}; in a sample of ${countOf(rows, 'row')} mean ${figure(mean)}, RMS ${figure(rms)}, from ${figure(min)} to ${figure(max)}${constantFeatures > 0 ? `, ${countOf(constantFeatures, 'feature')} constant` : ''}`,
    ]),
    [
      'Observed',
      `${countOf(trace.steps.length, 'step')}, every ${every}, level ${level}; ${countOf(trace.passes.length, 'whole pass', 'whole passes')}`,
    ],
    ...(trace.end
      ? [['Ended', `after ${countOf(trace.end.steps, 'step')}, ${figure(trace.end.seconds)} s`] as const]
      : [['Ended', 'no end was recorded: the run is still going or was interrupted'] as const]),
    ...(trace.failure
      ? [
          [
            'Failed',
            `step ${trace.failure.step}, ${trace.failure.layer}, ${trace.failure.operator} (${trace.failure.pass}): ${trace.failure.message}; inputs ${trace.failure.inputs.map(({ name, min, max }) => `${name} from ${figure(value(min))} to ${figure(value(max))}`).join(', ')}`,
          ] as const,
        ]
      : []),
  ];
  return html`<section id="facts"><h2>The run</h2><dl>${lines.map(([name, what]) => html`<dt>${name}</dt><dd>${what}</dd>`)}</dl></section>`;
}

function trainingLines(training: NonNullable<Examination['trace']['header']['training']>): (readonly [string, Part])[] {
  const { optimizer, losses, batchSize, stepsPerEpoch, epochs, seed, backend, threads } = training;
  const known = (name: string, what: number | string | undefined): string[] => (what === undefined ? [] : [`${name} ${what}`]);
  const size = [...known('batches of', batchSize), ...known('steps in a pass', stepsPerEpoch), ...known('epochs', epochs), ...known('seed', seed)];
  const engine = [...known('backend', backend), ...known('threads', threads)];
  return [
    ['Optimizer', described(optimizer)],
    ['Loss', losses.map(described).join('; ')],
    ...(size.length > 0 ? [['Training', size.join(', ')] as const] : []),
    ...(engine.length > 0 ? [['Engine', engine.join(', ')] as const] : []),
  ];
}

function described({ name, config }: Described): string {
  const options = Object.entries(config ?? {}).filter(([, option]) => ['string', 'number', 'boolean'].includes(typeof option));
  return `${name}${options.length > 0 ? ` (${options.map(([key, option]) => `${key} ${option}`).join(', ')})` : ''}`;
}
