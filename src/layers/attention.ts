import { countOf } from '../core/count.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { type StaticShape, showShape } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import { and, greaterOrEqual, indicator, linear, matMul, mul, reshape, softmax, transpose, unsqueeze, where } from '../graph/ops/index.js';
import { computeFans, type FanAxes, type Fans } from '../initializers.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { checkOptions, isBoolean, isCount, isNumber } from './options.js';
import { describeWeight, readWeight, type WeightOptions, type WeightSettings, weightChecks } from './weight-options.js';

/** `kernelInitializer` is Glorot uniform, `biasInitializer` zeros unless given; they serve all four products. */
export interface MultiHeadAttentionOptions extends LayerOptions, WeightOptions<'kernel'>, WeightOptions<'bias'> {
  /** Length of each head's values; default `keyDim`. */
  readonly valueDim?: number;
  /** Number of output features; default that of the query. */
  readonly outputDim?: number;
  /** Share of the attention weights dropped during training; default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly useBias?: boolean;
  /** Mask out later steps; default false. */
  readonly causal?: boolean;
}

/** Axes of the kernels of query, key and value, [features, heads, size], and of the output's, [heads, size, outputs]: matrices whose one side is two axes. */
export const ATTENTION_AXES = {
  heads: { inputAxes: [0], outputAxes: [1, 2] },
  output: { inputAxes: [0, 1], outputAxes: [2] },
} as const satisfies Readonly<Record<string, FanAxes>>;

/** What stands in for the score of a pair that must not look at each other, as in Keras. */
const FORBIDDEN = -1e9;

/**
 * Every step of the query [N, steps, features] takes a weighted mean of the values of another sequence, or its own; Vaswani et al., "Attention is
 * all you need", 2017, section 3.2.2. Inputs: query, or query and value, or query, value and key. Kernels have a head axis: [features, heads, keyDim].
 */
export class MultiHeadAttention extends Layer {
  readonly kind = 'multiHeadAttention';
  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly outputDim: number | undefined;
  readonly dropout: number;
  readonly useBias: boolean;
  readonly causal: boolean;
  readonly kernel: WeightSettings;
  readonly bias: WeightSettings;

  constructor(numHeads: number, keyDim: number, options: MultiHeadAttentionOptions = {}) {
    const counts = { numHeads: isCount, keyDim: isCount, valueDim: isCount, outputDim: isCount };
    const checks = { ...counts, dropout: isNumber(0, 1, 'high'), useBias: isBoolean, causal: isBoolean, ...weightChecks('kernel', 'bias') };
    checkOptions('multiHeadAttention', options, checks, { numHeads: numHeads ?? null, keyDim: keyDim ?? null });
    super(options);
    this.numHeads = numHeads;
    this.keyDim = keyDim;
    this.valueDim = options.valueDim ?? keyDim;
    this.outputDim = options.outputDim;
    this.dropout = options.dropout ?? 0;
    this.useBias = options.useBias ?? true;
    this.causal = options.causal ?? false;
    this.kernel = readWeight('kernel', options, 'glorotUniform');
    this.bias = readWeight('bias', options, 'zeros');
  }

  config() {
    return {
      numHeads: this.numHeads,
      keyDim: this.keyDim,
      valueDim: this.valueDim,
      ...(this.outputDim === undefined ? {} : { outputDim: this.outputDim }),
      dropout: this.dropout,
      useBias: this.useBias,
      causal: this.causal,
      ...describeWeight('kernel', this.kernel),
      ...describeWeight('bias', this.bias),
    };
  }

  override fans(kernel: StaticShape, weight = 'kernel'): Fans {
    if (!weight.endsWith('/kernel')) return super.fans(kernel, weight);
    return { ...computeFans(kernel, ATTENTION_AXES[weight === 'output/kernel' ? 'output' : 'heads']), scales: true };
  }

  call(inputs: readonly Tensor[], context: LayerContext): Tensor {
    const [query, value = query, key = value] = inputs as [Tensor, Tensor?, Tensor?] as [Tensor, Tensor, Tensor];
    this.#check(inputs, value as Tensor, key as Tensor);
    const { numHeads, keyDim, valueDim } = this;
    const queries = this.#project('query', query, keyDim, context);
    const keys = this.#project('key', key as Tensor, keyDim, context);
    const values = this.#project('value', value as Tensor, valueDim, context);
    const scores = matMul(mul(queries, 1 / Math.sqrt(keyDim)), transpose(keys, [0, 1, 3, 2]));
    const allowed = this.#allowed(inputs, scores, context);
    const attention = softmax(allowed ? where(allowed, scores, FORBIDDEN) : scores);
    const heads = transpose(matMul(this.#dropped(attention, context), values), [0, 2, 1, 3]);
    const [rows = 'N', steps = 1, features] = query.shape;
    const outputs = this.outputDim ?? Number(features);
    const kernel = context.parameter('output/kernel', { shape: [numHeads, valueDim, outputs], ...this.kernel });
    const bias = this.useBias ? context.parameter('output/bias', { shape: [outputs], ...this.bias }) : undefined;
    return linear(reshape(heads, [rows, steps, numHeads * valueDim]), reshape(kernel, [numHeads * valueDim, outputs]), bias);
  }

  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks[0];
  }

  #check(inputs: readonly Tensor[], value: Tensor, key: Tensor): void {
    if (inputs.length > 3) {
      throw new ArgumentError(`${this.title} takes a query, a value and a key, got ${countOf(inputs.length, 'input')}`, {
        layer: this.title,
        received: inputs.length,
      });
    }
    for (const [i, { shape }] of inputs.entries()) {
      if (shape.length === 3 && shape.slice(1).every((dim) => typeof dim === 'number')) continue;
      throw new ShapeError(`its ${['query', 'value', 'key'][i]} must be a sequence [N, steps, features], got ${showShape(shape)}`, {
        expected: '[N, steps, features]',
        received: shape,
      });
    }
    if (value.shape[1] !== key.shape[1]) {
      throw new ShapeError(`its value has ${countOf(value.shape[1], 'step')} and its key ${key.shape[1]}; every value needs a key`, {
        expected: value.shape[1],
        received: key.shape[1],
      });
    }
  }

  /** x·kernel + bias by heads: [N, heads, steps, size]. */
  #project(name: string, x: Tensor, size: number, context: LayerContext): Tensor {
    const { numHeads } = this;
    const [rows = 'N', steps = 1, features] = x.shape;
    const kernel = context.parameter(`${name}/kernel`, { shape: [Number(features), numHeads, size], ...this.kernel });
    const bias = this.useBias ? context.parameter(`${name}/bias`, { shape: [numHeads, size], ...this.bias }) : undefined;
    const flat = linear(x, reshape(kernel, [Number(features), numHeads * size]), bias && reshape(bias, [numHeads * size]));
    return transpose(reshape(flat, [rows, steps, numHeads, size]), [0, 2, 1, 3]);
  }

  /** Which pairs may look at each other, broadcast over [N, heads, steps, steps]; undefined where all may. */
  #allowed(inputs: readonly Tensor[], scores: Tensor, { masks }: LayerContext): Tensor | undefined {
    const [steps, others] = [Number(scores.shape[2]), Number(scores.shape[3])];
    const [queryMask, valueMask, keyMask] = inputs.length === 1 ? [masks[0], masks[0], undefined] : masks;
    const parts = [
      queryMask && unsqueeze(queryMask, [1, 3]),
      valueMask && unsqueeze(valueMask, [1, 2]),
      keyMask && unsqueeze(keyMask, [1, 2]),
      this.causal
        ? constant(
            new NdArray(
              Uint8Array.from({ length: steps * others }, (_, i) => Number(i % others <= Math.floor(i / others))),
              [1, 1, steps, others],
              'bool',
            ),
          )
        : undefined,
    ].filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : parts.reduce((all, next) => and(all, next));
  }

  #dropped(attention: Tensor, context: LayerContext): Tensor {
    const { dropout } = this;
    if (!context.training || dropout === 0) return attention;
    const kept = indicator(greaterOrEqual(context.uniform(attention, 0, 1), dropout), attention.dtype);
    return mul(attention, mul(kept, 1 / (1 - dropout)));
  }
}
