import { isRecord } from '../../core/expect.js';
import type { StepRecord } from '../../vitals/trace.js';
import { type Examination, LEARNED } from '../examination.js';
import { hasFallen, isFromZero } from '../falls.js';
import { median, value } from '../measured.js';
import { remedies } from '../remedies.js';
import { type Rule, type Symptom, say, sayApart, unlearned } from '../rule.js';

interface Speed {
  readonly layer: string;
  /** `lstm_1/recurrentKernel`: some layers have several kernels. */
  readonly name: string;
  readonly speed: number;
}

/** Update over weight of each trained kernel, the median of some observed steps, the last ones unless given. Steps that only add up gradients for one that comes say nothing, nor does a first one of weights that a constraint then projects. */
export function speeds({ facts, kernels, trace }: Examination, given?: readonly StepRecord[]): Speed[] {
  const accumulates = trace.header.training?.optimizer.config.gradientAccumulationSteps !== undefined;
  const updates = (given ?? trace.steps).filter(({ arrays }) => !accumulates || arrays?.update.some((update) => (value(update) ?? 0) !== 0));
  const steps = given ? updates : updates.slice(-5);
  const projected = new Set(facts.layers.flatMap(({ layer, options }) => (isConstrained(options) ? [layer] : [])));
  return kernels.flatMap(({ column, layer, name }) => {
    const values = steps.flatMap(({ step, arrays }) => {
      if (step <= 1 && projected.has(layer)) return [];
      const [update, weight] = [value(arrays?.update[column]), value(arrays?.weight[column])];
      return update !== undefined && weight !== undefined && weight > 0 ? [update / weight] : [];
    });
    return values.length === 0 ? [] : [{ layer, name, speed: median(values) }];
  });
}

/** Whether a layer's options constrain some of its weights. */
const isConstrained = (options: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(options).some(([name, constraint]) => /Constraint$/.test(name) && isRecord(constraint));

/** Whether the only step that was seen moves a kernel that starts from zeros, of which no speed is known: what lies before it gets its first gradient in the next one. */
function awakens({ kernels, trace: { steps } }: Examination): boolean {
  const [only, ...others] = steps;
  if (others.length > 0) return false;
  return kernels.some(({ column }) => value(only?.arrays?.weight[column]) === 0 && (value(only?.arrays?.update[column]) ?? 0) > 0);
}

/** Names of the arrays that start from zeros. */
const fromZeros = ({ facts }: Examination): Set<string> =>
  new Set(
    facts.layers.flatMap(({ layer, weights }) =>
      weights.flatMap(({ name, initializer }) => (initializer?.name === 'zeros' ? [`${layer}/${name}`] : [])),
    ),
  );

const NONE: Speed = { layer: '', name: '', speed: 0 };

/** Layers of some kernels, each once. */
const layersOf = (list: readonly Speed[]): string[] => [...new Set(list.map(({ layer }) => layer))];

export const unevenSpeeds: Rule = {
  id: 'uneven-speeds',
  bearable: true,
  title: 'Layers that learn at widely different speeds',
  looksFor: 'the ratio of update to weight, by RMS, of every trained kernel over the last observed steps: the fastest over the slowest',
  threshold: 'risk from 100, ill from 10,000: while the fastest layer changes by its whole size, the slowest moves by a hundredth of a per cent',
  why: 'a learning rate that is right for one layer leaves another as it was initialized',
  remedies: [remedies.suitingInitializer, remedies.adaptiveOptimizer, remedies.normalize],
  check(examination) {
    const list = speeds(examination).filter(({ speed }) => Number.isFinite(speed));
    const [slow, fast] = [
      list.reduce((a, b) => (b.speed < a.speed ? b : a), list[0] ?? NONE),
      list.reduce((a, b) => (b.speed > a.speed ? b : a), list[0] ?? NONE),
    ];
    if (list.length < 2 || !(fast.speed > 100 * slow.speed) || awakens(examination)) return [];
    const factor = slow.speed > 0 ? fast.speed / slow.speed : Number.MAX_VALUE;
    const limit = factor > 1e4 ? 1e4 : 100;
    return [
      {
        severity: limit === 1e4 ? 'ill' : 'risk',
        layers: layersOf([slow, fast]),
        measured: { what: 'speed of the fastest kernel over that of the slowest', value: factor },
        expected: { to: limit, why: 'layers should change at similar speeds' },
        cause:
          fast.layer === slow.layer
            ? `${fast.name} changes by ${say(fast.speed)} of its size per step, ${slow.name} by ${say(slow.speed)}`
            : `${fast.layer} changes by ${say(fast.speed)} of its weights per step, ${slow.layer} by ${say(slow.speed)}`,
      },
    ];
  },
};

/** What a first step may change of the fastest layer, and from where on that is a risk; less where it changes the median layer by more than is a risk there. */
const [MOST, RISKY] = [2.5, 0.3];
const [MOST_LAYERS, RISKY_LAYERS] = [0.5, 0.2];
/** The same of plain gradient descent, whose next steps shrink with the gradient: healthy networks came to 0.93, sick ones started from 0.59. */
const MOST_LAYERS_PLAIN = 1;
/** A first step that leaves less than this of the loss of its own rows is borne, however far it goes. */
const BORNE = 0.8;
/** How many times more where sums are normalized: weights that grow by a step are divided by what they have grown. */
const NORMALIZED = 5;
/** Speeds of the fastest kernel below which nothing is learned: gradients may grow as a network learns, where steps are divided by their size those do not. */
export const SLOWEST = 5e-5;
const SLOWEST_ADAPTIVE = 2e-4;

export const stepTooLarge: Rule = {
  id: 'step-too-large',
  leadsTo: ['vanishing-gradient', 'saturation', 'coma', 'died-in-training', ...unlearned],
  title: 'Steps too large',
  looksFor:
    'the ratio of update to weight, by RMS, of trained kernels (except embedding tables) at the observed steps; before the first step, the effect of one step on the loss of the very rows it was computed from',
  threshold:
    'ill above 0.1, risk above 0.03: healthy steps change weights by about a thousandth; above a tenth a layer is replaced within ten steps, and what it had learned is lost. For the first step alone the limits are 2.5 times a layer’s weights (risk: 30 %), or half of them (all of them under plain gradient descent, whose next steps are smaller) if the median layer changes by a fifth (risk), since most of the network is then thrown away at once; if more steps were observed, it is only a risk, since they show how the first one was tolerated. They are five times as high for a first step if the pre-activations of all hidden layers are normalized: the scale of the weights then does not matter, and steps that increase it make the next ones smaller (van Laarhoven 2017, "L2 regularization versus batch and weight normalization"); and 1/√(1 − ρ) times as high under RMSprop, whose first step is so much longer than the next ones. A first step that leaves less than four fifths of the loss of its own rows is at most a risk. One that multiplies that loss by 1.6 (risk: 1.1) is ill if it leaves most of what there is to learn; the factor is 3 (risk: 1.3) under plain gradient descent, whose next step turns back, under RMSprop and if all pre-activations are normalized. Under optimizers that divide gradients by their size it is at most a risk where the median kernel changes by less than a tenth: in wide layers many small changes add up, and the next steps take them back',
  why: 'the loss jumps around or overflows instead of falling',
  remedies: [remedies.lowerLearningRate, remedies.clipGradients, remedies.standardizeInputs, remedies.warmUp],
  check(examination) {
    const { steps } = examination.trace;
    const late = steps.length > 1 ? beyond(judged(speeds(examination), examination), [0.1, 0.03]) : [];
    const [first] = steps;
    if (late.length > 0 || !first || first.step > 1) return late;
    // FTRL makes weights anew from all gradients so far: of those that were drawn its first step leaves nothing.
    if (examination.trace.header.training?.optimizer.name === 'ftrl') return [];
    // How it was borne the others show.
    const list = judged(speeds(examination, [first]), examination);
    const far = beyond(list, firstLimits(list, examination));
    const { before = 0, after = before } = ownRows(examination) ?? {};
    const early = worst([...(after < BORNE * before ? far.map(asRisk) : far), ...overshot(list, examination)]);
    return steps.length > 1 ? early.map((symptom) => ({ ...asRisk(symptom), step: 1 })) : early;
  },
};

/** All but tables of vectors, which are drawn small whatever follows: how far they move matters to what sums them. */
function judged(list: readonly Speed[], { facts }: Examination): Speed[] {
  const tables = new Set(facts.layers.flatMap(({ kind, layer }) => (kind === 'embedding' ? [layer] : [])));
  return list.filter(({ layer }) => !tables.has(layer));
}

/** Speed of the median kernel; NaN of none. */
const middleOf = (list: readonly Speed[]): number => median(list.map(({ speed }) => speed));

/** From what a first step makes of the loss of its own rows on it is ill, and a risk: healthy networks of the ward came to 1.5 under momentum, to 1.13 under Adam and its like. */
const RAISED = { most: 1.6, risky: 1.1 } as const;
/** The same where the next step turns back, goes less far, or is shortened by one that goes too far: under plain gradient descent to 1.9, but for one. */
const RAISED_FOR_NOW = { most: 3, risky: 1.3 } as const;
/** Of steps that are divided by their size, what the median kernel changes by where they do harm: those of wide layers are many small ones in one direction, and the next ones take them back. */
const HARMFUL = 0.1;

const asRisk = (symptom: Symptom): Symptom => ({ ...symptom, severity: 'risk' });

/** Loss of a look's rows, without penalties, before the step that follows them and after it; undefined where it was not taken again. */
function ownRows(examination: Examination): { readonly before: number; readonly after: number } | undefined {
  const { first, firstLoss: before } = examination;
  const told = value(first?.lossAfter);
  return told === undefined || before === undefined || !isFromZero(examination, before)
    ? undefined
    : { before, after: told - (value(first?.penalty) ?? 0) };
}

/** A first step, of a look, that raises the loss of the rows that it follows. */
function overshot(list: readonly Speed[], examination: Examination): Symptom[] {
  const { learnable = 0, adaptive, forgetful, leap } = examination;
  const { most, risky } = forgetful || leap > 1 || normalizedThroughout(examination) ? RAISED_FOR_NOW : RAISED;
  const rows = ownRows(examination);
  if (!rows) return [];
  const { before, after } = rows;
  // What was learned before is lost and found again in a few steps.
  if (examination.left(after) < LEARNED * learnable || after <= risky * before) return [];
  const ratio = Number.isFinite(after) ? after / before : Number.MAX_VALUE;
  const takenBack = adaptive && Number.isFinite(after) && middleOf(list) < HARMFUL;
  const limit = ratio > most && !takenBack ? most : risky;
  return [
    {
      severity: limit === most ? 'ill' : 'risk',
      layers: [],
      measured: { what: 'loss of the same rows after the first step over that before', value: ratio },
      expected: { to: limit, why: 'a step should lower the loss of the rows it was computed from' },
      cause: `the first step raises the loss of the very rows it was computed from, from ${sayApart(before, after).join(' to ')}`,
    },
  ];
}

/** The first one that is ill, else the first. */
const worst = (symptoms: readonly Symptom[]): Symptom[] =>
  [...symptoms].sort((a, b) => Number(b.severity === 'ill') - Number(a.severity === 'ill')).slice(0, 1);

/** Whether the scale of no hidden layer's weights matters. */
const normalizedThroughout = (examination: Examination): boolean =>
  examination.hidden.length > 0 && examination.hidden.every(({ at }) => examination.normalizedBehind(at));

/** What a first step may change: by itself it says little of those that follow, unless it throws out most layers. */
function firstLimits(list: readonly Speed[], examination: Examination): Limits {
  const borne = examination.leap * (normalizedThroughout(examination) ? NORMALIZED : 1);
  const middle = list.length > 1 ? middleOf(list) : 0;
  if (middle <= borne * RISKY_LAYERS) return [borne * MOST, borne * RISKY];
  return [borne * (examination.forgetful ? MOST_LAYERS_PLAIN : MOST_LAYERS), borne * RISKY_LAYERS];
}

/** Beyond these steps are ill, and a risk. */
type Limits = readonly [ill: number, risk: number];

function beyond(list: readonly Speed[], [ill, risk]: Limits): Symptom[] {
  const fastest = list.reduce((a, b) => (b.speed > a.speed ? b : a), NONE);
  if (!(fastest.speed > risk)) return [];
  const limit = fastest.speed > ill ? ill : risk;
  return [
    {
      severity: limit === ill ? 'ill' : 'risk',
      layers: layersOf(list.filter(({ speed }) => speed > limit)),
      measured: { what: `update over weight, ${fastest.layer}`, value: fastest.speed },
      expected: { to: limit, why: 'healthy steps change weights by about a thousandth' },
      cause: `a step changes the weights of ${fastest.layer} by ${say(100 * fastest.speed)} % of their size`,
    },
  ];
}

/** How many times the rate that a quadratic bears is ill: plain gradient descent was seen to be caught at flatter places from up to 15 times, with momentum from 4 times. */
const [CAUGHT, CAUGHT_PLAIN] = [5, 30];

/** Parts of the bound that train well: momentum goes on in a direction that raised the loss. */
const [PART, PART_PLAIN] = [1 / 8, 1];

/** A learning rate that the curvature bears, where the one that was taken goes beyond; undefined where it does not, or that was not measured. */
export function borneRate({ first, forgetful }: Examination): number | undefined {
  const [rate, stable] = [value(first?.learningRate), value(first?.stableRate)];
  return rate !== undefined && stable !== undefined && rate > stable ? stable * (forgetful ? PART_PLAIN : PART) : undefined;
}

const otherThanRate = [remedies.standardizeInputs, remedies.warmUp, remedies.clipGradients];

export const unstableRate: Rule = {
  id: 'unstable-rate',
  title: 'Learning rate too high for the curvature',
  looksFor:
    'the learning rate over the largest stable one, above which steps along the sharpest direction grow: 2 / λ_max for gradient descent, (2 + 2μ) / λ_max with momentum μ, where λ_max is the largest eigenvalue of the Hessian of one minibatch’s loss before the first step; only for optimizers that neither divide gradients by their size nor clip them (Cohen et al. 2021, "Gradient descent on neural networks typically occurs at the edge of stability")',
  threshold: `risk above 1: steps that overshoot may settle in a flatter region (Lewkowycz et al. 2020, "The large learning rate phase of deep learning: the catapult mechanism"). Ill beyond ${CAUGHT}, or ${CAUGHT_PLAIN} without momentum: of the ward’s healthy networks few exceeded 20 without momentum, and two came to 29 and 34; none with momentum exceeded ${CAUGHT}. ${NORMALIZED} times as much if the pre-activations of all hidden layers are normalized`,
  why: 'each step overshoots by more than the last, until units die or values overflow',
  remedies: [remedies.lowerLearningRate, ...otherThanRate],
  check(examination) {
    const { first, clipped, forgetful } = examination;
    const [rate = 0, stable = 0, sharpness = 0] = [value(first?.learningRate), value(first?.stableRate), value(first?.sharpness)];
    const borne = borneRate(examination);
    if (borne === undefined || clipped) return [];
    const caught = (forgetful ? CAUGHT_PLAIN : CAUGHT) * (normalizedThroughout(examination) ? NORMALIZED : 1);
    const ill = rate > caught * stable;
    const [said, bound] = sayApart(rate, stable);
    return [
      {
        severity: ill ? 'ill' : 'risk',
        layers: [],
        step: first?.step ?? 0,
        measured: { what: 'learning rate', value: rate },
        expected: { to: ill ? caught * stable : stable, why: `above ${say(stable)}, steps along a curvature of ${say(sharpness)} grow` },
        cause: `the learning rate is ${said}, but steps along the sharpest direction, of curvature ${say(sharpness)}, grow from ${bound} on`,
        remedies: [{ ...remedies.lowerLearningRate, what: `lower the learning rate to ${say(borne)}` }, ...otherThanRate],
      },
    ];
  },
};

const turnsOver = (speed: number): string => Math.round(1 / speed).toLocaleString('en');

export const stepTooSmall: Rule = {
  id: 'step-too-small',
  title: 'Steps too small',
  looksFor:
    'the ratio of update to weight, by RMS, of the fastest trained kernel over the last observed steps, while the loss is still near its initial value',
  threshold: `below ${SLOWEST}: the weights need ${turnsOver(SLOWEST)} steps to change by their own size; below ${SLOWEST_ADAPTIVE} (${turnsOver(SLOWEST_ADAPTIVE)} steps) if the optimizer divides by the size of the gradient, whose steps do not grow with it`,
  why: 'nothing is learned in any reasonable time',
  remedies: [remedies.raiseClip, remedies.raiseLearningRate, remedies.adaptiveOptimizer],
  check(examination) {
    // What starts from zeros is as fast as it is new, at any rate.
    const zeros = fromZeros(examination);
    const list = speeds(examination).filter(({ name }) => !zeros.has(name));
    const slowest = examination.adaptive ? SLOWEST_ADAPTIVE : SLOWEST;
    const fastest = list.reduce((a, b) => (b.speed > a.speed ? b : a), list[0] ?? NONE);
    const [first, last] = [examination.firstLoss, examination.lastLoss];
    const clipped = (value(examination.last?.clipScale) ?? 1) < 0.1;
    if (list.length === 0 || !(fastest.speed < slowest) || awakens(examination)) return [];
    if (first === undefined || last === undefined || hasFallen(examination)) return [];
    return [
      {
        severity: 'ill',
        layers: layersOf(list),
        measured: { what: 'update over weight, fastest kernel', value: fastest.speed },
        expected: { from: slowest, why: 'healthy steps change weights by about a thousandth' },
        cause: `even the fastest kernel (${fastest.layer}) changes by only ${say(fastest.speed)} of its weights per step${clipped ? ', since clipping removes nearly all of the gradient' : ''}`,
        remedies: clipped ? [remedies.raiseClip] : [remedies.raiseLearningRate, remedies.adaptiveOptimizer],
      },
    ];
  },
};
