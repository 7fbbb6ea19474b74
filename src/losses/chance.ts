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

/** The best probabilities of classes that have some shares. */
type Best = (shares: readonly number[]) => readonly number[];

/**
 * Of class numbers, one of which is asked for.
 * @param lossOf loss of the probability that it is given
 * @param best of all rows together; their shares unless given
 */
export const ofClasses =
  (lossOf: (probability: number) => number, best: Best = (shares) => shares): ChanceRule =>
  (rows) => {
    const { numbers, width, units, weights } = rows;
    const counts = new Map<number, number>();
    let total = 0;
    for (let i = 0; i < numbers.length; i++) {
      const weight = weights?.[Math.floor(i / width)] ?? 1;
      total += weight;
      counts.set(numbers[i] as number, (counts.get(numbers[i] as number) ?? 0) + weight);
    }
    if (!(total > 0)) return undefined;
    const probabilities = best([...counts.values()].map((count) => count / total));
    const losses = new Map([...counts].map(([label, count], i) => [label, count > 0 ? lossOf(probabilities[i] as number) : 0]));
    const chance = meanOver(rows, (row) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += losses.get(numbers[row * width + k] as number) ?? 0;
      return sum / width;
    });
    return { ...chance, ...(units > 1 ? { undecided: meanWeight(rows) * lossOf(1 / units) } : {}) };
  };

/** Of class numbers: the entropy of their shares. */
export const ofLabels: ChanceRule = ofClasses((probability) => -Math.log(probability));

/** Halvings of where something may be. */
const HALVINGS = 50;

/** Where what does not grow comes to some level. */
function fallsTo(level: number, heightAt: (at: number) => number, [from, to]: readonly [number, number]): number {
  let [low, high] = [from, to];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (heightAt(middle) > level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * Probabilities where no loss is made less by giving to one class what another has: share times steepness is the same of all (Lagrange).
 * @param steepness how fast a class's loss falls as its probability grows: ever more slowly
 */
export const evenlySteep =
  (steepness: (probability: number) => number): Best =>
  (shares) => {
    const alike = new Map<number, number>();
    for (const share of shares) alike.set(share, (alike.get(share) ?? 0) + 1);
    const given = (share: number, level: number): number => (share > 0 ? fallsTo(level / share, steepness, [0, 1]) : 0);
    const all = (log: number): number => [...alike].reduce((sum, [share, count]) => sum + count * given(share, Math.exp(log)), 0);
    const level = Math.exp(fallsTo(1, all, [-50, 50]));
    const probabilities = new Map([...alike.keys()].map((share) => [share, given(share, level)]));
    return shares.map((share) => probabilities.get(share) ?? 0);
  };

/** Of rows in which one class is 1 and all others are 0: what a rule says of class numbers; undefined of others. */
export const ofHot =
  (rule: ChanceRule): ChanceRule =>
  ({ numbers, width, units, weights }) => {
    const classes = width % units === 0 ? units : width;
    const labels = new Float64Array(numbers.length / classes);
    for (let i = 0; i < labels.length; i++) {
      let found = -1;
      for (let k = 0; k < classes; k++) {
        const share = numbers[i * classes + k] as number;
        if (share !== 0 && (share !== 1 || found >= 0)) return undefined;
        if (share === 1) found = k;
      }
      if (found < 0) return undefined;
      labels[i] = found;
    }
    return rule({ numbers: labels, width: width / classes, units: classes, weights });
  };

/** Losses of classes by their scores, the right one of which should lead by 1: the most frequent class leads so, or none where it is not that of most rows. */
const leading = ofClasses(
  (loss) => loss,
  (shares) => {
    const top = shares.indexOf(Math.max(...shares));
    return shares.map((_, k) => ((shares[top] as number) <= 1 / 2 ? 1 : k === top ? 0 : 2));
  },
);

/** Of class numbers, by a hinge between scores. */
export const ofMargins: ChanceRule = (rows) => {
  const chance = leading(rows);
  return chance && { ...chance, undecided: meanWeight(rows) };
};

/** Numbers over the sum of the group that each is in. */
function normalized(numbers: Float64Array, group: number): Float64Array {
  const shares = new Float64Array(numbers.length);
  for (let from = 0; from < numbers.length; from += group) {
    let sum = 0;
    for (let i = from; i < from + group; i++) sum += numbers[i] as number;
    for (let i = from; i < from + group; i++) shares[i] = (numbers[i] as number) / sum;
  }
  return shares;
}

/**
 * Of shares of classes along the last axis: their mean's entropy, and their own without error. Shares that do not sum to 1 are asked for in proportion.
 * @param smoothing part of each that is spread over all classes
 * @param apart whether the entropy of the shares themselves is no part of the loss
 */
export const ofShares =
  (smoothing: number, apart = false): ChanceRule =>
  (rows) => {
    const { numbers, width, units } = rows;
    if (!(meanWeight(rows) > 0)) return undefined;
    const classes = width % units === 0 ? units : width;
    const smooth = Float64Array.from(numbers, (share) => (1 - smoothing) * share + smoothing / classes);
    const entropy = (probabilityOf: (at: number, column: number) => number) =>
      meanOver(rows, (row) => {
        let sum = 0;
        for (let k = 0, at = row * width; k < width; k++, at++) {
          const [share, probability] = [smooth[at] as number, probabilityOf(at, k)];
          sum += surprise(share, probability) - (apart ? surprise(share, share) : 0);
        }
        return (sum * classes) / width;
      });
    const [own, best] = [normalized(smooth, classes), normalized(columnMeans({ ...rows, numbers: smooth }), classes)];
    return {
      ...entropy((_, k) => best[k] as number),
      least: entropy((at) => own[at] as number).loss,
      undecided: entropy(() => 1 / classes).loss,
    };
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
  /** The output that is an undecided one; 0 unless given, null where there is none. */
  readonly undecided?: number | null;
}

/** Of numbers that are compared one by one. */
export const ofNumbers =
  (compare: Compare, { best = 'mean', read = (numbers) => numbers, least, undecided = 0 }: NumberOptions = {}): ChanceRule =>
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
      ...(undecided === null ? {} : { undecided: against(() => undecided).loss }),
    };
  };

/** Of decisions, by what is searched for: undefined where a target is neither 0 nor 1, of which the least loss is not known. */
export const ofSides = (compare: Compare): ChanceRule => {
  const rule = ofNumbers(compare, { best: 'searched', undecided: 1 / 2 });
  return (rows) => {
    for (let i = 0; i < rows.numbers.length; i++) if (rows.numbers[i] !== 0 && rows.numbers[i] !== 1) return undefined;
    return rule(rows);
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
