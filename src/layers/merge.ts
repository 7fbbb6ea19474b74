import { ArgumentError, ShapeError, show } from '../core/errors.js';
import { normalizeAxis, showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import {
  add,
  and,
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
} from '../graph/ops/index.js';
import { Layer, type LayerOptions } from '../network/layer.js';
import { checkOptions, isBoolean, isWhole, type OptionCheck } from './options.js';

function several(inputs: readonly Tensor[]): void {
  if (inputs.length < 2)
    throw new ShapeError(`merges at least two inputs, got ${inputs.length}; apply it to a list: .apply([a, b])`, {
      expected: 2,
      received: inputs.length,
    });
}

type Fold = (inputs: readonly Tensor[]) => Tensor;

const folded =
  (merge: (a: Tensor, b: Tensor) => Tensor): Fold =>
  (inputs) =>
    inputs.reduce((merged, next) => merge(merged, next));

/** Ways to merge inputs element by element. */
const merges = {
  add: folded(add),
  subtract: folded(sub),
  multiply: folded(mul),
  average: (inputs: readonly Tensor[]) =>
    div(
      inputs.reduce((sum, next) => add(sum, next)),
      inputs.length,
    ),
  maximum: folded(max),
  minimum: folded(min),
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
 * connection; `subtract` takes exactly two.
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

  config() {
    return {};
  }

  call(inputs: readonly Tensor[]): Tensor {
    several(inputs);
    const rank = Math.max(...inputs.map((x) => x.rank));
    return merges[this.kind](inputs.map((x) => behindBatch(x, rank)));
  }

  /** A step counts where it does in any input; all do where an input has no mask. */
  override mask(_: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    return masks.every((mask) => mask !== undefined) ? masks.reduce((all, next) => or(all, next)) : undefined;
  }
}

export interface ConcatenateOptions extends LayerOptions {
  /** Axis to join along; default the last. */
  readonly axis?: number;
}

/** Its inputs joined along an axis. */
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

  /** Features joined count where all their inputs' steps do; steps joined keep theirs. */
  override mask(inputs: readonly Tensor[], masks: readonly (Tensor | undefined)[]): Tensor | undefined {
    const known = masks.filter((mask) => mask !== undefined);
    const rank = inputs[0]?.rank ?? 0;
    if (known.length === 0 || rank < 3) return undefined;
    const axis = normalizeAxis(this.axis, rank);
    if (axis !== 1) return known.reduce((all, next) => and(all, next));
    return concat(
      inputs.map((x, i) => masks[i] ?? cast(filledLike(reduceSum(x, { axes: x.shape.map((_, at) => at).slice(2) }), 1), 'bool')),
      1,
    );
  }
}

export interface DotOptions extends LayerOptions {
  /** Divide both by their lengths along the axes first, which gives their cosine; default false. */
  readonly normalize?: boolean;
}

const areAxes: OptionCheck = (value) => {
  const axes = typeof value === 'number' ? [value] : value;
  const fits = Array.isArray(axes) && (typeof value === 'number' || axes.length === 2) && axes.every((axis) => Number.isInteger(axis) && axis !== 0);
  return fits ? undefined : `must be one axis or two, not the batch's (0), got ${show(value)}`;
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
      if (axis === 0) throw new ArgumentError('dot: the axes must not be the batch', { argument: 'axes', received: this.axes });
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
