import { countOf } from '../core/count.js';
import { ArgumentError, DataError, show } from '../core/errors.js';
import { checkOptionNames, checkWhole } from '../core/expect.js';
import { NdArray } from '../core/ndarray.js';

export interface PadOptions {
  /** Number of steps of every row; default that of the longest sequence. */
  readonly maxLength?: number;
  /** Where short rows are padded; default `pre` (at the front), as in Keras. */
  readonly padding?: 'pre' | 'post';
  /** Where long rows are truncated; default `pre`. */
  readonly truncating?: 'pre' | 'post';
  /** Padding value; default 0, which `embedding` with `maskZero` and `masking` skip. */
  readonly value?: number;
}

const names: readonly (keyof PadOptions)[] = ['maxLength', 'padding', 'truncating', 'value'];

/** One step: a number, or its features. */
type Step = number | readonly number[];

/**
 * Sequences of different lengths as one array: [rows, steps], or [rows, steps, features] where steps have features; float32.
 * @throws DataError if a step is no number, or has other features than the first; ArgumentError on an option.
 */
export function padSequences(sequences: readonly (readonly Step[])[], options: PadOptions = {}): NdArray {
  checkOptionNames('padSequences', options, names);
  const { padding = 'pre', truncating = 'pre', value = 0 } = options;
  if (!Array.isArray(sequences) || !sequences.every(Array.isArray)) {
    throw new DataError(`padSequences: expected a list of sequences, each a list of steps, got ${show(sequences)}`, { received: sequences });
  }
  for (const [argument, where] of Object.entries({ padding, truncating })) {
    if (where !== 'pre' && where !== 'post')
      throw new ArgumentError(`padSequences: ${argument} must be 'pre' or 'post', got ${show(where)}`, { argument, received: where });
  }
  if (!Number.isFinite(value))
    throw new ArgumentError(`padSequences: value must be a finite number, got ${show(value)}`, { argument: 'value', received: value });
  if (sequences.length === 0 && options.maxLength === undefined) {
    throw new DataError('padSequences: got no sequences, so the length to pad to is unknown. Did a filter remove all of them, or was a file empty?', {
      received: sequences,
    });
  }
  const longest = sequences.reduce((most, { length }) => Math.max(most, length), 0);
  const time = options.maxLength ?? longest;
  checkWhole('padSequences', 'maxLength', time);
  const first = sequences.find(({ length }) => length > 0)?.[0];
  const features = Array.isArray(first) ? first.length : undefined;
  const width = features ?? 1;
  const padded = NdArray.zeros([sequences.length, time, ...(features === undefined ? [] : [features])]);
  padded.data.fill(value as never);
  sequences.forEach((sequence, row) => {
    const kept = truncating === 'pre' ? sequence.slice(Math.max(0, sequence.length - time)) : sequence.slice(0, time);
    const start = padding === 'pre' ? time - kept.length : 0;
    kept.forEach((step, i) => {
      const numbers: readonly number[] = Array.isArray(step) ? step : [step as number];
      if (numbers.length !== width || Array.isArray(step) !== (features !== undefined) || !numbers.every((one) => typeof one === 'number')) {
        const expected = features === undefined ? 'a number, like the first step' : `${countOf(features, 'number')}, like the first step`;
        throw new DataError(`padSequences: step ${i} of row ${row} is ${show(step)}, expected ${expected}`, { received: step });
      }
      (padded.data as Float32Array).set(numbers, (row * time + start + i) * width);
    });
  });
  return padded;
}
