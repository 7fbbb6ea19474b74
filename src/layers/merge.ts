import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { normalizeAxis, showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import {
  add,
  cast,
  concat,
  div,
  filledLike,
  matMul,
  max,
  min,
  mul,
  or,
  reduceSum,
  reshape,
  sqrt,
  square,
  sub,
  transpose,
  unsqueeze,
  where,
} from '../graph/ops/index.js';
import { Layer, type LayerContext, type LayerOptions } from '../network/layer.js';
import { checkOptions, isBoolean, isWhole, type OptionCheck } from './options.js';

function several(inputs: readonly Tensor[]): void {
  if (inputs.length < 2)
    throw new ShapeError(`merges at least two inputs, got ${inputs.length}; apply it to a list: .apply([a, b])`, {
      expected: 2,
      received: inputs.length,
    });
}

/** What a merge takes in: a tensor, and which of its steps count, in a shape that broadcasts with it; undefined where all do. */
interface Merged {
  readonly x: Tensor;
  readonly counts: Tensor | undefined;
}

type Fold = (inputs: readonly Merged[]) => Tensor;

const folded =
  (merge: (a: Tensor, b: Tensor) => Tensor): Fold =>
  (inputs) =>
    inputs.map(({ x }) => x).reduce((merged, next) => merge(merged, next));

/** Among the inputs whose steps count; the first's where none does. */
const foldedOfCounting =
  (merge: (a: Tensor, b: Tensor) => Tensor): Fold =>
  (inputs) =>
    inputs.reduce((merged, { x, counts }) => {
      const next = counts ? where(counts, x, merged.x) : x;
      const before = merged.counts ? where(merged.counts, merged.x, next) : merged.x;
      return { x: merge(before, next), counts: inAny([merged.counts, counts]) };
    }).x;

/** The product of what counts; 0 where nothing does. */
const productOfCounting: Fold = (inputs) => {
  const product = inputs.map(({ x, counts }) => (counts ? where(counts, x, 1) : x)).reduce((merged, next) => mul(merged, next));
  const counts = inAny(inputs.map((input) => input.counts));
  return counts ? where(counts, product, 0) : product;
};

/** Where any of them says that a step counts; undefined, which is everywhere, where one says nothing. */
function inAny(masks: readonly (Tensor | undefined)[]): Tensor | undefined {
  return masks.reduce((all, next) => all && next && or(all, next));
}

/** Ways to merge inputs element by element. */
const merges = {
  add: folded(add),
  subtract: folded(sub),
  multiply: productOfCounting,
  average: (inputs: readonly Merged[]) => div(folded(add)(inputs), inputs.length),
  maximum: foldedOfCounting(max),
  minimum: foldedOfCounting(min),
};

export type MergeKind = keyof typeof merges;

/** Axes of length 1 between the batch and the others: counted from behind, as broadcasting does, the batch would meet another axis. */
function behindBatch(x: Tensor, rank: number): Tensor {
  return unsqueeze(
    x,
    Array.from({ length: rank - x.rank }, (_, i) => i + 1),
  );
}

/**
 * Merges its inputs element by element; shapes must be equal or broadcast: [N, features] is added to every step of [N, time, features]. `add` is a skip
 * connection; `subtract` takes exactly two. Masks are heeded as in Keras 3: a step that does not count in an input has no say in `multiply`, `maximum` and
 * `minimum`, and enters the others as it is; of what comes out a step counts where it does in any input, and all do where an input has no mask.
 */
export class Merge extends Layer {
  readonly kind: MergeKind;
  override readonly role = 'merge';
  override readonly takes: number | undefined;

  constructor(kind: MergeKind, options: LayerOptions = {}) {
    checkOptions(kind, options, {});
    super(options);
    this.kind = kind;
    this.takes = kind === 'subtract' ? 2 : undefined;
  }

  override get repeatable(): boolean {
    return true;
  }

  config() {
    return {};
  }

  call(inputs: readonly Tensor[], { masks }: LayerContext): Tensor {
    several(inputs);
    const rank = Math.max(...inputs.map((x) => x.rank));
    const given = inputs.map((x, i) => ({ x: behindBatch(x, rank), counts: this.#along(masks[i], x, rank) }));
    return merges[this.kind](given);
  }

  /** A step counts where it does in any input; all do where an input has no mask. */
  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return inAny(masks);
  }

  /** A mask [N, time] as it goes with `x` [N, time, …]. */
  #along(mask: Tensor | undefined, x: Tensor, rank: number): Tensor | undefined {
    if (!mask || mask.rank > x.rank) return undefined;
    const rest = Array.from({ length: x.rank - mask.rank }, (_, i) => mask.rank + i);
    return behindBatch(unsqueeze(mask, rest), rank);
  }
}

export interface ConcatenateOptions extends LayerOptions {
  /** Axis to join along; default the last. */
  readonly axis?: number;
}

/**
 * Its inputs joined along an axis. As in Keras 3, joined features count at steps that do in any input, at all where an input has no mask; joined steps keep
 * what their own inputs' masks say.
 */
export class Concatenate extends Layer {
  readonly kind = 'concatenate';
  override readonly role = 'merge';
  readonly axis: number;

  constructor(options: ConcatenateOptions = {}) {
    checkOptions('concatenate', options, { axis: isWhole });
    super(options);
    this.axis = options.axis ?? -1;
  }

  config() {
    return { axis: this.axis };
  }

  call(inputs: readonly Tensor[]): Tensor {
    several(inputs);
    const axis = normalizeAxis(this.axis, inputs[0]?.rank ?? 0);
    if (axis === 0) throw new ShapeError(`cannot join along the batch axis of ${inputs.map((x) => showShape(x.shape)).join(' and ')}`);
    return concat(inputs, axis);
  }

  override mask(inputs: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    const rank = inputs[0]?.rank ?? 0;
    if (rank < 3 || masks.every((mask) => mask === undefined)) return undefined;
    if (normalizeAxis(this.axis, rank) !== 1) return inAny(masks);
    return concat(
      inputs.map((x, i) => masks[i] ?? cast(filledLike(reduceSum(x, { axes: x.shape.map((_, at) => at).slice(2) }), 1), 'bool')),
      1,
    );
  }
}

export interface DotOptions extends LayerOptions {
  /** Divide both by their norms along the axes first, which yields the cosine; default false. */
  readonly normalize?: boolean;
}

const areAxes: OptionCheck = (value) => {
  const axes = typeof value === 'number' ? [value] : value;
  const fits = Array.isArray(axes) && (typeof value === 'number' || axes.length === 2) && axes.every((axis) => Number.isInteger(axis) && axis !== 0);
  return fits ? undefined : `must be one axis or two, but not the batch axis (0), got ${show(value)}`;
};

/** Products of two inputs [N, …] of at most three axes, summed along an axis of each: [N, rest of the first, rest of the second], at least [N, 1]. */
export class Dot extends Layer {
  readonly kind = 'dot';
  override readonly role = 'merge';
  override readonly takes = 2;
  readonly axes: number | readonly [number, number];
  readonly normalize: boolean;

  constructor(axes: number | readonly [number, number], options: DotOptions = {}) {
    checkOptions('dot', options, { axes: areAxes, normalize: isBoolean }, { axes: axes ?? null });
    super(options);
    this.axes = axes;
    this.normalize = options.normalize ?? false;
  }

  config() {
    return { axes: this.axes, normalize: this.normalize };
  }

  call([a, b]: readonly Tensor[]): Tensor {
    const axes = typeof this.axes === 'number' ? [this.axes, this.axes] : this.axes;
    const inputs = [a, b].map((x, i) => {
      const tensor = x as Tensor;
      if (tensor.rank < 2 || tensor.rank > 3) {
        throw new ShapeError(`takes inputs of two or three axes, got ${showShape(tensor.shape)}`, { received: tensor.shape });
      }
      const axis = normalizeAxis(axes[i] ?? -1, tensor.rank);
      if (axis === 0) throw new ArgumentError('dot: the axes must not be the batch axis', { argument: 'axes', received: this.axes });
      const even = this.normalize ? div(tensor, sqrt(max(reduceSum(square(tensor), { axes: [axis], keepdims: true }), EPSILON))) : tensor;
      // [N, rest, summed]; a vector has one row.
      const flat = even.rank === 2 ? unsqueeze(even, [1]) : axis === 1 ? transpose(even, [0, 2, 1]) : even;
      return { flat, rest: tensor.shape.filter((_, at) => at > 0 && at !== axis), summed: tensor.shape[axis] };
    });
    const [left, right] = inputs as [(typeof inputs)[number], (typeof inputs)[number]];
    if (left.summed !== right.summed) {
      throw new ShapeError(`sums axes of lengths ${left.summed} and ${right.summed}; they must be equal`, {
        expected: left.summed,
        received: right.summed,
      });
    }
    const product = matMul(left.flat, transpose(right.flat, [0, 2, 1]));
    const rest = [...left.rest, ...right.rest];
    return reshape(product, [left.flat.shape[0] ?? 'N', ...(rest.length === 0 ? [1] : rest)]);
  }
}

/** Squared lengths are kept from 0 by this, as in Keras. */
const EPSILON = 1e-12;
