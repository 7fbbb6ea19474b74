import { fromConfig, layers, NdArray, ops, optimizers, sequential, type Tensor, toConfig } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { toOwnConfig } from '#src/model/config.js';

const square = (input: Tensor): Tensor => ops.mul(input, input);
const thirds = (shape: readonly number[]): number[] => new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1 / 3);
const distance = (target: Tensor, output: Tensor): Tensor => ops.abs(ops.sub(output, target));
const falling = (step: number): number => 0.01 / (step + 1);

const data = { x: NdArray.from([[1, -2], [0.5, 3]]), y: NdArray.from([[1], [2]]) }; // biome-ignore format: two rows

describe('toOwnConfig', () => {
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
    const { config, functions } = toOwnConfig(before);
    const after = fromConfig(config, { custom: functions });
    expect(toConfig(after)).toEqual(config);
    const fit = { epochs: 2, batchSize: 1, verbose: 0 } as const;
    const [first, second] = [await before.fit(data.x, data.y, fit), await after.fit(data.x, data.y, fit)];
    expect(second.last).toEqual(first.last);
    expect((await after.predict(data.x)).data).toEqual((await before.predict(data.x)).data);
  });

  it('has one name for a function wherever it stands, and numbers for those that have none', () => {
    const { config, functions } = toOwnConfig(
      sequential([
        layers.input([2]),
        layers.dense(2, { activation: square }),
        layers.dense(2, { activation: (input: Tensor) => ops.mul(input, 2) }),
        layers.dense(2, { activation: (input: Tensor) => ops.mul(input, 3) }),
        layers.dense(2, { activation: square }),
        layers.lambda((input) => ops.neg(input as Tensor)),
      ]),
    );
    const named = config.layers.slice(1).map((layer) => ((layer.config.activation ?? layer.config.function) as { name: string }).name);
    expect(named).toEqual(['square', 'activation1', 'activation2', 'square', 'custom1']);
    expect(Object.keys(functions)).toEqual(['square', 'activation1', 'activation2', 'custom1']);
    expect(functions.square).toBe(square);
  });

  it('tells two functions of one name apart', () => {
    const [first, second] = [2, 3].map((factor) => {
      const times = (input: Tensor): Tensor => ops.mul(input, factor);
      return times;
    });
    const { functions } = toOwnConfig(
      sequential([layers.input([2]), layers.dense(2, { activation: first ?? square }), layers.dense(2, { activation: second ?? square })]),
    );
    expect(functions).toEqual({ times: first, times2: second });
  });

  it('is the description itself, and has no functions, where all are of a table', () => {
    const plain = sequential([layers.input([2]), layers.dense(2, { activation: 'relu' })]).compile({ optimizer: 'adam', loss: 'mse' });
    expect(toOwnConfig(plain)).toEqual({ config: toConfig(plain), functions: {} });
  });
});
