import { ArgumentError, show } from '../../core/errors.js';
import type { Callback } from '../callbacks.js';

/**
 * Sets the learning rate of every epoch: `schedule(epoch, learningRate)`, the epoch from 0, gives the new one. It joins the epoch's logs as `learning_rate`.
 * It takes over from a schedule that was compiled, until the fit ends.
 * @throws ArgumentError if `schedule` is no function, or while training where it gives no finite number ≥ 0.
 */
export function learningRateScheduler(schedule: (epoch: number, learningRate: number) => number): Callback {
  if (typeof schedule !== 'function') {
    throw new ArgumentError(`learningRateScheduler: expected a function (epoch, learningRate) => learningRate, got ${show(schedule)}`, {
      argument: 'schedule',
      received: schedule,
    });
  }
  return {
    onEpochBegin(epoch, control) {
      const rate: unknown = schedule(epoch, control.learningRate);
      if (typeof rate !== 'number' || !Number.isFinite(rate) || rate < 0) {
        throw new ArgumentError(`learningRateScheduler: schedule must return a finite number ≥ 0, got ${show(rate)} for epoch ${epoch}`, {
          argument: 'schedule',
          received: rate,
        });
      }
      control.learningRate = rate;
    },
    onEpochEnd(_epoch, _logs, control) {
      control.report('learning_rate', control.learningRate);
    },
  };
}
