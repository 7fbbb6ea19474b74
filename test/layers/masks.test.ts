import { type Layer, layers, NdArray, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { values } from '../training/sets.js';

/** Two steps that count, and two of padding. */
const padded = NdArray.from([[[1], [2], [0], [0]]]);

/** Gives the sum of all steps so far, in the order in which it walks. */
const summing = (options: { goBackwards?: boolean; returnSequences?: boolean }) =>
  layers.simpleRnn(1, { ...options, activation: 'linear', kernelInitializer: 'ones', recurrentInitializer: 'ones' });

async function given(x: NdArray, ...row: readonly Layer[]): Promise<readonly number[]> {
  const [found = []] = values([await sequential([layers.input(x.shape.slice(1)), layers.masking(), ...row]).predict(x)]);
  return found;
}

describe('a mask behind a layer that walks backwards', () => {
  // Backwards the sums are 0, 0, 2 and 3: the padding comes first.
  const backwards = summing({ goBackwards: true, returnSequences: true });

  it('lets a pooling count the steps that do', async () => {
    expect(await given(padded, backwards, layers.globalAveragePooling1d())).toEqual([2.5]);
  });

  it('lets another recurrent layer pass over the padding', async () => {
    expect(await given(padded, backwards, summing({}))).toEqual([5]);
    // Forwards again: 3, 5 from the last step on.
    expect(await given(padded, backwards, summing({ goBackwards: true, returnSequences: true }), layers.globalAveragePooling1d())).toEqual([4]);
  });

  it('leaves the padding out of the loss', async () => {
    const net = sequential([layers.input([4, 1]), layers.masking(), backwards]).compile({ loss: 'mse' });
    // Off by 1 and by 2 at the steps that count.
    const { loss } = await net.evaluate(padded, NdArray.from([[[9], [9], [1], [1]]]));
    expect(loss).toBe(2.5);
  });

  it('has two directions give zeros at padding where the first of them does', async () => {
    const both = layers.bidirectional(backwards, { mergeMode: 'sum' });
    // 1 + 3 and 3 + 2 at the two steps, the last first.
    expect(await given(padded, both)).toEqual([0, 0, 5, 4]);
    expect(await given(padded, both, layers.globalAveragePooling1d())).toEqual([4.5]);
  });
});
