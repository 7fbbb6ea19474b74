import { flagOption, maker, numberOption } from '../core/catalogue.js';
import { ShapeError } from '../core/errors.js';
import { showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';
import { evenlySteep, ofClasses, ofDecisions, ofHot, ofLabels, ofShares, ofSides } from './chance.js';
import { alignLabels, alignTarget, EPSILON, kind, meanPerSample, misfit, shares, sigmoidLogits, type TargetKind } from './loss.js';

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
  const hint = classes === 1 ? "; a single output means a single class: use 'binaryCrossentropy', or one output per class" : '';
  throw new ShapeError(`${owner} needs outputs of shape [N, classes], got ${showShape(output.shape)}${hint}`, {
    argument: 'output',
    received: output.shape,
  });
}

/** t log p + (1 − t) log(1 − p). */
function logLikelihood(t: Tensor, p: Tensor): Tensor {
  return g.add(g.mul(t, g.log(p)), g.mul(g.sub(1, t), g.log(g.sub(1, p))));
}

/** missed^gamma, kept from 0, where a power below 1 has no slope. */
function focus(missed: Tensor, gamma: number): Tensor {
  return g.pow(g.max(missed, EPSILON), gamma);
}

function smoothed(target: Tensor, smoothing: number, even: number): Tensor {
  return smoothing === 0 ? target : g.add(g.mul(target, 1 - smoothing), smoothing * even);
}

/** Targets as a share of each class. @throws ShapeError for labels. */
function alignShares(owner: string, target: Tensor, output: Tensor): Tensor {
  if (target.rank === output.rank - 1) misfit(owner, target, output, "for labels use 'sparseCategoricalCrossentropy'");
  return alignTarget(owner, target, output);
}

/** (1 − p)^gamma · −log p, and how fast it falls. */
const focal = (gamma: number) => (p: number) => -((1 - p) ** gamma) * Math.log(Math.max(p, EPSILON));
const focalSteepness = (gamma: number) => (p: number) =>
  (1 - p) ** gamma / p - (gamma === 0 || p === 1 ? 0 : gamma * (1 - p) ** (gamma - 1) * Math.log(p));

/** The same of a decision, by the probability that is given to it. */
const focalSides =
  ({ gamma, alpha, applyClassBalancing }: { readonly gamma: number; readonly alpha: number; readonly applyClassBalancing: boolean }) =>
  (target: number, p: number) =>
    (applyClassBalancing ? (target === 1 ? alpha : 1 - alpha) : 1) * focal(gamma)(target === 1 ? p : 1 - p);

const fromLogits = flagOption(false);
const labelSmoothing = numberOption(0, { from: 0, to: 1 });
const alpha = numberOption(0.25, { from: 0, to: 1 });
const gamma = numberOption(2, { from: 0 });

/** Losses of probabilities, or of the logits behind them. */
export const crossentropies = {
  /** −log p of the labelled class; labels are whole numbers in [0, classes), shape [N] or [N, 1]. */
  sparseCategoricalCrossentropy: maker(kind, 'sparseCategoricalCrossentropy', { fromLogits }, (settings) => ({
    targets: 'labels' as TargetKind,
    chance: ofLabels,
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
    takes: shares,
    chance: ofShares(settings.labelSmoothing),
    perSample(target: Tensor, output: Tensor) {
      const owner = 'categoricalCrossentropy';
      const classes = classesOf(owner, output);
      const smooth = smoothed(alignShares(owner, target, output), settings.labelSmoothing, 1 / classes);
      return crossEntropy(smooth, logProbabilities(output, settings.fromLogits));
    },
  })),

  /** −(t log p + (1 − t) log(1 − p)), averaged over outputs; `labelSmoothing` s trains towards (1 − s)·t + s / 2. */
  binaryCrossentropy: maker(kind, 'binaryCrossentropy', { fromLogits, labelSmoothing }, (settings) => ({
    targets: 'binary' as TargetKind,
    takes: shares,
    chance: ofDecisions(settings.labelSmoothing),
    perSample(target: Tensor, output: Tensor) {
      const t = smoothed(alignTarget('binaryCrossentropy', target, output), settings.labelSmoothing, 1 / 2);
      const logits = settings.fromLogits ? output : sigmoidLogits(output);
      if (logits) return meanPerSample(g.sub(g.softplus(logits), g.mul(logits, t)));
      return g.neg(meanPerSample(logLikelihood(t, g.clip(output, EPSILON, 1 - EPSILON))));
    },
  })),

  /**
   * Binary cross-entropy times (1 − p_t)^`gamma`, p_t the probability given to what is true; with `applyClassBalancing` also times `alpha`
   * for ones and 1 − `alpha` for zeros. Lin et al., "Focal loss for dense object detection", 2017.
   */
  binaryFocalCrossentropy: maker(
    kind,
    'binaryFocalCrossentropy',
    { applyClassBalancing: flagOption(false), alpha, gamma, fromLogits, labelSmoothing },
    (settings) => ({
      targets: 'binary' as TargetKind,
      takes: shares,
      ...(settings.labelSmoothing === 0 ? { chance: ofSides(focalSides(settings)) } : {}),
      perSample(target: Tensor, output: Tensor) {
        const t = smoothed(alignTarget('binaryFocalCrossentropy', target, output), settings.labelSmoothing, 1 / 2);
        const logits = settings.fromLogits ? output : sigmoidLogits(output);
        const p = g.clip(settings.fromLogits ? g.sigmoid(output) : output, EPSILON, 1 - EPSILON);
        const entropy = logits ? g.sub(g.softplus(logits), g.mul(logits, t)) : g.neg(logLikelihood(t, p));
        const missed = g.add(g.mul(t, g.sub(1, p)), g.mul(g.sub(1, t), p));
        const focal = g.mul(focus(missed, settings.gamma), entropy);
        if (!settings.applyClassBalancing) return meanPerSample(focal);
        return meanPerSample(g.mul(g.add(g.mul(t, 2 * settings.alpha - 1), 1 - settings.alpha), focal));
      },
    }),
  ),

  /** −Σ `alpha` (1 − p)^`gamma` t log p over classes; Lin et al., "Focal loss for dense object detection", 2017. */
  categoricalFocalCrossentropy: maker(kind, 'categoricalFocalCrossentropy', { alpha, gamma, fromLogits, labelSmoothing }, (settings) => ({
    targets: 'oneHot' as TargetKind,
    takes: shares,
    ...(settings.labelSmoothing === 0
      ? { chance: ofHot(ofClasses((p) => settings.alpha * focal(settings.gamma)(p), evenlySteep(focalSteepness(settings.gamma)))) }
      : {}),
    perSample(target: Tensor, output: Tensor) {
      const owner = 'categoricalFocalCrossentropy';
      const classes = classesOf(owner, output);
      const t = smoothed(alignShares(owner, target, output), settings.labelSmoothing, 1 / classes);
      const log = logProbabilities(output, settings.fromLogits);
      const weights = g.mul(focus(g.sub(1, g.exp(log)), settings.gamma), settings.alpha);
      return crossEntropy(t, g.mul(weights, log));
    },
  })),

  /** (1 − p^`q`) / `q`, p the probability of the labelled class: between cross-entropy (q → 0) and absolute error (q → 1). Zhang and Sabuncu, 2018. */
  categoricalGeneralizedCrossEntropy: maker(
    kind,
    'categoricalGeneralizedCrossEntropy',
    { q: numberOption(0.5, { above: 0, below: 1 }) },
    ({ q }) => ({
      targets: 'labels' as TargetKind,
      chance: ofClasses(
        (p) => (1 - p ** q) / q,
        evenlySteep((p) => p ** (q - 1)),
      ),
      perSample(target: Tensor, output: Tensor) {
        const owner = 'categoricalGeneralizedCrossEntropy';
        const hot = g.oneHot(alignLabels(owner, target, output), classesOf(owner, output), output.dtype);
        // The slope of p^q has no bound at 0.
        const p = g.max(g.reduceSum(g.mul(output, hot), { axes: [-1] }), 1e-14);
        return meanPerSample(g.div(g.sub(1, g.pow(p, q)), q));
      },
    }),
  ),
};
