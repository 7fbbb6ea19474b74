import { ArgumentError, show } from '../core/errors.js';
import { isRecord } from '../core/expect.js';
import { nearestNames, suggestion } from '../core/names.js';

/** Finds mistakes in one option: the message, or undefined. */
export type OptionCheck = (value: unknown, all: Readonly<Record<string, unknown>>) => string | undefined;

/** The options a layer knows, each with its check. */
export type OptionChecks = Readonly<Record<string, OptionCheck>>;

const common: OptionChecks = { name: isNonEmptyString, trainable: isBoolean };

function isNonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : `must be a non-empty string, got ${String(value)}`;
}

export function isBoolean(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, got ${String(value)}`;
}

export const isWhole: OptionCheck = (value) => (Number.isInteger(value) ? undefined : `must be a whole number, got ${String(value)}`);

/** A whole number from 1 on. */
export const isCount: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 1 ? undefined : `must be a whole number ≥ 1, got ${show(value)}`;

/** A number within bounds, both included unless `open` names one that is not. */
export function isNumber(low: number, high: number, open: 'none' | 'high' | 'low' = 'none'): OptionCheck {
  return (value) => {
    const fits = typeof value === 'number' && (open === 'low' ? value > low : value >= low) && (open === 'high' ? value < high : value <= high);
    return fits
      ? undefined
      : `must be a number ${open === 'low' ? '>' : '≥'} ${low} and ${open === 'high' ? '<' : '≤'} ${high}, got ${String(value)}`;
  };
}

/** A check that a resolver throws no ArgumentError; its message becomes the mistake. */
export function resolves(resolve: (value: never) => unknown): OptionCheck {
  return (value) => {
    try {
      resolve(value as never);
      return undefined;
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      return error.message;
    }
  };
}

/** A mistake under its option's name; what a resolver expects begins with the kind of thing, which the name says again. */
function ofOption(name: string, mistake: string): string {
  if (mistake.startsWith('unknown')) return mistake;
  return /^\w+: expected /.test(mistake) ? mistake.replace(/^\w+/, name) : `${name} ${mistake}`;
}

/** @throws ArgumentError if what stands before the options was given among them, or in one object with them. */
function refuseLeadsAmongOptions(kind: string, options: object, leads: Readonly<Record<string, unknown>>): void {
  const [names, [first]] = [Object.keys(leads), Object.values(leads)];
  const isLiteral = (value: unknown): value is Readonly<Record<string, unknown>> =>
    isRecord(value) && Object.getPrototypeOf(value) === Object.prototype;
  const given = [first, options].find((one) => isLiteral(one) && names.some((name) => name in one && one[name] !== leads[name]));
  if (!given) return;
  const entries = new Map(Object.entries(given));
  const values = names.map((name) => {
    const value = entries.get(name) ?? (given === first ? undefined : leads[name]);
    return value === undefined || value === null ? name : show(value);
  });
  const rest = [...entries.keys()].some((key) => !names.includes(key)) ? ['{ … }'] : [];
  throw new ArgumentError(
    `${kind}: ${names.join(' and ')} must be passed before the options, not inside them: ${kind}(${[...values, ...rest].join(', ')}), got ${show(given)}`,
    { layer: kind, argument: names[0] ?? 'options', received: given },
  );
}

/**
 * Checks a layer's options, and arguments that stand before them, and names every mistake in one message.
 * A misspelt option is also checked under the name it was meant to have.
 * @throws ArgumentError
 */
export function checkOptions(kind: string, options: object, checks: OptionChecks, leads: Readonly<Record<string, unknown>> = {}): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const meant = options === null ? undefined : Object.keys(checks).find((key) => checks[key]?.(options, {}) === undefined);
    const example = meant === undefined ? "name: 'first'" : `${meant}: ${show(options)}`;
    throw new ArgumentError(`${kind}: options must be an object, such as { ${example} }, got ${show(options)}`, {
      argument: 'options',
      received: options,
    });
  }
  refuseLeadsAmongOptions(kind, options, leads);
  const given: Readonly<Record<string, unknown>> = { ...options, ...leads };
  const known = new Map(Object.entries({ ...checks, ...common }));
  const names = [...known.keys()];
  const mistakes: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    let meant = key;
    if (!known.has(key)) {
      mistakes.push(`unknown option '${key}'${suggestion(key, names)}`);
      meant = nearestNames(key, names).find((near) => given[near] === undefined) ?? key;
    }
    const mistake = value === undefined ? undefined : known.get(meant)?.(value, given);
    if (mistake !== undefined) mistakes.push(ofOption(meant, mistake));
  }
  if (mistakes.length === 0) return;
  const message =
    mistakes.length === 1
      ? `${kind}: ${mistakes[0]}`
      : `${kind}: ${mistakes.length} mistakes in its options:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`;
  throw new ArgumentError(message, { layer: kind, received: given });
}
