import { ArgumentError, show } from '../core/errors.js';
import { foldName, suggestion } from '../core/names.js';
import type { Callback, Logs, TrainingControl } from './callbacks.js';

export interface CheckpointOptions {
  /** Steps between saves, or once an epoch, after its validation; default 'epoch'. */
  readonly every?: number | 'epoch';
  /** Save only where `monitor` is better than it has been in this fit; default false. */
  readonly saveBestOnly?: boolean;
  /** The value that tells better from worse; default 'val_loss' once an epoch, else 'loss'. */
  readonly monitor?: string;
  /** Whether less or more is better; default 'max' for accuracies, else 'min'. */
  readonly mode?: 'min' | 'max';
}

const known = ['every', 'saveBestOnly', 'monitor', 'mode'];

/**
 * A callback that saves the model while it trains; the file holds the whole state and is whole at any time, whatever kills the process.
 * `{epoch}` and `{step}` in the path stand for epochs begun and steps taken, so that earlier files stay.
 * @throws ArgumentError on a wrong option, or while training where `monitor` is not among the values; FileError where the file cannot be written.
 */
export function checkpoint(path: string, options: CheckpointOptions = {}): Callback {
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new ArgumentError(`checkpoint: unknown option '${key}'${suggestion(key, known)}`, { argument: key, received: key });
  }
  const { every = 'epoch', saveBestOnly = false } = options;
  if (typeof path !== 'string' || path === '')
    throw new ArgumentError(`checkpoint: expected the path of a file, got ${show(path)}`, { argument: 'path', received: path });
  if (every !== 'epoch' && (!Number.isInteger(every) || every < 1)) {
    throw new ArgumentError(`checkpoint: every must be a whole number ≥ 1 or 'epoch', got ${show(every)}`, { argument: 'every', received: every });
  }
  const monitor = options.monitor ?? (every === 'epoch' ? 'val_loss' : 'loss');
  const { mode = foldName(monitor).endsWith('accuracy') ? 'max' : 'min' } = options;
  if (mode !== 'min' && mode !== 'max')
    throw new ArgumentError(`checkpoint: mode must be 'min' or 'max', got ${show(mode)}`, { argument: 'mode', received: mode });
  let best: number | undefined;
  const save = async (logs: Logs, control: TrainingControl): Promise<void> => {
    if (saveBestOnly) {
      const value = logs[monitor];
      if (value === undefined) {
        const hint = monitor.startsWith('val_') ? '. Give fit validationSplit or validationData, or monitor a training value' : '';
        throw new ArgumentError(`checkpoint: there is no '${monitor}'${suggestion(monitor, Object.keys(logs))}${hint}`, {
          argument: 'monitor',
          received: monitor,
          expected: Object.keys(logs),
        });
      }
      if (best !== undefined && !(mode === 'min' ? value < best : value > best)) return;
      best = value;
    }
    await control.save(path.replaceAll('{epoch}', String(control.epoch + 1)).replaceAll('{step}', String(control.step)));
  };
  const begin: Callback = {
    onTrainBegin: () => {
      best = undefined;
    },
  };
  if (every === 'epoch') return { ...begin, onEpochEnd: (_epoch, logs, control) => save(logs, control) };
  return { ...begin, every, onBatchEnd: (_batch, logs, control) => save(logs, control) };
}
