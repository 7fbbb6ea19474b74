import { ArgumentError, DataError, ShapeError, show } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { sameShape, showShape } from '../core/shape.js';
import type { Network } from '../network/network.js';
import { ArraySource, type Batch, type BatchSource, IterableSource } from '../training/batches.js';
import type { InstanceType } from '../training/step.js';
import { type BatchLike, type BatchStream, type FitOptions, isBatch } from './arguments.js';
import { checkBatches, checkStreamed, checkWholeBatches } from './stateful.js';
import { arraysOf, type Checked, checkClasses, withClassWeights } from './weights.js';

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

/**
 * Opens the data of a fit.
 * @throws DataError, ShapeError from `check`; the same where stateful layers of the network keep a state for other numbers of rows; ArgumentError on options
 * that do not go together.
 */
export async function openFitData(
  data: BatchLike | BatchStream,
  options: FitOptions,
  seed: number,
  network: Network,
  check: (given: BatchLike) => Checked,
): Promise<FitData> {
  const given = options.validationData && check(options.validationData);
  const opened = isBatch(data) ? openArrays(check(data), options, seed, network, given) : await openMinibatches(data, options, network, given, check);
  const { validation, sample } = opened;
  if (isBatch(data)) checkBatches(network, rowsIn(sample), options.batchSize ?? 32);
  if (validation) checkWholeBatches(network, rowsIn(validation.inputs), 'the validation data');
  return opened;
}

const rowsIn = (arrays: readonly NdArray[]): number => arrays[0]?.shape[0] ?? 0;

function openMinibatches(
  data: BatchStream,
  { validationSplit = 0, stepsPerEpoch, classWeight }: FitOptions,
  network: Network,
  validation: Checked | undefined,
  check: (given: BatchLike) => Checked,
): Promise<FitData> {
  if (validationSplit > 0) {
    throw new ArgumentError('validationSplit needs arrays; give a stream its validationData', { argument: 'validationSplit' });
  }
  const steps = stepsPerEpoch ?? (Array.isArray(data) ? data.length : undefined);
  return openStream(data, steps, validation, (given) => {
    const checked = check(given);
    checkStreamed(network, rowsIn(checked.inputs));
    return withClassWeights(checked, classWeight);
  });
}

function openArrays(checked: Checked, options: FitOptions, seed: number, network: Network, validation: Checked | undefined): FitData {
  const { batchSize = 32, shuffle = true, validationSplit = 0, classWeight } = options;
  checkClasses(checked, Number(network.outputs[0]?.shape.at(-1)), classWeight);
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
  if (!isBatch(given)) {
    const keys = typeof given === 'object' && given !== null && !Array.isArray(given) ? Object.keys(given).join(', ') : undefined;
    const received = keys ? `an object of ${keys}` : show(given);
    throw new DataError(`a stream must give minibatches { x, y }, got ${received}`, { argument: 'data', received: given });
  }
  return check(given);
}

/** @throws ShapeError where a later minibatch's targets have rows of another shape than the first one's. */
function checkTargetRows({ targets }: Checked, opening: Checked): void {
  targets.forEach((target, i) => {
    const [row, first] = [target, opening.targets[i] as NdArray].map(({ shape }) => shape.slice(1)) as [number[], number[]];
    if (sameShape(row, first)) return;
    throw new ShapeError(
      `a minibatch's y has shape ${showShape(target.shape)} where the first one's rows are ${showShape(first)}; all minibatches need rows of one shape`,
      { argument: 'y', received: target.shape, expected: ['N', ...first] },
    );
  });
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
        checkTargetRows(checked, opening);
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
