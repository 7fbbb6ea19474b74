import { resolveActivation } from '../../activations.js';
import { resolveInitializer } from '../../initializers.js';
import { isDescribed, isInside, layerFromConfig, leadingOptions, restorerOf } from '../../layers/registry.js';
import { resolveLoss } from '../../losses.js';
import { resolveMetric } from '../../metrics.js';
import type { DescribedLayer } from '../../model/config.js';
import { isAutomatic } from '../../model/rewire.js';
import { resolveOptimizer } from '../../optimizers.js';

/** A function called with arguments, as any language writes it. */
export interface Call {
  readonly name: string;
  /** `initializers`, `optimizers` …: the table that it stands in; `custom` where it is the user's own. */
  readonly table: string;
  readonly leads: readonly unknown[];
  readonly options: readonly (readonly [name: string, value: unknown])[];
}

/** A name that stands for itself, with no options. */
export interface Name {
  readonly word: string;
  readonly table: string;
}

/** The table of what is the user's own. */
export const CUSTOM = 'custom';

/** What is said of the user's own where other frameworks' code names it. */
export const ofOwn = (name: string, framework: string): string => `${name} is a custom function: write it for ${framework}`;

export const isName = (value: unknown): value is Name => typeof value === 'object' && value !== null && 'word' in value;
export const isCall = (value: unknown): value is Call => typeof value === 'object' && value !== null && 'leads' in value;

/** What was picked by name, with what was told of it. */
export const described = (value: unknown): { readonly name: string; readonly config: Readonly<Record<string, unknown>> } =>
  isDescribed(value) ? { name: value.name, config: value.config ?? {} } : { name: String(value), config: {} };

/** Whether it is a function of the user's own. */
export const isOwn = (value: unknown): boolean => isDescribed(value) && value.custom === true;

type Options = Readonly<Record<string, unknown>>;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Tables by the option that holds their entries, with what a bare name stands for. */
const tables: readonly { readonly matches: RegExp; readonly table: string; defaults(name: string): Readonly<Record<string, unknown>> }[] = [
  { matches: /activation$/i, table: 'activations', defaults: (name) => resolveActivation(name).config },
  { matches: /initializer$/i, table: 'initializers', defaults: (name) => resolveInitializer(name).config },
  { matches: /regularizer$/i, table: 'regularizers', defaults: () => ({}) },
  { matches: /constraint$/i, table: 'constraints', defaults: () => ({}) },
  { matches: /^optimizer$/, table: 'optimizers', defaults: (name) => resolveOptimizer(name).config },
  { matches: /^loss$/, table: 'losses', defaults: (name) => resolveLoss(name).config },
  { matches: /^learningRate$/, table: 'schedules', defaults: () => ({}) },
  { matches: /^metrics$/, table: 'metrics', defaults: (name) => resolveMetric(name, resolveLoss('mse'), []).config },
];

/** What was picked by name, as a name or a call with what differs from its defaults; a layer inside of another as a call, lists one by one. */
export function picked(option: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => picked(option, item));
  if (isInside(value)) return layerCall({ ...value, config: value.config ?? {} });
  if (!isDescribed(value)) return value;
  const entry = tables.find(({ matches }) => matches.test(option));
  const table = value.custom || !entry ? CUSTOM : entry.table;
  const defaults = value.custom || !entry ? {} : entry.defaults(value.name);
  const options = Object.entries(value.config ?? {}).filter(([key, given]) => !same(given, defaults[key]));
  if (options.length === 0) return { word: value.name, table } satisfies Name;
  return { name: value.name, table, leads: [], options: options.map(([key, given]) => [key, picked(key, given)] as const) } satisfies Call;
}

/** Names that layers get of themselves, by their place, need not be written. */
const isOwnName = (layer: DescribedLayer): boolean => layer.name !== layer.kind && !isAutomatic(layer);

/** A layer as a call, without options that have their defaults; with its name where it was given one, or where it is asked for. */
export function layerCall(layer: DescribedLayer, named = isOwnName(layer)): Call {
  const { kind, name, config, custom, trainable } = layer;
  const leads = leadingOptions(kind);
  const leading = Object.fromEntries(leads.map((lead) => [lead, config[lead]]));
  const options = told(kind, leading, config);
  const own = [...(named ? [['name', name] as const] : []), ...(trainable === false ? [['trainable', false] as const] : [])];
  return {
    name: kind,
    table: custom ? CUSTOM : 'layers',
    leads: leads.map((lead) => picked(lead, config[lead])),
    options: [...options.map(([key, value]) => [key, picked(key, value)] as const), ...own],
  };
}

/** Options that a layer would not have without being told, besides the leading ones. Defaults may follow from other options: pooling's strides from its windows. */
function told(kind: string, leading: Options, config: Options): readonly (readonly [name: string, value: unknown])[] {
  const given = Object.entries(config).filter(([key, value]) => !Object.hasOwn(leading, key) && value !== undefined);
  const usual = defaultsOf(kind, leading);
  const unusual = given.filter(([key, value]) => !same(value, usual[key]));
  // No default follows from what was picked by name, which only the user may be able to build again.
  const leads = unusual.filter(([, value]) => !isDescribed(value) && !isInside(value));
  if (leads.length === 0) return unusual;
  const without = (option: string): Options => ({ ...leading, ...Object.fromEntries(leads.filter(([key]) => key !== option)) });
  return given.filter(([key, value]) => !same(value, defaultsOf(kind, without(key))[key]));
}

/** All options of a layer of which these were said; none where there is no such layer. */
function defaultsOf(kind: string, said: Options): Options {
  try {
    const restored = Object.entries(said).map(([key, value]) => [key, restorerOf(key) && isDescribed(value) ? value.name : value]);
    return layerFromConfig(kind, Object.fromEntries(restored)).config();
  } catch {
    return {};
  }
}

/** A setting in words, for comments: `l2(l2: 0.01)`. */
export function saying(value: unknown): string {
  if (isName(value)) return value.word;
  if (isCall(value))
    return `${value.name}(${[...value.leads.map(saying), ...value.options.map(([key, option]) => `${key}: ${saying(option)}`)].join(', ')})`;
  return isDescribed(value) ? saying(picked('', value)) : String(JSON.stringify(value));
}
