import { countOf } from '../../core/count.js';
import type { Finding } from '../finding.js';
import type { Grade } from './grade.js';
import type { Evidence, Treatment } from './treatment.js';

/** A part of all there is to score, below which a change is none. */
export const NOTICEABLE = 0.01;

const outcomes: { readonly [K in Treatment['outcome']]: string } = {
  healthy: 'nothing is ill: the network was trained as it is',
  cured: 'cured',
  improved: 'better, but not cured',
  uncured: 'none of the remedies tried helps',
};

/** What a treatment came to: a network that was changed, and does no better after its whole training than before, is here as it was trained. */
function sayOutcome(treatment: Pick<Treatment, 'outcome' | 'trials' | 'remedies' | 'findings' | 'before' | 'after'>): string {
  if (wasWell(treatment)) return 'nothing was ill, but the network does better with the changes';
  if (wasFeared(treatment)) return `${sayFear(treatment)} did no harm: the network was trained as it is`;
  if (isUntried(treatment)) return 'no remedy was tried';
  if (!isInVain(treatment)) return outcomes[treatment.outcome];
  const [was, is] = [treatment.before.grade.score, treatment.after.grade.score];
  const than = is > was && is <= NOTICEABLE ? ' than a constant answer' : '';
  return `none of the remedies tried helps: what did best in a trial ends no better${than}`;
}

/** What looked ill, by when it did: of a network as it was drawn, or of a run that was broken off for it. */
export const sayFear = ({ findings }: Pick<Treatment, 'findings'>): string =>
  `the findings ${findings.some(({ severity, step }) => severity === 'ill' && step > 1) ? 'during training' : 'before the first step'}`;

/** Whether it ended before any remedy was tried by a training with it: time, or who waits, may be at an end. */
export const isUntried = ({ outcome, trials }: Pick<Treatment, 'outcome' | 'trials'>): boolean =>
  outcome === 'uncured' && !trials.some(({ kind, remedies }) => kind !== 'look' && remedies.length > 0);

/** Whether a network in which nothing was ill does better with what was changed. */
export const wasWell = ({ outcome, remedies, findings }: Pick<Treatment, 'outcome' | 'remedies' | 'findings'>): boolean =>
  outcome === 'cured' && remedies.length > 0 && !findings.some(({ severity }) => severity === 'ill');

/** Whether a network that looked ill as it was drawn trained well as it is. */
export const wasFeared = ({ outcome, findings }: Pick<Treatment, 'outcome' | 'findings'>): boolean =>
  outcome === 'healthy' && findings.some(({ severity }) => severity === 'ill');

/** Fewer rows than this tell a network's accuracy to no more than some hundredths, so that they are told too. */
const FEW_ROWS = 50;

/** How well one side did: `accuracy 89.2 % after 1595 steps`. */
export const sayEvidence = ({ grade, rows, steps }: Evidence): string =>
  `${sayGrade(grade)}${rows < FEW_ROWS ? ` of ${countOf(rows, 'row')}` : ''} after ${countOf(steps, 'step')}`;

function sayGrade({ score, accuracy, saved, explained, loss, finite }: Grade): string {
  // A constant answer is right nearly always there.
  const told = saved === undefined ? '' : `, cross-entropy ${sayShare(saved)} (of 1) below that of the classes' shares`;
  if (accuracy !== undefined) return `accuracy ${(100 * accuracy).toFixed(1)} %${told}`;
  if (loss !== undefined) return `loss ${Number(loss.toPrecision(4))}`;
  if (finite === false) return 'non-finite outputs';
  // Classes and numbers have no other measure in common.
  return explained === undefined ? `score ${sayShare(score)} (of 1)` : `explained variance ${sayShare(explained)}`;
}

/** A share of what could be explained, to three places; without a bound below, it may be as far from 0 as a number can. */
export const sayShare = (share: number): string => (Math.abs(share) < 1000 ? share.toFixed(3) : String(Number(share.toPrecision(3))));

/** Whether what was changed, and is part of the network that comes back, did not help. */
export const isInVain = ({ outcome, remedies }: Pick<Treatment, 'outcome' | 'remedies'>): boolean => outcome === 'uncured' && remedies.length > 0;

/** What is ill after the changes. */
export const stillIll = ({ remedies, after }: Pick<Treatment, 'remedies' | 'after'>): readonly Finding[] =>
  remedies.length === 0 ? [] : after.findings.filter(({ severity }) => severity === 'ill');

const sayIll = ({ rule, cause, step }: Finding): string => `${rule}: ${cause} (seen ${step > 1 ? `at step ${step}` : 'before the first step'})`;

/** A treatment in words: what was wrong, what was changed, and the proof. */
export function describeTreatment(treatment: Omit<Treatment, 'toString'>): string {
  const { findings, remedies, before, after, trials, steps, plainSteps, seconds, proposals, interrupted } = treatment;
  const vain = isInVain(treatment);
  const ill = findings.filter(({ severity }) => severity === 'ill');
  const tried = trials.filter(({ kind }) => kind !== 'look');
  const losers = tried.filter(({ kind, remedies: own }) => kind === 'short' && own.length > 0 && own !== remedies);
  return [
    `${interrupted ? 'stopped early; the best result so far: ' : ''}${sayOutcome(treatment)}`,
    ...ill.map((finding) => `  ${wasFeared(treatment) ? 'looked' : 'was'} ill: ${sayIll(finding)}`),
    ...remedies.map(
      ({ what, answers }) =>
        `  ${vain ? 'did not help' : 'remedy'}: ${what}${answers.length > 0 ? ` (${vain ? 'tried against' : 'answers'} ${answers.join(', ')})` : ''}`,
    ),
    ...(remedies.length > 0 ? [`  before: ${sayEvidence(before)}`, `  after: ${sayEvidence(after)}`] : [`  ${sayEvidence(after)}`]),
    ...stillIll(treatment).map((finding) => `  still ill: ${sayIll(finding)}`),
    ...losers.map(
      ({ remedies: own, grade }) =>
        `  ${treatment.outcome === 'uncured' ? 'did not help' : 'helped less'}: ${own.map(({ what }) => what).join('; ')} (score ${grade && sayShare(grade.score)})`,
    ),
    ...proposals.map(({ what }) => `  for you to decide: ${what}`),
    `  cost: ${countOf(steps, 'step')}, ${(steps / plainSteps).toFixed(2)} times one training; ${seconds.toFixed(1)} s`,
  ].join('\n');
}
