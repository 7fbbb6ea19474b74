import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  type Callback,
  callbacks,
  FileError,
  type FitOptions,
  type History,
  type Logs,
  layers,
  type Model,
  NdArray,
  NonFiniteError,
  optimizers,
  schedules,
  sequential,
  type TrainingControl,
} from 'evenkeel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Two steps an epoch; deep enough for a loop over stacked layers where `depth` asks for it. */
function made(depth = 1, optimizer: 'sgd' | 'adam' = 'adam'): Model {
  const hidden = Array.from({ length: depth }, () => layers.dense(4, { activation: 'tanh' }));
  return sequential([layers.input([3]), layers.batchNormalization(), ...hidden, layers.dense(1)], { seed: 4 }).compile({ loss: 'mse', optimizer });
}

const x = new NdArray(
  Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * i)),
  [8, 3],
);
const y = new NdArray(
  Float32Array.from({ length: 8 }, (_, i) => Math.cos(3 * i)),
  [8, 1],
);

const train = (model: Model, options: FitOptions): Promise<History> => model.fit(x, y, { batchSize: 4, verbose: 0, ...options });

async function bits(of: Model): Promise<string[]> {
  return (await of.getWeights()).map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'));
}

/** Makes the logs say what a test wants: later callbacks see the reported values. */
const scripted = (name: string, values: readonly number[]): Callback => ({
  onEpochEnd: (epoch, _logs, control) => control.report(name, values[epoch] ?? Number.NaN),
});

/** Epochs that a scripted fit ran until `stopping` ended it. */
async function epochsOf(name: string, values: readonly number[], stopping: Callback): Promise<number> {
  const { epoch } = await train(made(), { epochs: values.length, callbacks: [scripted(name, values), stopping] });
  return epoch.length;
}

describe('callbacks', () => {
  it.each<[string, unknown, RegExp]>([
    ['an event in Keras’s spelling', { on_epoch_end: () => {} }, /'on_epoch_end', which would never be called; did you mean 'onEpochEnd'/],
    ['an event that there is not', { onEpochEnds: () => {} }, /did you mean 'onEpochEnd'/],
    [
      'a class of such',
      new (class {
        onBatchBegin(): void {}
      })(),
      /'onBatchBegin', which would never be called/,
    ],
    ['a function', () => {}, /a callback is an object with methods/],
    ['nothing', null, /a callback is an object with methods/],
  ])('refuse %s', async (_, callback, message) => {
    const fit = async () => train(made(), { callbacks: [callback as Callback] });
    await expect(fit).rejects.toThrow(message);
    await expect(fit).rejects.toBeInstanceOf(ArgumentError);
  });

  it('may have methods and values of their own', async () => {
    class Counter {
      once = 0;
      count(): void {
        this.once += 1;
      }
      onEpochEnd(): void {
        this.count();
      }
    }
    const counter = new Counter();
    await train(made(), { epochs: 3, callbacks: [counter] });
    expect(counter.once).toBe(3);
  });
});

describe('earlyStopping', () => {
  // Counted by hand from Keras's rules: wait grows with every epoch that is not better; the fit ends when it reaches the patience.
  it.each([
    { what: 'ends at the first epoch that is not better', values: [3, 2, 2, 1], options: {}, epochs: 3 },
    { what: 'waits for patience epochs', values: [3, 2, 2.5, 2.2, 1, 1, 1, 1], options: { patience: 2 }, epochs: 4 },
    { what: 'starts to wait anew where it improves', values: [3, 2, 2.5, 1, 1.5, 1.2, 0.9], options: { patience: 2 }, epochs: 6 },
    { what: 'takes less than minDelta for no improvement', values: [3, 2.95, 2.89, 2.8], options: { minDelta: -0.1 }, epochs: 2 },
    { what: 'measures minDelta from the best', values: [3, 2.95, 2.89, 2.8], options: { min_delta: 0.1, patience: 2 }, epochs: 4 },
    { what: 'does not start to wait anew below the baseline', values: [5, 4, 3, 2.5, 2], options: { baseline: 1, patience: 2 }, epochs: 5 },
    { what: 'waits below the baseline too', values: [5, 4, 4, 0.5, 0.4], options: { baseline: 1, patience: 2 }, epochs: 3 },
    { what: 'starts anew beyond the baseline', values: [5, 0.9, 0.8, 0.9, 0.9], options: { baseline: 1, patience: 2 }, epochs: 5 },
    { what: 'only watches before startFromEpoch', values: [1, 2, 3, 4, 5, 6], options: { startFromEpoch: 3 }, epochs: 5 },
    { what: 'never ends after the first epoch', values: [Number.NaN, Number.NaN, 1], options: {}, epochs: 2 },
    { what: 'wants more where mode says so', values: [1, 2, 3, 3, 4], options: { mode: 'max' as const }, epochs: 4 },
  ])('$what', async ({ values, options, epochs }) => {
    expect(await epochsOf('watched', values, callbacks.earlyStopping({ monitor: 'watched', ...options }))).toBe(epochs);
  });

  it.each([
    ['val_mae', 'val_meanAbsoluteError'],
    ['val_mean_absolute_error', 'val_meanAbsoluteError'],
    ['mse', 'meanSquaredError'],
    ['val_acc', 'val_accuracy'],
    ['out_rmse', 'out_rootMeanSquaredError'],
  ])('finds %s in the value %s, as Keras spells it', async (monitor, key) => {
    const values = monitor === 'val_acc' ? [3, 2, 1] : [1, 2, 3];
    expect(await epochsOf(key, values, callbacks.earlyStopping({ monitor }))).toBe(2);
  });

  it('takes no value of training for one of validation', async () => {
    await expect(epochsOf('meanAbsoluteError', [1, 2], callbacks.earlyStopping({ monitor: 'val_mae' }))).rejects.toThrow(
      /there is no 'val_mae'.*Pass validationSplit or validationData/,
    );
  });

  it.each([
    ...['val_sensitivityAtSpecificity', 'val_specificity_at_sensitivity', 'precisionAtRecall', 'val_recallAtPrecision', 'val_truePositives'],
    ...[
      'trueNegatives',
      'val_recall_0',
      'fBetaScore_2',
      'accuracy_1',
      'val_recall_1_0',
      'out_1_accuracy',
      'weighted_auc',
      'val_out_weighted_r2Score_1',
    ],
    ...['sparse_top_k_categorical_accuracy', 'val_cosineSimilarity', 'my_iou_1'],
  ])('knows by name that more is better: %s', async (monitor) => {
    expect(await epochsOf(monitor, [1, 2, 1, 3], callbacks.earlyStopping({ monitor }))).toBe(3);
  });

  it.each(['val_falsePositives', 'falseNegatives_0', 'val_loss', 'auc_head_loss', 'val_rootMeanSquaredError_1', 'weighted_hinge', 'out_2_mae'])(
    'knows by name that less is better: %s',
    async (monitor) => {
      expect(await epochsOf(monitor, [2, 1, 2, 0], callbacks.earlyStopping({ monitor }))).toBe(3);
    },
  );

  it('knows by name that more accuracy is better', async () => {
    for (const name of ['val_accuracy', 'accuracy', 'out_sparse_categorical_accuracy', 'val_auc', 'recall'])
      expect(await epochsOf(name, [1, 2, 1, 3], callbacks.earlyStopping({ monitor: name }))).toBe(3);
    expect(await epochsOf('mean_absolute_error', [1, 2, 3], callbacks.earlyStopping({ monitor: 'mean_absolute_error' }))).toBe(2);
  });

  it.each([
    { what: 'an ordinary net', depth: 1, optimizer: 'adam' as const },
    { what: 'a net without slots', depth: 1, optimizer: 'sgd' as const },
    { what: 'a loop over stacked layers', depth: 60, optimizer: 'adam' as const },
  ])('gives back the weights of the best epoch, bit for bit: $what', async ({ depth, optimizer }) => {
    const model = made(depth, optimizer);
    const stopping = callbacks.earlyStopping({ monitor: 'watched', patience: 3, restoreBestWeights: true });
    const after: string[][] = [];
    const noted: Callback = { onEpochEnd: async () => void after.push(await bits(model)) };
    const history = await train(model, { epochs: 9, callbacks: [scripted('watched', [5, 4, 3, 6, 3.5, 3.2, 1]), stopping, noted] });
    expect(history.epoch).toHaveLength(6);
    expect(new Set(after.map(String)).size).toBe(6);
    expect(await bits(model)).toEqual(after[2]);
    // Unwatched, so that the engine alone held every epoch's weights.
    const alone = made(depth, optimizer);
    await train(alone, { epochs: 9, callbacks: [scripted('watched', [5, 4, 3, 6, 3.5, 3.2, 1]), stopping] });
    expect(await bits(alone)).toEqual(after[2]);
    // The model trains on from there; a callback can be used again.
    await train(alone, { epochs: 2, callbacks: [scripted('watched', [2, 1]), stopping] });
    const again = made(depth, optimizer);
    await train(again, { epochs: 3 });
    expect(await bits(again)).toEqual(after[2]);
  });

  it('gives back the best weights as well where all epochs ran', async () => {
    const model = made();
    await train(model, {
      epochs: 3,
      callbacks: [scripted('watched', [1, 2, 3]), callbacks.earlyStopping({ monitor: 'watched', patience: 9, restoreBestWeights: true })],
    });
    const short = made();
    await train(short, { epochs: 1 });
    expect(await bits(model)).toEqual(await bits(short));
  });

  it('does not change the training that it watches', async () => {
    const [watched, plain] = [made(), made()];
    await train(watched, { epochs: 3, callbacks: [callbacks.earlyStopping({ monitor: 'loss', patience: 9 })] });
    await train(plain, { epochs: 3 });
    expect(await bits(watched)).toEqual(await bits(plain));
  });

  it('refuses wrong options and a value that is not there', async () => {
    expect(() => callbacks.earlyStopping({ patience: -1 })).toThrow(/earlyStopping: patience must be a whole number ≥ 0, got -1/);
    expect(() => callbacks.earlyStopping({ patince: 1 } as object)).toThrow(/did you mean 'patience'/);
    expect(() => callbacks.earlyStopping({ mode: 'most' as 'max' })).toThrow(/mode must be 'min', 'max' or 'auto', got 'most'/);
    await expect(train(made(), { callbacks: [callbacks.earlyStopping()] })).rejects.toThrow(/earlyStopping: there is no 'val_loss'.*validationSplit/);
  });
});

describe('kept weights', () => {
  it('can be kept several at a time, restored twice, and are refused after the fit', async () => {
    const model = made();
    const kept: ReturnType<TrainingControl['keepWeights']>[] = [];
    const after: string[][] = [];
    await train(model, {
      epochs: 3,
      callbacks: [
        {
          async onEpochEnd(_epoch, _logs, control) {
            kept.push(control.keepWeights(), control.keepWeights());
            after.push(await bits(model));
          },
          async onTrainEnd() {
            for (const [epoch, weights] of [0, 2, 0, 1].map((epoch) => [epoch, kept[2 * epoch]] as const)) {
              weights?.restore();
              expect(await bits(model)).toEqual(after[epoch]);
            }
            kept[2]?.release();
            kept[2]?.release();
          },
        },
      ],
    });
    expect(await bits(model)).toEqual(after[1]);
    expect(() => kept[0]?.restore()).toThrow(/released/);
  });
});

describe('terminateOnNaN', () => {
  const exploding = (): Model => made(1, 'sgd').compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 1e30 }) });

  it('ends the fit with the history so far and the place', async () => {
    const told: string[] = [];
    const seen: string[] = [];
    const healthy: Callback = {
      onEpochBegin: (epoch, control) => {
        control.learningRate = epoch < 2 ? 0.01 : 1e30;
      },
      onEpochEnd: (epoch) => void seen.push(`epoch ${epoch}`),
      onTrainEnd: () => void seen.push('end'),
    };
    const model = exploding();
    const history = await train(model, { epochs: 6, callbacks: [healthy, callbacks.terminateOnNaN({ report: (message) => told.push(message) })] });
    expect(history.epoch).toEqual([0, 1]);
    expect(history.history.loss).toHaveLength(2);
    expect(seen).toEqual(['epoch 0', 'epoch 1', 'end']);
    expect(history.failure).toBeInstanceOf(NonFiniteError);
    expect(told).toEqual([history.failure?.message]);
    expect(history.failure?.details.received).toMatchObject({ layer: expect.any(String), operator: expect.any(String), step: expect.any(Number) });
    for (const weights of await model.getWeights()) expect([...(weights.data as Float32Array)].every(Number.isFinite)).toBe(true);
  });

  it('leaves the error where it is not used, and where nobody stops', async () => {
    await expect(train(exploding(), { epochs: 6 })).rejects.toThrow(NonFiniteError);
    let calls = 0;
    await expect(train(exploding(), { epochs: 6, callbacks: [{ onNonFinite: () => void calls++ }] })).rejects.toThrow(NonFiniteError);
    expect(calls).toBe(1);
  });

  it('lets the best weights come back', async () => {
    const model = exploding();
    const rates: Callback = {
      onEpochBegin: (epoch, control) => {
        control.learningRate = epoch < 2 ? 0.01 : 1e30;
      },
    };
    const best = callbacks.earlyStopping({ monitor: 'watched', patience: 9, restoreBestWeights: true });
    await train(model, { epochs: 6, callbacks: [rates, scripted('watched', [1, 2]), best, callbacks.terminateOnNaN({ report: () => {} })] });
    const short = exploding();
    await train(short, { epochs: 1, callbacks: [rates] });
    expect(await bits(model)).toEqual(await bits(short));
  });
});

describe('control.learningRate', () => {
  // Halves at every step; two steps an epoch.
  const halving = () =>
    made(1, 'sgd').compile({
      loss: 'mse',
      optimizer: optimizers.sgd({ learningRate: schedules.exponentialDecay({ initialLearningRate: 0.5, decaySteps: 1, decayRate: 0.5 }) }),
    });
  const noting = (rates: number[], set?: (epoch: number, control: TrainingControl) => void): Callback => ({
    every: 1,
    onEpochBegin: (epoch, control) => set?.(epoch, control),
    onBatchEnd: (_batch, _logs, control) => void rates.push(control.learningRate),
  });

  it('takes over from a schedule, also where it is set to the value that it has, until the fit ends', async () => {
    const [free, held, later]: number[][] = [[], [], []];
    await train(halving(), { epochs: 3, callbacks: [noting(free as number[])] });
    expect(free).toEqual([2, 3, 4, 5, 6, 7].map((k) => 2 ** -k));
    const model = halving();
    const same = (epoch: number, control: TrainingControl): void => {
      const { learningRate } = control;
      if (epoch === 1) control.learningRate = learningRate;
    };
    await train(model, { epochs: 3, callbacks: [noting(held as number[], same)] });
    expect(held).toEqual([2 ** -2, 2 ** -3, 2 ** -3, 2 ** -3, 2 ** -3, 2 ** -3]);
    await train(model, { epochs: 1, callbacks: [noting(later as number[])] });
    expect(later).toEqual([2 ** -8, 2 ** -9]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1, undefined, '0.1'])('refuses %s, by name', async (value) => {
    const model = made();
    const set: Callback = {
      onEpochBegin: (_epoch, control) => {
        control.learningRate = value as number;
      },
    };
    await expect(train(model, { epochs: 1, callbacks: [set] })).rejects.toThrow(/^control\.learningRate takes a finite number ≥ 0, got/);
    expect((await model.getState()).get('iterations')?.at(0)).toBe(0);
  });
});

/** Learning rates at the end of each epoch. */
async function ratesOf(values: readonly number[], callback: Callback): Promise<number[]> {
  const model = made(1, 'sgd').compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 1 }) });
  const rates: number[] = [];
  const still: Callback = { onEpochEnd: (_epoch, _logs, control) => void rates.push(control.learningRate) };
  // One step on zeros: no gradient reaches the weights, whatever the rate.
  const zeros = { x: NdArray.zeros([2, 3]), y: NdArray.zeros([2, 1]) };
  await model.fit(zeros, { epochs: values.length, verbose: 0, callbacks: [scripted('watched', values), callback, still] });
  return rates;
}

describe('reduceLROnPlateau', () => {
  // Counted by hand from Keras's rules.
  it.each([
    { what: 'reduces after patience epochs', values: [2, 2, 2, 2, 2], options: { patience: 2, factor: 0.5 }, rates: [1, 1, 0.5, 0.5, 0.25] },
    {
      what: 'takes changes within minDelta for none',
      values: [2, 1.95, 1.9, 1.8],
      options: { patience: 1, factor: 0.5, minDelta: 0.15 },
      rates: [1, 0.5, 0.25, 0.25],
    },
    { what: 'cools down', values: [2, 2, 2, 2, 2, 2], options: { patience: 1, factor: 0.5, cooldown: 2 }, rates: [1, 0.5, 0.5, 0.25, 0.25, 0.125] },
    { what: 'stops at minLr', values: [2, 2, 2, 2], options: { patience: 1, factor: 0.5, min_lr: 0.4 }, rates: [1, 0.5, 0.4, 0.4] },
    { what: 'starts anew where it improves', values: [2, 2, 1, 1, 1], options: { patience: 2, factor: 0.5 }, rates: [1, 1, 1, 1, 0.5] },
  ])('$what', async ({ values, options, rates }) => {
    expect(await ratesOf(values, callbacks.reduceLROnPlateau({ monitor: 'watched', ...options }))).toEqual(rates);
  });

  it('puts the epoch’s learning rate into the history', async () => {
    const reduce = callbacks.reduceLROnPlateau({ monitor: 'watched', patience: 1, factor: 0.5 });
    const history = await train(made(), { epochs: 3, callbacks: [scripted('watched', [1, 1, 1]), reduce] });
    // Adam's own rate first.
    expect(history.history.learning_rate).toEqual([0.001, 0.001, 0.0005]);
  });

  it('refuses a factor that reduces nothing', () => {
    expect(() => callbacks.reduceLROnPlateau({ factor: 1 })).toThrow(/factor must be a finite number ≥ 0 and < 1, got 1/);
  });
});

describe('learningRateScheduler', () => {
  it('sets the rate of each epoch from the one before', async () => {
    expect(
      await ratesOf(
        [1, 1, 1, 1],
        callbacks.learningRateScheduler((epoch, rate) => (epoch < 2 ? rate : rate / 4)),
      ),
    ).toEqual([1, 1, 0.25, 0.0625]);
  });

  it('refuses what is no rate', async () => {
    expect(() => callbacks.learningRateScheduler(0.1 as never)).toThrow(ArgumentError);
    await expect(train(made(), { callbacks: [callbacks.learningRateScheduler(() => Number.NaN)] })).rejects.toThrow(/got NaN for epoch 0/);
  });
});

describe('loggers', () => {
  const lines = async (path: string): Promise<string[]> => (await readFile(path, 'utf8')).split('\n');

  it('write a line of CSV per epoch, on the disk before the next', async () => {
    const path = join(folder, 'log.csv');
    const seen: number[] = [];
    const history = await train(made(), {
      epochs: 3,
      callbacks: [callbacks.csvLogger(path), { onEpochEnd: async () => void seen.push((await lines(path)).length) }],
    });
    expect(seen).toEqual([3, 4, 5]);
    expect(await lines(path)).toEqual(['epoch,loss', ...(history.history.loss ?? []).map((loss, epoch) => `${epoch},${loss}`), '']);
  });

  it('go on behind the last whole line', async () => {
    const [csv, jsonl] = [join(folder, 'log.csv'), join(folder, 'log.jsonl')];
    const both = (append: boolean): Callback[] => [callbacks.csvLogger(csv, { append, separator: ';' }), callbacks.jsonlLogger(jsonl, { append })];
    const model = made();
    await train(model, { epochs: 2, callbacks: both(true) });
    await appendFile(csv, '2;0.1');
    await appendFile(jsonl, '{"epoch":2,"lo');
    await train(model, { epochs: 3, initialEpoch: 2, callbacks: both(true) });
    expect((await lines(csv)).map((line) => line.split(';')[0])).toEqual(['epoch', '0', '1', '2', '']);
    const records = (await lines(jsonl)).slice(0, -1).map((line) => JSON.parse(line) as { epoch: number; step: number; loss: number });
    expect(records.map(({ epoch, step }) => [epoch, step])).toEqual([
      [0, 2],
      [1, 4],
      [2, 6],
    ]);
    expect((await lines(csv))[3]).toBe(`2;${records[2]?.loss}`);
    await train(model, { epochs: 1, callbacks: both(false) });
    expect(await lines(csv)).toHaveLength(3);
    expect(await lines(jsonl)).toHaveLength(2);
  });

  it('name the column that a file does not have, and leave one empty that the logs do not have', async () => {
    const path = join(folder, 'log.csv');
    await writeFile(path, 'epoch,extra,loss\n');
    const history = await train(made(), { callbacks: [callbacks.csvLogger(path, { append: true })] });
    expect((await lines(path))[1]).toBe(`0,NA,${history.last.loss}`);
    await expect(train(made(), { callbacks: [scripted('losss', [1]), callbacks.csvLogger(path, { append: true })] })).rejects.toThrow(
      /no column 'losss'; did you mean 'loss'\? Log to a new file/,
    );
  });

  it('quote names of columns, by which they go on', async () => {
    const path = join(folder, 'log.csv');
    const names = ['price, EUR', 'a "b"'];
    const own = (append: boolean): Callback[] => [...names.map((name) => scripted(name, [1, 1])), callbacks.csvLogger(path, { append })];
    await train(made(), { callbacks: own(false) });
    await train(made(), { epochs: 2, initialEpoch: 1, callbacks: own(true) });
    const [header, ...rows] = await lines(path);
    expect(header).toBe('epoch,"a ""b""",loss,"price, EUR"');
    expect(rows.map((line) => line.replace(/,[^,]*,1$/, ''))).toEqual(['0,1', '1,1', '']);
    await writeFile(path, '"epoch,loss\n');
    await expect(train(made(), { callbacks: own(true) })).rejects.toThrow(/the first line of .* names no columns/);
  });

  it('tell where a file cannot be written, before the first step', async () => {
    for (const make of [callbacks.csvLogger, callbacks.jsonlLogger]) {
      const model = made();
      await expect(train(model, { callbacks: [make(join(folder, 'none', 'log'))] })).rejects.toThrow(FileError);
      expect((await model.getState()).get('iterations')?.at(0)).toBe(0);
      expect(() => make('')).toThrow(/expected the path of a file/);
    }
  });
});

describe('lambdaCallback', () => {
  it('takes functions in either spelling', async () => {
    const calls: string[] = [];
    const note = (what: string) => (epoch: unknown) => void calls.push(`${what} ${String(epoch)}`);
    const own = { on_epoch_begin: note('begin'), onEpochEnd: note('end'), on_train_batch_end: note('batch'), every: 2 };
    await train(made(), { epochs: 2, callbacks: [callbacks.lambdaCallback(own)] });
    expect(calls).toEqual(['begin 0', 'batch 1', 'end 0', 'begin 1', 'batch 1', 'end 1']);
  });

  it('finds misspelt names', () => {
    expect(() => callbacks.lambdaCallback({ onEpochEnds: () => {} })).toThrow(/no 'onEpochEnds'; did you mean 'onEpochEnd'/);
    expect(() => callbacks.lambdaCallback({ on_epoch_end: 3 })).toThrow(/onEpochEnd must be a function, got 3/);
  });

  it.each([undefined, null, 3, [() => {}]])('refuses what is no object of functions: %s', (methods) => {
    expect(() => callbacks.lambdaCallback(methods as never)).toThrow(ArgumentError);
  });
});

describe('a reported value', () => {
  it('must be a number', async () => {
    const told: Callback = { onEpochEnd: (_epoch, _logs, control) => control.report('told', '3' as never) };
    await expect(train(made(), { callbacks: [told] })).rejects.toThrow(/^control\.report\('told', …\) takes a number, got '3'/);
  });

  it('reaches the callbacks that follow and the history', async () => {
    const seen: Logs[] = [];
    const history = await train(made(), {
      epochs: 2,
      callbacks: [
        { onEpochEnd: (_epoch, logs) => void seen.push({ ...logs }) },
        scripted('own', [7, 8]),
        { onEpochEnd: (_epoch, logs) => void seen.push({ ...logs }) },
      ],
    });
    expect(history.history.own).toEqual([7, 8]);
    expect(seen.map((logs) => logs.own)).toEqual([undefined, 7, undefined, 8]);
  });
});
