import { ArgumentError, show } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import type { Network } from '../network/network.js';
import { ArraySource, type BatchSource } from '../training/batches.js';
import type { InstanceType } from '../training/step.js';
import { type BatchLike, type BatchStream, type FitOptions, isBatch } from './arguments.js';
import { joinRows } from './feeding.js';
import { openStream } from './fit-stream.js';
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
  /** Lets go of what no epoch has taken over: a stream's iterator, where the fit ends before its first step. */
  readonly close: () => void;
  /** Rows from which normalization layers take their moments, and facts about the data are told. */
  readonly sample: Checked;
  /** Whether more rows will come than those. */
  readonly partly?: true;
}

/** Element type and shape of one row of each array. */
export function typesOf(arrays: readonly NdArray[]): InstanceType[] {
  return arrays.map(({ dtype, shape }) => ({ dtype, shape: shape.slice(1) }));
}

function typesIn({ inputs, targets, weights }: Checked) {
  return { inputTypes: typesOf(inputs), targetTypes: typesOf(targets), weightTypes: typesOf(weights) };
}

/**
 * Opens the data of a fit for some work, and lets go of them however that ends.
 * @throws DataError, ShapeError from `check`; the same where stateful layers of the network keep a state for other numbers of rows; ArgumentError on options
 * that do not go together; AbortError on `signal`, while a stream's first rows are waited for.
 */
export async function withFitData<T>(
  data: BatchLike | BatchStream,
  options: FitOptions,
  { seed, network }: { readonly seed: number; readonly network: Network },
  check: (given: BatchLike) => Checked,
  work: (opened: FitData) => Promise<T>,
): Promise<T> {
  const given = options.validationData && check(options.validationData);
  const opened = isBatch(data) ? openArrays(check(data), options, seed, network, given) : await openMinibatches(data, options, network, given, check);
  try {
    if (isBatch(data)) checkBatches(network, rowsIn(opened.sample.inputs), options.batchSize ?? 32);
    if (opened.validation) checkWholeBatches(network, rowsIn(opened.validation.inputs), 'the validation data');
    return await work(opened);
  } finally {
    opened.close();
  }
}

const rowsIn = (arrays: readonly NdArray[]): number => arrays[0]?.shape[0] ?? 0;

async function openMinibatches(
  data: BatchStream,
  { validationSplit = 0, stepsPerEpoch, classWeight, signal }: FitOptions,
  network: Network,
  validation: Checked | undefined,
  check: (given: BatchLike) => Checked,
): Promise<FitData> {
  if (validationSplit > 0) {
    throw new ArgumentError('validationSplit needs arrays; with a stream pass validationData', { argument: 'validationSplit' });
  }
  const { source, read, close } = await openStream(data, {
    steps: stepsPerEpoch ?? (Array.isArray(data) ? data.length : undefined),
    sampled: network.layers.some(({ needsData }) => needsData),
    signal,
    check: (given) => {
      const checked = check(given);
      checkStreamed(network, rowsIn(checked.inputs));
      return withClassWeights(checked, classWeight);
    },
  });
  const [opening, ...others] = read;
  const joined = (arrays: (of: Checked) => readonly NdArray[]): readonly NdArray[] =>
    others.length === 0 ? arrays(opening) : arrays(opening).map((_, i) => joinRows(read.map((one) => arrays(one)[i] as NdArray)));
  return {
    source,
    ...typesIn(opening),
    validation,
    batchSize: rowsIn(opening.inputs) || 1,
    sample: { inputs: joined(({ inputs }) => inputs), targets: joined(({ targets }) => targets), weights: joined(({ weights }) => weights) },
    partly: true,
    close,
  };
}

function openArrays(checked: Checked, options: FitOptions, seed: number, network: Network, validation: Checked | undefined): FitData {
  const { batchSize = 32, shuffle = true, validationSplit = 0, classWeight, stepsPerEpoch } = options;
  if (stepsPerEpoch !== undefined) {
    throw new ArgumentError(
      'fit: stepsPerEpoch is only for a list or generator of minibatches; an epoch over arrays uses every row once. For fewer steps pass fewer rows or a larger batchSize',
      { argument: 'stepsPerEpoch', received: stepsPerEpoch },
    );
  }
  checkClasses(checked, Number(network.outputs[0]?.shape.at(-1)), classWeight);
  const rows = checked.inputs[0]?.shape[0] ?? 0;
  const first = splitRow(rows, validationSplit);
  // As in Keras, rows that are given for validation leave all others to training.
  const kept = validation ? rows : first;
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
    sample: trained,
    close: () => {},
  };
}

/** First row of the validation part. @throws ArgumentError if no row is left to train on. */
export function splitRow(rows: number, validationSplit: number): number {
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(`validationSplit must be ≥ 0 and < 1, got ${show(validationSplit)}`, {
      argument: 'validationSplit',
      received: validationSplit,
    });
  }
  // Of the decimal that is meant: 1 − 0.9 is a little less than 0.1, which would leave no row of 10.
  const kept = rows - Math.ceil(rows * validationSplit - 1e-12 * rows);
  if (kept < 1) throw new ArgumentError(`validationSplit ${validationSplit} leaves no row of ${rows} to train on`, { argument: 'validationSplit' });
  return kept;
}
