import { DataError, show } from '../core/errors.js';
import { isRecord } from '../core/expect.js';
import type { TraceHeader, TraceRecord } from './trace.js';

/** What a field must hold, in words, and whether something does. */
interface Field {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const text: Field = { expected: 'text', holds: (value) => typeof value === 'string' };
const number: Field = { expected: 'a number', holds: (value) => typeof value === 'number' };
const whole: Field = { expected: 'a whole number', holds: (value) => Number.isInteger(value) };
const list: Field = { expected: 'a list', holds: Array.isArray };
const object: Field = { expected: 'an object', holds: isRecord };
const lengths: Field = {
  expected: 'a list of lengths, with null for a varying one',
  holds: (value) => Array.isArray(value) && value.every((length) => length === null || Number.isInteger(length)),
};
const sizes: Field = { expected: 'a list of lengths', holds: (value) => Array.isArray(value) && value.every(Number.isInteger) };
const described: Field = {
  expected: '{ name, config }, where config is an object',
  holds: (value) => isRecord(value) && typeof value.name === 'string' && isRecord(value.config),
};
/** The same of what may have no options. */
const named: Field = {
  expected: '{ name }, with an object config if it has options',
  holds: (value) => isRecord(value) && typeof value.name === 'string' && (value.config === undefined || isRecord(value.config)),
};
/** Places among so many layers. */
const places = (count: number): Field => ({
  expected: `a list of whole numbers from 0 to ${count - 1}, indices of layers`,
  holds: (value) => Array.isArray(value) && value.every((at) => Number.isInteger(at) && at >= 0 && at < count),
});
const numbers: Field = {
  expected: 'a list of numbers',
  holds: (value) => Array.isArray(value) && value.every((one) => one === null || typeof one === 'number'),
};
const deaths: Field = {
  expected: 'a list of { unit, step, by }',
  holds: (value) => Array.isArray(value) && value.every((one) => isRecord(one) && typeof one.unit === 'number' && typeof one.step === 'number'),
};
const optional = ({ expected, holds }: Field): Field => ({ expected, holds: (value) => value === undefined || holds(value) });

/** @throws DataError naming the first field that does not hold what it should. */
function expectFields(value: unknown, place: string, what: string, fields: Readonly<Record<string, Field>>): void {
  const given = isRecord(value) ? value : undefined;
  if (!given) throw new DataError(`${place}: ${what} must be an object, got ${show(value)}`, { received: value });
  for (const [name, { expected, holds }] of Object.entries(fields)) {
    if (holds(given[name])) continue;
    throw new DataError(`${place}: ${what}.${name} must be ${expected}, got ${show(given[name])}`, { received: given[name], expected });
  }
}

const each = (value: unknown, check: (item: unknown, at: number) => void): void => {
  if (Array.isArray(value)) value.forEach(check);
};

/** @throws DataError if the header does not tell of network, training and data what every reader asks of it. */
export function checkHeader({ network, training, data }: TraceHeader, place: string): void {
  const use = places(network.layers.length);
  expectFields(network, place, 'network', { inputs: use, outputs: use });
  each(network.layers, (layer, at) => {
    const what = `network.layers[${at}]`;
    expectFields(layer, place, what, {
      name: text,
      layer: text,
      kind: text,
      role: text,
      inputs: use,
      shape: lengths,
      weights: list,
      activation: optional(named),
      options: object,
    });
    each(network.layers[at]?.weights, (array, i) => {
      expectFields(array, place, `${what}.weights[${i}]`, { name: text, shape: sizes, initializer: optional(named) });
    });
  });
  if (training !== undefined) {
    expectFields(training, place, 'training', {
      optimizer: described,
      losses: list,
      batchSize: optional(whole),
      targets: optional(list),
      neighbours: optional(object),
    });
    each(training.losses, (loss, at) => expectFields({ loss }, place, `training.losses[${at}]`, { loss: described }));
    each(training.targets, (target, at) => {
      const what = `training.targets[${at}]`;
      expectFields(target, place, what, { kind: text });
      const { spread } = target as { readonly spread?: unknown };
      if (spread !== undefined)
        expectFields(spread, place, `${what}.spread`, { means: numbers, deviations: numbers, least: number, most: number, tenths: numbers });
    });
  }
  if (data !== undefined && !Array.isArray(data)) throw new DataError(`${place}: data must be a list, got ${show(data)}`, { received: data });
  each(data, (input, at) => {
    const moments = { layer: whole, rows: number, features: number, mean: number, rms: number, constantFeatures: number, featureMean: number };
    expectFields(input, place, `data[${at}]`, { ...moments, featureDeviations: list });
  });
}

/** @throws DataError if a record does not hold what every reader asks of its kind; columns are counted elsewhere. */
export function checkFields(record: TraceRecord, place: string): void {
  if (record.kind === 'step') {
    expectFields(record.signals, place, 'signals', { zMean: list, zRms: list, hMean: list, hRms: list, gRms: list });
    if (record.arrays !== undefined) expectFields(record.arrays, place, 'arrays', { weight: list, gradient: list, update: list, displacement: list });
  }
  if (record.kind === 'pass') {
    expectFields(record, place, 'pass', { epoch: whole, step: whole });
    each(record.units, (units, at) => {
      if (units !== null)
        expectFields(units, place, `units[${at}]`, { states: text, dead: number, coma: number, died: optional(deaths), woke: optional(list) });
    });
  }
  if (record.kind === 'epoch') expectFields(record, place, 'epoch', { epoch: whole, step: whole });
  if (record.kind === 'failure') expectFields(record, place, 'failure', { step: whole, layer: text, inputs: list, message: text });
}
