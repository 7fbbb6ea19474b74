import { type Activation, type ActivationName, activationFromConfig, type activations } from '../activations.js';
import { type Described, isFromTable, madeOf } from '../core/catalogue.js';
import { ArgumentError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import type { Tensor } from '../graph/node.js';
import { constant } from '../graph/node.js';
import { add, mul } from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { activityPenalty, type Regularizer, regularizers } from '../regularizers.js';
import { checkOptions, type OptionCheck, resolves } from './options.js';

/** Options of an activation of the table, and of a layer. */
export type NamedActivationOptions<K extends ActivationName> = LayerOptions & NonNullable<Parameters<(typeof activations)[K]>[0]>;

/** An activation of the table as a layer under its own name: `layers.leakyRelu({ slope: 0.2 })`. */
export class NamedActivation<K extends ActivationName = ActivationName> extends Layer {
  readonly kind: K;
  override readonly role = 'activation';
  override readonly takes = 1;
  override readonly activation: Activation;

  /** @throws ArgumentError on an option that the activation does not have. */
  constructor(kind: K, given: LayerOptions = {}) {
    const known = Object.keys(activationFromConfig(kind, {}).config);
    // Their values are checked together, below: one may bound another.
    checkOptions(kind, given, Object.fromEntries(known.map((key) => [key, () => undefined])));
    const { name, trainable, ...options } = given;
    super({ ...(name === undefined ? {} : { name }), ...(trainable === undefined ? {} : { trainable }) });
    this.kind = kind;
    this.activation = activationFromConfig(kind, options);
  }

  override get repeatable(): boolean {
    return isFromTable(this.activation);
  }

  config() {
    return this.activation.config;
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    return this.activation.apply(context.preactivation(x as Tensor), context);
  }
}

/** Function of a lambda layer: takes one tensor, or a list if the layer has several inputs. The first axis is the batch. */
export type LayerFunction = (input: Tensor & readonly Tensor[], context: LayerContext) => Tensor;

/** A function by the name that a saved model knows it by. */
export interface NamedFunction extends Described {
  readonly run?: LayerFunction;
}

/** A function of the user's own as a layer, of graph operators; it has no weights. A class that extends `Layer` may have them. */
export class Lambda extends Layer {
  readonly kind = 'lambda';
  readonly function: NamedFunction;
  readonly #run: LayerFunction;

  constructor(call: LayerFunction | NamedFunction, options: LayerOptions = {}) {
    checkOptions('lambda', options, {});
    super(options);
    const run = typeof call === 'function' ? call : call?.run;
    if (typeof run !== 'function') {
      throw new ArgumentError(`lambda: expected a function of tensors, such as (x) => ops.square(x), got ${show(call)}`, {
        layer: 'lambda',
        argument: 'function',
        received: call,
      });
    }
    this.function = madeOf({ name: call.name === '' ? 'custom' : call.name, config: {}, custom: true }, run);
    this.#run = run;
  }

  config() {
    return { function: this.function };
  }

  call(inputs: readonly Tensor[], context: LayerContext): Tensor {
    return this.#run((inputs.length === 1 ? inputs[0] : inputs) as Tensor & readonly Tensor[], context);
  }
}

export interface RescalingOptions extends LayerOptions {
  /** Added after scaling; default 0. */
  readonly offset?: number | readonly number[];
}

const areFactors: OptionCheck = (value) =>
  [value].flat().length > 0 && [value].flat().every(Number.isFinite) ? undefined : `must be a finite number or a list of them, got ${show(value)}`;

/** scale · x + offset; lists go along the last axis. */
export class Rescaling extends Layer {
  readonly kind = 'rescaling';
  override readonly takes = 1;
  readonly scale: number | readonly number[];
  readonly offset: number | readonly number[];

  constructor(scale: number | readonly number[], options: RescalingOptions = {}) {
    checkOptions('rescaling', options, { scale: areFactors, offset: areFactors }, { scale: scale ?? null });
    super(options);
    this.scale = scale;
    this.offset = options.offset ?? 0;
  }

  config() {
    return { scale: this.scale, offset: this.offset };
  }

  call([x]: readonly Tensor[], { dtype }: LayerContext): Tensor {
    const operand = (value: number | readonly number[]): number | Tensor =>
      typeof value === 'number' ? value : constant(NdArray.from(value as number[], dtype));
    const scaled = mul(x as Tensor, operand(this.scale));
    return this.offset === 0 ? scaled : add(scaled, operand(this.offset));
  }

  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks[0];
  }
}

/** Gives what it is given. */
export class Identity extends Layer {
  readonly kind = 'identity';
  override readonly role = 'shape';
  override readonly takes = 1;

  constructor(options: LayerOptions = {}) {
    checkOptions('identity', options, {});
    super(options);
  }

  config() {
    return {};
  }

  call([x]: readonly Tensor[]): Tensor {
    return x as Tensor;
  }

  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks[0];
  }
}

export interface ActivityRegularizationOptions extends LayerOptions {
  /** Factor of Σ|x| in the loss; default 0. */
  readonly l1?: number;
  /** Factor of Σx² in the loss; default 0. */
  readonly l2?: number;
}

/** Gives what it is given, and adds a penalty on it, averaged over the rows, to the loss. */
export class ActivityRegularization extends Layer {
  readonly kind = 'activityRegularization';
  override readonly role = 'shape';
  override readonly takes = 1;
  readonly regularizer: Regularizer;

  constructor(options: ActivityRegularizationOptions = {}) {
    const check = (key: string) => resolves((value) => regularizers.l1l2({ [key]: value }));
    checkOptions('activityRegularization', options, { l1: check('l1'), l2: check('l2') });
    super(options);
    const { l1 = 0, l2 = 0 } = options;
    this.regularizer = regularizers.l1l2({ l1, l2 });
  }

  config() {
    return this.regularizer.config;
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    context.addLoss(activityPenalty(this.regularizer, x as Tensor));
    return x as Tensor;
  }

  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks[0];
  }
}
