import { type ActivationName, activationFromConfig, resolveActivation } from '../activations.js';
import { constraintFromConfig, resolveConstraint } from '../constraints.js';
import type { Described } from '../core/catalogue.js';
import { ArgumentError, show } from '../core/errors.js';
import { unlessRefused } from '../core/expect.js';
import { lookUp } from '../core/names.js';
import { initializerFromConfig, resolveInitializer } from '../initializers.js';
import { Layer } from '../network/layer.js';
import { regularizerFromConfig, resolveRegularizer } from '../regularizers.js';
import { MultiHeadAttention } from './attention.js';
import { Conv, ConvTranspose } from './convolution.js';
import { ActivationLayer, Dense, InputLayer } from './core.js';
import { DepthwiseConv, SeparableConv } from './depthwise.js';
import { CategoryEncoding, type CategoryEncodingOptions, Discretization, type DiscretizationOptions } from './encoding.js';
import { ActivityRegularization, Identity, Lambda, type LayerFunction, NamedActivation, type NamedFunction, Rescaling } from './functions.js';
import { Masking } from './masking.js';
import { Concatenate, Dot, Merge, type MergeKind } from './merge.js';
import { AlphaDropout, Dropout, GaussianDropout, GaussianNoise, SpatialDropout } from './noise.js';
import { BatchNormalization, Normalization } from './normalization.js';
import { GlobalPooling, Pooling } from './pooling.js';
import { Gru, Lstm, SimpleRnn } from './recurrent-cells.js';
import { Cropping, UpSampling, ZeroPadding } from './resizing.js';
import { Embedding, Flatten, Permute, RepeatVector, Reshape } from './shaping.js';
import { GroupNormalization, LayerNormalization, RmsNormalization, UnitNormalization } from './standardization.js';
import { Bidirectional, TimeDistributed } from './wrappers.js';

/** Options of one layer as data. */
export type LayerConfig = Readonly<Record<string, unknown>>;

/**
 * Custom functions, records and layer classes, by the name that a description has for them; `'dense_1/activation'` means
 * that one alone, where two functions have one name.
 */
export type Custom = Readonly<Record<string, unknown>>;

interface Kind {
  readonly type: abstract new (...options: never[]) => Layer;
  /** Options that stand before the others, as arguments of their own. */
  readonly leads?: readonly string[];
  make(options: LayerConfig): Layer;
}

const named = (kind: ActivationName): Kind => ({ type: NamedActivation, make: (options) => new NamedActivation(kind, options) });
const merged = (kind: MergeKind): Kind => ({ type: Merge, make: (options) => new Merge(kind, options) });
/** A layer that takes options alone. */
const plain = (type: new (options: LayerConfig) => Layer): Kind => ({ type, make: (options) => new type(options) });
/** A layer whose first arguments stand apart from its options, with something fixed before them; constructors check what they are given. */
const fixed = (type: Kind['type'], fixtures: readonly unknown[], ...names: readonly string[]): Kind => ({
  type,
  leads: names,
  make: (given) => {
    const options = Object.fromEntries(Object.entries(given).filter(([key]) => !names.includes(key)));
    return Reflect.construct(type, [...fixtures, ...names.map((name) => given[name]), options]);
  },
});
const leading = (type: Kind['type'], ...names: readonly string[]): Kind => fixed(type, [], ...names);

/** How a layer of every kind is made from its options. */
const kinds: Readonly<Record<string, Kind>> = {
  input: { type: InputLayer, leads: ['shape'], make: ({ shape, trainable: _, ...options }) => new InputLayer(shape as number[], options) },
  dense: leading(Dense, 'units'),
  embedding: leading(Embedding, 'inputDim', 'outputDim'),
  simpleRnn: leading(SimpleRnn, 'units'),
  lstm: leading(Lstm, 'units'),
  gru: leading(Gru, 'units'),
  bidirectional: leading(Bidirectional, 'layer'),
  timeDistributed: leading(TimeDistributed, 'layer'),
  multiHeadAttention: leading(MultiHeadAttention, 'numHeads', 'keyDim'),
  masking: plain(Masking),
  conv1d: fixed(Conv, [1], 'filters', 'kernelSize'),
  conv2d: fixed(Conv, [2], 'filters', 'kernelSize'),
  conv1dTranspose: fixed(ConvTranspose, [1], 'filters', 'kernelSize'),
  conv2dTranspose: fixed(ConvTranspose, [2], 'filters', 'kernelSize'),
  depthwiseConv1d: fixed(DepthwiseConv, [1], 'kernelSize'),
  depthwiseConv2d: fixed(DepthwiseConv, [2], 'kernelSize'),
  separableConv1d: fixed(SeparableConv, [1], 'filters', 'kernelSize'),
  separableConv2d: fixed(SeparableConv, [2], 'filters', 'kernelSize'),
  maxPooling1d: fixed(Pooling, ['max', 1]),
  maxPooling2d: fixed(Pooling, ['max', 2]),
  averagePooling1d: fixed(Pooling, ['average', 1]),
  averagePooling2d: fixed(Pooling, ['average', 2]),
  globalMaxPooling1d: fixed(GlobalPooling, ['max', 1]),
  globalMaxPooling2d: fixed(GlobalPooling, ['max', 2]),
  globalAveragePooling1d: fixed(GlobalPooling, ['average', 1]),
  globalAveragePooling2d: fixed(GlobalPooling, ['average', 2]),
  zeroPadding1d: fixed(ZeroPadding, [1]),
  zeroPadding2d: fixed(ZeroPadding, [2]),
  cropping1d: fixed(Cropping, [1]),
  cropping2d: fixed(Cropping, [2]),
  upSampling1d: fixed(UpSampling, [1]),
  upSampling2d: fixed(UpSampling, [2]),
  spatialDropout1d: fixed(SpatialDropout, [1], 'rate'),
  spatialDropout2d: fixed(SpatialDropout, [2], 'rate'),
  activation: leading(ActivationLayer, 'activation'),
  relu: named('relu'),
  leakyRelu: named('leakyRelu'),
  prelu: named('prelu'),
  rrelu: named('rrelu'),
  elu: named('elu'),
  thresholdedRelu: named('thresholdedRelu'),
  softmax: named('softmax'),
  lambda: leading(Lambda, 'function'),
  identity: plain(Identity),
  activityRegularization: plain(ActivityRegularization),
  categoryEncoding: { type: CategoryEncoding, make: (options) => new CategoryEncoding(options as unknown as CategoryEncodingOptions) },
  discretization: { type: Discretization, make: (options) => new Discretization(options as unknown as DiscretizationOptions) },
  flatten: plain(Flatten),
  reshape: leading(Reshape, 'targetShape'),
  permute: leading(Permute, 'dims'),
  repeatVector: leading(RepeatVector, 'n'),
  rescaling: leading(Rescaling, 'scale'),
  normalization: plain(Normalization),
  batchNormalization: plain(BatchNormalization),
  layerNormalization: plain(LayerNormalization),
  groupNormalization: plain(GroupNormalization),
  rmsNormalization: plain(RmsNormalization),
  unitNormalization: plain(UnitNormalization),
  dropout: leading(Dropout, 'rate'),
  alphaDropout: leading(AlphaDropout, 'rate'),
  gaussianDropout: leading(GaussianDropout, 'rate'),
  gaussianNoise: leading(GaussianNoise, 'stddev'),
  add: merged('add'),
  subtract: merged('subtract'),
  multiply: merged('multiply'),
  average: merged('average'),
  maximum: merged('maximum'),
  minimum: merged('minimum'),
  dot: leading(Dot, 'axes'),
  concatenate: plain(Concatenate),
};

/** Options of a kind that are written before the others, without their names; none for a kind of the user's own. */
export function leadingOptions(kind: string): readonly string[] {
  return (Object.hasOwn(kinds, kind) ? kinds[kind]?.leads : undefined) ?? [];
}

/** Whether a layer is of the user's own class, which only the user can build again. */
export function isOwnLayer(layer: Layer): boolean {
  return !Object.hasOwn(kinds, layer.kind) || kinds[layer.kind]?.type !== layer.constructor;
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

/** Whether a value describes a layer inside of another. */
export function isInside(value: unknown): value is { readonly kind: string; readonly custom?: true; readonly config?: LayerConfig } {
  return value !== null && typeof value === 'object' && !(value instanceof Layer) && 'kind' in value && typeof value.kind === 'string';
}

/** How one sort of thing that is picked by name comes back. */
export interface Restorer<T> {
  resolve(value: never): T;
  fromConfig(name: string, config: LayerConfig): T;
}

const activation: Restorer<object> = { resolve: resolveActivation, fromConfig: activationFromConfig };
const initializer: Restorer<object> = { resolve: resolveInitializer, fromConfig: initializerFromConfig };

const regularizer: Restorer<object> = { resolve: resolveRegularizer, fromConfig: regularizerFromConfig };
const constraint: Restorer<object> = { resolve: resolveConstraint, fromConfig: constraintFromConfig };
const layerFunction: Restorer<object> = {
  resolve: (run: LayerFunction): NamedFunction => ({ name: run.name, config: {}, custom: true, run }),
  fromConfig: (name) => ({ name, config: {} }),
};

/** How the value of a layer's option comes back, by the option's name: `activation`, `kernelInitializer` … */
export function restorerOf(option: string): Restorer<object> | undefined {
  if (/activation$/i.test(option)) return activation;
  if (option === 'function') return layerFunction;
  if (/regularizer$/i.test(option)) return regularizer;
  if (/constraint$/i.test(option)) return constraint;
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
  const { name: _, config, custom: isOwn, ...options } = isDescribed(value) ? (value as Described & LayerConfig) : { name, custom: true };
  const fromTable = (): T => fromConfig(name, (config ?? options) as LayerConfig);
  if (own === undefined) return fromTable();
  // A description that a model gave says what is the user's own; a table may know the same name.
  const known = isOwn ? undefined : unlessRefused(fromTable);
  if (known) return known;
  // The name stays, so that the model can be saved again under it.
  return typeof own === 'function' ? { ...resolve(own as never), name } : resolve(own as never);
}

/**
 * Builds a layer from its description. A layer of the user's own is what `custom[kind]` makes of `{ ...config, name, trainable }`:
 * a class or a function.
 * @param place of a layer inside of another: `t1/layer`. @throws ArgumentError on an unknown kind or option, with the nearest known one.
 */
export function layerFromConfig(kind: string, { name, ...options }: LayerConfig, custom: Custom = {}, place?: string): Layer {
  const given = { ...options, ...(name === undefined ? {} : { name }) };
  const own = handedBack(custom, kind, place);
  if (typeof own === 'function') {
    const layer: unknown = own.prototype instanceof Layer ? Reflect.construct(own, [given]) : own(given);
    if (!(layer instanceof Layer)) throw new ArgumentError(`custom '${kind}' must be a class of layers or return a layer, got ${show(layer)}`);
    return layer;
  }
  const owner = place ?? (typeof name === 'string' ? name : kind);
  const restored = Object.entries(given).map(([key, value]) => {
    if (/^(layer|backwardLayer)$/.test(key) && isInside(value)) {
      const { kind: inside, config, custom: _, ...rest } = value;
      return [key, layerFromConfig(inside, { ...rest, ...config }, custom, `${owner}/${key}`)];
    }
    const restorer = restorerOf(key);
    const named = typeof value === 'string' ? handedBack(custom, value, `${owner}/${key}`) !== undefined : isDescribed(value);
    return [key, restorer && named ? restore(value, `${owner}/${key}`, custom, restorer) : value];
  });
  return lookUp('layer', kind, kinds).make(Object.fromEntries(restored));
}
