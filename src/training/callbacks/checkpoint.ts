import { flagOption, type Option, type OptionsOf, readOptions } from '../../core/catalogue.js';
import { requireSafetensorsPath } from '../../storage/safetensors.js';
import type { Callback, Logs, TrainingControl } from '../callbacks.js';
import { modeOption, monitorOf } from './monitor.js';
import { checkPath, textOption } from './options.js';

const everyOption: Option<number | 'epoch'> = {
  fallback: 'epoch',
  expected: "a whole number ≥ 1 or 'epoch'",
  accepts: (value) => value === 'epoch' || (Number.isInteger(value) && (value as number) >= 1),
};

const rules = {
  /** Steps of the fit between saves, counted through its epochs, or once an epoch, after its validation; default 'epoch'. */
  every: everyOption,
  /** Save only if `monitor` is the best so far in this fit; default false. */
  saveBestOnly: flagOption(false),
  /** The value to monitor; default 'val_loss' if saved once per epoch, else 'loss'. */
  monitor: textOption<string | undefined>(undefined),
  /** Whether smaller or larger is better; default 'auto': as its metric says; for custom metrics 'max' for accuracies and the like, else 'min'. */
  mode: modeOption,
};

/**
 * What `checkpoint` takes.
 * @useDeclaredType
 */
export type CheckpointOptions = OptionsOf<typeof rules>;

/**
 * A callback that saves the model during training; the file holds the whole state and is complete at all times, even if the process is killed.
 * `{epoch}` and `{step}` in the path stand for epochs begun and steps taken, so that earlier files stay.
 * @throws ArgumentError on a wrong option or a path that ends in anything but .safetensors, or while training if `monitor` is not among the values;
 * FileError if the file cannot be written.
 */
export function checkpoint(path: string, options: CheckpointOptions = {}): Callback {
  checkPath('checkpoint', path);
  requireSafetensorsPath(path);
  const { every, saveBestOnly, mode, ...given } = readOptions('checkpoint', rules, options);
  const { read, improves } = monitorOf('checkpoint', given.monitor ?? (every === 'epoch' ? 'val_loss' : 'loss'), mode);
  let best: number | undefined;
  const save = async (logs: Logs, control: TrainingControl): Promise<void> => {
    if (saveBestOnly) {
      const value = read(logs);
      if (!improves(value, best)) return;
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
