import { type Command, Option } from 'commander';
import { lengths, wholeNumber } from './print.js';

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
