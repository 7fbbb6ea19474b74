import type { Command } from 'commander';
import { load } from '../model/persistence.js';
import { writeAtomically } from '../storage/files.js';
import { loadData } from './load-data.js';
import { printResult } from './print.js';

/** `evenkeel predict`. */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .argument('<FILE>', 'a saved model (.safetensors)')
    .description('write a saved model’s outputs for data as CSV')
    .requiredOption('--data <SOURCE>', 'glyphs, mnist, fashion-mnist (their test rows), a CSV file or a folder with idx files')
    .option('--target <COLUMN>', 'column of a CSV file that is not a feature (default: the last)')
    .option('--out <FILE>', 'write here instead of standard output')
    .addHelpText('after', '\nExamples:\n  evenkeel predict model.safetensors --data fashion-mnist --out predictions.csv')
    .action(async (path: string, options: { data: string; target?: string; out?: string }) => {
      const model = await load(path);
      const data = await loadData(options.data, options.target);
      const { x, classNames } = data.test ?? data.train;
      const outputs = await model.predict(x);
      const width = outputs.size / (outputs.shape[0] ?? 1);
      const header = Array.from({ length: width }, (_, i) => quote(classNames?.[i] ?? `output_${i}`));
      const lines = [header.join(',')];
      for (let row = 0; row < (outputs.shape[0] ?? 0); row++) {
        lines.push(Array.from({ length: width }, (_, i) => String(outputs.at(row * width + i))).join(','));
      }
      if (options.out === undefined) printResult(lines.join('\n'));
      else await writeAtomically(options.out, new TextEncoder().encode(`${lines.join('\n')}\n`));
    });
}

function quote(name: string): string {
  return /[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
