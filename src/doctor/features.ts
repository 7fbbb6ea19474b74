import type { InputFacts } from '../vitals/facts.js';

/** Share of features of alike ranges from which on all are of one unit, and are scaled as one. */
const MOST_ALIKE = 0.5;

/** Whether features are of one unit: such as are seldom far from their mean, as the pixels at a border are, are no measure of the others' scale. */
export const ofOneUnit = ({ alikeRanges = 0 }: InputFacts): boolean => alikeRanges >= MOST_ALIKE;

/** Size of the means and of the deviations of features, taken together where they are of one unit. */
export function spreadOf(data: InputFacts): { readonly mean: number; readonly deviation: number } {
  const { mean, rms, featureMean, featureDeviations } = data;
  if (ofOneUnit(data)) return { mean: Math.abs(mean), deviation: Math.sqrt(Math.max(0, rms ** 2 - mean ** 2)) };
  return { mean: featureMean, deviation: Math.sqrt(featureDeviations[0] * featureDeviations[1]) };
}
