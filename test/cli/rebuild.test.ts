import { type Layer, layers, type Model, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { UsageError } from '#src/cli/print.js';
import { standardized } from '#src/cli/rebuild.js';

describe('--standardize', () => {
  const withOne = (layer: Layer): Model => sequential([layers.input([3, 2]), layer, layers.flatten(), layers.dense(1)]);

  it.each([
    ['by itself', () => layers.normalization(), /already has a normalization layer; remove --standardize$/],
    [
      'inside of another layer',
      () => layers.timeDistributed(layers.normalization()),
      /already has a normalization layer, inside of 'timeDistributed_1'; remove/,
    ],
    ['further inside', () => layers.timeDistributed(layers.timeDistributed(layers.normalization())), /inside of 'timeDistributed_1'/],
  ])('refuses a model that has a normalization layer %s', async (_, make, message) => {
    const inner = make();
    const deep = inner.inside[0]?.inside.length === 1;
    const model = deep ? sequential([layers.input([3, 2, 2]), inner, layers.flatten(), layers.dense(1)]) : withOne(inner);
    await expect(standardized(model)).rejects.toThrow(UsageError);
    await expect(standardized(model)).rejects.toThrow(message);
  });

  it('puts one behind the input of others', async () => {
    const model = await standardized(withOne(layers.timeDistributed(layers.batchNormalization())));
    expect(model.layers.map(({ kind }) => kind)).toEqual(['input', 'normalization', 'timeDistributed', 'flatten', 'dense']);
  });
});
