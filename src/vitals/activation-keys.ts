import type { Activation } from '../activations.js';
import { isFromTable } from '../core/catalogue.js';

/** Texts that are equal where two activations are the same function: name and options tell for those of the table, the object itself for a user's own. */
export function activationKeys(): (activation: Activation | undefined) => string {
  const own = new Map<Activation, number>();
  return (activation) => {
    if (!activation) return 'none';
    if (isFromTable(activation)) return JSON.stringify([activation.name, activation.config]);
    const number = own.get(activation) ?? own.size;
    own.set(activation, number);
    return `own ${number}`;
  };
}
