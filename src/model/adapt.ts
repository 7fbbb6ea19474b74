import { NdArray } from '../core/ndarray.js';
import { product } from '../core/shape.js';
import { emitModel } from '../graph/emit.js';
import { input, type Tensor } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { cast, div, reduceSum, reshape, sizeAs, square } from '../graph/ops/index.js';
import { Normalization } from '../layers/normalization.js';
import { TimeDistributed } from '../layers/wrappers.js';
import type { Layer, LayerCall, Signal } from '../network/layer.js';
import { withPieces } from '../network/network.js';
import { feedNetwork } from '../training/step.js';
import type { Adaptable } from './adaptable.js';
import { normalizationIn } from './adapted.js';
import { scaleByData } from './lsuv.js';

/** Rows per engine call. */
const BATCH = 2048;

/**
 * Gives every layer what it takes from data, in the order of the network: normalization layers mean and variance of their features, layers with
 * weights the scale that their initializer asks for. `again` measures normalization layers anew.
 */
export async function adaptLayers(model: Adaptable, inputs: readonly NdArray[], again: boolean): Promise<void> {
  const { network, state, adapted } = model;
  let toScale = new Set<Layer>();
  const scale = async (): Promise<void> => {
    if (toScale.size > 0) await scaleByData(model, toScale, inputs);
    for (const layer of toScale) adapted.add(layer);
    toScale = new Set();
  };
  for (const call of network.calls) {
    const { layer } = call;
    const normalization = normalizationIn(layer);
    if (!layer.needsData || (adapted.has(layer) && !(again && normalization))) continue;
    if (!normalization) {
      toScale.add(layer);
      continue;
    }
    await scale();
    const { mean, variance } = await measure(model, call, normalization, inputs);
    await state.write([
      [`${layer.title}/mean`, mean],
      [`${layer.title}/variance`, variance],
    ]);
    adapted.add(layer);
  }
  await scale();
}

/** Mean and variance by sums in float64, batch by batch. */
async function measure(
  { network, layout, engine, state }: Adaptable,
  call: LayerCall,
  layer: Normalization,
  arrays: readonly NdArray[],
): Promise<{ mean: NdArray; variance: NdArray }> {
  const tensors = arrays.map((array, i) => input(`x_${i}`, ['N', ...array.shape.slice(1)], array.dtype));
  const stored = network.storage(layout);
  const values = new Map(stored.map(({ name, shape, dtype }) => [name, input(name, shape, dtype)]));
  const { signals } = network.forward(feedNetwork(network, tensors), {
    training: false,
    values: withPieces(stored, values),
    uniform: (like) => like,
  });
  const x = cast(seenInside(call.layer, signals.get(call.inputs[0] as Signal) as Tensor), 'float64');
  const { axes, kept } = Normalization.reduction(x.shape, layer.axis);
  const total = (tensor: Tensor): Tensor => reshape(reduceSum(tensor, { axes }), kept);
  const sum = total(x);
  const outputs = { sum, squares: total(square(x)), count: div(sizeAs(x, 'float64'), sizeAs(sum, 'float64')) };
  const model = emitModel([...tensors, ...values.values()], outputs, { name: 'moments' });
  const session = await engine.load(encodeOnnx(model), { name: `${call.layer.title}, moments` });
  try {
    const feeds = await state.feeds(engine, [...values.keys()]);
    const rows = arrays[0]?.shape[0] ?? 0;
    const size = product(kept);
    const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
    let count = 0;
    for (let row = 0; row < rows; row += BATCH) {
      const batch = Object.fromEntries(arrays.map((array, i) => [`x_${i}`, array.slice(row, row + BATCH)]));
      const { fetched } = await session.run({ ...batch, ...feeds }, { sum: 'fetch', squares: 'fetch', count: 'fetch' });
      for (let i = 0; i < size; i++) {
        sums[i] = (sums[i] ?? 0) + (fetched.sum?.at(i) ?? 0);
        squares[i] = (squares[i] ?? 0) + (fetched.squares?.at(i) ?? 0);
      }
      count += fetched.count?.at(0) ?? 0;
    }
    const mean = sums.map((value) => value / count);
    const variance = squares.map((value, i) => {
      const spread = value / count - (mean[i] ?? 0) ** 2;
      // Below the rounding error of the sums a feature does not vary.
      return spread > 1e-12 * (value / count) ? spread : 0;
    });
    return { mean: new NdArray(mean, kept), variance: new NdArray(variance, kept) };
  } finally {
    await session.dispose();
  }
}

/** What the layer inside of another is given: steps are rows to what is applied to each of them. */
function seenInside(layer: Layer, x: Tensor): Tensor {
  return layer instanceof TimeDistributed ? seenInside(layer.layer, reshape(x, [-1, ...x.shape.slice(2)])) : x;
}
