import { activationFromConfig, resolveActivation } from '../activations.js';
import type { Described } from '../core/catalogue.js';
import { ArgumentError, show } from '../core/errors.js';
import { lookUp } from '../core/names.js';
import { initializerFromConfig, resolveInitializer } from '../initializers.js';
import { Layer } from '../network/layer.js';
import { InputLayer } from './core.js';
import { ActivationLayer, Add, BatchNormalization, Concatenate, Dense, Dropout, Flatten, type layers, Normalization } from './index.js';

/** Options of one layer as data. */
export type LayerConfig = Readonly<Record<string, unknown>>;

/**
 * Functions, records and layer classes of the user's own, by the name that a description has for them; `'dense_1/activation'` means
 * that one alone, where two functions have one name.
 */
export type Custom = Readonly<Record<string, unknown>>;

interface Kind {
  readonly type: abstract new (...options: never[]) => Layer;
  make(options: LayerConfig): Layer;
}

/** How a layer of every kind is made from its options. */
const kinds: { readonly [K in keyof typeof layers]: Kind } = {
  input: { type: InputLayer, make: ({ shape, trainable: _, ...options }) => new InputLayer(shape as number[], options) },
  dense: { type: Dense, make: ({ units, ...options }) => new Dense(units as number, options) },
  activation: { type: ActivationLayer, make: ({ activation, ...options }) => new ActivationLayer(activation as string, options) },
  flatten: { type: Flatten, make: (options) => new Flatten(options) },
  normalization: { type: Normalization, make: (options) => new Normalization(options) },
  batchNormalization: { type: BatchNormalization, make: (options) => new BatchNormalization(options) },
  dropout: { type: Dropout, make: ({ rate, ...options }) => new Dropout(rate as number, options) },
  add: { type: Add, make: (options) => new Add(options) },
  concatenate: { type: Concatenate, make: (options) => new Concatenate(options) },
};

/** Whether a layer is of the user's own class, which only the user can build again. */
export function isOwnLayer(layer: Layer): boolean {
  return !Object.hasOwn(kinds, layer.kind) || kinds[layer.kind as keyof typeof kinds].type !== layer.constructor;
}

/** What was handed back under a name, or for one place alone. */
export function handedBack(custom: Custom, name: string, place?: string): unknown {
  if (place !== undefined && Object.hasOwn(custom, place)) return custom[place];
  return Object.hasOwn(custom, name) ? custom[name] : undefined;
}

/** Whether a value is the description of something picked by name. */
export function isDescribed(value: unknown): value is Described {
  return value !== null && typeof value === 'object' && 'name' in value && typeof value.name === 'string';
}

/** How one sort of thing that is picked by name comes back. */
export interface Restorer<T> {
  resolve(value: never): T;
  fromConfig(name: string, config: LayerConfig): T;
}

const activation: Restorer<object> = { resolve: resolveActivation, fromConfig: activationFromConfig };
const initializer: Restorer<object> = { resolve: resolveInitializer, fromConfig: initializerFromConfig };

/** How the value of a layer's option comes back, by the option's name: `activation`, `kernelInitializer` … */
export function restorerOf(option: string): Restorer<object> | undefined {
  if (/activation$/i.test(option)) return activation;
  return /initializer$/i.test(option) ? initializer : undefined;
}

/**
 * A name or a description `{ name, config }` (or `{ name, …options }`) turned back into what it stands for; what was handed back comes first.
 * @param place whose it is: `dense_1/activation`. @throws ArgumentError on an unknown name or option.
 */
export function restore<T extends object>(value: unknown, place: string, custom: Custom, { resolve, fromConfig }: Restorer<T>): T {
  const name = isDescribed(value) ? value.name : value;
  if (typeof name !== 'string') throw new ArgumentError(`${place}: expected a name or { name, config }, got ${show(value)}`, { received: value });
  const own = handedBack(custom, name, place);
  // The name stays, so that the model can be saved again under it.
  if (typeof own === 'function') return { ...resolve(own as never), name };
  if (own !== undefined) return resolve(own as never);
  const { name: _, config, custom: __, ...options } = isDescribed(value) ? (value as Described & LayerConfig) : { name };
  return fromConfig(name, (config ?? options) as LayerConfig);
}

/**
 * Builds a layer from its description. A layer of the user's own is what `custom[kind]` makes of `{ ...config, name, trainable }`:
 * a class or a function.
 * @throws ArgumentError on an unknown kind or option, with the nearest known one.
 */
export function layerFromConfig(kind: string, { name, ...options }: LayerConfig, custom: Custom = {}): Layer {
  const given = { ...options, ...(name === undefined ? {} : { name }) };
  const own = handedBack(custom, kind);
  if (typeof own === 'function') {
    const layer: unknown = own.prototype instanceof Layer ? Reflect.construct(own, [given]) : own(given);
    if (!(layer instanceof Layer)) throw new ArgumentError(`custom '${kind}' must be a class of layers or return a layer, got ${show(layer)}`);
    return layer;
  }
  const owner = typeof name === 'string' ? name : kind;
  const restored = Object.entries(given).map(([key, value]) => {
    const restorer = restorerOf(key);
    const named = typeof value === 'string' ? handedBack(custom, value, `${owner}/${key}`) !== undefined : isDescribed(value);
    return [key, restorer && named ? restore(value, `${owner}/${key}`, custom, restorer) : value];
  });
  return lookUp('layer', kind, kinds).make(Object.fromEntries(restored));
}
