import { type DType, isFloat } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import { Random } from '../core/random.js';
import { sizeOf } from '../core/shape.js';
import type { Dataset } from '../data/dataset.js';
import { Rescaling } from '../layers/functions.js';
import { type Loss, resolveLoss, type TargetKind } from '../losses.js';
import type { Model } from '../model/model.js';
import { lossSuiting } from '../model/suit.js';
import type { Layer, Signal } from '../network/layer.js';
import type { Network } from '../network/network.js';
import type { LoadedModel } from './load-model.js';

export interface MadeUpOptions {
  readonly rows: number;
  readonly seed: number;
  /** Name of the loss; else the model's own, or what suits its last layer. */
  readonly loss?: string | undefined;
}

/** Different whole numbers where nothing looks them up: those of a byte, such as a pixel. */
const BYTES = 256;
/** Types that hold few numbers from 0 on. */
const limits: { readonly [D in DType]?: number } = { bool: 2, int8: 128, uint8: 256 };

/**
 * Rows for a network of which nothing is known, as its input and its loss want them: standard normal numbers (whole ones where the input holds
 * such, or a layer looks them up) and random targets.
 */
export function madeUp({ model, classNames }: LoadedModel, { rows, seed, loss }: MadeUpOptions): Dataset {
  const random = new Random(seed).stream('check');
  const x = madeUpInputs(model.network, rows, random);
  const shape = (model.outputs[0]?.shape.slice(1) ?? []) as number[];
  const units = shape.at(-1) ?? 1;
  const { targets, takes } = lossOf(model, units, loss);
  const drawn = madeUpTargets[targets](random, [rows, ...shape]);
  const scaled = targets === 'real' ? rescaled(drawn, model.outputs[0]?.call.layer) : drawn;
  const y = targets === 'real' && takes ? sizes(scaled) : scaled;
  // Labels of sequences do not show by their shape that they are labels: their names say so.
  return targets === 'labels' ? { x, y, classNames: classNames ?? Array.from({ length: units }, (_, i) => String(i)) } : { x, y };
}

function lossOf(model: Model, units: number, name: string | undefined): Loss {
  if (name !== undefined) return resolveLoss(name);
  const own = model.isCompiled ? model.compiled.losses[0] : undefined;
  return own ?? lossSuiting(model.network, units > 1);
}

/** Numbers as a last layer gives them that puts outputs back into the targets' units: those that it learned for are not standard normal. */
function rescaled(drawn: NdArray, last: Layer | undefined): NdArray {
  if (!(last instanceof Rescaling)) return drawn;
  const { scale, offset } = last;
  const units = drawn.shape.at(-1) ?? 1;
  const at = (factors: number | readonly number[], i: number): number => (typeof factors === 'number' ? factors : (factors[i % units] ?? 1));
  const y = NdArray.zeros(drawn.shape, drawn.dtype);
  for (let i = 0; i < y.size; i++) y.set(i, at(offset, i) + at(scale, i) * drawn.at(i));
  return y;
}

/** Numbers without their signs, for losses that take none below 0. */
function sizes(drawn: NdArray): NdArray {
  return filled(
    drawn.shape,
    drawn.dtype,
    (
      (i) => () =>
        Math.abs(drawn.at(i++))
    )(0),
  );
}

function madeUpInputs(network: Network, rows: number, random: Random): NdArray {
  const input = network.inputs[0] as Signal;
  const shape = [rows, ...(input.shape.slice(1) as number[])];
  const limit = lookUpLimit(network, input);
  if (limit === undefined && isFloat(input.dtype)) return normal(random, shape);
  const dtype = isFloat(input.dtype) ? 'int32' : input.dtype;
  const most = Math.min(limit ?? BYTES, limits[dtype] ?? Number.POSITIVE_INFINITY);
  return filled(shape, dtype, () => random.integer(most));
}

/** How many numbers the layers know that look the input's up; undefined where none does. */
function lookUpLimit(network: Network, input: Signal): number | undefined {
  const whole = new Set([input]);
  const known: number[] = [];
  for (const { layer, inputs, outputs } of network.calls) {
    if (!layer.keepsIntegers || !inputs.some((signal) => whole.has(signal))) continue;
    const limit = numbersKnown(layer.config() as LookUpConfig);
    if (limit !== undefined) known.push(limit);
    // What is only reshaped is looked up further on.
    else for (const signal of outputs) whole.add(signal);
  }
  return known.length > 0 ? Math.min(...known) : undefined;
}

interface LookUpConfig {
  readonly inputDim?: number;
  readonly numTokens?: number;
  /** What a wrapper applies. */
  readonly layer?: { readonly config?: LookUpConfig };
}

/** How many numbers a layer, or the one that it wraps, knows. */
function numbersKnown({ inputDim, numTokens, layer }: LookUpConfig): number | undefined {
  return inputDim ?? numTokens ?? (layer?.config && numbersKnown(layer.config));
}

/** Targets of each kind for outputs of a shape. */
const madeUpTargets: { readonly [K in TargetKind]: (random: Random, shape: readonly number[]) => NdArray } = {
  labels: (random, shape) => filled(shape.slice(0, -1), 'int32', () => random.integer(shape.at(-1) ?? 1)),
  groups: (random, [rows = 0]) => filled([rows], 'int32', () => random.integer(Math.max(2, Math.ceil(rows / 8)))),
  oneHot(random, shape) {
    const [y, units] = [NdArray.zeros(shape), shape.at(-1) ?? 1];
    for (let row = 0; row < y.size; row += units) y.set(row + random.integer(units), 1);
    return y;
  },
  binary: (random, shape) => filled(shape, 'float32', () => random.integer(2)),
  real: normal,
};

function normal(random: Random, shape: readonly number[]): NdArray {
  return filled(shape, 'float32', () => random.normal());
}

function filled(shape: readonly number[], dtype: DType, draw: () => number): NdArray {
  const array = NdArray.zeros(shape, dtype);
  for (let i = 0; i < sizeOf(shape); i++) array.set(i, draw());
  return array;
}
