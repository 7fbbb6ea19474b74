import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, type LearningRate, layers, load, type Model, optimizers, schedules, sequential, type Tensor } from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { rateAt, resolveSchedule, scheduleFromConfig } from '#src/schedules.js';
import fixture from './fixtures/schedules.json' with { type: 'json' };
import { values } from './training/sets.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe("Keras's schedules", () => {
  it.each(fixture.cases.map((one, i) => [`${i} ${one.test}: ${one.name} at step ${one.step}`, one] as const))('%s', (_, one) => {
    const rate = scheduleFromConfig(one.name, one.config).rate(one.step);
    expect(Math.abs(rate - one.expected)).toBeLessThanOrEqual(one.atol + one.rtol * Math.abs(one.expected));
  });
});

describe('oneCycle', () => {
  // PyTorch's torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10), cosine.
  it('rises to the peak and falls to almost nothing', () => {
    const { rate } = schedules.oneCycle({ maxLearningRate: 1, totalSteps: 10 });
    const half = (from: number, to: number, share: number): number => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
    expect(rate(0)).toBeCloseTo(0.04, 12);
    expect(rate(1)).toBeCloseTo(half(0.04, 1, 0.5), 12);
    expect(rate(2)).toBeCloseTo(1, 12);
    expect(rate(9)).toBeCloseTo(0.04 / 1e4, 12);
    expect(rate(5)).toBeCloseTo(half(1, 4e-6, 3 / 7), 12);
  });

  it.each([0.1, 0.05])('begins at the peak where %d of the steps are no rise', (pctStart) => {
    const { rate } = schedules.oneCycle({ maxLearningRate: 1, totalSteps: 10, pctStart });
    const rates = Array.from({ length: 10 }, (_, step) => rate(step));
    expect(rates[0]).toBeGreaterThan(0.99);
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
  });
});

const output = (_: Tensor, out: Tensor): Tensor => out;

/** A net with one weight and a loss whose slope is 1 everywhere: each step of SGD moves the weight by the learning rate. */
function tracer(learningRate: LearningRate): Model {
  const model = sequential([layers.input([1]), layers.dense(1, { useBias: false, kernelInitializer: 'zeros' })], { dtype: 'float64' });
  return model.compile({ optimizer: optimizers.sgd({ learningRate }), loss: output });
}

const x = Array.from({ length: 12 }, () => [1]);
const weight = async (model: Model): Promise<number> => values(await model.getWeights())[0]?.[0] ?? Number.NaN;
const total = (rate: (step: number) => number, from: number, to: number): number =>
  Array.from({ length: to - from }, (_, i) => rate(from + i)).reduce((sum, value) => sum + value, 0);

describe('in training', () => {
  const rule = schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 5, decayRate: 0.5 });

  it.each([1, 3, 1000])('each step takes its own rate, in chunks of %s', async (chunk) => {
    const model = tracer(rule);
    await model.fit(x, x, { batchSize: 1, epochs: 2, verbose: 0, chunk });
    expect(await weight(model)).toBeCloseTo(-total((step) => 0.1 * 0.5 ** (step / 5), 0, 24), 12);
    await model.fit(x, x, { batchSize: 1, verbose: 0, chunk });
    expect(await weight(model)).toBeCloseTo(-total((step) => 0.1 * 0.5 ** (step / 5), 0, 36), 12);
  });

  it('a callback reads the rate of the next step, and takes over by setting it', async () => {
    const model = tracer(rule);
    const seen: number[] = [];
    await model.fit(x, x, {
      batchSize: 1,
      verbose: 0,
      callbacks: [
        {
          every: 1,
          onBatchEnd(batch, _, control) {
            seen.push(control.learningRate);
            if (batch === 3) control.learningRate = 2;
          },
        },
      ],
    });
    const expected = [1, 2, 3, 4].map((step) => 0.1 * 0.5 ** (step / 5));
    seen.slice(0, 4).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? 0, 12);
    });
    expect(seen.slice(4)).toEqual(new Array(8).fill(2));
    expect(await weight(model)).toBeCloseTo(-total((step) => 0.1 * 0.5 ** (step / 5), 0, 4) - 8 * 2, 12);
  });

  it('goes on where a saved model stopped; functions of your own are handed back', async () => {
    const path = join(folder, 'model.safetensors');
    const halving = (step: number): number => 2 ** -step;
    for (const [rate, custom] of [
      [rule, { output }],
      [halving, { output, halving }],
    ] as const) {
      const whole = tracer(rate);
      await whole.fit(x, x, { batchSize: 4, epochs: 4, verbose: 0 });
      const half = tracer(rate);
      await half.fit(x, x, { batchSize: 4, epochs: 2, verbose: 0 });
      await half.save(path);
      const loaded = await load(path, { custom });
      await loaded.fit(x, x, { batchSize: 4, epochs: 4, initialEpoch: 2, verbose: 0 });
      expect(await weight(loaded)).toBe(await weight(whole));
    }
    await expect(load(path, { custom: { output } })).rejects.toThrow(/'halving' \(optimizer\/learningRate\)/);
  });
});

describe('what is refused', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['an unknown name', () => resolveSchedule('cosine_dekay'), /unknown schedule 'cosine_dekay'; did you mean 'cosineDecay'/],
    ['an unknown option', () => schedules.cosineDecay({ decaySetps: 3 } as never), /did you mean 'decaySteps'/],
    ['boundaries that fall', () => schedules.piecewiseConstantDecay({ boundaries: [5, 3], values: [1, 2, 3] }), /each larger than the one before/],
    [
      'too few values',
      () => schedules.piecewiseConstantDecay({ boundaries: [5], values: [1] }),
      /2 learning rates, one more than there are boundaries/,
    ],
    [
      'a rate that is none',
      () => optimizers.sgd({ learningRate: '0.1' as never }),
      /learningRate must be a finite number ≥ 0, a schedule or a function/,
    ],
    [
      'an object that gives less than nothing',
      () => rateAt({ name: 'own', config: {}, rate: (step) => 1 - step }, 2),
      /schedule 'own' must return a finite number ≥ 0; it gave -1 for step 2/,
    ],
    [
      'a description without a name',
      () => optimizers.sgd({ learningRate: { name: 4, config: {} } as never }),
      /learningRate must be a finite number ≥ 0, a schedule or a function/,
    ],
    ['a function that gives nothing', () => resolveSchedule(() => Number.NaN).rate(3), /must return a finite number ≥ 0; it gave NaN for step 3/],
  ])('%s', (_, work, message) => {
    expect(work).toThrow(message);
    expect(work).toThrow(ArgumentError);
  });
});
