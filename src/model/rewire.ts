import type { DescribedLayer, ModelConfig } from './config.js';

/** The layer whose call stands at a place. */
export function layerAt({ layers, calls }: ModelConfig, call: number): DescribedLayer | undefined {
  const at = calls[call]?.layer;
  return at === undefined ? undefined : layers[at];
}

/** Calls that take each call as an input. */
export function usersOfCalls({ calls }: ModelConfig): readonly (readonly number[])[] {
  const users: number[][] = calls.map(() => []);
  calls.forEach(({ inputs }, at) => {
    for (const from of inputs) users[from]?.push(at);
  });
  return users;
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
  const moved = (at: number): number => (at >= call ? at + 1 : at);
  const layers = [...config.layers, { kind, name: freshName(config, kind), config: options }];
  const inserted = { layer: layers.length - 1, inputs: [call, ...more] };
  const before = config.calls.slice(0, call + 1);
  const after = config.calls.slice(call + 1).map(({ layer, inputs }) => ({ layer, inputs: inputs.map(moved) }));
  return { ...config, layers, calls: [...before, inserted, ...after], outputs: config.outputs.map(moved) };
}

/** The description without one call that has one input: whoever took its output takes that input. */
export function withoutCall(config: ModelConfig, call: number): ModelConfig {
  const [source = 0] = config.calls[call]?.inputs ?? [];
  const moved = (at: number): number => (at === call ? source : at > call ? at - 1 : at);
  const gone = config.calls[call]?.layer;
  const calls = config.calls.filter((_, at) => at !== call).map(({ layer, inputs }) => ({ layer, inputs: inputs.map(moved) }));
  const unused = !calls.some(({ layer }) => layer === gone);
  const layerMoved = (layer: number): number => (unused && gone !== undefined && layer > gone ? layer - 1 : layer);
  return {
    ...config,
    layers: unused ? config.layers.filter((_, at) => at !== gone) : config.layers,
    calls: calls.map(({ layer, inputs }) => ({ layer: layerMoved(layer), inputs })),
    inputs: config.inputs.map(moved),
    outputs: config.outputs.map(moved),
  };
}
