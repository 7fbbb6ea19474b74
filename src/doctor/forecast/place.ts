import type { FanAxes } from '../../initializers.js';
import type { Attended } from '../../theory/attention.js';
import type { Bend } from '../../theory/bend.js';
import type { Effect } from '../../theory/layers.js';
import type { Walked } from '../../theory/recurrence.js';
import type { Bending, Signal, Summing } from '../../theory/signal.js';
import type { InputFacts, LayerFacts, NetworkFacts } from '../../vitals/facts.js';
import { bendBehind } from '../uses.js';
import { type Bends, Unknown } from './lookups.js';
import { type WeightMoments, weightMoments } from './weight-moments.js';

/** What the walk from inputs to outputs found at one use. */
export interface Forward {
  /** What its activation receives: its sums, or what enters a layer that sums nothing. */
  readonly z?: Signal;
  /** What it gives. */
  readonly h?: Signal;
  /** Its sums, where it has weights. */
  readonly summing?: Summing & { readonly weights: WeightMoments; readonly share: number; readonly fanOut: number };
  readonly bending?: Bending;
  readonly table?: Bend;
  /** Of a layer that carries a state along a sequence. */
  readonly walked?: Pick<Walked, 'chi' | 'gradient'> & { readonly steps: number };
  /** Of an attention layer. */
  readonly attention?: Omit<Attended, 'signal'> & { readonly steps: number };
  /** For layers that neither sum nor bend: a gradient's factor towards each input. */
  readonly factors?: readonly number[];
  readonly sensitivity?: number;
  /** Why theory does not know it. */
  readonly why?: string;
}

export interface WalkOptions {
  readonly inputs: readonly InputFacts[];
  readonly rows: number;
  readonly bends: Bends;
}

/** Mean and mean square of what is drawn. */
export type Moments = Pick<WeightMoments, 'mean' | 'square'>;

/** What a layer without an activation applies. */
export const LINEAR = { name: 'linear', config: {} };

/** Entries of an array of this shape; lengths that vary count once. */
export const entriesOf = (shape: readonly (number | null)[]): number =>
  Math.max(
    1,
    shape.reduce<number>((size, dim) => size * (dim ?? 1), 1),
  );

/** One use of a layer in the walk from inputs to outputs, with what was found before it. */
export class Place {
  constructor(
    readonly facts: NetworkFacts,
    readonly users: readonly (readonly number[])[],
    readonly found: readonly Forward[],
    readonly options: WalkOptions,
    readonly layer: LayerFacts,
    readonly use: number,
  ) {}

  /** The signal of an input, if it is known. @throws Unknown */
  from(at: number): Signal {
    const from = this.layer.inputs[at];
    const signal = from === undefined ? undefined : this.found[from]?.h;
    if (!signal) throw new Unknown(`what it receives from '${this.facts.layers[from ?? -1]?.name ?? 'nowhere'}' is not known`);
    return signal;
  }

  /** The signal of the first input. @throws Unknown */
  only(): Signal {
    return this.from(0);
  }

  /** Moments of what drew an array, whose fans are counted by `axes` where those are not the last two; undefined where it has none of that name. @throws Unknown where they are not known */
  moments(name: string, axes?: FanAxes): WeightMoments | undefined {
    const { weights } = this.layer;
    const array = weights.find((one) => one.name === name) ?? (name === 'kernel' ? weights.find(({ shape }) => shape.length >= 2) : undefined);
    if (!array) return undefined;
    if (!array.initializer) throw new Unknown(`the initializer of its ${name} is not recorded`);
    const fanIn = array.name === 'kernel' ? this.layer.fanIn : undefined;
    return weightMoments(array.initializer, array.shape, bendBehind(this.facts, this.users, this.use), this.options.bends, { fanIn, axes });
  }
}

/** Sums of `fanIn` inputs in each of `width` units. */
export function summingOf(fanIn: number, width: number, weights: Moments, bias: Moments, loose = 1): Summing {
  return { fanIn, weightMean: weights.mean, weightSquare: weights.square, biasMean: bias.mean, biasSquare: bias.square, width, loose };
}

/** What a layer that neither sums nor bends does. */
export function passed({ signal, gradient, sensitivity }: Effect): Forward {
  return { h: signal, factors: [gradient], sensitivity };
}
