import type { Command } from 'commander';
import { diagnose } from '../doctor/diagnose.js';
import { showFindings } from '../report/findings.js';
import { readFile } from '../storage/files.js';
import type { Trace } from '../vitals/trace.js';
import { parseTrace } from '../vitals/trace-file.js';
import { exitOf, type FindingOptions, judged, readBaseline, withFindingOptions } from './check.js';
import { requireFile } from './load-model.js';
import { printResult } from './print.js';

const examples = `
Examples:
  evenkeel train model.ts --data fashion-mnist --trace run.jsonl
  evenkeel diagnose run.jsonl

Exit status: 0 where nothing is ill, 1 where something is, 2 for wrong usage. A trace may be read while the run still writes it.`;

/** `evenkeel diagnose`. */
export function addDiagnose(program: Command): void {
  const command = program
    .command('diagnose')
    .argument('<TRACE>', 'a recorded run: what train --trace wrote, or another tool in the same schema')
    .description('say what is wrong with a recorded run')
    .addHelpText('after', examples);
  withFindingOptions(command).action(async (path: string, options: FindingOptions) => {
    process.exitCode = await judged(async () => {
      const trace = await openTrace(path);
      const findings = diagnose(trace, { ...options, baseline: await readBaseline(options.baseline) });
      printResult(options.json ? JSON.stringify({ findings }) : showFindings(findings));
      return exitOf(findings);
    });
  });
}

/** A recorded trace. @throws UsageError, FileError, DataError */
export async function openTrace(path: string): Promise<Trace> {
  await requireFile(path, 'TRACE');
  return parseTrace(new TextDecoder().decode(await readFile(path)), path);
}
