import { type Activation, type ActivationLike, resolveActivation } from '../activations.js';
import { describeEntry } from '../core/catalogue.js';
import { sizeOf } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { scalar } from '../graph/node.js';
import { add, concat, gather, gemm, linear, mul, slice, split, sub } from '../graph/ops/index.js';
import type { Initializer } from '../initializers.js';
import type { LayerContext } from '../network/layer.js';
import { isActivation } from './core.js';
import { isBoolean } from './options.js';
import { type CellWeights, Recurrent, type RecurrentOptions } from './recurrent.js';
import type { StepOfCell } from './recurrent-loop.js';

/** A layer whose state is what it gives: h ← activation(x·kernel + h·recurrentKernel + bias); Elman, "Finding structure in time", 1990. */
export class SimpleRnn extends Recurrent {
  readonly kind = 'simpleRnn';
  protected readonly gates = 1;
  readonly stateSize = 1;

  constructor(units: number, options: RecurrentOptions = {}) {
    super('simpleRnn', units, options);
  }

  protected biasOf(context: LayerContext): Tensor {
    return context.parameter('bias', { shape: [this.units], ...this.biasSettings });
  }

  protected step(item: Tensor, [h]: readonly Tensor[], { recurrent }: CellWeights, context: LayerContext, drop: (h: Tensor) => Tensor): StepOfCell {
    const sums = gemm(drop(h as Tensor), recurrent, item);
    return { state: [this.activation.apply(sums, context)], sums };
  }
}

/** Options of layers with gates. */
export interface GatedOptions extends RecurrentOptions {
  /** Activation of the gates; default sigmoid. */
  readonly recurrentActivation?: ActivationLike;
}

/** A recurrent layer whose gates have an activation of their own. */
abstract class Gated extends Recurrent {
  readonly recurrentActivation: Activation;

  constructor(kind: string, units: number, options: GatedOptions, flag: string) {
    super(kind, units, options, { recurrentActivation: isActivation, [flag]: isBoolean });
    this.recurrentActivation = resolveActivation(options.recurrentActivation ?? 'sigmoid');
  }

  override config(): Readonly<Record<string, unknown>> {
    return { ...super.config(), recurrentActivation: describeEntry(this.recurrentActivation) };
  }
}

export interface LstmOptions extends GatedOptions {
  /** Initialize the forget gate's bias with 1, so that the state is kept at first (Jozefowicz et al. 2015); default true. */
  readonly unitForgetBias?: boolean;
}

/**
 * Long short-term memory; Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000. Columns of the kernels: input gate,
 * forget gate, candidate, output gate. Its state is h, which it gives, and the cell c ← f·c + i·candidate, along which gradients travel.
 */
export class Lstm extends Gated {
  readonly kind = 'lstm';
  protected readonly gates = 4;
  readonly stateSize = 2;
  readonly unitForgetBias: boolean;

  constructor(units: number, options: LstmOptions = {}) {
    super('lstm', units, options, 'unitForgetBias');
    this.unitForgetBias = options.unitForgetBias ?? true;
  }

  override config() {
    return { ...super.config(), unitForgetBias: this.unitForgetBias };
  }

  protected biasOf(context: LayerContext): Tensor {
    const { units, biasSettings } = this;
    const initializer = this.unitForgetBias ? withOnes(biasSettings.initializer, units) : biasSettings.initializer;
    return context.parameter('bias', { shape: [4 * units], ...biasSettings, initializer });
  }

  protected step(
    item: Tensor,
    [h, c]: readonly Tensor[],
    { recurrent }: CellWeights,
    context: LayerContext,
    drop: (h: Tensor) => Tensor,
  ): StepOfCell {
    const { units } = this;
    const gate = (z: Tensor | undefined): Tensor => this.recurrentActivation.apply(z as Tensor, context);
    const [i, f, sums, o] = split(gemm(drop(h as Tensor), recurrent, item), { axis: 1, lengths: [units, units, units, units] });
    const candidate = this.activation.apply(sums as Tensor, context);
    const cell = add(mul(gate(f), c as Tensor), mul(gate(i), candidate));
    return { state: [mul(gate(o), this.activation.apply(cell, context)), cell], sums: sums as Tensor };
  }
}

/** Ones for the second of four blocks, the initializer's own draws for the others. */
function withOnes(initializer: Initializer, units: number): Initializer {
  return {
    name: initializer.name,
    config: initializer.config,
    sample: (shape, random, warn) => {
      const rest = initializer.sample([sizeOf(shape) - units], random, warn);
      const values = new Float64Array(sizeOf(shape)).fill(1);
      values.set(rest.subarray(0, units));
      values.set(rest.subarray(units), 2 * units);
      return values;
    },
  };
}

export interface GruOptions extends GatedOptions {
  /** Apply the reset gate after the product with the recurrent kernel, which then has its own bias ([2, 3·units]); default true. */
  readonly resetAfter?: boolean;
}

/**
 * Gated recurrent unit; Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014. Columns of the kernels: update gate z,
 * reset gate r, candidate; h ← z·h + (1 − z)·candidate.
 */
export class Gru extends Gated {
  readonly kind = 'gru';
  protected readonly gates = 3;
  readonly stateSize = 1;
  readonly resetAfter: boolean;

  constructor(units: number, options: GruOptions = {}) {
    super('gru', units, options, 'resetAfter');
    this.resetAfter = options.resetAfter ?? true;
  }

  override config() {
    return { ...super.config(), resetAfter: this.resetAfter };
  }

  protected biasOf(context: LayerContext): Tensor {
    return context.parameter('bias', { shape: this.resetAfter ? [2, 3 * this.units] : [3 * this.units], ...this.biasSettings });
  }

  /** Both biases of the gates are added outside of the loop; the candidate's recurrent one is reset with its product. */
  protected override inputBias(bias: Tensor | undefined): Tensor | undefined {
    if (!bias || !this.resetAfter) return bias;
    const { units } = this;
    const [own, recurrent] = [gather(bias, scalar(0, 'int64')), gather(bias, scalar(1, 'int64'))];
    const [gates, candidate] = split(own, { axis: 0, lengths: [2 * units, units] }) as [Tensor, Tensor];
    return concat([add(gates, slice(recurrent, { axis: 0, start: 0, end: 2 * units })), candidate], 0);
  }

  protected step(item: Tensor, [h]: readonly Tensor[], weights: CellWeights, context: LayerContext, drop: (h: Tensor) => Tensor): StepOfCell {
    const { units } = this;
    const before = h as Tensor;
    const gate = (z: Tensor): Tensor => this.recurrentActivation.apply(z, context);
    const [recurrentGates, recurrentCandidate] = split(weights.recurrent, { axis: 1, lengths: [2 * units, units] }) as [Tensor, Tensor];
    const [own, ownCandidate] = split(item, { axis: 1, lengths: [2 * units, units] }) as [Tensor, Tensor];
    const returned = drop(before);
    const gates = gate(gemm(returned, recurrentGates, own));
    const [z, r] = split(gates, { axis: 1, lengths: [units, units] }) as [Tensor, Tensor];
    const bias =
      weights.bias && this.resetAfter ? slice(gather(weights.bias, scalar(1, 'int64')), { axis: 0, start: 2 * units, end: 3 * units }) : undefined;
    const sums = this.resetAfter
      ? add(ownCandidate, mul(r, linear(returned, recurrentCandidate, bias)))
      : gemm(mul(r, returned), recurrentCandidate, ownCandidate);
    const candidate = this.activation.apply(sums, context);
    return { state: [add(candidate, mul(z, sub(before, candidate)))], sums };
  }
}
