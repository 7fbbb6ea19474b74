import type { NdArray } from '../core/ndarray.js';
import { scalar, type Tensor } from '../graph/node.js';
import { add, div, exp, loop, matMul, max, mul, neg, reduceMean, reduceSum, sqrt, square, sub } from '../graph/ops/index.js';
import type { Engine } from '../runtime/index.js';
import { alike, computed, type Rows, squaredDistances } from './nearness.js';

/** Length of the kernel, in root mean squared distances of two known rows. */
const LENGTH = 0.5;
/** What keeps answers smooth, for each known row. */
const RIDGE = 1e-4;
/** Steps after which answers hardly change any more. */
export const KERNEL_STEPS = 40;
/** Keeps quotients finite once nothing is left to do. */
const TINY = 1e-30;

/**
 * What asked rows are given by all known rows, each by its nearness: ridge regression with Matérn's kernel for ν = 3/2, (1 + √3 d/ℓ) exp(−√3 d/ℓ) (Rasmussen and Williams 2006,
 * "Gaussian processes for machine learning", equation 4.17), and a constant beside it. Kernels follow labels as networks do, and in closed form (Belkin, Ma and Mandal 2018,
 * "To understand deep learning we need to understand kernel learning").
 * @param taught what known rows are, [rows, columns] of float32
 */
export function kernelAnswers(engine: Engine, { asked, known }: Rows<NdArray>, taught: NdArray, oneUnit: boolean): Promise<NdArray> {
  return computed(engine, 'kernel', { asked, known, taught }, (inputs) => {
    const rows = alike(inputs, oneUnit);
    const apart = mul(reduceMean(reduceSum(square(rows.known), { axes: [1] })), 2);
    const scale = div(Math.sqrt(3), max(mul(sqrt(apart), LENGTH), TINY));
    const nearness = (some: Tensor): Tensor => {
      const distance = mul(sqrt(squaredDistances(some, rows.known)), scale);
      return mul(add(distance, 1), exp(neg(distance)));
    };
    const among = nearness(rows.known);
    const weights = solved(among, centred(inputs.taught), RIDGE * (known.shape[0] ?? 1));
    // The constant makes up for what all rows together say of the known ones.
    const constantly = sub(meanOf(inputs.taught), meanOf(matMul(among, weights)));
    return add(matMul(nearness(rows.asked), weights), constantly);
  });
}

const meanOf = (rows: Tensor): Tensor => reduceMean(rows, { axes: [0], keepdims: true });
const centred = (rows: Tensor): Tensor => sub(rows, meanOf(rows));

/**
 * The x of (a + ridge · 1) x = b less its mean, whose columns sum to 0, by conjugate gradients (Hestenes and Stiefel 1952). Without what all rows have in common, by far the largest of
 * a's eigenvalues, fewer steps do.
 * @param a symmetric, without negative eigenvalues @param b columns that sum to 0
 */
function solved(a: Tensor, b: Tensor, ridge: number): Tensor {
  const squares = (x: Tensor): Tensor => reduceSum(square(x), { axes: [0], keepdims: true });
  const { state } = loop({
    count: scalar(KERNEL_STEPS, 'int64'),
    state: [mul(b, 0), b, b, squares(b)],
    step: (_, [x, left, direction, size]) => {
      const [at, r, p, s] = [x, left, direction, size] as [Tensor, Tensor, Tensor, Tensor];
      const image = add(centred(matMul(a, p)), mul(p, ridge));
      const length = div(s, max(reduceSum(mul(p, image), { axes: [0], keepdims: true }), TINY));
      const rest = sub(r, mul(image, length));
      const now = squares(rest);
      return { state: [add(at, mul(p, length)), rest, add(rest, mul(p, div(now, max(s, TINY)))), now] };
    },
  });
  return state[0] as Tensor;
}
