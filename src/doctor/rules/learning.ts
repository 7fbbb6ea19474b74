import { countOf } from '../../core/count.js';
import { DEEP, type Examination, NEIGHBOURS } from '../examination.js';
import { walksAlongSteps } from '../forecast/lookups.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, say, sayApart, without } from '../rule.js';

/** Share of chance's loss above which a network has not learned what it could, and the fall that says that it was about to. */
const LEFT = 0.22;
/** The same of networks that walk along steps, all of which share their weights: a step serves one of them less. So of deep ones that are all normalized. */
const LEFT_ALONG_STEPS = 0.3;
/** In some thousand steps hardly any network of so many hidden layers, however it is made, learns what one of few does; what is left of chance's loss then, and what is reached of neighbours. */
const VERY_DEEP = 25;
/** The same of layers that are all normalized, whose gradients grow with depth at first. */
const VERY_DEEP_NORMALIZED = 20;
const [LEFT_VERY_DEEP, LEAST_VERY_DEEP] = [0.5, 0.6];
const FALL = 0.05;
const VALIDATION_FALL = 0.03;
/** More than this share is left while the loss still falls at this part of its mean speed: learning has only begun. */
const BEGUN = 0.5;
const STRAIGHT = 0.5;
/** The same where no validation rows tell learning from memorising: of noise, too, most of chance's loss can be learned by heart. */
const BEGUN_UNSEEN = 0.9;
/** Fewer epochs show no course. */
export const FEWEST = 5;

/** Epochs of the last fifth. */
export const lateEpochs = (losses: readonly number[]): number => Math.max(2, Math.round(losses.length / 5));

const isVeryDeep = ({ depth, isDeep }: Examination): boolean => depth >= (isDeep ? VERY_DEEP_NORMALIZED : VERY_DEEP);

/** Share of chance's loss that a network may leave. */
function mostLeft(examination: Examination): number {
  const { facts, isDeep } = examination;
  if (isVeryDeep(examination)) return LEFT_VERY_DEEP;
  return isDeep || facts.layers.some(walksAlongSteps) ? LEFT_ALONG_STEPS : LEFT;
}

/** By what share a loss fell over the last fifth of the epochs. */
function lateFall(losses: readonly number[]): number | undefined {
  const [before, last] = [losses.at(-1 - lateEpochs(losses)), losses.at(-1)];
  return before === undefined || last === undefined || !(before > 0) ? undefined : 1 - last / before;
}

/** Fall over the last fifth of the epochs for each of them, over that of all: 1 where a loss falls in a straight line. */
function lateSpeed(losses: readonly number[]): number {
  const back = lateEpochs(losses);
  const [first = 0, before = 0, last = 0] = [losses[0], losses.at(-1 - back), losses.at(-1)];
  return first > last ? (before - last) / back / ((first - last) / (losses.length - 1)) : 0;
}

export const slowLearning: Rule = {
  id: 'slow-learning',
  title: 'Learning too slowly for the budget',
  looksFor:
    'the mean loss of the last epoch over that of the best constant prediction (chance level), squared if the loss grows in proportion to errors, and how much it still fell over the last fifth of the epochs',
  threshold: `the training is over, more than ${percent(LEFT)} of the chance-level loss is left (${percent(LEFT_ALONG_STEPS)} if layers process a sequence step by step, or if there are ${DEEP} or more hidden layers, all normalized; ${percent(LEFT_VERY_DEEP)} with ${VERY_DEEP} or more hidden layers, ${VERY_DEEP_NORMALIZED} if all are normalized), and the loss still fell by ${percent(FALL)} in the last fifth (with validation rows: their loss by ${percent(VALIDATION_FALL)}); or more than ${percent(BEGUN)} is left, and the loss fell there at more than half its mean speed, so that learning has only begun. Without validation rows it is a risk, unless learning has only begun and more than ${percent(BEGUN_UNSEEN)} is left, since rows may be memorized. Networks that reach what their data allow have less left, or no longer improve`,
  why: 'the budget ends before the network has learned what it could: steps are too small, too few, or in poor directions',
  remedies: [
    remedies.raiseLearningRate,
    remedies.adaptiveOptimizer,
    remedies.suitingInitializer,
    remedies.standardizeInputs,
    remedies.changeActivation,
    remedies.normalize,
  ],
  check(examination) {
    const { bare, losses, chanceLoss, partOfChance: part, over } = examination;
    const { epochs } = examination.trace;
    if (!over || epochs.length < FEWEST || chanceLoss === undefined || part === undefined) return [];
    const validation = examination.course('val_loss');
    const [last, fall, fallBeyond] = [losses.at(-1), lateFall(losses), lateFall(validation)];
    const left = mostLeft(examination);
    if (last === undefined || fall === undefined || !(part > left)) return [];
    const unseen = fallBeyond === undefined;
    const falls = fall > FALL && (unseen || fallBeyond > VALIDATION_FALL);
    const least = chanceLoss - examination.left(chanceLoss);
    const share = examination.left(last) / examination.left(chanceLoss);
    const begun = part > BEGUN && lateSpeed(losses) > STRAIGHT && (unseen || lateSpeed(validation) > STRAIGHT);
    if (!falls && !begun) return [];
    const [said, chance] = sayApart(last, chanceLoss);
    return [
      {
        severity: unseen && !(begun && part > BEGUN_UNSEEN) ? 'risk' : 'ill',
        layers: [],
        ...examination.lastEpoch,
        measured: { what: 'last loss over the chance-level loss', value: part },
        expected: { to: left, why: 'a budget should not end while the loss is still high and falling' },
        cause: `after ${countOf(epochs.at(-1)?.step, 'step')} ${percent(share)} of the chance-level loss is left (${said}${without(bare)} of ${chance}${least !== 0 ? `, of which ${say(least)} is irreducible` : ''}), and it still fell by ${percent(fall)} in the last fifth of the epochs`,
      },
    ];
  },
};

export const belowNeighbours: Rule = {
  id: 'below-neighbours',
  title: 'Worse than nearest neighbours',
  looksFor:
    'the score of the validation rows beyond chance after the last epoch (accuracy for classes; for numbers the loss, if it asks for about their mean: the mean squared or absolute error, Huber’s, log cosh, Poisson’s), relative to that of predicting each row from nearby training rows: from the nearest, from five, or from all weighted by nearness (kernel ridge regression), whichever is best',
  threshold: `the training is over and less than ${percent(NEIGHBOURS.most)} of what neighbours reach is reached: looking them up takes no training, and with many rows the nearest neighbour alone errs at most twice as often as the best possible classifier (Cover and Hart 1967). Networks that train well reach more, on grey levels as on tables, for classes as for numbers. A simple RNN, which never sees a whole row at once, must reach ${percent(NEIGHBOURS.simpleRnn)}, several in a row ${percent(NEIGHBOURS.stacked)}; the same holds for ${DEEP} or more hidden layers that are all normalized, whose gradients grow with depth at first (Yang et al. 2019, "A mean field theory of batch normalization"). Any network of ${VERY_DEEP} or more hidden layers, ${VERY_DEEP_NORMALIZED} if all are normalized, must reach ${percent(LEAST_VERY_DEEP)}: published recipes of 30 layers reach between half and nine tenths in a thousand steps. If validation rows are near copies of training rows, such as overlapping windows, neighbours have an unfair advantage: split such data by time, or ignore the rule`,
  why: 'the network does worse than looking up similar rows would: it learned too little, or too much that holds only for its training rows',
  remedies: [
    remedies.standardizeInputs,
    remedies.suitingInitializer,
    remedies.raiseLearningRate,
    remedies.adaptiveOptimizer,
    remedies.lowerLearningRate,
    remedies.changeActivation,
    remedies.normalize,
  ],
  check(examination) {
    const { bare, neighbours, reached, partOfNeighbours: part, leastOfNeighbours, over } = examination;
    const least = isVeryDeep(examination) ? LEAST_VERY_DEEP : leastOfNeighbours;
    if (!over || !neighbours || reached === undefined || part === undefined || !(part < least)) return [];
    const last = examination.trace.epochs.at(-1);
    const taken = without(bare && neighbours.log === 'val_loss');
    const [said, known, chance] = sayApart(reached, neighbours.value, neighbours.chance);
    return [
      {
        severity: 'ill',
        layers: [],
        ...examination.lastEpoch,
        measured: { what: 'validation score beyond chance, over that of neighbours', value: part },
        expected: { from: least, why: 'looking up neighbours takes no training' },
        cause: `${neighbours.log}${taken} is ${said} after ${countOf(last?.step, 'step')}; neighbours among ${countOf(neighbours.rows, 'training row')} would reach ${known}, and chance ${chance}`,
      },
    ];
  },
};
