import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  type Callback,
  checkpoint,
  FileError,
  type FitOptions,
  layers,
  load,
  type Model,
  NdArray,
  Random,
  sequential,
} from 'evenkeel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evenkeel-'));
  path = join(folder, 'model.safetensors');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const random = new Random(8);
const [ROWS, BATCH] = [40, 8];
const STEPS = ROWS / BATCH;
const x = new NdArray(
  Float32Array.from({ length: ROWS * 4 }, () => random.normal()),
  [ROWS, 4],
);
const y = new NdArray(
  Float32Array.from({ length: ROWS }, (_, row) => x.at(4 * row) - 2 * x.at(4 * row + 1)),
  [ROWS, 1],
);

const made = (): Model =>
  sequential([layers.input([4]), layers.dense(6, { activation: 'tanh' }), layers.dropout(0.2), layers.dense(1)], { seed: 2 }).compile({
    optimizer: 'adam',
    loss: 'mse',
  });

const train = (model: Model, options: FitOptions) => model.fit(x, y, { batchSize: BATCH, verbose: 0, ...options });

async function bits(of: Model): Promise<Record<string, string>> {
  return Object.fromEntries([...(await of.getState())].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString('hex')]));
}

const stepOf = async (file: string): Promise<number> => (await (await load(file)).getState()).get('iterations')?.at(0) ?? -1;

describe('checkpoint', () => {
  it('takes the first number for better than the NaN before it', async () => {
    const model = made();
    const losses = [Number.NaN, 3, 4, 2];
    const told: Callback = { onEpochEnd: (epoch, _logs, control) => control.report('told', losses[epoch] ?? 0) };
    const file = join(folder, 'epoch-{epoch}.safetensors');
    await train(model, { epochs: 4, callbacks: [told, checkpoint(file, { saveBestOnly: true, monitor: 'told' })] });
    expect((await readdir(folder)).sort()).toEqual([2, 4].map((epoch) => `epoch-${epoch}.safetensors`));
  });

  it('saves after every epoch a state from which training goes on bit for bit', async () => {
    const model = made();
    await train(model, { epochs: 4, callbacks: [checkpoint(join(folder, 'epoch-{epoch}.safetensors'))] });
    expect((await readdir(folder)).sort()).toEqual([1, 2, 3, 4].map((epoch) => `epoch-${epoch}.safetensors`));
    const resumed = await load(join(folder, 'epoch-2.safetensors'));
    await train(resumed, { epochs: 4, initialEpoch: 2 });
    expect(await bits(resumed)).toEqual(await bits(model));
    expect(await bits(await load(join(folder, 'epoch-4.safetensors')))).toEqual(await bits(model));
  });

  it('saves every n steps, and changes no result', async () => {
    const model = made();
    await train(model, { epochs: 2, callbacks: [checkpoint(join(folder, 'step-{step}.safetensors'), { every: 2 })] });
    const files = (await readdir(folder)).sort();
    expect(files).toEqual([10, 2, 4, 6, 8].map((step) => `step-${step}.safetensors`));
    for (const file of files) expect(file).toBe(`step-${await stepOf(join(folder, file))}.safetensors`);
    const unwatched = made();
    await train(unwatched, { epochs: 2 });
    expect(await bits(model)).toEqual(await bits(unwatched));
  });

  it('keeps the best only', async () => {
    const saved: number[] = [];
    const values = [3, 2, 2.5, 2, 1];
    const best = checkpoint(path, { saveBestOnly: true });
    const more = checkpoint(path, { saveBestOnly: true, monitor: 'val_accuracy' });
    const control = (epoch: number) => ({
      learningRate: 0.1,
      step: 0,
      epoch,
      epochs: 5,
      steps: 1,
      stop: () => {},
      report: () => {},
      keepWeights: () => ({ restore: () => {}, release: () => {} }),
      save: async () => {
        saved.push(epoch);
      },
    });
    for (const [epoch, value] of values.entries()) await best.onEpochEnd?.(epoch, { loss: 1, val_loss: value }, control(epoch));
    expect(saved).toEqual([0, 1, 4]);
    saved.length = 0;
    for (const [epoch, value] of values.entries()) await more.onEpochEnd?.(epoch, { val_accuracy: value }, control(epoch));
    expect(saved).toEqual([0]);
    saved.length = 0;
    await best.onTrainBegin?.(control(0));
    await best.onEpochEnd?.(0, { val_loss: 9 }, control(0));
    expect(saved).toEqual([0]);
  });

  it('lets any callback save, while the fit goes on', async () => {
    const model = made();
    const steps: number[] = [];
    const own: Callback = {
      every: 3,
      async onBatchEnd(_batch, _logs, control) {
        await model.save(path);
        steps.push(await stepOf(path), control.step);
      },
    };
    await train(model, { epochs: 1, callbacks: [own] });
    expect(steps).toEqual([3, 3]);
  });

  it('ends the fit where the file cannot be written, and the model is whole', async () => {
    const model = made();
    await expect(train(model, { callbacks: [checkpoint(join(folder, 'no', 'such', 'folder.safetensors'))] })).rejects.toThrow(FileError);
    expect((await model.getState()).get('iterations')?.at(0)).toBe(STEPS);
    await train(model, { epochs: 1 });
  });

  it('refuses wrong options', async () => {
    expect(() => checkpoint('')).toThrow(ArgumentError);
    expect(() => checkpoint('best-{epoch}.h5')).toThrow(/saved as \.safetensors, but 'best-\{epoch\}\.h5'/);
    expect(() => checkpoint(path, { every: 0 })).toThrow(/every must be a whole number ≥ 1 or 'epoch', got 0/);
    expect(() => checkpoint(path, { evry: 1 } as object)).toThrow(/'evry'; did you mean 'every'/);
    expect(() => checkpoint(path, { mode: 'most' as 'max' })).toThrow(/mode must be/);
    await expect(train(made(), { callbacks: [checkpoint(path, { saveBestOnly: true })] })).rejects.toThrow(/no 'val_loss'.*validationSplit/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves a whole checkpoint behind, whenever the process is killed', { timeout: 120_000 }, async () => {
    const script = `
      import { checkpoint, layers, NdArray, sequential } from 'evenkeel';
      const model = sequential([layers.input([64]), layers.dense(256), layers.dense(1)]).compile({ loss: 'mse', optimizer: 'adam' });
      const [x, y] = [NdArray.zeros([64, 64]), NdArray.zeros([64, 1])];
      x.data.fill(0.1);
      const tell = { onEpochEnd: () => { process.stdout.write('.'); } };
      await model.fit(x, y, { epochs: 1e6, batchSize: 16, verbose: 0, callbacks: [checkpoint(${JSON.stringify(path)}), tell] });`;
    for (const wait of [0, 11, 23, 41]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, wait));
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      // Four steps an epoch: a checkpoint in the middle of one would be torn.
      const step = await stepOf(path);
      expect(step).toBeGreaterThanOrEqual(4);
      expect(step % 4).toBe(0);
    }
  });
});
