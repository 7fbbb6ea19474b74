import { NdArray } from '../core/ndarray.js';
import { constant, type Tensor } from '../graph/node.js';
import { add, div, exp, loop, matMul, max, mul, neg, reduceMean, reduceSum, sqrt, square, sub } from '../graph/ops/index.js';
import type { Engine } from '../runtime/index.js';
import { alike, computed, type Rows, squaredDistances } from './nearness.js';

/** Width of the kernel, in root mean squared distances of two known rows. */
const WIDTH = 0.5;
/** What keeps answers smooth, for each known row. */
const RIDGE = 1e-4;
/** Steps after which answers hardly change any more. */
export const KERNEL_STEPS = 40;
/** Keeps quotients finite once nothing is left to do. */
const TINY = 1e-30;

/**
 * What asked rows are given by all known rows, each by its nearness: ridge regression with the kernel exp(−distance / width) of Laplace, solved by conjugate gradients
 * (Hestenes and Stiefel 1952). It follows labels as networks do, and in closed form (Belkin, Ma and Mandal 2018, "To understand deep learning we need to understand kernel learning").
 * @param taught what known rows are, [rows, columns] of float32
 */
export function kernelAnswers(engine: Engine, { asked, known }: Rows<NdArray>, taught: NdArray, oneUnit: boolean): Promise<NdArray> {
  return computed(engine, 'kernel', { asked, known, taught }, (inputs) => {
    const rows = alike(inputs, oneUnit);
    const apart = mul(reduceMean(reduceSum(square(rows.known), { axes: [1] })), 2);
    const width = max(mul(sqrt(apart), WIDTH), TINY);
    const nearness = (some: Tensor): Tensor => exp(neg(div(sqrt(squaredDistances(some, rows.known)), width)));
    const mean = reduceMean(inputs.taught, { axes: [0], keepdims: true });
    const weights = solved(nearness(rows.known), sub(inputs.taught, mean), RIDGE * (known.shape[0] ?? 1));
    return add(matMul(nearness(rows.asked), weights), mean);
  });
}

/** The x of (a + ridge · 1) x = b, column by column. @param a symmetric, without negative eigenvalues */
function solved(a: Tensor, b: Tensor, ridge: number): Tensor {
  const squares = (x: Tensor): Tensor => reduceSum(square(x), { axes: [0], keepdims: true });
  const { state } = loop({
    count: constant(new NdArray(BigInt64Array.of(BigInt(KERNEL_STEPS)), [])),
    state: [mul(b, 0), b, b, squares(b)],
    step: (_, [x, left, direction, size]) => {
      const [at, r, p, s] = [x, left, direction, size] as [Tensor, Tensor, Tensor, Tensor];
      const image = add(matMul(a, p), mul(p, ridge));
      const length = div(s, max(reduceSum(mul(p, image), { axes: [0], keepdims: true }), TINY));
      const rest = sub(r, mul(image, length));
      const now = squares(rest);
      return { state: [add(at, mul(p, length)), rest, add(rest, mul(p, div(now, max(s, TINY)))), now] };
    },
  });
  return state[0] as Tensor;
}
