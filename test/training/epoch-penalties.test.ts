import { type EpochRecord, type FitOptions, type Layer, layers, type Model, type NdArray, optimizers, regularizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { labelled, values } from './sets.js';

const [data, held] = [labelled(24), labelled(300)];
/** Rows of the minibatches of an epoch. */
const BATCHES = [
  [0, 10],
  [10, 20],
  [20, 24],
] as const;
const options = { batchSize: 10, epochs: 3, shuffle: false, verbose: 0, validationData: held } satisfies FitOptions;

const costly = (): Layer => layers.dense(5, { activation: 'tanh', kernelRegularizer: regularizers.l2({ l2: 0.3 }) });
function build(hidden: Layer): Model {
  const model = sequential([layers.input([6]), hidden, layers.dense(3, { activation: 'softmax' })], { seed: 3 });
  return model.compile({ optimizer: optimizers.sgd({ learningRate: 0.05 }), loss: 'sparseCategoricalCrossentropy' });
}

type Watching = { readonly every: number; readonly level?: 'moments' };
async function epochsOf(model: Model, vitals: Watching): Promise<readonly EpochRecord[]> {
  const { trace } = await model.fit(data, { ...options, callbacks: [{ vitals }] });
  return trace?.epochs ?? [];
}

const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);
/** What an l2 of 0.3 asks of the first kernel. */
async function costOf(model: Model): Promise<number> {
  const [kernel = []] = values(await model.getWeights());
  return 0.3 * sum(kernel.map((weight) => weight * weight));
}

function expectNear(found: unknown, expected: number, tolerance = 1e-5): void {
  expect(Math.abs(Number(found) / expected - 1), `${found} against ${expected}`).toBeLessThan(tolerance);
}

const watchings: Watching[] = [{ every: 1 }, { every: 4, level: 'moments' }];

describe.each(watchings)('what is added to the loss of epochs, %o', (watching) => {
  it('is by weights what those before each step cost, and for validation rows what the last ones do', async () => {
    const [model, twin] = [build(costly()), build(costly())];
    await twin.setWeights(await model.getWeights());
    const epochs = await epochsOf(model, watching);
    expect(epochs).toHaveLength(3);
    for (const { logs, penalties } of epochs) {
      const costs: number[] = [];
      for (const [from, to] of BATCHES) {
        costs.push((to - from) * (await costOf(twin)));
        await twin.trainOnBatch(data.x.slice(from, to), data.y.slice(from, to));
      }
      expect([Object.keys(logs), Object.keys(penalties ?? {})]).toEqual([
        ['loss', 'val_loss'],
        ['loss', 'val_loss'],
      ]);
      expectNear(penalties?.loss, sum(costs) / 24);
      expectNear(penalties?.val_loss, await costOf(twin));
    }
    // What is left is the cross-entropy of what the network says.
    const said = (await model.predict(held.x)).toNested() as number[][];
    const entropies = held.labels.map((label, row) => -Math.log(said[row]?.[label] ?? Number.NaN));
    const [last] = epochs.slice(-1);
    expectNear(Number(last?.logs.val_loss) - Number(last?.penalties?.val_loss), sum(entropies) / held.labels.length, 1e-4);
  });

  it('is by outputs what a row costs, whatever the minibatches', async () => {
    const hidden = layers.dense(5, { activityRegularizer: regularizers.l1({ l1: 0.01 }) });
    // What stays as it is costs the same in every epoch.
    hidden.trainable = false;
    const model = build(hidden);
    const [kernel, bias] = (await model.getWeights()).map((array: NdArray) => array.toNested()) as [number[][], number[]];
    const ofRow = (row: readonly number[]) => sum(bias.map((b, j) => Math.abs(row.reduce((z, x, i) => z + x * (kernel[i]?.[j] ?? Number.NaN), b))));
    const cost = (rows: readonly number[][]): number => (0.01 * sum(rows.map(ofRow))) / rows.length;
    for (const { penalties } of await epochsOf(model, watching)) {
      expectNear(penalties?.loss, cost(data.nested));
      expectNear(penalties?.val_loss, cost(held.nested));
    }
  });

  it('changes no history, and is not told where nothing is added', async () => {
    const [plain, watched] = [build(costly()), build(costly())];
    const { history } = await plain.fit(data, options);
    expect((await watched.fit(data, { ...options, callbacks: [{ vitals: watching }] })).history).toEqual(history);
    expect(await watched.evaluate(held.x, held.y)).toEqual(await plain.evaluate(held.x, held.y));
    const epochs = await epochsOf(build(layers.dense(5)), watching);
    expect(epochs.map((epoch) => 'penalties' in epoch)).toEqual([false, false, false]);
  });
});
