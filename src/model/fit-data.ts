import { ArgumentError, DataError, show } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { ArraySource, type Batch, type BatchSource, IterableSource } from '../training/batches.js';
import { type Callback, checkCallbacks } from '../training/callbacks.js';
import type { InstanceType } from '../training/step.js';
import type { Arrays } from './inputs.js';
import { arraysOf, type Checked, type ClassWeight, withClassWeights } from './weights.js';

/** Inputs and targets: a dataset, or one minibatch. */
export interface BatchLike {
  readonly x: Arrays;
  readonly y: Arrays;
  /** How much each row counts in the loss: one array [N] for all outputs, or one for each; default 1. */
  readonly sampleWeight?: Arrays;
}

/** Minibatches from a generator, or from a function that is called for every epoch. */
export type BatchStream = Iterable<BatchLike> | AsyncIterable<BatchLike> | (() => Iterable<BatchLike> | AsyncIterable<BatchLike>);

export interface FitOptions {
  /** Default 1. */
  readonly epochs?: number;
  /** Index of the first epoch, for a fit that goes on; default 0. */
  readonly initialEpoch?: number;
  /** Rows per step; default 32. */
  readonly batchSize?: number;
  /** Another order of the rows in every epoch; default true. */
  readonly shuffle?: boolean;
  /** Share of the rows, the last ones, kept for validation; default 0. */
  readonly validationSplit?: number;
  readonly validationData?: BatchLike | undefined;
  /** Rows of validation per run; 256, or those of a step where a row's loss depends on the others of its minibatch (`dice`, penalties on what is active). */
  readonly validationBatchSize?: number;
  /** How much each row counts in the loss, as in a dataset's `sampleWeight`; arrays only. */
  readonly sampleWeight?: Arrays;
  /** How much rows of each class count in the training loss, by class number; classes not named count 1. */
  readonly classWeight?: ClassWeight;
  readonly callbacks?: readonly Callback[];
  /** Steps per epoch of a generator; until it ends unless given. */
  readonly stepsPerEpoch?: number;
  /** 0 silent, 1 progress bar on a terminal and a line per epoch elsewhere, 2 a line per epoch; default 1. */
  readonly verbose?: 0 | 1 | 2;
  /** Most steps that one engine call may run; as many as take about 150 ms unless given. Results are the same for any. */
  readonly chunk?: number;
  readonly signal?: AbortSignal;
}

const known = [
  'epochs',
  'initialEpoch',
  'batchSize',
  'shuffle',
  'validationSplit',
  'validationData',
  'validationBatchSize',
  'sampleWeight',
  'classWeight',
  'callbacks',
  'stepsPerEpoch',
  'verbose',
  'chunk',
  'signal',
];

/** Reads `fit(data, options)` or `fit(x, y, options)`. @throws ArgumentError */
export function readFitArguments(
  first: unknown,
  second: unknown,
  third: FitOptions | undefined,
): { data: BatchLike | BatchStream; options: FitOptions } {
  const whole = isBatch(first) || isStream(first);
  if (!whole && second === undefined) throw new ArgumentError('fit needs targets: fit(x, y, options), or fit({ x, y }, options)', { argument: 'y' });
  const options = ((whole ? second : third) ?? {}) as FitOptions;
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new ArgumentError(`fit: unknown option '${key}'${suggestion(key, known)}`, { argument: key, received: key });
  }
  for (const key of ['epochs', 'batchSize', 'validationBatchSize', 'chunk', 'stepsPerEpoch', 'initialEpoch'] as const) {
    const value = options[key];
    const least = key === 'initialEpoch' ? 0 : 1;
    if (value !== undefined && (!Number.isInteger(value) || value < least)) {
      throw new ArgumentError(`fit: ${key} must be a whole number ≥ ${least}, got ${show(value)}`, { argument: key, received: value });
    }
  }
  if (options.callbacks !== undefined && !Array.isArray(options.callbacks)) {
    throw new ArgumentError(`fit: callbacks must be a list, got ${show(options.callbacks)}`, { argument: 'callbacks', received: options.callbacks });
  }
  checkCallbacks(options.callbacks ?? []);
  const { validationData } = options;
  if (validationData !== undefined && !isBatch(validationData)) {
    throw new ArgumentError(`fit: validationData must be { x, y }, got ${show(validationData)}`, { argument: 'validationData' });
  }
  const data = whole ? (first as BatchLike | BatchStream) : ({ x: first, y: second } as BatchLike);
  const { sampleWeight } = options;
  if (sampleWeight === undefined) return { data, options };
  if (!isBatch(data))
    throw new ArgumentError('fit: sampleWeight goes with arrays; a stream gives { x, y, sampleWeight }', { argument: 'sampleWeight' });
  return { data: { ...data, sampleWeight }, options };
}

export function isBatch(data: unknown): data is BatchLike {
  return typeof data === 'object' && data !== null && 'x' in data && 'y' in data;
}

function isStream(data: unknown): data is BatchStream {
  if (typeof data === 'function') return true;
  if (typeof data !== 'object' || data === null || Array.isArray(data) || ArrayBuffer.isView(data) || data instanceof NdArray) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

/** What a fit trains and validates on. */
export interface FitData {
  readonly source: BatchSource;
  readonly inputTypes: readonly InstanceType[];
  readonly targetTypes: readonly InstanceType[];
  readonly weightTypes: readonly InstanceType[];
  readonly validation: Checked | undefined;
  /** Rows of a minibatch; of a stream's first. */
  readonly batchSize: number;
  /** Inputs from which normalization layers take their moments. */
  readonly sample: readonly NdArray[];
  /** Targets of the same rows. */
  readonly sampleTargets: readonly NdArray[];
}

/** Element type and shape of one row of each array. */
export function typesOf(arrays: readonly NdArray[]): InstanceType[] {
  return arrays.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }));
}

function typesIn({ inputs, targets, weights }: Checked) {
  return { inputTypes: typesOf(inputs), targetTypes: typesOf(targets), weightTypes: typesOf(weights) };
}

/** Opens the data of a fit. @throws DataError, ShapeError from `check`; ArgumentError on options that do not go together. */
export async function openFitData(
  data: BatchLike | BatchStream,
  options: FitOptions,
  seed: number,
  check: (given: BatchLike) => Checked,
): Promise<FitData> {
  const validation = options.validationData && check(options.validationData);
  if (isBatch(data)) return openArrays(check(data), options, seed, validation);
  if ((options.validationSplit ?? 0) > 0) {
    throw new ArgumentError('validationSplit needs arrays; give a stream its validationData', { argument: 'validationSplit' });
  }
  return openStream(data, options.stepsPerEpoch, validation, (given) => withClassWeights(check(given), options.classWeight));
}

function openArrays(checked: Checked, options: FitOptions, seed: number, validation: Checked | undefined): FitData {
  const { batchSize = 32, shuffle = true, validationSplit = 0, classWeight } = options;
  const rows = checked.inputs[0]?.shape[0] ?? 0;
  const kept = splitRow(rows, validationSplit);
  const cut = (from: number, to: number): Checked => {
    const part = (arrays: readonly NdArray[]): NdArray[] => arrays.map((array) => array.slice(from, to));
    return { inputs: part(checked.inputs), targets: part(checked.targets), weights: part(checked.weights) };
  };
  const random = shuffle ? new Random(seed).stream('shuffle') : undefined;
  const trained = withClassWeights(cut(0, kept), classWeight);
  return {
    source: new ArraySource(arraysOf(trained), Math.min(batchSize, kept), random),
    ...typesIn(trained),
    validation: validation ?? (kept < rows ? cut(kept, rows) : undefined),
    batchSize: Math.min(batchSize, kept),
    sample: trained.inputs,
    sampleTargets: trained.targets,
  };
}

/** First row of the validation part. */
function splitRow(rows: number, validationSplit: number): number {
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(`validationSplit must be from 0 to below 1, got ${show(validationSplit)}`, {
      argument: 'validationSplit',
      received: validationSplit,
    });
  }
  const kept = Math.floor(rows * (1 - validationSplit));
  if (kept < 1) throw new ArgumentError(`validationSplit ${validationSplit} leaves no row of ${rows} to train on`, { argument: 'validationSplit' });
  return kept;
}

function checkMinibatch(given: BatchLike, check: (given: BatchLike) => Checked): Checked {
  if (!isBatch(given)) throw new DataError(`a stream must give minibatches { x, y }, got ${show(given)}`, { argument: 'data', received: given });
  return check(given);
}

async function openStream(
  stream: BatchStream,
  steps: number | undefined,
  validation: Checked | undefined,
  check: (given: BatchLike) => Checked,
): Promise<FitData> {
  const open = (): Iterator<BatchLike> | AsyncIterator<BatchLike> => {
    const iterable = typeof stream === 'function' ? stream() : stream;
    return Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  };
  const iterator = open();
  // A generator object under way cannot start anew: with `stepsPerEpoch` it goes on from epoch to epoch, and stays open for whoever holds it.
  const endless = steps !== undefined && (iterator as unknown) === stream;
  const head = await iterator.next();
  if (head.done) throw new DataError('the stream of minibatches is empty', { argument: 'data' });
  const opening = checkMinibatch(head.value, check);
  const types = arraysOf(opening).map(({ dtype }) => dtype);
  // The first minibatch told the types; it opens the first epoch.
  let [waiting, rest]: [Batch | undefined, typeof iterator | undefined] = [arraysOf(opening), iterator];
  async function* batches(): AsyncGenerator<Batch> {
    const current = rest ?? open();
    if (!endless) rest = undefined;
    try {
      const first = waiting;
      waiting = undefined;
      if (first) yield first;
      for (let next = await current.next(); !next.done; next = await current.next()) {
        const checked = checkMinibatch(next.value, check);
        const batch = arraysOf(checked);
        if (checked.weights.length !== opening.weights.length) {
          const [first, later] = [opening, checked].map(({ weights }) => (weights.length > 0 ? `${weights.length} sampleWeight` : 'no sampleWeight'));
          throw new DataError(`a minibatch holds ${later} where the first one held ${first}; all need the same`, { argument: 'sampleWeight' });
        }
        const other = batch.findIndex(({ dtype }, i) => dtype !== types[i]);
        if (other >= 0) {
          throw new DataError(`a minibatch holds ${batch[other]?.dtype} where the first one held ${types[other]}; all need the same element types`, {
            argument: 'data',
            received: batch[other]?.dtype,
            expected: types[other],
          });
        }
        yield batch;
      }
    } finally {
      if (!endless) await current.return?.();
    }
  }
  return {
    source: new IterableSource(batches, steps),
    ...typesIn(opening),
    validation,
    batchSize: opening.inputs[0]?.shape[0] ?? 1,
    sample: opening.inputs,
    sampleTargets: opening.targets,
  };
}
