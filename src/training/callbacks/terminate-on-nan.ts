import { type OptionsOf, readOptions } from '../../core/catalogue.js';
import type { Callback } from '../callbacks.js';
import { functionOption } from './options.js';

const rules = {
  /** Receives the message with step, layer and operator; default `console.error`. */
  report: functionOption((message: string): void => console.error(message)),
};

/**
 * Options of `terminateOnNaN`.
 * @useDeclaredType
 */
export type TerminateOnNaNOptions = OptionsOf<typeof rules>;

/**
 * Ends the fit without an error if a value becomes non-finite. `fit` then returns the history of the complete epochs;
 * `history.failure` is the NonFiniteError, its `details.received` the place. The model keeps its state before the failure.
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
