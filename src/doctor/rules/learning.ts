import { countOf } from '../../core/count.js';
import { DEEP, type Examination, NEIGHBOURS } from '../examination.js';
import { walksAlongSteps } from '../forecast/lookups.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, say, sayApart, without } from '../rule.js';

/** Share of chance's loss above which a network has not learned what it could, and the fall that says that it was about to. */
const LEFT = 0.22;
/** The same of networks that walk along steps, all of which share their weights: a step serves one of them less. So of deep ones that are all normalised. */
const LEFT_ALONG_STEPS = 0.3;
/** In some thousand steps hardly any network of so many hidden layers, however it is made, learns what one of few does; what is left of chance's loss then, and what is reached of neighbours. */
const VERY_DEEP = 25;
const [LEFT_VERY_DEEP, LEAST_VERY_DEEP] = [0.5, 0.6];
const FALL = 0.05;
const VALIDATION_FALL = 0.03;
/** More than this share is left while the loss still falls at this part of its mean speed: learning has only begun. */
const BEGUN = 0.5;
const STRAIGHT = 0.5;
/** Fewer epochs show no course. */
export const FEWEST = 5;

/** Epochs of the last fifth. */
export const lateEpochs = (losses: readonly number[]): number => Math.max(2, Math.round(losses.length / 5));

/** Share of chance's loss that a network may leave. */
function mostLeft({ facts, depth, isDeep }: Examination): number {
  if (depth >= VERY_DEEP) return LEFT_VERY_DEEP;
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
  title: 'Learning too slow for its budget',
  looksFor:
    'the mean loss of the last epoch over that of the best constant prediction, and by how much it still fell over the last fifth of the epochs',
  threshold: `the training is over, more than ${percent(LEFT)} of chance's loss is left (${percent(LEFT_ALONG_STEPS)} where layers walk along steps, or ${DEEP} hidden ones and more are all normalised; ${percent(LEFT_VERY_DEEP)} of ${VERY_DEEP} hidden layers and more), and it still fell by ${percent(FALL)} in the last fifth (where validation rows were given, theirs by ${percent(VALIDATION_FALL)}); or more than ${percent(BEGUN)} is left, and there it fell at more than half its mean speed, so that learning has only begun: networks that reach what their data allow have less left, or fall no more`,
  why: 'the budget ends before the network has learned what it could: steps are too small, too few, or aim badly',
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
    const begun = part > BEGUN && lateSpeed(losses) > STRAIGHT && (unseen || lateSpeed(validation) > STRAIGHT);
    if (!falls && !begun) return [];
    const [said, chance] = sayApart(last, chanceLoss);
    return [
      {
        severity: 'ill',
        layers: [],
        ...examination.lastEpoch,
        measured: { what: 'last loss over that of chance', value: part },
        expected: { to: left, why: 'a budget should end when the loss has fallen' },
        cause: `after ${countOf(epochs.at(-1)?.step, 'step')} ${percent(part)} of chance's loss is left (${said}${without(bare)} of ${chance}${least > 0 ? `, of which targets leave ${say(least)}` : ''}), and it still fell by ${percent(fall)} in the last fifth of the epochs`,
      },
    ];
  },
};

export const belowNeighbours: Rule = {
  id: 'below-neighbours',
  title: 'Behind nearest neighbours',
  looksFor:
    'how far beyond chance the validation rows are after the last epoch (of classes the accuracy, of numbers the mean squared error), over how far they are where each is answered as the training rows near to it are: by the nearest, by five, or by all, each by its nearness (kernel ridge regression), whichever does best',
  threshold: `the training is over and less than ${percent(NEIGHBOURS.most)} of what neighbours reach is reached: to look them up takes no training, and the nearest alone errs at most twice as often as the best there can be where rows are many (Cover and Hart 1967). Networks that train well come to more, on grey levels as on tables, of classes as of numbers; a simple RNN, which sees no row at once, to ${percent(NEIGHBOURS.simpleRnn)}, several in a row to ${percent(NEIGHBOURS.stacked)}; as much is asked of ${DEEP} hidden layers and more that are all normalised, whose gradients grow with depth at first (Yang et al. 2019, "A mean field theory of batch normalization"), and ${percent(LEAST_VERY_DEEP)} of any ${VERY_DEEP} and more: published recipes of 30 layers come to between half and nine tenths of it in a thousand steps. Where validation rows are near copies of training rows, as windows that overlap are, neighbours know too much: split such data by time, or ignore the rule`,
  why: 'the network makes less of its rows than looking them up would: it learned too little, or too much that holds for its own rows only',
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
    const { bare, neighbours, reached, partOfNeighbours: part, depth, leastOfNeighbours, over } = examination;
    const least = depth >= VERY_DEEP ? LEAST_VERY_DEEP : leastOfNeighbours;
    if (!over || !neighbours || reached === undefined || part === undefined || !(part < least)) return [];
    const last = examination.trace.epochs.at(-1);
    const taken = without(bare && neighbours.log === 'val_loss');
    const [said, known, chance] = sayApart(reached, neighbours.value, neighbours.chance);
    return [
      {
        severity: 'ill',
        layers: [],
        ...examination.lastEpoch,
        measured: { what: 'validation beyond chance, over that of neighbours', value: part },
        expected: { from: least, why: 'to look up neighbours takes no training' },
        cause: `${neighbours.log}${taken} is ${said} after ${countOf(last?.step, 'step')}, where neighbours among ${countOf(neighbours.rows, 'training row')} would make it ${known} and chance ${chance}`,
      },
    ];
  },
};
