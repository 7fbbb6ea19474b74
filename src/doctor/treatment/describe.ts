import type { Evidence, Treatment } from './treatment.js';

const outcomes: { readonly [K in Treatment['outcome']]: string } = {
  healthy: 'nothing is ill: the network was trained as it is',
  cured: 'cured',
  improved: 'better, but not cured',
  uncured: 'no remedy that was tried helps',
};

/** Whether it ended before any remedy was tried by a training with it: time, or who waits, may be at an end. */
export const isUntried = ({ outcome, trials }: Pick<Treatment, 'outcome' | 'trials'>): boolean =>
  outcome === 'uncured' && !trials.some(({ kind, remedies }) => kind !== 'look' && remedies.length > 0);

/** How well one side did: `accuracy 89.2 % after 1595 steps`. */
export function sayEvidence({ grade: { score, accuracy, loss }, steps }: Evidence): string {
  const reached =
    accuracy !== undefined ? `accuracy ${(100 * accuracy).toFixed(1)} %` : loss !== undefined ? `loss ${Number(loss.toPrecision(4))}` : undefined;
  return `${reached ?? `explained variance ${score.toFixed(3)}`} after ${steps} steps`;
}

/** A treatment in words: what was wrong, what was changed, and the proof. */
export function describeTreatment(treatment: Omit<Treatment, 'toString'>): string {
  const { outcome, findings, remedies, before, after, trials, steps, plainSteps, seconds, proposals, interrupted } = treatment;
  const ill = findings.filter(({ severity }) => severity === 'ill');
  const tried = trials.filter(({ kind }) => kind !== 'look');
  const losers = tried.filter(({ kind, remedies: own }) => kind === 'short' && own.length > 0 && own !== remedies);
  return [
    `${interrupted ? 'stopped before its end; the best so far: ' : ''}${isUntried(treatment) ? 'no remedy came to a trial' : outcomes[outcome]}`,
    ...ill.map(({ rule, cause, step }) => `  was ill: ${rule}: ${cause} (seen ${step > 1 ? `at step ${step}` : 'before the first step'})`),
    ...remedies.map(({ what, answers }) => `  remedy: ${what}${answers.length > 0 ? ` (answers ${answers.join(', ')})` : ''}`),
    ...(remedies.length > 0 ? [`  before: ${sayEvidence(before)}`, `  after: ${sayEvidence(after)}`] : [`  ${sayEvidence(after)}`]),
    ...losers.map(({ remedies: own, grade }) => `  helped less: ${own.map(({ what }) => what).join('; ')} (score ${grade?.score.toFixed(3)})`),
    ...proposals.map(({ what }) => `  for you to decide: ${what}`),
    `  cost: ${steps} steps, ${(steps / plainSteps).toFixed(2)} times one training; ${seconds.toFixed(1)} s`,
  ].join('\n');
}
