import { ArgumentError, show } from '../core/errors.js';
import type { Random } from '../core/random.js';
import type { StaticShape } from '../core/shape.js';
import type { ScalarFunction } from '../graph/evaluate.js';

/** What an initializer may know of the activation that a layer's sums go through. */
export interface Nonlinearity {
  readonly name: string;
  /** Name of the initializer that matches it. */
  readonly initializer: string;
  /** It as a function of one number. @throws ArgumentError if it is not elementwise. */
  scalar(): ScalarFunction;
}

/** Units that feed one unit, and units that one unit feeds. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
  /** Whether scaled initializers count so too, and not by the shape: for kernels with more axes than those two and a receptive field. */
  readonly scales?: true;
}

/** Takes a warning. */
export type Warn = (message: string) => void;

/**
 * Fills a new parameter: `sample` gives the elements in row-major order; `fans` are the layer's own where it knows them. `name` and `config` are what a
 * saved model keeps.
 */
export interface Initializer {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  sample(shape: StaticShape, random: Random, warn?: Warn, fans?: Fans): Float64Array;
  /** The same for a layer of that activation; absent where it makes no difference. */
  suit?(activation: Nonlinearity): Pick<Initializer, 'sample'>;
  /** Whether a layer with this kernel takes it for its biases as well, unless told otherwise. */
  readonly drawsBiases?: boolean;
  /** Whether the first fit scales what was drawn so that the layer's sums have variance 1 on its data. */
  readonly scaledByData?: boolean;
}

/** What a table's entry adds to its name and options. */
export type Drawing = Omit<Initializer, 'name' | 'config'>;

/** @throws ArgumentError naming initializer and option. */
export function refuse(initializer: string, argument: string, received: unknown, expected: string): never {
  throw new ArgumentError(`initializer '${initializer}': ${argument} must be ${expected}, got ${show(received)}`, { argument, received, expected });
}

/** As many draws as the shape has elements. */
export function fill(size: number, draw: () => number): Float64Array {
  const values = new Float64Array(size);
  for (let i = 0; i < size; i++) values[i] = draw();
  return values;
}
