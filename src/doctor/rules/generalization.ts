import { countOf } from '../../core/count.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, type Symptom, sayApart } from '../rule.js';
import { FEWEST, lateEpochs } from './learning.js';

/** By what factor a validation loss must have risen from its least, and what of the training loss there must be left by then. */
const [RISEN, FALLEN] = [1.25, 0.9];
/** A validation loss below this share of that of chance is next to nothing, however much less it was. */
const NOTHING = 0.1;

/** Means over so many epochs in a row, by the last of them: single ones stray. */
const meansOver = (course: readonly number[], count: number): number[] =>
  course.slice(count - 1).map((_, from) => course.slice(from, from + count).reduce((sum, one) => sum + one, 0) / count);

export const overfitting: Rule = {
  id: 'overfitting',
  title: 'Overfitting: learning what holds only for the training rows',
  looksFor: 'the mean validation loss of the last fifth of the epochs relative to its lowest such mean, while the training loss continued to fall',
  threshold: `it rose by more than ${percent(RISEN - 1)} from its minimum while the training loss fell by more than ${percent(1 - FALLEN)}, and exceeds ${percent(NOTHING)} of the chance-level loss. Always a risk, never ill: a cross-entropy rises as the network grows confident in its errors, while accuracy often stays the same (Guo et al. 2017, "On calibration of modern neural networks")`,
  why: 'the steps after the minimum went into details of the training rows that do not occur elsewhere, and outputs are more confident than they should be',
  remedies: [remedies.stopEarly, remedies.regularize],
  check(examination) {
    const courses = [examination.losses, examination.course('val_loss')] as const;
    if (courses[1].length < FEWEST || courses[0].length !== courses[1].length) return [];
    const count = lateEpochs(courses[1]);
    const [seen, unseen] = courses.map((course) => meansOver(course, count)) as [number[], number[]];
    const [least, last, lastSeen] = [Math.min(...unseen), unseen.at(-1) ?? Number.NaN, seen.at(-1) ?? Number.NaN];
    const at = unseen.indexOf(least);
    const told = last > NOTHING * (examination.chanceLoss ?? 0);
    if (!told || !(least > 0) || !(last > RISEN * least) || !(lastSeen < FALLEN * (seen[at] ?? 0))) return [];
    const before = examination.trace.epochs[at + count - 1]?.step;
    return [
      {
        severity: 'risk',
        layers: [],
        ...examination.lastEpoch,
        measured: { what: 'last validation loss over its minimum', value: last / least },
        expected: { to: RISEN, why: 'what is learned should hold for other rows too' },
        cause: `over ${countOf(count, 'epoch')} the validation loss was lowest${before === undefined ? '' : ` after ${countOf(before, 'step')}`} (${sayApart(least, last).join('), and is ')} now, while the training loss fell from ${sayApart(seen[at] ?? 0, lastSeen).join(' to ')}`,
      },
    ];
  },
};

/** How many times as frequent as the rarest class the most frequent one may be. */
const UNEVEN = 10;

export const unevenClasses: Rule = {
  id: 'uneven-classes',
  title: 'Classes of very different frequency',
  looksFor: 'the frequency of the most frequent class of the targets over that of the rarest, if enough rows were seen and all have the same weight',
  threshold: `a factor of ${UNEVEN} (as in SageMaker Debugger's class_imbalance): always predicting the most frequent class is then right nearly as often as a network that learned something`,
  why: 'rare classes hardly count in the loss, and accuracy says little: look at each class separately',
  remedies: [remedies.weighClasses],
  check({ facts, trace }) {
    const { targets = [] } = trace.header.training ?? {};
    return targets.flatMap(({ shares, weighed }, i): Symptom[] => {
      if (!shares || weighed || !(shares.largest > UNEVEN * shares.least)) return [];
      const name = facts.layers[facts.outputs[i] ?? -1]?.name ?? 'the output';
      return [
        {
          severity: 'risk',
          layers: [name],
          step: 0,
          measured: { what: 'share of the most frequent class over that of the rarest', value: shares.largest / shares.least },
          expected: { to: UNEVEN, why: 'each class should be seen often' },
          cause: `${percent(shares.largest)} of the targets of ${name} belong to one class, ${percent(shares.least)} to another`,
        },
      ];
    });
  },
};
