import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, FileError, layers, sequential, type Trace, type TraceHeader, type TraceRecord, tensorBoard } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { recordEvent } from '#src/vitals/tensorboard.js';
import { unframe } from '../storage/event-records.js';
import { labelled } from '../training/sets.js';

type Field = readonly [number, number | Buffer];

function fields(bytes: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) found.push([field, varint()]);
    else if (type === 1) found.push([field, take(8).readDoubleLE()]);
    else if (type === 5) found.push([field, take(4).readFloatLE()]);
    else if (type === 2) found.push([field, take(varint())]);
    else throw new Error(`wire type ${type}`);
  }
  return found;
}

const one = (message: readonly Field[], field: number): number | Buffer | undefined => message.find(([key]) => key === field)?.[1];
const nested = (message: readonly Field[], field: number): Field[] => fields(one(message, field) as Buffer);
const doubles = (value: unknown): number[] => Array.from({ length: (value as Buffer).length / 8 }, (_, i) => (value as Buffer).readDoubleLE(8 * i));

interface Event {
  readonly time: unknown;
  readonly step: unknown;
  readonly values: Map<string, Field[]>;
}

function event(bytes: Buffer): Event {
  const message = fields(bytes);
  const values = fields(one(message, 5) as Buffer).map(([, value]) => fields(value as Buffer));
  return { time: one(message, 1), step: one(message, 2), values: new Map(values.map((value) => [String(one(value, 1)), value])) };
}

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));
const runs = join(folder, 'logs', 'first');
const set = labelled(64);
const net = sequential([layers.input([6]), layers.dense(8, { activation: 'relu' }), layers.dense(3, { activation: 'softmax' })], { seed: 1 });
net.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
let milliseconds = 1_700_000_000_250;
const history = await net.fit(set, {
  epochs: 2,
  batchSize: 8,
  verbose: 0,
  callbacks: [tensorBoard(runs, { every: 4, clock: () => milliseconds++ })],
});
const trace = history.trace as Trace;
const encoded = (record: TraceRecord, header: TraceHeader = trace.header): Event | undefined => {
  const bytes = recordEvent(header, record, 12.5);
  return bytes && event(Buffer.from(bytes));
};

describe('a run as an event file', () => {
  const [name = ''] = readdirSync(runs);
  const [first, ...rest] = unframe(readFileSync(join(runs, name)));
  const events = rest.map(event);
  const curve = (tag: string): [unknown, number][] =>
    events.flatMap(({ step, values }) => {
      const value = values.get(tag);
      return value ? [[step, one(value, 2) as number]] : [];
    });

  it('has the name and the first event by which TensorBoard knows it', () => {
    expect(name).toBe('events.out.tfevents.1700000000.evenkeel.0');
    expect(String(one(fields(first as Buffer), 3))).toBe('brain.Event:2');
  });

  it('holds a curve for what was measured of each layer, array and epoch, at its step', () => {
    const rounded = (points: readonly (readonly [number, unknown])[]): unknown[] => points.map(([step, value]) => [step, Math.fround(Number(value))]);
    const { steps, epochs, passes } = trace;
    expect(steps).toHaveLength(5);
    expect(curve('train/loss')).toEqual(rounded(steps.map(({ step, loss }) => [step, loss])));
    expect(curve('train/learning_rate')).toEqual(rounded(steps.map(({ step }) => [step, 0.01])));
    for (const [at, layer] of ['dense_1', 'dense_2'].entries()) {
      expect(curve(`g_rms/${layer}`)).toEqual(rounded(steps.map(({ step, signals }) => [step, signals.gRms[at]])));
    }
    const kernel = trace.header.arrays.indexOf('dense_2/kernel');
    expect(curve('update_ratio/dense_2/kernel')).toEqual(
      rounded(steps.map(({ step, arrays }) => [step, Number(arrays?.update[kernel]) / Number(arrays?.weight[kernel])])),
    );
    expect(curve('displacement/dense_2/kernel').length).toBe(5);
    expect(curve('epoch/loss')).toEqual(rounded(epochs.map(({ step, logs }) => [step, logs.loss])));
    expect(curve('dead/dense_1')).toEqual(rounded(passes.map(({ step, units }) => [step, units[0]?.dead])));
    // Biases start at 0, so that their first update has no ratio.
    expect(curve('update_ratio/dense_1/bias').length).toBe(4);
  });

  it('holds the time of each event, from the clock that was given', () => {
    expect(Math.abs(Number(events[0]?.time) - 1_700_000_000.25)).toBeLessThan(0.1);
    expect(events.map(({ time }) => Number(time))).toEqual(events.map(({ time }) => Number(time)).toSorted((a, b) => a - b));
  });

  it('gets a file of its own for every fit, even within one second', async () => {
    const again = tensorBoard(runs, { clock: () => 1_700_000_000_900 });
    const before = readFileSync(join(runs, name));
    await net.fit(set, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [again] });
    expect(readdirSync(runs)).toEqual([name, 'events.out.tfevents.1700000000.evenkeel.1']);
    expect(readFileSync(join(runs, name))).toEqual(before);
  });
});

describe('a record as an event', () => {
  const [step] = trace.steps;
  const withSignals = (signals: object): TraceRecord => ({ ...(step as object), signals: { ...step?.signals, ...signals } }) as TraceRecord;
  const histogram = (quantiles: readonly unknown[]): Field[] | undefined => {
    const value = encoded(withSignals({ zQuantiles: [quantiles, quantiles] }))?.values.get('z/dense_1');
    return value && nested(value, 5);
  };

  it('makes of quantiles a histogram of the middle 90 %, in per cent', () => {
    const found = histogram([-2, -1, 0, 1.5, 4]) ?? [];
    expect([one(found, 1), one(found, 2)]).toEqual([-2, 4]);
    expect(doubles(one(found, 6))).toEqual([-1, 0, 1.5, 4]);
    expect(doubles(one(found, 7))).toEqual([20, 25, 25, 20]);
    expect(one(found, 3)).toBe(90);
  });

  it.each([
    ['equal ones make no bucket', [0, 0, 0, 1, 2], [1, 2], [70, 20]],
    ['nor do the last', [0, 1, 2, 2, 2], [1, 2], [20, 70]],
    ['one value is one bucket', [3, 3, 3, 3, 3], [3], [90]],
  ])('%s', (_, quantiles, limits, counts) => {
    const found = histogram(quantiles) ?? [];
    expect(doubles(one(found, 6))).toEqual(limits);
    expect(doubles(one(found, 7))).toEqual(counts);
  });

  it('keeps what is not finite in a curve, and leaves out what was not measured', () => {
    const values = encoded(withSignals({ zRms: ['NaN', null], gRms: ['Infinity', '-Infinity'], zQuantiles: [['NaN', 0, 0, 0, 1], []] }))?.values;
    expect(one(values?.get('z_rms/dense_1') ?? [], 2)).toBeNaN();
    expect(values?.has('z_rms/dense_2')).toBe(false);
    expect(one(values?.get('g_rms/dense_1') ?? [], 2)).toBe(Number.POSITIVE_INFINITY);
    expect(one(values?.get('g_rms/dense_2') ?? [], 2)).toBe(Number.NEGATIVE_INFINITY);
    expect(values?.has('z/dense_1')).toBe(false);
  });

  it('says a failure as text', () => {
    const message = 'dense_1: exp gave Infinity — größer als float32';
    const failure = encoded({ kind: 'failure', step: 7, layer: 'dense_1', operator: 'Exp', pass: 'forward', inputs: [], message });
    const value = failure?.values.get('failure') ?? [];
    expect(failure?.step).toBe(7);
    expect(String(one(nested(nested(value, 9), 1), 1))).toBe('text');
    expect([one(nested(value, 8), 1), String(one(nested(value, 8), 8))]).toEqual([7, message]);
  });

  it('takes steps beyond 32 bits and has nothing to show of the end', () => {
    expect(encoded({ kind: 'epoch', epoch: 0, step: 2 ** 40 + 3, logs: { loss: 1 } })?.step).toBe(2 ** 40 + 3);
    expect(encoded({ kind: 'end', steps: 3, seconds: 1 })).toBeUndefined();
  });
});

describe('what is refused', () => {
  it('a folder that cannot be written, before the first step', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const steps: number[] = [];
    const batches = { onBatchEnd: (batch: number) => void steps.push(batch) };
    const fit = net.fit(set, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [tensorBoard(file), batches] });
    await expect(fit).rejects.toThrow(FileError);
    expect(steps).toEqual([]);
  });

  it('no path and wrong options', () => {
    expect(() => tensorBoard('')).toThrow(ArgumentError);
    expect(() => tensorBoard(runs, { every: 0 })).toThrow(ArgumentError);
    expect(() => tensorBoard(runs, { evry: 3 } as object)).toThrow(/every/);
  });
});
