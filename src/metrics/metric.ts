import type { Tensor } from '../graph/node.js';

/** The word for a metric in messages. */
export const kind = 'metric';

interface Reported {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether sample weights count in it; default false. */
  readonly weighted?: boolean;
  /** Whether larger is better, as for accuracy; default false, as for an error. */
  readonly moreIsBetter?: boolean;
}

/** A metric that is the mean of one value per sample. */
export interface MeanMetric extends Reported {
  /** Values [N] of the samples, in the output's dtype; axes between the batch and the last are averaged. */
  perSample(target: Tensor, output: Tensor): Tensor;
}

/** A metric computed from sums over an epoch, such as precision. */
export interface SumMetric extends Reported {
  /** Sums [S] over a batch, S fixed by the output's shape, in its dtype. @param weights [N]; every sample counts 1 without them. */
  sums(target: Tensor, output: Tensor, weights?: Tensor): Tensor;
  /** The sums of two parts of an epoch taken together; they are added, entry by entry, unless given. Zeros are those of no rows. */
  combine?(sums: readonly number[], more: readonly number[]): number[];
  /** The value, or values, of the sums of all batches. */
  result(sums: readonly number[]): number | readonly number[];
}

/** What is reported along with the loss; `name` and `config` are stored in a saved model. */
export type Metric = MeanMetric | SumMetric;

export function isMean(metric: Metric): metric is MeanMetric {
  return 'perSample' in metric;
}
