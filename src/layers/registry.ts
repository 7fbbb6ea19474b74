import { activationFromConfig, resolveActivation } from '../activations.js';
import { ArgumentError, show } from '../core/errors.js';
import { lookUp } from '../core/names.js';
import { initializerFromConfig, resolveInitializer } from '../initializers.js';
import type { Layer } from '../network/layer.js';
import { layers } from './index.js';

/** What a saved or hand-written description says of one layer. */
export type LayerConfig = Readonly<Record<string, unknown>>;

/** Functions, activations, initializers and layer builders of the user's own, by name. */
export type Custom = Readonly<Record<string, unknown>>;

type Builder = (options: Readonly<Record<string, unknown>>) => Layer;

/** A layer of every kind, from its options. */
const builders = {
  dense: ({ units, ...options }) => layers.dense(units as number, options),
  activation: ({ activation, ...options }) => layers.activation(activation as string, options),
  flatten: (options) => layers.flatten(options),
  normalization: (options) => layers.normalization(options),
  batchNormalization: (options) => layers.batchNormalization(options),
  dropout: ({ rate, ...options }) => layers.dropout(rate as number, options),
  add: (options) => layers.add(options),
  concatenate: (options) => layers.concatenate(options),
} satisfies Record<string, Builder>;

/** Builds a layer from its description. @throws ArgumentError on an unknown kind, option, or a custom name that was not handed back. */
export function layerFromConfig(kind: string, config: LayerConfig, custom: Custom = {}): Layer {
  const own = custom[kind];
  const options = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, restore(key, value, custom)]));
  if (typeof own === 'function') return own(options) as Layer;
  return lookUp('layer', kind, builders)(options);
}

/** Turns `{ name, config }` back into what it described. */
function restore(key: string, value: unknown, custom: Custom): unknown {
  const isActivation = key === 'activation';
  if (!isActivation && !key.endsWith('Initializer')) return value;
  if (typeof value === 'string') return custom[value] ?? value;
  if (value === null || typeof value !== 'object' || !('name' in value)) return value;
  const { name, config = {} } = value as { name: string; config?: Readonly<Record<string, unknown>> };
  const given = custom[name];
  if (given !== undefined) return isActivation ? resolveActivation(given as string) : resolveInitializer(given as string);
  try {
    return isActivation ? activationFromConfig(name, config) : initializerFromConfig(name, config);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const what = isActivation ? 'activation' : 'initializer';
    throw new ArgumentError(
      `${error.message}. If ${show(name)} is your own ${what}, hand it back: load(file, { custom: { ${name} } })`,
      error.details,
      { cause: error },
    );
  }
}
