import { flagOption, numberOption, type OptionsOf, optionalNumber, readOptions, wholeOption } from '../../core/catalogue.js';
import type { Callback, KeptWeights } from '../callbacks.js';
import { modeOption, monitorOf } from './monitor.js';
import { textOption } from './options.js';

const rules = {
  /** The value to monitor; default 'val_loss'. */
  monitor: textOption<string>('val_loss'),
  /** Smallest change that counts as an improvement; default 0. */
  minDelta: numberOption(0),
  /** Epochs without improvement after which the fit ends; default 0. */
  patience: wholeOption(0),
  /** Whether smaller or larger is better; default 'auto': as its metric says; for custom metrics 'max' for accuracies and the like, else 'min'. */
  mode: modeOption,
  /** Improvements that do not beat this value do not reset the patience; default none. */
  baseline: optionalNumber(),
  /** First epoch (from 0) to monitor; default 0. */
  startFromEpoch: wholeOption(0),
  /** Restore the weights of the best epoch at the end of the fit, even if `patience` never ran out, but not if it is aborted or throws; default false. */
  restoreBestWeights: flagOption(false),
};

/**
 * Options of `earlyStopping`.
 * @useDeclaredType
 */
export type EarlyStoppingOptions = OptionsOf<typeof rules>;

/**
 * Ends the fit once a value has not improved for `patience` epochs; as in Keras never after the first. The best weights stay in the engine,
 * without a copy; optimizer slots and the step counter are those of the last epoch.
 * @throws ArgumentError on a wrong option, or while training if `monitor` is not among the values.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  const { monitor, minDelta, patience, mode, baseline, startFromEpoch, restoreBestWeights } = readOptions('earlyStopping', rules, options);
  const { read, improves } = monitorOf('earlyStopping', monitor, mode, minDelta);
  let best: number | undefined;
  let wait = 0;
  let weights: KeptWeights | undefined;
  return {
    onTrainBegin() {
      best = undefined;
      wait = 0;
      weights = undefined;
    },
    onEpochEnd(epoch, logs, control) {
      const value = read(logs);
      if (epoch < startFromEpoch) return;
      const better = improves(value, best);
      if (restoreBestWeights && (better || !weights)) {
        weights?.release();
        weights = control.keepWeights();
      }
      wait++;
      if (better) {
        best = value;
        if (improves(value, baseline)) wait = 0;
      } else if (wait >= patience && epoch > 0) control.stop();
    },
    onTrainEnd() {
      weights?.restore();
    },
  };
}
