import type { ActivationFacts } from '../../activations.js';
import type { Described } from '../../core/catalogue.js';
import { countOf } from '../../core/count.js';
import type { LayerFacts } from '../../vitals/facts.js';
import { fallsBeyondScatter, isFromZero, scatterOf } from '../falls.js';
import { tableActivation } from '../forecast/lookups.js';
import { median } from '../measured.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, type Symptom, say, sayApart, unlearned, without } from '../rule.js';
import { ending } from '../uses.js';

export const notFinite: Rule = {
  id: 'not-finite',
  title: 'Non-finite values',
  looksFor: 'the first non-finite value, found by repeating the steps with every operator watched',
  threshold: 'any',
  why: 'everything computed from it is meaningless',
  remedies: [remedies.lowerLearningRate, remedies.standardizeInputs, remedies.clipGradients, remedies.suitingInitializer],
  check({ trace: { failure } }) {
    if (!failure) return [];
    const ranges = failure.inputs.map(({ name, min, max }) => `${name} in [${say(Number(min))}, ${say(Number(max))}]`).join(' and ');
    return [
      {
        severity: 'ill',
        layers: failure.layer === '' ? [] : [failure.layer],
        step: failure.step,
        measured: { what: 'step of the first non-finite value', value: failure.step },
        expected: { why: 'every value must be finite' },
        margin: 1e6,
        cause: `in step ${failure.step}, ${failure.operator} of ${failure.layer} (${failure.pass} pass) produced a non-finite value${ranges === '' ? '' : `, from ${ranges}`}`,
      },
    ];
  },
};

/** What a cross-entropy takes: shares of categories or a decision for each output, as logits or as probabilities. */
export interface Taken {
  readonly of: 'categories' | 'decisions';
  readonly logits: boolean;
}

/** What a loss takes, if it is a cross-entropy. */
export function takenBy({ name, config }: Described): Taken | undefined {
  if (!/crossentropy$/i.test(name)) return undefined;
  const of = /categorical/i.test(name) ? 'categories' : /^binary/i.test(name) ? 'decisions' : undefined;
  return of && { of, logits: config.fromLogits === true };
}

/** Whether a layer sets some of what it receives to 0, or multiplies it by noise. */
export const drops = ({ kind, options: { rate } }: LayerFacts): boolean => /dropout/i.test(kind) && Number(rate) > 0;

/** What an output is made by, and what its loss takes. */
interface Pair {
  readonly layer: LayerFacts;
  /** Of what comes behind it, what sets outputs to 0 while it trains. */
  readonly dropped: LayerFacts | undefined;
  readonly activation: string;
  readonly gives: ActivationFacts['gives'];
  readonly units: number;
  readonly loss: string;
  readonly takes: Taken | undefined;
  /** Mean loss of the last epoch, and that of the best constant prediction, where they are known. */
  readonly last: number | undefined;
  readonly chance: number | undefined;
}

/** Above this share of what a training can take from the loss it has suffered. */
const BORNE = 0.1;

/** How bad a second softmax is: the training shows it. The loss ends where the second one sees a 1 among zeros, and on the way there its gradient is small. */
function twice({ units, last, chance }: Pair): 'ill' | 'risk' {
  const least = Math.log(1 + (units - 1) / Math.E);
  return last !== undefined && chance !== undefined && last - least > BORNE * (chance - least) ? 'ill' : 'risk';
}

function mistakeOf(pair: Pair): { readonly severity: 'ill' | 'risk'; readonly text: string } | undefined {
  const { layer, dropped, activation, gives, units, loss, takes } = pair;
  if (!takes) return undefined;
  const { of, logits } = takes;
  const ends = `${layer.name} ends with ${activation}`;
  if (of === 'categories' && units === 1)
    return { severity: 'ill', text: `${layer.name} has a single unit, but ${loss} compares classes: its loss is 0 whatever it learns` };
  if (logits && gives)
    return {
      severity: of === 'categories' && activation === 'softmax' ? twice(pair) : 'ill',
      text: `${ends}, and ${loss} with fromLogits applies it again: outputs lie in [0, 1] where logits are expected`,
    };
  if (dropped)
    return {
      severity: logits ? 'risk' : 'ill',
      text: `${dropped.name} drops outputs of ${layer.name}, and ${loss} treats the zeros as ${logits ? 'logits' : 'probabilities'}: dropout belongs before the last layer`,
    };
  if (logits) return undefined;
  if (of === 'categories' && gives === 'probabilities')
    return {
      severity: 'risk',
      text: `${ends}, whose outputs do not sum to 1, but ${loss} expects a distribution: it divides them by their sum`,
    };
  if (of === 'categories' && gives !== 'distribution')
    return { severity: 'ill', text: `${ends}, but ${loss} expects probabilities; softmax or fromLogits is missing` };
  if (of === 'decisions' && gives === 'distribution' && units === 1)
    return { severity: 'ill', text: `${layer.name} is a ${activation} of one unit: its output is 1 for every row` };
  if (of === 'decisions' && gives === 'distribution')
    return { severity: 'risk', text: `${ends}, but ${loss} treats each of its ${units} outputs as an independent decision` };
  if (of === 'decisions' && gives !== 'probabilities')
    return { severity: 'ill', text: `${ends}, but ${loss} expects probabilities; sigmoid or fromLogits is missing` };
  return undefined;
}

export const lossMismatch: Rule = {
  id: 'loss-mismatch',
  // Outputs that are all 0 have no shares.
  leadsTo: ['not-finite', ...unlearned],
  title: 'Loss and last activation that do not match',
  looksFor:
    'cross-entropies after an activation that does not match: softmax together with fromLogits, sigmoid with categories, neither softmax nor fromLogits, one unit for several classes, or dropout after the last layer; layers that only reshape, average or add noise may come in between',
  threshold: `none: it follows from the combination. Most networks train with two softmaxes in a row, but more slowly and to a loss of at least ln(1 + (C − 1)/e) for C classes: that is a risk, unless a training ends with more than ${percent(BORNE)} left of what it could remove from the chance-level loss`,
  why: 'the loss has no minimum at the right answer, or its gradient nearly vanishes',
  remedies: [remedies.mendLoss],
  check({ facts, trace, losses, chanceLoss }) {
    const single = facts.outputs.length === 1;
    return facts.outputs.flatMap((at, i): Symptom[] => {
      const [made, loss] = [ending(facts, at), trace.header.training?.losses[i]];
      // What merges or normalizes gives no distribution, whatever is asked of it.
      if (!made || !loss) return [];
      const { layer, behind } = made;
      // What a function of the user's own gives is for the user to know.
      const activation = layer.activation && tableActivation(layer.activation);
      if (layer.activation && !activation) return [];
      const pair = {
        layer,
        dropped: behind.find(drops),
        activation: activation?.name ?? 'linear',
        gives: activation?.gives,
        units: facts.layers[at]?.shape.at(-1) ?? 1,
        loss: loss.name,
        takes: takenBy(loss),
        last: single ? losses.at(-1) : undefined,
        chance: chanceLoss,
      };
      const mistake = mistakeOf(pair);
      if (!mistake) return [];
      return [
        {
          severity: mistake.severity,
          layers: [layer.name],
          step: 0,
          measured: { what: 'mismatches', value: 1 },
          expected: { to: 0, why: 'loss and last activation must match' },
          margin: mistake.severity === 'ill' ? 100 : 2,
          cause: mistake.text,
        },
      ];
    });
  },
};

export const initialLoss: Rule = {
  id: 'initial-loss',
  bearable: true,
  leadsTo: ['step-too-large', 'not-finite', ...unlearned],
  title: 'Initial loss far from chance',
  looksFor:
    'the loss of the first step over that of the best constant prediction: ln C for C balanced classes, the variance of the targets for squared errors',
  threshold:
    'ill from 10, risk from 3: an undecided network starts near 1; one that starts far above is confident in wrong answers, and its first steps only unlearn them. From 1,000 if gradients are clipped or the optimizer divides by their size: steps are then no larger for it, and a few unlearn it',
  why: 'the first steps are huge and spoil a good initialization',
  remedies: [remedies.standardizeInputs, remedies.suitingInitializer, remedies.smallerHead, remedies.biasAtOdds],
  check(examination) {
    const { firstLoss, constantLoss } = examination;
    if (firstLoss === undefined || constantLoss === undefined) return [];
    const [loss, chance] = [examination.left(firstLoss), examination.left(constantLoss)];
    if (!(chance > 1e-6) || (examination.first?.step ?? 2) > 1 || !(loss > 3 * chance)) return [];
    // One minibatch may lie far above a least value that is the mean of all.
    if (!isFromZero(examination, firstLoss) && !(loss - 3 * chance > 3 * scatterOf(examination))) return [];
    const borne = examination.adaptive || examination.clipped ? 1000 : 10;
    const { undecidedLoss } = examination;
    // Targets that are not standardized make a large loss by their mean alone.
    const limit =
      loss > borne * Math.max(chance, undecidedLoss === undefined ? Number.POSITIVE_INFINITY : examination.left(undecidedLoss)) ? borne : 3;
    // A network that gives each class the same probability is undecided, however rare some classes are.
    const undecided = examination.decides && undecidedLoss !== undefined && loss <= 3 * examination.left(undecidedLoss);
    return [
      {
        severity: limit === borne ? 'ill' : 'risk',
        layers: [],
        step: 1,
        measured: { what: 'first loss over the chance-level loss', value: loss / chance },
        expected: { to: limit, why: 'an undecided network starts near chance level' },
        ...(undecided ? { margin: 1, remedies: [remedies.biasAtOdds] } : {}),
        cause: `the first loss${without(examination.first?.penalty !== undefined)} is ${say(firstLoss)}, while that of the best constant prediction${undecided ? ', which knows how rare some classes are,' : ''} is ${say(constantLoss)}`,
      },
    ];
  },
};

export const lossStalls: Rule = {
  id: 'loss-stalls',
  title: 'Loss that does not fall',
  looksFor: 'the mean loss of the last epochs compared with chance level and with the first epoch',
  threshold:
    'after at least 200 steps the loss is still above 95 % of that of the best constant prediction or, if that is unknown and the training started from scratch, has fallen by less than 2 % since the first epoch (below 0, also by less than 1 % of the scatter of single steps)',
  why: 'nothing has been learned from the rows; the last bias alone can fit the class frequencies',
  remedies: [remedies.suitingInitializer, remedies.raiseLearningRate, remedies.lowerLearningRate, remedies.normalize],
  check(examination) {
    const { bare, losses, trace } = examination;
    const { epochs } = trace;
    const [first, last] = [losses[0], losses.at(-1)];
    if (first === undefined || last === undefined || (epochs.at(-1)?.step ?? 0) < 200) return [];
    const chance = examination.chanceLoss;
    // What an earlier fit had learned shows in no first epoch; of losses below 0 a share of their size says little alone.
    const fresh = losses.length > 1 && (examination.first?.step ?? 2) <= 1;
    const part = chance === undefined ? (fresh ? 1 - (first - last) / Math.abs(first) : 0) : (examination.partOfChance ?? 0);
    const limit = chance === undefined ? 0.98 : 0.95;
    if (!(part > limit) || (chance === undefined && !isFromZero(examination, last) && fallsBeyondScatter(examination))) return [];
    const [said, other] = sayApart(last, chance ?? first);
    return [
      {
        severity: 'ill',
        layers: [],
        ...examination.lastEpoch,
        measured: { what: chance === undefined ? 'share of the first epoch’s loss that is left' : 'loss over the chance-level loss', value: part },
        expected: { to: limit, why: 'a network that learns falls below chance level within its first few hundred steps' },
        margin: Math.max(1, (part / limit) ** 40),
        cause: `after ${countOf(epochs.at(-1)?.step, 'step')} the loss${without(bare)} is ${said}${chance === undefined ? `; in the first epoch it was ${other}` : `; the best constant prediction has ${other}`}`,
      },
    ];
  },
};

export const lossOscillates: Rule = {
  id: 'loss-oscillates',
  bearable: true,
  title: 'Loss that oscillates',
  looksFor: 'increases of the training loss from epoch to epoch',
  threshold:
    'in at least two of the last six epochs the loss rises by more than 5 % of the previous epoch’s, and by more than 2 % of the chance-level loss (if that is unknown, of the total decrease of the loss): averages over an epoch vary far less by chance',
  why: 'steps jump across the valley instead of descending into it',
  remedies: [remedies.lowerLearningRate, remedies.largerBatch, remedies.clipGradients],
  check(examination) {
    const { minimized: all, chanceLoss, lastEpoch } = examination;
    const losses = all.slice(-6);
    // Near 0 a loss doubles by chance; some pass it.
    const least = 0.02 * (chanceLoss === undefined ? Math.max(...all) - Math.min(...all) : examination.left(chanceLoss));
    const rises = losses.flatMap((loss, i) => {
      const before = losses[i - 1] ?? loss;
      const rise = (loss - before) / examination.sizeOf(before);
      return rise > 0.05 && loss - before > least ? [rise] : [];
    });
    if (losses.length < 4 || rises.length < 2) return [];
    const typical = median(rises);
    return [
      {
        severity: typical > 0.3 ? 'ill' : 'risk',
        layers: [],
        ...lastEpoch,
        measured: { what: 'increase of the loss from epoch to epoch', value: typical },
        expected: { to: 0.05, why: 'the mean loss of an epoch should fall' },
        cause: `the loss rose in ${rises.length} of the last ${losses.length - 1} epochs, by ${percent(typical)} each`,
      },
    ];
  },
};
