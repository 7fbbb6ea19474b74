import { initializers, layers, model, NdArray } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { diagnose } from '#src/doctor/diagnose.js';
import { Examination } from '#src/doctor/examination.js';
import type { Finding } from '#src/doctor/finding.js';
import { reportHtml } from '#src/report/html.js';
import type { Trace } from '#src/vitals/trace.js';
import { madeUpTrace } from './traces.js';

const report = (trace: Trace, findings: readonly Finding[] = diagnose(trace), title?: string): string =>
  reportHtml({ examination: new Examination(trace), findings, ...(title === undefined ? {} : { title }) });
const section = (page: string, id: string): string => new RegExp(`<section id="${id}"[\\s\\S]*?</section>`).exec(page)?.[0] ?? '';
const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;
const rowOf = (text: string, name: string): string[] => {
  const row = new RegExp(`<tr[^>]*><th scope="row">${name}</th>(.*?)</tr>`).exec(text)?.[1] ?? '';
  return [...row.matchAll(/<td>(.*?)<\/td>/g)].map(([, cell]) => cell ?? '');
};

const vanishing = madeUpTrace({ depth: 12, steps: 40, gain: 0.2 });
const page = report(vanishing);

it.each([undefined, {}, { examination: {}, findings: [] }])('a report is made of nothing but a run and what was found in it, not of %j', (given) => {
  expect(() => reportHtml(given as never)).toThrow(/^reportHtml: expected \{ examination: new Examination\(trace\), findings/);
});

describe('the page', () => {
  it('stays under 1 MB for 100 layers and 1,000 observed steps, with states of units that change from one to the next', () => {
    const trace = madeUpTrace({ depth: 100, steps: 1000, gain: 0.9, states: () => 'adca'.repeat(25) });
    const size = new TextEncoder().encode(report(trace)).length;
    expect(size).toBeLessThan(1e6);
    expect(size).toBeGreaterThan(1e5);
  });

  it('needs nothing from elsewhere', () => {
    expect(page).not.toMatch(/(?:src|href)="(?!#|data:)|url\(|@import|\bfetch\(|import\(/);
    expect(page).toContain("default-src 'none'");
  });

  it('comes in order, from the verdict to the facts', () => {
    const order = [...page.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id);
    expect(order).toEqual(['verdict', 'findings', 'depth', 'heat', 'units', 'speed', 'loss', 'layers', 'facts']);
  });

  it('tells every drawing to a screen reader, and shows its numbers in a table', () => {
    expect(count(page, /role="img"/g)).toBe(8);
    expect(count(page, /role="img" aria-label="[^"]{20,}"/g)).toBe(8);
    expect(count(page, /<figure[\s\S]*?<table>[\s\S]*?<\/figure>/g)).toBe(8);
    expect(count(page, /<svg /g)).toBe(count(page, /<svg [^>]*aria-hidden="true"/g));
  });

  it('shows maps by unit where the trace has them', () => {
    const byUnit = (size: number) =>
      vanishing.header.watched.map((_, i) => Array.from({ length: i === 0 ? 3 : 2 }, (_unit, unit) => size * (unit + 1)));
    const steps = vanishing.steps.map((step) => ({ ...step, signals: { ...step.signals, gRmsByUnit: byUnit(1e-3), hRmsByUnit: byUnit(1) } }));
    const units = section(report({ ...vanishing, steps }), 'units');
    expect(units).toContain('RMS of ∂L/∂z by layer and unit, step 40');
    expect(units).toContain('12 layers by 3 units, from 0.001 (dark)');
    const map = units.slice(units.indexOf('RMS of h by layer and unit'));
    expect(map).toMatch(/<th[^>]*>Unit 0<\/th><th[^>]*>Unit 1<\/th><th[^>]*>Unit 2<\/th>/);
    expect(rowOf(map, 'dense_1')).toEqual(['1', '2', '3']);
    expect(rowOf(map, 'dense_2').slice(0, 2)).toEqual(['1', '2']);
    expect(section(page, 'units')).not.toContain('by layer and unit');
  });

  it('takes text for text', () => {
    const evil = '</script><img src=x onerror="alert(1)">\'&';
    const trace = madeUpTrace({ depth: 4, steps: 3, name: (i) => `${evil}${i}` });
    const [finding] = diagnose(vanishing);
    const text = report(
      trace,
      finding ? [{ ...finding, layers: [`${evil}0`], cause: evil, remedies: [{ id: 'a', what: evil, cost: 'data' }] }] : [],
      evil,
    );
    expect(finding).toBeDefined();
    expect(text).not.toContain('<img');
    expect(text).not.toContain('onerror="');
    expect(count(text, /<\/script>/g)).toBe(2);
    const data = JSON.parse(/<script type="application\/json"[^>]*>([\s\S]*?)<\/script>/.exec(text)?.[1] ?? '') as { names: { signal: string[] } };
    expect(data.names.signal[0]).toBe(`${evil}0`);
  });
});

describe('what it shows', () => {
  it('the verdict and the evidence of each finding, with links to its layers', () => {
    const findings = diagnose(vanishing);
    const ill = findings.filter(({ severity }) => severity === 'ill').length;
    expect(ill).toBeGreaterThan(0);
    expect(section(page, 'verdict')).toContain(`>${ill} ill`);
    expect(count(section(page, 'verdict'), /href="#finding-\d+"/g)).toBe(findings.length);
    const first = /<article id="finding-1"[\s\S]*?<\/article>/.exec(page)?.[0] ?? '';
    expect(first).toContain('<code>vanishing-gradient</code>');
    for (const term of ['Layers', 'Measured', 'Expected', 'Margin', 'Confidence', 'Possible remedies']) expect(first).toContain(`<dt>${term}</dt>`);
    for (const [, at] of page.matchAll(/href="#(layer-\d+)"/g)) expect(page).toContain(`<tr id="${at}"`);
    const healthy = report(vanishing, []);
    expect(section(healthy, 'verdict')).toContain('Healthy');
  });

  it('steps whole, and no stand-in for a margin as one', () => {
    const [finding] = diagnose(vanishing);
    if (!finding) throw new Error('nothing found');
    const shown = (one: Partial<Finding>): string => section(report(vanishing, [{ ...finding, ...one }]), 'findings');
    const unlimited = shown({ step: 1237, measured: { what: 'step', value: 1237 }, expected: { why: 'finite' }, margin: 1e6 });
    expect(unlimited).toContain('<dd>step: <strong>1237</strong></dd>');
    expect(unlimited).toContain('<dt>Seen</dt><dd>at step 1237</dd>');
    expect(unlimited).not.toContain('Margin');
    const endless = shown({
      measured: { what: 'ratio', value: Number.MAX_VALUE },
      expected: { to: 100, why: 'even' },
      margin: Number.MAX_VALUE / 100,
    });
    expect(endless).toContain('<dt>Margin</dt><dd>far beyond the threshold</dd>');
    expect(endless).toContain('ratio: <strong>infinite</strong>');
    expect(endless).not.toContain('e308');
  });

  it('labels under their points, and what marks below the axis say', () => {
    const depth = section(page, 'depth');
    const [points = ''] = /(?<=data-xs=")[^"]+/.exec(depth) ?? [];
    const ends = points.split(' ').filter((_, i, all) => i === 0 || i === all.length - 1);
    for (const [i, at] of ends.entries()) expect(depth).toContain(`<text x="${at}" y="238" text-anchor="middle">${i === 0 ? 1 : 12}</text>`);
    expect(page).not.toMatch(/text-anchor="start"/);
    expect(depth).toMatch(/<rect class="ill"[^>]*><title>dense_1: named in an ill finding<\/title><\/rect>/);
    expect(depth).toContain('<span class="key ill"></span>named in an ill finding');
    expect(section(report(vanishing, []), 'depth')).not.toContain('key ill');
  });

  it.each([
    [7, '1 2 3 4 5 6 7'],
    [8, '1 3 5 7 8'],
    [14, '1 4 7 10 13'],
    [100, '1 18 35 52 69 86 100'],
  ])('labels of %i layers the same number of layers apart, and none left out between', (depth, labels) => {
    const text = section(report(madeUpTrace({ depth, steps: 2 }), []), 'depth');
    const [drawing = ''] = /<svg[\s\S]*?<\/svg>/.exec(text) ?? [];
    const told = [...drawing.matchAll(/y="238" text-anchor="middle">(\d+)</g)].map(([, label]) => label);
    expect(told.join(' ')).toBe(labels);
  });

  it('no band of gradients where several outputs send gradients of different sizes', async () => {
    const wide = (gradient: string): string => gradient.slice(0, gradient.indexOf('RMS of the pre-activations z'));
    const drawn = async (lossWeights: readonly number[]): Promise<string> => {
      const x = NdArray.from(Array.from({ length: 64 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i)]));
      const enter = layers.input([3]);
      const trunk = layers.dense(16, { activation: 'tanh' }).apply(enter);
      // Outputs near 0, so that both heads send what their targets are.
      const head = () => layers.dense(3, { kernelInitializer: initializers.normal({ stddev: 1e-3 }) });
      const outputs = [0, 1].map(() => head().apply(layers.dense(16, { activation: 'tanh' }).apply(trunk)));
      const net = model({ inputs: enter, outputs }, { seed: 1 }).compile({ loss: ['mse', 'mse'], lossWeights });
      return wide(section(report(await net.examine(x, [x, x]), []), 'depth'));
    };
    expect(await drawn([1, 1])).toContain('class="band" d="M');
    const uneven = await drawn([1, 0.01]);
    expect(uneven).not.toContain('class="band"');
    expect(uneven).toContain('There is no band: theory assumes output gradients of equal size, which these are not.');
  });

  it('nothing about a band where none is drawn', () => {
    expect(section(page, 'depth')).toContain('The band is relative to');
    const layers = vanishing.header.network.layers.map((layer) =>
      layer.kind === 'dense' ? { ...layer, activation: { name: 'own', config: {}, custom: true as const } } : layer,
    );
    const unknown = section(report({ ...vanishing, header: { ...vanishing.header, network: { ...vanishing.header.network, layers } } }, []), 'depth');
    expect(unknown.slice(0, unknown.indexOf('RMS of the pre-activations z'))).not.toContain('class="band"');
    expect(unknown).not.toContain('The band is relative to');
  });

  it('measured gradients and signals beside the predicted band', () => {
    const depth = section(page, 'depth');
    expect(count(depth, /<path class="band" d="M/g)).toBe(2);
    const [, first, last] = rowOf(depth, 'dense_3');
    const measured = vanishing.steps.map(({ signals }) => Number(signals.gRms[2]));
    expect(Number(first) / Number(measured[0])).toBeCloseTo(1, 1);
    expect(Number(last) / Number(measured.at(-1))).toBeCloseTo(1, 1);
    const signal = depth.slice(depth.indexOf('RMS of the pre-activations z'));
    const [low = Number.NaN, high = Number.NaN] = (rowOf(signal, 'dense_1')[0] ?? '').split(' to ').map(Number);
    // He's weights on standard normal numbers: E[z²] = 2.
    expect(low).toBeLessThan(Math.SQRT2);
    expect(high).toBeGreaterThan(Math.SQRT2);
  });

  it('gradients from small to large from the first layer to the last', () => {
    const heat = section(page, 'heat');
    const sizes = Array.from({ length: 12 }, (_, i) => Number(rowOf(heat, `dense_${i + 1}`)[0]));
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect((sizes[0] ?? 1) / (sizes[11] ?? 0)).toBeLessThan(1e-5);
    expect(count(heat, /<path stroke="#/g)).toBeGreaterThan(8);
  });

  it('a single step that stands out, though many share a column', () => {
    const trace = madeUpTrace({ depth: 3, steps: 1000 });
    const steps = trace.steps.map((record, t) =>
      t === 501 ? { ...record, signals: { ...record.signals, gRms: ['NaN' as const, 0.01, 0.01] } } : record,
    );
    const heat = section(report({ ...trace, steps }, []), 'heat');
    expect(heat).toMatch(/<path class="broken" d="M150 0h1"/);
    expect(heat).toContain('1000 observed steps share 300 columns');
    expect(section(report(trace, []), 'heat')).not.toContain('broken');
  });

  it('dead units and units in coma where they are', () => {
    const units = section(report(madeUpTrace({ depth: 3, steps: 5, states: (i) => (i === 0 ? 'a97d3' : 'a90c10') }), []), 'units');
    expect(units).toContain('187 units alive, 10 in coma, 3 dead');
    expect(units).toContain('<path class="dead" d="M97 0h3v1h-3"/>');
    expect(units).toContain('<path class="coma" d="M90 0h10v1h-10"/>');
    expect(rowOf(units, 'dense_1').slice(0, 4)).toEqual(['100', '97', '0', '3']);
  });

  it('what is not there is said: no step, no pass, level moments', () => {
    const { header } = vanishing;
    const bare = report({ header, steps: [], passes: [], epochs: [] }, []);
    expect(section(bare, 'heat')).toContain('No step was observed');
    expect(section(bare, 'units')).toContain('No whole pass');
    const undying = { ...vanishing, passes: [], epochs: [{ kind: 'epoch', epoch: 0, step: 40, logs: { loss: 1 } }] } as const;
    expect(section(report(undying, []), 'units')).toContain('has a flat side');
    expect(section(bare, 'speed')).toContain('Not recorded');
    expect(section(bare, 'facts')).toContain('no end was recorded');
    expect(bare).not.toContain('id="step"');
  });

  it('values that are not finite, with their place', () => {
    const [record] = vanishing.steps;
    const failure = {
      kind: 'failure',
      step: 2,
      layer: 'dense_3',
      operator: 'Exp',
      pass: 'forward',
      inputs: [{ name: 'z', min: -2, max: 'Infinity' }],
      message: 'is Infinity',
    } as const;
    const broken = record ? { ...record, step: 2, loss: 'NaN' as const } : undefined;
    const facts = section(report({ ...vanishing, steps: [...vanishing.steps.slice(0, 1), ...(broken ? [broken] : [])], failure }, []), 'facts');
    expect(facts).toContain('step 2, dense_3, Exp (forward): is Infinity; inputs z from -2 to Infinity');
  });
});
