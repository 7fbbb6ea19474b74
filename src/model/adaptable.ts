import type { Layer } from '../network/layer.js';
import type { Layout, Network } from '../network/network.js';
import type { Engine } from '../runtime/index.js';
import type { State } from '../training/state.js';

/** A network with its state in an engine. */
export interface Adaptable {
  readonly network: Network;
  readonly layout: Layout;
  readonly engine: Engine;
  readonly state: State;
  /** Layers that know what they take from data. */
  readonly adapted: Set<Layer>;
}
