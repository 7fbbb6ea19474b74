import { gradients } from '../graph/gradients.js';
import { scalar, type Tensor } from '../graph/node.js';
import { add, div, greater, loop, max, mul, reduceSum, sqrt, square, sub, where } from '../graph/ops/index.js';
import { type LossParts, lossProgram, type Program } from './program.js';
import type { StepSpec } from './step.js';

/** Below this length nothing is left of a direction. */
const NOTHING = 1e-30;

const sum = (tensors: readonly Tensor[]): Tensor => tensors.reduce((all, next) => add(all, next));
/** Inner product of two lists of arrays, as if each were one long vector. */
const dot = (a: readonly Tensor[], b: readonly Tensor[]): Tensor => sum(a.map((one, i) => reduceSum(mul(one, b[i] as Tensor))));
const lengthOf = (vector: readonly Tensor[]): Tensor => sqrt(sum(vector.map((one) => reduceSum(square(one)))));
const scaled = (vector: readonly Tensor[], by: Tensor): Tensor[] => vector.map((one) => mul(one, by));

/**
 * Lanczos's iteration on the Hessian of one batch's loss by the trained arrays: outputs `diagonal` and `beside`, [steps], the matrix whose extreme eigenvalues come
 * near to the Hessian's (Lanczos 1950). A product with the Hessian is the gradient of (gradient · direction) (Pearlmutter 1994, "Fast exact
 * multiplication by the Hessian"); forward and backward pass are computed once for all steps. At kinks, such as a ReLU's, there is no curvature.
 */
export function curvatureProgram(spec: StepSpec, steps: number): Program {
  return lossProgram(spec, 'curvature', (parts) => lanczos(parts, steps));
}

function lanczos({ loss, parameters, uniform }: LossParts, steps: number): Readonly<Record<string, Tensor>> {
  const slopes = gradients(loss, parameters);
  const start = parameters.map((array, i) => sub(uniform(array, `curvature/${i}`), 0.5));
  const first = scaled(start, div(1, lengthOf(start)));
  const { outputs } = loop({
    count: scalar(steps, 'int64'),
    state: [mul(lengthOf(first), 0), ...first, ...first.map((one) => mul(one, 0))],
    step: (_, [link, ...vectors]) => {
      const [direction, before] = [vectors.slice(0, parameters.length), vectors.slice(parameters.length)];
      const image = gradients(dot(slopes, direction), parameters);
      const entry = dot(image, direction);
      const rest = image.map((one, i) => sub(sub(one, mul(direction[i] as Tensor, entry)), mul(before[i] as Tensor, link as Tensor)));
      const length = lengthOf(rest);
      const next = scaled(rest, where(greater(length, NOTHING), div(1, max(length, NOTHING)), mul(length, 0)));
      return { state: [length, ...next, ...direction], outputs: [entry, length] };
    },
  });
  const [diagonal, beside] = outputs as [Tensor, Tensor];
  return { diagonal, beside };
}
