import type { Bend } from '../../theory/bend.js';
import type { FlatSide } from '../../theory/dead.js';
import { type Gradient, withSignal } from '../../theory/gradient.js';
import { saturatedIntervals, shareWithin } from '../../theory/saturation.js';
import { batchLog, batchVariance, rowShare, type Signal, type Spread, unitNoise } from '../../theory/signal.js';
import type { LayerFacts, NetworkFacts } from '../../vitals/facts.js';
import { usersOf } from '../uses.js';
import type { Backward } from './backward.js';
import { deadSides, normalOf, silentShare } from './flat.js';
import type { Estimate, LayerForecast } from './layer-forecast.js';
import { type Bends, kernelInitializer } from './lookups.js';
import { suitsAt } from './phases.js';
import type { Forward } from './place.js';
import { sizesOf } from './walk.js';

/** Standard normal deviations on both sides that hold 95 %. */
const Z95 = 1.959963984540054;
/** Part of a logarithm's deviation that first order in 1/width leaves out. */
const REMAINDER = 0.01;

/** An RMS from the logarithm of its square: geometric mean over draws, and where 95 % of single draws lie. */
function estimate(log: number, variance: number): Estimate {
  const reach = Z95 * Math.sqrt(Math.max(0, variance) + REMAINDER ** 2);
  return { value: Math.exp(log / 2), low: Math.exp((log - reach) / 2), high: Math.exp((log + reach) / 2) };
}

interface Measured {
  readonly log: number;
  readonly variance: number;
}

interface MeasuredGradient extends Measured {
  readonly spread: Spread;
}

/** A signal's size as a batch shows it. */
function sizeIn(signal: Signal, rows: number, noise: number): Measured {
  return { log: batchLog(signal, rows) - noise / 2, variance: batchVariance(signal, rows) + noise };
}

/** A gradient's size as a batch shows it. */
function gradientIn(gradient: Gradient | undefined, z: Signal, rows: number): MeasuredGradient | undefined {
  if (!gradient) return undefined;
  const spread = withSignal(gradient, z);
  return { spread, log: batchLog(spread, rows), variance: batchVariance(spread, rows) };
}

/** The forecast of every use. */
export function layerForecasts(
  facts: NetworkFacts,
  forward: readonly Forward[],
  backward: readonly Backward[],
  bends: Bends,
  rows: number,
): LayerForecast[] {
  const told = new Telling(facts, forward, backward, bends, rows);
  return facts.layers.map((_, use) => told.of(use));
}

/** Says of each use what the walks found. */
class Telling {
  readonly #users: readonly (readonly number[])[];
  readonly #sizes: readonly (Measured | undefined)[];
  readonly #gradients: readonly (MeasuredGradient | undefined)[];
  /** The use with whose gradient others are compared. */
  readonly #end: number | undefined;
  readonly #flat = new Map<Bend, readonly FlatSide[]>();
  readonly #saturated = new Map<Bend, ReturnType<typeof saturatedIntervals>>();

  constructor(
    readonly facts: NetworkFacts,
    readonly forward: readonly Forward[],
    readonly backward: readonly Backward[],
    readonly bends: Bends,
    readonly rows: number,
  ) {
    this.#users = usersOf(facts);
    this.#sizes = forward.map(({ z, summing }) => z && sizeIn(z, rows, summing ? unitNoise(z, rows) : 0));
    this.#gradients = forward.map(({ z }, use) => z && gradientIn(backward[use]?.z, z, rows));
    this.#end = hiddenEnd(facts, this.#sums);
  }

  of(use: number): LayerForecast {
    const [layer, own] = [this.facts.layers[use] as LayerFacts, this.forward[use] as Forward];
    const { z, h, summing, walked, attention, why } = own;
    const size = this.#sizes[use];
    return whereKnown<LayerForecast>({
      name: layer.name,
      layer: layer.layer,
      kind: layer.kind,
      role: layer.role,
      initializer: summing && kernelInitializer(layer),
      suits: summing && suitsAt(this.facts, this.#users, use, this.bends),
      fanIn: layer.fanIn,
      fanOut: layer.fanOut,
      known: z !== undefined || h !== undefined,
      why: z && this.facts.outputs.includes(use) ? undefined : why,
      q: z && Math.exp(batchLog(z)),
      zRms: size && estimate(size.log, size.variance),
      hRms: h && estimate(batchLog(h, this.rows), batchVariance(h, this.rows)),
      hMean: h && sizesOf(h).mean,
      chi: chiOf(own),
      alongTime: walked,
      attention,
      forwardGain: this.#forwardGain(use),
      backwardGain: this.#backwardGain(use),
      gradient: this.#gradient(use),
      ...this.#flatness(layer, own),
    });
  }

  readonly #sums = (use: number): boolean => this.facts.layers[use]?.role === 'weights';

  #forwardGain(use: number): Estimate | undefined {
    const { facts, forward, rows } = this;
    const before = nearest(use, (at) => facts.layers[at]?.inputs ?? [], this.#sums);
    const size = this.#sizes[use];
    if (!size || before === undefined) return undefined;
    const sizeBefore = this.#sizes[before];
    if (!sizeBefore) return undefined;
    return estimate(size.log - sizeBefore.log, gainVariance(facts, forward, before, use, rows) ?? size.variance + sizeBefore.variance);
  }

  #backwardGain(use: number): Estimate | undefined {
    const after = nearest(use, (at) => this.#users[at] ?? [], this.#sums);
    const gradient = this.#gradients[use];
    if (!gradient || after === undefined) return undefined;
    const gradientAfter = this.#gradients[after];
    if (!gradientAfter) return undefined;
    const isNext = this.facts.layers[after]?.inputs.includes(use) === true;
    const variance = backwardGainVariance(this.forward[use], this.backward[use], isNext, rowShare(gradientAfter.spread, this.rows));
    return estimate(gradient.log - gradientAfter.log, variance ?? gradient.variance + gradientAfter.variance);
  }

  #gradient(use: number): Estimate | undefined {
    const [gradient, end] = [this.#gradients[use], this.#gradients[this.#end ?? -1]];
    if (!gradient || !end) return undefined;
    return estimate(gradient.log - end.log, use === this.#end ? 0 : Math.abs(gradient.variance - end.variance));
  }

  /** How much of what bends is where its function is flat. */
  #flatness({ activation }: LayerFacts, { z, table }: Forward): Pick<LayerForecast, 'saturated' | 'dead' | 'silent'> {
    if (!z || !table || !activation || activation.name === 'linear') return {};
    const { mean, variance } = normalOf(z);
    const saturated = madeOnce(this.#saturated, table, () => saturatedIntervals(table.phi));
    const flat = madeOnce(this.#flat, table, () => deadSides(this.bends.activation(activation), table.phi));
    return { saturated: shareWithin(saturated, mean, variance), dead: silentShare(flat, z, this.rows), silent: silentShare(flat, z, 1) };
  }
}

/** Fields without those that are not known. */
function whereKnown<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function madeOnce<K, V>(made: Map<K, V>, key: K, make: () => V): V {
  const value = made.get(key) ?? make();
  made.set(key, value);
  return value;
}

/** χ = fan_in · E[w²] · E[φ'²]. */
function chiOf({ z, table, summing }: Forward): number | undefined {
  return summing && table && z && summing.fanIn * summing.weightSquare * Math.exp(table.logSlope(z.log, z.meanShare));
}

/** The nearest use for which something holds, along the edges given. */
function nearest(from: number, next: (use: number) => readonly number[], holds: (use: number) => boolean): number | undefined {
  let edge = next(from);
  const seen = new Set<number>();
  while (edge.length > 0) {
    const found = edge.find(holds);
    if (found !== undefined) return found;
    edge = [...new Set(edge.flatMap(next))].filter((use) => !seen.has(use));
    for (const use of edge) seen.add(use);
  }
  return undefined;
}

/** The last use with sums that is not an output; that of the outputs where there is none. */
function hiddenEnd({ layers, outputs }: NetworkFacts, sums: (use: number) => boolean): number | undefined {
  const all = layers.map((_, use) => use).filter(sums);
  const behind = (use: number): boolean =>
    outputs.includes(use) ||
    layers.some(({ inputs, role }, at) => inputs.includes(use) && role !== 'weights' && role !== 'merge' && outputs.includes(at));
  return all.filter((use) => !behind(use)).at(-1) ?? all.at(-1);
}

/** Variance of ln of a layer's gain of mean square, where one activation and nothing that standardizes or merges stands between. */
function gainVariance({ layers }: NetworkFacts, forward: readonly Forward[], before: number, use: number, rows: number): number | undefined {
  const path: number[] = [];
  for (let at = layers[use]?.inputs[0]; at !== undefined; at = layers[at]?.inputs[0]) {
    const role = layers[at]?.role;
    if (at === before || role === 'activation') path.push(at);
    else if (role !== 'shape') return undefined;
    if (at === before) break;
  }
  const bent = path.filter((at) => (layers[at]?.activation?.name ?? 'linear') !== 'linear');
  const [bender = before, ...others] = bent;
  const [own, z, start] = [forward[bender]?.bending, forward[use]?.z, forward[before]?.z];
  const share = forward[use]?.summing?.share ?? 1;
  if (!path.includes(before) || others.length > 0 || !own || !z || !start) return undefined;
  const apart = Math.max(0, start.rowVariance - start.sharedVariance);
  const each = rowShare(start, rows);
  const follows = (share * own.gain - 1) ** 2;
  const noise = share === 1 ? own.sharedGainNoise + own.rowGainNoise * each : own.sharedNoise + unitNoise(start, rows) + own.rowNoise * each;
  return follows * (start.sharedVariance + apart * each) + noise + (forward[use]?.summing ? unitNoise(z, rows) : 0);
}

function backwardGainVariance(forward: Forward | undefined, backward: Backward | undefined, next: boolean, each: number): number | undefined {
  const [z, bending] = [forward?.z, backward?.bending];
  if (!next || !bending || !z) return undefined;
  const apart = Math.max(0, z.rowVariance - z.sharedVariance);
  return bending.sharedNoise + bending.rowNoise * each + bending.slope ** 2 * (z.sharedVariance + apart * each);
}
