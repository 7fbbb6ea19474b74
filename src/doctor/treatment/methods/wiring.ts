import type { Described } from '../../../core/catalogue.js';
import type { DescribedLayer, ModelConfig } from '../../../model/config.js';
import { insertAfter, layerAt, withLayer } from '../../../model/rewire.js';
import type { LayerFacts } from '../../../vitals/facts.js';
import type { Examination } from '../../examination.js';
import { activationBehind } from '../../uses.js';

/** A description as name and options. */
export const named = (name: string, config: Described['config'] = {}): Described => ({ name, config });

/** A hidden use that sums by weights, with where it is bent. */
export interface HiddenUse {
  /** Its place among the calls. */
  readonly at: number;
  readonly layer: LayerFacts;
  /** Place of the call that bends its sums: itself, or a layer of its own behind it; undefined where nothing does. */
  readonly bent: number | undefined;
  readonly activation: string;
}

/** Hidden uses with weights, from the input on. */
export function hiddenUses({ hidden, facts, users }: Examination): HiddenUse[] {
  return hidden.map(({ at, layer }): HiddenUse => {
    const own = layer.activation?.name ?? 'linear';
    if (own !== 'linear') return { at, layer, bent: at, activation: own };
    const next = activationBehind(facts, users, at);
    return { at, layer, bent: next?.at, activation: next?.layer.activation?.name ?? 'linear' };
  });
}

/** Whether frozen weights come next behind a use, with no trained ones between that could follow a change: they were learned on what comes to them. */
export function meetsFrozen({ facts, users }: Examination, use: number): boolean {
  const reached = new Set(users[use]);
  for (const at of reached) {
    const layer = facts.layers[at];
    if (!layer || layer.weights.length === 0) for (const next of users[at] ?? []) reached.add(next);
    else if (!layer.trainable) return true;
  }
  return false;
}

/** A layer with other options. */
export function withOptions(config: ModelConfig, name: string, options: DescribedLayer['config']): ModelConfig {
  return withLayer(config, name, (layer) => {
    const all = Object.entries({ ...layer.config, ...options }).filter(([, value]) => value !== undefined);
    return { ...layer, config: Object.fromEntries(all) };
  });
}

/** Whether a layer adds a bias to its sums. */
export const hasBias = ({ weights }: LayerFacts): boolean => weights.some(({ name }) => name === 'bias');

/** The description without a layer's bias, where it has one: batch normalization subtracts it again. */
export function withoutBias(config: ModelConfig, layer: LayerFacts): ModelConfig {
  if (!hasBias(layer)) return config;
  return withOptions(config, layer.layer, { useBias: false, biasInitializer: undefined, biasRegularizer: undefined, biasConstraint: undefined });
}

/** The description with another activation at a call, whether it is the option of a layer or a layer of its own. */
export function withActivation(config: ModelConfig, call: number, activation: Described): ModelConfig {
  const layer = layerAt(config, call);
  if (!layer?.name) return config;
  if ('activation' in layer.config) return withOptions(config, layer.name, { activation });
  return withLayer(config, layer.name, ({ name, trainable }) => ({
    kind: 'activation',
    ...(name === undefined ? {} : { name }),
    ...(trainable === undefined ? {} : { trainable }),
    config: { activation },
  }));
}

/** The description with a layer between the sums and the activation of a layer that is used once: the uses of a shared one would part. */
export function betweenSumsAndActivation(
  config: ModelConfig,
  { at, layer, bent }: HiddenUse,
  kind: string,
  options: DescribedLayer['config'],
): ModelConfig {
  const described = layerAt(config, at);
  if (bent !== at || !described?.name) return insertAfter(config, at, { kind, config: options });
  const parted = insertAfter(withOptions(config, layer.layer, { activation: named('linear') }), at, { kind, config: options });
  return insertAfter(parted, at + 1, { kind: 'activation', config: { activation: described.config.activation } });
}
