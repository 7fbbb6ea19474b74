import type { Tap, Tensor } from '../graph/node.js';
import { concat } from '../graph/ops/index.js';
import type { LayerCall } from './layer.js';

/** What the activation of a layer call receives and gives; one for all calls of a loop. */
export interface SignalTap {
  /** The call, or those of a loop in order. */
  readonly calls: readonly LayerCall[];
  /** Sums of the inputs; those of a loop stacked along a new first axis. */
  readonly z: Tensor;
  /** What the call gives; undefined inside a loop whose gradient does not keep it, where only the activation of z tells. */
  readonly h: Tensor | undefined;
  /** Whether the first axis of z is that of the steps of a sequence. */
  readonly overTime?: boolean;
  /** ∂L/∂z where the backward pass has been written, from the gradients it found. */
  gradient(found: ReadonlyMap<Tensor, Tensor>): Tensor | undefined;
}

/** What the activation inside of a layer's own loop receives: stacked along the steps, and in the loop's body. */
export interface LoopedSums {
  readonly z: Tensor;
  readonly tap: Tap;
}

/** One call's tap over the loops in it: the directions of a bidirectional layer lie side by side. */
export function loopedTap(call: LayerCall, looped: readonly LoopedSums[]): SignalTap {
  const beside = (tensors: readonly Tensor[]): Tensor => (tensors.length === 1 ? (tensors[0] as Tensor) : concat(tensors, -1));
  return {
    calls: [call],
    z: beside(looped.map(({ z }) => z)),
    h: undefined,
    // The directions of a bidirectional layer walk against each other.
    overTime: looped.length === 1,
    gradient: () => {
      const gradients = looped.flatMap(({ tap }) => tap.gradient ?? []);
      return gradients.length === looped.length ? beside(gradients) : undefined;
    },
  };
}
