import * as ort from 'onnxruntime-node';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { constant, type Tensor } from '#src/graph/node.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';

export type Nested = number | readonly Nested[];

/** Values of inputs, by tensor. */
export type Feeds = ReadonlyMap<Tensor, NdArray>;

/** Runs a graph on ONNX Runtime; every output's elements as numbers. */
export async function evaluate<K extends string>(outputs: Readonly<Record<K, Tensor>>, feeds: Feeds = new Map()): Promise<Record<K, number[]>> {
  const model = emitModel([...feeds.keys()], results(outputs));
  const session = await ort.InferenceSession.create(encodeOnnx(model), { graphOptimizationLevel: 'disabled', intraOpNumThreads: 1 });
  const given = [...feeds].map(([tensor, { dtype, data, shape }]) => [tensor.name, new ort.Tensor(dtype as 'float32', data as Float32Array, shape)]);
  const run = await session.run(Object.fromEntries(given));
  await session.release();
  const read = (name: string) => Array.from((run[`${name}:result`] as ort.Tensor).data as Float32Array, Number);
  return Object.fromEntries(Object.keys(outputs).map((name) => [name, read(name)])) as Record<K, number[]>;
}

/** Outputs under names that no input has. */
function results(outputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`${name}:result`, tensor]));
}

/** Names of the operators that a graph runs, constants apart. */
export function operators(inputs: readonly Tensor[], outputs: Readonly<Record<string, Tensor>>): string[] {
  return emitModel(inputs, results(outputs))
    .graph.nodes.map((node) => node.opType)
    .filter((name) => name !== 'Constant');
}

/** An array as a constant tensor. */
export function fixed(value: Nested, dtype: 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' = 'float32'): Tensor {
  return constant(array(value, dtype));
}

export function array(value: Nested, dtype: 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' = 'float32'): NdArray {
  return typeof value === 'number' ? NdArray.from([value], dtype).reshape([]) : NdArray.from(value, dtype);
}

export function flatten(value: Nested): number[] {
  return typeof value === 'number' ? [value] : value.flatMap(flatten);
}

/** Slope of `f` at each element of `x` by five points; the error falls with `step`⁴. */
export async function numericalGradient(
  f: (rows: readonly (readonly number[])[]) => Promise<number[]>,
  x: readonly number[],
  step = 1e-3,
): Promise<number[]> {
  const offsets = [-2, -1, 1, 2];
  const rows = x.flatMap((_, i) => offsets.map((offset) => x.map((value, j) => (i === j ? value + offset * step : value))));
  const values = await f(rows);
  return x.map((_, i) => {
    const [far = 0, near = 0, after = 0, beyond = 0] = values.slice(4 * i, 4 * i + 4);
    return (far - 8 * near + 8 * after - beyond) / (12 * step);
  });
}
