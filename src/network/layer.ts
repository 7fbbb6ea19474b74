import type { Activation, ActivationContext } from '../activations.js';
import type { Constraint } from '../constraints.js';
import { countOf } from '../core/count.js';
import type { DType, FloatDType } from '../core/dtype.js';
import { ArgumentError, EvenkeelError, ShapeError, show } from '../core/errors.js';
import { type Dim, type StaticShape, sameShape, showShape, sizeOf } from '../core/shape.js';
import { input, type Tap, Tensor } from '../graph/node.js';
import { add, cast, mul, records } from '../graph/ops/index.js';
import { computeFans, type Fans, type InitializerLike } from '../initializers.js';
import type { Regularizer } from '../regularizers.js';
import type { Role } from '../vitals/facts.js';

/** Name of the batch axis in every symbolic shape. */
export const BATCH = 'N';

/** An array that a layer keeps. */
export interface WeightSpec {
  readonly shape: StaticShape;
  readonly initializer: InitializerLike;
  /** False for statistics that the data set, not the gradient. Default true. */
  readonly trainable?: boolean;
  /** A penalty added to the loss while the array is trained; default none. */
  readonly regularizer?: Regularizer | undefined;
  /** A constraint applied after each update; default none. */
  readonly constraint?: Constraint | undefined;
  /** Whether its sums go through no activation, though the layer has one; default false. */
  readonly straight?: boolean;
}

/** What a layer can use while it builds its part of the graph. */
export interface LayerContext extends ActivationContext {
  /** Name of the layer, for error messages. */
  readonly layer: string;
  readonly dtype: FloatDType;
  /** Whether anything changes its arrays: false where it is frozen, or the layer around it. Frozen layers draw random numbers all the same, as in Keras. */
  readonly trainable: boolean;
  /** The layer's learned array of that name; created with the given shape and initializer when the layer is first applied. */
  parameter(name: string, spec: WeightSpec): Tensor;
  /** An array that training updates by `update`, not by gradients: a running mean. */
  statistic(name: string, spec: WeightSpec): Tensor;
  /** Declares `z` as the layer's pre-activation. @returns the tensor to pass to the activation. */
  preactivation(z: Tensor): Tensor;
  /** Sets the value of a statistic after this step. Ignored outside training. */
  update(name: string, next: Tensor): void;
  /** Sets the value of a statistic after this minibatch, in training or not: the state of a recurrent layer. */
  carry(name: string, next: Tensor): void;
  /** For each input, its mask of valid steps: bool [N, time]; undefined if all are valid. */
  readonly masks: readonly (Tensor | undefined)[];
  /** Which rows of the inputs count, where a layer around this one made them of steps behind a mask: bool [rows]; undefined where all do. */
  readonly rows: Tensor | undefined;
  /** Whether the layer is one of two directions of another: zeros at steps that do not count are then a matter of sequences alone. */
  readonly paired?: boolean;
  /** Whether someone measures signals: a layer's own loop then stacks the sums that its activation receives, and tells of them by `looped`. */
  readonly observed: boolean;
  /** Says that `z` [time, N, units] is what the activation inside the layer's own loop receives; `tap` is one step's in the loop's body. */
  looped(z: Tensor, tap: Tap): void;
  /** Keeps denormal numbers out of a signal that a loop carries and of its delta, on engines that do not flush them. */
  guard(x: Tensor): Tensor;
  /** Adds a scalar to the loss, such as a penalty on the layer's output, as a mean over its rows. */
  addLoss(penalty: Tensor): void;
}

/** Common to every layer: `name` for the summary and errors (default derived from the kind), `trainable` (default true). */
export interface LayerOptions {
  readonly name?: string;
  readonly trainable?: boolean;
}

/** What a name of a graph's tensor cannot hold. */
const UNWRITABLE = /\0|\p{Surrogate}/u;

/**
 * A layer: a function from tensors to tensors with its own arrays. A subclass defines `kind`, `config` and `call`; shapes of outputs and weights follow
 * from `call` itself. If applied several times, it shares its weights.
 */
export abstract class Layer {
  /** Kind of the layer; names are derived from it: `dense_1`. */
  abstract readonly kind: string;
  readonly role: Role = 'other';
  /** Activation applied to its output; absent if none. */
  readonly activation: Activation | undefined = undefined;
  #trainable: boolean;
  /** Trainings under way that count on `trainable` as it is. */
  #trainings = 0;
  /** Set by the user, or assigned when the layer joins a model. */
  name: string | undefined;
  /** Whether integer inputs are passed to `call` unchanged; otherwise they are converted to floats. */
  readonly keepsIntegers: boolean = false;
  /** Whether the layer's kind, config and weights say all about it, so that a row of equal ones may become a loop. */
  get repeatable(): boolean {
    return false;
  }

  /** Whether the layer drew random numbers, kept statistics or added to the loss when it was traced. */
  hasSideEffects = false;

  /** Whether the layer added to the loss when it was traced. */
  addsLoss = false;

  /** Number of inputs; any number unless set. */
  readonly takes: number | undefined = undefined;
  /** Rows that every minibatch must have, because the layer keeps a state for each; any number unless set. */
  readonly batchSize: number | undefined = undefined;
  /** Inner layers, whose weights it owns; none unless set. */
  get inside(): readonly Layer[] {
    return [];
  }
  /** Weights, known from the first application on. */
  readonly weights = new Map<string, WeightSpec>();

  constructor({ name, trainable = true }: LayerOptions = {}) {
    if (name !== undefined && UNWRITABLE.test(name)) {
      throw new ArgumentError(`a layer's name cannot hold NUL or half of a surrogate pair, which graphs and files do not keep; got ${show(name)}`, {
        argument: 'name',
        received: name,
      });
    }
    this.name = name;
    this.#trainable = trainable;
  }

  /**
   * Whether gradients and statistics change the layer's weights; false also means inference mode for batch normalization, and for no other layer.
   * @throws EvenkeelError if it is set to something else while a model with the layer trains.
   */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    if (value !== this.#trainable && this.#trainings > 0) {
      throw new EvenkeelError(
        `${this.title}: trainable was set to ${value} while a model with this layer is training. What a fit trains is fixed when it begins; set trainable before or after fit`,
        { layer: this.title, received: value },
      );
    }
    this.#trainable = value;
  }

  /** Work during which `trainable` of these layers, and of those inside of them, stays as it is. */
  static async settled<T>(layers: readonly Layer[], work: () => Promise<T>): Promise<T> {
    const count = (layer: Layer, more: number): void => {
      layer.#trainings += more;
      for (const one of layer.inside) count(one, more);
    };
    for (const layer of layers) count(layer, 1);
    try {
      return await work();
    } finally {
      for (const layer of layers) count(layer, -1);
    }
  }

  /** Everything needed to recreate the layer; stored in a saved model. */
  abstract config(): Readonly<Record<string, unknown>>;

  /**
   * Builds the layer's operators. The first axis of every tensor is the batch. A layer may return several outputs; `apply` returns the first. @throws ShapeError if the inputs do not fit.
   */
  abstract call(inputs: readonly Tensor[], context: LayerContext): Tensor | readonly Tensor[];

  /**
   * Which steps of its first output count, from what is known of its inputs: bool [N, time], undefined where all do; a list tells of all outputs. Elementwise
   * layers pass on the mask of their input; others drop it unless they say otherwise.
   */
  mask(_inputs: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | readonly (Tensor | undefined)[] | undefined {
    return passing.has(this.role) ? masks[0] : undefined;
  }

  /** Units that feed one unit, and units that one unit feeds, by a kernel of this shape. `_weight` names it, where the layer has several. */
  fans(kernel: StaticShape, _weight = 'kernel'): Fans {
    return computeFans(kernel);
  }

  /** Names of the arrays that the first fit divides alike, so that the layer's sums, which are linear in them, get variance 1; none unless set. */
  get scaledByData(): readonly string[] {
    return [];
  }

  /** Whether something that the layer keeps comes from the data of the first fit. */
  get needsData(): boolean {
    return this.scaledByData.length > 0;
  }

  /** Name of the layer in errors and messages. */
  get title(): string {
    return this.name ?? this.kind;
  }

  /** Applies the layer. @returns the symbolic output. @throws ShapeError naming the layer, what it expects and what it received. */
  apply(input: Signal | readonly Signal[]): Signal {
    return this.#called(input).output;
  }

  /** Applies a layer with several outputs, such as one with `returnState`. @returns all of them. @throws ShapeError as `apply`. */
  applyAll(input: Signal | readonly Signal[]): readonly Signal[] {
    return this.#called(input).outputs;
  }

  #called(input: Signal | readonly Signal[]): LayerCall {
    const inputs = input instanceof Signal ? [input] : input;
    if (!Array.isArray(inputs) || inputs.length === 0 || !inputs.every((one) => one instanceof Signal)) {
      throw new ArgumentError(
        `${this.title}: apply takes the output of layers.input or of another apply, or a list of such outputs; got ${show(input)}`,
        {
          layer: this.title,
          argument: 'input',
          received: input,
        },
      );
    }
    if (this.takes !== undefined && inputs.length !== this.takes) {
      const count = countOf(this.takes, 'input');
      throw new ArgumentError(`${this.title} takes ${count}, got ${inputs.length}; to merge several, use layers.add or layers.concatenate`, {
        layer: this.title,
        argument: 'input',
        received: inputs.length,
        expected: this.takes,
      });
    }
    return new LayerCall(this, inputs);
  }
}

/** Roles of layers that change each number by itself, or its size: a step that does not count stays one. */
const passing: ReadonlySet<Role> = new Set<Role>(['activation', 'normalization', 'noise']);

/** Dtype and shape of what a call gives, and the mask that goes with it: an earlier signal's, or one of its own. */
interface SignalType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
  readonly mask?: Signal | 'own' | undefined;
}

/** Blocks that stand in a row because the user asked for them together. */
export interface Row {
  /** Whether the backward pass computes again what is inside the blocks, from the inputs of about the square root of their number. */
  readonly remat: boolean;
}

/** One use of a layer: a shared layer has several. */
export class LayerCall {
  /** The row whose block number `index` it belongs to. */
  block: { readonly row: Row; readonly index: number } | undefined;
  readonly layer: Layer;
  readonly inputs: readonly Signal[];
  readonly outputs: readonly Signal[];

  constructor(layer: Layer, inputs: readonly Signal[], types: readonly SignalType[] = traceTypes(layer, inputs)) {
    this.layer = layer;
    this.inputs = inputs;
    this.outputs = types.map((type, i) => new Signal(this, type, i));
  }

  /** The first output; the only one of most layers. */
  get output(): Signal {
    return this.outputs[0] as Signal;
  }
}

/** The symbolic output of a layer call, from which functional models are built. */
export class Signal {
  readonly call: LayerCall;
  readonly dtype: DType;
  /** With the batch axis, `'N'`, first. */
  readonly shape: readonly Dim[];
  /** The signal whose mask travels with it: the one that brought it, which layers between passed on; undefined where every step counts. */
  readonly maskOf: Signal | undefined;
  /** Which of the call's outputs it is. */
  readonly index: number;

  constructor(call: LayerCall, { dtype, shape, mask }: SignalType, index = 0) {
    this.call = call;
    this.dtype = dtype;
    this.shape = shape;
    this.maskOf = mask === 'own' ? this : mask;
    this.index = index;
  }

  /** Whether some of its steps may not count. */
  get masked(): boolean {
    return this.maskOf !== undefined;
  }
}

/** What surrounds a layer while it writes its graph. */
export interface CallEnvironment {
  readonly training: boolean;
  readonly dtype: FloatDType;
  weight(layer: Layer, name: string, spec: WeightSpec): Tensor;
  update(layer: Layer, name: string, next: Tensor): void;
  /** Takes a scalar that the loss is to include. */
  addLoss?(penalty: Tensor): void;
  /** Sees what an activation is about to receive, and may change it. */
  preactivation?(z: Tensor): Tensor;
  /** Uniform numbers in [0, 1) in the shape of a tensor, for the `use`-th request of this call. */
  uniform(like: Tensor, use: number): Tensor;
  /** Masks of the inputs; none unless given. */
  readonly masks?: readonly (Tensor | undefined)[];
  /** Takes what a loop inside the layer lets be seen, where someone looks. */
  looped?(z: Tensor, tap: Tap): void;
  /** Keeps denormal numbers out. */
  guard?(x: Tensor): Tensor;
}

/** What a layer call gives. */
export interface CallResult {
  readonly outputs: readonly Tensor[];
  /** Which steps of each output count; undefined, or missing, where all do. */
  readonly masks: readonly (Tensor | undefined)[];
}

/** Lets a layer write its graph. Integer inputs become floats unless the layer keeps them. @throws ShapeError naming the layer. */
export function callLayer(layer: Layer, given: readonly Tensor[], environment: CallEnvironment): CallResult {
  const { dtype, training } = environment;
  const inputs = layer.keepsIntegers ? given : given.map((tensor) => cast(tensor, dtype));
  const masks = environment.masks ?? given.map(() => undefined);
  let uses = 0;
  const weight = (name: string, spec: WeightSpec): Tensor => {
    const known = layer.weights.get(name);
    if (known && !sameShape(known.shape, spec.shape)) {
      throw new ShapeError(
        `the layer is shared, and its ${name} has shape ${showShape(known.shape)}; this input would need ${showShape(spec.shape)}`,
      );
    }
    sizeOf(spec.shape);
    if (!known) layer.weights.set(name, spec);
    return environment.weight(layer, name, known ?? spec);
  };
  const context: LayerContext = {
    layer: layer.title,
    training,
    dtype,
    trainable: layer.trainable,
    parameter: weight,
    statistic: (name, spec) => weight(name, { ...spec, trainable: false }),
    preactivation: (z) => environment.preactivation?.(z) ?? z,
    update: (name, next) => {
      layer.hasSideEffects = true;
      if (training && layer.trainable) environment.update(layer, name, next);
    },
    carry: (name, next) => {
      layer.hasSideEffects = true;
      environment.update(layer, name, next);
    },
    masks,
    rows: undefined,
    observed: environment.looped !== undefined,
    looped: (z, tap) => environment.looped?.(z, tap),
    guard: (x) => environment.guard?.(x) ?? x,
    addLoss: (penalty) => {
      layer.hasSideEffects = true;
      layer.addsLoss = true;
      environment.addLoss?.(penalty);
    },
    uniform: (like, min, max) => {
      layer.hasSideEffects = true;
      const unit = environment.uniform(like, uses++);
      return min === 0 && max === 1 ? unit : add(mul(unit, max - min), min);
    },
  };
  try {
    const made: unknown = layer.call(inputs, context);
    const outputs = Array.isArray(made) ? made : [made];
    if (outputs.length > 0 && outputs.every((one) => one instanceof Tensor)) return { outputs, masks: [layer.mask(inputs, masks)].flat() };
    throw new ArgumentError(`${layer.title}: call must return a tensor, got ${show(made)}`, { layer: layer.title, received: made });
  } catch (error) {
    if (!(error instanceof ShapeError) || error.details.layer !== undefined) throw error;
    const received = given.map((tensor) => showShape(tensor.shape)).join(' and ');
    throw new ShapeError(`${layer.title}: ${error.message} (its input is ${received})`, { ...error.details, layer: layer.title }, { cause: error });
  }
}

/** Types of a call's outputs, found by writing its graph once; the layer's weights become known on the way. */
function traceTypes(layer: Layer, inputs: readonly Signal[]): SignalType[] {
  const tensors = inputs.map((signal, i) => input(`input_${i}`, signal.shape, signal.dtype));
  const masks = inputs.map(({ masked, shape }, i) => (masked ? input(`mask_${i}`, shape.slice(0, 2), 'bool') : undefined));
  const found = callLayer(layer, tensors, {
    training: true,
    dtype: 'float32',
    weight: (_, name, spec) => input(name, spec.shape),
    update: () => {},
    uniform: (like) => like,
    masks,
  });
  const origins = new Map(masks.flatMap((tensor, i) => (tensor ? [[tensor, inputs[i]?.maskOf as Signal] as const] : [])));
  return found.outputs.map(({ dtype, shape }, i) => {
    const mask = found.masks[i];
    return { dtype, shape, mask: mask && (originOf(mask, origins) ?? 'own') };
  });
}

/** The signal whose mask this is as it was; joining a mask with itself changes nothing. */
function originOf(mask: Tensor, known: ReadonlyMap<Tensor, Signal>): Signal | undefined {
  const { record, inputs } = mask.node;
  if (record !== records.And && record !== records.Or) return known.get(mask);
  const [first, ...rest] = inputs.map((joined) => originOf(joined, known));
  return rest.every((other) => other === first) ? first : undefined;
}
