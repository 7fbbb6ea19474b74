import type { ActivationLike } from '../activations.js';
import type { LayerOptions } from '../network/layer.js';
import { ActivationLayer, Dense, type DenseOptions, Flatten, input } from './core.js';
import { Add, Concatenate, type ConcatenateOptions } from './merge.js';
import { BatchNormalization, type BatchNormalizationOptions, Normalization, type NormalizationOptions } from './normalization.js';
import { Dropout } from './regularization.js';

/** Every layer, by the name users write. */
export const layers = {
  input,
  /** activation(x·kernel + bias) with `units` outputs. */
  dense: (units: number, options?: DenseOptions) => new Dense(units, options),
  /** An activation as a layer of its own. */
  activation: (activation: ActivationLike, options?: LayerOptions) => new ActivationLayer(activation, options),
  /** All axes but the batch's in one. */
  flatten: (options?: LayerOptions) => new Flatten(options),
  /** Features to mean 0 and variance 1, from the data of the first fit. */
  normalization: (options?: NormalizationOptions) => new Normalization(options),
  /** Every feature standardised over the batch. */
  batchNormalization: (options?: BatchNormalizationOptions) => new BatchNormalization(options),
  /** A share of the inputs set to 0 while training. */
  dropout: (rate: number, options?: LayerOptions) => new Dropout(rate, options),
  /** Sum of several inputs. */
  add: (options?: LayerOptions) => new Add(options),
  /** Several inputs joined along an axis. */
  concatenate: (options?: ConcatenateOptions) => new Concatenate(options),
} as const;

export type { BatchNormalizationOptions, ConcatenateOptions, DenseOptions, NormalizationOptions };
export { ActivationLayer, Add, BatchNormalization, Concatenate, Dense, Dropout, Flatten, Normalization };
