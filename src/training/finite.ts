import { isFloat } from '../core/dtype.js';
import { isStatic, sizeOf } from '../core/shape.js';
import { scalar, type Tensor } from '../graph/node.js';
import { concat, reduceSum, sub } from '../graph/ops/index.js';
import { stackScalars } from './step.js';

/** Elements that are looked at together at most: joining them takes as much memory again. */
const LOOKED_AT_TOGETHER = 1 << 20;

/**
 * 0 where every float is finite, NaN otherwise: x − x is 0 for finite x alone. Arrays that fit behind each other are looked at together: an engine takes
 * its time to load a node.
 */
export function finiteMark(state: readonly Tensor[]): Tensor {
  const marks = alike(state.filter((tensor) => isFloat(tensor.dtype))).map((tensors) => {
    const joined = tensors.length === 1 ? (tensors[0] as Tensor) : concat(tensors, 0);
    return reduceSum(sub(joined, joined));
  });
  return marks.length === 0 ? scalar(0, 'float32') : reduceSum(stackScalars(marks));
}

/** Groups of arrays that differ in their first length alone. */
function alike(tensors: readonly Tensor[]): Tensor[][] {
  const groups: Tensor[][] = [];
  const open = new Map<string, { readonly group: Tensor[]; size: number }>();
  for (const tensor of tensors) {
    const size = isStatic(tensor.shape) ? sizeOf(tensor.shape) : LOOKED_AT_TOGETHER;
    const key = `${tensor.dtype}|${tensor.rank}|${tensor.shape.slice(1)}`;
    const known = open.get(key);
    if (known && tensor.rank > 0 && known.size + size <= LOOKED_AT_TOGETHER) {
      known.group.push(tensor);
      known.size += size;
    } else {
      const group = [tensor];
      groups.push(group);
      open.set(key, { group, size });
    }
  }
  return groups;
}
