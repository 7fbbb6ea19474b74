import {
  choiceOption,
  flagOption,
  type Limits,
  listOption,
  maker,
  numberOption,
  type Option,
  optionalNumber,
  optionalWhole,
  wholeOption,
} from '../core/catalogue.js';
import { ShapeError } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { showShape } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { alignTarget, EPSILON } from '../losses/loss.js';
import { kind } from './metric.js';
import { ratio, spread } from './sums.js';

/** Below every score. */
const LOWEST = -1e30;
const unit: Limits = { from: 0, to: 1 };

/** A probability, a list of them, or nothing. */
function thresholdsOption(): Option<number | readonly number[] | undefined> {
  const [one, list] = [optionalNumber(unit), listOption(unit)];
  return {
    fallback: undefined,
    expected: 'a number or a list of numbers, each ≥ 0 and ≤ 1',
    accepts: (value) => one.accepts(value) || list.accepts(value),
  };
}

interface Selection {
  readonly thresholds: readonly number[];
  /** Only the k highest scores of a row may be positive. */
  readonly topK?: number | undefined;
  /** The column to look at; all unless given. */
  readonly classId?: number | undefined;
  /** Counts for each column on its own. */
  readonly byLabel?: boolean;
  readonly labelWeights?: readonly number[] | undefined;
}

/** Sums of weights of outputs above thresholds, where the target is 1 and where it is 0: [columns ×] 2 × (thresholds, then all). */
function countAbove(owner: string, target: Tensor, output: Tensor, weights: Tensor | undefined, selection: Selection): Tensor {
  const { thresholds, topK, classId, byLabel = false, labelWeights } = selection;
  const { dtype } = output;
  const column = (x: Tensor): Tensor => (classId === undefined ? x : g.slice(x, { axis: x.rank - 1, start: classId, end: classId + 1 }));
  const width = output.shape.at(-1);
  const wanted = labelWeights?.length ?? (classId ?? 0) + 1;
  const tooNarrow = labelWeights ? wanted !== width : wanted > Number(width);
  if ((byLabel && output.rank !== 2) || ((labelWeights || classId !== undefined) && (output.rank < 2 || tooNarrow))) {
    throw new ShapeError(`${owner} with labels or classes needs outputs [N, ${wanted}] or wider, got ${showShape(output.shape)}`, {
      argument: 'output',
      received: output.shape,
    });
  }
  const truth = column(g.cast(g.greater(alignTarget(owner, target, output), 0), dtype));
  const scores = column(topK === undefined ? output : highest(output, topK));
  const each = [weights && spread(weights, scores), labelWeights && constant(NdArray.from(labelWeights, dtype))].filter(
    (factor) => factor !== undefined,
  );
  const weighted = (x: Tensor): Tensor => each.reduce<Tensor>((product, factor) => g.mul(product, factor), x);
  const [yes, no] = [weighted(truth), weighted(g.sub(1, truth))];
  const limits = constant(NdArray.from([...thresholds, 4 * LOWEST], dtype));
  const size = 2 * (thresholds.length + 1);
  if (byLabel) {
    const rows = (x: Tensor): Tensor => g.unsqueeze(g.transpose(x), [1]);
    const above = g.cast(g.greater(g.unsqueeze(g.transpose(scores), [2]), limits), dtype);
    return g.reshape(g.matMul(g.concat([rows(yes), rows(no)], 1), above), [size * Number(width)]);
  }
  const row = (x: Tensor): Tensor => g.reshape(x, [1, -1]);
  const above = g.cast(g.greater(g.reshape(scores, [-1, 1]), limits), dtype);
  return g.reshape(g.matMul(g.concat([row(yes), row(no)], 0), above), [size]);
}

/** The k highest scores of each row, the first of equal ones; the others below every threshold. */
function highest(output: Tensor, k: number): Tensor {
  const indices = g.topK(output, Math.min(k, Number(output.shape.at(-1)))).indices;
  const chosen = g.scatterElementsAdd(output, indices, g.cast(g.filledLike(indices, 1), output.dtype), output.rank - 1);
  return g.where(g.greater(chosen, 0), output, 2 * LOWEST);
}

/** Counts at every threshold. */
interface Counts {
  readonly truePositives: readonly number[];
  readonly falsePositives: readonly number[];
  readonly positives: number;
  readonly negatives: number;
}

function readCounts(sums: readonly number[], start = 0, size = sums.length / 2 - 1): Counts {
  const at = start + size + 1;
  return {
    truePositives: sums.slice(start, start + size),
    falsePositives: sums.slice(at, at + size),
    positives: sums[start + size] ?? Number.NaN,
    negatives: sums[at + size] ?? Number.NaN,
  };
}

type Rate = (counts: Counts, i: number) => number;
const tp: Rate = ({ truePositives }, i) => truePositives[i] ?? Number.NaN;
const fp: Rate = ({ falsePositives }, i) => falsePositives[i] ?? Number.NaN;
const fn: Rate = (counts, i) => counts.positives - tp(counts, i);
const tn: Rate = (counts, i) => counts.negatives - fp(counts, i);
const precisionAt: Rate = (counts, i) => ratio(tp(counts, i), tp(counts, i) + fp(counts, i));
const recallAt: Rate = (counts, i) => ratio(tp(counts, i), counts.positives);
const specificityAt: Rate = (counts, i) => ratio(tn(counts, i), counts.negatives);

interface Where {
  readonly thresholds: number | readonly number[] | undefined;
  readonly topK?: number | undefined;
  readonly classId?: number | undefined;
}

/** A rate at each threshold; one number where there is one. */
function rated(owner: string, rate: Rate, { thresholds = 0.5, ...rest }: Where) {
  const list = typeof thresholds === 'number' ? [thresholds] : thresholds;
  return {
    sums: (target: Tensor, output: Tensor, weights?: Tensor) => countAbove(owner, target, output, weights, { thresholds: list, ...rest }),
    result(sums: readonly number[]) {
      const counts = readCounts(sums);
      const rates = list.map((_, i) => rate(counts, i));
      return list.length === 1 ? (rates[0] as number) : rates;
    },
  };
}

const counted = (name: string, rate: Rate, moreIsBetter = false) =>
  maker(kind, name, { thresholds: thresholdsOption() }, (settings) => ({ moreIsBetter, ...rated(name, rate, settings) }));

const selecting = (name: string, rate: Rate) =>
  maker(kind, name, { thresholds: thresholdsOption(), topK: optionalWhole(1), classId: optionalWhole(0) }, ({ thresholds, topK, classId }) => ({
    moreIsBetter: true,
    ...rated(name, rate, { thresholds: thresholds ?? (topK === undefined ? 0.5 : LOWEST), topK, classId }),
  }));

/** `count` thresholds from 0 to 1, as in Keras. */
function evenThresholds(count: number): number[] {
  return count === 1 ? [0.5] : Array.from({ length: count }, (_, i) => i / (count - 1));
}

/** Probabilities outside 0 to 1 count as 0 or 1. */
const within = (output: Tensor): Tensor => g.clip(output, 0, 1);

/** The highest of one rate over the thresholds at which another reaches `value`; 0 where none does. */
function bestWhere(owner: string, reached: Rate, wanted: Rate, value: number, numThresholds: number, classId: number | undefined) {
  const thresholds = evenThresholds(numThresholds);
  return {
    moreIsBetter: true,
    sums: (target: Tensor, output: Tensor, weights?: Tensor) => countAbove(owner, target, within(output), weights, { thresholds, classId }),
    result(sums: readonly number[]) {
      const counts = readCounts(sums);
      return thresholds.reduce((best, _, i) => (reached(counts, i) >= value ? Math.max(best, wanted(counts, i)) : best), 0);
    },
  };
}

const numThresholds = wholeOption(200, 1);
const classId = optionalWhole(0);
const share = numberOption(0.5, unit);

type Curve = 'ROC' | 'PR' | 'PRGAIN';
type Summation = 'interpolation' | 'minoring' | 'majoring';

function area(counts: Counts, curve: Curve, summation: Summation): number {
  const steps = counts.truePositives.length - 1;
  let sum = 0;
  for (let i = 0; i < steps; i++) {
    if (curve === 'PR' && summation === 'interpolation') {
      sum += precisionStep(counts, i);
      continue;
    }
    const [[x, y], [nextX, nextY]] = [point(counts, i, curve), point(counts, i + 1, curve)];
    const height = summation === 'interpolation' ? (y + nextY) / 2 : summation === 'minoring' ? Math.min(y, nextY) : Math.max(y, nextY);
    sum += (x - nextX) * height;
  }
  return sum;
}

/** One point of a curve. Gains: Flach and Kull, "Precision-recall-gain curves", 2015; no true positive counts as recall gain 0 and precision gain 1. */
function point(counts: Counts, i: number, curve: Curve): [number, number] {
  if (curve === 'ROC') return [ratio(fp(counts, i), counts.negatives), recallAt(counts, i)];
  if (curve === 'PR') return [recallAt(counts, i), precisionAt(counts, i)];
  const hits = tp(counts, i);
  if (hits === 0) return [0, 1];
  const scale = ratio(counts.positives, counts.negatives);
  return [Math.max(0, 1 - (scale * fn(counts, i)) / hits), 1 - (scale * fp(counts, i)) / hits];
}

/** Area under one step of the precision-recall curve, precision interpolated by counts: Davis and Goadrich, 2006. */
function precisionStep(counts: Counts, i: number): number {
  const gained = tp(counts, i) - tp(counts, i + 1);
  const [from, to] = [tp(counts, i) + fp(counts, i), tp(counts, i + 1) + fp(counts, i + 1)];
  const slope = ratio(gained, Math.max(0, from - to));
  const intercept = tp(counts, i + 1) - slope * to;
  const log = from > 0 && to > 0 ? Math.log(from / to) : 0;
  return ratio(slope * (gained + intercept * log), counts.positives);
}

/** Metrics made of true and false positives and negatives: outputs above a threshold against targets 0 and 1 of the same shape. */
export const confusionMetrics = {
  /** Number of outputs above the threshold, default 0.5, where the target is 1. A list of thresholds gives a value for each. */
  truePositives: counted('truePositives', tp, true),
  /** Number of outputs above the threshold where the target is 0. */
  falsePositives: counted('falsePositives', fp),
  /** Number of outputs not above the threshold where the target is 0. */
  trueNegatives: counted('trueNegatives', tn, true),
  /** Number of outputs not above the threshold where the target is 1. */
  falseNegatives: counted('falseNegatives', fn),

  /** Share of true ones among outputs above the threshold, default 0.5, or among the `topK` highest of each row; of column `classId` alone where given. */
  precision: selecting('precision', precisionAt),
  /** Share of the true ones that are above the threshold, default 0.5, or among the `topK` highest of each row; of column `classId` alone where given. */
  recall: selecting('recall', recallAt),

  /** The highest sensitivity at thresholds where the specificity is at least `specificity`. */
  sensitivityAtSpecificity: maker(kind, 'sensitivityAtSpecificity', { specificity: share, numThresholds, classId }, (settings) =>
    bestWhere('sensitivityAtSpecificity', specificityAt, recallAt, settings.specificity, settings.numThresholds, settings.classId),
  ),
  /** The highest specificity at thresholds where the sensitivity is at least `sensitivity`. */
  specificityAtSensitivity: maker(kind, 'specificityAtSensitivity', { sensitivity: share, numThresholds, classId }, (settings) =>
    bestWhere('specificityAtSensitivity', recallAt, specificityAt, settings.sensitivity, settings.numThresholds, settings.classId),
  ),
  /** The highest precision at thresholds where the recall is at least `recall`. */
  precisionAtRecall: maker(kind, 'precisionAtRecall', { recall: share, numThresholds, classId }, (settings) =>
    bestWhere('precisionAtRecall', recallAt, precisionAt, settings.recall, settings.numThresholds, settings.classId),
  ),
  /** The highest recall at thresholds where the precision is at least `precision`. */
  recallAtPrecision: maker(kind, 'recallAtPrecision', { precision: share, numThresholds, classId }, (settings) =>
    bestWhere('recallAtPrecision', precisionAt, recallAt, settings.precision, settings.numThresholds, settings.classId),
  ),

  /**
   * Area under the ROC or a precision-recall curve of 200 thresholds, or of the given ones and both ends; with `multiLabel` the mean over columns,
   * weighted by `labelWeights`.
   */
  auc: maker(
    kind,
    'auc',
    {
      numThresholds: wholeOption(200, 2),
      curve: choiceOption<Curve>('ROC', ['ROC', 'PR', 'PRGAIN']),
      summationMethod: choiceOption<Summation>('interpolation', ['interpolation', 'minoring', 'majoring']),
      thresholds: listOption(unit),
      multiLabel: flagOption(false),
      numLabels: optionalWhole(1),
      labelWeights: listOption({ from: 0 }),
      fromLogits: flagOption(false),
    },
    ({ curve, summationMethod, multiLabel, labelWeights, fromLogits, ...settings }) => {
      const inner = settings.thresholds ? [...settings.thresholds].sort((a, b) => a - b) : evenThresholds(settings.numThresholds).slice(1, -1);
      const thresholds = [-EPSILON, ...inner, 1 + EPSILON];
      return {
        moreIsBetter: true,
        sums(target: Tensor, output: Tensor, weights?: Tensor) {
          const scores = fromLogits ? g.sigmoid(output) : within(output);
          return countAbove('auc', target, scores, weights, { thresholds, byLabel: multiLabel, ...(multiLabel ? {} : { labelWeights }) });
        },
        result(sums: readonly number[]) {
          const size = 2 * (thresholds.length + 1);
          const areas = Array.from({ length: sums.length / size }, (_, i) =>
            area(readCounts(sums, i * size, thresholds.length), curve, summationMethod),
          );
          const parts = areas.map((_, i) => (multiLabel ? (labelWeights?.[i] ?? 1) : 1));
          return ratio(
            areas.reduce((sum, one, i) => sum + one * (parts[i] ?? 1), 0),
            parts.reduce((a, b) => a + b),
          );
        },
      };
    },
  ),
};
