// @ts-check

/**
 * @typedef {import('evenkeel').Model} Model
 * @typedef {import('./data.js').WardSet} WardSet
 * @typedef {import('./data.js').Part} Part
 */

/**
 * How good predictions are, less what chance gives: accuracy − chance, or the share of the targets' variance that is explained. 0 where
 * nothing was learned, below it where worse; 0 where predictions are not finite.
 * @param {ArrayLike<number>} output rows of `classes` numbers each, or one number a row
 * @param {ArrayLike<number>} targets
 * @param {Pick<WardSet, 'task' | 'chance' | 'classes'>} set
 */
export function scoreOf(output, targets, { task, chance, classes }) {
  for (let i = 0; i < output.length; i++) if (!Number.isFinite(output[i])) return 0;
  return task === 'classes' ? accuracy(output, targets, classes) - chance : explained(output, targets);
}

/** @param {ArrayLike<number>} output @param {ArrayLike<number>} labels @param {number} classes */
function accuracy(output, labels, classes) {
  let right = 0;
  for (let row = 0; row < labels.length; row++) {
    let best = 0;
    for (let k = 1; k < classes; k++) if ((output[row * classes + k] ?? 0) > (output[row * classes + best] ?? 0)) best = k;
    if (best === labels[row]) right++;
  }
  return right / labels.length;
}

/** @param {ArrayLike<number>} output @param {ArrayLike<number>} targets */
function explained(output, targets) {
  let mean = 0;
  for (let i = 0; i < targets.length; i++) mean += (targets[i] ?? 0) / targets.length;
  let [left, all] = [0, 0];
  for (let i = 0; i < targets.length; i++) {
    left += ((output[i] ?? 0) - (targets[i] ?? 0)) ** 2;
    all += ((targets[i] ?? 0) - mean) ** 2;
  }
  return 1 - left / all;
}

/** The score of a trained model on some rows. @param {Model} model @param {Part} part @param {Pick<WardSet, 'task' | 'chance' | 'classes'>} set */
export async function grade(model, part, set) {
  const output = await model.predict(part.x);
  return scoreOf(/** @type {Float32Array} */ (output.data), Array.from(part.y.data, Number), set);
}
