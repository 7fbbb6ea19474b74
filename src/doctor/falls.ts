import { type Examination, LEARNED } from './examination.js';
import { errorIn, median } from './measured.js';

/** A fall of the mean loss that is less than this share of how far single steps scatter is none. */
const NONE = 0.01;

/** How far losses of single steps scatter: what lies between two observed ones that follow each other. */
export function scatterOf({ trace }: Examination): number {
  const losses = trace.steps.flatMap((step) => errorIn(step) ?? []);
  const scatter = median(losses.slice(1).map((loss, i) => Math.abs(loss - (losses[i] as number))));
  return Number.isFinite(scatter) ? scatter : 0;
}

/** Whether parts of a loss say how far it has fallen: its least value is 0, as far as is known. */
export const isFromZero = (examination: Examination, loss: number): boolean => loss > 0 && examination.sizeOf(loss) === loss;

/** Whether the mean loss has fallen by more than single steps scatter, however it is counted from. */
export function fallsBeyondScatter(examination: Examination): boolean {
  const { losses } = examination;
  const [first, last] = [losses[0], losses.at(-1)];
  return losses.length < 2 || first === undefined || last === undefined || first - last > NONE * scatterOf(examination);
}

/** Whether a loss has fallen by a good part of what it could; before the first step there is nothing to ask. */
export function hasFallen(examination: Examination): boolean {
  const { firstLoss: first, lastLoss: last, constantLoss: chance, losses, untrained } = examination;
  if (untrained || first === undefined || last === undefined) return false;
  if (first === 0 || isFromZero(examination, first)) return last < LEARNED * first;
  // One minibatch says little of what is left over a least value that is the mean of all.
  return chance === undefined ? fallsBeyondScatter(examination) : examination.left(losses.at(-1) ?? last) < LEARNED * examination.left(chance);
}
