import { type Catalogue, make, resolve } from './core/catalogue.js';
import { batchwiseLosses } from './losses/batchwise.js';
import { crossentropies } from './losses/crossentropy.js';
import { distances } from './losses/distances.js';
import { kind, type Loss, type LossFunction, perSampleOf } from './losses/loss.js';

export type { Loss, LossFunction, TargetKind, TargetRange } from './losses/loss.js';

/**
 * The losses, by name; each entry creates one from its options. Cross-entropies take probabilities unless `fromLogits`; if the output is a softmax or a
 * sigmoid they use its logits all the same, which is exact even if probabilities round to 0 or 1.
 */
export const losses = { ...crossentropies, ...distances, ...batchwiseLosses };

export type LossName = keyof typeof losses;

/** What users may pass where a loss is expected; Keras's spellings (`sparse_categorical_crossentropy`), `mse` and `mae` are names as well. */
export type LossLike = LossName | 'mse' | 'mae' | (string & {}) | Loss | LossFunction;

/** Short names that Keras knows. */
export const lossAliases: Readonly<Record<string, LossName>> = {
  mse: 'meanSquaredError',
  mae: 'meanAbsoluteError',
  bce: 'binaryCrossentropy',
  mape: 'meanAbsolutePercentageError',
  msle: 'meanSquaredLogarithmicError',
  kld: 'klDivergence',
  kullbackLeiblerDivergence: 'klDivergence',
};

const catalogue: Catalogue<Loss> = {
  kind,
  table: losses,
  aliases: lossAliases,
  holds: (value) => typeof (value as Partial<Loss>).perSample === 'function',
  fromFunction: (value, name) => ({ name, config: {}, targets: 'real', perSample: perSampleOf(kind, name, value as LossFunction) }),
};

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no loss. */
export function resolveLoss(value: LossLike): Loss {
  return resolve(catalogue, value);
}

/** The loss of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function lossFromConfig(name: string, config: Readonly<Record<string, unknown>>): Loss {
  return make(catalogue, name, config);
}
