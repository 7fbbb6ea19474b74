import { ArgumentError, show } from './errors.js';
import { isRecord } from './expect.js';
import { findName, foldName, suggestion } from './names.js';

/** One option of what users pick by name: what stands in for it, and which values it takes. Users may pass `Given`, which `read` turns into `T`. */
export interface Option<T, Given = T> {
  readonly fallback: T;
  /** Completes "must be …". */
  readonly expected: string;
  accepts(value: unknown): boolean;
  /** What is meant by a value that is accepted; the value itself unless given. @throws ArgumentError */
  read?(value: Given): T;
  /** What a saved model keeps of it; the value itself unless given. */
  describe?(value: T): unknown;
}

export interface Limits {
  readonly from?: number;
  readonly to?: number;
  readonly above?: number;
  readonly below?: number;
}

function within(value: unknown, { from, to, above, below }: Limits): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  return (
    (from === undefined || value >= from) &&
    (to === undefined || value <= to) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below)
  );
}

function describe({ from, to, above, below }: Limits): string {
  const parts = [
    from !== undefined && `≥ ${from}`,
    above !== undefined && `> ${above}`,
    to !== undefined && `≤ ${to}`,
    below !== undefined && `< ${below}`,
  ];
  const bounds = parts.filter((part) => part !== false);
  return bounds.length === 0 ? 'a finite number' : `a finite number ${bounds.join(' and ')}`;
}

/** A finite number, within limits. */
export function numberOption(fallback: number, limits: Limits = {}): Option<number> {
  return { fallback, expected: describe(limits), accepts: (value) => within(value, limits) };
}

/** A finite number within limits, or nothing. */
export function optionalNumber(limits: Limits = {}): Option<number | undefined> {
  return { fallback: undefined, expected: describe(limits), accepts: (value) => within(value, limits) };
}

/** A whole number from `least` on. */
export function wholeOption(fallback: number, least = 0): Option<number> {
  return { fallback, expected: `a whole number ≥ ${least}`, accepts: (value) => Number.isInteger(value) && (value as number) >= least };
}

/** A whole number from `from` on, or nothing. */
export function optionalWhole(from: number): Option<number | undefined> {
  return { fallback: undefined, expected: `a whole number ≥ ${from}`, accepts: (value) => Number.isSafeInteger(value) && Number(value) >= from };
}

/** True or false. */
export function flagOption(fallback: boolean): Option<boolean> {
  return { fallback, expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
}

/** One of some words, in Keras's spelling too: `fan_in` is `fanIn`. */
export function choiceOption<T extends string>(fallback: T, choices: readonly T[]): Option<T> {
  const find = (value: unknown): T | undefined =>
    typeof value === 'string' ? choices.find((choice) => foldName(choice) === foldName(value)) : undefined;
  return {
    fallback,
    expected: choices.map((choice) => `'${choice}'`).join(' or '),
    accepts: (value) => find(value) !== undefined,
    read: (value) => find(value) ?? fallback,
  };
}

/** Finite numbers within limits, at least one, or nothing. */
export function listOption(limits: Limits = {}): Option<readonly number[] | undefined> {
  return {
    fallback: undefined,
    expected: `a list, each ${describe(limits)}`,
    accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((item) => within(item, limits)),
  };
}

/** Axes of an array, or nothing. */
export function axesOption(): Option<readonly number[] | undefined> {
  const { fallback, accepts } = listOption();
  return { fallback, expected: 'a list of axes', accepts: (value) => accepts(value) && (value as readonly number[]).every(Number.isInteger) };
}

/** Options by name. */
export type Rules = Readonly<Record<string, Option<unknown>>>;
type ValueOf<O> = O extends { readonly fallback: infer T } ? T : never;
type GivenOf<O> = O extends Option<infer _, infer Given> ? Given : never;

/** Every option with its value. */
export type Settings<R extends Rules> = { readonly [K in keyof R]: ValueOf<R[K]> };

/** What users pass: any of the options. */
export type OptionsOf<R extends Rules> = { readonly [K in keyof R]?: GivenOf<R[K]> | undefined };

/** How saved models store something picked by name. */
export interface Named {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The same as data; `custom` if it is not in a table, so it must be passed when the model is loaded. */
export interface Described extends Named {
  readonly custom?: true;
}

/** What a saved model keeps of an activation, initializer, loss, metric or optimizer. */
export function describeEntry(entry: Named): Described {
  const { name, config } = entry;
  return isFromTable(entry) ? { name, config } : madeOf({ name, config, custom: true }, originalOf(entry) ?? entry);
}

const originals = new WeakMap<object, unknown>();

/** Notes the user's own function, or entry, that something was made of. */
export function madeOf<T extends object>(made: T, original: unknown): T {
  originals.set(made, original);
  return made;
}

/** The user's own function, or entry, that an entry or its description was made of; undefined of others, and of copies. */
export function originalOf(made: object): unknown {
  return originals.get(made);
}

/** Makes one entry of a table from its options. */
export type Maker<R extends Rules, T> = (options?: OptionsOf<R>) => T & Named;

/**
 * A table's entry: fills in defaults, then builds. Keras's spellings of options (`learning_rate`) are known; null stands for the default, as in Keras's configs.
 * The maker throws ArgumentError on an unknown option, with the nearest known one, and on a value out of range.
 */
export function maker<R extends Rules, T extends object>(kind: string, name: string, rules: R, build: (settings: Settings<R>) => T): Maker<R, T> {
  return (options = {}) => {
    const settings = readOptions(`${kind} '${name}'`, rules, options);
    const config = Object.fromEntries(
      Object.entries(settings)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => [key, rules[key]?.describe?.(value) ?? value]),
    );
    return asFromTable({ name, config, ...build(settings) });
  };
}

const tableMade = new WeakSet<object>();

/** Notes that a table made this entry. */
export function asFromTable<T extends object>(entry: T): T {
  tableMade.add(entry);
  return entry;
}

/** Whether a table made this entry, so that its name and options say all about it. */
export function isFromTable(entry: object): boolean {
  return tableMade.has(entry);
}

/** Options that may be given by position, without their names, as in Keras. */
function exampleOf(rules: Rules, value: unknown): string {
  const meant = value === null ? undefined : Object.entries(rules).find(([, { accepts }]) => accepts(value))?.[0];
  return meant === undefined ? '' : `, such as { ${meant}: ${show(value)} }`;
}

/**
 * Every option with its value or its default; Keras's spellings are known, null stands for the default.
 * @throws ArgumentError on an unknown option, with the nearest known one, and on a value that its rule refuses.
 */
export function readOptions<R extends Rules>(owner: string, rules: R, options: OptionsOf<R>): Settings<R> {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new ArgumentError(`${owner}: options must be an object${exampleOf(rules, options)}, got ${show(options)}`, {
      argument: 'options',
      received: options,
    });
  }
  const settings: Record<string, unknown> = Object.fromEntries(Object.entries(rules).map(([key, { fallback }]) => [key, fallback]));
  for (const [argument, value] of Object.entries(options)) {
    const key = findName(argument, rules);
    const rule = key === undefined ? undefined : rules[key];
    if (key === undefined || rule === undefined) {
      const known = Object.keys(rules);
      const hint = known.length === 0 ? '; it takes no options' : suggestion(argument, known);
      throw new ArgumentError(`${owner} has no option '${argument}'${hint}`, { argument, received: value, expected: known });
    }
    if (value === undefined || value === null) continue;
    if (!rule.accepts(value)) {
      throw new ArgumentError(`${owner}: ${key} must be ${rule.expected}, got ${show(value)}`, {
        argument: key,
        received: value,
        expected: rule.expected,
      });
    }
    settings[key] = rule.read ? rule.read(value) : value;
  }
  return settings as Settings<R>;
}

/** A table of what users pick by name. */
export interface Catalogue<T> {
  /** The word for one entry in messages: `activation`. */
  readonly kind: string;
  readonly table: object;
  /** Other names of entries. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Names that are resolved elsewhere, for suggestions. */
  readonly others?: readonly string[];
  /** Whether a value is already what the table's entries make. */
  holds(value: object): boolean;
  /** What a function of the user's own becomes; functions are refused where absent. */
  readonly fromFunction?: (value: (...values: never[]) => unknown, name: string) => T;
}

/** Makes the entry of that name. @throws ArgumentError on an unknown name (with the nearest known ones) or option. */
export function make<T>(catalogue: Catalogue<T>, name: string, options: Readonly<Record<string, unknown>> = {}): T {
  const { kind, table, aliases = {}, others = [] } = catalogue;
  const alias = findName(name, aliases);
  const wanted = (alias && aliases[alias]) ?? name;
  const key = findName(wanted, table);
  if (key === undefined) {
    const known = [...Object.keys(table), ...Object.keys(aliases), ...others];
    throw new ArgumentError(`unknown ${kind} '${name}'${suggestion(name, known)}`, { argument: kind, received: name });
  }
  const build = table[key] as (options: Readonly<Record<string, unknown>>) => T;
  return build(options);
}

const articled = (kind: string): string => `${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind}`;

/** What a name, an instance or a function stands for. @throws ArgumentError on anything else. */
export function resolve<T extends object>(catalogue: Catalogue<T>, value: unknown): T {
  const { kind, table, fromFunction } = catalogue;
  if (typeof value === 'string') return make(catalogue, value);
  if (typeof value === 'function') {
    const own = Object.entries(table).find(([, build]) => build === value)?.[0];
    if (own !== undefined) {
      throw new ArgumentError(`expected ${articled(kind)}, got the function that creates one; pass '${own}', or call it: ${own}(…)`, {
        argument: kind,
        received: value,
      });
    }
    if (fromFunction) {
      const name = value.name === '' ? 'custom' : value.name;
      return madeOf(fromFunction(value as (...values: never[]) => unknown, name), value);
    }
  }
  if (value !== null && typeof value === 'object' && catalogue.holds(value)) return value as T;
  const expected = `the name of ${articled(kind)} or an instance${fromFunction ? ', or a function' : ''}`;
  throw new ArgumentError(`${kind}: expected ${expected}, got ${show(value)}${calledInstead(table, value)}`, {
    argument: kind,
    received: value,
    expected,
  });
}

/** What to write instead of an entry's name and options as data, as Keras's configs have them. */
function calledInstead(table: object, value: unknown): string {
  const name = isRecord(value) ? (value.class_name ?? value.className ?? value.name) : undefined;
  const key = typeof name === 'string' ? findName(name, table) : undefined;
  return key === undefined ? '' : `; to set options, call the function: ${key}({ … })`;
}
