import { isRecord } from '../core/expect.js';
import { inOrder } from '../network/order.js';
import type { DescribedCompile, DescribedLayer, ModelConfig, SignalIndex } from './config.js';

/** The layer whose call stands at a place. */
export function layerAt({ layers, calls }: ModelConfig, call: number): DescribedLayer | undefined {
  const at = calls[call]?.layer;
  return at === undefined ? undefined : layers[at];
}

/** Whether a layer is used once alone, so that what is put behind it is behind that use. */
export function usedOnce({ calls }: ModelConfig, call: number): boolean {
  const at = calls[call]?.layer;
  return calls.filter(({ layer }) => layer === at).length === 1;
}

/** The description with options of one layer changed; undefined as a value takes an option away. */
export function withLayer(config: ModelConfig, name: string, change: (layer: DescribedLayer) => DescribedLayer): ModelConfig {
  return { ...config, layers: config.layers.map((layer) => (layer.name === name ? change(layer) : layer)) };
}

/** A name that no layer has yet: `batchNormalization_2`. */
export function freshName({ layers }: ModelConfig, kind: string): string {
  const taken = new Set(layers.map(({ name }) => name));
  let number = 1;
  while (taken.has(`${kind}_${number}`)) number++;
  return `${kind}_${number}`;
}

/** Whether a model made a layer's name, as `freshName` would. */
export const isAutomatic = ({ kind, name }: DescribedLayer): boolean =>
  name === undefined || (name.startsWith(`${kind}_`) && /^\d+$/.test(name.slice(kind.length + 1)));

/** A layer without a name of its own. */
export interface NewLayer {
  readonly kind: string;
  readonly config: DescribedLayer['config'];
}

/**
 * The description with a layer behind one call: whatever took that call's output takes the new layer's.
 * @param more calls that the new one takes as well, before it: for layers that merge.
 */
export function insertAfter(config: ModelConfig, call: number, { kind, config: options }: NewLayer, more: readonly number[] = []): ModelConfig {
  // Outputs of the call but its first stay what they are.
  const moved = (signal: SignalIndex): SignalIndex => {
    if (typeof signal === 'number') return signal >= call ? signal + 1 : signal;
    return signal[0] > call ? [signal[0] + 1, signal[1]] : signal;
  };
  const name = freshName(config, kind);
  const layers = [...config.layers, { kind, name, config: options }];
  const block = config.calls[call]?.block;
  const inserted = { layer: layers.length - 1, inputs: [call, ...more], ...(block ? { block } : {}) };
  const before = config.calls.slice(0, call + 1);
  const after = config.calls.slice(call + 1).map((one) => ({ ...one, inputs: one.inputs.map(moved) }));
  const inputs = config.inputs.map((at) => (at > call ? at + 1 : at));
  const compile =
    config.compile && config.outputs.includes(call) ? withOutputNamed(config.compile, layerAt(config, call)?.name, name) : config.compile;
  return { ...config, layers, calls: [...before, inserted, ...after], inputs, outputs: config.outputs.map(moved), ...(compile ? { compile } : {}) };
}

const callOf = (signal: SignalIndex): number => (typeof signal === 'number' ? signal : signal[0]);

/** The description with its calls in the order of the network that it makes, by whose places it is changed: what is put behind an input stands elsewhere there. */
export function ordered(config: ModelConfig): ModelConfig {
  const { calls, inputs, outputs } = config;
  const order = inOrder(inputs, outputs.map(callOf), (at) => (calls[at]?.inputs ?? []).map(callOf));
  if (order.length === calls.length && order.every((from, to) => from === to)) return config;
  const places = new Map(order.map((from, to) => [from, to]));
  const place = (from: number): number => places.get(from) ?? -1;
  const moved = (signal: SignalIndex): SignalIndex => (typeof signal === 'number' ? place(signal) : [place(signal[0]), signal[1]]);
  return {
    ...config,
    calls: order.flatMap((from) => calls[from] ?? []).map((call) => ({ ...call, inputs: call.inputs.map(moved) })),
    inputs: inputs.map(place),
    outputs: outputs.map(moved),
  };
}

/** The description with a layer of another name, in what it is compiled with too. */
export function withName(config: ModelConfig, from: string, to: string): ModelConfig {
  const made = withLayer(config, from, (layer) => ({ ...layer, name: to }));
  return config.compile ? { ...made, compile: withOutputNamed(config.compile, from, to) } : made;
}

/** Compiled for an output of another name: metrics go by it. */
function withOutputNamed(compile: DescribedCompile, from: string | undefined, to: string): DescribedCompile {
  const renamed = (lists: unknown): unknown =>
    isRecord(lists) ? Object.fromEntries(Object.entries(lists).map(([key, list]) => [key === from ? to : key, list])) : lists;
  const { metrics, weightedMetrics } = compile;
  return { ...compile, ...(metrics ? { metrics: renamed(metrics) } : {}), ...(weightedMetrics ? { weightedMetrics: renamed(weightedMetrics) } : {}) };
}
