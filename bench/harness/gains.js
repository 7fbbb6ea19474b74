// @ts-check
import { NdArray, ops, tensorInput } from 'evenkeel';
import { emitModel } from '#src/graph/emit.js';
import { gradients } from '#src/graph/gradients.js';
import { encodeOnnx } from '#src/graph/onnx/encode.js';

/** @typedef {import('evenkeel').Model} Model */
/** @typedef {import('evenkeel').Tensor} Tensor */
/** @typedef {import('evenkeel').Random} Random */

/** RMS by the largest value: float32 squares go from 1e-38 to 1e38 only. @param {Tensor} x */
function rms(x) {
  const largest = ops.max(ops.reduceMax(ops.abs(x)), 1e-37);
  return ops.mul(largest, ops.sqrt(ops.reduceMean(ops.square(ops.div(x, largest)))));
}

/** Arrays of a network drawn by its initializers. @param {Model} model @param {Random} random @returns {Map<string, NdArray>} */
export function drawWeights({ network }, random) {
  return new Map(
    network.variables.map(({ name, shape, initializer, layer, weight }) => {
      const drawn = /** @type {import('evenkeel').Initializer} */ (initializer).sample(shape, random.stream(layer.title).stream(weight), () => {});
      return [name, new NdArray(Float32Array.from(drawn), shape)];
    }),
  );
}

/** N(0, 1) numbers. @param {Random} random @param {readonly number[]} shape */
export function normalArray(random, shape) {
  const values = new Float32Array(shape.reduce((size, length) => size * length, 1));
  for (let i = 0; i < values.length; i++) values[i] = random.normal();
  return new NdArray(values, [...shape]);
}

/**
 * Measures a network of one input and one output at given weights: RMS of z, and of ∂L/∂z for a loss that is linear in the output's z, of every use
 * that sums by weights or bends.
 * @param {Model} model
 * @param {import('evenkeel').Engine} engine
 */
export async function gainMeter({ network }, engine) {
  const [entry, exit] = [network.inputs[0], network.outputs[0]];
  if (!entry || !exit) throw new Error('a network without input or output');
  const x = tensorInput('x', entry.shape, 'float32');
  const states = network.variables.map(({ name, shape }) => tensorInput(name, shape, 'float32'));
  /** @type {{ call: typeof network.calls[number], z: Tensor }[]} */
  const seen = [];
  const { outputs } = network.forward([x], {
    training: true,
    values: new Map(states.map((state) => [state.name ?? '', state])),
    uniform: (like) => like,
    preactivation: (call, z) => {
      seen.push({ call, z });
      return z;
    },
  });
  const last = seen.find(({ call }) => call === exit.call)?.z ?? /** @type {Tensor} */ (outputs[0]);
  const direction = tensorInput('direction', last.shape, 'float32');
  const loss = ops.reduceSum(ops.mul(last, direction));
  const found = gradients(
    loss,
    seen.map(({ z }) => z),
  );
  const graph = emitModel(
    [x, direction, ...states],
    Object.fromEntries([...seen.map(({ z }, i) => [`z_${i}`, rms(z)]), ...found.map((gradient, i) => [`g_${i}`, rms(gradient)])]),
    { name: 'gains' },
  );
  const session = await engine.load(encodeOnnx(graph), { name: 'gains' });
  const wanted = Object.fromEntries(seen.flatMap((_, i) => [`z_${i}`, `g_${i}`]).map((name) => [name, /** @type {const} */ ('fetch')]));
  const width = /** @type {number[]} */ (last.shape.slice(1));
  return {
    uses: seen.map(({ call }) => call.layer.title),
    /**
     * @param {ReadonlyMap<string, NdArray>} weights
     * @param {NdArray} rows
     * @param {Random} random of the loss's direction
     */
    async measure(weights, rows, random) {
      const feeds = { x: rows, direction: normalArray(random, [rows.shape[0] ?? 1, ...width]), ...Object.fromEntries(weights) };
      const { fetched } = await session.run(feeds, wanted);
      const read = (/** @type {string} */ kind) => seen.map((_, i) => fetched[`${kind}_${i}`]?.at(0) ?? Number.NaN);
      return { z: read('z'), g: read('g') };
    },
    dispose: () => session.dispose(),
  };
}
