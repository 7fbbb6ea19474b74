import type { ActivationLike } from '../activations.js';
import { countOf } from '../core/count.js';
import { ArgumentError, show } from '../core/errors.js';
import type { Signal } from '../network/layer.js';
import { MultiHeadAttention } from './attention.js';
import { Dense } from './core.js';
import { Merge } from './merge.js';
import { Dropout } from './noise.js';
import { checkOptions, isBoolean, isCount, isNumber, type OptionCheck } from './options.js';
import { LayerNormalization } from './standardization.js';

export interface TransformerOptions {
  readonly numHeads: number;
  /** Size of each head's queries and keys; default features / numHeads. */
  readonly keyDim?: number;
  /** Units between the two dense layers; default 4 · features. */
  readonly hiddenDim?: number;
  /** Activation between the dense layers; default GELU. */
  readonly activation?: ActivationLike;
  /** `pre` (default) normalizes the inputs of attention and dense layers, so that the skip connections stay a clear path for gradients; `post` normalizes the sums. */
  readonly norm?: 'pre' | 'post';
  /** Dropout rate of the added branches and of the attention; default 0. */
  readonly dropout?: number;
  /** Mask out later steps; default false. */
  readonly causal?: boolean;
}

const numbers = { numHeads: isCount, keyDim: isCount, hiddenDim: isCount, dropout: isNumber(0, 1, 'high'), causal: isBoolean };
const isNorm: OptionCheck = (value) => (value === 'pre' || value === 'post' ? undefined : `must be 'pre' or 'post', got ${show(value)}`);

/**
 * Self-attention and two dense layers, each with a skip connection and layer normalization, behind a signal [N, steps, features]; Vaswani et al., 2017
 * (post), Xiong et al., "On layer normalization in the transformer architecture", 2020 (pre). It is made of layers: a saved model holds them.
 * @throws ArgumentError on an option, or where the heads do not divide the features and no `keyDim` is given.
 */
export function transformerBlock(x: Signal, options: TransformerOptions): Signal {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(
      `transformerBlock: expected a signal and options, such as transformerBlock(x, { numHeads: 4 }), got ${show(options)} as options`,
      {
        argument: 'options',
        received: options,
      },
    );
  }
  const { activation = 'gelu', ...plain } = options;
  for (const argument of ['name', 'trainable']) {
    if (argument in plain)
      throw new ArgumentError(`transformerBlock: has no option ${argument}: it consists of several layers, each with its own`, {
        argument,
        received: (plain as Readonly<Record<string, unknown>>)[argument],
      });
  }
  checkOptions('transformerBlock', { ...plain, numHeads: options.numHeads ?? null }, { ...numbers, norm: isNorm });
  const features = Number(x.shape.at(-1));
  const { numHeads, norm = 'pre', dropout = 0, causal = false, hiddenDim = 4 * features } = options;
  const keyDim = options.keyDim ?? features / numHeads;
  if (!Number.isInteger(keyDim)) {
    throw new ArgumentError(
      `transformerBlock: ${numHeads} heads do not divide ${countOf(features, 'feature')} evenly; pass keyDim, or another number of heads`,
      {
        argument: 'numHeads',
        received: numHeads,
      },
    );
  }
  const normalized = (signal: Signal): Signal => new LayerNormalization({ epsilon: 1e-5 }).apply(signal);
  const beside = (signal: Signal, branch: (input: Signal) => Signal): Signal => {
    const made = branch(norm === 'pre' ? normalized(signal) : signal);
    const sum = new Merge('add').apply([signal, dropout > 0 ? new Dropout(dropout).apply(made) : made]);
    return norm === 'pre' ? sum : normalized(sum);
  };
  const attended = beside(x, (input) => new MultiHeadAttention(numHeads, keyDim, { dropout, causal }).apply(input));
  return beside(attended, (input) => new Dense(features).apply(new Dense(hiddenDim, { activation }).apply(input)));
}
