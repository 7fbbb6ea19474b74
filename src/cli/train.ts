import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { countOf } from '../core/count.js';
import { AbortError } from '../core/errors.js';
import type { Task } from '../data/table-target.js';
import { watch } from '../doctor/watch.js';
import { resolveLoss } from '../losses.js';
import { saveModel } from '../model/saving.js';
import { resolveOptimizer } from '../optimizers.js';
import { showFinding } from '../report/findings.js';
import { heatStrip } from '../report/heat-strip.js';
import { availableThreads, type Backend } from '../runtime/index.js';
import { tensorBoard } from '../training/callbacks/tensor-board.js';
import { traceFile } from '../training/callbacks/trace-file.js';
import type { Callback, TrainingControl } from '../training/callbacks.js';
import type { History } from '../training/history.js';
import type { Trace } from '../vitals/trace.js';
import { withoutOption } from './columns.js';
import { defaultRun, stepsPerEpochOf } from './default-model.js';
import { isTable, loadData, type RunData, tables } from './load-data.js';
import { isSaved, type LoadedModel, loadCustom, loadModel, type ModelSource, modelEndings, notesOf } from './load-model.js';
import { requireModelPath, requireWritable } from './out-files.js';
import { type PreparedRun, prepareRun } from './prepare.js';
import { INTERRUPTED, looksOf, nameFor, numberBelow, printNote, printResult, showValues, UsageError, wholeNumber } from './print.js';
import { renewSchedule, tellRestingSteps } from './schedule-end.js';

interface TrainOptions {
  readonly data?: string;
  readonly target?: string;
  readonly without?: readonly string[];
  readonly task?: Task;
  readonly testSplit: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly optimizer?: string;
  readonly lr?: number;
  readonly loss?: string;
  readonly seed?: number;
  readonly validationSplit: number;
  readonly standardize?: boolean;
  readonly out?: string;
  readonly custom?: string;
  readonly backend?: Backend;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly watch?: boolean;
  readonly units?: boolean;
  readonly trace?: string;
  readonly tensorboard?: string;
}

const examples = `
Examples:
  evenkeel train houses.csv --target price --test-split 0.2 --out model.safetensors
  evenkeel train model.ts --data fashion-mnist --epochs 5 --out model.safetensors
  evenkeel train model.json --data table.csv --target price --standardize --loss mse
  evenkeel train model.safetensors --data glyphs --epochs 2 --out model.safetensors   (continues a saved model)

MODEL is a .ts or .js module whose default export is a model or a function of { inputShape, classes, seed }; a .json description;
or a saved .safetensors file. Without MODEL, a network that fits the data is built; a table in its place is the data. Only .ts and .js modules run code.`;

/** `evenkeel train`. */
export function addTrain(program: Command): void {
  program
    .command('train')
    .argument('[MODEL]', 'what to train: .ts, .js, .json or .safetensors (default: a network that fits the data)')
    .description('train a model on data')
    .option('--data <SOURCE>', 'glyphs, mnist, fashion-mnist, california-housing, a table (.csv, .tsv, .csv.gz, .parquet) or a folder with idx files')
    .option('--target <COLUMN>', 'target column of a table, by name or number from 0 (default: the last)')
    .addOption(withoutOption())
    .addOption(
      new Option('--task <KIND>', 'kind of target in a table (default: text and whole numbers are classes)').choices([
        'classification',
        'regression',
      ]),
    )
    .option('--test-split <SHARE>', 'share of a table held out to test the model', numberBelow(0, 1), 0)
    .option('--epochs <N>', 'passes over the data (default: 5; without MODEL, depends on the number of rows)', wholeNumber(1))
    .option('--batch-size <N>', 'rows per step (default: 32; without MODEL, depends on the number of rows)', wholeNumber(1))
    .option('--optimizer <NAME>', "sgd, adam, adamW (default: the model's own, else sgd)", nameFor(resolveOptimizer))
    .option('--lr <RATE>', "learning rate (default: the optimizer's)", numberBelow(0, 1e6))
    .option('--loss <NAME>', "loss (default: the model's own, else the one that fits its last layer)", nameFor(resolveLoss))
    .option('--seed <N>', "seed of weights, shuffles and masks (default: the model's own, else 0)", wholeNumber(0))
    .option('--validation-split <SHARE>', 'share of the rows held out for validation', numberBelow(0, 1), 0.1)
    .option('--standardize', 'put a normalization layer after the input')
    .option(
      '--out <FILE>',
      'save the model here (.safetensors) after every epoch and at the end; an existing file is kept until the first epoch is done',
    )
    .option('--custom <FILE>', 'module that exports the custom functions and classes of MODEL; its code is run')
    .addOption(new Option('--backend <NAME>', 'engine to use').choices(['native', 'wasm']))
    .option('--threads <N>', 'number of threads (default: chosen from the shapes)', threadCount)
    .option('--watch', 'report findings as they appear, and at the end show the size of gradients by layer and step')
    .option('--trace <FILE>', 'record vital signs here (.jsonl), for diagnose')
    .option('--units', 'with --trace, also record maps by unit')
    .option('--tensorboard <DIR>', 'record vital signs in this folder, for TensorBoard; one folder per run')
    .option('--json', 'print one JSON object')
    .option('--quiet', 'do not print progress')
    .addHelpText('after', examples)
    .action(async (path: string | undefined, options: TrainOptions) => {
      process.exitCode = await train(sourcesOf(path, options.data), options);
    });
}

/** Threads for each core beyond which they only wait for each other: 32 for each take ten times as long as one. */
const MOST_PER_CORE = 4;

/** Reads a number of threads that this machine can serve. */
function threadCount(text: string): number {
  const [count, cores] = [wholeNumber(1)(text), availableThreads()];
  const most = MOST_PER_CORE * cores;
  if (count > most) {
    throw new InvalidArgumentError(`This machine runs ${cores} at once, and more than ${most} only wait for each other; omit it to have it chosen.`);
  }
  return count;
}

/** What to train, and on what. */
interface Sources {
  readonly path?: string;
  readonly rows: string;
}

/** A table where the model could stand is the data. @throws UsageError if there are no data, or two. */
function sourcesOf(path: string | undefined, data: string | undefined): Sources {
  const table = path !== undefined && isTable(path);
  if (table && data !== undefined)
    throw new UsageError(`'${path}' is a table, but --data names other data; pass only one of them, with or without a model`);
  if (table) return { rows: path };
  if (data === undefined && path !== undefined && !modelEndings.includes(extname(path).toLowerCase()))
    throw new UsageError(
      `'${path}' is neither a table (${tables.join(', ')}) nor a model (${modelEndings.join(', ')}); pass other kinds of data with --data <SOURCE>`,
    );
  if (data === undefined) throw new UsageError("no data: pass a table ('evenkeel train houses.csv') or --data <SOURCE>");
  return { rows: data, ...(path === undefined ? {} : { path }) };
}

async function train({ path, rows }: Sources, options: TrainOptions): Promise<number> {
  const { out, seed, backend, threads, target, without, task, testSplit } = options;
  const { trace } = options;
  // A saved model goes on in its own file.
  requireWritable({ out, trace }, { 'the data': rows, '--custom': options.custom });
  requireWritable({ trace }, { MODEL: path });
  requireModelPath(out);
  if (options.units && options.trace === undefined) throw new UsageError('--units needs --trace <FILE>, which stores the maps');
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGINT', stop);
  try {
    const engine = { ...(backend ? { backend } : {}), ...(threads ? { threads } : {}) };
    const custom = await loadCustom(options.custom);
    const source = { seed, engine, custom };
    // A saved model knows how its table was read.
    const saved = path !== undefined && isSaved(path) ? await loadModel(path, source) : undefined;
    if (saved && options.standardize) {
      throw new UsageError('--standardize: a saved model was trained on the features as they were; train a new model, or remove --standardize');
    }
    const data = await loadData(rows, { target, without, task, testSplit, reader: saved?.reader, seed: seed ?? 0, signal: controller.signal });
    const loaded: Loaded = saved ?? (await made(path, data, options, source));
    const { epochs = 5, batchSize = 32 } = loaded;
    const prepared = await prepareRun(loaded, data, options);
    const length = { epochs: options.epochs ?? epochs, batchSize: options.batchSize ?? batchSize };
    const perEpoch = stepsPerEpochOf(prepared.train.x.shape[0] ?? 0, length.batchSize, options.validationSplit);
    if (saved) await renewSchedule(prepared.model, length.epochs * perEpoch);
    return await run({ ...prepared, ...length, notes: notesOf(prepared.train.classNames, data.reader) }, options, controller.signal);
  } finally {
    process.removeListener('SIGINT', stop);
  }
}

interface Loaded extends LoadedModel {
  readonly epochs?: number;
  readonly batchSize?: number;
}

/** The model that a module or a description makes for the data, or the default one. */
async function made(path: string | undefined, data: RunData, options: TrainOptions, { seed = 0, ...source }: ModelSource): Promise<Loaded> {
  const { train, classes } = data;
  if (path !== undefined) {
    const context = { inputShape: train.x.shape.slice(1), classes, seed };
    return loadModel(path, { ...source, context, seed: options.seed });
  }
  const { description, ...chosen } = defaultRun(train, {
    classes,
    seed,
    engine: source.engine ?? {},
    validationSplit: options.validationSplit,
    epochs: options.epochs,
    batchSize: options.batchSize,
  });
  if (!options.quiet)
    printNote(`no MODEL given: ${description}${classes === undefined ? '' : `; the target is one of ${countOf(classes, 'class', 'classes')}`}`);
  const doubt = options.task === undefined ? doubtOf(data) : undefined;
  if (doubt !== undefined) printNote(doubt);
  return chosen;
}

/** Rows of a class, on average, below which numbers are rather quantities. */
const FEW = 4;

/** Says of whole numbers with few rows for each that they were taken for classes. */
function doubtOf({ train, test }: RunData): string | undefined {
  const { classNames = [] } = train;
  const rows = [train, test].reduce((sum, set) => sum + (set?.x.shape[0] ?? 0), 0);
  const numbers = classNames.length > 2 && classNames.every((name) => Number.isFinite(Number(name)));
  if (!numbers || rows >= FEW * classNames.length) return undefined;
  return `the target holds whole numbers, ${classNames.length} different ones in ${countOf(rows, 'row')}, which are treated as classes; if they are quantities, use --task regression`;
}

interface Run extends PreparedRun {
  readonly epochs: number;
  readonly batchSize: number;
  readonly notes: Readonly<Record<string, string>>;
}

async function run({ model, train, test, epochs, batchSize, notes }: Run, options: TrainOptions, signal: AbortSignal): Promise<number> {
  const { validationSplit, out } = options;
  let saved = false;
  const save = async (): Promise<void> => {
    if (out === undefined) return;
    await saveModel(model, out, { notes });
    saved = true;
  };
  const began = performance.now();
  let trace: Trace | undefined;
  const keepTrace: Callback['onTraceBegin'] = (_, control) => {
    trace = control.trace;
  };
  const fit: { first: number; control?: TrainingControl } = { first: 0 };
  const callbacks: Callback[] = [
    {
      onTrainBegin(control) {
        fit.first = control.step;
        fit.control = control;
      },
      onEpochEnd: save,
      // Averages take the place of the weights behind the last epoch.
      ...(model.compiled.optimizer.averaging ? { onTrainEnd: save } : {}),
    },
    tellRestingSteps(model),
    ...(options.watch ? [watch({ onFinding: (finding) => printNote(`\n${showFinding(finding)}`) }), { onTraceBegin: keepTrace }] : []),
    ...(options.trace === undefined ? [] : [traceFile(options.trace, { units: options.units })]),
    ...(options.tensorboard === undefined ? [] : [tensorBoard(options.tensorboard)]),
  ];
  let history: History | undefined;
  let soFar: AbortError['history'];
  try {
    history = await model.fit(train, { epochs, batchSize, validationSplit, verbose: options.quiet ? 0 : 1, signal, callbacks });
  } catch (error) {
    if (!(error instanceof AbortError)) throw error;
    soFar = error.history;
    const spared = saved ? undefined : sparedBy((fit.control?.step ?? 0) - fit.first, out);
    printNote(`\n${error.message}${spared === undefined ? '' : `; ${spared}`}`);
    if (spared === undefined) await save();
  } finally {
    const strip = trace && !options.json ? heatStrip(trace, looksOf(process.stderr, process.env)) : '';
    if (strip !== '') printNote(`\n${strip}`);
  }
  const graded = history && test ? await model.evaluate(test) : undefined;
  const seconds = (performance.now() - began) / 1000;
  const interrupted = history === undefined;
  if (options.json) {
    printResult(
      JSON.stringify({
        history: history?.history ?? soFar ?? {},
        ...(graded ? { test: graded } : {}),
        seconds,
        ...(saved ? { out } : {}),
        interrupted,
      }),
    );
  } else {
    if (history) printResult(`after ${countOf(epochs, 'epoch')}: ${showValues(history.last)}`);
    if (graded) printResult(`test: ${showValues(graded)}`);
    if (saved) printResult(`saved: ${out}`);
  }
  return interrupted ? INTERRUPTED : 0;
}

/** Why the file of a training that was stopped within its first epoch is left as it is: what was there may be worth more. Undefined where it is written. */
function sparedBy(steps: number, out: string | undefined): string | undefined {
  if (out === undefined) return undefined;
  const there = statSync(out, { throwIfNoEntry: false })?.isFile() === true;
  if (steps === 0) return `nothing was learned, and '${out}' ${there ? 'is unchanged' : 'was not written'}`;
  return there ? `no epoch was completed, and '${out}' is unchanged` : undefined;
}
