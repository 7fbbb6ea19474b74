// @ts-check

/** AUTOTRAINER's default thresholds (Zhang et al., ICSE 2021, table of section IV; `default_param` of the authors' code). */
export const thresholds = {
  /** Norm of the first kernel's gradient over that of the last: below it, and the first below `beta2`, gradients vanish. */
  beta1: 1e-3,
  beta2: 1e-4,
  /** Above it they explode. */
  beta3: 70,
  /** Share of gradients that are 0: from it on ReLUs are dying. */
  gamma: 0.7,
  /** Swing of the accuracy that counts, and the share of epochs that may swing. */
  zeta: 0.03,
  eta: 0.2,
  /** Rise of the accuracy from epoch to epoch that shows convergence. */
  delta: 0.01,
  /** Accuracy that a training must reach. */
  theta: 0.7,
  /** Share of the epochs before which accuracies are not judged. */
  judged: 0.3,
  /** Validation loss that counts as infinite. */
  lossLimit: 1e5,
};

/** @typedef {'explode' | 'vanish' | 'relu' | 'not_converge' | 'unstable'} Symptom */

/**
 * What is looked at after some epochs.
 * @typedef {object} Look
 * @property {readonly (readonly number[])[]} kernelGradients of every kernel, first layer first, on the first batch
 * @property {number} zeroShare of all gradients
 * @property {readonly number[]} accuracy by epoch
 * @property {readonly number[]} validationAccuracy
 * @property {readonly number[]} validationLoss
 * @property {boolean} finite
 */

const norm = (/** @type {readonly number[]} */ values) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

const largestRise = (/** @type {readonly number[]} */ values) =>
  values.reduce((most, value, i) => (i > 0 ? Math.max(most, value - (values[i - 1] ?? value)) : most), 0);

/** Whether the accuracy swings in too many epochs: its maxima less its minima, in turn. @param {readonly number[]} accuracy */
function swings(accuracy) {
  const inner = accuracy.flatMap((value, i) => {
    const [before, after] = [accuracy[i - 1], accuracy[i + 1]];
    return before === undefined || after === undefined
      ? []
      : [{ value, up: value >= before && value >= after, down: value <= before && value <= after }];
  });
  const [maxima, minima] = [inner.filter(({ up }) => up), inner.filter(({ down }) => down)];
  const count = maxima.filter(({ value }, i) => value - (minima[i]?.value ?? Number.POSITIVE_INFINITY) >= thresholds.zeta).length;
  return count >= thresholds.eta * accuracy.length;
}

/** Judges a training while it goes on; what it saw once it remembers, as the authors' code does. */
export class Monitor {
  #epochs;
  #seen = { vanish: false, explode: false, relu: false, low: false, slow: false, unstable: false };

  /** @param {number} epochs of the whole training */
  constructor(epochs) {
    this.#epochs = epochs;
  }

  /** @param {Look} look @returns {Symptom | undefined} */
  symptom({ kernelGradients, zeroShare, accuracy, validationAccuracy, validationLoss, finite }) {
    const seen = this.#seen;
    if (!finite || (validationLoss.at(-1) ?? 0) >= thresholds.lossLimit) return 'explode';
    const [first, last] = [norm(kernelGradients[0] ?? []), norm(kernelGradients.at(-1) ?? [])];
    seen.vanish ||= first / last < thresholds.beta1 && first < thresholds.beta2;
    seen.explode ||= first / last > thresholds.beta3;
    seen.relu ||= zeroShare >= thresholds.gamma;
    if (accuracy.length >= thresholds.judged * this.#epochs) {
      seen.unstable ||= swings(accuracy);
      seen.low ||= Math.max(...validationAccuracy) < thresholds.theta || Math.max(...accuracy) < thresholds.theta;
      seen.slow ||= largestRise(validationAccuracy) < thresholds.delta && largestRise(accuracy) < thresholds.delta;
    }
    if (seen.low || seen.slow) {
      if (seen.relu) return 'relu';
      if (seen.explode) return 'explode';
      if (seen.vanish) return 'vanish';
      return seen.slow ? 'not_converge' : undefined;
    }
    return seen.unstable ? 'unstable' : undefined;
  }
}
