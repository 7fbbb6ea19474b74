import { DataError, layers, type Model, model, NdArray, ops, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { DType } from '#src/core/dtype.js';

/** A network that gives its input back, and notes the type in which it came. */
function mirror(dtype: DType): { readonly net: Model; readonly seen: DType[] } {
  const seen: DType[] = [];
  const look = layers.lambda(
    (x) => {
      seen.push(x.dtype);
      return ops.cast(x, 'float32');
    },
    { name: 'look' },
  );
  Object.defineProperty(look, 'keepsIntegers', { value: true });
  return { net: sequential([layers.input([2], { dtype, name: 'numbers' }), look]), seen };
}

describe('an input that declares a whole type', () => {
  it.each<[DType, unknown]>([
    ['int64', [[1, -2]]],
    ['int32', NdArray.from([[1, -2]])],
    ['int8', new NdArray(new BigInt64Array([1n, -2n]), [1, 2])],
    ['int64', new NdArray(new Int16Array([1, -2]), [1, 2])],
    ['int16', new NdArray(new Float64Array([1, -2]), [1, 2])],
  ])('gets %s whatever its numbers come as: %#', async (dtype, x) => {
    const { net, seen } = mirror(dtype);
    expect((await net.predict(x as NdArray)).toNested()).toEqual([[1, -2]]);
    expect(seen.at(-1)).toBe(dtype);
    await net.dispose();
  });

  it('gets nested numbers whole that float32 would round, and wide ones as they are', async () => {
    const wide = layers.input([1], { dtype: 'int64' });
    const parity = layers.lambda((x) => ops.cast(ops.mod(x, 2), 'float32'));
    Object.defineProperty(parity, 'keepsIntegers', { value: true });
    const net = sequential([wide, parity]);
    expect((await net.predict([[2 ** 24 + 1], [2 ** 24 + 2]])).toNested()).toEqual([[1], [0]]);
    expect((await net.predict(new NdArray(new BigUint64Array([2n ** 60n + 1n]), [1, 1]))).toNested()).toEqual([[1]]);
    await net.dispose();
  });

  it.each<[DType, unknown, RegExp]>([
    ['uint8', [[0, 1], [0.5, 1]], /^numbers is declared uint8, but x holds 0\.5 in row 1; expected whole numbers from 0 to 255\. If the data are already scaled/], // biome-ignore format: one row
    ['uint8', [[256, 0]], /x holds 256 in row 0/],
    ['uint8', new NdArray(new Int8Array([3, -1]), [1, 2]), /x holds -1 in row 0/],
    ['bool', [[1, 2]], /from 0 to 1/],
    ['int32', [[2 ** 31, 0]], /x holds 2147483648 in row 0/],
  ])('%s: what it cannot hold is refused, %#', async (dtype, x, message) => {
    const { net } = mirror(dtype);
    const attempt = net.predict(x as NdArray);
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow(message);
    await net.dispose();
  });

  it('trains on streams and arrays alike; inputs of floats keep the bytes that they are given', async () => {
    const [tokens, pixels] = [layers.input([2], { dtype: 'int32', name: 'tokens' }), layers.input([2], { name: 'pixels' })];
    const looked = layers.flatten().apply(layers.embedding(5, 2).apply(tokens));
    const outputs = layers.dense(1).apply(layers.concatenate().apply([looked, layers.dense(2).apply(pixels)]));
    const made = () => model({ inputs: [tokens, pixels], outputs }, { seed: 1 }).compile({ loss: 'mse' });
    const batch = {
      x: { tokens: [[1, 2]], pixels: new NdArray(new Uint8Array([3, 4]), [1, 2]) },
      y: [[1]],
    };
    const [whole, streamed] = [made(), made()];
    const first = await whole.fit(batch, { verbose: 0, batchSize: 1 });
    const second = await streamed.fit(() => [batch], { verbose: 0 });
    expect(second.last.loss).toBe(first.last.loss);
    for (const net of [whole, streamed]) await net.dispose();
  });
});
