import { numberOption, type OptionsOf, readOptions, wholeOption } from '../../core/catalogue.js';
import type { Callback } from '../callbacks.js';
import { modeOption, monitorOf } from './monitor.js';
import { textOption } from './options.js';

const rules = {
  /** The value to monitor; default 'val_loss'. */
  monitor: textOption<string>('val_loss'),
  /** Factor by which the learning rate is multiplied; default 0.1. */
  factor: numberOption(0.1, { from: 0, below: 1 }),
  /** Epochs without improvement after which it is reduced; default 10. */
  patience: wholeOption(10),
  /** Whether smaller or larger is better; default 'auto': as its metric says; for custom metrics 'max' for accuracies and the like, else 'min'. */
  mode: modeOption,
  /** Smallest change that counts as an improvement; default 0.0001. */
  minDelta: numberOption(1e-4),
  /** Epochs to wait after a reduction before counting again; default 0. */
  cooldown: wholeOption(0),
  /** The learning rate is never reduced below this; default 0. */
  minLr: numberOption(0, { from: 0 }),
};

/**
 * Options of `reduceLROnPlateau`.
 * @useDeclaredType
 */
export type ReduceLROnPlateauOptions = OptionsOf<typeof rules>;

/**
 * Reduces the learning rate once a value has not improved for `patience` epochs. The epoch's learning rate joins its logs as `learning_rate`.
 * The reduced rate holds until the fit ends; the next fit starts from the compiled rate, whereas Keras's optimizer keeps the reduced one: to go on from
 * the last
 * epoch's `learning_rate`, set `control.learningRate` in `onTrainBegin`.
 * @throws ArgumentError on a wrong option, or while training if `monitor` is not among the values.
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  const { monitor, factor, patience, mode, minDelta, cooldown, minLr } = readOptions('reduceLROnPlateau', rules, options);
  const { read, improves } = monitorOf('reduceLROnPlateau', monitor, mode, minDelta);
  let best: number | undefined;
  let wait = 0;
  let cooling = 0;
  return {
    onTrainBegin() {
      best = undefined;
      wait = 0;
      cooling = 0;
    },
    onEpochEnd(_epoch, logs, control) {
      control.report('learning_rate', control.learningRate);
      const value = read(logs);
      if (cooling > 0) {
        cooling--;
        wait = 0;
      }
      if (improves(value, best)) {
        best = value;
        wait = 0;
      } else if (cooling === 0) {
        wait++;
        if (wait < patience || control.learningRate <= minLr) return;
        control.learningRate = Math.max(control.learningRate * factor, minLr);
        cooling = cooldown;
        wait = 0;
      }
    },
  };
}
