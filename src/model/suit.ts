import { type Loss, losses } from '../losses.js';
import type { Network } from '../network/network.js';

/**
 * The loss that suits a network's last activation and the targets: cross-entropy behind softmax and sigmoid, and behind a linear
 * layer of several units where targets are labels; else the mean squared error.
 */
export function lossSuiting(network: Network, labels: boolean): Loss {
  const signal = network.outputs[0];
  const config = signal?.call.layer.config() as { readonly activation?: { readonly name?: string } } | undefined;
  const activation = config?.activation?.name ?? 'linear';
  if (activation === 'softmax') return labels ? losses.sparseCategoricalCrossentropy() : losses.categoricalCrossentropy();
  if (activation === 'sigmoid') return losses.binaryCrossentropy();
  if (labels && activation === 'linear' && Number(signal?.shape.at(-1)) > 1) return losses.sparseCategoricalCrossentropy({ fromLogits: true });
  return losses.meanSquaredError();
}
