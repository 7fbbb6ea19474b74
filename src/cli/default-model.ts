import { countOf } from '../core/count.js';
import type { NdArray } from '../core/ndarray.js';
import type { Dataset } from '../data/dataset.js';
import { layers } from '../layers/index.js';
import { sequential } from '../model/construct.js';
import { splitRow } from '../model/fit-data.js';
import type { Model } from '../model/model.js';
import type { EngineChoice } from '../model/programs.js';
import { type Optimizer, optimizers } from '../optimizers.js';
import { schedules } from '../schedules.js';

/** Steps of a training, more or less, whatever the size of the data. */
const STEPS = 14_000;
const DEPTH = 3;

/** A network for data of which nothing more is known, and how long it is trained. */
export interface DefaultRun {
  readonly model: Model;
  readonly epochs: number;
  readonly batchSize: number;
  /** What it is, in one line. */
  readonly description: string;
}

export interface DefaultChoice {
  /** Number of classes; absent where targets are numbers. */
  readonly classes: number | undefined;
  readonly seed: number;
  readonly engine: EngineChoice;
  /** Share of the rows that is not trained on. */
  readonly validationSplit: number;
  readonly epochs?: number | undefined;
  readonly batchSize?: number | undefined;
}

const between = (low: number, value: number, high: number): number => Math.min(Math.max(value, low), high);

/** Mean and standard deviation of each column. */
function scaleOf(y: NdArray): { mean: number[]; deviation: number[] } {
  const [rows, width] = [y.shape[0] ?? 0, y.size / (y.shape[0] ?? 1)];
  const columns = Array.from({ length: width }, (_, column) => Array.from({ length: rows }, (_, row) => y.at(row * width + column)));
  const mean = columns.map((values) => values.reduce((sum, value) => sum + value / rows, 0));
  const deviation = columns.map((values, i) => Math.sqrt(values.reduce((sum, value) => sum + (value - (mean[i] ?? 0)) ** 2 / rows, 0)) || 1);
  return { mean, deviation };
}

/** How the network is called, by which a saved one is known again. */
const NAME = 'default';
/** Rate of the first step. */
const RATE = 1e-3;

/** Steps of an epoch. */
export const stepsPerEpochOf = (rows: number, batchSize: number, validationSplit: number): number =>
  Math.ceil(splitRow(rows, validationSplit) / batchSize);

/** AdamW with a rate that falls to 0 along a cosine over so many steps; `from` is the first of them, where others were taken before. */
export function automaticOptimizer(steps: number, from = 0): Optimizer {
  const before = from > 0 ? { warmupTarget: RATE, warmupSteps: from } : {};
  return optimizers.adamW({ learningRate: schedules.cosineDecay({ initialLearningRate: RATE, decaySteps: steps, ...before }) });
}

/** Whether a model is such a network, trained as it was made to be. */
export function isAutomatic({ name, compiled: { optimizer } }: Model): boolean {
  const { learningRate } = optimizer;
  if (name !== NAME || typeof learningRate === 'number') return false;
  const { decaySteps, warmupSteps } = learningRate.config;
  if (typeof decaySteps !== 'number' || typeof warmupSteps !== 'number') return false;
  const own = automaticOptimizer(decaySteps, warmupSteps);
  return optimizer.name === own.name && JSON.stringify(optimizer.config) === JSON.stringify(own.config);
}

/**
 * Three self-normalizing layers on standardized features, wider for more rows, AdamW with a rate that falls to 0 along a cosine. Where targets are
 * numbers the last layer gives them in their own units. Compiled.
 */
export function defaultRun({ x, y }: Dataset, choice: DefaultChoice): DefaultRun {
  const { classes, seed, engine } = choice;
  const rows = x.shape[0] ?? 0;
  const width = rows < 1000 ? 32 : rows < 5000 ? 64 : 128;
  const batchSize = choice.batchSize ?? between(16, 2 ** Math.round(Math.log2(rows / 256)), 256);
  const stepsPerEpoch = stepsPerEpochOf(rows, batchSize, choice.validationSplit);
  const epochs = choice.epochs ?? between(5, Math.round(STEPS / stepsPerEpoch), 100);
  const shape = x.shape.slice(1);
  const { mean, deviation } = scaleOf(y);
  const model = sequential(
    [
      layers.input(shape, { dtype: x.dtype }),
      ...(shape.length > 1 ? [layers.normalization({ axis: null }), layers.flatten()] : [layers.normalization()]),
      ...Array.from({ length: DEPTH }, () => layers.dense(width, { activation: 'selu', kernelInitializer: 'lecunNormal' })),
      ...(classes === undefined
        ? [layers.dense(deviation.length), layers.rescaling(deviation, { offset: mean })]
        : [layers.dense(classes, { activation: 'softmax' })]),
    ],
    { seed, name: NAME, ...engine },
  );
  model.compile({
    optimizer: automaticOptimizer(epochs * stepsPerEpoch),
    loss: classes === undefined ? 'meanSquaredError' : 'sparseCategoricalCrossentropy',
    metrics: [classes === undefined ? 'rootMeanSquaredError' : 'accuracy'],
  });
  const description = `${DEPTH} hidden layers of ${width} SELU units on standardized features, AdamW, ${countOf(epochs, 'epoch')} with batches of ${batchSize}`;
  return { model, epochs, batchSize, description };
}
