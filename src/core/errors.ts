/** Facts about an error: which layer, which argument, what was received and what was expected. */
export interface ErrorDetails {
  readonly layer?: string;
  readonly argument?: string;
  readonly received?: unknown;
  readonly expected?: unknown;
}

/** What goes with an error's message. */
export interface EvenkeelErrorOptions extends ErrorOptions {
  /** One more remedy, available only in code; it is appended to the message. */
  readonly advice?: string;
}

/** Base class of all errors that Evenkeel throws; `details` holds the facts that the message puts into words. */
export class EvenkeelError extends Error {
  readonly details: ErrorDetails;
  readonly #withoutAdvice: string;

  constructor(message: string, details: ErrorDetails = {}, { advice, ...options }: EvenkeelErrorOptions = {}) {
    super(advice === undefined ? message : `${message}, or ${advice}`, options);
    this.name = new.target.name;
    this.details = details;
    this.#withoutAdvice = message;
  }

  /** The message for those who write no code, such as users of the command line. */
  get withoutAdvice(): string {
    return this.#withoutAdvice;
  }
}

/** An argument has the wrong type, name or value. */
export class ArgumentError extends EvenkeelError {}

/** Shapes that are incompatible with each other, or with a layer. */
export class ShapeError extends EvenkeelError {}

/** Data that cannot be trained on: NaN, labels out of range, an empty set. */
export class DataError extends EvenkeelError {}

/** Nested arrays whose lengths differ. */
export class RaggedError extends DataError {}

/** A file that is missing, truncated, corrupt or cannot be written. */
export class FileError extends EvenkeelError {}

/** The engine refused a graph, or its worker died. */
export class EngineError extends EvenkeelError {}

/** A gradient was requested through an operator that has none. */
export class GradientError extends EvenkeelError {}

/** A non-finite value occurred during training. */
export class NonFiniteError extends EvenkeelError {}

/** Work was aborted through an `AbortSignal`. */
export class AbortError extends EvenkeelError {
  /** Values per epoch by name, logged by the fit until then; undefined if it was not a fit that was aborted. */
  history: Readonly<Record<string, readonly number[]>> | undefined;
}

/** A value as an error message shows it: short, and telling strings from numbers. */
export function show(value: unknown): string {
  return showWithin(value, 4);
}

/** @param levels lists within lists that are still shown: one may hold itself. */
function showWithin(value: unknown, levels: number): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 57)}...` : value}'`;
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function';
  if (Array.isArray(value)) {
    if (levels === 0) return '[…]';
    const head = value
      .slice(0, 8)
      .map((item) => showWithin(item, levels - 1))
      .join(', ');
    return `[${head}${value.length > 8 ? ', …' : ''}]`;
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (value !== null && typeof value === 'object') {
    const name = value.constructor?.name;
    if (name && name !== 'Object') return `a ${name}`;
    return jsonOf(value).slice(0, 80);
  }
  return String(value);
}

function jsonOf(value: object): string {
  try {
    return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'an object';
  } catch {
    // It holds itself.
    return `an object of ${Object.keys(value).join(', ')}`;
  }
}
