import type { NdArray } from '../core/ndarray.js';
import { emitModel } from '../graph/emit.js';
import { input, type Tensor } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { div, greater, reduceMean, sqrt, square, sub, where } from '../graph/ops/index.js';
import type { Layer } from '../network/layer.js';
import { copyOf } from '../training/state.js';
import { feedNetwork } from '../training/step.js';
import type { Adaptable } from './adaptable.js';
import { fixedBatch } from './stateful.js';

/** Rows that a layer's variance is taken of, unless layers keep a state for some number of rows. */
const ROWS = 1024;

/**
 * Divides the arrays of each given layer that make its sums, one kernel and the bias, by the standard deviation that these show on the data, so that
 * it becomes 1; each layer sees what those before it give when they are scaled. What the activation has learned stays. A layer whose sums do not vary stays as it is.
 * Mishkin and Matas, "All you need is a good init", 2016; exact in one pass, since sums are linear in the weights.
 */
export async function scaleByData({ network, engine, state }: Adaptable, layers: ReadonlySet<Layer>, inputs: readonly NdArray[]): Promise<void> {
  const tensors = inputs.map((array, i) => input(`x_${i}`, ['N', ...array.shape.slice(1)], array.dtype));
  const { variables } = network;
  const values = new Map(variables.map(({ name, shape, dtype }) => [name, input(name, shape, dtype)]));
  const deviations = new Map<Layer, Tensor>();
  const preactivation = ({ layer }: { readonly layer: Layer }, z: Tensor): Tensor => {
    if (!layers.has(layer)) return z;
    const known = deviations.get(layer);
    const found = known ?? sqrt(reduceMean(square(sub(z, reduceMean(z)))));
    const deviation = known ?? where(greater(found, 0), found, 1);
    deviations.set(layer, deviation);
    return div(z, deviation);
  };
  network.forward(feedNetwork(network, tensors), { training: false, values, uniform: (like) => like, preactivation });
  const outputs = Object.fromEntries([...deviations].map(([{ title }, deviation]) => [title, deviation]));
  const session = await engine.load(encodeOnnx(emitModel([...tensors, ...values.values()], outputs, { name: 'lsuv' })), { name: 'lsuv' });
  try {
    const arrays = await state.read(variables.map(({ name }) => name));
    const feeds = Object.fromEntries(variables.map(({ name }, i) => [name, arrays[i] as NdArray]));
    const rows = Object.fromEntries(inputs.map((array, i) => [`x_${i}`, array.slice(0, fixedBatch(network) ?? ROWS)]));
    const { fetched } = await session.run({ ...rows, ...feeds }, Object.fromEntries(Object.keys(outputs).map((title) => [title, 'fetch' as const])));
    const scaled = variables.flatMap(({ name, layer, weight }, i): [string, NdArray][] => {
      const deviation = fetched[layer.title]?.at(0);
      const array = arrays[i];
      return deviation === undefined || !layer.scaledByData.includes(weight) || !array ? [] : [[name, divided(array, deviation)]];
    });
    await state.write(scaled);
  } finally {
    await session.dispose();
  }
}

function divided(array: NdArray, divisor: number): NdArray {
  const result = copyOf(array);
  for (let i = 0; i < result.size; i++) result.set(i, array.at(i) / divisor);
  return result;
}
