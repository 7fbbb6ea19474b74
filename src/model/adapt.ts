import { DataError } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { product } from '../core/shape.js';
import { emitModel } from '../graph/emit.js';
import { input, type Tensor } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { cast, div, reduceSum, reshape, sizeAs, square, sub } from '../graph/ops/index.js';
import { Normalization } from '../layers/normalization.js';
import { TimeDistributed } from '../layers/wrappers.js';
import type { Layer, LayerCall, Signal } from '../network/layer.js';
import { withPieces } from '../network/network.js';
import { feedNetwork } from '../training/step.js';
import type { Adaptable } from './adaptable.js';
import { normalizationIn } from './adapted.js';
import { scaleByData } from './lsuv.js';
import { fixedBatch } from './stateful.js';

/** Rows per engine call, unless layers keep a state for some number of rows. */
const BATCH = 2048;

/** Variances between which float32 keeps all its digits. */
const LEAST = 2 ** -126;
const MOST = (2 - 2 ** -23) * 2 ** 127;

/** Shares of a sum that rounding may have made. */
const ROUNDED = 1e-12;

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

/** Mean and variance by sums in float64, batch by batch, of what is left when the mean of the first batch is taken away: squares of large numbers leave no digits for how far those vary. */
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
  const shift = input('shift', kept, 'float64');
  const along = reshape(
    shift,
    x.shape.map((dim, axis) => (axes.includes(axis) ? 1 : (dim as number))),
  );
  const left = sub(x, along);
  const total = (tensor: Tensor): Tensor => reshape(reduceSum(tensor, { axes }), kept);
  const sum = total(left);
  const outputs = { sum, squares: total(square(left)), count: div(sizeAs(x, 'float64'), sizeAs(sum, 'float64')) };
  const model = emitModel([...tensors, ...values.values(), shift], outputs, { name: 'moments' });
  const session = await engine.load(encodeOnnx(model), { name: `${call.layer.title}, moments` });
  try {
    const feeds = await state.feeds(engine, [...values.keys()]);
    const rows = arrays[0]?.shape[0] ?? 0;
    const size = product(kept);
    const batchSize = fixedBatch(network) ?? BATCH;
    const sumsFrom = async (row: number, from: Float64Array): Promise<{ sum: NdArray; squares: NdArray; count: number }> => {
      const batch = Object.fromEntries(arrays.map((array, i) => [`x_${i}`, array.slice(row, row + batchSize)]));
      const shifted = { ...batch, ...feeds, shift: new NdArray(from, kept) };
      const { fetched } = await session.run(shifted, { sum: 'fetch', squares: 'fetch', count: 'fetch' });
      return { sum: fetched.sum as NdArray, squares: fetched.squares as NdArray, count: fetched.count?.at(0) ?? 0 };
    };
    const first = await sumsFrom(0, new Float64Array(size));
    const from = Float64Array.from({ length: size }, (_, i) => first.sum.at(i) / first.count);
    const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
    let count = 0;
    for (let row = 0; row < rows; row += batchSize) {
      const part = await sumsFrom(row, from);
      for (let i = 0; i < size; i++) {
        sums[i] = (sums[i] ?? 0) + part.sum.at(i);
        squares[i] = (squares[i] ?? 0) + part.squares.at(i);
      }
      count += part.count;
    }
    const mean = sums.map((value, i) => (from[i] ?? 0) + value / count);
    const variance = squares.map((value, i) => {
      const spread = value / count - ((sums[i] ?? 0) / count) ** 2;
      // Below the rounding errors of the sums, and of the mean that was taken away, a feature does not vary.
      return spread > ROUNDED * (value / count) && spread > (ROUNDED * (mean[i] ?? 0)) ** 2 ? spread : 0;
    });
    const dtype = values.get(`${call.layer.title}/variance`)?.dtype;
    variance.forEach((value, i) => {
      if (dtype === 'float32') checkHeld(call.layer, value, variance.length > 1 ? `feature ${i}` : 'its input');
    });
    return { mean: new NdArray(mean, kept), variance: new NdArray(variance, kept) };
  } finally {
    await session.dispose();
  }
}

/** @throws DataError if float32 does not hold a variance: the feature would be lost behind the layer. */
function checkHeld(layer: Layer, variance: number, what: string): void {
  if (!Number.isFinite(variance) || variance === 0 || (variance >= LEAST && variance <= MOST)) return;
  const deviation = Math.sqrt(variance);
  const unit = deviation.toExponential(0).replace(/^\d+/, '1').replace('+', '');
  throw new DataError(
    `${layer.title}: ${what} has a standard deviation of ${Number(deviation.toPrecision(2))}, whose variance overflows or underflows float32. Rescale the feature, for example divide it by ${unit}`,
    { layer: layer.title, received: deviation },
  );
}

/** What the layer inside of another is given: steps are rows to what is applied to each of them. */
function seenInside(layer: Layer, x: Tensor): Tensor {
  return layer instanceof TimeDistributed ? seenInside(layer.layer, reshape(x, [-1, ...x.shape.slice(2)])) : x;
}
