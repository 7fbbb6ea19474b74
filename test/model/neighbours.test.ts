import {
  type Callback,
  type CompileOptions,
  layers,
  model,
  NdArray,
  type NeighbourFacts,
  optimizers,
  Random,
  regularizers,
  sequential,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';

const random = new Random(5);
const [FEATURES, TRAIN, HELD] = [4, 200, 80];

/** Rows around three corners, so far apart that neighbours err now and then; feature 2 is in a unit a thousand times smaller and says nothing, feature 3 is constant. */
function rowsOf(count: number) {
  const labels = Array.from({ length: count }, (_, i) => (i * 7) % 3);
  const values = labels.flatMap((label) => [random.normal(label, 0.6), random.normal(-label, 0.6), random.normal(0, 1000), 0.1]);
  return { values, labels };
}

const [train, held] = [rowsOf(TRAIN), rowsOf(HELD)];
const arrayOf = (values: readonly number[], width: number): NdArray => new NdArray(Float32Array.from(values), [values.length / width, width]);
const [x, heldX] = [arrayOf(train.values, FEATURES), arrayOf(held.values, FEATURES)];
const labelsOf = (labels: readonly number[]): NdArray => new NdArray(Int32Array.from(labels), [labels.length]);

const deviations = [0, 1, 2].map((k) => {
  const column = Array.from({ length: TRAIN }, (_, i) => train.values[i * FEATURES + k] as number);
  const mean = column.reduce((a, b) => a + b) / TRAIN;
  return Math.sqrt(column.reduce((sum, one) => sum + (one - mean) ** 2, 0) / TRAIN);
});

/** Distances of a row from all training rows, each feature that varies in its deviations. */
function distances(values: readonly number[], row: number): number[] {
  const at = (of: readonly number[], i: number, k: number) => (of[i * FEATURES + k] as number) / (deviations[k] as number);
  return Array.from({ length: TRAIN }, (_, i) => Math.hypot(...[0, 1, 2].map((k) => at(values, row, k) - at(train.values, i, k))));
}

/** Training rows, nearest first. */
function nearest(values: readonly number[], row: number): number[] {
  const far = distances(values, row);
  return Array.from({ length: TRAIN }, (_, i) => i).sort((i, j) => (far[i] as number) - (far[j] as number));
}

/** The x of a x = b by Gauss-Jordan elimination. */
function solved(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, b[i] as number]);
  rows.forEach((pivot, i) => {
    for (const row of rows) {
      const factor = (row[i] as number) / (pivot[i] as number);
      if (row !== pivot) for (let k = i; k < row.length; k++) row[k] = (row[k] as number) - factor * (pivot[k] as number);
    }
  });
  return rows.map((row, i) => (row.at(-1) as number) / (row[i] as number));
}

/** Kernel ridge regression by its definition: (1 + √3 d/ℓ) exp(−√3 d/ℓ) with ℓ half the root mean squared distance of two training rows, ridge 1e-4 for each of them, and a constant. */
function regression(targets: readonly number[]): (row: number) => number {
  // That of two rows is twice the variance, which three features have of 1 each.
  const length = Math.sqrt(2 * 3) / 2;
  const matern = (distance: number): number => (1 + (Math.sqrt(3) * distance) / length) * Math.exp((-Math.sqrt(3) * distance) / length);
  const near = (values: readonly number[], row: number) => distances(values, row).map(matern);
  const gram = targets.map((_, i) => [...near(train.values, i).map((one, j) => one + (i === j ? 1e-4 * TRAIN : 0)), 1]);
  // The last unknown is the constant, for which the weights must sum to 0.
  const weights = solved([...gram, [...targets.map(() => 1), 0]], [...targets, 0]);
  return (row) => near(held.values, row).reduce((sum, one, i) => sum + one * (weights[i] as number), weights[TRAIN] as number);
}

interface Fit {
  readonly y?: NdArray;
  readonly heldY?: NdArray;
  readonly units?: number;
  readonly compile?: Partial<CompileOptions>;
  readonly wish?: NonNullable<Callback['vitals']>;
  readonly input?: NdArray;
  readonly heldInput?: NdArray;
  readonly heldWeights?: NdArray;
  readonly penalty?: boolean;
  readonly activation?: 'sigmoid';
}

async function factsOf({ y = labelsOf(train.labels), heldY = labelsOf(held.labels), units = 3, compile, wish = {}, penalty = false, ...fit }: Fit) {
  const { input = x, heldInput = heldX } = fit;
  const kernelRegularizer = penalty ? { kernelRegularizer: regularizers.l2() } : {};
  const model = sequential(
    [
      layers.input([FEATURES], input.dtype === 'float32' ? {} : { dtype: input.dtype }),
      layers.rescaling(1),
      layers.dense(units, { activation: units > 1 ? 'softmax' : (fit.activation ?? 'linear'), ...kernelRegularizer }),
    ],
    { seed: 1 },
  );
  model.compile({ optimizer: optimizers.sgd({ learningRate: 1e-9 }), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], ...compile });
  const history = await model.fit(input, y, {
    verbose: 0,
    validationData: { x: heldInput, y: heldY, ...(fit.heldWeights ? { sampleWeight: fit.heldWeights } : {}) },
    callbacks: [{ vitals: wish }],
  });
  return { facts: history.trace?.header.training?.neighbours, logs: history.trace?.epochs.at(-1)?.logs ?? {} };
}

const shareRight = (answer: (row: number) => number) => held.labels.filter((label, row) => label === answer(row)).length / HELD;

describe('nearest neighbours of validation rows', () => {
  it('answer as the nearest training row, the majority of five or all by their nearness, each feature in its own deviations', async () => {
    const one = shareRight((row) => train.labels[nearest(held.values, row)[0] as number] as number);
    const five = shareRight((row) => {
      const votes = nearest(held.values, row)
        .slice(0, 5)
        .map((i) => train.labels[i] as number);
      // The nearest of those that are most often there.
      const count = (label: number) => votes.filter((vote) => vote === label).length;
      return votes.find((vote) => votes.every((other) => count(other) <= count(vote))) as number;
    });
    const shares = [0, 1, 2].map((label) => regression(train.labels.map((one) => Number(one === label))));
    const all = shareRight((row) => [0, 1, 2].reduce((best, k) => ((shares[k]?.(row) as number) > (shares[best]?.(row) as number) ? k : best)));
    const usual = [0, 1, 2].sort((a, b) => train.labels.filter((l) => l === b).length - train.labels.filter((l) => l === a).length)[0];
    const { facts, logs } = await factsOf({});
    expect(facts).toEqual({
      log: 'val_accuracy',
      value: Math.max(one, five, all),
      chance: held.labels.filter((label) => label === usual).length / HELD,
      perfect: 1,
      rows: TRAIN,
    });
    expect(facts?.value).toBeGreaterThan(0.6);
    expect(logs).toHaveProperty('val_accuracy');
  });

  it('answer one-hot targets alike', async () => {
    const oneHot = (labels: readonly number[]) =>
      arrayOf(
        labels.flatMap((label) => [0, 1, 2].map((k) => Number(k === label))),
        3,
      );
    const { facts } = await factsOf({ y: oneHot(train.labels), heldY: oneHot(held.labels), compile: { loss: 'categoricalCrossentropy' } });
    expect(facts).toEqual((await factsOf({})).facts);
  });

  it('are near by the features of all inputs', async () => {
    const cut = (values: readonly number[], from: number, to: number): NdArray =>
      arrayOf(
        values.filter((_, i) => i % FEATURES >= from && i % FEATURES < to),
        to - from,
      );
    const parts = (values: readonly number[]) => [cut(values, 0, 1), cut(values, 1, FEATURES)];
    const inputs = [layers.input([1]), layers.input([FEATURES - 1])];
    const sums = layers.concatenate().apply(inputs);
    const two = model({ inputs, outputs: layers.dense(3, { activation: 'softmax' }).apply(sums) }, { seed: 1 });
    two.compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const validationData = { x: parts(held.values), y: labelsOf(held.labels) };
    const { trace } = await two.fit(parts(train.values), labelsOf(train.labels), { verbose: 0, validationData, callbacks: [{ vitals: {} }] });
    expect(trace?.header.training?.neighbours).toEqual((await factsOf({})).facts);
  });

  it('answer several decisions each by itself', async () => {
    const bits = (labels: readonly number[]) => labels.map((label) => [Number(label === 0), Number(label !== 1)]);
    const [known, wanted] = [bits(train.labels), bits(held.labels)];
    const bit = (row: number, k: number): number => known[row]?.[k] ?? Number.NaN;
    const right = (answer: (row: number, k: number) => number): number =>
      wanted.reduce((sum, targets, row) => sum + targets.filter((target, k) => target === Number(answer(row, k) > 0.5)).length, 0) / (2 * HELD);
    const among = (count: number) => (row: number, k: number) =>
      nearest(held.values, row)
        .slice(0, count)
        .reduce((sum, i) => sum + bit(i, k) / count, 0);
    const columns = [0, 1].map((k) => regression(known.map((_, row) => bit(row, k))));
    const share = (k: number): number => known.reduce((sum, _, row) => sum + bit(row, k), 0) / TRAIN;
    const decided = { y: arrayOf(known.flat(), 2), heldY: arrayOf(wanted.flat(), 2), units: 2, compile: { loss: 'binaryCrossentropy' } };
    const { facts } = await factsOf(decided);
    expect(facts).toMatchObject({ log: 'val_accuracy', perfect: 1, rows: TRAIN });
    expect(facts?.value).toBeCloseTo(
      Math.max(
        right(among(1)),
        right(among(5)),
        right((row, k) => columns[k]?.(row) ?? Number.NaN),
      ),
      9,
    );
    expect(facts?.chance).toBeCloseTo(
      right((_, k) => share(k)),
      9,
    );
    // Where one of them is right is another question than which is the largest.
    expect((await factsOf({ ...decided, compile: { loss: 'binaryCrossentropy', metrics: ['categoricalAccuracy'] } })).facts).toBeUndefined();
  });

  it('answer numbers by their mean or by all, judged by the squared error', async () => {
    const target = (values: readonly number[], count: number) =>
      Array.from({ length: count }, (_, i) => Math.sin(values[i * FEATURES] as number) - (values[i * FEATURES + 1] as number));
    const [known, wanted] = [target(train.values, TRAIN), target(held.values, HELD)];
    const error = (answer: (row: number) => number) => wanted.reduce((sum, one, row) => sum + (one - answer(row)) ** 2, 0) / HELD;
    const meanOf = (rows: readonly number[]) => rows.reduce((sum, i) => sum + (known[i] as number), 0) / rows.length;
    const errors = [1, 5].map((count) => error((row) => meanOf(nearest(held.values, row).slice(0, count))));
    const { facts } = await factsOf({ y: arrayOf(known, 1), heldY: arrayOf(wanted, 1), units: 1, compile: { loss: 'mse', metrics: [] } });
    expect(facts).toMatchObject({ log: 'val_loss', perfect: 0, rows: TRAIN });
    const all = error(regression(known));
    expect(all).toBeLessThan(Math.min(...errors));
    expect(Math.abs((facts?.value ?? 0) - all)).toBeLessThan(0.02 * all);
    expect(facts?.chance).toBeCloseTo(
      error(() => meanOf(known.map((_, i) => i))),
      5,
    );
    // In terms of what is logged: the loss as it is weighed.
    const weighed = await factsOf({
      y: arrayOf(known, 1),
      heldY: arrayOf(wanted, 1),
      units: 1,
      compile: { loss: 'mse', metrics: [], lossWeights: [0.25] },
    });
    expect(weighed.facts).toEqual({ ...facts, value: (facts?.value ?? 0) / 4, chance: (facts?.chance ?? 0) / 4 });
  });

  it('answer numbers under other losses that ask for about a mean, judged by those', async () => {
    const target = (values: readonly number[], count: number) =>
      Array.from({ length: count }, (_, i) => Math.round(5 * Math.exp(Math.sin(values[i * FEATURES] as number))));
    const [known, wanted] = [target(train.values, TRAIN), target(held.values, HELD)];
    const under = async (loss: string, apart: (target: number, output: number) => number) => {
      const mean = (answer: (row: number) => number) => wanted.reduce((sum, one, row) => sum + apart(one, answer(row)), 0) / HELD;
      const meanOf = (rows: readonly number[]) => rows.reduce((sum, i) => sum + (known[i] as number), 0) / rows.length;
      const best = Math.min(...[1, 5].map((count) => mean((row) => meanOf(nearest(held.values, row).slice(0, count)))), mean(regression(known)));
      const { facts } = await factsOf({
        y: arrayOf(known, 1),
        heldY: arrayOf(wanted, 1),
        units: 1,
        activation: 'sigmoid',
        compile: { loss, metrics: [] },
      });
      const perfect = wanted.reduce((sum, one) => sum + apart(one, one), 0) / HELD;
      const chance = mean(() => meanOf(known.map((_, i) => i)));
      expect(facts?.perfect).toBeCloseTo(perfect, 4);
      expect(facts?.chance).toBeCloseTo(chance, 4);
      expect(Math.abs((facts?.value ?? 0) - best)).toBeLessThan(0.02 * (chance - perfect));
    };
    await under('mae', (a, b) => Math.abs(a - b));
    await under('huber', (a, b) => (Math.abs(a - b) < 1 ? (a - b) ** 2 / 2 : Math.abs(a - b) - 0.5));
    await under('poisson', (a, b) => b - a * Math.log(b));
  });

  it('are asked by what all validation rows come to, where only some of many are answered', async () => {
    const many = 3000;
    const heldInput = arrayOf(
      Array.from({ length: many * FEATURES }, () => random.normal(0, 1)),
      FEATURES,
    );
    const target = (array: NdArray, row: number): number => Math.exp(array.at(row * FEATURES) * 2);
    const known = Array.from({ length: TRAIN }, (_, row) => target(x, row));
    const wanted = Array.from({ length: many }, (_, row) => target(heldInput, row));
    const mean = known.reduce((a, b) => a + b) / TRAIN;
    const { facts } = await factsOf({ y: arrayOf(known, 1), heldInput, heldY: arrayOf(wanted, 1), units: 1, compile: { loss: 'mse', metrics: [] } });
    expect((facts?.chance ?? 0) / (wanted.reduce((sum, one) => sum + (one - mean) ** 2, 0) / many)).toBeCloseTo(1, 4);
  });

  it('are not asked where they see the targets themselves, or these go through fewer numbers', async () => {
    const told = async (y: NdArray, heldY: NdArray, code: number, skip = false) => {
      const input = layers.input([FEATURES]);
      const narrow = layers.dense(code).apply(input);
      const units = y.shape[1] as number;
      const wide = skip ? layers.concatenate().apply([narrow, input]) : narrow;
      const net = model({ inputs: input, outputs: layers.dense(units).apply(wide) }).compile({
        optimizer: optimizers.sgd({ learningRate: 1e-9 }),
        loss: 'mse',
      });
      const history = await net.fit(x, y, { verbose: 0, validationData: { x: heldX, y: heldY }, callbacks: [{ vitals: {} }] });
      return history.trace?.header.training?.neighbours;
    };
    const scaled = (array: NdArray): NdArray =>
      arrayOf(
        Array.from({ length: array.size }, (_, i) => 2 * array.at(i) - (i % FEATURES)),
        FEATURES,
      );
    const other = (array: NdArray): NdArray =>
      arrayOf(
        Array.from({ length: array.shape[0] as number }, (_, row) => [0, 1, 4].map((k) => Math.sin(array.at(row * FEATURES + (k % 3)) + k))).flat(),
        3,
      );
    expect(await told(x, heldX, 8)).toBeUndefined();
    expect(await told(scaled(x), scaled(heldX), 8)).toBeUndefined();
    expect(await told(other(x), other(heldX), 8)).toBeDefined();
    expect(await told(other(x), other(heldX), 2)).toBeUndefined();
    expect(await told(other(x), other(heldX), 2, true)).toBeDefined();
  });

  it('are looked for among grey levels, and not among numbers that stand for things', async () => {
    const grey = (values: readonly number[]) =>
      new NdArray(
        Uint8Array.from(values, (value, i) => (i % FEATURES === 2 ? 128 + value / 100 : 128 + 30 * value)),
        [values.length / FEATURES, FEATURES],
      );
    expect((await factsOf({ input: grey(train.values), heldInput: grey(held.values) })).facts?.value).toBeGreaterThan(0.6);
    const ids = (values: readonly number[]) => new NdArray(Int32Array.from(values), [values.length / FEATURES, FEATURES]);
    expect((await factsOf({ input: ids(train.values), heldInput: ids(held.values) })).facts).toBeUndefined();
  });

  it('are not told where nothing can be compared with them', async () => {
    expect((await factsOf({ compile: { metrics: [] } })).facts).toBeUndefined();
    const numbers = { y: arrayOf(train.labels, 1), heldY: arrayOf(held.labels, 1), units: 1 };
    const compile = { loss: 'mse', metrics: [] };
    expect((await factsOf({ ...numbers, compile: { loss: 'msle', metrics: [] } })).facts).toBeUndefined();
    const half = (labels: readonly number[]): NdArray =>
      arrayOf(
        labels.map((label) => label / 2),
        1,
      );
    const halves = { y: half(train.labels), heldY: half(held.labels), units: 1, compile };
    const { facts } = await factsOf(halves);
    expect(facts).toBeDefined();
    // Of numbers that are all alike chance leaves what rounding leaves.
    for (const number of [3.3, 0.1, -7.7, 100.3]) {
      const alike = (count: number): NdArray => arrayOf(Array(count).fill(number), 1);
      expect((await factsOf({ y: alike(TRAIN), heldY: alike(HELD), units: 1, compile })).facts).toBeUndefined();
    }
    // What weights cost is told apart.
    expect((await factsOf({ ...halves, penalty: true })).facts).toEqual(facts);
    // A weighted mean of squared errors is another number.
    const heldWeights = new NdArray(new Float32Array(HELD).fill(0.05), [HELD]);
    expect((await factsOf({ ...halves, heldWeights })).facts).toBeUndefined();
    expect((await factsOf({ heldWeights })).facts).toEqual((await factsOf({})).facts);
    const noise = Array.from({ length: HELD }, () => random.integer(3));
    expect((await factsOf({ y: labelsOf(train.labels.map(() => random.integer(3))), heldY: labelsOf(noise) })).facts).toBeUndefined();
    expect((await factsOf({ heldInput: heldX.slice(0, 20), heldY: labelsOf(held.labels.slice(0, 20)) })).facts).toBeUndefined();
  });

  it('are taken from who knows them, and left out where nobody wants to know', async () => {
    const known: NeighbourFacts = { log: 'val_accuracy', value: 0.5, chance: 0.25, perfect: 1, rows: 7 };
    expect((await factsOf({ wish: { neighbours: known } })).facts).toEqual(known);
    expect((await factsOf({ wish: { neighbours: false } })).facts).toBeUndefined();
    await expect(factsOf({ wish: { neighbours: 5 as unknown as false } })).rejects.toThrow(/neighbours must be false, or a trace's .*got 5/);
  });
});
