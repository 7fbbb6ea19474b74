import { type OptionsOf, optionalWhole, readOptions } from '../../core/catalogue.js';
import { type EventFile, openEvents } from '../../storage/event-file.js';
import { firstEvent, recordEvent } from '../../vitals/tensorboard.js';
import type { TraceHeader } from '../../vitals/trace.js';
import type { Callback } from '../callbacks.js';
import { checkPath, functionOption } from './options.js';

const rules = {
  /** Steps between observations; by default 400, the first steps more often. */
  every: optionalWhole(1),
  /** Milliseconds since 1970; default the system's. */
  clock: functionOption((): number => Date.now()),
};

/**
 * Options of `tensorBoard`.
 * @useDeclaredType
 */
export type TensorBoardOptions = OptionsOf<typeof rules>;

/**
 * Writes losses, logs and vital signs as an event file that `tensorboard --logdir` opens, while the run goes on; every fit starts a new file in the
 * folder, which is created if needed. TensorBoard treats a folder as one run: use a separate folder for each run. Needs Node.
 * @throws ArgumentError on a wrong option; while training FileError if the file cannot be written, or in a page.
 */
export function tensorBoard(folder: string, options: TensorBoardOptions = {}): Callback {
  checkPath('tensorBoard', folder);
  const { every, clock } = readOptions('tensorBoard', rules, options);
  const seconds = (): number => clock() / 1000;
  let file: EventFile | undefined;
  let facts: TraceHeader | undefined;
  return {
    every: 'epoch',
    vitals: every === undefined ? {} : { every },
    async onTraceBegin(header) {
      facts = header;
      file = await openEvents(folder, Math.floor(seconds()));
      await file.add(firstEvent(seconds()));
    },
    async onRecord(record) {
      const event = facts && recordEvent(facts, record, seconds());
      if (event) await file?.add(event);
    },
  };
}
