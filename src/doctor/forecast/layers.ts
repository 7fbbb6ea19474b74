import type { FlatSide } from '../../theory/dead.js';
import { withSignal } from '../../theory/gradient.js';
import { saturatedIntervals, shareWithin } from '../../theory/saturation.js';
import { batchLog, batchVariance, rowShare, type Signal, type Spread, unitNoise } from '../../theory/signal.js';
import type { NetworkFacts } from '../../vitals/facts.js';
import { usersOf } from '../uses.js';
import type { Backward } from './backward.js';
import { flatSides, normalOf, silentShare } from './flat.js';
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

/** A signal's size as a batch shows it. */
function sizeIn(signal: Signal, rows: number, noise: number): Measured {
  return { log: batchLog(signal, rows) - noise / 2, variance: batchVariance(signal, rows) + noise };
}

/** The forecast of every use. */
export function layerForecasts(
  facts: NetworkFacts,
  forward: readonly Forward[],
  backward: readonly Backward[],
  bends: Bends,
  rows: number,
): LayerForecast[] {
  const { layers } = facts;
  const users = usersOf(facts);
  const sums = (use: number): boolean => layers[use]?.role === 'weights';
  const earlier = layers.map((_, use) => nearest(use, (at) => layers[at]?.inputs ?? [], sums));
  const later = layers.map((_, use) => nearest(use, (at) => users[at] ?? [], sums));
  const lastHidden = hiddenEnd(facts, sums);
  const sizes = forward.map(({ z, summing }) => z && sizeIn(z, rows, summing ? unitNoise(z, rows) : 0));
  const gradients = forward.map(({ z }, use): (Measured & { readonly spread: Spread }) | undefined => {
    const gradient = backward[use]?.z;
    if (!z || !gradient) return undefined;
    const spread = withSignal(gradient, z);
    return { spread, log: batchLog(spread, rows), variance: batchVariance(spread, rows) };
  });
  const flats = new Map<object, FlatSide[]>();
  const flatOf = (use: number): FlatSide[] => {
    const [table, activation] = [forward[use]?.table, layers[use]?.activation];
    if (!table || !activation) return [];
    const found = flats.get(table) ?? flatSides(bends.activation(activation), table.phi);
    flats.set(table, found);
    return found;
  };
  const saturated = saturation();
  return layers.map((layer, use): LayerForecast => {
    const own = forward[use] as Forward;
    const { z, h, table, summing, walked, attention, why } = own;
    const base = { name: layer.name, layer: layer.layer, kind: layer.kind, role: layer.role };
    const drawn = kernelInitializer(layer);
    const facings = summing ? { ...(drawn === undefined ? {} : { initializer: drawn }) } : {};
    const suits = summing ? suitsAt(facts, users, use, bends) : undefined;
    const size = sizes[use];
    const gradient = gradients[use];
    const before = earlier[use];
    const sizeBefore = before === undefined ? undefined : sizes[before];
    const after = later[use];
    const gradientAfter = after === undefined ? undefined : gradients[after];
    const end = gradients[lastHidden ?? -1];
    const out = h && sizesOf(h);
    const isBent = z !== undefined && table !== undefined && layer.activation !== undefined && layer.activation.name !== 'linear';
    return {
      ...base,
      ...facings,
      ...(suits === undefined ? {} : { suits }),
      ...(layer.fanIn === undefined ? {} : { fanIn: layer.fanIn }),
      ...(layer.fanOut === undefined ? {} : { fanOut: layer.fanOut }),
      ...(z || h ? { known: true } : { known: false }),
      ...(why === undefined || (z && facts.outputs.includes(use)) ? {} : { why }),
      ...(z ? { q: Math.exp(batchLog(z)) } : {}),
      ...(z && size ? { zRms: estimate(size.log, size.variance) } : {}),
      ...(h && out ? { hRms: estimate(batchLog(h, rows), batchVariance(h, rows)), hMean: out.mean } : {}),
      ...(summing && table && z ? { chi: summing.fanIn * summing.weightSquare * Math.exp(table.logSlope(z.log, z.meanShare)) } : {}),
      ...(walked ? { alongTime: walked } : {}),
      ...(attention ? { attention } : {}),
      ...(z && size && before !== undefined && sizeBefore && forward[before]
        ? { forwardGain: estimate(size.log - sizeBefore.log, gainVariance(facts, forward, before, use, rows) ?? size.variance + sizeBefore.variance) }
        : {}),
      ...(gradient && after !== undefined && gradientAfter
        ? {
            backwardGain: estimate(
              gradient.log - gradientAfter.log,
              backwardGainVariance(own, backward[use], layers[after]?.inputs.includes(use) === true, rowShare(gradientAfter.spread, rows)) ??
                gradient.variance + gradientAfter.variance,
            ),
          }
        : {}),
      ...(gradient && end ? { gradient: estimate(gradient.log - end.log, use === lastHidden ? 0 : Math.abs(gradient.variance - end.variance)) } : {}),
      ...(isBent && z && table ? { saturated: saturated(table, z) } : {}),
      ...(isBent && z ? { dead: silentShare(flatOf(use), z, rows), silent: silentShare(flatOf(use), z, 1) } : {}),
    };
  });
}

/** Share of entries on a nearly flat piece of a function. */
function saturation(): (table: NonNullable<Forward['table']>, z: Signal) => number {
  const known = new Map<object, readonly (readonly [number, number])[]>();
  return (table, z) => {
    const intervals = known.get(table) ?? saturatedIntervals(table.phi);
    known.set(table, intervals);
    const { mean, variance } = normalOf(z);
    return shareWithin(intervals, mean, variance);
  };
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

/** Variance of ln of a layer's gain of mean square, where one activation and nothing that standardises or merges stands between. */
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

function backwardGainVariance({ z }: Forward, backward: Backward | undefined, next: boolean, each: number): number | undefined {
  const bending = backward?.bending;
  if (!next || !bending || !z) return undefined;
  const apart = Math.max(0, z.rowVariance - z.sharedVariance);
  return bending.sharedNoise + bending.rowNoise * each + bending.slope ** 2 * (z.sharedVariance + apart * each);
}
