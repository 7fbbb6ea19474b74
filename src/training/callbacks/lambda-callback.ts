import { ArgumentError, show } from '../../core/errors.js';
import { isRecord, refuse } from '../../core/expect.js';
import { findName, suggestion } from '../../core/names.js';
import { type Callback, hooks } from '../callbacks.js';

/** Keras's other name of a method. */
const aliases: Readonly<Record<string, string>> = { onTrainBatchEnd: 'onBatchEnd' };

/**
 * A callback from functions, under Keras's spellings (`on_epoch_end`) as well. An object with these methods is a callback by itself;
 * this one finds misspelt names.
 * @throws ArgumentError on an unknown name, with the nearest known ones, on a value that is no function, or where there is no object of them.
 */
export function lambdaCallback(methods: Callback & Readonly<Record<string, unknown>>): Callback {
  if (!isRecord(methods)) refuse('lambdaCallback', 'methods', 'an object of functions, such as { onEpochEnd: (epoch, logs) => … }', methods);
  const { every, vitals, ...functions } = methods;
  const entries = Object.entries(functions).map(([name, call]) => {
    const alias = findName(name, aliases);
    const key = findName((alias && aliases[alias]) ?? name, hooks);
    if (key === undefined) {
      throw new ArgumentError(`lambdaCallback: there is no '${name}'${suggestion(name, Object.keys(hooks))}`, { argument: name, received: name });
    }
    if (typeof call !== 'function') {
      throw new ArgumentError(`lambdaCallback: ${key} must be a function, got ${show(call)}`, { argument: key, received: call });
    }
    return [key, call];
  });
  return { ...(every === undefined ? {} : { every }), ...(vitals === undefined ? {} : { vitals }), ...Object.fromEntries(entries) };
}
