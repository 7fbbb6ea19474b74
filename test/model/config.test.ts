import { fromConfig, layers, NdArray, ops, optimizers, sequential, type Tensor, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { ownFunctions } from '#src/model/config.js';

const square = (input: Tensor): Tensor => ops.mul(input, input);
const thirds = (shape: readonly number[]): number[] => new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1 / 3);
const distance = (target: Tensor, output: Tensor): Tensor => ops.abs(ops.sub(output, target));
const falling = (step: number): number => 0.01 / (step + 1);

const data = { x: NdArray.from([[1, -2], [0.5, 3]]), y: NdArray.from([[1], [2]]) }; // biome-ignore format: two rows

describe('ownFunctions', () => {
  const made = () =>
    sequential(
      [
        layers.input([2]),
        layers.dense(3, { activation: square, kernelInitializer: thirds }),
        layers.lambda((input) => ops.neg(input as Tensor)),
        layers.dense(1, { activation: (input: Tensor) => ops.mul(input, 2) }),
      ],
      { seed: 1 },
    ).compile({ optimizer: optimizers.sgd({ learningRate: falling }), loss: distance, metrics: [distance] });

  it('makes the same network of its description, and trains it alike', async () => {
    const before = made();
    const after = fromConfig(toConfig(before), { custom: ownFunctions(before) });
    expect(toConfig(after)).toEqual(toConfig(before));
    const fit = { epochs: 2, batchSize: 1, verbose: 0 } as const;
    const [first, second] = [await before.fit(data.x, data.y, fit), await after.fit(data.x, data.y, fit)];
    expect(second.last).toEqual(first.last);
    expect((await after.predict(data.x)).data).toEqual((await before.predict(data.x)).data);
  });

  it('tells two of one name apart by their places, and has neither under the name', () => {
    const twice = sequential([
      layers.input([2]),
      layers.dense(2, { activation: (input: Tensor) => ops.mul(input, 2) }),
      layers.dense(2, { activation: (input: Tensor) => ops.mul(input, 3) }),
    ]);
    expect(Object.keys(ownFunctions(twice)).sort()).toEqual(['dense_1/activation', 'dense_2/activation']);
  });

  it('has none of a table, and none where there are none', () => {
    const plain = sequential([layers.input([2]), layers.dense(2, { activation: 'relu' })]).compile({ optimizer: 'adam', loss: 'mse' });
    expect(ownFunctions(plain)).toEqual({});
  });
});
