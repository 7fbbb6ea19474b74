import { type BatchLike, DataError, type FitOptions, layers, type Model, model, NdArray, ShapeError, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { splitRow } from '#src/model/fit-data.js';

function waves(...shape: number[]): NdArray {
  const size = shape.reduce((a, b) => a * b, 1);
  return new NdArray(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i + size)),
    shape,
  );
}
const batch = (rows: number, ...target: number[]): BatchLike => ({ x: waves(rows, 3), y: waves(rows, ...target) });
const sequences = (rows: number): BatchLike => ({ x: waves(rows, 3, 2), y: waves(rows, 1) });

const dense = (): Model => sequential([layers.input([3]), layers.normalization(), layers.dense(1)]).compile({ loss: 'mse', metrics: ['mae'] });
const stateful = (batchSize = 2): Model =>
  sequential([layers.input([3, 2]), layers.lstm(2, { stateful: true, batchSize }), layers.dense(1)]).compile({ loss: 'mse' });

/** The error of a fit, the steps that it took before and whether it changed the model. */
async function trouble(model: Model, data: BatchLike | (() => Iterable<BatchLike>), options: FitOptions = {}) {
  let steps = 0;
  const before = await model.getState();
  const counting = { every: 1, onBatchEnd: () => void steps++ };
  const error: unknown = await model.fit(data, { verbose: 0, shuffle: false, callbacks: [counting], ...options }).then(
    () => undefined,
    (thrown) => thrown,
  );
  const after = await model.getState();
  const same = [...after].every(([name, array]) => [...array.data].every((value, i) => value === before.get(name)?.data[i]));
  return { error, steps, same };
}

describe('rows before validation', () => {
  it('are all but the share that is meant, to the row', () => {
    // In whole numbers: hundredths of each number of rows, rounded down.
    const wrong: string[] = [];
    for (const rows of [100, 150, 1000, 1797, 12_345, 60_000, 10_000_019]) {
      for (let hundredths = 0; hundredths < 100; hundredths++) {
        const left = BigInt(rows) * BigInt(100 - hundredths);
        if (splitRow(rows, hundredths / 100) !== Number(left / 100n)) wrong.push(`${hundredths} % of ${rows}`);
      }
    }
    expect(wrong).toEqual([]);
    expect([0.9, 0.8, 0.25, 0].map((share) => splitRow(10, share))).toEqual([1, 2, 7, 10]);
    expect(() => splitRow(9, 0.9)).toThrow(/leaves no row of 9/);
  });
});

describe('options that do not go together', () => {
  it('are refused: steps of an epoch whose rows are all there', async () => {
    const { error, steps } = await trouble(dense(), batch(8, 1), { stepsPerEpoch: 3 });
    expect(String(error)).toMatch(/stepsPerEpoch is only for a list or generator of minibatches/);
    expect(steps).toBe(0);
  });
});

describe('inputs that are named x and y', () => {
  it('are no dataset where targets follow', async () => {
    const [x, y] = [layers.input([3], { name: 'x' }), layers.input([3], { name: 'y' })];
    const outputs = layers.dense(1).apply(layers.add().apply([x, y]));
    const net = model({ inputs: [x, y], outputs }).compile({ loss: 'mse' });
    const { steps } = await net.fit({ x: waves(8, 3), y: waves(8, 3) }, waves(8, 1), { batchSize: 4, verbose: 0 });
    expect(steps).toBe(2);
  });
});

describe('data that do not fit', () => {
  it('are refused before the first step where they are for validation', async () => {
    const wide = await trouble(dense(), batch(8, 1), { validationData: batch(4, 3) });
    expect(wide.error).toBeInstanceOf(ShapeError);
    expect(String(wide.error)).toMatch(/validationData: .*\[N, 3\] do not fit outputs of shape \[N, 1\]/);
    expect([wide.steps, wide.same]).toEqual([0, true]);
    const uneven = await trouble(stateful(), sequences(4), { batchSize: 2, validationData: sequences(3) });
    expect(uneven.error).toBeInstanceOf(DataError);
    expect(String(uneven.error)).toMatch(/lstm_1 .* the 3 rows of the validation data do not fill whole minibatches/);
    expect([uneven.steps, uneven.same]).toEqual([0, true]);
    const split = await trouble(stateful(), sequences(5), { batchSize: 2, validationSplit: 0.2 });
    expect(String(split.error)).toMatch(/lstm_1 .* the 1 row of the validation data/);
    expect(split.steps).toBe(0);
  });

  it('train where targets of another rank mean the same', async () => {
    const model = dense();
    const { history } = await model.fit(batch(8, 1), { verbose: 0, validationData: batch(4) });
    expect(history.val_loss?.[0]).toBeCloseTo((await model.evaluate(batch(4, 1))).loss ?? 0, 5);
  });

  it.each([
    ['another width', [4, 2], /y has shape \[4, 2\] where the first one's rows are \[1\]/],
    ['another rank', [4], /y has shape \[4\] where the first one's rows are \[1\]/],
  ] as const)('end a fit as a minibatch of a stream comes: targets of %s', async (_, [rows, ...target], message) => {
    const { error, steps } = await trouble(dense(), () => [batch(4, 1), batch(4, 1), batch(rows, ...target)]);
    expect(error).toBeInstanceOf(ShapeError);
    expect(String(error)).toMatch(message);
    expect(steps).toBe(2);
  });

  it('end a fit where a stateful layer gets other rows from a stream than it keeps a state for', async () => {
    const { error, steps } = await trouble(stateful(), () => [sequences(2), sequences(3)]);
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toMatch(/lstm_1 keeps a state for each of 2 rows, but a minibatch of the stream has 3/);
    expect(steps).toBe(1);
    // However many rows a minibatch of arrays would have.
    expect(await trouble(stateful(40), () => [sequences(40)])).toMatchObject({ error: undefined, steps: 1 });
  });
});

describe('a stateful layer on each step of a sequence', () => {
  const net = (batchSize: number): Model =>
    sequential([layers.input([3, 4, 2]), layers.timeDistributed(layers.lstm(2, { stateful: true, batchSize })), layers.flatten(), layers.dense(1)], {
      seed: 5,
    }).compile({ loss: 'mse' });

  it('keeps a state for each step of each row', async () => {
    const [model, inside] = [
      sequential([layers.input([3, 4, 2]), layers.timeDistributed(layers.lstm(2, { stateful: true, batchSize: 6 }))]),
      sequential([layers.input([4, 2]), layers.lstm(2, { stateful: true, batchSize: 6 })]),
    ];
    await inside.setWeights(await model.getWeights());
    // Rows and steps side by side; the second time each begins where it ended.
    const x = waves(2, 3, 4, 2);
    const first = [...(await model.predict(x)).data];
    expect(first).toEqual([...(await inside.predict(x.reshape([6, 4, 2]))).data]);
    const second = [...(await model.predict(x)).data];
    expect(second).not.toEqual(first);
    expect(second).toEqual([...(await inside.predict(x.reshape([6, 4, 2]))).data]);
    await model.resetStates();
    expect([...(await model.predict(x)).data]).toEqual(first);
  });

  it('says how many rows it needs', async () => {
    expect(() => net(2)).toThrow(
      /timeDistributed: the inner layer \(lstm.*so its batchSize must be 6 for minibatches of 2 rows \(3 steps each\); got 2/,
    );
    await expect(net(6).predict(waves(3, 3, 4, 2))).rejects.toThrow(/timeDistributed_1 keeps a state for each of 2 rows, but the 3 rows of x/);
  });
});
