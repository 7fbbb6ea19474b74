// @ts-check

/**
 * Amazon SageMaker Debugger's built-in rules that concern training, at the defaults of its documentation ("List of Debugger built-in rules").
 * README.md says what of them could not be followed to the letter.
 * @typedef {object} Observed
 * @property {import('evenkeel').Trace} trace of the plain run
 * @property {readonly number[][]} gradients mean |g| of every trained array, before the first step and after the last
 * @property {boolean} diverged
 */

const VANISHING = 1e-7;
const RATIO = { large: 10, small: 1e-8, epsilon: 1e-9 };
const DEAD_LAYER = 0.5;
const SATURATED = /** @type {const} */ ({ tanh: [-9.4999, 9.4999], sigmoid: [-23, 16.99999] });
/** Steps between the tensors that it saves by default. */
const SAVE_INTERVAL = 500;
const LOSS_FALL = 0.001;
const VARIANCE_RATIO = 10;

const numbers = (/** @type {readonly unknown[] | undefined} */ list) => (list ?? []).map(Number).filter((value) => !Number.isNaN(value));

/** Each rule fires or not. @type {Readonly<Record<string, (observed: Observed) => boolean>>} */
export const sagemakerRules = {
  // Mean of the absolute values. Between first and last step the root mean square bounds it from above.
  vanishing_gradient: ({ trace, gradients }) =>
    gradients.flat().some((mean) => mean < VANISHING) || trace.steps.some(({ arrays }) => numbers(arrays?.gradient).some((rms) => rms < VANISHING)),
  exploding_tensor: ({ diverged }) => diverged,
  dead_relu: ({ trace }) => layersOf(trace, 'relu').some(({ column, units }) => deadShares(trace, column, units).some((share) => share > DEAD_LAYER)),
  // Its extremes lie beyond what 95 % of the entries tell: a layer counts where at least half of its entries must lie outside.
  saturated_activation: ({ trace }) =>
    Object.entries(SATURATED).some(([name, [low, high]]) =>
      layersOf(trace, name).some(({ column }) =>
        trace.steps.some(({ signals }) => {
          const [, lower = 0, middle = 0, upper = 0] = numbers(signals.zQuantiles?.[column]);
          return middle < low || middle > high || (lower < low && upper > high);
        }),
      ),
    ),
  weight_update_ratio: ({ trace }) =>
    trace.steps.some(({ arrays }) =>
      trace.header.arrays.some((name, i) => {
        const [weight, update] = [Number(arrays?.weight[i]), Number(arrays?.update[i])];
        const ratio = update / (weight + RATIO.epsilon);
        return name.endsWith('/kernel') && (ratio > RATIO.large || ratio < RATIO.small);
      }),
    ),
  // Variances of what ReLU layers receive, largest over least, at the first steps.
  poor_weight_initialization: ({ trace }) => {
    const columns = layersOf(trace, 'relu').map(({ column }) => column);
    return trace.steps
      .filter(({ step }) => step <= 10)
      .some(({ signals }) => {
        const variances = columns.map((column) => Number(signals.zRms[column]) ** 2 - Number(signals.zMean[column]) ** 2).filter(Number.isFinite);
        return variances.length > 1 && Math.max(...variances) / Math.min(...variances) > VARIANCE_RATIO;
      });
  },
  // By means over epochs, which stray less than the losses of single batches.
  loss_not_decreasing: ({ trace }) => {
    const saved = trace.epochs.filter(
      ({ step }, i, all) => i === 0 || Math.floor(step / SAVE_INTERVAL) > Math.floor((all[i - 1]?.step ?? 0) / SAVE_INTERVAL),
    );
    const losses = saved.map(({ logs }) => Number(logs.loss));
    return losses.some((loss, i) => i > 0 && loss > (losses[i - 1] ?? loss) * (1 - LOSS_FALL));
  },
};

/** @param {import('evenkeel').Trace} trace @param {string} activation */
function layersOf(trace, activation) {
  const { watched, network } = trace.header;
  return watched.flatMap((use, column) => {
    const layer = network.layers[use];
    return layer?.activation?.name === activation ? [{ column, units: layer.shape.at(-1) ?? 1 }] : [];
  });
}

/** @param {import('evenkeel').Trace} trace @param {number} column @param {number} units */
const deadShares = (trace, column, units) => trace.passes.map((pass) => (pass.units[column]?.dead ?? 0) / units);

/** Names of the rules that fire. @param {Observed} observed @returns {string[]} */
export const sagemaker = (observed) => Object.entries(sagemakerRules).flatMap(([name, fires]) => (fires(observed) ? [name] : []));
