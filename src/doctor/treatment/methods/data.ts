import { insertAfter } from '../../../model/rewire.js';
import type { InputFacts } from '../../../vitals/facts.js';
import { ofOneUnit, spreadOf } from '../../../vitals/features.js';
import type { Examination } from '../../examination.js';
import type { Change, Method } from '../method.js';
import { changed } from '../patient.js';
import { sayLayers } from './wiring.js';

/** Means and deviations nearer to 0 and 1 than these gain nothing. */
const [MEAN, DEVIATION] = [0.1, 1.25];

const dataOf = ({ trace }: Examination, input: number): InputFacts | undefined => trace.header.data?.find(({ layer }) => layer === input);

/** Whether data come standardised: as a whole where their features are of one unit, else feature by feature. */
function isStandard(data: InputFacts | undefined): boolean {
  if (!data) return false;
  const { mean, least, most } = spreadOf(data);
  return mean < MEAN && least > 1 / DEVIATION && most < DEVIATION;
}

export const standardizeInputs: Method = {
  alters: ['data'],
  apply({ patient, facts, examination }): Change[] {
    const raw = facts.inputs.filter((at) => !examination.standardized(at) && !isStandard(dataOf(examination, at)));
    if (raw.length === 0) return [];
    // From the last input on, so that the places of those before it stay.
    const config = [...raw]
      .sort((a, b) => b - a)
      .reduce((made, at) => {
        const data = dataOf(examination, at);
        // One by one, features of one unit that are seldom far from their mean would become the largest.
        const asOne = (facts.layers[at]?.shape.length ?? 1) > 1 || (data !== undefined && ofOneUnit(data));
        return insertAfter(made, at, { kind: 'normalization', config: { axis: asOne ? null : -1 } });
      }, patient.config);
    const names = raw.flatMap((at) => facts.layers[at]?.name ?? []);
    return [{ patient: changed(patient, config), what: `standardise what enters at ${sayLayers(names)} by layers.normalization()` }];
  },
};
