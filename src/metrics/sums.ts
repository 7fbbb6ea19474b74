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

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

type Average = 'none' | 'micro' | 'macro' | 'weighted';

/** F score from true positives, predicted and actual positives of each column, one column after the other in each. */
function fScore(beta: number, threshold: number | undefined, average: Average, owner: string) {
  return {
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
      sums(target: Tensor, output: Tensor, weights?: Tensor) {
        columnsOf('r2Score', output);
        const t = alignTarget('r2Score', target, output);
        const ones = g.filledLike(t, 1);
        const columns = [ones, t, g.square(t), g.square(g.sub(output, t))].map((x) => columnSums(x, weights));
        return g.concat([...columns, g.reshape(g.reduceSum(ones), [1])], 0);
      },
      result(sums: readonly number[]) {
        const width = (sums.length - 1) / 4;
        const [count = [], sum = [], squares = [], residuals = []] = [0, 1, 2, 3].map((k) => sums.slice(k * width, (k + 1) * width));
        const variances = squares.map((square, i) => square - (sum[i] ?? 0) ** 2 / (count[i] ?? 0));
        const scores = variances.map((variance, i) => (variance === 0 ? 0 : 1 - (residuals[i] ?? 0) / variance));
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
