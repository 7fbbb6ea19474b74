import { type Activation, activationFromConfig, activations, scalarForm } from '../../activations.js';
import type { Described } from '../../core/catalogue.js';
import type { StaticShape } from '../../core/shape.js';
import type { ScalarFunction } from '../../graph/evaluate.js';
import { type Initializer, initializerFromConfig, initializers } from '../../initializers.js';
import { Bend } from '../../theory/bend.js';
import type { LayerFacts } from '../../vitals/facts.js';

/** Functions of the user's own, which facts hold by name only. */
export interface Lookups {
  readonly activations?: Readonly<Record<string, Activation>>;
  readonly initializers?: Readonly<Record<string, Initializer>>;
}

/** Something that theory cannot tell; its message says why. */
export class Unknown extends Error {}

/** The activation of the table that is described; undefined where it is a user's own. */
export function tableActivation({ name, config, custom }: Described): Activation | undefined {
  return !custom && Object.hasOwn(activations, name) ? activationFromConfig(name, config) : undefined;
}

/** Weights that a state meets at every step of a sequence. Layers around others have `forward/recurrentKernel`. */
const recurrentKernels = ({ weights }: LayerFacts): LayerFacts['weights'] => weights.filter(({ name }) => /(^|\/)recurrentKernel$/.test(name));

/** Whether a layer walks along the steps of a sequence, with one set of weights for all of them. */
export const walksAlongSteps = (layer: LayerFacts): boolean => recurrentKernels(layer).length > 0;

/** Whether a layer's state goes along steps past its sums, through gates: each has sums of its own. */
export const isGated = (layer: LayerFacts): boolean => recurrentKernels(layer).some(({ shape }) => (shape.at(-1) ?? 0) > (shape.at(-2) ?? 0));

/** Whether its state is a cell behind four gates, as an LSTM's: what it adds up goes through no sum, and is never replaced as a whole. */
export const hasCell = (layer: LayerFacts): boolean => recurrentKernels(layer).some(({ shape }) => shape.at(-1) === 4 * (shape.at(-2) ?? 0));

/** The name of what draws a layer's kernel; undefined where it has none. */
export const kernelInitializer = ({ weights }: LayerFacts): string | undefined => weights.find(({ shape }) => shape.length >= 2)?.initializer?.name;

/** What facts name: initializers, and activations as functions of one number, each with its table; made once. */
export class Bends {
  readonly #lookups: Lookups;
  readonly #bends = new Map<string, Bend>();

  constructor(lookups: Lookups = {}) {
    this.#lookups = lookups;
  }

  /** @throws Unknown where no table or lookup knows it, or it is not elementwise. */
  of(described: Described): Bend {
    const key = JSON.stringify([described.name, described.config, described.custom]);
    const known = this.#bends.get(key);
    if (known) return known;
    const made = new Bend(this.#scalar(described));
    this.#bends.set(key, made);
    return made;
  }

  activation(described: Described): Activation {
    const { name } = described;
    const given = tableActivation(described) ?? this.#lookups.activations?.[name];
    if (!given) throw new Unknown(`unknown activation '${name}': only its name is recorded; doctor.forecast(model) knows a model's own functions`);
    return given;
  }

  /** @throws Unknown where no table or lookup knows it. */
  initializer({ name, config, custom }: Described): Initializer {
    if (!custom && Object.hasOwn(initializers, name)) return initializerFromConfig(name, config);
    const given = this.#lookups.initializers?.[name];
    if (!given) throw new Unknown(`unknown initializer '${name}': only its name is recorded; doctor.forecast(model) knows a model's own functions`);
    return given;
  }

  #scalar(described: Described): ScalarFunction {
    const activation = this.activation(described);
    try {
      const scalar = scalarForm(activation);
      scalar.slope(scalar.value(0.5));
      return scalar;
    } catch {
      throw new Unknown(`'${described.name}' is not a differentiable function of one number`);
    }
  }
}

/** Whether an array multiplies inputs: biases of several rows, as those of a GRU, do not. */
export function isKernel(name: string, shape: StaticShape): boolean {
  return shape.length > 1 && !/(^|\/)bias$/.test(name);
}
