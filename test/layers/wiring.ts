import type { FloatDType } from '#src/core/dtype.js';
import { NdArray } from '#src/core/ndarray.js';
import { constant, input, scalar, type Tensor } from '#src/graph/node.js';
import { mul, reduceSum } from '#src/graph/ops/index.js';
import type { Signal } from '#src/network/layer.js';
import { Network } from '#src/network/network.js';
import { uniformSource } from '#src/training/step.js';
import { generator } from '../graph/differences.js';

/** Two sequences of two features, of which two steps and one are no padding. */
export const paddedRows = [
  [
    [1, 4],
    [3, 2],
    [0, 0],
  ],
  [
    [5, -3],
    [0, 0],
    [0, 0],
  ],
];

/** Layers written into a graph: the tensors to feed, and what comes out of them. */
export interface Wiring {
  readonly network: Network;
  readonly inputs: readonly Tensor[];
  readonly variables: ReadonlyMap<string, Tensor>;
  readonly outputs: readonly Tensor[];
  readonly updates: ReadonlyMap<string, Tensor>;
}

/** Writes layers as a network does, on inputs of a given number of rows. */
export function wire(from: readonly Signal[], to: readonly Signal[], rows: number, training: boolean, dtype: FloatDType = 'float64'): Wiring {
  const network = new Network(from, to, dtype);
  const inputs = from.map(({ shape }, i) => input(`in_${i}`, [rows, ...shape.slice(1)], dtype));
  const variables = new Map(network.variables.map(({ name, shape }) => [name, input(name, shape, dtype)]));
  const uniform = uniformSource(3, scalar(5, 'int64'));
  const { outputs, updates } = network.forward(inputs, { training, values: variables, uniform });
  return { network, inputs, variables, outputs, updates };
}

/** Σ g·y, which makes g the gradient that enters from above. */
export function seededLoss(output: Tensor, seed: NdArray): Tensor {
  return reduceSum(mul(output, constant(seed.cast(output.dtype))));
}

/** Reproducible numbers in [low, high). */
export function randomArray(shape: readonly number[], seed: number, low = -1, high = 1): NdArray {
  const next = generator(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return new NdArray(
    Float64Array.from({ length: size }, () => low + (high - low) * next()),
    shape,
  );
}
