import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Shape, showShape } from '../core/shape.js';
import { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';

/** How targets look: class numbers, one row of class weights per sample, 0 or 1 per output, any numbers, or numbers of groups that are no classes of the output. */
export type TargetKind = 'labels' | 'oneHot' | 'binary' | 'real' | 'groups';

/** What training makes small; `name` and `config` are what a saved model keeps. */
export interface Loss {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly targets: TargetKind;
  /** Losses [N] of the samples; axes between the batch and the last are averaged. @throws ShapeError where target and output do not fit. */
  perSample(target: Tensor, output: Tensor): Tensor;
}

/** Probabilities are kept this far from 0 and 1, as in Keras. */
export const EPSILON = 1e-7;

/** The word for a loss in messages. */
export const kind = 'loss';

/** Mean over every axis but the first. */
export function meanPerSample(values: Tensor): Tensor {
  return values.rank < 2 ? values : g.reduceMean(values, { axes: values.shape.slice(1).map((_, i) => i + 1) });
}

/** The logits behind an output that is the sigmoid of something, else undefined. */
export function sigmoidLogits(output: Tensor): Tensor | undefined {
  return output.node.record === g.records.Sigmoid ? output.node.inputs[0] : undefined;
}

export function misfit(owner: string, target: Tensor, output: Tensor, hint: string): never {
  throw new ShapeError(`${owner}: targets of shape ${showShape(target.shape)} do not fit outputs of shape ${showShape(output.shape)}; ${hint}`, {
    argument: 'target',
    received: target.shape,
    expected: output.shape,
  });
}

function fits(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i] || typeof dim === 'string' || typeof b[i] === 'string');
}

/**
 * Targets, one for each output, in the output's dtype; a last axis of length 1 may be missing on either side.
 * @throws ShapeError where they do not fit: broadcasting would compare every sample with every other.
 */
export function alignTarget(owner: string, target: Tensor, output: Tensor): Tensor {
  const { shape } = output;
  let aligned = target;
  if (target.rank === output.rank - 1 && shape.at(-1) === 1) aligned = g.unsqueeze(target, [target.rank]);
  else if (target.rank === output.rank + 1 && target.shape.at(-1) === 1) aligned = g.squeeze(target, [output.rank]);
  if (!fits(aligned.shape, shape)) misfit(owner, target, output, 'one target is needed for each output');
  return g.cast(aligned, output.dtype);
}

/** Class numbers, of the output's shape without its last axis. @throws ShapeError where they do not fit. */
export function alignLabels(owner: string, target: Tensor, output: Tensor): Tensor {
  const labels = target.rank === output.rank && target.shape.at(-1) === 1 ? g.squeeze(target, [target.rank - 1]) : target;
  if (!fits(labels.shape, output.shape.slice(0, -1))) {
    const oneHot = fits(target.shape, output.shape);
    misfit(
      owner,
      target,
      output,
      oneHot ? "these targets look one-hot: use 'categoricalCrossentropy' or labels" : 'one label is needed for each sample',
    );
  }
  return labels;
}

/** A loss of the user's own, of graph operators: one number per sample [N], or per element, which is averaged over all axes but the first. */
export type LossFunction = (target: Tensor, output: Tensor) => Tensor;

/** Checks what a user's own loss or metric returns. */
export function perSampleOf(what: string, name: string, compute: LossFunction): Loss['perSample'] {
  return (target, output) => {
    const values: unknown = compute(target, output);
    if (!(values instanceof Tensor) || values.rank === 0) {
      const received = values instanceof Tensor ? 'a scalar' : typeof values;
      throw new ArgumentError(
        `${what} function '${name}' must return a tensor with one row per sample, got ${received}; leave the mean over the batch out`,
        {
          argument: what,
          received: values,
        },
      );
    }
    return meanPerSample(values);
  };
}
