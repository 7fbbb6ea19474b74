import { doctor, layers, ops, optimizers, sequential, type Tensor } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { glyphSet } from '../sets.js';

const data = { x: glyphSet.x.slice(0, 1000), y: glyphSet.y.slice(0, 1000) };

describe("functions of the user's own in a network that is treated", () => {
  it('are taken from the model, and go where remedies put them', async () => {
    const bent = (input: Tensor): Tensor => ops.tanh(input);
    const model = sequential(
      [
        layers.input([28, 28], { dtype: 'uint8' }),
        layers.flatten(),
        layers.lambda((input) => ops.div(ops.cast(input as Tensor, 'float32'), 255)),
        layers.dense(32, { activation: bent }),
        layers.dense(32, { activation: (input: Tensor) => ops.mul(ops.tanh(input), 1.1) }),
        layers.dense(10, { activation: 'softmax' }),
      ],
      { seed: 1 },
    ).compile({ optimizer: optimizers.sgd({ learningRate: 1e-5 }), loss: 'sparseCategoricalCrossentropy' });
    const lines: string[] = [];
    const { outcome, model: treated } = await doctor.treat(model, data, {
      epochs: 8,
      allow: ['normalize', 'raise-learning-rate', 'adaptive-optimizer'],
      onProgress: (line) => lines.push(line),
    });
    expect(outcome).toBe('cured');
    expect(lines.filter((line) => line.startsWith('no such network'))).toEqual([]);
    // Normalized sums are bent by layers of their own, which the description names anew.
    const bending = treated.layers.flatMap((layer) => (layer.kind === 'activation' ? [layer.config()] : []));
    expect(bending).toMatchObject([{ activation: { name: 'bent', custom: true } }, { activation: { name: 'activation1', custom: true } }]);
  });

  it('make room for what suits: weights that an initializer of the user makes all alike are drawn, by whatever bends them', async () => {
    const alike = (shape: readonly number[]): number[] => new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0.01);
    const model = sequential(
      [
        layers.input([28, 28], { dtype: 'uint8' }),
        layers.flatten(),
        layers.rescaling(1 / 255),
        layers.dense(32, { activation: (input: Tensor) => ops.mul(input, ops.sigmoid(input)), kernelInitializer: alike }),
        layers.dense(10, { activation: 'softmax' }),
      ],
      { seed: 1 },
    ).compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
    const { outcome, findings, remedies, model: treated } = await doctor.treat(model, data, { epochs: 8 });
    expect(findings.map(({ rule }) => rule)).toContain('constant-weights');
    expect(remedies.map(({ id }) => id)).toContain('suiting-initializer');
    expect(outcome).toBe('cured');
    expect(treated.layer('dense_1').config()).toMatchObject({ kernelInitializer: { name: 'auto' } });
  });
});
