import { ATTENTION_AXES } from '../../layers/attention.js';
import { type AttentionProducts, attended } from '../../theory/attention.js';
import type { Bend } from '../../theory/bend.js';
import type { Effect } from '../../theory/layers.js';
import { averagedOver, averagePooled, largestOver, maxPooled, shareInside, type Windows } from '../../theory/pooling.js';
import { walked } from '../../theory/recurrence.js';
import { noSteps, type Signal, type Summing } from '../../theory/signal.js';
import { Unknown } from './lookups.js';
import { entriesOf, type Forward, LINEAR, type Place, summingOf } from './place.js';

/** A state without gates, carried along a sequence: `simpleRnn`. */
export function walkedAlong(place: Place): Forward {
  const { layer } = place;
  const [kernel, recurrent] = [place.moments('kernel'), place.moments('recurrentKernel')];
  const bias = place.moments('bias') ?? { mean: 0, square: 0 };
  const sizes = layer.weights.find(({ name }) => name === 'kernel')?.shape;
  const steps = place.facts.layers[layer.inputs[0] ?? -1]?.shape[0];
  const [fanIn, units] = [sizes?.[0], sizes?.[1]];
  if (!kernel || !recurrent || fanIn === undefined || units === undefined) throw new Unknown('its weights are not those of a simple recurrent layer');
  if (typeof steps !== 'number') throw new Unknown('the length of its sequences is unknown');
  if (recurrent.identity) throw new Unknown('its recurrent weights start as the identity: its state accumulates the inputs without bound');
  if (kernel.symmetric || recurrent.symmetric) throw new Unknown('its weights all have the same value, so all its units are identical');
  const table = place.options.bends.of(layer.activation ?? LINEAR);
  const input = summingOf(fanIn, units, kernel, bias);
  const state = summingOf(units, units, recurrent, { mean: 0, square: 0 });
  const { z, bending, chi, gradient } = walked(place.only(), input, state, table, steps);
  return { z, h: { ...bending.signal, ...noSteps }, bending, table, walked: { chi, gradient, steps } };
}

/** Steps of a sequence, and how alike they are, of one input. @throws Unknown */
function sequence(place: Place, at: number): { readonly signal: Signal; readonly steps: number } {
  const signal = place.from(at);
  const steps = place.facts.layers[place.layer.inputs[at] ?? -1]?.shape[0];
  if (typeof steps !== 'number') throw new Unknown('the length of its sequences is unknown');
  if (signal.stepCorrelation === undefined) throw new Unknown('the similarity of the steps of its sequences is unknown');
  return { signal, steps };
}

/** Attention; what it sends back is not known, since that depends on how alike gradients are from step to step. */
export function attendedBy(place: Place): Forward {
  const { inputs, options, weights } = place.layer;
  const query = sequence(place, 0);
  const looked = sequence(place, Math.min(1, inputs.length - 1));
  if (inputs.length > 2) throw new Unknown('its keys belong to a different sequence than its values');
  const product = (name: string, sums: (shape: readonly number[]) => readonly [fanIn: number, width: number]): Summing => {
    const [kernel, shape] = [
      place.moments(`${name}/kernel`, ATTENTION_AXES[name === 'output' ? 'output' : 'heads']),
      weights.find((one) => one.name === `${name}/kernel`)?.shape,
    ];
    if (!kernel || !shape) throw new Unknown('its weights are not those of an attention layer');
    if (kernel.symmetric) throw new Unknown('its weights all have the same value');
    return summingOf(...sums(shape), kernel, place.moments(`${name}/bias`) ?? { mean: 0, square: 0 });
  };
  const perHead = ([features = 1, , size = 1]: readonly number[]) => [features, size] as const;
  const products: AttentionProducts = {
    query: product('query', perHead),
    key: product('key', perHead),
    value: product('value', perHead),
    output: product('output', ([heads = 1, size = 1, outputs = 1]) => [heads * size, outputs]),
  };
  const { signal, ...attention } = attended(query.signal, looked.signal, products, looked.steps, options.causal === true);
  return { h: signal, attention: { ...attention, steps: looked.steps } };
}

/** Pooling of a sequence's steps or a picture's places. */
export function pooledBy(place: Place): Effect {
  const { kind, inputs, options } = place.layer;
  const from = inputs[0] ?? -1;
  const places = place.facts.layers[from]?.shape.slice(0, -1) ?? [];
  const h = place.only();
  if (h.stepCorrelation === undefined || h.nextCorrelation === undefined) throw new Unknown('the similarity of neighbours in its input is unknown');
  const { z, table } = place.found[from] ?? {};
  const bent = (): readonly [Signal, Bend] => {
    if (!z || !table) throw new Unknown('the maximum of values that are not normally distributed is unknown');
    return [z, table];
  };
  const count = entriesOf(places);
  if (kind.startsWith('globalMax')) return largestOver(...bent(), count);
  if (kind.startsWith('globalAverage')) return averagedOver(h, count);
  const lengths = list(options.poolSize, places.length);
  const windows: Windows = { lengths, strides: list(options.strides ?? options.poolSize, places.length) };
  return kind.startsWith('max') ? maxPooled(...bent(), windows) : averagePooled(h, windows);
}

/** Share of a convolution's taps that lie on its input: less than 1 where padding keeps its size. */
export function insideShare({ layer, facts }: Place): number {
  const { kind, options, shape, inputs } = layer;
  const padding = options.padding;
  if ((padding !== 'same' && padding !== 'causal') || options.kernelSize === undefined || kind.endsWith('Transpose')) return 1;
  const [from, to] = [facts.layers[inputs[0] ?? -1]?.shape.slice(0, -1) ?? [], shape.slice(0, -1)].map((lengths) =>
    lengths.map((length) => length ?? 1),
  ) as [number[], number[]];
  const [lengths, strides, dilations] = [
    list(options.kernelSize, from.length),
    list(options.strides ?? 1, from.length),
    list(options.dilationRate ?? 1, from.length),
  ];
  const before = lengths.map((length, axis) => {
    const reach = (length - 1) * (dilations[axis] ?? 1);
    const added = ((to[axis] ?? 1) - 1) * (strides[axis] ?? 1) + reach + 1 - (from[axis] ?? 1);
    return padding === 'causal' ? reach : Math.max(0, Math.floor(added / 2));
  });
  return shareInside({ lengths, strides, dilations, before }, from, to);
}

/** A length for each of some axes: one may stand for all. */
const list = (given: unknown, axes: number): number[] =>
  Array.isArray(given) ? given.map(Number) : Array.from({ length: axes }, () => Number(given ?? 2));
