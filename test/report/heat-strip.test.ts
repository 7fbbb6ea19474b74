import { describe, expect, it } from 'vitest';
import { heatStrip } from '#src/report/heat-strip.js';
import type { StepRecord, Trace } from '#src/vitals/trace.js';
import { madeUpTrace } from './traces.js';

/** A trace whose gradients are those given, by step (rows) and layer. */
function traceOf(gradients: readonly (readonly StepRecord['signals']['gRms'][number][])[], steps = gradients.map((_, i) => i + 1)): Trace {
  const made = madeUpTrace({ depth: gradients[0]?.length ?? 0, steps: 1 });
  const [record] = made.steps;
  if (!record) throw new Error('no step');
  return { ...made, steps: gradients.map((gRms, i) => ({ ...record, step: steps[i] ?? 0, signals: { ...record.signals, gRms } })) };
}

const rowsOf = (text: string): string[] => text.split('\n').slice(0, -1);
const legendOf = (text: string): string => text.split('\n').at(-1) ?? '';

describe('in ASCII', () => {
  it('draws layers by steps, small as a dot and large as an at sign', () => {
    expect(
      heatStrip(
        traceOf([
          [1e-9, 0.5, 'NaN'],
          [1e-5, 0, null],
          [1, 0.5, 'Infinity'],
        ]),
      ),
    ).toBe(['dense_1 .+@', 'dense_2 @0@', 'dense_3 X X', 'RMS of dL/dz, log scale: 1e-9 .:-=+*#%@ 1, 0 zero, X not finite; steps 1 to 3'].join('\n'));
  });

  it('holds nothing else than ASCII, and fits the width though names are long', () => {
    const text = heatStrip(madeUpTrace({ depth: 60, steps: 500, name: (i) => `a layer with a name that is very long_${i}` }), { width: 60 });
    expect(rowsOf(text).every((row) => row.length <= 60 && /^[ -~]*$/.test(row))).toBe(true);
    expect(Math.max(...rowsOf(text).map(({ length }) => length))).toBeGreaterThan(40);
  });

  it('lets neighbouring layers share a row where there are more than 24, by their geometric mean', () => {
    const gradients = [Array.from({ length: 48 }, (_, i) => 10 ** -Math.floor(i / 2) * (i % 2 === 0 ? 30 : 0.3))];
    const text = heatStrip(traceOf([...gradients, ...gradients]));
    expect(rowsOf(text)).toHaveLength(24);
    expect(text).toContain('dense_1..2 ');
    expect(text).toContain('dense_47..48');
    expect(legendOf(text)).toContain('1e-23 .');
    expect(legendOf(text)).toContain('@ 10,');
  });

  it('lets steps share columns that grow by a factor', () => {
    // Only step 900 of 1,000 is not finite: late columns hold many steps, early ones few.
    const gradients = Array.from({ length: 1000 }, (_, i) => [i === 899 ? ('NaN' as const) : i === 0 ? 1e-6 : 1]);
    const [row = ''] = rowsOf(heatStrip(traceOf(gradients), { width: 48 }));
    const cells = row.slice('dense_1 '.length);
    expect(cells.startsWith('.@')).toBe(true);
    expect(cells.length).toBeLessThanOrEqual(40);
    expect([...cells].filter((cell) => cell === 'X')).toHaveLength(1);
    // The columns before step 900 are ln 900 / ln 1000 = 98 % of the way.
    expect(cells.indexOf('X')).toBe(cells.length - 1);
    const half = heatStrip(traceOf(gradients.map((_, i) => [i < 31 ? 1e-6 : 1])), { width: 48 });
    const dots = [...(rowsOf(half)[0] ?? '')].filter((cell) => cell === '.').length;
    // Steps 1 to 31 take half of the way to 1,000.
    expect(dots).toBeGreaterThan(10);
    expect(dots).toBeLessThanOrEqual(20);
  });

  it('says nothing where fewer than two steps were observed, or nothing is watched', () => {
    expect(heatStrip(traceOf([[1, 1]]))).toBe('');
    const trace = traceOf([[1], [1]]);
    expect(heatStrip({ ...trace, header: { ...trace.header, watched: [] } })).toBe('');
  });

  it('draws a run that is zero everywhere', () => {
    expect(
      rowsOf(
        heatStrip(
          traceOf([
            [0, 0],
            [0, 0],
          ]),
        ),
      ),
    ).toEqual(['dense_1 00', 'dense_2 00']);
  });
});

describe('in colour', () => {
  const small = traceOf([
    [1e-8, 1],
    [1e-8, 1],
    ['NaN', 1],
  ]);
  const text = heatStrip(small, { colour: true });
  const escapes = (line: string): string[] => line.split('\u001b[').slice(1);

  it('names a colour once for a run, and ends with the reader’s own', () => {
    const [first = '', second = ''] = rowsOf(text);
    expect(escapes(first)).toEqual(['38;5;53m██', '38;5;199m×', '39m']);
    expect(escapes(second)).toHaveLength(2);
    expect(second.endsWith('███\u001b[39m')).toBe(true);
  });

  it('goes from dark to light', () => {
    const codes = escapes(legendOf(text)).flatMap((part) => /^38;5;(\d+)m█/.exec(part)?.[1] ?? []);
    // xterm's cube: 16 + 36 r + 6 g + b, of which green weighs most in lightness.
    const lightness = codes.map((code) => {
      const place = Number(code) - 16;
      return 0.21 * Math.floor(place / 36) + 0.72 * (Math.floor(place / 6) % 6) + 0.07 * (place % 6);
    });
    expect(codes.length).toBeGreaterThanOrEqual(6);
    expect(lightness[0]).toBeLessThan(1);
    expect(lightness.at(-1)).toBeGreaterThan(3.5);
    lightness.forEach((light, i) => {
      if (i > 0) expect(light).toBeGreaterThanOrEqual((lightness[i - 1] ?? 0) - 0.25);
    });
  });
});
