import { countOf } from '../core/count.js';
import { ArgumentError, show } from '../core/errors.js';
import { checkOptionNames, checkWhole, isRecord, refuse } from '../core/expect.js';
import { NdArray } from '../core/ndarray.js';
import type { Variable } from '../network/network.js';
import { type Callback, checkCallbacks } from '../training/callbacks.js';
import type { Arrays } from './inputs.js';
import type { ClassWeight } from './weights.js';

/** Inputs and targets: a dataset, or one minibatch. */
export interface BatchLike {
  readonly x: Arrays;
  readonly y: Arrays;
  /** Weight of each row in the loss: one array [N] for all outputs, or one for each; default 1. */
  readonly sampleWeight?: Arrays;
}

/** Minibatches from a list or a generator, or from a function that is called for every epoch. */
export type BatchStream = Iterable<BatchLike> | AsyncIterable<BatchLike> | (() => Iterable<BatchLike> | AsyncIterable<BatchLike>);

export interface FitOptions {
  /** Default 1. */
  readonly epochs?: number;
  /** Index of the first epoch, to resume a fit; default 0. */
  readonly initialEpoch?: number;
  /** Rows per step; default 32. */
  readonly batchSize?: number;
  /** Shuffle the rows anew in every epoch; default true. */
  readonly shuffle?: boolean;
  /** Share of the rows held out for validation, taken from the end; default 0. */
  readonly validationSplit?: number;
  readonly validationData?: BatchLike | undefined;
  /**
   * Rows of validation per run; default 256. Matters only if a row's loss depends on the other rows of its minibatch (`dice`, or losses added by custom
   * layers); the default is then batchSize.
   */
  readonly validationBatchSize?: number;
  /** Weight of each row in the loss, as in a dataset's `sampleWeight`; arrays only. */
  readonly sampleWeight?: Arrays;
  /** Weight of each class in the training loss, by class number; default 1. */
  readonly classWeight?: ClassWeight;
  readonly callbacks?: readonly Callback[];
  /** Steps per epoch of a list or generator of minibatches; default: until it ends. */
  readonly stepsPerEpoch?: number;
  /** 0 silent, 1 progress bar on a terminal and a line per epoch elsewhere, 2 a line per epoch; default 1. */
  readonly verbose?: 0 | 1 | 2;
  /** Maximum number of steps per engine call; default as many as take about 150 ms. Does not affect results. */
  readonly chunk?: number;
  readonly signal?: AbortSignal;
}

export interface EvaluateOptions {
  /** Weight of each row in the loss and in weighted metrics, as in a dataset's `sampleWeight`. */
  readonly sampleWeight?: Arrays;
  /** Rows per run; default 256. Matters only if a row's loss depends on the other rows of its minibatch (`dice`, or losses added by custom layers). */
  readonly batchSize?: number;
}

const fitOptions = [
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

export interface PredictOptions {
  /** Rows per run; as many as suit unless given. */
  readonly batchSize?: number;
}

/** What a step on one minibatch may weigh. */
export type BatchOptions = Pick<FitOptions, 'sampleWeight' | 'classWeight'>;

/** Whether options stand where targets should: targets by output are named after layers. */
function areOptions(value: unknown, known: readonly string[]): boolean {
  const keys = isRecord(value) && !(value instanceof NdArray) ? Object.keys(value) : [];
  return keys.length > 0 && keys.every((key) => known.includes(key));
}

/** Whether what follows an object of x and y are options or nothing, and no targets of a network whose inputs have those names: behind those may stand options. */
const standsAlone = (second: unknown, third: unknown): boolean =>
  second === undefined || (isRecord(second) && !(second instanceof NdArray) && third === undefined);

/** Reads `fit(data, options)` or `fit(x, y, options)`. @throws ArgumentError */
export function readFitArguments(
  first: unknown,
  second: unknown,
  third: FitOptions | undefined,
): { data: BatchLike | BatchStream; options: FitOptions } {
  const whole = (isBatch(first) && standsAlone(second, third)) || isStream(first);
  if (!whole && (second === undefined || (third === undefined && areOptions(second, fitOptions)))) {
    throw new ArgumentError('fit needs targets: fit(x, y, options), or fit({ x, y }, options)', { argument: 'y' });
  }
  const options = ((whole ? second : third) ?? {}) as FitOptions;
  checkFitOptions(options);
  const data = whole ? (first as BatchLike | BatchStream) : ({ x: first, y: second } as BatchLike);
  const { sampleWeight } = options;
  if (sampleWeight === undefined) return { data, options };
  if (!isBatch(data))
    throw new ArgumentError('fit: the option sampleWeight is for arrays; a stream yields { x, y, sampleWeight }', { argument: 'sampleWeight' });
  return { data: { ...data, sampleWeight }, options };
}

function checkFitOptions(options: FitOptions): void {
  checkOptionNames('fit', options, fitOptions);
  const refuse = (key: keyof FitOptions, expected: string): never => {
    throw new ArgumentError(`fit: ${key} must be ${expected}, got ${show(options[key])}`, { argument: key, received: options[key] });
  };
  for (const key of ['epochs', 'batchSize', 'validationBatchSize', 'chunk', 'stepsPerEpoch', 'initialEpoch'] as const) {
    checkWhole('fit', key, options[key], key === 'initialEpoch' ? 0 : 1);
  }
  const { epochs = 1, initialEpoch = 0 } = options;
  if (initialEpoch >= epochs) {
    throw new ArgumentError(
      `fit: initialEpoch must be below epochs, ${epochs}, got ${initialEpoch}: nothing would be trained. epochs includes those before initialEpoch`,
      { argument: 'initialEpoch', received: initialEpoch, expected: `below ${epochs}` },
    );
  }
  const { shuffle, verbose, callbacks, validationData } = options;
  const signal: unknown = options.signal;
  if (shuffle !== undefined && typeof shuffle !== 'boolean') refuse('shuffle', 'true (a new order of the rows in every epoch) or false');
  if (verbose !== undefined && ![0, 1, 2].includes(verbose)) refuse('verbose', '0 (silent), 1 (progress) or 2 (a line per epoch)');
  if (signal !== undefined && !isSignal(signal)) refuse('signal', 'an AbortSignal, such as new AbortController().signal');
  if (callbacks !== undefined && !Array.isArray(callbacks)) refuse('callbacks', 'a list');
  checkCallbacks(callbacks ?? []);
  if (validationData !== undefined && !isBatch(validationData)) refuse('validationData', '{ x, y }');
}

/** Reads `method(data, options)` or `method(x, y, options)`. @param known names of its options. @throws ArgumentError */
export function readArguments<T extends object>(
  method: string,
  [first, second, third]: readonly [first: unknown, second: unknown, third: T | undefined],
  known: readonly (keyof T & string)[],
): { data: BatchLike; options: Partial<T> } {
  const whole = isBatch(first) && standsAlone(second, third);
  if (!whole && (second === undefined || (third === undefined && areOptions(second, known)))) {
    throw new ArgumentError(`${method} needs targets: ${method}(x, y), or ${method}({ x, y })`, { argument: 'y' });
  }
  const options = third ?? ((whole ? second : undefined) as T | undefined) ?? {};
  checkOptionNames(method, options, known);
  return { data: whole ? first : ({ x: first, y: second } as BatchLike), options };
}

/** Reads `evaluate(data, options)` or `evaluate(x, y, options)`. @throws ArgumentError */
export function readEvaluateArguments(
  first: unknown,
  second: unknown,
  third: EvaluateOptions | undefined,
): { data: BatchLike; batchSize: number | undefined } {
  const { data, options } = readArguments('evaluate', [first, second, third], ['sampleWeight', 'batchSize']);
  const { sampleWeight, batchSize } = options;
  checkWhole('evaluate', 'batchSize', batchSize);
  return { data: sampleWeight === undefined ? data : { ...data, sampleWeight }, batchSize };
}

/** A list of weights as arrays by name. @throws ArgumentError if it is none, or has another length. */
export function entriesOf(weights: readonly NdArray[], variables: readonly Variable[]): Map<string, NdArray> {
  if (!Array.isArray(weights)) {
    throw new ArgumentError(`setWeights takes a list of arrays, as returned by getWeights, got ${show(weights)}`, { argument: 'weights' });
  }
  if (weights.length !== variables.length) {
    throw new ArgumentError(`the model has ${countOf(variables.length, 'array')}, got ${weights.length}`, {
      argument: 'weights',
      expected: variables.length,
      received: weights.length,
    });
  }
  const entries = new Map(variables.map(({ name }, i): [string, NdArray] => [name, weights[i] as NdArray]));
  checkEntries('setWeights', entries);
  return entries;
}

/** What gives weights to `copyWeights`: a model. */
interface Giver {
  readonly variables: readonly Variable[];
  getWeights(): Promise<NdArray[]>;
}

/** By name, the arrays of layers that another model has too. @throws ArgumentError if there is none, or it is no model. */
export async function commonEntries(variables: readonly Variable[], from: Giver): Promise<Map<string, NdArray>> {
  if (!isRecord(from) || !Array.isArray(from.variables)) refuse('copyWeights', 'from', 'a model that shares some layers with this one', from);
  const arrays = await from.getWeights();
  const given = new Map(from.variables.map(({ name, layer }, i) => [name, { layer, array: arrays[i] as NdArray }]));
  const entries = variables.flatMap(({ layer, name }): [string, NdArray][] => {
    const found = given.get(name);
    return found?.layer === layer ? [[name, found.array]] : [];
  });
  if (entries.length > 0) return new Map(entries);
  throw new ArgumentError(
    'copyWeights: the models have no layer with weights in common. Weights are matched by layer object, not by name; to copy by position use setWeights(await other.getWeights())',
    { argument: 'from' },
  );
}

/** @throws ArgumentError if what is to be set are no arrays by name. */
export function checkEntries(method: string, entries: unknown): asserts entries is ReadonlyMap<string, NdArray> {
  if (!(entries instanceof Map)) {
    throw new ArgumentError(`${method} takes a Map of arrays by name, as returned by getState, got ${show(entries)}`, {
      argument: 'entries',
      received: entries,
    });
  }
  for (const [name, array] of entries) {
    if (array instanceof NdArray) continue;
    throw new ArgumentError(`${method} takes NdArrays, got ${show(array)} for ${name}; ndarray([[1, 2]]) creates one from nested numbers`, {
      argument: String(name),
      received: array,
    });
  }
}

export function isBatch(data: unknown): data is BatchLike {
  return typeof data === 'object' && data !== null && 'x' in data && 'y' in data;
}

function isStream(data: unknown): data is BatchStream {
  if (typeof data === 'function') return true;
  if (Array.isArray(data)) return data.some((item) => isRecord(item) && 'x' in item);
  if (!isRecord(data) || data instanceof NdArray) return false;
  return Symbol.asyncIterator in data || Symbol.iterator in data;
}

function isSignal(value: unknown): value is AbortSignal {
  return isRecord(value) && 'aborted' in value && 'addEventListener' in value && typeof value.addEventListener === 'function';
}
