import type { Option } from '../../core/catalogue.js';
import { ArgumentError } from '../../core/errors.js';
import { ended, findName, foldName, suggestion } from '../../core/names.js';
import { loggedMetric, metricAliases } from '../../metrics.js';
import type { Logs } from '../callbacks.js';

/** Whether less or more of a value is better. */
export type Mode = 'min' | 'max';

/** The option `mode`; 'auto' leaves it to the value's name. */
export const modeOption: Option<Mode | 'auto'> = {
  fallback: 'auto',
  expected: "'min', 'max' or 'auto'",
  accepts: (value) => value === 'min' || value === 'max' || value === 'auto',
};

/** Ends of names, without numbers behind them, of values of which more is better, where no metric of the table tells. */
const moreIsBetter = /(accuracy|acc|auc|precision|recall|f1|score|similarity|iou)$/;

/** Whether less or more of the value of that name is better: as its metric says; of a metric of the user's own more for accuracies and their like, else less. */
export function modeFor(monitor: string, mode: Mode | 'auto'): Mode {
  if (mode !== 'auto') return mode;
  const known = loggedMetric(monitor);
  const more = known ? known.moreIsBetter : moreIsBetter.test(foldName(monitor.replace(/(_\d+)+$/, '')));
  return more ? 'max' : 'min';
}

const VALIDATION = 'val_';

/** The key of a value by another spelling of its name: `val_mae` is `val_meanAbsoluteError`, `dense_1_acc` is `dense_1_accuracy`. */
function keyOf(monitor: string, logs: Logs): string | undefined {
  const part = (name: string): string => name.slice(name.startsWith(VALIDATION) ? VALIDATION.length : 0);
  const wanted = part(monitor).replace(/[^_]+$/, (short) =>
    foldName(short) === 'acc' ? 'accuracy' : (metricAliases[findName(short, metricAliases) ?? ''] ?? short),
  );
  return Object.keys(logs).find((key) => key.startsWith(VALIDATION) === monitor.startsWith(VALIDATION) && foldName(part(key)) === foldName(wanted));
}

/** Reads one value from logs and tells better from worse. */
export interface Monitor {
  /** @throws ArgumentError if the logs do not hold the value. */
  read(logs: Logs): number;
  /** Whether `value` is better than `reference` by more than the least change that counts; a number is better than nothing, NaN never is better. */
  improves(value: number, reference: number | undefined): boolean;
}

/** @param owner whose it is, for messages. @param minDelta the least change that counts; its sign does not matter. */
export function monitorOf(owner: string, monitor: string, mode: Mode | 'auto', minDelta = 0): Monitor {
  const sign = modeFor(monitor, mode) === 'min' ? -1 : 1;
  return {
    read(logs) {
      const value = logs[monitor] ?? logs[keyOf(monitor, logs) ?? ''];
      if (value !== undefined) return value;
      const what = `${owner}: there is no '${monitor}'${suggestion(monitor, Object.keys(logs))}`;
      const advice = 'Pass validationSplit or validationData to fit, or monitor a training value';
      throw new ArgumentError(monitor.startsWith('val_') ? `${ended(what)} ${advice}` : what, {
        argument: 'monitor',
        received: monitor,
        expected: Object.keys(logs),
      });
    },
    improves: (value, reference) => !Number.isNaN(value) && (reference === undefined || sign * value - Math.abs(minDelta) > sign * reference),
  };
}
