import { insertAfter } from '../../../model/rewire.js';
import type { Change, Method } from '../method.js';
import { changed } from '../patient.js';
import { sayLayers } from './wiring.js';

export const standardizeInputs: Method = {
  alters: ['data'],
  apply({ patient, facts, examination }): Change[] {
    const raw = facts.inputs.filter((at) => !examination.standardized(at));
    if (raw.length === 0) return [];
    // From the last input on, so that the places of those before it stay.
    const config = [...raw]
      .sort((a, b) => b - a)
      .reduce((made, at) => {
        const pixels = (facts.layers[at]?.shape.length ?? 1) > 1;
        return insertAfter(made, at, { kind: 'normalization', config: { axis: pixels ? null : -1 } });
      }, patient.config);
    const names = raw.flatMap((at) => facts.layers[at]?.name ?? []);
    return [{ patient: changed(patient, config), what: `standardise what enters at ${sayLayers(names)} by layers.normalization()` }];
  },
};
