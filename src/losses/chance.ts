import { type Chance, type ChanceRule, EPSILON, type Loss, type TargetRows } from './loss.js';

/** Mean over rows of what each is worth, as often as it counts; and the standard error of that. */
function meanOver({ numbers, width, weights }: TargetRows, worth: (row: number) => number): Pick<Chance, 'loss' | 'error'> {
  const rows = numbers.length / width;
  let [sum, squares] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const counted = (weights?.[row] ?? 1) * worth(row);
    sum += counted;
    squares += counted * counted;
  }
  const loss = sum / rows;
  return { loss, error: Math.sqrt(Math.max(0, squares / rows - loss * loss) / rows) };
}

/** What rows count for on average. */
const meanWeight = (rows: TargetRows): number => (rows.weights ? meanOver(rows, () => 1).loss : 1);

/** Mean of each column, rows as often as they count. */
function columnMeans({ numbers, width, weights }: TargetRows): Float64Array {
  const sums = new Float64Array(width);
  let total = 0;
  for (let from = 0, row = 0; from < numbers.length; from += width, row++) {
    const weight = weights?.[row] ?? 1;
    total += weight;
    for (let k = 0; k < width; k++) sums[k] = (sums[k] as number) + weight * (numbers[from + k] as number);
  }
  return sums.map((sum) => sum / total);
}

/** −t log p; no target of that kind, no loss. */
const surprise = (t: number, p: number): number => (t > 0 && p > 0 ? -t * Math.log(p) : 0);

/** Of class numbers: the entropy of their shares. */
export const ofLabels: ChanceRule = (rows) => {
  const { numbers, width, units, weights } = rows;
  const counts = new Map<number, number>();
  let total = 0;
  for (let i = 0; i < numbers.length; i++) {
    const weight = weights?.[Math.floor(i / width)] ?? 1;
    total += weight;
    counts.set(numbers[i] as number, (counts.get(numbers[i] as number) ?? 0) + weight);
  }
  if (!(total > 0)) return undefined;
  const logs = new Map([...counts].map(([label, count]) => [label, count > 0 ? -Math.log(count / total) : 0]));
  const chance = meanOver(rows, (row) => {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += logs.get(numbers[row * width + k] as number) ?? 0;
    return sum / width;
  });
  return { ...chance, ...(units > 1 ? { undecided: meanWeight(rows) * Math.log(units) } : {}) };
};

/** Of shares of classes along the last axis: their mean's entropy, and their own without error. @param smoothing part of each that is spread over all classes */
export const ofShares =
  (smoothing: number): ChanceRule =>
  (rows) => {
    const { numbers, width, units } = rows;
    if (!(meanWeight(rows) > 0)) return undefined;
    const classes = width % units === 0 ? units : width;
    const [groups, kept, even] = [width / classes, 1 - smoothing, smoothing / classes];
    const means = columnMeans(rows).map((mean) => kept * mean + even);
    const entropy = (p: (share: number, column: number) => number) =>
      meanOver(rows, (row) => {
        let sum = 0;
        for (let k = 0; k < width; k++) {
          const share = kept * (numbers[row * width + k] as number) + even;
          sum += surprise(share, p(share, k));
        }
        return sum / groups;
      });
    const least = entropy((share) => share).loss;
    return { ...entropy((_, k) => means[k] as number), least, undecided: meanWeight(rows) * Math.log(classes) };
  };

/** Of decisions, each on its own: the entropy of each one's mean, and of themselves without error. @param smoothing part of each that is spread over both sides */
export const ofDecisions =
  (smoothing: number): ChanceRule =>
  (rows) => {
    const { numbers, width } = rows;
    if (!(meanWeight(rows) > 0)) return undefined;
    const means = columnMeans(rows).map((mean) => (1 - smoothing) * mean + smoothing / 2);
    const entropy = (p: (share: number, column: number) => number) =>
      meanOver(rows, (row) => {
        let sum = 0;
        for (let k = 0; k < width; k++) {
          const share = (1 - smoothing) * (numbers[row * width + k] as number) + smoothing / 2;
          const given = p(share, k);
          sum += surprise(share, given) + surprise(1 - share, 1 - given);
        }
        return sum / width;
      });
    return { ...entropy((_, k) => means[k] as number), least: entropy((share) => share).loss, undecided: meanWeight(rows) * Math.LN2 };
  };

/** Compares one number with another. */
type Compare = NonNullable<Loss['apart']>;

interface NumberOptions {
  /** Where the best constant output for a column is: its mean, or what is searched for, where the loss falls towards it from both sides. */
  readonly best?: 'mean' | 'searched';
  /** What targets are read as. */
  readonly read?: (numbers: ArrayLike<number>) => ArrayLike<number>;
  /** Loss of an output without error, where that is not 0. */
  readonly least?: Compare;
  /** Whether outputs of 0 are undecided ones. */
  readonly centred?: boolean;
}

/** Of numbers that are compared one by one. */
export const ofNumbers =
  (compare: Compare, { best = 'mean', read = (numbers) => numbers, least, centred = true }: NumberOptions = {}): ChanceRule =>
  (given) => {
    const rows = { ...given, numbers: read(given.numbers) };
    const { numbers, width } = rows;
    if (!(meanWeight(rows) > 0)) return undefined;
    const against = (output: (column: number, target: number) => number, by = compare) =>
      meanOver(rows, (row) => {
        let sum = 0;
        for (let k = 0; k < width; k++) {
          const target = numbers[row * width + k] as number;
          sum += by(target, output(k, target));
        }
        return sum / width;
      });
    const constants = best === 'mean' ? columnMeans(rows) : Float64Array.from({ length: width }, (_, k) => searched(rows, k, compare));
    return {
      ...against((k) => constants[k] as number),
      ...(least ? { least: against((_, target) => target, least).loss } : {}),
      ...(centred ? { undecided: against(() => 0).loss } : {}),
    };
  };

/** What is known of a loss that compares numbers one by one, and asks for about their mean. */
export const comparing = (apart: Compare, options?: NumberOptions): Pick<Loss, 'apart' | 'chance'> => ({ apart, chance: ofNumbers(apart, options) });

/** Numbers that a search goes through, of all columns; each column's fewest. */
const [MOST_SEARCHED, FEWEST_SEARCHED] = [2 ** 14, 256];
/** Steps of a search, each of which leaves 0.62 of where the least may be. */
const SEARCHES = 50;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The best constant for a column, by golden sections (Kiefer 1953): of many rows some, since next to the best nothing is lost. */
function searched({ numbers, width, weights }: TargetRows, column: number, compare: Compare): number {
  const rows = numbers.length / width;
  const stride = Math.max(1, Math.floor(rows / Math.max(FEWEST_SEARCHED, MOST_SEARCHED / width)));
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const [targets, counts]: [number[], number[]] = [[], []];
  for (let row = 0; row < rows; row += stride) {
    const target = numbers[row * width + column] as number;
    targets.push(target);
    counts.push(weights?.[row] ?? 1);
    [low, high] = [Math.min(low, target), Math.max(high, target)];
  }
  const lossOf = (output: number): number => targets.reduce((sum, target, i) => sum + (counts[i] as number) * compare(target, output), 0);
  for (let i = 0; i < SEARCHES && low < high; i++) {
    const [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (lossOf(left) <= lossOf(right)) high = right;
    else low = left;
  }
  return (low + high) / 2;
}

/** Of rows along the last axis by their directions: that of the mean of all. */
export const ofDirections: ChanceRule = (rows) => {
  const { numbers, width, units } = rows;
  if (!(meanWeight(rows) > 0)) return undefined;
  const along = width % units === 0 ? units : width;
  const unit = new Float64Array(numbers.length);
  for (let from = 0; from < numbers.length; from += along) {
    let squares = 0;
    for (let k = 0; k < along; k++) squares += (numbers[from + k] as number) ** 2;
    const length = Math.max(Math.sqrt(squares), EPSILON);
    for (let k = 0; k < along; k++) unit[from + k] = (numbers[from + k] as number) / length;
  }
  const means = columnMeans({ ...rows, numbers: unit });
  const lengths = Array.from({ length: width / along }, (_, group) => Math.hypot(...means.subarray(group * along, (group + 1) * along)));
  const against = (output: (at: number, column: number) => number) =>
    meanOver(rows, (row) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum -= (unit[row * width + k] as number) * output(row * width + k, k);
      return sum / lengths.length;
    });
  const best = against((_, k) => (means[k] as number) / Math.max(lengths[Math.floor(k / along)] as number, EPSILON));
  return { ...best, least: against((at) => unit[at] as number).loss };
};
