import { isLong } from '../core/dtype.js';
import type { NdArray } from '../core/ndarray.js';
import { rowWidth, spreadOver, spreadRows, takeRows } from '../data/dataset.js';
import type { Loss } from '../losses.js';
import type { StepSpec } from '../training/step.js';
import type { TargetFacts, TargetSpread } from '../vitals/facts.js';
import type { Checked } from './weights.js';

/** Numbers that facts are taken from: of more rows some, spread over all. */
const MOST_NUMBERS = 2 ** 21;
/** Columns of targets that are told one by one, and targets that are put in order, at most. */
const [MOST_COLUMNS, MOST_ORDERED] = [64, 2 ** 16];

/** Targets, one row behind the other. */
interface Rows {
  readonly numbers: ArrayLike<number>;
  readonly width: number;
  readonly count: number;
}

/**
 * What targets say about each output: those of all rows, since a few that are far out, or of rare classes, may make most of a loss.
 * @param partly whether more rows will come than these
 */
export function targetFacts(
  { network: { outputs }, losses, lossWeights }: StepSpec,
  { targets, weights }: Pick<Checked, 'targets' | 'weights'>,
  partly = false,
): TargetFacts[] {
  return targets.flatMap((array, i) => {
    const loss = losses[i];
    if (!loss || array.size === 0) return [];
    const units = Number(outputs[i]?.shape.at(-1));
    const chosen = array.size > MOST_NUMBERS ? Uint32Array.from(spreadRows(array, Math.floor(MOST_NUMBERS / rowWidth(array)))) : undefined;
    const rows = rowsIn(array, chosen);
    const counts = weights[i] ?? weights[0];
    const facts = kindOf(rows, loss, units);
    const real = facts.kind === 'real';
    const chance = loss.chance?.({ numbers: rows.numbers, width: rows.width, units, weights: counts && rowsIn(counts, chosen).numbers });
    const times = (name: 'chanceLoss' | 'chanceError' | 'leastLoss' | 'zeroLoss', value: number | undefined) =>
      value === undefined ? {} : { [name]: value * (lossWeights[i] ?? 1) };
    return [
      {
        ...facts,
        ...sharesOf(rows, facts),
        ...times('chanceLoss', chance?.loss),
        ...(loss.grows ? { grows: loss.grows } : {}),
        ...times('chanceError', partly ? chance?.error : undefined),
        ...(counts ? { weighed: true as const } : {}),
        ...times('leastLoss', chance?.least || undefined),
        ...times('zeroLoss', real || loss.targets !== 'real' ? chance?.undecided : undefined),
        ...(real ? { spread: spreadOf(rows, array.shape.length > 1 && array.shape.at(-1) === units && units <= MOST_COLUMNS ? units : 1) } : {}),
      },
    ];
  });
}

/** Some rows, or all, as numbers to look through at speed. */
function rowsIn(array: NdArray, chosen: Uint32Array | undefined): Rows {
  const { data } = chosen ? takeRows(array, chosen) : array;
  return { numbers: isLong(data) ? Float64Array.from(data, Number) : data, width: rowWidth(array), count: data.length / rowWidth(array) };
}

function kindOf({ numbers, width, count }: Rows, loss: Loss, units: number): Pick<TargetFacts, 'kind' | 'classes'> {
  const whole = every(numbers, Number.isInteger);
  if (width === 1 && whole && loss.targets === 'labels') return { kind: 'labels', classes: Number.isFinite(units) ? units : classesIn(numbers) };
  if (width > 1 && areShares({ numbers, width, count })) return { kind: 'distribution', classes: width };
  if (whole && every(numbers, (value) => value === 0 || value === 1)) return { kind: 'binary', classes: 2 };
  return { kind: 'real' };
}

/** Whether every row is of numbers from 0 on that sum to 1. */
function areShares({ numbers, width }: Rows): boolean {
  for (let from = 0; from < numbers.length; from += width) {
    let sum = 0;
    for (let k = 0; k < width; k++) {
      const value = numbers[from + k] as number;
      if (value < 0) return false;
      sum += value;
    }
    if (!(Math.abs(sum - 1) < 1e-3)) return false;
  }
  return true;
}

/** A class of even share must be seen so often, for its share to be told. */
const SEEN = 20;

/** Shares of the classes that occur, where a row is of one. */
function sharesOf({ numbers, width, count }: Rows, { kind, classes = 0 }: Pick<TargetFacts, 'kind' | 'classes'>): Pick<TargetFacts, 'shares'> {
  const single = kind === 'distribution' || width === 1;
  if (kind === 'real' || !single || count < SEEN * classes) return {};
  const counts = new Map<number, number>();
  const add = (one: number, more: number) => counts.set(one, (counts.get(one) ?? 0) + more);
  if (kind === 'distribution') for (const [k, mean] of columnMeans(numbers, width, (value) => value).entries()) add(k, mean * count);
  else for (let i = 0; i < numbers.length; i++) add(numbers[i] as number, 1);
  const shares = [...counts.values()].filter((some) => some > 0).map((some) => some / count);
  return shares.length < 2 ? {} : { shares: { least: Math.min(...shares), largest: Math.max(...shares) } };
}

/** @param count columns, whose values stand in turn */
function spreadOf({ numbers }: Rows, count: number): TargetSpread {
  const means = columnMeans(numbers, count, (value) => value);
  const variances = columnMeans(numbers, count, (value, k) => (value - (means[k] as number)) ** 2);
  const sorted = Float64Array.from(spreadOver(numbers.length, MOST_ORDERED), (i) => numbers[i] as number).sort();
  const edge = (further: (a: number, b: number) => number): number => {
    let found = numbers[0] as number;
    for (let i = 1; i < numbers.length; i++) found = further(found, numbers[i] as number);
    return found;
  };
  const meanOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    means,
    deviations: variances.map(Math.sqrt),
    least: edge(Math.min),
    most: edge(Math.max),
    tenths: tenthsOf(sorted.length).map(([from, to]) => meanOf(sorted.subarray(from, to))),
  };
}

/** Mean of what the numbers of each column are worth. */
function columnMeans(numbers: Rows['numbers'], count: number, worth: (value: number, column: number) => number): number[] {
  const sums = new Float64Array(count);
  for (let from = 0; from < numbers.length; from += count)
    for (let k = 0; k < count; k++) sums[k] = (sums[k] as number) + worth(numbers[from + k] as number, k);
  return Array.from(sums, (sum) => sum / (numbers.length / count));
}

/** Where each tenth of so many begins and ends; of few, tenths share what they have. */
function tenthsOf(count: number): (readonly [from: number, to: number])[] {
  return Array.from({ length: 10 }, (_, tenth) => {
    const from = Math.floor((tenth / 10) * count);
    return [from, Math.max(from + 1, Math.floor(((tenth + 1) / 10) * count))];
  });
}

function every(numbers: ArrayLike<number>, fits: (value: number) => boolean): boolean {
  for (let i = 0; i < numbers.length; i++) if (!fits(numbers[i] as number)) return false;
  return true;
}

function classesIn(labels: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < labels.length; i++) most = Math.max(most, (labels[i] as number) + 1);
  return most;
}
