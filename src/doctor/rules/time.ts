import type { Measured } from '../../vitals/trace.js';
import type { Examination, WatchedUse } from '../examination.js';
import { median, value } from '../measured.js';
import { remedies } from '../remedies.js';
import { type Rule, type Symptom, say, sayFactor, unlearned } from '../rule.js';
import { allBefore, allBehind } from '../uses.js';

/** How a gradient changes on its way through a sequence. */
interface Course {
  readonly use: WatchedUse;
  /** Size at the first step over that at the last. */
  readonly ratio: number;
  /** Steps of the sequence. */
  readonly steps: number;
  /** Whether another such layer stands before it, or behind. */
  readonly stacked: boolean;
}

/** Size at the first step of a sequence over that at the last; undefined where there is only one, or nothing was measured. */
export function firstOverLast(sizes: readonly Measured[]): number | undefined {
  const [first, last] = [value(sizes[0]), value(sizes.at(-1))];
  return sizes.length < 2 || first === undefined || last === undefined || !(last > 0) ? undefined : first / last;
}

/** Sizes without the steps before the first that has any: rectifiers pass nothing back where a sequence begins with nothing, as pictures with blank rows do. All where most have none. */
function fromTheFirstAlive(sizes: readonly Measured[]): readonly Measured[] {
  const first = sizes.findIndex((size) => value(size) !== 0);
  return first > 0 && first < sizes.length / 2 ? sizes.slice(first) : sizes;
}

/** Layers that walk along a sequence with a state that no gate guards; an LSTM or GRU opens its gates where that pays. */
function coursesOf({ uses, trace, facts }: Examination): Course[] {
  const walking = uses.filter(({ layer }) => layer.kind === 'simpleRnn');
  const places = walking.map(({ at }) => at);
  const [handedOn, handsOn] = [allBehind(facts, places), allBefore(facts, places)];
  return walking.flatMap((use) => {
    const lists = trace.steps.slice(-5).map(({ signals }) => signals.gRmsByTime?.[use.column] ?? []);
    const ratios = lists.flatMap((list) => firstOverLast(fromTheFirstAlive(list)) ?? []);
    const [from] = use.layer.inputs;
    const steps = from === undefined ? undefined : facts.layers[from]?.shape[0];
    if (ratios.length === 0 || typeof steps !== 'number') return [];
    return [{ use, ratio: median(ratios), steps, stacked: handedOn.has(use.at) || handsOn.has(use.at) }];
  });
}

/** What all symptoms of a course have in common: it goes beyond a limit, and so many times its size at the last step reaches the first. */
function symptomOf(
  { use, ratio, steps }: Course,
  severity: Symptom['severity'],
  limit: Pick<Symptom['expected'], 'from' | 'to'>,
  does: 'vanishes' | 'explodes',
): Symptom {
  const begins = use.layer.options.goBackwards === true ? ' (which starts at the end of the sequence)' : '';
  const left = ratio > 0 ? `${say(ratio)} times its size at the last of ${steps} steps` : 'nothing of it';
  return {
    layers: [use.layer.name],
    severity,
    measured: { what: 'gradient RMS, first step of the sequence over last', value: ratio },
    expected: { ...limit, why: 'all steps share the weights, and the largest gradients dominate' },
    cause: `the gradient ${does} along time: ${left} reaches the first of ${use.layer.name}${begins}, a factor of ${sayFactor(ratio, steps - 1)} per step`,
  };
}

const looksFor =
  'the RMS of ∂L/∂z at the first step of the sequence over that at the last, in recurrent layers without gates; the gates of LSTM and GRU start half closed, let next to nothing through from distant steps, and learn to open where that pays off';

/** What changes the weights that a state meets at every step, or guards it from them. */
const keeping = [remedies.orthogonalRecurrence, remedies.identityRecurrence, remedies.gatedRecurrence, remedies.shorterSequences];

/** Steps up to which a training opens the way through a sequence by itself: 13 simple RNNs over 8 steps, with a hundredth to 3e-10 of the gradient left at the first one, all did as well as the best. */
const FEW_STEPS = 10;

export const vanishingAlongTime: Rule = {
  id: 'vanishing-along-time',
  bearable: true,
  leadsTo: unlearned,
  title: 'Gradient vanishes along time',
  looksFor,
  threshold: `ill below a millionth, risk below a tenth, over the whole sequence: the contribution of the first steps is then lost in the rounding of that of the last ones, while tanh units with orthogonal weights lose a factor of 100 to 100,000 over some 30 steps and still learn. Each step multiplies the gradient by the recurrent weights and by the slope of the activation: at most by their spectral radius if the slope is 1, by less otherwise, so that over T steps √χ to the power of T is left (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013). Optimizers that divide by the size of the gradient do not help here, since all steps share the weights. In stacks it is only a risk, whatever is left: what one layer loses another may pass on, and most stacks that were examined learned; so it is in sequences of up to ${FEW_STEPS} steps, which all networks that were examined learned`,
  why: 'weights are shared by all steps, so distant steps are drowned out by near ones: the layer learns from the last steps alone',
  remedies: keeping,
  check: (examination) =>
    coursesOf(examination).flatMap((course) => {
      if (!(course.ratio < 0.1)) return [];
      return course.ratio < 1e-6 && !course.stacked && course.steps > FEW_STEPS
        ? [symptomOf(course, 'ill', { from: 1e-6 }, 'vanishes')]
        : [symptomOf(course, 'risk', { from: 0.1 }, 'vanishes')];
    }),
};

/** Of 25 simple RNNs whose gradient grew to a hundred and more times its size, clipping let none reach 0.9 of what such networks can; two that it let were at 3,600 and 16,000. */
const BORNE_BY_CLIPPING = 1e5;

export const explodingAlongTime: Rule = {
  id: 'exploding-along-time',
  bearable: true,
  leadsTo: unlearned,
  title: 'Gradient explodes along time',
  looksFor,
  threshold:
    'ill from 1,000, risk from 30, over the whole sequence, or from its number of steps if that is larger: the loss of each step may add to the gradient of earlier ones. Clipping tolerates a factor of up to 100,000 (Pascanu, Mikolov and Bengio 2013): a network that clips by norm is only at risk below that. Beyond it, the first steps drown out the others in every clipped gradient as well',
  why: 'a single row with a large product of Jacobians throws off the weights of all steps',
  remedies: [remedies.clipGradients, ...keeping],
  check: (examination) =>
    coursesOf(examination).flatMap((course) => {
      const [risk, ill] = [Math.max(30, course.steps), Math.max(examination.clipped ? BORNE_BY_CLIPPING : 1e3, course.steps)];
      if (!(course.ratio > risk)) return [];
      if (course.ratio <= ill) return [symptomOf(course, 'risk', { to: risk }, 'explodes')];
      const symptom = symptomOf(course, 'ill', { to: ill }, 'explodes');
      // What is drawn so needs other weights: clipped from the start, it explodes in every step.
      return [examination.untrained ? { ...symptom, remedies: keeping } : symptom];
    }),
};
