import type { Command } from 'commander';
import { diagnoseExamination } from '../doctor/diagnose.js';
import { Examination } from '../doctor/examination.js';
import { reportHtml } from '../report/html.js';
import { writeAtomically } from '../storage/files.js';
import { type FindingOptions, readBaseline, withFindingOptions } from './check.js';
import { openTrace } from './diagnose.js';
import { requireWritable } from './out-files.js';
import { printNote, printResult } from './print.js';

interface ReportOptions extends Omit<FindingOptions, 'json'> {
  readonly out?: string;
  readonly title?: string;
}

const examples = `
Examples:
  evenkeel train model.ts --data fashion-mnist --trace run.jsonl
  evenkeel report run.jsonl -o report.html

The page needs no network. A trace can be read while the run is still writing it.`;

/** `evenkeel report`. */
export function addReport(program: Command): void {
  const command = program
    .command('report')
    .argument('<TRACE>', 'a recorded run, written by train --trace or by another tool in the same schema')
    .description('write a recorded run and its findings as one HTML page')
    .option('-o, --out <FILE>', 'output file (default: standard output)')
    .option('--title <TEXT>', "heading (default: the model's name)")
    .addHelpText('after', examples);
  withFindingOptions(command, { json: false }).action(async (path: string, { out, title, ...options }: ReportOptions) => {
    requireWritable({ out }, { TRACE: path, '--baseline': options.baseline });
    const examination = new Examination(await openTrace(path));
    const findings = diagnoseExamination(examination, { ...options, baseline: await readBaseline(options.baseline) });
    const page = reportHtml({ examination, findings, ...(title === undefined ? {} : { title }) });
    if (out === undefined) return printResult(page.trimEnd());
    const bytes = new TextEncoder().encode(page);
    await writeAtomically(out, bytes);
    printNote(`wrote ${out} (${Math.ceil(bytes.length / 1024)} KiB)`);
  });
}
