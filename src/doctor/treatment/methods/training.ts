import type { Named } from '../../../core/catalogue.js';
import type { DescribedCompile } from '../../../model/config.js';
import { clipOptions, isClipped } from '../../../optimizers/optimizer.js';
import { median, value } from '../../measured.js';
import { say, sayApart } from '../../rule.js';
import { borneRate, speeds } from '../../rules/speed.js';
import type { Change, Chart, Method, RateChange } from '../method.js';
import { changed, type Patient } from '../patient.js';
import { isScheduled, rateOf, withRate, written } from './rates.js';

/** Update over weight that suits most networks: a thousandth turns them over in a thousand steps. */
const HEALTHY_SPEED = 3e-3;
const LARGEST_BATCH = 256;

/** Kingma and Ba 2015: the rate that they propose. */
const ADAM_RATE = 1e-3;

export function optimizerOf({ config }: Patient): Named {
  const optimizer = config.compile?.optimizer as Partial<Named> | string | undefined;
  if (typeof optimizer === 'string' || optimizer === undefined) return { name: optimizer ?? 'sgd', config: {} };
  return { name: optimizer.name ?? 'sgd', config: optimizer.config ?? {} };
}

export function withCompile(patient: Patient, compile: DescribedCompile): Patient {
  return changed(patient, { ...patient.config, compile: { ...patient.config.compile, ...compile } });
}

const withOptimizer = (patient: Patient, optimizer: Named): Patient => withCompile(patient, { optimizer });

/** One digit, 1 or 3, as people write rates, and factors. */
export function rounded(rate: number): number {
  const power = 10 ** Math.floor(Math.log10(rate));
  const digit = rate / power;
  return Number(((digit < 2 ? 1 : digit < 6 ? 3 : 10) * power).toPrecision(1));
}

/** Update over weight of the fastest kernel, as last seen. */
function fastest({ examination }: Chart): number | undefined {
  const list = speeds(examination).map(({ speed }) => speed);
  return list.length > 0 ? Math.max(...list) : undefined;
}

export function sayRate({ from, to, scheduled }: RateChange): string {
  return `${to > from ? 'raise' : 'lower'} the learning rate from ${sayApart(from, to).join(' to ')}${scheduled ? ' at the peak of its schedule' : ''}`;
}

function rated(chart: Chart, factors: readonly number[]): Change[] {
  const optimizer = optimizerOf(chart.patient);
  const rate = rateOf(optimizer);
  if (rate === undefined) return [];
  const scheduled = isScheduled(optimizer);
  // Factors that lie close together may round to one rate.
  const rates = new Set(factors.map((factor) => rounded(rate * factor)));
  return [...rates].map((to) => ({
    patient: withOptimizer(chart.patient, withRate(optimizer, to)),
    what: sayRate({ from: rate, to, scheduled }),
    rate: { from: rate, to, scheduled },
  }));
}

const between = (low: number, number: number, high: number): number => Math.min(Math.max(number, low), high);

/** By what part a rate is too high; a tenth where nothing says more. */
function excess(chart: Chart): number {
  const [rate, borne, speed] = [rateOf(optimizerOf(chart.patient)), borneRate(chart.examination), fastest(chart)];
  if (rate !== undefined && borne !== undefined) return borne / rate;
  const broke = chart.examination.trace.failure !== undefined;
  return speed === undefined || broke || !(speed > HEALTHY_SPEED) ? 0.1 : HEALTHY_SPEED / speed;
}

export const lowerLearningRate: Method = {
  alters: ['learningRate'],
  apply(chart) {
    const factor = between(1e-4, excess(chart), 0.3);
    return rated(chart, [factor, factor / 10]);
  },
};

export const raiseLearningRate: Method = {
  alters: ['learningRate'],
  apply(chart) {
    const speed = fastest(chart);
    const optimizer = optimizerOf(chart.patient);
    // Such as divide by the gradient's size take steps of the rate's own size, whatever the first ones show.
    const usual = optimizer.name === 'sgd' ? 0 : ADAM_RATE / (rateOf(optimizer) ?? ADAM_RATE);
    const factor = speed === undefined || !(speed > 0) ? Math.max(10, usual) : between(3, Math.max(HEALTHY_SPEED / speed, usual), 1e4);
    return rated(chart, [factor, Math.max(3, factor / 10)]);
  },
};

/** Shares of a training up to which the rate is less than it will be, and what part of it there is till then. */
const RISES = [
  { until: 0.025, part: 0.1 },
  { until: 0.05, part: 0.3 },
] as const;
/** Shares of a training after which the rate falls, and what is left of it then: late enough for a trial to be the same without. */
const FALLS = [
  { after: 0.7, left: 0.3 },
  { after: 0.9, left: 0.1 },
] as const;
const STAIRS = 'piecewiseConstantDecay';

/** Rates one after the other, and the steps after which the next one begins. */
interface Stairs {
  readonly boundaries: readonly number[];
  readonly values: readonly number[];
}

const risesOf = (steps: number): number[] => RISES.map(({ until }) => Math.round(until * steps));

/** A rate as stairs of one, or the stairs up to it; undefined where it follows a schedule of the user's own. */
function stairsOf({ config }: Named, steps: number): Stairs | undefined {
  const rate = config.learningRate ?? 0.01;
  if (typeof rate === 'number') return { boundaries: [], values: [rate] };
  const { name, config: stairs } = rate as { readonly name?: string; readonly config?: Stairs };
  return name === STAIRS && stairs && String(stairs.boundaries) === String(risesOf(steps)) ? stairs : undefined;
}

function withStairs(patient: Patient, { boundaries, values }: Stairs): Patient {
  const optimizer = optimizerOf(patient);
  const learningRate = values.length === 1 ? values[0] : { name: STAIRS, config: { boundaries, values } };
  return withOptimizer(patient, { ...optimizer, config: { ...optimizer.config, learningRate } });
}

/** First steps, of what was just drawn, are the ones that go too far (Goyal et al. 2017, "Accurate, large minibatch SGD", section 2.2). */
export const warmUp: Method = {
  alters: ['learningRate'],
  apply({ patient, steps }) {
    const { learningRate: rate = 0.01 } = optimizerOf(patient).config;
    const boundaries = risesOf(steps);
    const [first = 0, second = 0] = boundaries;
    if (typeof rate !== 'number' || patient.stepsDone > 0 || first < 1 || second <= first) return [];
    const [least = rate, less = rate] = RISES.map(({ part }) => written(rate * part));
    return [
      {
        patient: withStairs(patient, { boundaries, values: [least, less, rate] }),
        what: `start with a learning rate of ${say(least)} up to step ${first}, and ${say(less)} up to step ${second}`,
      },
    ];
  },
};

/** Smaller steps towards the end take the noise of minibatches out of the weights (Robbins and Monro 1951; He et al. 2016, section 3.4). */
export const decayLearningRate: Method = {
  alters: ['learningRate'],
  apply({ patient, steps }) {
    const stairs = stairsOf(optimizerOf(patient), steps);
    const rate = stairs?.values.at(-1);
    const boundaries = FALLS.map(({ after }) => patient.stepsDone + Math.round(after * steps));
    if (!stairs || rate === undefined || (boundaries[0] ?? 0) <= patient.stepsDone || boundaries[0] === boundaries[1]) return [];
    const values = [...stairs.values, ...FALLS.map(({ left }) => written(rate * left))];
    const falls = FALLS.map(({ left }, i) => `to ${say(rate * left)} after step ${boundaries[i]}`);
    return [
      {
        patient: withStairs(patient, { boundaries: [...stairs.boundaries, ...boundaries], values }),
        what: `lower the learning rate ${falls.join(' and ')}`,
      },
    ];
  },
};

/** The patient with the rate that it had before `decayLearningRate`: what is changed next may change how many steps there are. */
export function withoutDecay(patient: Patient): Patient {
  const { name, config } = (optimizerOf(patient).config.learningRate ?? {}) as { readonly name?: string; readonly config?: Stairs };
  if (name !== STAIRS || !config) return patient;
  const { boundaries, values } = config;
  return withStairs(patient, { boundaries: boundaries.slice(0, -FALLS.length), values: values.slice(0, -FALLS.length) });
}

export const adaptiveOptimizer: Method = {
  alters: ['optimizer', 'learningRate'],
  supersedes: ['raise-learning-rate', 'lower-learning-rate', 'warm-up', 'clip-gradients', 'raise-clip'],
  apply({ patient }) {
    const given = optimizerOf(patient);
    const rate = rateOf(given) ?? ADAM_RATE;
    // Such as divide by the gradient's size do as well, at a rate of that order.
    if (given.name !== 'sgd' && rate > ADAM_RATE / 3.5 && rate < 3.5 * ADAM_RATE) return [];
    const { weightDecay } = given.config;
    const config = { learningRate: ADAM_RATE, ...(typeof weightDecay === 'number' ? { weightDecay } : {}) };
    // A new optimizer knows of no step before its first.
    return [
      {
        patient: { ...withOptimizer(patient, { name: 'adam', config }), stepsDone: 0 },
        what: `train with adam at ${ADAM_RATE} instead of ${given.name === 'adam' ? say(rate) : given.name}${isClipped(given.config) ? ', without clipping gradients' : ''}`,
      },
    ];
  },
};

function withoutClips({ name, config }: Named): Named {
  return { name, config: Object.fromEntries(Object.entries(config).filter(([key]) => !clipOptions.includes(key))) };
}

function withClip(patient: Patient, globalClipNorm: number): Patient {
  const optimizer = optimizerOf(patient);
  return withOptimizer(patient, { ...optimizer, config: { ...optimizer.config, globalClipNorm } });
}

/** A change by which gradients are clipped as well, where they are not. */
export function clipped({ patient, what }: Change, bound: number): Change {
  if (isClipped(optimizerOf(patient).config)) return { patient, what };
  return { patient: withClip(patient, bound), what: `${what}, with gradients clipped to a global norm of ${bound}` };
}

export const clipGradients: Method = {
  alters: ['optimizer'],
  apply({ patient, examination }) {
    if (isClipped(optimizerOf(patient).config)) return [];
    const norms = examination.trace.steps.flatMap(({ gradientNorm }) => value(gradientNorm) ?? []).filter(Number.isFinite);
    const typical = norms.length > 0 ? median(norms) : 1;
    const bound = rounded(between(0.1, typical, 1));
    return [{ patient: withClip(patient, bound), what: `clip gradients to a global norm of ${bound}` }];
  },
};

export const raiseClip: Method = {
  alters: ['optimizer'],
  apply({ patient }) {
    const optimizer = optimizerOf(patient);
    return isClipped(optimizer.config) ? [{ patient: withOptimizer(patient, withoutClips(optimizer)), what: 'stop clipping gradients' }] : [];
  },
};

export const largerBatch: Method = {
  alters: ['batchSize'],
  apply({ patient }) {
    const batchSize = Math.min(LARGEST_BATCH, Math.max(32, 4 * patient.batchSize));
    if (batchSize <= patient.batchSize) return [];
    return [{ patient: { ...patient, batchSize }, what: `use minibatches of ${batchSize} rows instead of ${patient.batchSize}` }];
  },
};
