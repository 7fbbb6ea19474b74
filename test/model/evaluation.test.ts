import { ArgumentError, initializers, layers, losses, type Model, NdArray, optimizers, regularizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { randomArray } from '../layers/wiring.js';

const ROWS = 70;
const x = randomArray([ROWS, 3], 1).cast('float32');
/** Many of one kind first, so that minibatches differ. */
const y = new NdArray(
  Float32Array.from({ length: ROWS }, (_, i) => Number(i < 20 || i % 3 === 0)),
  [ROWS, 1],
);
const rate = { optimizer: optimizers.sgd({ learningRate: 0 }) };

/** What is told of the same rows when they are trained on, at a rate of 0, and when they validate. */
async function compared(net: Model, options: object = {}): Promise<{ loss: number; validation: number }> {
  const { last } = await net.fit(x, y, { batchSize: 32, shuffle: false, validationData: { x, y }, verbose: 0, ...options });
  return { loss: Number(last.loss), validation: Number(last.val_loss) };
}

const sigmoid = () => sequential([layers.input([3]), layers.dense(1, { activation: 'sigmoid' })], { seed: 2 });

/** Dice's loss of each minibatch, as a mean over rows. */
async function diceByHand(net: Model, size: number): Promise<number> {
  const outputs = await net.predict(x);
  let sum = 0;
  for (let start = 0; start < ROWS; start += size) {
    let [both, all] = [0, 0];
    const end = Math.min(ROWS, start + size);
    for (let i = start; i < end; i++) {
      both += outputs.at(i) * y.at(i);
      all += outputs.at(i) + y.at(i);
    }
    sum += (1 - (2 * both) / all) * (end - start);
  }
  return sum / ROWS;
}

describe('validation beside training', () => {
  it.each<[string, () => Model]>([
    [
      'penalties on what is active',
      () => {
        const active = layers.dense(4, { activityRegularizer: regularizers.l2({ l2: 0.1 }) });
        return sequential([layers.input([3]), active, layers.dense(1)], { seed: 1 }).compile({ loss: 'mse', ...rate });
      },
    ],
    ['dice', () => sigmoid().compile({ loss: 'dice', ...rate })],
    ['tversky', () => sigmoid().compile({ loss: losses.tversky({ alpha: 0.3 }), ...rate })],
  ])('tells the same loss of the same rows: %s', async (_, make) => {
    const net = make();
    const { loss, validation } = await compared(net);
    expect(validation).toBeCloseTo(loss, 5);
    await net.dispose();
  });

  it('takes as many rows as it is told, and those of a stream’s minibatches', async () => {
    const net = sigmoid().compile({ loss: 'dice', ...rate });
    const [small, whole] = [await diceByHand(net, 10), await diceByHand(net, ROWS)];
    expect(Math.abs(small - whole)).toBeGreaterThan(1e-3);
    expect((await compared(net, { validationBatchSize: 10 })).validation).toBeCloseTo(small, 5);
    expect((await compared(net, { validationBatchSize: 256 })).validation).toBeCloseTo(whole, 5);
    const batches = () => Array.from({ length: 7 }, (_, i) => ({ x: x.slice(10 * i, 10 * i + 10), y: y.slice(10 * i, 10 * i + 10) }));
    const { last } = await net.fit(batches, { verbose: 0, validationData: { x, y } });
    expect(last.val_loss).toBeCloseTo(small, 5);
    expect(last.loss).toBeCloseTo(small, 5);
    await net.dispose();
  });
});

describe('evaluate', () => {
  it('takes as many rows at a time as it is told, 256 unless it is', async () => {
    const net = sigmoid().compile({ loss: 'dice' });
    expect((await net.evaluate(x, y, { batchSize: 32 })).loss).toBeCloseTo(await diceByHand(net, 32), 5);
    expect((await net.evaluate({ x, y }, undefined, { batchSize: 32 })).loss).toBeCloseTo(await diceByHand(net, 32), 5);
    expect((await net.evaluate(x, y)).loss).toBeCloseTo(await diceByHand(net, ROWS), 5);
    await net.dispose();
  });

  it('gives the same of losses that look at each row by itself', async () => {
    const net = sigmoid().compile({ loss: 'mse', metrics: ['mae'] });
    const [whole, parts] = [await net.evaluate(x, y), await net.evaluate(x, y, { batchSize: 16 })];
    for (const [name, value] of Object.entries(whole)) expect(parts[name]).toBeCloseTo(Number(value), 5);
    await net.dispose();
  });

  it('refuses sizes that are none, and options that it does not know', async () => {
    const net = sigmoid().compile({ loss: 'mse' });
    await expect(net.evaluate(x, y, { batchSize: 0.5 })).rejects.toThrow(/evaluate: batchSize must be a whole number ≥ 1, got 0\.5/);
    await expect(net.evaluate(x, y, { batchsize: 3 } as never)).rejects.toThrow(/unknown option 'batchsize'; did you mean 'batchSize'/);
    await expect(net.fit(x, y, { validationBatchSize: 0 })).rejects.toThrow(ArgumentError);
    const kept = sequential([layers.input([2, 3]), layers.lstm(2, { stateful: true, batchSize: 5 })]).compile({ loss: 'mse' });
    const [rows, ends] = [NdArray.zeros([10, 2, 3]), NdArray.zeros([10, 2])];
    await expect(kept.evaluate(rows, ends, { batchSize: 2 })).rejects.toThrow(/keeps a state for each of 5 rows.*pass batchSize: 5/);
    expect((await kept.evaluate(rows, ends)).loss).toBe(0);
    for (const one of [net, kept]) await one.dispose();
  });
});

describe('r2Score', () => {
  it('is that of all rows, of targets far from 0, in training and in validation, whatever the minibatches and chunks', async () => {
    const targets = new NdArray(
      Float32Array.from({ length: ROWS }, (_, i) => 2000 + x.at(3 * i) + (i < 20 ? 1 : 0)),
      [ROWS, 1],
    );
    const net = sequential([layers.input([3]), layers.dense(1, { biasInitializer: initializers.constant({ value: 2000 }) })], { seed: 1 });
    net.compile({ loss: 'mse', metrics: ['r2Score'], ...rate });
    const outputs = await net.predict(x);
    const rows = Array.from({ length: ROWS }, (_, i) => targets.at(i));
    const mean = rows.reduce((a, b) => a + b) / ROWS;
    const [wrong, spread] = [outputs, undefined].map((from) => rows.reduce((sum, t, i) => sum + (t - (from?.at(i) ?? mean)) ** 2, 0));
    const expected = 1 - (wrong ?? 0) / (spread ?? 0);
    for (const chunk of [1, 3]) {
      const { last } = await net.fit(x, targets, { batchSize: 16, chunk, shuffle: false, validationData: { x, y: targets }, verbose: 0 });
      expect(last.r2Score).toBeCloseTo(expected, 3);
      expect(last.val_r2Score).toBeCloseTo(expected, 3);
    }
    await net.dispose();
  });
});
