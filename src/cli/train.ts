import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { AbortError } from '../core/errors.js';
import { findName } from '../core/names.js';
import type { LossLike } from '../losses.js';
import type { Model } from '../model/model.js';
import { saveModel } from '../model/saving.js';
import { lossNameFor } from '../model/suit.js';
import { type OptimizerLike, optimizers } from '../optimizers.js';
import type { Backend } from '../runtime/index.js';
import { formatValue } from '../training/progress.js';
import { loadData, type RunData } from './load-data.js';
import { loadModel } from './load-model.js';
import { INTERRUPTED, numberBetween, printNote, printResult, UsageError, wholeNumber } from './print.js';

interface TrainOptions {
  readonly data: string;
  readonly target?: string;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer?: string;
  readonly lr?: number;
  readonly loss?: string;
  readonly seed: number;
  readonly validationSplit: number;
  readonly out?: string;
  readonly backend?: Backend;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const examples = `
Examples:
  evenkeel train model.ts --data fashion-mnist --epochs 5 --out model.safetensors
  evenkeel train model.json --data table.csv --target price --loss mse
  evenkeel train model.safetensors --data glyphs --epochs 2 --out model.safetensors   (goes on with a saved model)

MODEL is a .ts or .js module that exports a model, or a function of { inputShape, classes, seed }, by default; a .json description;
or a saved .safetensors file. Only .ts and .js modules run code.`;

/** `evenkeel train`. */
export function addTrain(program: Command): void {
  program
    .command('train')
    .argument('<MODEL>', 'what to train: .ts, .js, .json or .safetensors')
    .description('train a model on data')
    .requiredOption('--data <SOURCE>', 'glyphs, mnist, fashion-mnist, a CSV file or a folder with idx files')
    .option('--target <COLUMN>', 'target column of a CSV file, by name or number (default: the last)')
    .option('--epochs <N>', 'passes over the data', wholeNumber(1), 5)
    .option('--batch-size <N>', 'rows per step', wholeNumber(1), 32)
    .option('--optimizer <NAME>', 'sgd, adam, adamW (default: the model’s own, else sgd)')
    .option('--lr <RATE>', 'learning rate', numberBetween(0, 1e6))
    .option('--loss <NAME>', 'loss (default: the model’s own, else what suits its last layer)')
    .option('--seed <N>', 'seed of weights, shuffles and masks', wholeNumber(0), 0)
    .option('--validation-split <SHARE>', 'share of the rows kept for validation', numberBetween(0, 0.99), 0.1)
    .option('--out <FILE>', 'save the trained model here (.safetensors)')
    .option('--backend <NAME>', 'native or wasm')
    .option('--threads <N>', 'threads of one run (default: chosen from the shapes)', wholeNumber(1))
    .option('--json', 'print one JSON object')
    .option('--quiet', 'no progress')
    .addHelpText('after', examples)
    .action(async (path: string, options: TrainOptions) => {
      process.exitCode = await train(path, options);
    });
}

async function train(path: string, options: TrainOptions): Promise<number> {
  if (options.out !== undefined && !existsSync(dirname(resolve(options.out))))
    throw new UsageError(`--out: the folder of '${options.out}' does not exist`);
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGINT', stop);
  try {
    const data = await loadData(options.data, options.target, controller.signal);
    const labels = data.train.y.dtype === 'int32' || data.train.y.dtype === 'uint8';
    const classes = labels ? (data.train.classNames?.length ?? largest(data.train.y.data as Int32Array) + 1) : undefined;
    const { backend, threads, seed } = options;
    const engine = { ...(backend ? { backend } : {}), ...(threads ? { threads } : {}) };
    const model = await loadModel(path, { inputShape: data.train.x.shape.slice(1), classes, seed, options: engine });
    prepare(model, data, options);
    return await run(model, data, options, controller.signal);
  } finally {
    process.removeListener('SIGINT', stop);
  }
}

const largest = (values: ArrayLike<number>): number =>
  Array.prototype.reduce.call(values, (most: unknown, value: unknown) => Math.max(Number(most), Number(value)), 0) as number;

/** Compiles the model where it is not, or where options say otherwise. */
function prepare(model: Model, data: RunData, options: TrainOptions): void {
  if (model.isCompiled && options.optimizer === undefined && options.lr === undefined && options.loss === undefined) return;
  const own = model.isCompiled ? model.compiled : undefined;
  const labels = data.train.y.shape.length === 1;
  const loss = (options.loss ?? own?.losses ?? lossNameFor(model.network, labels)) as LossLike;
  model.compile({ optimizer: chooseOptimizer(options, own?.optimizer.name), loss, metrics: labels ? ['accuracy'] : [] });
}

function chooseOptimizer({ optimizer, lr }: TrainOptions, own = 'sgd'): OptimizerLike {
  const name = optimizer ?? own;
  const key = findName(name, optimizers);
  if (lr === undefined || key === undefined) return name;
  return optimizers[key]({ learningRate: lr });
}

async function run(model: Model, data: RunData, options: TrainOptions, signal: AbortSignal): Promise<number> {
  const { epochs, batchSize, validationSplit, out } = options;
  const began = performance.now();
  let interrupted = false;
  let history: Record<string, number[]> = {};
  try {
    const result = await model.fit(data.train, { epochs, batchSize, validationSplit, verbose: options.quiet ? 0 : 1, signal });
    history = result.history;
  } catch (error) {
    if (!(error instanceof AbortError)) throw error;
    interrupted = true;
    printNote(`\n${error.message}`);
  }
  const test = data.test && !interrupted ? await model.evaluate(data.test) : undefined;
  if (out !== undefined) await saveModel(model, out);
  const seconds = (performance.now() - began) / 1000;
  const line = (title: string, logs: Readonly<Record<string, number>>): string =>
    `${title}: ${Object.entries(logs)
      .map(([name, value]) => `${name} ${formatValue(value)}`)
      .join(', ')}`;
  if (options.json) printResult(JSON.stringify({ history, ...(test ? { test } : {}), seconds, ...(out ? { out } : {}), interrupted }));
  else {
    const last = Object.fromEntries(Object.entries(history).map(([name, values]) => [name, values.at(-1) ?? Number.NaN]));
    if (!interrupted) printResult(line(`after ${epochs} epochs`, last));
    if (test) printResult(line('test', test));
    if (out !== undefined) printResult(`saved: ${out}`);
  }
  return interrupted ? INTERRUPTED : 0;
}
