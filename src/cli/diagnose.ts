import type { Command } from 'commander';
import { diagnose } from '../doctor/diagnose.js';
import { showFindings } from '../report/findings.js';
import { heatStrip } from '../report/heat-strip.js';
import { readFile } from '../storage/files.js';
import type { Trace } from '../vitals/trace.js';
import { parseTrace } from '../vitals/trace-file.js';
import { exitOf, type FindingOptions, judged, readBaseline, withFindingOptions } from './check.js';
import { requireFile } from './load-model.js';
import { looksOf, printResult } from './print.js';

const examples = `
Examples:
  evenkeel train model.ts --data fashion-mnist --trace run.jsonl
  evenkeel diagnose run.jsonl

Exit status: 0 if nothing is ill, 1 if something is, 2 for an error. Below the findings, the size of the gradient is shown by layer and step. A trace can be read while the run is still writing it.`;

/** `evenkeel diagnose`. */
export function addDiagnose(program: Command): void {
  const command = program
    .command('diagnose')
    .argument('<TRACE>', 'a recorded run, written by train --trace or by another tool in the same schema')
    .description('diagnose a recorded run')
    .addHelpText('after', examples);
  withFindingOptions(command).action(async (path: string, { json, ...options }: FindingOptions) => {
    process.exitCode = await judged(async () => {
      const trace = await openTrace(path);
      const findings = diagnose(trace, { ...options, baseline: await readBaseline(options.baseline) });
      if (json) printResult(JSON.stringify({ findings }));
      else {
        const strip = heatStrip(trace, looksOf(process.stdout, process.env));
        printResult(`${showFindings(findings)}${strip === '' ? '' : `\n\n${strip}`}`);
      }
      return exitOf(findings);
    });
  });
}

/** A recorded trace. @throws UsageError, FileError, DataError */
export async function openTrace(path: string): Promise<Trace> {
  await requireFile(path, 'TRACE');
  return parseTrace(new TextDecoder().decode(await readFile(path)), path);
}
