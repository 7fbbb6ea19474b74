import { resolveActivation } from '../../activations.js';
import { resolveInitializer } from '../../initializers.js';
import { isDescribed, layerFromConfig, leadingOptions, restorerOf } from '../../layers/registry.js';
import { resolveLoss } from '../../losses.js';
import { resolveMetric } from '../../metrics.js';
import type { DescribedLayer } from '../../model/config.js';
import { resolveOptimizer } from '../../optimizers.js';

/** A function called with arguments, as any language writes it. */
export interface Call {
  readonly name: string;
  /** `initializers`, `optimizers` …: the table that it stands in. */
  readonly table: string;
  readonly leads: readonly unknown[];
  readonly options: readonly (readonly [name: string, value: unknown])[];
}

/** A name that stands for itself, with no options. */
export interface Name {
  readonly word: string;
  readonly table: string;
}

export const isName = (value: unknown): value is Name => typeof value === 'object' && value !== null && 'word' in value;
export const isCall = (value: unknown): value is Call => typeof value === 'object' && value !== null && 'leads' in value;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Tables by the option that holds their entries, with what a bare name stands for. */
const tables: readonly { readonly matches: RegExp; readonly table: string; defaults(name: string): Readonly<Record<string, unknown>> }[] = [
  { matches: /activation$/i, table: 'activations', defaults: (name) => resolveActivation(name as 'relu').config },
  { matches: /initializer$/i, table: 'initializers', defaults: (name) => resolveInitializer(name as 'zeros').config },
  { matches: /regularizer$/i, table: 'regularizers', defaults: () => ({}) },
  { matches: /constraint$/i, table: 'constraints', defaults: () => ({}) },
  { matches: /^optimizer$/, table: 'optimizers', defaults: (name) => resolveOptimizer(name as 'sgd').config },
  { matches: /^loss$/, table: 'losses', defaults: (name) => resolveLoss(name as 'mse').config },
  { matches: /^learningRate$/, table: 'schedules', defaults: () => ({}) },
  { matches: /^metrics$/, table: 'metrics', defaults: (name) => resolveMetric(name as 'accuracy', resolveLoss('mse'), []).config },
];

/** What was picked by name, as a name or a call with what differs from its defaults. */
export function picked(option: string, value: unknown): unknown {
  if (!isDescribed(value)) return value;
  const entry = tables.find(({ matches }) => matches.test(option));
  const table = entry?.table ?? 'custom';
  const defaults = value.custom || !entry ? {} : entry.defaults(value.name);
  const options = Object.entries(value.config ?? {}).filter(([key, given]) => !same(given, defaults[key]));
  if (options.length === 0) return { word: value.name, table } satisfies Name;
  return { name: value.name, table, leads: [], options: options.map(([key, given]) => [key, picked(key, given)] as const) } satisfies Call;
}

/** A layer as a call, without options that have their defaults. */
export function layerCall({ kind, config }: DescribedLayer): Call {
  const leads = leadingOptions(kind);
  const leading = Object.fromEntries(leads.map((name) => [name, config[name]]));
  const defaults = defaultsOf(kind, leading);
  const options = Object.entries(config).filter(([key, value]) => !leads.includes(key) && value !== undefined && !same(value, defaults[key]));
  return {
    name: kind,
    table: 'layers',
    leads: leads.map((name) => picked(name, config[name])),
    options: options.map(([key, value]) => [key, picked(key, value)] as const),
  };
}

/** Options of a layer of which nothing but the leading ones was said; none where there is no such layer. */
function defaultsOf(kind: string, leading: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    const restored = Object.entries(leading).map(([key, value]) => [key, restorerOf(key) && isDescribed(value) ? value.name : value]);
    return layerFromConfig(kind, Object.fromEntries(restored)).config();
  } catch {
    return {};
  }
}
