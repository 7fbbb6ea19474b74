import type { LossName } from '../losses.js';
import type { Network } from '../network/network.js';

/** The loss that suits a network's last activation and the targets; numbers get the mean squared error. */
export function lossNameFor(network: Network, labels: boolean): LossName {
  const config = network.outputs[0]?.call.layer.config() as { readonly activation?: { readonly name?: string } } | undefined;
  const activation = config?.activation?.name;
  if (activation === 'softmax') return labels ? 'sparseCategoricalCrossentropy' : 'categoricalCrossentropy';
  return activation === 'sigmoid' ? 'binaryCrossentropy' : 'meanSquaredError';
}
