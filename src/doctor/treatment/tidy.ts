import type { ModelConfig } from '../../model/config.js';
import { isClipped } from '../../optimizers/optimizer.js';
import { remedies as hints } from '../remedies.js';
import { optimizerOf, sayRate } from './methods/training.js';
import type { Patient } from './patient.js';
import type { AppliedRemedy } from './treatment.js';

const [RAISE, LOWER] = [hints.raiseLearningRate, hints.lowerLearningRate];
/** Initializers by the remedies that draw with them. */
const drawing: Readonly<Record<string, string>> = {
  [hints.suitingInitializer.id]: 'auto',
  [hints.criticalInitializer.id]: 'critical',
  [hints.lsuv.id]: 'lsuv',
  [hints.lecunNormal.id]: 'lecunNormal',
};
const clipping: readonly string[] = [hints.clipGradients.id, hints.raiseClip.id];

const isDrawn = ({ layers }: ModelConfig, initializer: string): boolean =>
  layers.some(({ config }) => (config.kernelInitializer as { readonly name?: string } | undefined)?.name === initializer);

/** Changes of one rate as one, from the first to the last; none where that is where it began. */
function withOneRate(remedies: readonly AppliedRemedy[]): AppliedRemedy[] {
  return remedies.reduce<AppliedRemedy[]>((list, remedy) => {
    const at = remedy.rate ? list.findIndex(({ rate }) => rate !== undefined) : -1;
    const before = list[at];
    if (!remedy.rate || !before?.rate) return list.concat(remedy);
    const rate = { ...remedy.rate, from: before.rate.from };
    if (rate.from === rate.to) return list.toSpliced(at, 1);
    const { id, cost } = rate.to > rate.from ? RAISE : LOWER;
    const answers = [...new Set([...before.answers, ...remedy.answers])];
    return list.toSpliced(at, 1, { id, cost, rate, what: sayRate(rate), answers });
  }, []);
}

/** What remedies changed in the end: what a later one undid, or did anew, is left out. */
export function tidied(remedies: readonly AppliedRemedy[], before: Patient, after: Patient): AppliedRemedy[] {
  const clips = [before, after].some((patient) => isClipped(optimizerOf(patient).config));
  return withOneRate(remedies).filter(({ id, revived }) => {
    if (revived) return revived.layers.some((name) => after.weights.has(`${name}/kernel`));
    const initializer = drawing[id];
    if (initializer !== undefined) return isDrawn(after.config, initializer);
    return clips || !clipping.includes(id);
  });
}
