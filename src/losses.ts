import { type Catalogue, flagOption, make, maker, numberOption, resolve } from './core/catalogue.js';
import { ArgumentError, ShapeError } from './core/errors.js';
import { type Shape, showShape } from './core/shape.js';
import { Tensor } from './graph/node.js';
import * as g from './graph/ops/index.js';

/** How targets look: class numbers, one row of class weights per sample, 0 or 1 per output, or any numbers. */
export type TargetKind = 'labels' | 'oneHot' | 'binary' | 'real';

/** What training makes small; `name` and `config` are what a saved model keeps. */
export interface Loss {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly targets: TargetKind;
  /** Losses [N] of the samples; axes between the batch and the last are averaged. @throws ShapeError where target and output do not fit. */
  perSample(target: Tensor, output: Tensor): Tensor;
}

/** Probabilities are kept this far from 0 and 1, as in Keras. */
const EPSILON = 1e-7;
const kind = 'loss';

/** Mean over every axis but the first. */
export function meanPerSample(values: Tensor): Tensor {
  return values.rank < 2 ? values : g.reduceMean(values, { axes: values.shape.slice(1).map((_, i) => i + 1) });
}

/** The logits behind an output that is the sigmoid of something, else undefined. */
export function sigmoidLogits(output: Tensor): Tensor | undefined {
  return output.node.record === g.records.Sigmoid ? output.node.inputs[0] : undefined;
}

function misfit(owner: string, target: Tensor, output: Tensor, hint: string): never {
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

/** Log-probabilities of the classes: from the logits where they are known, else from probabilities made to sum to 1 and kept from 0. */
function logProbabilities(output: Tensor, fromLogits: boolean): Tensor {
  const logits = fromLogits ? output : g.softmaxLogits(output);
  if (logits) return g.logSoftmax(logits);
  return g.log(g.clip(g.div(output, g.reduceSum(output, { axes: [-1], keepdims: true })), EPSILON, 1 - EPSILON));
}

function crossEntropy(target: Tensor, logProbability: Tensor): Tensor {
  return meanPerSample(g.neg(g.reduceSum(g.mul(logProbability, target), { axes: [-1] })));
}

function classesOf(owner: string, output: Tensor): number {
  const classes = output.shape.at(-1);
  if (output.rank >= 2 && typeof classes === 'number' && classes > 1) return classes;
  const hint = classes === 1 ? "; one output has one class: use 'binaryCrossentropy', or an output per class" : '';
  throw new ShapeError(`${owner} needs outputs of shape [N, classes], got ${showShape(output.shape)}${hint}`, {
    argument: 'output',
    received: output.shape,
  });
}

/** A loss of numbers compared one by one. */
const elementwise = (name: string, compare: (target: Tensor, output: Tensor) => Tensor) =>
  maker(kind, name, {}, () => ({
    targets: 'real' as TargetKind,
    perSample: (target: Tensor, output: Tensor) => meanPerSample(compare(alignTarget(name, target, output), output)),
  }));

const fromLogits = flagOption(false);
const labelSmoothing = numberOption(0, { from: 0, to: 1 });

/**
 * The losses, by name; each entry makes one from its options. Cross-entropies take probabilities unless `fromLogits`;
 * where the output is a softmax or a sigmoid they use the logits behind it all the same, which is exact where probabilities round to 0 or 1.
 */
export const losses = {
  /** −log p of the labelled class; labels are whole numbers in [0, classes), shape [N] or [N, 1]. */
  sparseCategoricalCrossentropy: maker(kind, 'sparseCategoricalCrossentropy', { fromLogits }, (settings) => ({
    targets: 'labels' as TargetKind,
    perSample(target: Tensor, output: Tensor) {
      const owner = 'sparseCategoricalCrossentropy';
      const classes = classesOf(owner, output);
      const hot = g.oneHot(alignLabels(owner, target, output), classes, output.dtype);
      return crossEntropy(hot, logProbabilities(output, settings.fromLogits));
    },
  })),

  /** −Σ t log p over classes; `labelSmoothing` s trains towards (1 − s)·t + s / classes. */
  categoricalCrossentropy: maker(kind, 'categoricalCrossentropy', { fromLogits, labelSmoothing }, (settings) => ({
    targets: 'oneHot' as TargetKind,
    perSample(target: Tensor, output: Tensor) {
      const owner = 'categoricalCrossentropy';
      const classes = classesOf(owner, output);
      if (target.rank === output.rank - 1) misfit(owner, target, output, "for labels use 'sparseCategoricalCrossentropy'");
      const smooth = smoothed(alignTarget(owner, target, output), settings.labelSmoothing, 1 / classes);
      return crossEntropy(smooth, logProbabilities(output, settings.fromLogits));
    },
  })),

  /** −(t log p + (1 − t) log(1 − p)), averaged over outputs; `labelSmoothing` s trains towards (1 − s)·t + s / 2. */
  binaryCrossentropy: maker(kind, 'binaryCrossentropy', { fromLogits, labelSmoothing }, (settings) => ({
    targets: 'binary' as TargetKind,
    perSample(target: Tensor, output: Tensor) {
      const t = smoothed(alignTarget('binaryCrossentropy', target, output), settings.labelSmoothing, 1 / 2);
      const logits = settings.fromLogits ? output : sigmoidLogits(output);
      if (logits) return meanPerSample(g.sub(g.softplus(logits), g.mul(logits, t)));
      const p = g.clip(output, EPSILON, 1 - EPSILON);
      const likelihood = g.add(g.mul(t, g.log(p)), g.mul(g.sub(1, t), g.log(g.sub(1, p))));
      return g.neg(meanPerSample(likelihood));
    },
  })),

  meanSquaredError: elementwise('meanSquaredError', (target, output) => g.square(g.sub(output, target))),

  meanAbsoluteError: elementwise('meanAbsoluteError', (target, output) => g.abs(g.sub(output, target))),

  /** e² / 2 for errors up to `delta`, delta · (|e| − delta / 2) beyond; Huber, "Robust estimation of a location parameter", 1964. */
  huber: maker(kind, 'huber', { delta: numberOption(1, { above: 0 }) }, ({ delta }) => ({
    targets: 'real' as TargetKind,
    perSample(target: Tensor, output: Tensor) {
      const size = g.abs(g.sub(output, alignTarget('huber', target, output)));
      const near = g.min(size, delta);
      return meanPerSample(g.add(g.mul(g.square(near), 0.5), g.mul(g.sub(size, near), delta)));
    },
  })),
};

function smoothed(target: Tensor, smoothing: number, even: number): Tensor {
  return smoothing === 0 ? target : g.add(g.mul(target, 1 - smoothing), smoothing * even);
}

export type LossName = keyof typeof losses;

/** A loss of the user's own, of graph operators: one number per sample [N], or per element, which is averaged over all axes but the first. */
export type LossFunction = (target: Tensor, output: Tensor) => Tensor;

/** What users may pass where a loss is expected; Keras's spellings (`sparse_categorical_crossentropy`), `mse` and `mae` are names as well. */
export type LossLike = LossName | 'mse' | 'mae' | (string & {}) | Loss | LossFunction;

/** Short names that Keras knows. */
export const lossAliases: Readonly<Record<string, LossName>> = { mse: 'meanSquaredError', mae: 'meanAbsoluteError', bce: 'binaryCrossentropy' };

const catalogue: Catalogue<Loss> = {
  kind,
  table: losses,
  aliases: lossAliases,
  holds: (value) => typeof (value as Partial<Loss>).perSample === 'function',
  fromFunction: (value, name) => ({ name, config: {}, targets: 'real', perSample: perSampleOf(kind, name, value as LossFunction) }),
};

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

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no loss. */
export function resolveLoss(value: LossLike): Loss {
  return resolve(catalogue, value);
}

/** The loss of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function lossFromConfig(name: string, config: Readonly<Record<string, unknown>>): Loss {
  return make(catalogue, name, config);
}
