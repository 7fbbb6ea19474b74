import { type Activation, type ActivationLike, resolveActivation } from '../activations.js';
import { describeEntry } from '../core/catalogue.js';
import { countOf } from '../core/count.js';
import { ShapeError, show } from '../core/errors.js';
import { showShape } from '../core/shape.js';
import { scalar, type Tensor } from '../graph/node.js';
import { expandLike, gather, greaterOrEqual, indicator, linear, mul, reshape, transpose, unsqueeze } from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { isActivation } from './core.js';
import { checkOptions, isBoolean, isCount, isNumber, type OptionCheck, type OptionChecks } from './options.js';
import { type StepOfCell, turned, walk, zeroState } from './recurrent-loop.js';
import { describeWeight, readWeight, type WeightOptions, type WeightSettings, weightChecks } from './weight-options.js';

/**
 * Options of all recurrent layers. `kernelInitializer` is Glorot uniform, `recurrentInitializer` orthogonal, `biasInitializer` zeros unless given.
 */
export interface RecurrentOptions extends LayerOptions, WeightOptions<'kernel'>, WeightOptions<'recurrent'>, WeightOptions<'bias'> {
  /** Activation of the new state; default tanh. */
  readonly activation?: ActivationLike;
  /** Default true. */
  readonly useBias?: boolean;
  /** Return the outputs of all steps, [N, time, units], instead of only the last, [N, units]; default false. */
  readonly returnSequences?: boolean;
  /** Return the state after the last step as additional outputs of `applyAll`; default false. */
  readonly returnState?: boolean;
  /** Process the sequence from the last step to the first; output sequences and their mask have that order. Default false. */
  readonly goBackwards?: boolean;
  /** Start each row of a minibatch with the final state of the same row of the previous minibatch (`model.resetStates()` sets zeros); default false. Do not shuffle. */
  readonly stateful?: boolean;
  /** Rows of every minibatch; required if the layer is `stateful`. */
  readonly batchSize?: number;
  /** Share of the inputs dropped during training, with the same mask at all steps of a row (Gal and Ghahramani 2016); default 0. */
  readonly dropout?: number;
  /** The same for the recurrent state; default 0. */
  readonly recurrentDropout?: number;
  /** Output zeros for masked steps, instead of the previous output; default false. In `bidirectional`, as in Keras, it applies to sequences only. */
  readonly zeroOutputForMask?: boolean;
  /** Truncated backpropagation: the gradient is cut every `truncate` steps, counted from the last. Default: not truncated. */
  readonly truncate?: number;
}

const isUnits: OptionCheck = (value) =>
  Number.isInteger(value) && (value as number) >= 1
    ? undefined
    : `must be a whole number ≥ 1, the size of the state and of the output, got ${show(value)}`;
const isRate = isNumber(0, 1, 'high');
const isStateful: OptionCheck = (value, { batchSize }) =>
  isBoolean(value) ?? (value && batchSize === undefined ? 'keeps a state for each row of a minibatch: pass batchSize too, such as 32' : undefined);

const checks: OptionChecks = {
  units: isUnits,
  activation: isActivation,
  useBias: isBoolean,
  returnSequences: isBoolean,
  returnState: isBoolean,
  goBackwards: isBoolean,
  stateful: isStateful,
  batchSize: isCount,
  dropout: isRate,
  recurrentDropout: isRate,
  zeroOutputForMask: isBoolean,
  truncate: isCount,
  ...weightChecks('kernel', 'recurrent', 'bias'),
};

/** Arrays of a cell, as its layer asks for them. */
export interface CellWeights {
  /** [features, gates · units]. */
  readonly kernel: Tensor;
  /** [units, gates · units]. */
  readonly recurrent: Tensor;
  readonly bias: Tensor | undefined;
}

/** Base of layers that carry a state along the second axis of their input [N, time, features]. */
export abstract class Recurrent extends Layer {
  abstract override readonly kind: string;
  readonly units: number;
  /** As they were given. */
  readonly options: RecurrentOptions;
  override readonly activation: Activation;
  readonly useBias: boolean;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
  override readonly batchSize: number | undefined;
  readonly dropout: number;
  readonly recurrentDropout: number;
  readonly zeroOutputForMask: boolean;
  readonly truncate: number | undefined;
  readonly kernelSettings: WeightSettings;
  readonly recurrentSettings: WeightSettings;
  readonly biasSettings: WeightSettings;

  constructor(kind: string, units: number, options: RecurrentOptions, more: OptionChecks = {}) {
    checkOptions(kind, options, { ...checks, ...more }, { units: units ?? null });
    super(options);
    this.units = units;
    this.options = options;
    this.activation = resolveActivation(options.activation ?? 'tanh');
    this.useBias = options.useBias ?? true;
    this.returnSequences = options.returnSequences ?? false;
    this.returnState = options.returnState ?? false;
    this.goBackwards = options.goBackwards ?? false;
    this.stateful = options.stateful ?? false;
    this.batchSize = this.stateful ? options.batchSize : undefined;
    this.dropout = options.dropout ?? 0;
    this.recurrentDropout = options.recurrentDropout ?? 0;
    this.zeroOutputForMask = options.zeroOutputForMask ?? false;
    this.truncate = options.truncate;
    this.kernelSettings = readWeight('kernel', options, 'glorotUniform');
    this.recurrentSettings = readWeight('recurrent', options, 'orthogonal');
    this.biasSettings = readWeight('bias', options, 'zeros');
  }

  /** Blocks of `units` columns in the kernels. */
  protected abstract readonly gates: number;
  /** Parts of the state. */
  abstract readonly stateSize: number;
  /** The bias as the layer keeps it. */
  protected abstract biasOf(context: LayerContext): Tensor;
  /** What is added to the inputs' products at all steps at once. */
  protected inputBias(bias: Tensor | undefined): Tensor | undefined {
    return bias;
  }
  /** One step: the inputs' products [N, gates · units] and the state become the new state. `drop` takes from what returns. */
  protected abstract step(
    item: Tensor,
    state: readonly Tensor[],
    weights: CellWeights,
    context: LayerContext,
    drop: (h: Tensor) => Tensor,
  ): StepOfCell;

  config(): Readonly<Record<string, unknown>> {
    return {
      units: this.units,
      activation: describeEntry(this.activation),
      useBias: this.useBias,
      returnSequences: this.returnSequences,
      returnState: this.returnState,
      goBackwards: this.goBackwards,
      stateful: this.stateful,
      ...(this.batchSize === undefined ? {} : { batchSize: this.batchSize }),
      dropout: this.dropout,
      recurrentDropout: this.recurrentDropout,
      zeroOutputForMask: this.zeroOutputForMask,
      ...(this.truncate === undefined ? {} : { truncate: this.truncate }),
      ...describeWeight('kernel', this.kernelSettings),
      ...describeWeight('recurrent', this.recurrentSettings),
      ...describeWeight('bias', this.biasSettings),
    };
  }

  call([x, ...given]: readonly Tensor[], context: LayerContext): Tensor | readonly Tensor[] {
    const features = this.#check(x as Tensor, given);
    const { units, gates } = this;
    const kernel = context.parameter('kernel', { shape: [features, gates * units], ...this.kernelSettings });
    const recurrent = context.parameter('recurrentKernel', { shape: [units, gates * units], ...this.recurrentSettings });
    const bias = this.useBias ? this.biasOf(context) : undefined;
    const weights = { kernel, recurrent, bias };
    const steps = transpose(this.#dropped(x as Tensor, this.dropout, context), [1, 0, 2]);
    // One product for all steps, outside of the loop.
    const items = linear(steps, kernel, this.inputBias(bias));
    const zeros = zeroState(items, units);
    const kept = this.stateful && given.length === 0;
    const initial = given.length > 0 ? given : kept ? this.#kept(zeros, context) : new Array<Tensor>(this.stateSize).fill(zeros);
    const rate = context.training ? this.recurrentDropout : 0;
    const survivors = rate > 0 ? dropMask(zeros, rate, context) : undefined;
    const drop = (h: Tensor): Tensor => (survivors ? mul(h, survivors) : h);
    const walked = walk(
      {
        items,
        initial,
        silence: initial[0] === zeros ? undefined : zeros,
        mask: context.masks[0],
        goBackwards: this.goBackwards,
        zeroOutputForMask: this.zeroOutputForMask && (this.returnSequences || context.paired !== true),
        truncate: this.truncate,
        step: (item, state) => this.step(item, state, weights, context, drop),
      },
      context,
    );
    if (this.stateful) this.#keep(walked.state, context);
    const output = this.returnSequences ? transpose(walked.outputs, [1, 0, 2]) : walked.last;
    return this.returnState ? [output, ...walked.state] : output;
  }

  /** Sequences that come out in the other order have their mask so too; Keras passes it on as it is, and a pooling behind counts padding. */
  override mask(_: readonly Tensor[], [mask]: readonly (Tensor | undefined)[]): Tensor | undefined {
    if (!this.returnSequences || !mask) return undefined;
    return this.goBackwards ? turned(mask) : mask;
  }

  /** @returns the number of features. */
  #check(x: Tensor, given: readonly Tensor[]): number {
    const [, time, features] = x.shape;
    if (x.rank !== 3 || typeof time !== 'number' || typeof features !== 'number') {
      const hint = x.rank === 2 ? 'For a single feature add an axis: layers.reshape([time, 1]); for words use layers.embedding' : '';
      const many = x.rank > 3 ? 'Is a layers.timeDistributed(layers.flatten()) missing before it?' : hint;
      throw new ShapeError(`expects sequences [N, time, features], got ${showShape(x.shape)}. ${many}`.trim(), {
        expected: '[N, time, features]',
        received: x.shape,
      });
    }
    if (given.length !== 0 && given.length !== this.stateSize) {
      throw new ShapeError(`takes a sequence and ${countOf(this.stateSize, 'more input')} for the initial state, got ${given.length} more`, {
        expected: this.stateSize,
        received: given.length,
      });
    }
    const wrong = given.find(({ shape }) => shape.length !== 2 || shape[1] !== this.units);
    if (wrong) {
      throw new ShapeError(
        `the initial state must have shape [N, ${this.units}], got ${showShape(wrong.shape)}. Does it come from a layer with another number of units?`,
        {
          expected: ['N', this.units],
          received: wrong.shape,
        },
      );
    }
    return features;
  }

  /** Inputs of which a share falls, the same features at all steps of a row. */
  #dropped(x: Tensor, rate: number, context: LayerContext): Tensor {
    if (!context.training || rate === 0) return x;
    return mul(x, unsqueeze(dropMask(gather(x, scalar(0, 'int64'), 1), rate, context), [1]));
  }

  /** The state that the minibatch before ended in. */
  #kept(zeros: Tensor, context: LayerContext): Tensor[] {
    const { batchSize = 1, units } = this;
    return Array.from({ length: this.stateSize }, (_, i) => {
      const value = context.statistic(stateName(i), { shape: [batchSize, units], initializer: 'zeros' });
      return expandLike(value, zeros);
    });
  }

  #keep(state: readonly Tensor[], context: LayerContext): void {
    const { batchSize = 1, units } = this;
    state.forEach((part, i) => {
      context.statistic(stateName(i), { shape: [batchSize, units], initializer: 'zeros' });
      context.carry(stateName(i), reshape(part, [batchSize, units]));
    });
  }
}

/** Arrays in which a stateful layer keeps its state. */
const STATE = 'state';
const stateName = (i: number): string => `${STATE}${i}`;

/** Whether an array of a layer is the state that it keeps between minibatches. */
export function isKeptState(layer: Layer, weight: string): boolean {
  return layer.batchSize !== undefined && /(^|[/_])state\d+$/.test(weight);
}

/** 1/(1 − rate) where an element stays, 0 where it falls. */
function dropMask(like: Tensor, rate: number, context: LayerContext): Tensor {
  return mul(indicator(greaterOrEqual(context.uniform(like, 0, 1), rate), like.dtype), 1 / (1 - rate));
}
