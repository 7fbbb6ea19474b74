import { asFromTable, type Catalogue, flagOption, make, maker, numberOption, resolve, wholeOption } from './core/catalogue.js';
import { foldName } from './core/names.js';
import type { Shape } from './core/shape.js';
import type { Tensor } from './graph/node.js';
import * as g from './graph/ops/index.js';
import { cosines } from './losses/distances.js';
import { alignLabels, alignTarget, meanPerSample, perSampleOf, sigmoidLogits } from './losses/loss.js';
import { type Loss, type LossFunction, lossAliases, losses } from './losses.js';
import { confusionMetrics } from './metrics/confusion.js';
import { kind, type MeanMetric, type Metric } from './metrics/metric.js';
import { sumMetrics } from './metrics/sums.js';

export type { MeanMetric, Metric, SumMetric } from './metrics/metric.js';
export { isMean } from './metrics/metric.js';

/** The number of the class with the highest score; logits rank as their softmax does, which is then not needed. */
function predictedClass(output: Tensor): Tensor {
  return g.argMax(g.softmaxLogits(output) ?? output);
}

function share(hits: Tensor, output: Tensor): Tensor {
  return meanPerSample(g.cast(hits, output.dtype));
}

/** Whether fewer than k scores are above the labelled one's. */
function inTop(k: number, labels: Tensor, output: Tensor): Tensor {
  const own = g.gatherElements(output, g.unsqueeze(labels, [labels.rank]), output.rank - 1);
  const above = g.reduceSum(g.cast(g.greater(output, own), output.dtype), { axes: [-1] });
  return share(g.less(above, k), output);
}

/** A loss, reported. */
function reported<O>(makeLoss: (options?: O) => Loss): (options?: O) => MeanMetric {
  return (options) => {
    const { name, config, perSample } = makeLoss(options);
    return asFromTable({ name, config, perSample });
  };
}

/** The metrics, by name; each entry creates one from its options. `accuracy` is one of the three accuracies: see `resolveMetric`. */
export const metrics = {
  /** Share of samples whose highest score is that of the label; labels [N] or [N, 1]. */
  sparseCategoricalAccuracy: maker(kind, 'sparseCategoricalAccuracy', {}, () => ({
    moreIsBetter: true,
    perSample(target: Tensor, output: Tensor) {
      const labels = alignLabels('sparseCategoricalAccuracy', target, output);
      return share(g.equal(predictedClass(output), g.cast(labels, 'int64')), output);
    },
  })),

  /** Share of samples whose highest score is where the target is highest. */
  categoricalAccuracy: maker(kind, 'categoricalAccuracy', {}, () => ({
    moreIsBetter: true,
    perSample(target: Tensor, output: Tensor) {
      return share(g.equal(predictedClass(output), g.argMax(alignTarget('categoricalAccuracy', target, output))), output);
    },
  })),

  /** Share of outputs on the target's side of `threshold`, a probability; targets are 0 and 1, with `fromLogits` the outputs are log-odds. */
  binaryAccuracy: maker(
    kind,
    'binaryAccuracy',
    { threshold: numberOption(0.5, { from: 0, to: 1 }), fromLogits: flagOption(false) },
    ({ threshold, fromLogits }) => ({
      moreIsBetter: true,
      perSample(target: Tensor, output: Tensor) {
        const logits = fromLogits ? output : sigmoidLogits(output);
        const positive = logits ? g.greater(logits, Math.log(threshold / (1 - threshold))) : g.greater(output, threshold);
        return share(g.equal(g.cast(positive, output.dtype), alignTarget('binaryAccuracy', target, output)), output);
      },
    }),
  ),

  /** Share of samples with fewer than `k` scores above that of the target's highest. */
  topKCategoricalAccuracy: maker(kind, 'topKCategoricalAccuracy', { k: wholeOption(5, 1) }, ({ k }) => ({
    moreIsBetter: true,
    perSample: (target: Tensor, output: Tensor) => inTop(k, g.argMax(alignTarget('topKCategoricalAccuracy', target, output)), output),
  })),

  /** Share of samples with fewer than `k` scores above that of the label; labels [N] or [N, 1]. */
  sparseTopKCategoricalAccuracy: maker(kind, 'sparseTopKCategoricalAccuracy', { k: wholeOption(5, 1) }, ({ k }) => ({
    moreIsBetter: true,
    perSample: (target: Tensor, output: Tensor) => inTop(k, g.cast(alignLabels('sparseTopKCategoricalAccuracy', target, output), 'int64'), output),
  })),

  /** Cosine of the angle between target and output: 1 for one direction, −1 for opposites; the loss of that name is its opposite. */
  cosineSimilarity: maker(kind, 'cosineSimilarity', {}, () => ({
    moreIsBetter: true,
    perSample: (target: Tensor, output: Tensor) => cosines('cosineSimilarity', target, output),
  })),

  sparseCategoricalCrossentropy: reported(losses.sparseCategoricalCrossentropy),
  categoricalCrossentropy: reported(losses.categoricalCrossentropy),
  binaryCrossentropy: reported(losses.binaryCrossentropy),
  meanSquaredError: reported(losses.meanSquaredError),
  meanAbsoluteError: reported(losses.meanAbsoluteError),
  meanAbsolutePercentageError: reported(losses.meanAbsolutePercentageError),
  meanSquaredLogarithmicError: reported(losses.meanSquaredLogarithmicError),
  huber: reported(losses.huber),
  logCosh: reported(losses.logCosh),
  poisson: reported(losses.poisson),
  klDivergence: reported(losses.klDivergence),
  hinge: reported(losses.hinge),
  squaredHinge: reported(losses.squaredHinge),
  categoricalHinge: reported(losses.categoricalHinge),
  ...confusionMetrics,
  ...sumMetrics,
};

export type MetricName = keyof typeof metrics;

/** Names of metrics that are shares of right answers. */
export const accuracies = ['accuracy', 'binaryAccuracy', 'sparseCategoricalAccuracy', 'categoricalAccuracy'] as const;

/** A custom metric, built from graph operators: one number per sample [N], or per element, which is averaged over all axes but the first. */
export type MetricFunction = LossFunction;

/** What users may pass where a metric is expected; `accuracy` is the accuracy that matches the loss. */
export type MetricLike = MetricName | 'accuracy' | 'mse' | 'mae' | (string & {}) | Metric | MetricFunction;

/** Other names that Keras knows. */
export const metricAliases: Readonly<Record<string, MetricName>> = { ...lossAliases, logCoshError: 'logCosh', rmse: 'rootMeanSquaredError' };

/** The metric of the table that a logged value is named after: its name ends the value's, before numbers and behind `val_`, an output's name, `weighted_`. */
export function loggedMetric(log: string): Metric | undefined {
  const folded = foldName(log.replace(/(_\d+)+$/, ''));
  const names = Object.keys(metrics) as MetricName[];
  const [name] = names.filter((one) => folded.endsWith(foldName(one))).sort((a, b) => b.length - a.length);
  return name && metrics[name]();
}

const catalogue: Catalogue<Metric> = {
  kind,
  table: metrics,
  aliases: metricAliases,
  others: ['accuracy'],
  holds: (value) => ['perSample', 'sums'].some((key) => typeof (value as Readonly<Record<string, unknown>>)[key] === 'function'),
  fromFunction: (value, name) => ({ name, config: {}, perSample: perSampleOf(kind, name, value as MetricFunction) }),
};

/** Share of outputs on the target's side of 0; where outputs are a sigmoid's, of a half. */
function signAccuracy(target: Tensor, output: Tensor): Tensor {
  const sides = [alignTarget('accuracy', target, output), sigmoidLogits(output) ?? output].map((x) => g.cast(g.greater(x, 0), output.dtype));
  return share(g.equal(sides[0] as Tensor, sides[1] as Tensor), output);
}

/** The accuracy that suits a loss and an output's shape. Of several yes-or-no outputs it counts each by itself. */
function accuracy(loss: Loss, outputShape: Shape): MeanMetric {
  const single = outputShape.at(-1) === 1 || outputShape.length < 2;
  const [sparse, categorical] = [metrics.sparseCategoricalAccuracy(), metrics.categoricalAccuracy()];
  const suiting = (): Pick<MeanMetric, 'perSample'> => {
    if (loss.targets === 'labels') return sparse;
    if (loss.compares === 'signs' && single) return { perSample: signAccuracy };
    if (loss.targets === 'binary' || (loss.targets === 'real' && single))
      return metrics.binaryAccuracy({ fromLogits: loss.config.fromLogits === true });
    // A loss of the user's own may take labels: the targets' shape tells.
    const areLabels = ({ shape, rank }: Tensor, output: Tensor): boolean => rank < output.rank || shape.at(-1) === 1;
    return { perSample: (target, output, ...more) => (areLabels(target, output) ? sparse : categorical).perSample(target, output, ...more) };
  };
  return asFromTable({ name: 'accuracy', config: {}, moreIsBetter: true, perSample: suiting().perSample });
}

/**
 * What a name, an instance or a function stands for. `accuracy` (`acc`) counts labels, one-hot rows or binary decisions, as the loss's targets look;
 * for losses of real numbers it compares the highest scores, or sides of 0.5 where there is one output; of 0 under hinge and squaredHinge, whose labels
 * are −1 (or 0) and 1.
 * @param loss the loss of the same output. @param outputShape with the batch axis.
 * @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no metric.
 */
export function resolveMetric(value: MetricLike, loss: Loss, outputShape: Shape): Metric {
  if (typeof value === 'string' && ['accuracy', 'acc'].includes(foldName(value))) return accuracy(loss, outputShape);
  return resolve(catalogue, value);
}

/** The metric of that name and options, as a saved model keeps them; `accuracy` needs `resolveMetric`. @throws ArgumentError on an unknown name or option. */
export function metricFromConfig(name: string, config: Readonly<Record<string, unknown>>): Metric {
  return make(catalogue, name, config);
}
