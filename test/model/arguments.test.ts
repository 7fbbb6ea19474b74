import { ArgumentError, type BatchLike, DataError, layers, type Model, NdArray, ndarray, ops, ShapeError, sequential, model as wire } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const x = ndarray([
  [1, 0],
  [0, 1],
  [1, 1],
  [2, 1],
]);
const y = ndarray([[1], [2], [3], [5]]);
const quiet = { verbose: 0 } as const;

const net = (lossWeights?: unknown): Model =>
  sequential([layers.input([2]), layers.dense(1, { kernelInitializer: 'zeros' })]).compile({
    loss: 'mse',
    ...(lossWeights === undefined ? {} : { lossWeights: lossWeights as number }),
  });

describe('fit', () => {
  const parts = [0, 2].map((row) => ({ x: x.slice(row, row + 2), y: y.slice(row, row + 2) }));

  it('takes a list of minibatches as a stream of them, anew in every epoch', async () => {
    const [listed, whole] = [net(), net()];
    const history = await listed.fit(parts, { ...quiet, epochs: 3 });
    expect(history.steps).toBe(6);
    await whole.fit(x, y, { ...quiet, epochs: 3, batchSize: 2, shuffle: false });
    expect((await listed.getWeights()).map(({ data }) => [...data])).toEqual((await whole.getWeights()).map(({ data }) => [...data]));
    expect((await net().fit(parts, { ...quiet, epochs: 3, stepsPerEpoch: 1 })).steps).toBe(3);
  });

  it('says what a list of minibatches lacks', async () => {
    await expect(net().fit([parts[0], { x }] as never, quiet)).rejects.toThrow(DataError);
    await expect(net().fit([{ x }] as never, quiet)).rejects.toThrow('a stream must yield minibatches { x, y }, got an object of x');
  });

  it.each([
    [{ shuffle: 'batch' }, /shuffle must be true .* or false, got 'batch'/],
    [{ verbose: 5 }, /verbose must be 0 .*, got 5/],
    [{ signal: 3 }, /signal must be an AbortSignal.*, got 3/],
    [{ callbacks: 1 }, /callbacks must be a list, got 1/],
    [{ validationData: x }, /validationData must be { x, y }/],
  ])('refuses %o', async (options, message) => {
    const fit = net().fit(x, y, { ...quiet, ...options } as never);
    await expect(fit).rejects.toThrow(ArgumentError);
    await expect(fit).rejects.toThrow(message);
  });
});

describe('evaluate', () => {
  // Of zeros: the squares of the targets.
  const sampleWeight = ndarray([1, 0, 2, 0]);
  const weighted = (1 + 2 * 9) / 4;

  it('counts sample weights wherever they stand', async () => {
    const model = net();
    expect((await model.evaluate(x, y)).loss).toBeCloseTo((1 + 4 + 9 + 25) / 4, 5);
    for (const logs of [
      await model.evaluate(x, y, { sampleWeight }),
      await model.evaluate({ x, y }, undefined, { sampleWeight }),
      await model.evaluate({ x, y }, { sampleWeight }),
      await model.evaluate({ x, y, sampleWeight }),
    ]) {
      expect(logs.loss).toBeCloseTo(weighted, 5);
    }
  });

  it('refuses options that it does not know, and the lack of targets', async () => {
    await expect(net().evaluate(x, y, { sampleWeigth: sampleWeight } as never)).rejects.toThrow(/unknown option 'sampleWeigth'.*sampleWeight/);
    await expect(net().evaluate({ x, y }, { batchSiz: 2 } as never)).rejects.toThrow(/evaluate: unknown option 'batchSiz'/);
    await expect(net().evaluate(x)).rejects.toThrow('evaluate needs targets');
  });
});

describe('what works on one minibatch', () => {
  // Of zeros: the squares of the targets; the gradient of the bias is twice the mean of outputs less targets.
  const sampleWeight = ndarray([1, 0, 2, 0]);
  const asked = [
    ['gradients', async (model: Model, batch: BatchLike) => (await model.gradients(batch)).gradients.get('dense_1/bias')?.at(0), -(2 + 12) / 4],
    ['curvature', async (model: Model, batch: BatchLike) => (await model.curvature(batch, { steps: 3 })).sharpness > 0, true],
    ['examine', async (model: Model, batch: BatchLike) => (await model.examine(batch, { sharpness: false })).steps[0]?.loss, (1 + 18) / 4],
    ['trainOnBatch', async (model: Model, batch: BatchLike) => (await model.trainOnBatch(batch)).loss, (1 + 18) / 4],
  ] as const;

  it.each(asked)('takes { x, y, sampleWeight }: %s', async (method, take, expected) => {
    expect(await take(net(), { x, y, sampleWeight })).toEqual(expected);
    await expect(net()[method](x as never)).rejects.toThrow(`${method} needs targets: ${method}(x, y), or ${method}({ x, y })`);
    await expect(net()[method]({ x, y }, { sampleWeigth: 1 } as never)).rejects.toThrow(`${method}: unknown option 'sampleWeigth'`);
  });

  it('trains by the weights among the options, and knows no others of a fit', async () => {
    const [among, behind] = [net(), net()];
    await among.trainOnBatch({ x, y }, { sampleWeight });
    await behind.trainOnBatch(x, y, { sampleWeight });
    expect((await among.getWeights()).map(({ data }) => [...data])).toEqual((await behind.getWeights()).map(({ data }) => [...data]));
    await expect(net().trainOnBatch(x, y, { epochs: 3 } as never)).rejects.toThrow(/trainOnBatch: unknown option 'epochs'; known: sampleWeight/);
  });
});

describe('predict', () => {
  it('takes as many rows at once as asked', async () => {
    const seen = sequential([layers.input([2]), layers.lambda((t) => ops.mul(t, ops.reduceMax(t)))]);
    expect([...(await seen.predict(x, { batchSize: 2 })).data]).toEqual([1, 0, 0, 1, 2, 2, 4, 2]);
    expect(await seen.predict(x, { all: true, batchSize: 3 })).toHaveLength(1);
    await expect(seen.predict(x, { batchSize: 0 })).rejects.toThrow(/predict: batchSize must be a whole number ≥ 1, got 0/);
  });

  it('refuses options that it does not know', async () => {
    await expect(net().predict(x, { batchSise: 2 } as never)).rejects.toThrow(/predict: unknown option 'batchSise'.*batchSize/);
    await expect(net().predict(x, 2 as never)).rejects.toThrow(ArgumentError);
    expect(await net().predict(x, { all: true })).toHaveLength(1);
  });

  it('says which layer gives no row for each row', async () => {
    const summed = (axes?: number[]) =>
      sequential([layers.input([2]), layers.lambda((t) => ops.reduceSum(t, axes ? { axes } : {}), { name: 'sum' })]).predict(x);
    await expect(summed()).rejects.toThrow(ShapeError);
    await expect(summed()).rejects.toThrow(/sum returns an array of shape \[\] for 4 rows; the first axis must remain the rows/);
    await expect(summed([0])).rejects.toThrow(/sum returns an array of shape \[2\] for 4 rows/);
    expect([...(await summed([1])).data]).toEqual([1, 1, 2, 3]);
  });
});

describe('compile', () => {
  it('takes a number as the weight of the only loss', async () => {
    const [plain, twice] = [await net().evaluate(x, y), await net(2).evaluate(x, y)];
    expect(twice.loss).toBeCloseTo(2 * (plain.loss ?? 0), 5);
  });

  it('refuses weights that say nothing of the outputs', () => {
    const input = layers.input([2]);
    const two = wire({ inputs: input, outputs: [layers.dense(1, { name: 'a' }).apply(input), layers.dense(1, { name: 'b' }).apply(input)] });
    expect(() => two.compile({ loss: 'mse', lossWeights: 2 })).toThrow(/one for each output \(a, b\).*got 2/);
    expect(() => net('2')).toThrow(ArgumentError);
  });
});

describe('weights that are set', () => {
  it('must be arrays', async () => {
    const model = net();
    const nested = model.setWeights([[[1], [2]], [0]] as never);
    await expect(nested).rejects.toThrow(ArgumentError);
    await expect(nested).rejects.toThrow(/setWeights takes NdArrays, got \[\[1\], \[2\]\] for dense_1\/kernel/);
    await expect(model.setWeights(undefined as never)).rejects.toThrow(/setWeights takes a list of arrays/);
    await expect(model.setState({ a: 1 } as never)).rejects.toThrow(/setState takes a Map/);
    await expect(model.setState(new Map([['dense_1/bias', [0]]]) as never)).rejects.toThrow(ArgumentError);
    await model.setWeights([NdArray.from([1, 2]).reshape([2, 1]), ndarray([0])]);
    expect([...(await model.predict(x)).data]).toEqual([1, 2, 3, 4]);
  });
});
