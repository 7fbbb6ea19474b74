import type { Command } from 'commander';
import { DataError, EvenkeelError, FileError } from '../core/errors.js';
import { type Baseline, checkRuleIds, diagnoseExamination } from '../doctor/diagnose.js';
import { Examination } from '../doctor/examination.js';
import type { Finding } from '../doctor/finding.js';
import { Bends, lookupsOf } from '../doctor/forecast.js';
import { resolveLoss } from '../losses.js';
import { soonRows } from '../model/curvature.js';
import { examinedBend, examinedLayers, showBend, showExamined } from '../report/examined.js';
import { showFindings } from '../report/findings.js';
import { readFile } from '../storage/files.js';
import { withoutOption } from './columns.js';
import { loadData } from './load-data.js';
import { isSaved, loadCustom, loadModel, requireFile } from './load-model.js';
import { madeUp } from './made-up.js';
import { type ContextOptions, requireContextTold, withContextOptions } from './model-context.js';
import { prepareRun, requireSimple } from './prepare.js';
import { nameFor, printResult, UsageError, wholeNumber } from './print.js';
import { placeInUserCode } from './user-code.js';

/** What commands that print findings may be told of them. */
export interface FindingOptions {
  readonly ignore?: readonly string[];
  readonly baseline?: string;
  readonly json?: boolean;
}

interface CheckOptions extends FindingOptions, ContextOptions {
  readonly data?: string;
  readonly target?: string;
  readonly without?: readonly string[];
  readonly rows: number;
  readonly loss?: string;
  readonly seed?: number;
  readonly custom?: string;
}

/** Exit status where something is ill. */
const ILL = 1;

const examples = `
Examples:
  evenkeel check model.ts --data fashion-mnist
  evenkeel check model.json --json --ignore raw-features

The network is built, theory forecasts its gains, and one minibatch is run forward and backward, without a training step: real rows with --data, otherwise
synthetic ones that fit the model's input and loss. If the module exports a function, it is called with --input-shape and --classes. Exit status: 0 if nothing is ill, 1 if something is, 2 for an error.`;

/** Adds the options that say which findings are told, and how. */
export function withFindingOptions(command: Command, { json = true } = {}): Command {
  command
    .option('--ignore <RULE>', 'skip a rule (evenkeel list rules); may be repeated', (rule: string, before: string[] = []) => [
      ...before,
      nameFor((id) => checkRuleIds([id]))(rule),
    ])
    .option('--baseline <FILE>', 'JSON file of accepted findings: [{ "rule": …, "layers": [… ] }], such as the output of an earlier --json');
  return json ? command.option('--json', 'print one JSON object') : command;
}

/** `evenkeel check`. */
export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .argument('<MODEL>', 'what to examine: .ts, .js, .json or .safetensors')
    .description('examine a network before its first step')
    .option('--data <SOURCE>', 'real rows: a data set, a table or a folder, as for train')
    .option('--target <COLUMN>', 'target column of a table')
    .addOption(withoutOption())
    .option('--rows <N>', 'rows of the minibatch', wholeNumber(2), 256)
    .option('--loss <NAME>', "loss (default: the model's own, else the one that fits its last layer)", nameFor(resolveLoss))
    .option('--seed <N>', "seed of weights and synthetic rows (default: the model's own, else 0)", wholeNumber(0))
    .option('--custom <FILE>', 'module that exports the custom functions and classes of MODEL; its code is run')
    .addHelpText('after', examples);
  withContextOptions(command);
  withFindingOptions(command).action(async (path: string, options: CheckOptions) => {
    requireContextTold(command, path, options.data);
    process.exitCode = await judged(() => check(path, options));
  });
}

async function check(path: string, options: CheckOptions): Promise<number> {
  const { seed, rows, data: source, target, without } = options;
  const custom = await loadCustom(options.custom);
  const baseline = await readBaseline(options.baseline);
  if (target !== undefined && source === undefined) throw new UsageError('--target names a column of --data, which is missing');
  if (without !== undefined && source === undefined) throw new UsageError('--without names columns of --data, which is missing');
  const known = isSaved(path) ? await loadModel(path, { seed, custom }) : undefined;
  const data = source === undefined ? undefined : await loadData(source, { target, without, reader: known?.reader, seed: seed ?? 0 });
  const { inputShape, classes } = data ? { inputShape: data.train.x.shape.slice(1), classes: data.classes } : options;
  const context = { inputShape, classes, seed: seed ?? 0 };
  const loaded = known ?? (await loadModel(path, { context, seed, custom }));
  if (!loaded.model.variables.some(({ trainable }) => trainable))
    throw new DataError(`${path}: the model has no trainable weights; there is nothing to examine`);
  requireSimple(loaded.model);
  const batch = data ?? { train: madeUp(loaded, { ...options, seed: seed ?? loaded.model.seed }), classes: undefined };
  const { model, train } = await prepareRun(loaded, batch, options);
  const taken = Math.min(rows, train.x.shape[0] ?? rows);
  const trace = await model.examine(train.x.slice(0, taken), train.y.slice(0, taken), { sharpness: soonRows(model.network, taken) });
  const examination = new Examination(trace, { bends: new Bends(lookupsOf(model)) });
  const findings = diagnoseExamination(examination, { ...options, baseline });
  const layers = examinedLayers(examination);
  const bend = examinedBend(examination);
  if (options.json) printResult(JSON.stringify({ layers, ...bend, findings }));
  else printResult([showExamined(layers), ...showBend(bend), showFindings(findings)].join('\n\n'));
  return exitOf(findings);
}

/** The work of a command whose exit status 1 says that something is ill: what goes wrong has status 2. @throws UsageError for whatever was thrown on purpose, or by a module of the user's own. */
export async function judged(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const known = error instanceof EvenkeelError || placeInUserCode(error) !== undefined;
    throw known && error instanceof Error ? new UsageError(error instanceof EvenkeelError ? error.message : String(error), { cause: error }) : error;
  }
}

/** Exit status for findings. */
export function exitOf(findings: readonly Finding[]): number {
  return findings.some(({ severity }) => severity === 'ill') ? ILL : 0;
}

/** Accepted findings: a list, or what --json printed. @throws UsageError, FileError */
export async function readBaseline(path: string | undefined): Promise<Baseline> {
  if (path === undefined) return [];
  await requireFile(path, '--baseline');
  const text = new TextDecoder().decode(await readFile(path));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new FileError(`${path} is not JSON: ${(cause as Error).message}`, {}, { cause });
  }
  const list: unknown = Array.isArray(parsed) ? parsed : (parsed as { readonly findings?: unknown } | null)?.findings;
  const isEntry = (one: unknown): one is Baseline[number] => {
    const { rule, layers } = (one ?? {}) as Partial<Finding>;
    return typeof rule === 'string' && Array.isArray(layers) && layers.every((layer) => typeof layer === 'string');
  };
  if (!Array.isArray(list) || !list.every(isEntry))
    throw new FileError(`${path}: a baseline must be a list of { "rule": "…", "layers": ["…"] }, or the output of --json`, {
      expected: '[{ rule, layers }]',
    });
  return list;
}
