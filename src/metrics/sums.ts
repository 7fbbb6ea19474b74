import { choiceOption, maker, numberOption, optionalNumber, wholeOption } from '../core/catalogue.js';
import { ShapeError } from '../core/errors.js';
import { showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { alignTarget, EPSILON, meanPerSample } from '../losses/loss.js';
import { kind } from './metric.js';

/** a / b, 0 where b is 0. */
export function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Weights of rows as factors of what has further axes; weights of every element stay. */
export function spread(weights: Tensor, like: Tensor): Tensor {
  return weights.rank >= like.rank
    ? weights
    : g.unsqueeze(
        weights,
        Array.from({ length: like.rank - weights.rank }, (_, i) => weights.rank + i),
      );
}

/** Sums over the rows of each column, by weight. */
function columnSums(x: Tensor, weights: Tensor | undefined): Tensor {
  return g.reduceSum(weights ? g.mul(x, spread(weights, x)) : x, { axes: [0] });
}

function columnsOf(owner: string, output: Tensor): void {
  if (output.rank === 2 && typeof output.shape[1] === 'number') return;
  throw new ShapeError(`${owner} needs outputs of shape [N, columns], got ${showShape(output.shape)}`, {
    argument: 'output',
    received: output.shape,
  });
}

/**
 * Count, mean, and sums of differences from that mean and of their squares, by weight, of each column: squares of targets far from 0 would leave
 * float32 no digits for how far those vary. The mean lies within the targets, so that equal ones do not vary.
 */
function momentSums(t: Tensor, weights: Tensor | undefined): Tensor[] {
  const count = columnSums(g.filledLike(t, 1), weights);
  const rounded = g.div(columnSums(t, weights), g.where(g.greater(count, 0), count, 1));
  const mean = g.max(g.min(rounded, g.reduceMax(t, { axes: [0] })), g.reduceMin(t, { axes: [0] }));
  const left = g.sub(t, mean);
  return [count, mean, columnSums(left, weights), columnSums(g.square(left), weights)];
}

/** Count, mean and sum of squared differences from it: what `momentSums` gives of one column, freed of the mean's rounding. */
function exactMoments([count = 0, mean = 0, left = 0, squares = 0]: readonly number[]): readonly [count: number, mean: number, squares: number] {
  return count === 0 ? [0, 0, 0] : [count, mean + left / count, Math.max(0, squares - left ** 2 / count)];
}

/** Moments, as `momentSums` gives them, of two parts of a column's rows taken together. Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979. */
function joinedMoments(part: readonly number[], other: readonly number[]): readonly number[] {
  const [n, mean, squares] = exactMoments(part);
  const [more, otherMean, otherSquares] = exactMoments(other);
  const [count, apart] = [n + more, otherMean - mean];
  return count === 0 ? [0, 0, 0, 0] : [count, mean + (apart * more) / count, 0, squares + otherSquares + (apart ** 2 * n * more) / count];
}

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

type Average = 'none' | 'micro' | 'macro' | 'weighted';

/** F score from true positives, predicted and actual positives of each column, one column after the other in each. */
function fScore(beta: number, threshold: number | undefined, average: Average, owner: string) {
  return {
    moreIsBetter: true,
    sums(target: Tensor, output: Tensor, weights?: Tensor) {
      columnsOf(owner, output);
      const t = alignTarget(owner, target, output);
      const chosen =
        threshold === undefined
          ? g.and(g.greaterOrEqual(output, g.reduceMax(output, { axes: [-1], keepdims: true })), g.greater(g.abs(output), 1e-9))
          : g.greater(output, threshold);
      const p = g.cast(chosen, output.dtype);
      return g.concat(
        [g.mul(t, p), p, t].map((x) => columnSums(x, weights)),
        0,
      );
    },
    result(sums: readonly number[]) {
      const width = sums.length / 3;
      const parts = [0, 1, 2].map((k) => sums.slice(k * width, (k + 1) * width));
      const [hits = [], predicted = [], actual = []] = average === 'micro' ? parts.map((part) => [total(part)]) : parts;
      const scores = hits.map((hit, i) => {
        const [precision, recall] = [hit / ((predicted[i] ?? 0) + EPSILON), hit / ((actual[i] ?? 0) + EPSILON)];
        return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + EPSILON);
      });
      if (average === 'none') return scores.length === 1 ? (scores[0] as number) : scores;
      if (average !== 'weighted') return total(scores) / scores.length;
      return total(scores.map((score, i) => (score * (actual[i] ?? 0)) / (total(actual) + EPSILON)));
    },
  };
}

const average = choiceOption<Average>('none', ['none', 'micro', 'macro', 'weighted']);
const threshold = optionalNumber({ above: 0, to: 1 });

/** Metrics of sums over an epoch, column by column. */
export const sumMetrics = {
  /**
   * (1 + β²) · precision · recall / (β² · precision + recall) of each column, or averaged; positive is what is above `threshold`, or each row's
   * highest where none is given. Targets are one-hot or 0 and 1.
   */
  fBetaScore: maker(kind, 'fBetaScore', { average, beta: numberOption(1, { above: 0 }), threshold }, (settings) =>
    fScore(settings.beta, settings.threshold, settings.average, 'fBetaScore'),
  ),
  /** `fBetaScore` with β = 1: the harmonic mean of precision and recall. */
  f1Score: maker(kind, 'f1Score', { average, threshold }, (settings) => fScore(1, settings.threshold, settings.average, 'f1Score')),

  /** Share of the targets' variance that outputs explain, averaged over columns; with `numRegressors` p adjusted to n rows: 1 − (1 − R²)(n − 1) / (n − p − 1). */
  r2Score: maker(
    kind,
    'r2Score',
    {
      classAggregation: choiceOption('uniform_average', ['uniform_average', 'variance_weighted_average', 'none']),
      numRegressors: wholeOption(0),
    },
    ({ classAggregation, numRegressors }) => ({
      moreIsBetter: true,
      sums(target: Tensor, output: Tensor, weights?: Tensor) {
        columnsOf('r2Score', output);
        const t = alignTarget('r2Score', target, output);
        const residuals = columnSums(g.square(g.sub(output, t)), weights);
        return g.concat([...momentSums(t, weights), residuals, g.reshape(g.reduceSum(g.filledLike(t, 1)), [1])], 0);
      },
      combine(sums: readonly number[], more: readonly number[]) {
        const added = sums.map((value, i) => value + (more[i] ?? Number.NaN));
        const width = (sums.length - 1) / 5;
        for (let i = 0; i < width; i++) {
          const moments = [0, 1, 2, 3].map((k) => k * width + i);
          const of = (values: readonly number[]) => moments.map((at) => values[at] ?? Number.NaN);
          joinedMoments(of(sums), of(more)).forEach((value, k) => {
            added[k * width + i] = value;
          });
        }
        return added;
      },
      result(sums: readonly number[]) {
        const width = (sums.length - 1) / 5;
        const column = (i: number, ...rows: readonly number[]) => rows.map((k) => sums[k * width + i] ?? Number.NaN);
        const variances = Array.from({ length: width }, (_, i) => exactMoments(column(i, 0, 1, 2, 3))[2]);
        const scores = variances.map((variance, i) => (variance === 0 ? 0 : 1 - (column(i, 4)[0] ?? Number.NaN) / variance));
        const samples = sums[sums.length - 1] ?? 0;
        const left = samples - numRegressors - 1;
        const adjusted = (score: number): number => (numRegressors === 0 || left <= 0 ? score : 1 - ((1 - score) * (samples - 1)) / left);
        if (classAggregation === 'none') return scores.map(adjusted);
        if (classAggregation === 'uniform_average') return adjusted(total(scores) / width);
        return adjusted(ratio(total(scores.map((score, i) => score * (variances[i] ?? 0))), total(variances)));
      },
    }),
  ),

  /** Root of the mean squared error over all rows of an epoch. */
  rootMeanSquaredError: maker(kind, 'rootMeanSquaredError', {}, () => ({
    sums(target: Tensor, output: Tensor, weights?: Tensor) {
      const errors = meanPerSample(g.square(g.sub(output, alignTarget('rootMeanSquaredError', target, output))));
      const pair = [weights ? g.mul(errors, weights) : errors, weights ?? g.filledLike(errors, 1)];
      return g.concat(
        pair.map((x) => g.reshape(g.reduceSum(x), [1])),
        0,
      );
    },
    result: ([sum = 0, count = 0]: readonly number[]) => Math.sqrt(ratio(sum, count)),
  })),
};
