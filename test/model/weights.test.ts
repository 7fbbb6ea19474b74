import { layers, losses, metrics, model, ndarray, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';

const x = Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(3 * i)]);
const labels = x.map((_, i) => i % 3);
const weights = x.map((_, i) => (i % 4) / 2);

function compiled(options = {}) {
  const model = sequential([layers.input([2]), layers.dense(3, { activation: 'softmax' })], { seed: 3 });
  return model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', ...options });
}

/** Cross-entropy of each row, by the model's own probabilities. */
async function rowLosses(model: ReturnType<typeof compiled>): Promise<number[]> {
  const p = await model.predict(ndarray(x));
  return labels.map((label, i) => -Math.log(p.at(3 * i + label)));
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe('sample weights', () => {
  it('multiply the losses of rows, whose mean is over all rows', async () => {
    const model = compiled();
    const rows = await rowLosses(model);
    const { loss } = await model.evaluate(ndarray(x), labels, { sampleWeight: weights });
    expect(loss).toBeCloseTo(sum(rows.map((row, i) => row * (weights[i] as number))) / 12, 5);
  });

  it('train as rows repeated that often do', async () => {
    const [weighed, repeated] = [compiled(), compiled()];
    const often = x.map((_, i) => i % 3);
    const index = often.flatMap((count, i) => new Array<number>(count).fill(i));
    await weighed.trainOnBatch(ndarray(x), labels, { sampleWeight: often });
    await repeated.trainOnBatch(
      ndarray(index.map((i) => x[i] as number[])),
      index.map((i) => labels[i] as number),
    );
    const [a, b] = [await weighed.getWeights(), await repeated.getWeights()];
    // As many rows were repeated as there are, so that the means are over the same number.
    expect(index.length).toBe(12);
    a.forEach((array, k) => {
      for (let i = 0; i < array.size; i++) expect(array.at(i)).toBeCloseTo(b[k]?.at(i) as number, 6);
    });
  });

  it('come with streams, and not with some of their minibatches only', async () => {
    const arrays = compiled();
    const stream = compiled();
    const options = { epochs: 2, batchSize: 4, shuffle: false, verbose: 0 } as const;
    await arrays.fit(ndarray(x), labels, { ...options, sampleWeight: weights });
    const parts = [0, 4, 8].map((at) => ({ x: x.slice(at, at + 4), y: labels.slice(at, at + 4), sampleWeight: weights.slice(at, at + 4) }));
    await stream.fit(() => parts, options);
    const read = async (model: typeof arrays) =>
      (await model.getWeights()).flatMap((array) => Array.from({ length: array.size }, (_, i) => array.at(i)));
    expect(await read(stream)).toEqual(await read(arrays));
    const torn = [parts[0], { x: x.slice(4, 8), y: labels.slice(4, 8) }] as typeof parts;
    await expect(stream.fit(() => torn, options)).rejects.toThrow(/no sampleWeight where the first one held 1 sampleWeight/);
  });

  it('count in weighted metrics alone', async () => {
    const model = compiled({ metrics: ['accuracy'], weightedMetrics: ['accuracy'] });
    const p = await model.predict(ndarray(x));
    const hits = labels.map((label, i) => Number([0, 1, 2].every((k) => p.at(3 * i + k) <= p.at(3 * i + label))));
    const logs = await model.evaluate(ndarray(x), labels, { sampleWeight: weights });
    expect(logs.accuracy).toBeCloseTo(sum(hits) / 12, 6);
    expect(logs.weighted_accuracy).toBeCloseTo(sum(hits.map((hit, i) => hit * (weights[i] as number))) / sum(weights), 6);
  });

  it('are checked', async () => {
    const model = compiled();
    await expect(model.fit(ndarray(x), labels, { sampleWeight: [1, 2], verbose: 0 })).rejects.toThrow(/x has 12 rows and sampleWeight has 2/);
    await expect(model.fit(ndarray(x), labels, { sampleWeight: x, verbose: 0 })).rejects.toThrow(/one number per row, shape \[N\], got \[12, 2\]/);
    await expect(model.fit(ndarray(x), labels, { sampleWeight: weights, classWeight: { 0: 2 }, verbose: 0 })).rejects.toThrow(
      /pass either sampleWeight or classWeight/,
    );
    await expect(model.fit(ndarray(x), labels, { classWeight: { a: 2 } as never, verbose: 0 })).rejects.toThrow(/maps class numbers/);
  });
});

describe('class weights', () => {
  it.each([{ 1: 5, 2: 0.5 }, [1, 5, 0.5]])('are the sample weights of their rows', async (classWeight) => {
    const [byClass, byRow] = [compiled(), compiled()];
    const a = await byClass.trainOnBatch(ndarray(x), labels, { classWeight });
    const b = await byRow.trainOnBatch(ndarray(x), labels, { sampleWeight: labels.map((label) => [1, 5, 0.5][label] as number) });
    expect(a).toEqual(b);
    expect(await byClass.getWeights()).toEqual(await byRow.getWeights());
  });
});

describe('sums over an epoch', () => {
  const own = () => [metrics.auc({ numThresholds: 20 }), metrics.f1Score({ average: 'macro' }), metrics.precision({ thresholds: [0.3, 0.4] })];
  const hot = labels.map((label) => [0, 1, 2].map((k) => Number(k === label)));

  it('do not depend on minibatches or chunks', async () => {
    const runs = [
      { batchSize: 12, chunk: 1 },
      { batchSize: 5, chunk: 1 },
      { batchSize: 5, chunk: 7 },
    ].map(async (options) => {
      const model = compiled({
        optimizer: optimizers.sgd({ learningRate: 1e-12 }),
        loss: losses.categoricalCrossentropy(),
        metrics: own(),
      });
      const history = await model.fit(ndarray(x), ndarray(hot), { ...options, shuffle: false, verbose: 0 });
      return { logs: history.last, evaluated: await model.evaluate(ndarray(x), ndarray(hot)) };
    });
    const [whole, batches, chunks] = await Promise.all(runs);
    expect(Object.keys(whole?.logs ?? {})).toEqual(['loss', 'auc', 'f1Score', 'precision_0', 'precision_1']);
    expect(chunks).toEqual(batches);
    for (const [name, value] of Object.entries(whole?.logs ?? {})) {
      expect(batches?.logs[name]).toBeCloseTo(value, 5);
      expect(whole?.evaluated[name]).toBeCloseTo(value, 5);
    }
  });
});

describe('copyWeights', () => {
  const wired = () => {
    const input = layers.input([2]);
    const code = layers.dense(3, { activation: 'tanh' }).apply(input);
    const whole = model({ inputs: input, outputs: layers.dense(2).apply(code) }, { seed: 1 }).compile({ loss: 'mse' });
    return { whole, part: model({ inputs: input, outputs: code }, { seed: 9 }) };
  };

  it('hands over what a model of the same layers learned', async () => {
    const { whole, part } = wired();
    const features = ndarray([[0.5, -1], [2, 0.25]]); // biome-ignore format: rows
    await whole.fit(features, features, { epochs: 3, verbose: 0 });
    const [kernel, bias] = await whole.getWeights();
    expect(await part.getWeights()).not.toEqual([kernel, bias]);
    await part.copyWeights(whole);
    expect(await part.getWeights()).toEqual([kernel, bias]);
  });

  it('is refused where the models have no layer in common, or there is no model', async () => {
    await expect(wired().part.copyWeights(undefined as never)).rejects.toThrow(
      'copyWeights: expected a model that shares some layers with this one, got undefined',
    );
    await expect(wired().part.copyWeights(wired().whole)).rejects.toThrow(/no layer with weights in common.*setWeights/);
  });
});
