import type { InputFacts } from './facts.js';

/** Share of features of alike ranges from which on all are of one unit, and are scaled as one. */
const MOST_ALIKE = 0.5;

/** Whether features are of one unit: such as are seldom far from their mean, as the pixels at a border are, are no measure of the others' scale. */
export const ofOneUnit = ({ alikeRanges = 0 }: InputFacts): boolean => alikeRanges >= MOST_ALIKE;

/** How large the means of features are, and their least and largest deviations; those of all entries together where features are of one unit. */
export function spreadOf(data: InputFacts): { readonly mean: number; readonly least: number; readonly most: number } {
  const { mean, rms, featureMean, featureDeviations } = data;
  const deviation = Math.sqrt(Math.max(0, rms ** 2 - mean ** 2));
  if (ofOneUnit(data)) return { mean: Math.abs(mean), least: deviation, most: deviation };
  const [least, most] = featureDeviations;
  return { mean: featureMean, least, most };
}
