import { flagOption, numberOption, type Option, type OptionsOf, readOptions } from '../core/catalogue.js';
import { countOf } from '../core/count.js';
import { ArgumentError, DataError } from '../core/errors.js';
import { refuse } from '../core/expect.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { type Dataset, datasetRows, takeRows } from './dataset.js';

const shareOption = (fallback: number): Option<number> => numberOption(fallback, { from: 0, below: 1 });

const rules = {
  /** Share of the rows held out for testing, above 0; default 0.2. */
  test: shareOption(0.2),
  /** Share of the rows held out for validation; default 0. */
  validation: shareOption(0),
  /** Keep the class proportions the same in all parts, as nearly as possible; needs labels. Default false. */
  stratify: flagOption(false),
  /** Group of each row, one entry per row: rows of one group stay in the same part. Default: every row is its own group. */
  groups: {
    fallback: undefined,
    expected: 'a list with one entry for each row',
    accepts: (value) => Array.isArray(value),
  } as Option<readonly (string | number)[] | undefined>,
  /** Seed of the random order; default 0. */
  seed: numberOption(0),
};

export type SplitOptions = OptionsOf<typeof rules>;

export interface Parts {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Present if a share was requested. */
  readonly validation?: Dataset;
}

/**
 * So many units from strata, as near each one's quota as whole units can: what its whole part leaves goes where the largest fractions are, of equal
 * ones in `order`. None gives more than it has room for.
 */
function apportion(total: number, quotas: readonly number[], rooms: readonly number[], order: readonly number[]): number[] {
  const counts = quotas.map((quota, i) => Math.min(Math.floor(quota), rooms[i] ?? 0));
  const lack = (i: number): number => (quotas[i] ?? 0) - (counts[i] ?? 0);
  const ranked = [...order].sort((a, b) => lack(b) - lack(a));
  let left = total - counts.reduce((sum, count) => sum + count, 0);
  while (left > 0) {
    const open = ranked.filter((i) => (counts[i] ?? 0) < (rooms[i] ?? 0)).slice(0, left);
    if (open.length === 0) break;
    for (const i of open) counts[i] = (counts[i] ?? 0) + 1;
    left -= open.length;
  }
  return counts;
}

/**
 * Splits a set into rows for training, testing and validation, each in a random order drawn from `seed`: many sets are sorted, and a `validationSplit`
 * takes the last rows.
 * @throws ArgumentError on a wrong option; DataError if a part would be empty, or labels are needed and there are none.
 */
export function splitDataset(dataset: Dataset, options: SplitOptions = {}): Parts {
  const { test, validation, stratify, groups, seed } = readOptions('splitDataset', rules, options);
  const rows = datasetRows(dataset, 'splitDataset');
  if (test === 0) {
    const two = validation > 0 ? validation : 0.2;
    throw new ArgumentError(
      `splitDataset: test must be above 0, got 0; to split into two parts only, pass { test: ${two} } and validate on the test part`,
      { argument: 'test', received: test },
    );
  }
  if (test + validation >= 1) {
    throw new ArgumentError(`splitDataset: test and validation together take ${test + validation} of the rows, which leaves nothing to train on`, {
      argument: 'test',
    });
  }
  if (stratify && groups)
    throw new ArgumentError('splitDataset: stratify and groups cannot be combined; pass only one of them', { argument: 'groups' });
  if (groups && groups.length !== rows) {
    throw new ArgumentError(`splitDataset: groups has ${countOf(groups.length, 'entry', 'entries')}, but the set has ${countOf(rows, 'row')}`, {
      argument: 'groups',
      received: groups.length,
      expected: rows,
    });
  }
  const random = new Random(seed).stream('split');
  // Units that stay together, in strata that are cut alike.
  const strata = stratify ? byLabel(labelsOf(dataset)) : [groups ? byKey(groups) : Array.from({ length: rows }, (_, row) => [row])];
  const parts: Record<'train' | 'test' | 'validation', number[]> = { train: [], test: [], validation: [] };
  // Rounded as a whole: classes of few rows, each rounded by itself, may leave a part empty.
  const sizes = strata.map(({ length }) => length);
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const turns = [...random.stream('turns').permutation(sizes.length)];
  const quotas = (part: number): number[] => sizes.map((size) => size * part);
  const tests = apportion(Math.round(all * test), quotas(test), sizes, turns);
  const others = sizes.map((size, i) => size - (tests[i] ?? 0));
  // Classes that gave a row more to the one part give it last to the other.
  const wanted = Math.round(all * (test + validation)) - Math.round(all * test);
  const validations = apportion(wanted, quotas(validation), others, turns.toReversed());
  for (const [stratum, units] of strata.entries()) {
    const order = random.permutation(units.length);
    const first = tests[stratum] ?? 0;
    const cuts = [first, first + (validations[stratum] ?? 0)] as const;
    order.forEach((unit, at) => {
      const part = parts[at < cuts[0] ? 'test' : at < cuts[1] ? 'validation' : 'train'];
      // One by one: a unit may be larger than a call takes arguments.
      for (const row of units[unit] ?? []) part.push(row);
    });
  }
  const take = (name: keyof typeof parts): Dataset => {
    const chosen = random
      .stream(name)
      .permutation(parts[name].length)
      .map((at) => parts[name][at] ?? 0);
    if (chosen.length === 0)
      throw new DataError(`splitDataset: no row is left for ${name}; the set has ${countOf(rows, 'row')}`, { argument: name, received: rows });
    return { ...dataset, x: takeRows(dataset.x, chosen), y: takeRows(dataset.y, chosen) };
  };
  return { train: take('train'), test: take('test'), ...(validation > 0 ? { validation: take('validation') } : {}) };
}

function byKey(keys: readonly (string | number)[]): number[][] {
  const units = new Map<string | number, number[]>();
  keys.forEach((key, row) => {
    const unit = units.get(key);
    if (unit) unit.push(row);
    else units.set(key, [row]);
  });
  return [...units.values()];
}

const byLabel = (labels: readonly number[]): number[][][] => byKey(labels).map((rows) => rows.map((row) => [row]));

/** @throws DataError unless targets are whole numbers, one a row. */
function labelsOf({ y }: { readonly y: NdArray }): number[] {
  const labels = Array.from({ length: y.size }, (_, row) => y.at(row));
  if (y.size === (y.shape[0] ?? 0) && labels.every(Number.isInteger)) return labels;
  throw new DataError(`expected labels, one whole number per row; the targets are ${y.dtype} of shape [${y.shape.join(', ')}]`, { argument: 'y' });
}

/**
 * Weights that give every class the same total weight: rows / (classes · rows of the class), as scikit-learn's `balanced`; for `fit({ classWeight })`.
 * @throws DataError unless `y` holds labels.
 */
export function classWeights(y: NdArray): Record<number, number> {
  if (!(y instanceof NdArray)) refuse('classWeights', 'y', 'labels as an NdArray, such as dataset.y', y);
  const labels = labelsOf({ y });
  const classes = byKey(labels);
  return Object.fromEntries(classes.map((rows) => [labels[rows[0] ?? 0], labels.length / (classes.length * rows.length)]));
}
