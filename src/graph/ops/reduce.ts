import { checkOptionNames } from '../../core/expect.js';
import { normalizeAxis } from '../../core/shape.js';
import { applyOne, int64, type OpRecord, type Tensor } from '../node.js';

export interface ReduceOptions {
  /** Axes to reduce; default all. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with length 1; default false. */
  readonly keepdims?: boolean;
}

/** An operator that reduces, as a function. It throws ArgumentError for an option that it does not know: `axis` would reduce all axes. */
export function reducer(name: string, record: OpRecord): (x: Tensor, options?: ReduceOptions) => Tensor {
  return (x, options = {}) => {
    checkOptionNames(name, options, ['axes', 'keepdims']);
    const { axes, keepdims = false } = options;
    if (axes?.length === 0) return x;
    const inputs = axes ? [x, int64(axes.map((axis) => normalizeAxis(axis, x.rank)))] : [x];
    return applyOne(record, inputs, { keepdims: keepdims ? 1 : 0 });
  };
}
