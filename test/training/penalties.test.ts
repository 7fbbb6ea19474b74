import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  constraints,
  layers,
  load,
  type Model,
  NdArray,
  type OptimizerLike,
  ops,
  optimizers,
  regularizers,
  sequential,
  type Tensor,
} from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { values } from './sets.js';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));

const x = [
  [1, -2],
  [0.5, 3],
];
const y = [[1], [-1]];
const quiet = { verbose: 0, shuffle: false } as const;

function build(options: Parameters<typeof layers.dense>[1], optimizer: OptimizerLike = optimizers.sgd({ learningRate: 0.1 })): Model {
  const model = sequential([layers.input([2]), layers.dense(1, { name: 'only', ...options })], { dtype: 'float64', seed: 4 });
  return model.compile({ loss: 'mse', optimizer });
}

const weights = async (model: Model): Promise<number[][]> => values(await model.getWeights());
const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);

describe('regularizers', () => {
  it('add to the loss in training and evaluation, and to the gradient', async () => {
    const plain = build({});
    const model = build({ kernelRegularizer: regularizers.l2({ l2: 0.3 }), biasRegularizer: regularizers.l1({ l1: 0.2 }) });
    const start = [[0.4, -0.7], [0.5]];
    for (const one of [plain, model])
      await one.setWeights([new NdArray(Float64Array.from(start[0] ?? []), [2, 1]), new NdArray(Float64Array.from(start[1] ?? []), [1])]);
    const penalty = 0.3 * (0.4 ** 2 + 0.7 ** 2) + 0.2 * 0.5;
    const before = (await plain.evaluate(x, y)).loss ?? Number.NaN;
    expect((await model.evaluate(x, y)).loss).toBeCloseTo(before + penalty, 12);
    const [own, bare] = [await model.gradients(x, y), await plain.gradients(x, y)];
    expect(own.logs.loss).toBeCloseTo(before + penalty, 12);
    const [kernel, bias] = values(own.gradients.values());
    const [bareKernel, bareBias] = values(bare.gradients.values());
    expect(kernel).toEqual(bareKernel?.map((value, i) => expect.closeTo(value + 2 * 0.3 * (start[0]?.[i] ?? 0), 12)));
    expect(bias).toEqual([expect.closeTo((bareBias?.[0] ?? 0) + 0.2, 12)]);
    const { last } = await model.fit(x, y, { ...quiet, batchSize: 2 });
    expect(last.loss).toBeCloseTo(before + penalty, 12);
    expect((await weights(model))[0]).toEqual(kernel?.map((slope, i) => expect.closeTo((start[0]?.[i] ?? 0) - 0.1 * slope, 12)));
  });

  it('of what a layer gives are averaged over the rows, in training and evaluation', async () => {
    const start = [new NdArray(Float64Array.of(0.4, -0.7), [2, 1]), new NdArray(Float64Array.of(0.5), [1])];
    const outputs = [0.4 * 1 - 0.7 * -2 + 0.5, 0.4 * 0.5 - 0.7 * 3 + 0.5];
    const loss = outputs.reduce((total, output, i) => total + (output - (y[i]?.[0] ?? 0)) ** 2 / 2, 0);
    const penalty = (0.3 / 2) * sum(outputs.map((output) => output ** 2));
    const after = sequential([layers.input([2]), layers.dense(1), layers.activityRegularization({ l2: 0.3 })], { dtype: 'float64' });
    after.compile({ loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0.1 }) });
    for (const model of [build({ activityRegularizer: regularizers.l2({ l2: 0.3 }) }), after]) {
      await model.setWeights(start);
      expect((await model.evaluate(x, y)).loss).toBeCloseTo(loss + penalty, 12);
      const { last } = await model.fit(x, y, { ...quiet, batchSize: 2 });
      expect(last.loss).toBeCloseTo(loss + penalty, 12);
      const slope = sum(outputs.map((output, i) => output - (y[i]?.[0] ?? 0) + 0.3 * output));
      expect((await weights(model))[1]).toEqual([expect.closeTo(0.5 - 0.1 * slope, 12)]);
    }
  });

  it('of what a layer gives at each step are summed over the steps of a row, each by itself or all together', async () => {
    const sequences = new NdArray(Float64Array.of(1, 2, 3, 4, 1, 1, 1, 1), [2, 4, 1]);
    const asked = { kernelInitializer: 'ones', activityRegularizer: regularizers.l2({ l2: 1 }) } as const;
    const [one, twice] = [layers.dense(1, asked), layers.timeDistributed(layers.timeDistributed(layers.dense(1, asked)))];
    const apart = layers.timeDistributed(layers.activityRegularization({ l2: 1 }));
    // Squares: 1 + 4 + 9 + 16 and 4, over two rows.
    for (const row of [
      [one],
      [layers.timeDistributed(layers.dense(1, asked))],
      [apart],
      [layers.reshape([2, 2, 1]), twice, layers.reshape([4, 1])],
    ]) {
      const model = sequential([layers.input([4, 1]), ...row], { dtype: 'float64' }).compile({ loss: 'mse' });
      expect((await model.evaluate(sequences, sequences)).loss).toBeCloseTo(17, 12);
    }
  });

  it('of scales, shifts and embeddings count as those of kernels do, and come back from a file', async () => {
    const model = sequential(
      [
        layers.input([2], { dtype: 'int32' }),
        layers.embedding(3, 2, { embeddingsInitializer: 'ones', embeddingsRegularizer: regularizers.l1({ l1: 0.5 }) }),
        layers.flatten(),
        layers.batchNormalization({ gammaRegularizer: regularizers.l2({ l2: 0.25 }), betaConstraint: 'nonNeg' }),
        layers.layerNormalization({ gammaRegularizer: regularizers.l1({ l1: 0.125 }) }),
        layers.dense(1, { kernelInitializer: 'zeros' }),
      ],
      { dtype: 'float64' },
    );
    model.compile({ loss: 'mse', optimizer: 'sgd' });
    const rows = new NdArray(Int32Array.of(0, 1, 2, 0), [2, 2]);
    const targets = new NdArray(new Float64Array(2), [2, 1]);
    expect((await model.evaluate(rows, targets)).loss).toBeCloseTo(0.5 * 6 + 0.25 * 4 + 0.125 * 4, 12);
    const path = join(folder, 'scales.safetensors');
    await model.save(path);
    const back = await load(path);
    expect((await back.evaluate(rows, targets)).loss).toBeCloseTo(0.5 * 6 + 0.25 * 4 + 0.125 * 4, 12);
  });

  it('do not count while their layer is frozen', async () => {
    const model = build({ kernelRegularizer: 'l2' });
    const penalty = 0.01 * sum((await weights(model))[0]?.map((value) => value ** 2) ?? []);
    const free = (await model.evaluate(x, y)).loss ?? 0;
    model.layer('only').trainable = false;
    expect((await model.evaluate(x, y)).loss).toBeCloseTo(free - penalty, 12);
  });

  it('leave chunks without effect, beside packed vectors as well', async () => {
    const run = async (chunk: number): Promise<number[][]> => {
      const hidden = [1, 2, 3].map((i) => layers.dense(3, i === 2 ? { biasRegularizer: 'l2', biasConstraint: 'nonNeg' } : { activation: 'tanh' }));
      const model = sequential([layers.input([2]), ...hidden, layers.dense(1)], { seed: 1 }).compile({ loss: 'mse', optimizer: 'adam' });
      await model.fit(x, y, { ...quiet, epochs: 6, batchSize: 1, chunk });
      return values((await model.getState()).values());
    };
    expect(await run(5)).toEqual(await run(1));
  });
});

describe('constraints', () => {
  it('hold after every update', async () => {
    const model = build({ kernelConstraint: constraints.maxNorm({ maxValue: 0.5 }), biasConstraint: 'non_neg' }, optimizers.sgd({ learningRate: 5 }));
    const seen: number[] = [];
    await model.fit(x, y, {
      ...quiet,
      epochs: 4,
      batchSize: 1,
      callbacks: [
        {
          every: 1,
          async onBatchEnd() {
            const [kernel = [], bias = []] = await weights(model);
            seen.push(Math.hypot(...kernel));
            expect(bias[0]).toBeGreaterThanOrEqual(0);
          },
        },
      ],
    });
    expect(seen).toHaveLength(8);
    expect(Math.max(...seen)).toBeLessThanOrEqual(0.5 + 1e-6);
    expect(Math.max(...seen)).toBeGreaterThan(0.49);
  });
});

describe('a saved model', () => {
  it('keeps them; functions of your own are handed back', async () => {
    const path = join(folder, 'model.safetensors');
    const cubes = (w: Tensor): Tensor => ops.reduceSum(ops.abs(ops.mul(w, ops.square(w))));
    const model = build({ kernelRegularizer: cubes, kernelConstraint: constraints.minMaxNorm({ minValue: 0.1, maxValue: 2 }) });
    await model.save(path);
    await expect(load(path)).rejects.toThrow(/'cubes' \(only\/kernelRegularizer\)/);
    const loaded = await load(path, { custom: { cubes } });
    expect(await loaded.evaluate(x, y)).toEqual(await model.evaluate(x, y));
    expect(loaded.layer('only').config()).toEqual(model.layer('only').config());
  });

  it('is refused a name that does not exist', () => {
    expect(() => layers.dense(1, { kernelRegularizer: 'l3' })).toThrow(/unknown regularizer 'l3'; did you mean 'l1'/);
    expect(() => layers.dense(1, { kernelConstraint: 'maxnrom' })).toThrow(/unknown constraint 'maxnrom'; did you mean 'maxNorm'/);
    expect(() => layers.dense(1, { biasConstraint: 3 as never })).toThrow(ArgumentError);
  });
});
