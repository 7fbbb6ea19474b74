import { type Gradient, type GradientBending, gathered, lossGradient, throughBend, throughSum } from '../../theory/gradient.js';
import type { NetworkFacts } from '../../vitals/facts.js';
import type { Forward } from './place.js';

/** What the walk from outputs to inputs found at one use. */
export interface Backward {
  /** ∂L/∂z, relative to the size it has at the outputs' z. */
  readonly z?: Gradient;
  readonly bending?: GradientBending;
}

/** Gradients from outputs to inputs, by use; absent where something on the way down is not known. */
export function walkBackward({ layers, outputs }: NetworkFacts, forward: readonly Forward[]): Backward[] {
  const found: Backward[] = layers.map(() => ({}));
  /** What each use's output receives; undefined once a part of it is not known. */
  const received: (Gradient[] | undefined)[] = layers.map(() => []);
  const send = (to: number, gradient: Gradient | undefined): void => {
    const before = received[to];
    received[to] = before && gradient ? [...before, gradient] : undefined;
  };
  for (let use = layers.length - 1; use >= 0; use--) {
    const [layer, own] = [layers[use], forward[use]];
    if (!layer || !own) continue;
    const parts = received[use];
    const atOutput = outputs.includes(use);
    const h = !parts ? undefined : atOutput ? lossGradient() : parts.length > 0 ? gathered(parts) : undefined;
    const { z, table, bending, summing } = own;
    // What the loss sends is set where it enters: at the z of the outputs.
    const bent: GradientBending | undefined = h && !atOutput && z && table && bending ? throughBend(table, z, bending, h) : undefined;
    const atZ = atOutput ? h : bent?.gradient;
    // Along a sequence a gradient has as many sizes as steps; `alongTime` says how it changes.
    if (z && atZ && !own.walked) found[use] = { z: atZ, ...(bent ? { bending: bent } : {}) };
    layer.inputs.forEach((from, i) => {
      if (summing) {
        const { fanOut, fanIn, width, weights, share } = summing;
        const loose = weights.orthogonal ? Math.max(0, 1 - fanIn / width) : 1;
        send(from, atZ && throughSum(atZ, { fanOut, weightSquare: weights.square, share, width: fanIn, loose }));
      } else if (layer.role === 'activation') send(from, atZ);
      else send(from, h && passedBack(h, own, i, (forward[from]?.h?.log ?? 0) - (own.h?.log ?? 0)));
    });
  }
  return found;
}

/** Through a layer that neither sums nor bends. `part`: ln of the input's mean square over the output's. */
function passedBack(h: Gradient, { factors, sensitivity = 0 }: Forward, input: number, part: number): Gradient | undefined {
  const factor = factors?.[input];
  if (factor === undefined || !(factor > 0)) return undefined;
  // A layer that standardizes lets no change of size through.
  const follows = sensitivity !== 0 ? sensitivity : h.sensitivity * Math.min(1, factor * Math.exp(part));
  return { ...h, log: h.log + Math.log(factor), sensitivity: follows, radial: sensitivity !== 0 ? 0 : h.radial };
}
