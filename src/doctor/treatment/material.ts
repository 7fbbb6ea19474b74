import { countOf } from '../../core/count.js';
import { ArgumentError, DataError } from '../../core/errors.js';
import type { NdArray } from '../../core/ndarray.js';
import { Random } from '../../core/random.js';
import { rowWidth, takeRows } from '../../data/dataset.js';
import { type BatchLike, isBatch } from '../../model/arguments.js';
import { checkInputs, checkTargets, commonRows } from '../../model/inputs.js';
import type { Model } from '../../model/model.js';
import { type Checked, checkSampleWeight } from '../../model/weights.js';

/** Rows that a treatment trains on and rows that it judges by; neither is what grades the model in the end. */
export interface Material {
  readonly train: Checked;
  readonly validation: Checked;
}

/** Checked rows as `fit` and `evaluate` take them. */
export const batchOf = ({ inputs, targets, weights }: Checked): BatchLike => ({
  x: inputs,
  y: targets,
  ...(weights.length > 0 ? { sampleWeight: weights } : {}),
});

/** Fewer rows say nothing of a network. */
const FEWEST = 8;

/**
 * Rows to train on and, unless given, a share of them to judge by, in an order drawn from the seed.
 * @throws DataError if the data are at fault: too few rows, targets that are all the same, features that never vary.
 */
export function materialOf(model: Model, data: BatchLike, given: BatchLike | undefined, share: number, seed: number): Material {
  if (!isBatch(data))
    throw new ArgumentError('treat needs arrays { x, y }: it trains on the same rows repeatedly, which a stream does not allow', {
      argument: 'data',
      received: data,
    });
  const all = checked(model, data);
  examineData(all);
  if (given) return { train: all, validation: checked(model, given) };
  if (!(share > 0 && share < 1)) {
    throw new ArgumentError(
      `treat: validationSplit must be above 0 and below 1, got ${share}; trials are judged on rows that were not used for training`,
      {
        argument: 'validationSplit',
        received: share,
      },
    );
  }
  const rows = all.inputs[0]?.shape[0] ?? 0;
  const order = new Random(seed).stream('treatment').permutation(rows);
  const kept = Math.min(rows - 1, Math.max(1, Math.round(rows * (1 - share))));
  const part = (from: number, to: number): Checked => {
    const cut = (array: NdArray): NdArray => takeRows(array, order.subarray(from, to));
    return { inputs: all.inputs.map(cut), targets: all.targets.map(cut), weights: all.weights.map(cut) };
  };
  return { train: part(0, kept), validation: part(kept, rows) };
}

function checked(model: Model, { x, y, sampleWeight }: BatchLike): Checked {
  const inputs = checkInputs(model.network, x);
  const rows = commonRows(inputs, 'x');
  const targets = checkTargets(model.network, model.compiled.losses, y, rows);
  return { inputs, targets, weights: checkSampleWeight(model.network, sampleWeight, rows) };
}

/** @throws DataError naming what no network could learn from. */
function examineData({ inputs, targets }: Checked): void {
  const rows = inputs[0]?.shape[0] ?? 0;
  if (rows < FEWEST)
    throw new DataError(
      `treat: ${countOf(rows, 'row')} ${rows === 1 ? 'is' : 'are'} too few for both training and judging; at least ${FEWEST} are needed`,
      { argument: 'x', received: rows },
    );
  targets.forEach((target, i) => {
    if (!rowsDiffer(target))
      throw new DataError(
        `the problem is the data, not the network: all ${rows} targets${targets.length > 1 ? ` of output ${i}` : ''} are the same (${target.at(0)}${rowWidth(target) > 1 ? ', …' : ''}), so there is nothing to learn. Were only rows of one class read, or is this the wrong column?`,
        { argument: 'y', received: target.at(0) },
      );
  });
  if (!inputs.some(rowsDiffer))
    throw new DataError('the problem is the data, not the network: all rows of x are the same. Was one row repeated, or are all features missing?', {
      argument: 'x',
    });
}

function rowsDiffer(array: NdArray): boolean {
  const width = rowWidth(array);
  for (let i = width; i < array.size; i++) if (array.at(i) !== array.at(i % width)) return true;
  return false;
}
