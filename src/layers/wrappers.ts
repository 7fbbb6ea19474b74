import type { Activation } from '../activations.js';
import { countOf } from '../core/count.js';
import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { type Dim, type StaticShape, showShape } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import { add, and, cast, concat, div, mul, reshape, unsqueeze, where } from '../graph/ops/index.js';
import type { Fans } from '../initializers.js';
import { Layer, type LayerContext, type LayerOptions, type WeightSpec } from '../network/layer.js';
import { checkOptions, type OptionCheck } from './options.js';
import { Recurrent } from './recurrent.js';
import { Gru, Lstm, SimpleRnn } from './recurrent-cells.js';
import { turned } from './recurrent-loop.js';

/** Layers around layers. The arrays of what is inside stand under its place: `forward/kernel`. */

/** A layer inside of another as data. */
export interface DescribedInside {
  readonly kind: string;
  readonly name?: string;
  readonly trainable: boolean;
  readonly config: Readonly<Record<string, unknown>>;
}

function describeInside(layer: Layer): DescribedInside {
  const { kind, name, trainable } = layer;
  return { kind, ...(name === undefined ? {} : { name }), trainable, config: layer.config() };
}

/** A weight that is trained only while the layer is: it may be frozen and thawed at any time. */
function whileTrainable(layer: Layer, spec: WeightSpec): WeightSpec {
  return {
    ...spec,
    get trainable() {
      return layer.trainable && spec.trainable !== false;
    },
  };
}

/** Lets a layer inside of another write its graph; `context` holds the masks of what it is given. */
function callInside(layer: Layer, place: string, given: readonly Tensor[], context: LayerContext): Tensor[] {
  const inputs = layer.keepsIntegers ? given : given.map((tensor) => cast(tensor, context.dtype));
  const trainable = context.trainable && layer.trainable;
  const name = (own: string): string => (place === '' ? own : `${place}/${own}`);
  const outputs = layer.call(inputs, {
    ...context,
    trainable,
    parameter: (own, spec) => context.parameter(name(own), whileTrainable(layer, spec)),
    statistic: (own, spec) => context.statistic(name(own), spec),
    update: (own, next) => {
      if (trainable) context.update(name(own), next);
    },
    carry: (own, next) => context.carry(name(own), next),
  });
  return [outputs].flat() as Tensor[];
}

const isLayer: OptionCheck = (value) =>
  value instanceof Layer
    ? undefined
    : `must be a layer, such as layers.dense(8), got ${show(value)}; layers.input and apply return signals, not layers`;

/**
 * Applies one layer to every step of a sequence [N, time, …] by itself: time becomes part of the batch. A stateful layer inside keeps a state for each step of
 * each row; its `batchSize` is the product of both. Steps that a mask says do not count are left out of the statistics of a batch normalization inside.
 */
export class TimeDistributed extends Layer {
  readonly kind = 'timeDistributed';
  override readonly takes = 1;
  override readonly keepsIntegers: boolean;
  override readonly activation: Activation | undefined;
  readonly layer: Layer;
  /** Rows of every minibatch, known from the first application on, where the layer inside keeps a state. */
  override batchSize: number | undefined = undefined;

  constructor(layer: Layer, options: LayerOptions = {}) {
    checkOptions('timeDistributed', options, { layer: isLayer }, { layer: layer ?? null });
    super(options);
    this.layer = layer;
    this.activation = layer.activation;
    this.keepsIntegers = layer.keepsIntegers;
  }

  override get inside(): readonly Layer[] {
    return [this.layer];
  }

  override get scaledByData(): readonly string[] {
    return this.layer.scaledByData;
  }

  override fans(kernel: StaticShape, weight?: string): Fans {
    return this.layer.fans(kernel, weight);
  }

  override get needsData(): boolean {
    return this.layer.needsData;
  }

  config() {
    return { layer: describeInside(this.layer) };
  }

  call([x]: readonly Tensor[], context: LayerContext): Tensor {
    const source = x as Tensor;
    const [rows, time, ...rest] = source.shape;
    if (source.rank < 3 || rows === undefined || typeof time !== 'number' || rest.some((dim) => typeof dim !== 'number')) {
      throw new ShapeError(
        `applies a layer to every step of [N, time, …], got ${showShape(source.shape)}; for input without steps, use the layer directly`,
        {
          expected: '[N, time, …]',
          received: source.shape,
        },
      );
    }
    const flat = reshape(source, [-1, ...(rest as number[])]);
    const counting = countingSteps(time, context);
    // Penalties are means over rows of what they ask of a row: here sums over its steps.
    const addLoss = (penalty: Tensor): void => context.addLoss(mul(penalty, time));
    const rowsCounting = counting && reshape(counting, [-1]);
    const [y] = callInside(this.layer, '', [flat], { ...context, masks: [undefined], rows: rowsCounting, addLoss }) as [Tensor];
    this.batchSize = rowsKept(this.layer, time);
    return reshape(y, [rows as Dim, time, ...(y.shape.slice(1) as number[])]);
  }

  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks[0];
  }
}

/** Which of `time` steps of each row count, by their mask and by that of the rows: bool [N, time]; undefined where all do. */
function countingSteps(time: number, { masks: [mask], rows }: LayerContext): Tensor | undefined {
  if (!rows) return mask;
  const steps = mask ?? constant(new NdArray(new Uint8Array(time).fill(1), [1, time], 'bool'));
  return and(steps, unsqueeze(rows, [1]));
}

/** Rows of `time` steps for which a layer applied to each step keeps states; undefined where it keeps none. */
function rowsKept({ batchSize, title }: Layer, time: number): number | undefined {
  if (batchSize === undefined || batchSize % time === 0) return batchSize && batchSize / time;
  throw new ShapeError(
    `the inner layer (${title}) sees time × rows rows at once, so its batchSize must be ${time * batchSize} for minibatches of ${countOf(batchSize, 'row')} (${countOf(time, 'step')} each); got ${batchSize}`,
    { argument: 'batchSize', received: batchSize, expected: `a multiple of ${time}` },
  );
}

const modes = ['concat', 'sum', 'ave', 'mul'] as const;
/** How a bidirectional layer combines the outputs of both directions: concatenated or elementwise; null returns both separately. */
export type MergeMode = (typeof modes)[number] | null;

const merges: Readonly<Record<NonNullable<MergeMode>, (a: Tensor, b: Tensor) => Tensor>> = {
  concat: (a, b) => concat([a, b], -1),
  sum: add,
  ave: (a, b) => div(add(a, b), 2),
  mul,
};

export interface BidirectionalOptions extends LayerOptions {
  /** Default `concat`. */
  readonly mergeMode?: MergeMode;
  /** Layer that runs backwards; default one with the options of the first and its own weights. */
  readonly backwardLayer?: Recurrent;
}

const isRecurrent: OptionCheck = (value) =>
  value instanceof Recurrent
    ? undefined
    : `must be a recurrent layer, such as layers.lstm(32), got ${value instanceof Layer ? `layers.${value.kind}` : show(value)}`;
const isMode: OptionCheck = (value) =>
  value === null || modes.some((mode) => mode === value)
    ? undefined
    : `must be ${modes.map((mode) => `'${mode}'`).join(', ')} or null, got ${show(value)}`;

/**
 * A recurrent layer walking forwards and another walking backwards, joined; Schuster and Paliwal, 1997. Sequences come in the order of the input, or, as in Keras,
 * against it where the first layer goes backwards, and their mask with them; with zeros at steps that a mask says do not count, as what each direction gave before would not be the same step's.
 */
export class Bidirectional extends Layer {
  readonly kind = 'bidirectional';
  override readonly activation: Activation;
  override readonly batchSize: number | undefined;
  readonly layer: Recurrent;
  readonly backwardLayer: Recurrent;
  readonly mergeMode: MergeMode;

  constructor(layer: Recurrent, options: BidirectionalOptions = {}) {
    checkOptions('bidirectional', options, { layer: isRecurrent, backwardLayer: isRecurrent, mergeMode: isMode }, { layer: layer ?? null });
    super(options);
    this.layer = layer;
    this.activation = layer.activation;
    this.batchSize = layer.batchSize;
    this.backwardLayer = options.backwardLayer ?? reversed(layer);
    this.mergeMode = options.mergeMode === undefined ? 'concat' : options.mergeMode;
    this.#checkPair();
  }

  override get inside(): readonly Layer[] {
    return [this.layer, this.backwardLayer];
  }

  config() {
    return { layer: describeInside(this.layer), backwardLayer: describeInside(this.backwardLayer), mergeMode: this.mergeMode };
  }

  call([x, ...given]: readonly Tensor[], context: LayerContext): Tensor | readonly Tensor[] {
    const { layer, backwardLayer, mergeMode } = this;
    const half = given.length / 2;
    if (!Number.isInteger(half)) {
      throw new ShapeError(`takes a sequence and the initial states of both directions, got ${countOf(given.length, 'state')}`, {
        expected: layer.stateSize + backwardLayer.stateSize,
        received: given.length,
      });
    }
    const masks = context.masks.slice(0, 1);
    const within = { ...context, masks, paired: true };
    const [ahead, ...aheadState] = callInside(layer, 'forward', [x as Tensor, ...given.slice(0, half)], within) as [Tensor, ...Tensor[]];
    const [back, ...backState] = callInside(backwardLayer, 'backward', [x as Tensor, ...given.slice(half)], within) as [Tensor, ...Tensor[]];
    const straight = layer.returnSequences ? turned(back) : back;
    const joined = mergeMode === null ? [ahead, straight] : [merges[mergeMode](ahead, straight)];
    const mask = this.#counting(masks[0]);
    const outputs = mask && layer.returnSequences ? joined.map((y) => where(unsqueeze(mask, [2]), y, 0)) : joined;
    const all = [...outputs, ...aheadState, ...backState];
    return all.length === 1 ? (all[0] as Tensor) : all;
  }

  override mask(_: readonly Tensor[], [entering]: readonly (Tensor | undefined)[]): readonly (Tensor | undefined)[] {
    if (!this.layer.returnSequences) return [];
    const mask = this.#counting(entering);
    return this.mergeMode === null ? [mask, mask] : [mask];
  }

  /** The mask in the order of what comes out. */
  #counting(mask: Tensor | undefined): Tensor | undefined {
    return mask && this.layer.goBackwards ? turned(mask) : mask;
  }

  #checkPair(): void {
    const { layer, backwardLayer } = this;
    for (const key of ['returnSequences', 'returnState', 'batchSize'] as const) {
      if (layer[key] === backwardLayer[key]) continue;
      throw new ArgumentError(`bidirectional: both layers need the same ${key}, got ${show(layer[key])} and ${show(backwardLayer[key])}`, {
        layer: 'bidirectional',
        argument: 'backwardLayer',
        expected: layer[key],
        received: backwardLayer[key],
      });
    }
    if (layer.goBackwards === backwardLayer.goBackwards) {
      throw new ArgumentError(
        `bidirectional: one layer must run forwards and the other backwards, but both have goBackwards ${show(layer.goBackwards)}`,
        {
          layer: 'bidirectional',
          argument: 'backwardLayer',
        },
      );
    }
  }
}

const cells = { simpleRnn: SimpleRnn, lstm: Lstm, gru: Gru };

/** A layer of the same options that walks the other way. */
function reversed(layer: Recurrent): Recurrent {
  const Cell = Object.entries(cells).find(([kind, type]) => kind === layer.kind && layer.constructor === type)?.[1];
  if (!Cell) {
    throw new ArgumentError(`bidirectional: '${layer.kind}' is a custom layer; pass the one that runs backwards as backwardLayer`, {
      layer: 'bidirectional',
      argument: 'backwardLayer',
    });
  }
  return new Cell(layer.units, { ...layer.options, goBackwards: !layer.goBackwards });
}
