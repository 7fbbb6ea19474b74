import { ShapeError, show } from '../core/errors.js';
import { showShape } from '../core/shape.js';
import type { Tensor } from '../graph/node.js';
import { cast, div, equal, expandLike, indicator, max, mul, not, reduceMax, reduceMean, reduceSum, unsqueeze } from '../graph/ops/index.js';
import { Layer, type LayerOptions } from '../network/layer.js';
import { checkOptions, type OptionCheck } from './options.js';

/**
 * Means over axes; where a mask [N, time] says which steps of [N, time, …] count, or one [N] which rows, of those alone: 0 where none does.
 */
export function meanOfSteps(x: Tensor, over: { readonly axes: readonly number[]; readonly keepdims?: boolean }, mask: Tensor | undefined): Tensor {
  const fits = mask && x.rank > mask.rank && (mask.rank === 1 || x.shape[1] === mask.shape[1]);
  if (!fits) return reduceMean(x, over);
  const rest = x.shape.map((_, axis) => axis).slice(mask.rank);
  const counts = expandLike(unsqueeze(indicator(mask, x.dtype), rest), x);
  return div(reduceSum(mul(x, counts), over), max(reduceSum(counts, over), 1));
}

const isValue: OptionCheck = (value) => (Number.isFinite(value) ? undefined : `must be a finite number, got ${show(value)}`);

export interface MaskingOptions extends LayerOptions {
  /** Steps whose features all have this value are masked; default 0. */
  readonly maskValue?: number;
}

/** Says which steps of a padded sequence [N, time, features] count; recurrent layers pass over the others, and losses leave them out. */
export class Masking extends Layer {
  readonly kind = 'masking';
  override readonly role = 'shape';
  override readonly takes = 1;
  readonly maskValue: number;

  constructor(options: MaskingOptions = {}) {
    checkOptions('masking', options, { maskValue: isValue });
    super(options);
    this.maskValue = options.maskValue ?? 0;
  }

  config() {
    return { maskValue: this.maskValue };
  }

  call([x]: readonly Tensor[]): Tensor {
    return mul(x as Tensor, indicator(this.#counts(x as Tensor, true), (x as Tensor).dtype));
  }

  override mask([x]: readonly Tensor[]): Tensor {
    return this.#counts(x as Tensor, false);
  }

  #counts(x: Tensor, keepdims: boolean): Tensor {
    if (x.rank !== 3) {
      throw new ShapeError(
        `expects sequences [N, time, features], got ${showShape(x.shape)}; for tokens [N, time] use layers.embedding with maskZero`,
        {
          expected: '[N, time, features]',
          received: x.shape,
        },
      );
    }
    const differs = indicator(not(equal(x, this.maskValue)), x.dtype);
    return cast(reduceMax(differs, { axes: [2], keepdims }), 'bool');
  }
}
