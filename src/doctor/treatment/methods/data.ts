import type { DescribedCompile, DescribedLayer } from '../../../model/config.js';
import { freshName, insertAfter, isAutomatic, layerAt } from '../../../model/rewire.js';
import type { InputFacts } from '../../../vitals/facts.js';
import { ofOneUnit, spreadOf } from '../../../vitals/features.js';
import type { Examination } from '../../examination.js';
import { sayLayers } from '../../rule.js';
import { type Aim, aimsOf, both, rootMeanSquare, wantedOf } from '../../rules/targets.js';
import type { Change, Method } from '../method.js';
import { changed, lossWeightsOf, type Patient, renamed } from '../patient.js';
import { written } from './rates.js';
import { meetsFrozen } from './wiring.js';

/** Means and deviations nearer to 0 and 1 than these gain nothing. */
const [MEAN, DEVIATION] = [0.1, 1.25];

const dataOf = ({ trace }: Examination, input: number): InputFacts | undefined => trace.header.data?.find(({ layer }) => layer === input);

/** Whether data come standardized: as a whole where their features are of one unit, else feature by feature. */
function isStandard(data: InputFacts | undefined): boolean {
  if (!data) return false;
  const { mean, least, most } = spreadOf(data);
  return mean < MEAN && least > 1 / DEVIATION && most < DEVIATION;
}

export const standardizeInputs: Method = {
  alters: ['data'],
  apply({ patient, facts, examination }): Change[] {
    const raw = facts.inputs.filter((at) => !examination.standardized(at) && !isStandard(dataOf(examination, at)) && !meetsFrozen(examination, at));
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
    return [{ patient: changed(patient, config), what: `standardize the inputs at ${sayLayers(names)} with layers.normalization()` }];
  },
};

/** Whether an activation gives numbers of any sign: others lose their bound where something is added. */
const isFree = ({ activation: { range } }: Aim): boolean => range[0] === Number.NEGATIVE_INFINITY;

/** Whether a scale can bring what an activation gives to its targets, and they are not there yet. */
function isAway(aim: Aim): boolean {
  const { deviation, mean } = wantedOf(aim);
  const fits = deviation > 1 / DEVIATION && deviation < DEVIATION && (!isFree(aim) || mean < MEAN * deviation);
  return aim.activation.range[1] === Number.POSITIVE_INFINITY && deviation > 0 && !fits;
}

/** A number for all columns, or one for each. */
const forColumns = (values: readonly number[]): number | readonly number[] => (values.length === 1 ? written(values[0] ?? 0) : values.map(written));

/** What brings an output to its targets, and what the loss grows by for it. */
function scaling(aim: Aim): { readonly scale: readonly number[]; readonly offset: readonly number[]; readonly growth: number } {
  const { scales, offsets, spread, power } = aim;
  const scale = both(spread.deviations, scales, (deviation, made) => deviation / made);
  const shift = both(scale, offsets, (factor, made) => factor * made);
  const offset = isFree(aim) ? both(spread.means, shift, (mean, made) => mean - made) : [0];
  return { scale, offset, growth: rootMeanSquare(spread.deviations) ** power };
}

/** The patient with an output rescaled. Where the output was given a name, targets come by that: the new layer takes it over. */
function rescaled(patient: Patient, call: number, options: DescribedLayer['config']): Patient {
  const made = { ...patient, config: insertAfter(patient.config, call, { kind: 'rescaling', config: options }) };
  const [output, scaling] = [layerAt(made.config, call), layerAt(made.config, call + 1)];
  if (!output?.name || !scaling?.name || isAutomatic(output)) return made;
  return renamed(renamed(made, output.name, freshName(made.config, `${output.name}_raw`)), scaling.name, output.name);
}

/** Losses of chance further apart than this were not weighed against each other. */
const WEIGHED = 10;

/** Whether the loss of an output, of chance and as it is weighed, is of the size of the others' that stay as they are, or of unit size where none does: then its weight was chosen for its targets. */
function isWeighed({ trace }: Examination, { output }: Aim, size: number, aims: readonly Aim[]): boolean {
  const targets = trace.header.training?.targets ?? [];
  const others = targets.flatMap(({ chanceLoss = 0 }, i) =>
    i !== output && chanceLoss > 0 && aims.every((aim) => aim.output !== i) ? [chanceLoss] : [],
  );
  const [least, most] = others.length > 0 ? [Math.min(...others), Math.max(...others)] : [1, 1];
  return size >= least / WEIGHED && size <= most * WEIGHED;
}

/** Trains as on standardized targets: what is given is brought to their size, and the loss divided by what that adds to it. */
export const scaleTargets: Method = {
  alters: ['data', 'loss'],
  apply({ patient, facts, examination }): Change[] {
    // From the last output on, so that the places of those before it stay.
    const aims = aimsOf(examination)
      .filter(isAway)
      .sort((a, b) => (facts.outputs[b.output] ?? 0) - (facts.outputs[a.output] ?? 0));
    if (aims.length === 0) return [];
    const weights = lossWeightsOf(patient);
    let scaled = patient;
    for (const aim of aims) {
      const { scale, offset, growth } = scaling(aim);
      const options = { scale: forColumns(scale), ...(offset.some((one) => one !== 0) ? { offset: forColumns(offset) } : {}) };
      scaled = rescaled(scaled, facts.outputs[aim.output] ?? 0, options);
      // Of a single output the weight is a matter of units alone.
      const given = weights.length > 1 ? (weights[aim.output] ?? 1) : 1;
      if (weights.length === 1 || !isWeighed(examination, aim, given * growth, aims)) weights[aim.output] = written(given / growth);
    }
    const names = aims.map(({ output }) => facts.layers[facts.outputs[output] ?? -1]?.name ?? '').reverse();
    const compile: DescribedCompile = { ...scaled.config.compile, lossWeights: weights };
    return [
      {
        patient: changed(scaled, { ...scaled.config, compile }),
        what: `rescale the outputs of ${sayLayers(names)} to the size of their targets with layers.rescaling()${String(weights) === String(lossWeightsOf(patient)) ? '' : `, and weight the loss by ${weights.join(' and ')}`}`,
      },
    ];
  },
};
