import { layers, sequential, type Treatment, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { Finding } from '#src/doctor/finding.js';
import { describeTreatment } from '#src/doctor/treatment/describe.js';
import type { Evidence } from '#src/doctor/treatment/treatment.js';
import { treatmentHtml } from '#src/report/treatment-html.js';
import { madeUpTrace } from './traces.js';

const model = sequential([layers.input([4]), layers.dense(2, { activation: 'softmax' })]).compile({ loss: 'mse' });

const finding = (step: number, cause: string): Finding => ({
  rule: 'saturation',
  severity: 'ill',
  layers: ['dense_1'],
  step,
  measured: { what: 'share', value: 0.5 },
  expected: { to: 0.4, why: 'flat' },
  margin: 2,
  confidence: 0.9,
  cause,
  remedies: [],
});

const side = (gain: number, findings: readonly Finding[]): Evidence => ({
  config: toConfig(model),
  batchSize: 32,
  epochs: 5,
  findings,
  grade: { score: 0.5, accuracy: 0.5 },
  rows: 1400,
  steps: 64,
  trace: madeUpTrace({ depth: 6, steps: 3, gain }),
});

const treatment: Treatment = {
  outcome: 'cured',
  model,
  changed: true,
  remedies: [],
  findings: [finding(1, '51 % are flat')],
  before: side(0.01, [finding(64, '52 % are flat')]),
  after: side(1, []),
  trials: [],
  proposals: [],
  steps: 100,
  plainSteps: 80,
  seconds: 1,
  interrupted: false,
};

it('what is no treatment is refused', () => {
  expect(() => treatmentHtml({} as never)).toThrow('treatmentHtml: expected a treatment, as returned by doctor.treat');
});

it('shows losses that were changed as parts of what chance would make them', () => {
  const loss = (page: string) => /<section id="loss">(.*?)<\/section>/s.exec(page)?.[1] ?? '';
  expect(loss(treatmentHtml(treatment))).not.toContain('over that of chance');
  const weighed = (evidence: Evidence, weight: number): Evidence => {
    const { header, steps, ...rest } = evidence.trace;
    const training = {
      optimizer: { name: 'sgd', config: {} },
      losses: [],
      ...header.training,
      targets: [{ kind: 'real', chanceLoss: 4 * weight } as const],
    };
    return { ...evidence, trace: { ...rest, header: { ...header, training }, steps: steps.map((step) => ({ ...step, loss: 2 * weight })) } };
  };
  const page = loss(treatmentHtml({ ...treatment, before: weighed(treatment.before, 1), after: weighed(treatment.after, 1e-6) }));
  expect(page).toContain('Loss of the minibatch, over the chance-level loss');
  expect(page).toMatch(/Before: 0\.5 at step 1\b.* After: 0\.5 at step 1\b/);
  // Where chance is known of one side alone, there is nothing to bring both to.
  expect(loss(treatmentHtml({ ...treatment, after: weighed(treatment.after, 1) }))).not.toContain('over that of chance');
});

it('says why there is no code: functions of one’s own, or weights alone that changed', () => {
  const paragraphs = (page: string): string[] =>
    [...page.matchAll(/<summary>(\w+)<\/summary><p>([^<]*)/g)].map(([, name, text]) => `${name}: ${text}`);
  const still = 'The code stays as it is: only weights were drawn anew.';
  expect(paragraphs(treatmentHtml(treatment))).toEqual([`Evenkeel: ${still}`, `Keras: ${still}`, `PyTorch: ${still}`]);
  const own = sequential([layers.input([4]), layers.dense(2, { activation: (x) => x })]).compile({ loss: 'mse' });
  const bare = (side: Evidence, batchSize: number): Evidence => ({ ...side, config: toConfig(own), batchSize });
  const page = treatmentHtml({ ...treatment, before: bare(treatment.before, 8), after: bare(treatment.after, 32) });
  const lacks = (name: string): string => `${name}: The model has layers with custom functions, which cannot be written as ${name} code here.`;
  expect(paragraphs(page)).toEqual([lacks('Keras'), lacks('PyTorch')]);
});

it('does not call a network cured in which nothing was ill', () => {
  const remedies = [{ id: 'adaptive-optimizer', cost: 'training', what: 'train by adam', answers: [] }] as const;
  const word = (page: string): string | undefined => /<p class="word">([^<]*)/.exec(page)?.[1];
  expect(word(treatmentHtml({ ...treatment, remedies }))).toBe('Cured.');
  expect(word(treatmentHtml({ ...treatment, remedies, findings: [] }))).toBe('Nothing was ill, but the network does better with the changes.');
});

it('says of a change that it did not help, where it and its code stand', () => {
  const remedies = [{ id: 'adaptive-optimizer', cost: 'training', what: 'train by adam', answers: [] }] as const;
  const vain = treatmentHtml({ ...treatment, outcome: 'uncured', remedies });
  expect(/<section id="remedies">(.*?)<ol>/s.exec(vain)?.[1]).toContain('<p>What did best in a trial did not help in the end:</p>');
  expect(/<section id="code">(.*?)<details/s.exec(vain)?.[1]).toContain('<p>It did not help.</p>');
  expect(treatmentHtml({ ...treatment, remedies })).not.toContain('did not help');
});

it('has scores that are far from 0 in few digits', () => {
  const trials = [{ remedies: [], kind: 'full', steps: 3, grade: { score: -4.23712872775e60 }, ill: [] }] as const;
  expect(treatmentHtml({ ...treatment, trials })).toContain('>-4.24e+60<');
});

describe('before and after', () => {
  const page = treatmentHtml(treatment);
  const [, before = '', after = ''] = page.split('<article class="side"');

  it('share one axis, over what both show', () => {
    const ticks = (text: string): string[] =>
      [...(/<svg[\s\S]*?<\/svg>/.exec(text)?.[0] ?? '').matchAll(/text-anchor="end">([^<]*)</g)].map(([, tick]) => tick ?? '');
    expect(ticks(before).length).toBeGreaterThan(2);
    expect(ticks(before)).toEqual(ticks(after));
    const sizes = [...treatment.before.trace.steps, ...treatment.after.trace.steps].flatMap(({ signals }) => signals.gRms.map(Number));
    expect(Number(ticks(after)[0])).toBeLessThanOrEqual(Math.min(...sizes));
  });

  it('say when each symptom was seen: a look and a run do not show the same', () => {
    expect(before).toContain('52 % are flat. <small>(at step 64)</small>');
    expect(describeTreatment(treatment)).toContain('was ill: saturation: 51 % are flat (seen before the first step)');
    expect(describeTreatment({ ...treatment, findings: treatment.before.findings })).toContain('52 % are flat (seen at step 64)');
  });
});
