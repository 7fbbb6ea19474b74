import { extname } from 'node:path';
import { type Command, Option } from 'commander';
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

/** Files whose models are what they are. */
const fixed: readonly string[] = ['.safetensors', '.json'];

/** @throws UsageError where what a function would be told was given, and data or a model that is no function tell it. */
export function requireContextTold(command: Command, path: string, data?: string): void {
  const teller = data ?? (fixed.includes(extname(path).toLowerCase()) ? path : undefined);
  if (teller === undefined) return;
  for (const [option, key] of [
    ['--input-shape', 'inputShape'],
    ['--classes', 'classes'],
  ] as const)
    if (command.getOptionValueSource(key) === 'cli')
      throw new UsageError(`${option}: '${teller}' tells that itself; leave ${option}${data === undefined ? '' : ' or --data'} out`);
}
