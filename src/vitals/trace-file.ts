import { countOf } from '../core/count.js';
import { DataError, show } from '../core/errors.js';
import { isRecord, refuse } from '../core/expect.js';
import { LiveTrace } from './live-trace.js';
import { type SignalVitals, TRACE_SCHEMA, TRACE_VERSION, type Trace, type TraceHeader, type TraceRecord } from './trace.js';
import { checkFields, checkHeader } from './trace-fields.js';

/** Digits that a trace keeps of each number: more than single measurements have. */
const DIGITS = 6;

/** A header or record as a line of JSON. Numbers keep six digits; those that JSON does not know are text. */
export function traceLine(record: TraceHeader | TraceRecord): string {
  return JSON.stringify(record, (_, value: unknown) => {
    if (typeof value !== 'number') return value;
    if (!Number.isFinite(value)) return String(value);
    return Number.isInteger(value) ? value : Number(value.toPrecision(DIGITS));
  });
}

/**
 * A recorded trace: a header, then a record per line. An incomplete last line is ignored, since the run may still be writing it; a complete one without a line break is read.
 * @param name name used in errors: its path. @throws DataError if it is no trace, of a newer version, a line does not hold what it should, or steps go
 * backwards.
 */
export function parseTrace(text: string, name = 'the trace'): Trace {
  if (typeof text !== 'string') refuse('parseTrace', 'text', 'the text of a trace', text);
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  const torn = lines.pop() ?? '';
  const [first, ...rest] = lines.length === 0 && torn !== '' ? [torn] : isWhole(torn) ? [...lines, torn] : lines;
  if (first === undefined || first.trim() === '')
    throw new DataError(`${name} is empty; the first line of a trace must be its header`, { received: '' });
  if (lines.length === 0 && first.startsWith('{"kind":"header"') && !first.endsWith('}'))
    throw new DataError(`${name} ends within its first line, the header: the file was truncated, or the run has only just begun to write it`, {
      received: first.slice(0, 80),
    });
  const trace = new LiveTrace(readHeader(first, name));
  const latest: Latest = new Map();
  rest.forEach((line, i) => {
    if (line.trim() === '') return;
    const place = `${name}, line ${i + 2}`;
    const record = readRecord(line, trace.header, place);
    checkOrder(record, latest, place, i + 2);
    trace.add(record);
  });
  return trace;
}

/** Whether a line is all of an object: what was cut off anywhere is not. */
function isWhole(line: string): boolean {
  try {
    return isRecord(JSON.parse(line));
  } catch {
    return false;
  }
}

/** The last step and epoch of each kind of record, and the line that held it. */
type Latest = Map<string, { readonly number: number; readonly line: number }>;

/** Records of one kind come in the order of their steps; those of several kinds may stand kind by kind. @throws DataError */
function checkOrder(record: TraceRecord, latest: Latest, place: string, line: number): void {
  if (record.kind !== 'step' && record.kind !== 'pass' && record.kind !== 'epoch') return;
  for (const field of ['step', 'epoch'] as const) {
    const [key, number]: [string, unknown] = [`${record.kind} ${field}`, record[field]];
    if (typeof number !== 'number') continue;
    const before = latest.get(key);
    if (before && number < before.number) {
      const cause = 'Did two runs write to this file at the same time, or were its lines sorted? Use a separate file for each run';
      throw new DataError(
        `${place}: ${record.kind === 'epoch' ? 'an' : 'a'} ${record.kind} record of ${field} ${number} comes after one of ${field} ${before.number} (line ${before.line}); the records of a trace must be in chronological order. ${cause}`,
        { received: number, expected: `${field} ≥ ${before.number}` },
      );
    }
    latest.set(key, { number, line });
  }
}

function parseObject(line: string, place: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new DataError(
      `${place} is not JSON: ${(cause as Error).message}. Was the file truncated or mixed with another?`,
      { received: line.slice(0, 80) },
      { cause },
    );
  }
  throw new DataError(`${place} is not a JSON object: ${show(line)}`, { received: line.slice(0, 80) });
}

function readHeader(line: string, name: string): TraceHeader {
  const foreign = (): DataError =>
    new DataError(`${name} is not a trace: its first line should be { "kind": "header", "schema": "${TRACE_SCHEMA}", … }, got ${show(line)}`, {
      received: line.slice(0, 80),
      expected: TRACE_SCHEMA,
    });
  let header: Record<string, unknown>;
  try {
    header = parseObject(line, name);
  } catch {
    throw foreign();
  }
  const { kind, schema, version, network, watched, arrays } = header as Partial<TraceHeader>;
  if (kind !== 'header' || schema !== TRACE_SCHEMA) throw foreign();
  if (!Number.isInteger(version) || Number(version) < 1 || Number(version) > TRACE_VERSION) {
    throw new DataError(
      `${name} has schema version ${show(version)}, but this release reads versions 1 to ${TRACE_VERSION}; read it with the release that wrote it`,
      { received: version, expected: TRACE_VERSION },
    );
  }
  const places = network?.layers?.length ?? 0;
  if (!Array.isArray(network?.layers) || !Array.isArray(watched) || !watched.every((at) => Number.isInteger(at) && at >= 0 && at < places)) {
    throw new DataError(`${name}: the header must contain network.layers, and in watched the indices of layers among them`, { received: watched });
  }
  if (!Array.isArray(arrays)) throw new DataError(`${name}: the header must name the trained arrays in 'arrays'`, { received: arrays });
  checkHeader(header as unknown as TraceHeader, `${name}, line 1`);
  return header as unknown as TraceHeader;
}

const kinds = ['step', 'pass', 'epoch', 'failure', 'end'];

function readRecord(line: string, { watched, arrays }: TraceHeader, place: string): TraceRecord {
  const record = parseObject(line, place);
  if (record.kind === 'header')
    throw new DataError(`${place} is another header: a file holds a single run, and this one was concatenated with another`, {
      received: 'header',
      expected: kinds,
    });
  if (typeof record.kind !== 'string' || !kinds.includes(record.kind)) {
    throw new DataError(`${place}: a record's kind must be one of ${kinds.join(', ')}, got ${show(record.kind)}`, {
      received: record.kind,
      expected: kinds,
    });
  }
  const checkColumns = (columns: unknown, count: number, what: string): void => {
    if (columns === undefined) return;
    if (columns === null || typeof columns !== 'object') throw new DataError(`${place}: ${what} must be an object of columns, got ${show(columns)}`);
    for (const [name, column] of Object.entries(columns)) {
      if (Array.isArray(column) && column.length === count) continue;
      const found = Array.isArray(column) ? countOf(column.length, 'entry', 'entries') : show(column);
      throw new DataError(
        `${place}: the column ${what}.${name} needs ${countOf(count, 'entry', 'entries')}, one for each item that the header lists; got ${found}`,
        {
          expected: count,
        },
      );
    }
  };
  if (record.kind === 'step') {
    if (!Number.isInteger(record.step)) throw new DataError(`${place}: a step record needs its number in 'step', got ${show(record.step)}`);
    if (record.signals === undefined) throw new DataError(`${place}: a step record needs 'signals'`, { expected: 'signals' satisfies string });
    checkColumns(record.signals as SignalVitals, watched.length, 'signals');
    checkColumns(record.arrays, arrays.length, 'arrays');
  }
  if (record.kind === 'pass' && (!Array.isArray(record.units) || record.units.length !== watched.length))
    throw new DataError(`${place}: a pass record needs ${countOf(watched.length, 'entry', 'entries')} in 'units'`, { expected: watched.length });
  if (record.kind === 'epoch' && (record.logs === null || typeof record.logs !== 'object'))
    throw new DataError(`${place}: an epoch record needs 'logs'`);
  checkFields(record as unknown as TraceRecord, place);
  return record as unknown as TraceRecord;
}
