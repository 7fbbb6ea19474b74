import { createEngine, EngineError, layers, NdArray, sequential } from 'evenkeel';
import { expect, it } from 'vitest';

it('a model whose engine ended first says that its weights are lost, and goes on with others', async () => {
  const engine = await createEngine({ backend: 'native', threads: 1 });
  const model = sequential([layers.input([2]), layers.dense(1)], { engine, seed: 1 }).compile({ optimizer: 'adam', loss: 'mse' });
  const x = NdArray.from([[1, 2], [3, -1]]); // biome-ignore format: rows
  await model.fit(x, x.slice(0, 2).reshape([4]).slice(0, 2), { verbose: 0 });
  const weights = await model.getWeights();
  const before = await model.predict(x);
  await model.fit(x, NdArray.from([1, 2]), { verbose: 0 });
  await engine.dispose();
  await expect(model.dispose()).rejects.toThrow(EngineError);
  await model.dispose();
  await expect(model.getWeights()).rejects.toThrow(
    /this model's weights were held by an engine that was disposed or died, and are lost; restore them/,
  );
  const [kernel] = weights;
  if (kernel) await expect(model.setState(new Map([['dense_1/kernel', kernel]]))).rejects.toThrow(/are lost/);
  await model.setWeights(weights);
  expect(await model.getWeights()).toEqual(weights);
  await model.dispose();
  const other = sequential([layers.input([2]), layers.dense(1)], { seed: 1 });
  await other.setWeights(await model.getWeights());
  expect(await other.predict(x)).toEqual(before);
});
