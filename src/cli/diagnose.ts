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

Exit status: 0 where nothing is ill, 1 where something is, 2 for wrong usage. Below the findings the gradient's size is shown by layer and step. A trace may be read while the run still writes it.`;

/** `evenkeel diagnose`. */
export function addDiagnose(program: Command): void {
  const command = program
    .command('diagnose')
    .argument('<TRACE>', 'a recorded run: what train --trace wrote, or another tool in the same schema')
    .description('say what is wrong with a recorded run')
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
