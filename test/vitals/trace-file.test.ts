import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, DataError, doctor, Examination, layers, parseTrace, sequential, type Trace, traceFile } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { labelled } from '../training/sets.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'run.jsonl');
const set = labelled(64);
const net = sequential([layers.input([6]), layers.dense(8, { activation: 'relu' }), layers.dense(3, { activation: 'softmax' })], { seed: 1 });
net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
const { trace } = await net.fit(set, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [traceFile(path, { every: 4 })] });
const text = readFileSync(path, 'utf8');
const lines = text.trimEnd().split('\n');

describe('a run in a file', () => {
  it('is a header and a record per line, and reads as it was to six digits', () => {
    expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
      'header',
      ...['step', 'step', 'step', 'pass', 'epoch', 'step', 'step', 'pass', 'epoch', 'end'],
    ]);
    const read = parseTrace(text, path);
    const { steps, header } = trace as Trace;
    expect(read.header).toEqual(
      JSON.parse(
        JSON.stringify(header, (_, value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value)),
      ),
    );
    expect(read.steps.length).toBe(steps.length);
    steps.forEach(({ signals }, i) => {
      signals.gRms.forEach((value, k) => {
        expect(Number(read.steps[i]?.signals.gRms[k]) / Number(value)).toBeCloseTo(1, 5);
      });
    });
    expect(doctor.diagnose(read).map(({ rule }) => rule)).toEqual(doctor.diagnose(trace as Trace).map(({ rule }) => rule));
  });

  it('can be read while it is written: a torn last line is left out', () => {
    const cut = parseTrace(text.slice(0, -40), path);
    expect([cut.epochs.length, cut.end]).toEqual([2, undefined]);
    expect(parseTrace(lines.slice(0, 3).join('\n').slice(0, -1), path).steps).toHaveLength(1);
  });

  it('is whole without its last end of line, and behind a byte order mark', () => {
    expect(parseTrace(`\uFEFF${lines.join('\n')}`, path)).toEqual(parseTrace(text, path));
  });

  it('goes on where a run did, and may stand kind by kind', async () => {
    await net.fit(set, { initialEpoch: 3, epochs: 5, batchSize: 8, verbose: 0, callbacks: [traceFile(path, { every: 4 })] });
    const later = parseTrace(readFileSync(path, 'utf8'), path);
    expect(later.epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [3, 24],
      [4, 32],
    ]);
    const byKind = ['header', 'step', 'pass', 'epoch', 'end'].flatMap((kind) => lines.filter((line) => line.startsWith(`{"kind":"${kind}"`)));
    expect(parseTrace(`${byKind.join('\n')}\n`, path)).toEqual(parseTrace(text, path));
  });
});

describe('what is refused, with what was found and where', () => {
  const changed = (line: number, change: (record: Record<string, unknown>) => unknown): string => {
    const copy = [...lines];
    copy[line] = JSON.stringify(change(JSON.parse(copy[line] ?? '{}') as Record<string, unknown>));
    return `${copy.join('\n')}\n`;
  };
  const moved = (from: number, to: number): string => {
    const copy = [...lines];
    copy.splice(to, 0, ...copy.splice(from, 1));
    return `${copy.join('\n')}\n`;
  };
  it.each<[string, string, RegExp]>([
    ['an empty file', '', /run is empty; the first line of a trace must be its header/],
    ['a table', 'a,b\n1,2\n', /run is not a trace: its first line should be.*evenkeel-trace.*got 'a,b'/],
    ['another JSON', '{"loss": 1}\n', /run is not a trace/],
    ['a header that was cut', text.slice(0, 300), /^run ends within its first line, the header: the file was truncated/],
    ['two traces in one file', `${text}${text}`, /run, line \d+ is another header: a file holds a single run/],
    ['a newer version', changed(0, (header) => ({ ...header, version: 9 })), /version 9, but this release reads versions 1 to 1/],
    ['a header without layers', changed(0, (header) => ({ ...header, network: {} })), /the header must contain network\.layers/],
    ['places of no layer', changed(0, (header) => ({ ...header, watched: [99] })), /in watched the indices of layers/],
    [
      'a line torn in the middle',
      `${lines[0]}\n${lines[1]?.slice(0, 50)}\n${lines[2]}\n`,
      /run, line 2 is not JSON.*Was the file truncated or mixed/,
    ],
    ['an unknown kind', changed(1, (record) => ({ ...record, kind: 'note' })), /run, line 2: a record's kind must be one of step, pass,.*got 'note'/],
    [
      'columns of other lengths',
      changed(1, (record) => ({ ...record, signals: { zRms: [1] } })),
      /run, line 2: the column signals.zRms needs 2 entries.*got 1 entry/,
    ],
    [
      'arrays of other lengths',
      changed(1, (record) => ({ ...record, arrays: { weight: 3 } })),
      /run, line 2: the column arrays.weight needs 4 entries/,
    ],
    [
      'steps that go backwards',
      moved(3, 1),
      /run, line 3: a step record of step 1 comes after one of step 8 \(line 2\).*two runs write to this file/,
    ],
    ['passes that go backwards', moved(8, 1), /run, line 6: a pass record of step 8 comes after one of step 16 \(line 2\)/],
    [
      'epochs that go backwards',
      changed(9, (record) => ({ ...record, epoch: -1 })),
      /line 10: an epoch record of epoch -1 comes after one of epoch 0/,
    ],
    [
      'a layer without options',
      changed(0, (header) => ({
        ...header,
        network: { ...(header.network as object), layers: [{ ...(trace as Trace).header.network.layers[0], options: undefined }] },
        watched: [],
      })),
      /run, line 1: network\.(inputs|outputs|layers\[0\]\.options) must be/,
    ],
    [
      'a spread without means',
      changed(0, (header) => ({
        ...header,
        training: { ...(header.training as object), targets: [{ kind: 'real', spread: { deviations: [1], least: 0, most: 1, tenths: [] } }] },
      })),
      /run, line 1: training\.targets\[0\]\.spread\.means must be a list of numbers, got undefined/,
    ],
    [
      'a unit that died of nothing',
      changed(4, (record) => ({ ...record, units: [{ states: '', dead: 0, coma: 0, died: [null] }, null] })),
      /run, line 5: units\[0\]\.died must be a list of { unit, step, by }, got \[null\]/,
    ],
    ['a step without signals', changed(1, ({ signals: _, ...record }) => record), /run, line 2: a step record needs 'signals'/],
  ])('%s', (_, given, message) => {
    expect(() => parseTrace(given, 'run')).toThrow(DataError);
    expect(() => parseTrace(given, 'run')).toThrow(message);
  });

  it('whatever field is missing or null: it is refused, or every rule can do without it', () => {
    /** All ways to leave out one field, or to say null in its place. */
    function* broken(value: unknown): Generator<unknown> {
      if (typeof value !== 'object' || value === null) return;
      const entries = Object.entries(value);
      for (const [key, inner] of entries) {
        const without = (next: unknown): unknown =>
          Array.isArray(value) ? value.map((one, i) => (String(i) === key ? next : one)) : { ...value, [key]: next };
        yield without(undefined);
        yield without(null);
        for (const next of broken(inner)) yield without(next);
      }
    }
    let [refused, read] = [0, 0];
    lines.forEach((line, at) => {
      for (const record of broken(JSON.parse(line))) {
        const copy = lines.map((one, i) => (i === at ? JSON.stringify(record) : one)).join('\n');
        try {
          const found = doctor.diagnose(parseTrace(copy, 'run'));
          expect(Array.isArray(found)).toBe(true);
          read++;
        } catch (error) {
          expect(error, `${at}: ${JSON.stringify(record).slice(0, 2000)}`).toBeInstanceOf(DataError);
          refused++;
        }
      }
    });
    expect(Math.min(refused, read)).toBeGreaterThan(100);
  });

  it('something else than a trace', () => {
    expect(() => parseTrace(5 as never)).toThrow('parseTrace: expected the text of a trace, got 5');
    expect(() => doctor.diagnose({} as Trace)).toThrow(/^diagnose: expected a trace with a header, .* got \{\}$/);
    for (const given of [{}, undefined, null, 3, net, { header: trace?.header }, { ...trace, header: { network: trace?.header.network } }]) {
      expect(() => new Examination(given as never)).toThrow(ArgumentError);
      expect(() => new Examination(given as never)).toThrow(/^Examination: expected a trace with a header, .*model\.examine.* got /);
    }
    expect(() => new Examination(trace as Trace, { runs: 1 } as never)).toThrow(/^Examination: unknown option 'runs'.*'run'/);
  });
});
