import { type Command, Option } from 'commander';
import { writeAtomically } from '../storage/files.js';
import { withoutOption } from './columns.js';
import { loadRows } from './load-data.js';
import { loadCustom, openModel, requireFile } from './load-model.js';
import { requireWritable } from './out-files.js';
import { requireSimple } from './prepare.js';
import { printResult } from './print.js';

interface PredictOptions {
  readonly data: string;
  readonly target?: string;
  readonly without?: readonly string[];
  readonly out?: string;
  readonly custom?: string;
  readonly unknown: 'refuse' | 'zeros';
}

/** `evenkeel predict`. */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .argument('<FILE>', 'a saved model (.safetensors)')
    .description("write a saved model's outputs for data as CSV")
    .requiredOption('--data <SOURCE>', 'glyphs, mnist, fashion-mnist or a folder with idx files (their test rows), a table, or one idx file')
    .option('--target <COLUMN>', 'column of a table that is not a feature (default: the last, if there is one column too many)')
    .addOption(withoutOption())
    .addOption(
      new Option('--unknown <WHAT>', 'what to do with a text that the training table did not contain').choices(['refuse', 'zeros']).default('refuse'),
    )
    .option('--out <FILE>', 'output file (default: standard output)')
    .option('--custom <FILE>', 'module that exports the custom functions and classes of FILE; its code is run')
    .addHelpText('after', '\nExamples:\n  evenkeel predict model.safetensors --data fashion-mnist --out predictions.csv')
    .action(async (path: string, options: PredictOptions) => {
      await requireFile(path, 'FILE');
      requireWritable({ out: options.out }, { '--data': options.data, '--custom': options.custom, FILE: path });
      const { model, classNames, reader } = await openModel(path, {}, await loadCustom(options.custom));
      requireSimple(model);
      const rows = await loadRows(options.data, model.inputs[0]?.shape.slice(1) as number[], { ...options, reader });
      const outputs = await model.predict(rows);
      const count = outputs.shape[0] ?? 0;
      const width = outputs.size / Math.max(1, count);
      const target = width === 1 ? reader?.schema.target?.name : undefined;
      const header = Array.from({ length: width }, (_, i) =>
        classNames?.length === width ? quote(classNames[i] ?? '') : quote(target ?? `output_${i}`),
      );
      const lines = [header.join(',')];
      for (let row = 0; row < count; row++) lines.push(Array.from({ length: width }, (_, i) => String(outputs.at(row * width + i))).join(','));
      if (options.out === undefined) printResult(lines.join('\n'));
      else await writeAtomically(options.out, new TextEncoder().encode(`${lines.join('\n')}\n`));
    });
}

function quote(name: string): string {
  return /[",\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
