#!/usr/bin/env node
import { Command } from 'commander';
import { fileError } from '../storage/files.js';
import { addCheck } from './check.js';
import { addDemo } from './demo.js';
import { addDiagnose } from './diagnose.js';
import { addInfo, versionOf } from './info.js';
import { addList } from './list.js';
import { addPredict } from './predict.js';
import { reportError } from './print.js';
import { addReport } from './report.js';
import { addTrain } from './train.js';
import { addTreat } from './treat.js';

const exitStatus = `
Exit status: 0 on success, 1 on failure, 2 for wrong usage, 130 after Ctrl-C. For check, diagnose and treat: 1 if the network is ill or no
remedy helped, 2 for any other error.`;

const program = new Command('evenkeel')
  .description('Train deep networks on ONNX Runtime, and see whether signal and gradient survive the depth.')
  .version(versionOf('../../package.json'))
  .showHelpAfterError('(see --help)')
  .showSuggestionAfterError()
  .addHelpText('after', exitStatus)
  .exitOverride();

// A reader such as `head` may close the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.exit(reportError(fileError('cannot write to standard output', error), Boolean(process.env.EVENKEEL_DEBUG)));
});
// Where notes cannot be told, nothing can be told of it.
process.stderr.on('error', () => undefined);

addTrain(program);
addCheck(program);
addTreat(program);
addDiagnose(program);
addReport(program);
addPredict(program);
addInfo(program);
addList(program);
addDemo(program);
for (const command of program.commands) command.exitOverride().showHelpAfterError('(see --help)');

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error, Boolean(process.env.EVENKEEL_DEBUG));
}
