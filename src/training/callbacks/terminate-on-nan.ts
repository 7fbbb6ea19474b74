import { type OptionsOf, readOptions } from '../../core/catalogue.js';
import type { Callback } from '../callbacks.js';
import { functionOption } from './options.js';

const rules = {
  /** Takes the message that names step, layer and operator; default `console.error`. */
  report: functionOption((message: string): void => console.error(message)),
};

/**
 * What `terminateOnNaN` takes.
 * @useDeclaredType
 */
export type TerminateOnNaNOptions = OptionsOf<typeof rules>;

/**
 * Ends the fit, instead of an error, where a value stops being finite. `fit` then gives the history of the epochs that were whole;
 * `history.failure` is the NonFiniteError, its `details.received` the place. The model keeps its state of before the trouble.
 * @throws ArgumentError on a wrong option.
 */
export function terminateOnNaN(options: TerminateOnNaNOptions = {}): Callback {
  const { report } = readOptions('terminateOnNaN', rules, options);
  return {
    onNonFinite(error, control) {
      report(error.message);
      control.stop();
    },
  };
}
