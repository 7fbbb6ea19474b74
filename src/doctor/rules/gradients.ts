import type { Measured, SignalVitals } from '../../vitals/trace.js';
import type { Examination, WatchedUse } from '../examination.js';
import { isGated, walksAlongSteps } from '../forecast/lookups.js';
import { median, value } from '../measured.js';
import { remedies } from '../remedies.js';
import { percent, type Rule, type Symptom, say, sayFactor, unlearned } from '../rule.js';
import { behind } from '../uses.js';
import { leastOfEach, type Way, waysOf } from '../ways.js';
import { SLOWEST, speeds } from './speed.js';
import { BROUGHT_BACK, bringsBack } from './units.js';

/** Gradient of the first hidden layer of a way over that of the last, by its RMS and by what is typical of an entry. */
interface Profile extends Way {
  /** By RMS. */
  readonly factor: number;
  /** The same of a quantile: NaN where none was measured. Like over like, since rows that are learned have next to no gradient in any layer. */
  readonly typical: number;
  readonly measured: boolean;
}

/**
 * One for each first hidden layer, the least first: over the last one from which it got most, since a gradient that comes along several ways is mostly that of the largest, and a
 * head with a small weight sends little by intent.
 */
function profilesOf(examination: Examination): Profile[] {
  const { hidden } = examination;
  const reached = hidden.filter(({ column }) => hasGradient(examination, column));
  const all = waysOf(examination, reached.length > 0 ? reached : hidden).flatMap((way) => profileOf(examination, way) ?? []);
  const seen = all.some(({ measured }) => measured) ? all.filter(({ measured }) => measured) : all;
  return leastOfEach(seen, ({ first }) => first)
    .filter(({ first, last }) => first !== last)
    .sort((a, b) => a.factor - b.factor);
}

function profileOf(examination: Examination, way: Way): Profile | undefined {
  const { first, last } = way;
  const recent = examination.trace.steps.slice(-5);
  const sizes = sizesOf(examination, [first, last]);
  const ratios = recent.flatMap(({ signals }) => ratio(sizes(signals, (column) => signals.gRms[column])));
  if (ratios.length === 0) {
    const [predicted] = ratio([first, last].map(({ at }) => examination.forecast.layers[at]?.gradient?.value));
    return predicted === undefined ? undefined : { ...way, factor: predicted, typical: Number.NaN, measured: false };
  }
  const thinned = isThinned(examination, first.at);
  // Of a rectifier's entries half have no gradient: the upper quartile is the middle of the others. Behind a maximum three of four have none.
  const quantile = thinned ? 4 : first.activation?.canDie ? 3 : 2;
  const typical = recent.flatMap(({ signals }) => ratio(sizes(signals, (column) => signals.gQuantiles?.[column]?.[quantile])));
  const comparable = thinned === isThinned(examination, last.at);
  return { ...way, factor: median(ratios), typical: comparable ? median(typical) : Number.NaN, measured: true };
}

/**
 * Reads gradients of some uses. Where each is normalized behind its sums their scale does not matter and divides the gradient, so that its product with their
 * RMS is told (van Laarhoven 2017, "L2 regularization versus batch and weight normalization").
 */
function sizesOf(examination: Examination, uses: readonly WatchedUse[]) {
  const normalized = uses.every(({ at }) => examination.normalizedBehind(at));
  return ({ zRms }: SignalVitals, gradientAt: (column: number) => Measured | undefined): (number | undefined)[] =>
    uses.map(({ column }) => {
      const [gradient, scale] = [value(gradientAt(column)), normalized ? value(zRms[column]) : 1];
      return gradient === undefined || scale === undefined ? undefined : gradient * scale;
    });
}

/** Whether what a use gives goes into a maximum over places, which lets the gradient of one place in several through. */
function isThinned({ facts, users }: Examination, use: number): boolean {
  for (const { layer } of behind(facts, users, use)) {
    if (/maxPooling/i.test(layer.kind)) return true;
    if (layer.role === 'weights') return false;
  }
  return false;
}

const hasGradient = ({ last }: Examination, column: number): boolean => value(last?.signals.gRms[column]) !== undefined;

function ratio([a, b]: readonly (number | undefined)[]): number[] {
  return a === undefined || b === undefined || !(b > 0) ? [] : [a / b];
}

/** Below these the lower layers learn too slowly: by RMS (by the second at any pace), and by what is typical of an entry. */
const limits = (adaptive: boolean) =>
  adaptive ? { ill: 1e-5, least: 1e-5, risk: 1e-3, typical: 1e-6 } : { ill: 1e-2, least: 1e-4, risk: 0.1, typical: 1e-3 };

/** Of the fastest kernel's speed, what the first one must have at least to keep pace. */
const PACE = 0.1;

/** Whether weights of a layer turn over about as fast as the fastest, and those not slowly: small weights need small gradients. */
function keepsPace(examination: Examination, { layer }: WatchedUse): boolean {
  const list = speeds(examination);
  const fastest = Math.max(...list.map(({ speed }) => speed));
  const own = list.find((one) => one.layer === layer.layer)?.speed;
  return own !== undefined && fastest >= SLOWEST && own >= PACE * fastest;
}

export const vanishingGradient: Rule = {
  id: 'vanishing-gradient',
  bearable: true,
  leadsTo: unlearned,
  title: 'Vanishing gradient',
  looksFor:
    'the RMS of ∂L/∂z in the first hidden layer over that in the last one that it leads to (if there are several, the one with the largest), as measured or, before the first step, as forecast; and the same ratio of the medians of |∂L/∂z| (for rectifiers, half of whose entries are 0, of the upper quartiles)',
  threshold:
    'ill below 1/100, risk below 1/10. A layer learns at the speed of its gradient: at less than a hundredth of the speed of the last layer, the first stays as initialized within a budget that suffices for the others. Width, depth and activation set this ratio: √χ per layer. Optimizers that divide by the size of the gradient tolerate more: ill below 1e-5, risk below 1e-3. With other optimizers a ratio down to 1e-4 is only a risk if the step of the first kernel, relative to its size, is at least a tenth of the fastest one’s, and that one is not slow: weights that are small throughout need no larger gradients',
  why: 'lower layers stay virtually unchanged, and the upper ones learn from random features',
  remedies: [
    remedies.suitingInitializer,
    remedies.criticalInitializer,
    remedies.adaptiveOptimizer,
    remedies.changeActivation,
    remedies.normalize,
    remedies.residual,
  ],
  check(examination) {
    const profiles = profilesOf(examination);
    const [profile] = profiles;
    if (!profile) return [];
    const { ill, least, risk, typical } = limits(examination.adaptive);
    const { factor: rms, first, last, measured } = profile;
    if (rms < risk) {
      const starves = rms < least || (rms < ill && !keepsPace(examination, first));
      return [
        {
          layers: lowerOf(profile),
          severity: starves ? 'ill' : 'risk',
          measured: { what: 'gradient RMS, first hidden layer over last', value: rms },
          expected: { from: starves ? ill : risk, why: 'a layer learns at the speed of its gradient' },
          cause: `the gradient's RMS in ${first.layer.name} ${measured ? 'is' : 'will be'} ${say(rms)} times that in ${last.layer.name}: ${factorOf(examination, profile)}`,
        },
      ];
    }
    const [starved] = profiles.filter((one) => one.typical < typical).sort((a, b) => a.typical - b.typical);
    if (!starved) return [];
    const from = starved.last.layer.name;
    return [
      {
        layers: lowerOf(starved),
        severity: 'ill',
        measured: { what: 'typical gradient, first hidden layer over last', value: starved.typical },
        expected: { from: typical, why: 'most units must learn, not just a few' },
        cause: `most units of ${starved.first.layer.name} get ${starved.typical > 0 ? `a gradient of ${say(starved.typical)} times that of ${from} or less` : 'no gradient at all'}; only a few of them account for the RMS, which is ${say(starved.factor)} times that of ${from}`,
      },
    ];
  },
};

/** The lower half of the layers on a way. */
const lowerOf = ({ between }: Way): string[] => between.slice(0, Math.max(1, Math.ceil(between.length / 2))).map(({ layer }) => layer.name);

/** What each layer on a way does to the gradient, and should by theory. */
function factorOf({ forecast: { runs } }: Examination, { factor, between, depth }: Profile): string {
  const known = between.find(({ layer }) => runs.some(({ layers }) => layers.includes(layer.name)));
  const run = known && runs.find(({ layers }) => layers.includes(known.layer.name));
  const theory = run === undefined ? '' : ` (theory: χ ${say(run.chi)}, √χ ${say(Math.sqrt(run.chi))})`;
  return `a factor of ${sayFactor(factor, depth - 1)} per layer over ${depth} layers${theory}`;
}

export const explodingGradient: Rule = {
  id: 'exploding-gradient',
  bearable: true,
  leadsTo: unlearned,
  title: 'Exploding gradient',
  looksFor:
    'the RMS of ∂L/∂z in the first hidden layer over that in the last one that it leads to (if there are several, the one with the largest), as measured or, before the first step, as forecast',
  threshold:
    'ill from 1,000, risk from 30: a learning rate that suits the last layer then moves the first one too far by that factor, and the steps of the two layers differ by more than a single learning rate can serve',
  why: 'one learning rate is too large for the lower layers and too small for the upper ones; steps throw the weights off, or values overflow',
  remedies: [remedies.suitingInitializer, remedies.criticalInitializer, remedies.clipGradients, remedies.lowerLearningRate, remedies.normalize],
  check(examination) {
    const profile = profilesOf(examination).at(-1);
    if (!profile || !(profile.factor > 30)) return [];
    const { factor: rms, first, last, measured, between } = profile;
    const symptom: Symptom = {
      severity: rms > 1e3 ? 'ill' : 'risk',
      layers: between.map(({ layer }) => layer.name),
      measured: { what: 'gradient RMS, first hidden layer over last', value: rms },
      expected: { to: rms > 1e3 ? 1e3 : 30, why: 'one learning rate must serve all layers' },
      cause: `the gradient's RMS in ${first.layer.name} ${measured ? 'is' : 'will be'} ${say(rms)} times that in ${last.layer.name}: ${factorOf(examination, profile)}`,
    };
    return [symptom];
  },
};

/** Part of what walks through all layers that saturation must let through: less where the optimizer makes up for what gradients lose. Steps of a sequence pass the same layers again, for which nothing makes up. */
const [LET_THROUGH, LET_THROUGH_GATED, LET_THROUGH_ADAPTIVE] = [0.2, 0.14, 0.03];

/** The least that the uses on one way through a network let through together. */
function throughAll({ facts }: Examination, letsThrough: (at: number) => number): number {
  const least: number[] = [];
  facts.layers.forEach(({ inputs }, at) => {
    least.push(Math.min(1, ...inputs.map((from) => least[from] ?? 1)) * letsThrough(at));
  });
  return Math.min(1, ...least);
}

/** Share that must pass through all layers together. */
function leastThrough({ adaptive, facts }: Examination): number {
  if (!adaptive) return LET_THROUGH;
  const walking = facts.layers.filter(walksAlongSteps);
  if (walking.length === 0) return LET_THROUGH_ADAPTIVE;
  return walking.every(isGated) ? LET_THROUGH_GATED : LET_THROUGH;
}

export const saturation: Rule = {
  id: 'saturation',
  bearable: true,
  leadsTo: unlearned,
  title: 'Saturated units',
  looksFor:
    'the share of entries at which the slope of the activation is below 5 % of its maximum, in hidden layers whose activation saturates smoothly',
  threshold: `risk: 20 % in most layers (40 % if the activation is flat on one side only: half of the entries of a rectifier are, and it trains). Ill: less than ${percent(LET_THROUGH)} passes through all such layers on a path (if the optimizer divides by the size of the gradient, ${percent(LET_THROUGH_ADAPTIVE)}, and ${percent(LET_THROUGH_GATED)} if layers process a sequence step by step, all of them through gates, which carry the state past saturated units); ${BROUGHT_BACK}. What passes is the product of the shares that are not saturated (doubled for activations of which half may be), since each layer takes its part of what the one before let through. At unit variance 3 % of a tanh layer are saturated, of a logistic layer next to none; with N(0, 1) weights theory predicts 22 % at width 32, 51 % at 100 and 71 % at 300. Shares are used, since a few units with a huge gradient can raise its RMS while most get none`,
  why: 'a saturated unit passes on next to no gradient; the logistic function, whose mean is 0.5, shifts the next layer further into saturation',
  remedies: [remedies.suitingInitializer, remedies.lsuv, remedies.standardizeInputs, remedies.changeActivation, remedies.normalize],
  check(examination) {
    const smooth = examination.bending.filter(({ activation }) => activation && activation.saturates !== 'none' && !activation.canDie);
    const shares = smooth.flatMap((use) => {
      const share =
        value(examination.last?.signals.saturated?.[use.column]) ?? (examination.first ? undefined : examination.forecast.layers[use.at]?.saturated);
      return share === undefined ? [] : [{ use, share }];
    });
    const middle = median(shares.map(({ share }) => share));
    const risk = shares.every(({ use }) => use.activation?.saturates !== 'both') ? 0.4 : 0.2;
    if (!(middle >= risk)) return [];
    const parts = new Map(shares.map(({ use, share }) => [use.at, Math.min(1, (use.activation?.saturates === 'both' ? 1 : 2) * (1 - share))]));
    const through = throughAll(examination, (at) => parts.get(at) ?? 1);
    const least = leastThrough(examination);
    const logistic = shares.some(({ use }) => use.activation?.name === 'sigmoid');
    const z = median(shares.map(({ use }) => value(examination.last?.signals.zRms[use.column]) ?? Number.NaN));
    const found = {
      layers: shares.filter(({ share }) => share >= risk).map(({ use }) => use.layer.name),
      cause: `${percent(middle)} of the entries are where the activation is flat${Number.isNaN(z) ? '' : `, since pre-activations have an RMS of ${say(z)}`}${logistic ? '; the mean of a logistic, 0.5, shifts the next layer further' : ''}`,
    };
    if (through >= least || bringsBack(examination)) {
      return [
        {
          ...found,
          severity: 'risk',
          measured: { what: 'share of saturated entries, median over layers', value: middle },
          expected: { to: risk, why: 'saturated entries pass on next to no gradient' },
          margin: (middle / risk) ** 2,
        },
      ];
    }
    return [
      {
        ...found,
        severity: 'ill',
        measured: { what: 'share that passes through all layers together', value: through },
        expected: { from: least, why: 'saturated entries pass on next to no gradient' },
        margin: through > 0 ? Math.sqrt(least / through) : Number.MAX_VALUE,
      },
    ];
  },
};
