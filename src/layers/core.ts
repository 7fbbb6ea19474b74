import { type Activation, type ActivationLike, activations, resolveActivation } from '../activations.js';
import { describeEntry, isFromTable } from '../core/catalogue.js';
import { type DType, dtypes } from '../core/dtype.js';
import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { findName, nearestNames } from '../core/names.js';
import { type StaticShape, showShape, sizeOf } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { linear } from '../graph/ops/index.js';
import { type Initializer, initializers } from '../initializers.js';
import { BATCH, Layer, LayerCall, type LayerContext, type LayerOptions, type Signal } from '../network/layer.js';
import { activityPenalty, type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.js';
import { checkOptions, isBoolean, isCount, type OptionCheck, resolves } from './options.js';
import {
  describeWeight,
  readBias,
  readWeight,
  scaledArrays,
  sumChecks,
  type WeightOptions,
  type WeightSettings,
  weightChecks,
} from './weight-options.js';

export interface InputOptions {
  readonly name?: string;
  /**
   * Element type of the data; default float32. Whole numbers become floats where a layer computes with them. Where a whole type is declared, data of
   * another type are converted to it, and refused where it cannot hold one of their numbers.
   */
  readonly dtype?: DType;
}

/** Where data enter a model; it has no weights. */
export class InputLayer extends Layer {
  readonly kind = 'input';
  override readonly role = 'input';
  override readonly keepsIntegers = true;
  readonly shape: StaticShape;
  readonly dtype: DType;

  constructor(shape: StaticShape, options: InputOptions = {}) {
    checkOptions('input', options, { dtype: () => undefined });
    const { name, dtype = 'float32' } = options;
    super(name === undefined ? {} : { name });
    if (!Array.isArray(shape))
      throw new ArgumentError(`input: expected the shape of one instance, such as [28, 28], got ${show(shape)}`, {
        argument: 'shape',
        received: shape,
      });
    if (!Object.hasOwn(dtypes, dtype)) {
      throw new ArgumentError(`input: unknown dtype ${show(dtype)}; known: ${Object.keys(dtypes).join(', ')}`, {
        argument: 'dtype',
        received: dtype,
      });
    }
    if (shape.some((dim) => dim < 1))
      throw new ShapeError(`input: every length of a shape must be at least 1, got ${showShape(shape)}`, { layer: 'input', received: shape });
    sizeOf(shape);
    this.shape = [...shape];
    this.dtype = dtype;
  }

  config() {
    return { shape: this.shape, dtype: this.dtype };
  }

  call(inputs: readonly Tensor[]): Tensor {
    return inputs[0] as Tensor;
  }

  /** What enters here, symbolically. */
  enter(): Signal {
    return new LayerCall(this, [], [{ dtype: this.dtype, shape: [BATCH, ...this.shape] }]).output;
  }
}

/** Where data of the given shape (of one instance, without the batch axis) enter. */
export function input(shape: StaticShape, options: InputOptions = {}): Signal {
  return new InputLayer(shape, options).enter();
}

/** `kernelInitializer` is Glorot uniform, `biasInitializer` zeros unless given; with a critical kernel, critical too. */
export interface DenseOptions extends LayerOptions, WeightOptions<'kernel'>, WeightOptions<'bias'> {
  /** Applied to the outputs; default linear. */
  readonly activation?: ActivationLike;
  /** Default true. */
  readonly useBias?: boolean;
  /** Penalty on the outputs, averaged over the rows, in the loss; default none. */
  readonly activityRegularizer?: RegularizerLike;
}

/** Checks an activation; a misspelt one is suggested by the initializer that was chosen with it. */
export const isActivation: OptionCheck = (value, all) => {
  const mistake = resolves(resolveActivation)(value, all);
  if (mistake === undefined || typeof value !== 'string') return mistake;
  // The initializer chosen tells what was meant: He belongs to ReLU, LeCun to SELU.
  const chosen = Object.entries(all).find(([key]) => nearestNames(key, ['kernelInitializer']).length > 0)?.[1];
  const initializer = typeof chosen === 'string' ? findName(chosen, initializers) : undefined;
  const suiting =
    initializer !== undefined
      ? Object.entries(activations)
          .filter(([, make]) => make().initializer === initializer)
          .map(([name]) => name)
      : [];
  const near = nearestNames(value, Object.keys(activations));
  if (near.length === 0) return mistake;
  const ranked = [...near].sort((a, b) => Number(suiting.includes(b)) - Number(suiting.includes(a))).slice(0, 4);
  const words = ranked.map((name) => (suiting.includes(name) ? `'${name}' (matches ${String(chosen)})` : `'${name}'`));
  return `unknown activation '${value}'; did you mean ${words.join(' or ')}?`;
};

const denseChecks = {
  units: isCount,
  activation: isActivation,
  useBias: isBoolean,
  activityRegularizer: resolves(resolveRegularizer),
  ...sumChecks('kernel'),
  ...weightChecks('bias'),
};

/** Every output is a weighted sum of all inputs: activation(x·kernel + bias) over the last axis. */
export class Dense extends Layer {
  readonly kind = 'dense';
  override readonly role = 'weights';
  override readonly takes = 1;
  readonly units: number;
  override readonly activation: Activation;
  readonly useBias: boolean;
  readonly kernelSettings: WeightSettings;
  readonly biasSettings: WeightSettings;
  readonly activityRegularizer: Regularizer | undefined;

  constructor(units: number, options: DenseOptions = {}) {
    checkOptions('dense', options, denseChecks, { units: units ?? null });
    super(options);
    this.units = units;
    this.activation = resolveActivation(options.activation ?? 'linear');
    this.useBias = options.useBias ?? true;
    this.kernelSettings = readWeight('kernel', options, 'glorotUniform');
    this.biasSettings = readBias(options, 'kernel');
    this.activityRegularizer = options.activityRegularizer === undefined ? undefined : resolveRegularizer(options.activityRegularizer);
  }

  override get repeatable(): boolean {
    return isFromTable(this.activation);
  }

  get kernelInitializer(): Initializer {
    return this.kernelSettings.initializer;
  }

  get biasInitializer(): Initializer {
    return this.biasSettings.initializer;
  }

  override get scaledByData(): readonly string[] {
    return scaledArrays('kernel', this.kernelSettings);
  }

  config() {
    return {
      units: this.units,
      activation: describeEntry(this.activation),
      useBias: this.useBias,
      ...describeWeight('kernel', this.kernelSettings),
      ...describeWeight('bias', this.biasSettings),
      ...(this.activityRegularizer ? { activityRegularizer: describeEntry(this.activityRegularizer) } : {}),
    };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    const fanIn = x?.shape[x.rank - 1];
    if (!x || x.rank < 2 || typeof fanIn !== 'number') {
      throw new ShapeError('expects an input of at least two axes: the batch, and a last axis of known length. Is a flatten missing?', {
        expected: '[N, features]',
        received: x?.shape,
      });
    }
    const kernel = context.parameter('kernel', { shape: [fanIn, this.units], ...this.kernelSettings });
    const bias = this.useBias ? context.parameter('bias', { shape: [this.units], ...this.biasSettings }) : undefined;
    const output = this.activation.apply(context.preactivation(linear(x, kernel, bias)), context);
    if (this.activityRegularizer) context.addLoss(activityPenalty(this.activityRegularizer, output));
    return output;
  }

  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks[0];
  }
}

/** Applies an activation by name, record or function. */
export class ActivationLayer extends Layer {
  readonly kind = 'activation';
  override readonly role = 'activation';
  override readonly takes = 1;
  override readonly activation: Activation;

  constructor(activation: ActivationLike, options: LayerOptions = {}) {
    checkOptions('activation', options, { activation: isActivation }, { activation });
    super(options);
    this.activation = resolveActivation(activation);
  }

  override get repeatable(): boolean {
    return isFromTable(this.activation);
  }

  config() {
    return { activation: describeEntry(this.activation) };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    return this.activation.apply(context.preactivation(x as Tensor), context);
  }
}
