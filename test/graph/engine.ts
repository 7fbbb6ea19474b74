import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { TypedArray } from '#src/core/dtype.js';
import { NdArray } from '#src/core/ndarray.js';
import { type EmitOptions, emitModel } from '#src/graph/emit.js';
import type { Tensor } from '#src/graph/node.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';
import type { OnnxModel } from '#src/graph/onnx/model.js';

export type Feeds = ReadonlyMap<Tensor, NdArray>;
export type Arrays = Readonly<Record<string, NdArray>>;

/** A model that the engine has accepted. */
export interface Runner {
  run(feeds: Arrays): Promise<Record<string, NdArray>>;
}

/** The engine's own optimizations are off, so that it computes what was emitted. */
export async function open(model: OnnxModel): Promise<Runner> {
  const session = await InferenceSession.create(encodeOnnx(model), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return {
    async run(feeds) {
      const given = Object.entries(feeds).map(([name, array]) => [
        name,
        new OrtTensor(array.dtype as 'float32', array.data as Float32Array, [...array.shape]),
      ]);
      const results = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(results).map(([name, { data, dims, type }]) => [name, new NdArray(data as TypedArray, dims, type as NdArray['dtype'])]),
      );
    },
  };
}

/** The values of tensors, in order. */
export async function compute(outputs: readonly Tensor[], feeds: Feeds = new Map(), options: EmitOptions = {}): Promise<NdArray[]> {
  const model = emitModel([...feeds.keys()], Object.fromEntries(outputs.map((tensor, i) => [`result_${i}`, tensor])), options);
  const runner = await open(model);
  const results = await runner.run(Object.fromEntries([...feeds].map(([tensor, array]) => [tensor.name ?? 'input', array])));
  return outputs.map((_, i) => results[`result_${i}`] as NdArray);
}

export function numbers(array: NdArray | undefined): number[] {
  return array ? Array.from({ length: array.size }, (_, i) => array.at(i)) : [];
}
