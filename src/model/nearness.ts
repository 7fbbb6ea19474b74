import type { NdArray } from '../core/ndarray.js';
import { emitModel } from '../graph/emit.js';
import { input, type Tensor } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { add, cast, div, gemm, greater, mul, reduceMean, reduceSum, relu, sqrt, square, sub, where } from '../graph/ops/index.js';
import type { Engine } from '../runtime/index.js';

/** A feature's variance over its mean square below which it is rounding alone. */
const CONSTANT = 1e-10;

/** Rows of features, those that are asked about and those that are known. */
export interface Rows<T> {
  readonly asked: T;
  readonly known: T;
}

/** Rows about the mean of the known ones. @param oneUnit whether features stay as wide as they are, else each counts in its own deviations */
export function alike({ asked, known }: Rows<Tensor>, oneUnit: boolean): Rows<Tensor> {
  const [q, a] = [cast(asked, 'float32'), cast(known, 'float32')];
  const mean = reduceMean(a, { axes: [0], keepdims: true });
  const centred = sub(a, mean);
  const variance = reduceMean(square(centred), { axes: [0], keepdims: true });
  const varies = greater(variance, mul(square(mean), CONSTANT));
  const scaled = (x: Tensor): Tensor => (oneUnit ? x : where(varies, div(x, sqrt(variance)), 0));
  return { asked: scaled(sub(q, mean)), known: scaled(centred) };
}

/** Squared distances of rows from others, less what is the same for all others. */
export const comparedDistances = (rows: Tensor, others: Tensor): Tensor =>
  gemm(rows, others, reduceSum(square(others), { axes: [1] }), { alpha: -2, transB: true });

/** Squared distances of rows from others. */
export const squaredDistances = (rows: Tensor, others: Tensor): Tensor =>
  relu(add(comparedDistances(rows, others), reduceSum(square(rows), { axes: [1], keepdims: true })));

/** What a graph makes of arrays, once. @param made its result, from its inputs by name */
export async function computed<K extends string>(
  engine: Engine,
  name: string,
  arrays: Readonly<Record<K, NdArray>>,
  made: (inputs: Readonly<Record<K, Tensor>>) => Tensor,
): Promise<NdArray> {
  const entries = Object.entries<NdArray>(arrays).map(([key, { shape, dtype }]) => [key, input(key, shape, dtype)] as const);
  const inputs = Object.fromEntries(entries) as Record<K, Tensor>;
  const session = await engine.load(encodeOnnx(emitModel(Object.values<Tensor>(inputs), { result: made(inputs) }, { name })), { name });
  try {
    const { fetched } = await session.run(arrays, { result: 'fetch' });
    return fetched.result as NdArray;
  } finally {
    await session.dispose();
  }
}
