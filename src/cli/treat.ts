import { type Command, InvalidArgumentError, Option } from 'commander';
import { AbortError, ArgumentError } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import { remedies } from '../doctor/remedies.js';
import { treat } from '../doctor/treat.js';
import { isInVain } from '../doctor/treatment/describe.js';
import { type Alterable, alterables } from '../doctor/treatment/method.js';
import type { Treatment } from '../doctor/treatment/treatment.js';
import { resolveLoss } from '../losses.js';
import { toConfig } from '../model/config.js';
import { saveModel } from '../model/saving.js';
import { resolveOptimizer } from '../optimizers.js';
import { type Framework, frameworkNames, patchOf } from '../report/patch.js';
import { treatmentHtml } from '../report/treatment-html.js';
import { writeAtomically } from '../storage/files.js';
import { type FindingOptions, judged, readBaseline, withFindingOptions } from './check.js';
import { withoutOption } from './columns.js';
import { loadData } from './load-data.js';
import { blameFile, isSaved, loadCustom, loadModel, notesOf } from './load-model.js';
import { requireModelPath, requireWritable } from './out-files.js';
import { prepareRun } from './prepare.js';
import { INTERRUPTED, nameFor, numberBelow, printNote, printResult, showValues, wholeNumber } from './print.js';

interface TreatOptions extends FindingOptions {
  readonly data: string;
  readonly target?: string;
  readonly without?: readonly string[];
  readonly testSplit: number;
  readonly validationSplit: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer?: string;
  readonly lr?: number;
  readonly loss?: string;
  readonly seed?: number;
  readonly budget?: number;
  readonly trials: number;
  readonly keep?: readonly Alterable[];
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly during?: boolean;
  readonly code: Framework;
  readonly report?: string;
  readonly out?: string;
  readonly custom?: string;
  readonly quiet?: boolean;
}

/** Exit status where no remedy helped. */
const UNCURED = 1;

const examples = `
Examples:
  evenkeel treat model.ts --data fashion-mnist --budget 60s --report treatment.html --out cured.safetensors
  evenkeel treat model.json --data table.csv --target price --keep architecture --keep activations --code keras

Remedies that help on one minibatch are applied before any training; short trials decide between the others, and a full run follows. Ctrl-C keeps the best
result so far, if a trial or run is complete. Exit status: 0 if the network is healthy or was cured or improved, 1 if no remedy helped, 2 for an error.`;

const ids = Object.values(remedies).map(({ id }) => id);

/** `evenkeel treat`. */
export function addTreat(program: Command): void {
  const listed =
    <T extends string>(known: readonly T[]) =>
    (word: string, before: readonly T[] = []): readonly T[] => {
      const found = known.find((one) => one === word);
      if (found === undefined) throw new InvalidArgumentError(`There is no '${word}'${suggestion(word, known)}`);
      return [...before, found];
    };
  const command = program
    .command('treat')
    .argument('<MODEL>', 'what to treat: .ts, .js, .json or .safetensors')
    .description('find the smallest change that makes a network train, and prove it')
    .requiredOption(
      '--data <SOURCE>',
      'glyphs, mnist, fashion-mnist, california-housing, a table (.csv, .tsv, .csv.gz, .parquet) or a folder with idx files',
    )
    .option('--target <COLUMN>', 'target column of a table, by name or number from 0 (default: the last)')
    .addOption(withoutOption())
    .option('--test-split <SHARE>', 'share of a table held out to test the treated model', numberBelow(0, 1), 0)
    .option('--validation-split <SHARE>', 'share of the rows held out to judge trials', numberBelow(0, 1), 0.15)
    .option('--epochs <N>', 'epochs of the full run', wholeNumber(1), 5)
    .option('--batch-size <N>', 'rows per step', wholeNumber(1), 32)
    .option('--optimizer <NAME>', "sgd, adam, adamW (default: the model's own, else sgd)", nameFor(resolveOptimizer))
    .option('--lr <RATE>', "learning rate (default: the optimizer's)", numberBelow(0, 1e6))
    .option('--loss <NAME>', "loss (default: the model's own, else the one that fits its last layer)", nameFor(resolveLoss))
    .option('--seed <N>', "seed of weights, splits and redrawn weights (default: the model's own, else 0)", wholeNumber(0))
    .option('--budget <TIME>', 'maximum time to spend, such as 60s or 5m', duration)
    .option(
      '--trials <N>',
      'maximum number of short trials; each takes a tenth of a training, or up to a fifth if a training is shorter than 500 steps',
      wholeNumber(1),
      6,
    )
    .option('--keep <WHAT>', `what must not change, may be repeated: ${alterables.join(', ')}`, listed(alterables))
    .option('--allow <REMEDY>', 'apply this remedy only (evenkeel list remedies); may be repeated', listed(ids))
    .option('--deny <REMEDY>', 'never apply this remedy; may be repeated', listed(ids))
    .option('--during', 'if the run becomes ill, continue from its last healthy epoch instead of restarting')
    .addOption(new Option('--code <FRAMEWORK>', 'print the change as code of').choices(frameworkNames).default('evenkeel'))
    .option('--report <FILE>', 'write a before-and-after report to this HTML file')
    .option('--out <FILE>', 'save the treated model here (.safetensors)')
    .option('--custom <FILE>', 'module that exports the custom functions and classes of MODEL; its code is run')
    .option('--quiet', 'do not print progress')
    .addHelpText('after', examples);
  withFindingOptions(command).action(async (path: string, options: TreatOptions) => {
    process.exitCode = await judged(() => run(path, options));
  });
}

/** Reads `60s`, `5m` or `90` as seconds. */
function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text) ?? [];
  const seconds = Number(number) * ({ s: 1, m: 60, h: 3600 }[unit ?? 's'] ?? 1);
  if (!(seconds > 0)) throw new InvalidArgumentError('Expected a time such as 60s or 5m.');
  return seconds;
}

async function run(path: string, options: TreatOptions): Promise<number> {
  const { out, report, seed, target, without, testSplit, quiet } = options;
  const inputs = { '--data': options.data, '--custom': options.custom, '--baseline': options.baseline };
  requireWritable({ out, report }, inputs);
  // The treated model may take the place of the saved one.
  requireWritable({ report }, { MODEL: path });
  requireModelPath(out);
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.once('SIGINT', stop);
  try {
    const custom = await loadCustom(options.custom);
    const baseline = await readBaseline(options.baseline);
    const known = isSaved(path) ? await loadModel(path, { seed, custom }) : undefined;
    const data = await loadData(options.data, { target, without, testSplit, reader: known?.reader, seed: seed ?? 0, signal: controller.signal });
    const context = { inputShape: data.train.x.shape.slice(1), classes: data.classes, seed: seed ?? 0 };
    const { model, train, test } = await prepareRun(known ?? (await loadModel(path, { context, seed, custom })), data, options);
    const { epochs, batchSize, validationSplit, budget, trials, keep, allow, deny, during, ignore } = options;
    const treatment = await treat(model, train, {
      epochs,
      batchSize,
      validationSplit,
      budget: { trials, ...(budget === undefined ? {} : { seconds: budget }) },
      baseline,
      custom,
      signal: controller.signal,
      ...(keep ? { keep } : {}),
      ...(allow ? { allow } : {}),
      ...(deny ? { deny } : {}),
      ...(during ? { during } : {}),
      ...(ignore ? { ignore } : {}),
      ...(seed === undefined ? {} : { seed }),
      ...(quiet ? {} : { onProgress: printNote }),
    });
    const graded = test && !treatment.interrupted ? await treatment.model.evaluate(test) : undefined;
    if (out !== undefined) await saveModel(treatment.model, out, { notes: notesOf(train.classNames, data.reader) });
    if (report !== undefined) await writeAtomically(report, new TextEncoder().encode(treatmentHtml(treatment)));
    printResult(options.json ? JSON.stringify(asData(treatment, options.code, graded)) : told(treatment, options, graded));
    if (treatment.interrupted) return INTERRUPTED;
    return treatment.outcome === 'uncured' ? UNCURED : 0;
  } catch (error) {
    if (error instanceof ArgumentError && error.details.argument === 'custom') blameFile(path, error);
    if (!(error instanceof AbortError)) throw error;
    const files = [out, report].flatMap((file) => (file === undefined ? [] : [`'${file}'`]));
    const unwritten =
      files.length > 1 ? `, and neither ${files.join(' nor ')} was written` : files.length > 0 ? `, and ${files[0]} was not written` : '';
    printNote(`${error.message}; no trial was completed${unwritten}`);
    return INTERRUPTED;
  } finally {
    process.removeListener('SIGINT', stop);
  }
}

function told(treatment: Treatment, { code, out, report }: TreatOptions, graded: Readonly<Record<string, number>> | undefined): string {
  const patch = treatment.changed ? patchOf(treatment, code) : undefined;
  return [
    String(treatment),
    ...(patch ? ['', `the change${isInVain(treatment) ? ', which did not help,' : ''} as code (${code}):`, patch, ''] : []),
    ...(graded ? [`test: ${showValues(graded)}`] : []),
    ...(out === undefined ? [] : [`saved: ${out}`]),
    ...(report === undefined ? [] : [`report: ${report}`]),
  ].join('\n');
}

/** A treatment as JSON holds it. */
function asData(treatment: Treatment, code: Framework, graded: Readonly<Record<string, number>> | undefined) {
  const { outcome, changed, remedies: applied, findings, before, after, trials, proposals, steps, plainSteps, seconds, interrupted } = treatment;
  const side = ({ grade, steps: taken, findings: found }: Treatment['before']) => ({ grade, steps: taken, findings: found });
  return {
    outcome,
    changed,
    remedies: applied,
    findings,
    before: side(before),
    after: side(after),
    trials,
    proposals,
    steps,
    plainSteps,
    seconds,
    interrupted,
    model: toConfig(treatment.model),
    ...(changed ? { code: patchOf(treatment, code) } : {}),
    ...(graded ? { test: graded } : {}),
  };
}
