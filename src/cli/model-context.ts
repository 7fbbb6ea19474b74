import { type Command, Option } from 'commander';
import { isData } from './load-model.js';
import { lengths, UsageError, wholeNumber } from './print.js';

/** What a function in a module is told where no data tell it. */
export interface ContextOptions {
  readonly inputShape: number[];
  readonly classes: number;
}

/** Adds the options that say what a function in a module is told without data. */
export function withContextOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--input-shape <LENGTHS>', 'shape of one instance, passed to a function exported by the module')
        .argParser(lengths)
        .default([28, 28], '28,28'),
    )
    .addOption(new Option('--classes <N>', 'number of classes, passed to a function exported by the module').argParser(wholeNumber(1)).default(10));
}

/** @throws UsageError if an option for functions was given, but data, or a saved model, already determine it. */
export function requireContextTold(command: Command, path: string, data?: string): void {
  const teller = data ?? (isData(path) ? path : undefined);
  if (teller === undefined) return;
  for (const [option, key] of [
    ['--input-shape', 'inputShape'],
    ['--classes', 'classes'],
  ] as const)
    if (command.getOptionValueSource(key) === 'cli')
      throw new UsageError(`${option}: '${teller}' already determines this; remove ${option}${data === undefined ? '' : ' or --data'}`);
}
