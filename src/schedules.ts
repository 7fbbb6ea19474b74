import {
  type Catalogue,
  describeEntry,
  flagOption,
  make,
  maker,
  type Named,
  numberOption,
  type Option,
  optionalNumber,
  resolve,
} from './core/catalogue.js';
import { countOf } from './core/count.js';
import { ArgumentError } from './core/errors.js';
import { isRecord } from './core/expect.js';

/** A learning rate that changes with the step, which counts updates: if gradients accumulate, one update takes several minibatches. `name` and `config` are stored in a saved model. */
export interface Schedule {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Learning rate of the update after `step` updates: 0 asks for the first one's. */
  rate(step: number): number;
}

/** A custom schedule. */
export type ScheduleFunction = (step: number) => number;

type Rate = Pick<Schedule, 'rate'>;

const kind = 'schedule';
const initialLearningRate = numberOption(0.01, { from: 0 });
const steps = (fallback: number): Option<number> => numberOption(fallback, { above: 0 });

function numbers(fallback: readonly number[], expected: string): Option<readonly number[]> {
  return {
    fallback,
    expected,
    accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite),
  };
}

/** Share of the way from 0 to `length`, kept within [0, 1]. */
const share = (step: number, length: number): number => (length > 0 ? Math.min(Math.max(step / length, 0), 1) : 1);

/** From 1 at the start to `alpha` at the end, along half a cosine. */
const cosine = (progress: number, alpha: number): number => (1 - alpha) * 0.5 * (1 + Math.cos(Math.PI * progress)) + alpha;

/** The schedules, by name; each entry creates one from its options. Rules and names are Keras 3's; one cycle's are Smith's. Steps are updates. */
export const schedules = {
  /** initial · decayRate^(step / decaySteps); `staircase` decays in discrete intervals. */
  exponentialDecay: maker(
    kind,
    'exponentialDecay',
    { initialLearningRate, decaySteps: steps(1000), decayRate: numberOption(0.96, { above: 0 }), staircase: flagOption(false) },
    (settings): Rate => ({
      rate: (step) => settings.initialLearningRate * settings.decayRate ** decays(step, settings),
    }),
  ),

  /** initial / (1 + decayRate · step / decaySteps). */
  inverseTimeDecay: maker(
    kind,
    'inverseTimeDecay',
    { initialLearningRate, decaySteps: steps(1000), decayRate: numberOption(0.5, { from: 0 }), staircase: flagOption(false) },
    (settings): Rate => ({
      rate: (step) => settings.initialLearningRate / (1 + settings.decayRate * decays(step, settings)),
    }),
  ),

  /** From the initial to the end rate along (1 − step / decaySteps)^power; `cycle` restarts over multiples of `decaySteps`. */
  polynomialDecay: maker(
    kind,
    'polynomialDecay',
    {
      initialLearningRate,
      decaySteps: steps(1000),
      endLearningRate: numberOption(0.0001, { from: 0 }),
      power: numberOption(1, { above: 0 }),
      cycle: flagOption(false),
    },
    ({ initialLearningRate: from, decaySteps, endLearningRate: to, power, cycle }): Rate => ({
      rate(step) {
        const length = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
        return (from - to) * (1 - share(step, length)) ** power + to;
      },
    }),
  ),

  /** `values[i]` up to and with step `boundaries[i]`, the last value beyond. */
  piecewiseConstantDecay: maker(
    kind,
    'piecewiseConstantDecay',
    { boundaries: numbers([1000], 'a list of steps, each larger than the one before'), values: numbers([0.01, 0.001], 'a list of learning rates') },
    ({ boundaries, values }): Rate => {
      const fall = boundaries.findIndex((step, i) => i > 0 && step <= Number(boundaries[i - 1]));
      if (fall >= 0) refuse('piecewiseConstantDecay', 'boundaries', boundaries, 'steps, each larger than the one before');
      if (values.length !== boundaries.length + 1) {
        refuse('piecewiseConstantDecay', 'values', values, `${countOf(boundaries.length + 1, 'learning rate')}, one more than there are boundaries`);
      }
      return {
        rate(step) {
          const at = boundaries.findIndex((boundary) => step <= boundary);
          return Number(values[at < 0 ? values.length - 1 : at]);
        },
      };
    },
  ),

  /**
   * Along half a cosine from the initial rate to `alpha` times it, over `decaySteps`; where `warmupTarget` is given, first in a line from the
   * initial rate to the target over `warmupSteps`, and down from there. Loshchilov and Hutter, "SGDR", 2017.
   */
  cosineDecay: maker(
    kind,
    'cosineDecay',
    {
      initialLearningRate,
      decaySteps: steps(1000),
      alpha: numberOption(0),
      warmupTarget: optionalNumber({ from: 0 }),
      warmupSteps: numberOption(0, { from: 0 }),
    },
    ({ initialLearningRate: from, decaySteps, alpha, warmupTarget, warmupSteps }): Rate => ({
      rate(step) {
        if (warmupTarget === undefined) return from * cosine(share(step, decaySteps), alpha);
        if (step < warmupSteps) return from + (warmupTarget - from) * (step / warmupSteps);
        return warmupTarget * cosine(share(step - warmupSteps, decaySteps), alpha);
      },
    }),
  ),

  /** Half cosines, each `tMul` times as long and `mMul` times as high as the one before; Loshchilov and Hutter, "SGDR", 2017. */
  cosineDecayRestarts: maker(
    kind,
    'cosineDecayRestarts',
    {
      initialLearningRate,
      firstDecaySteps: steps(1000),
      tMul: numberOption(2, { from: 1 }),
      mMul: numberOption(1, { above: 0 }),
      alpha: numberOption(0),
    },
    ({ initialLearningRate: from, firstDecaySteps, tMul, mMul, alpha }): Rate => ({
      rate(step) {
        const done = Math.max(0, step / firstDecaySteps);
        // Whole periods before this step: n periods last (tMul^n − 1) / (tMul − 1) first ones.
        const restarts = tMul === 1 ? Math.floor(done) : Math.floor(Math.log1p(done * (tMul - 1)) / Math.log(tMul) + 1e-12);
        const before = tMul === 1 ? restarts : (tMul ** restarts - 1) / (tMul - 1);
        return from * mMul ** restarts * cosine(share(done - before, tMul ** restarts), 0) * (1 - alpha) + from * alpha;
      },
    }),
  ),

  /**
   * Up along half a cosine from `maxLearningRate` / `divFactor` for a share `pctStart` of `totalSteps`, then down to that start divided by
   * `finalDivFactor`. Smith and Topin, "Super-convergence", 2018; defaults are PyTorch's.
   */
  oneCycle: maker(
    kind,
    'oneCycle',
    {
      maxLearningRate: numberOption(0.1, { above: 0 }),
      totalSteps: numberOption(1000, { above: 1 }),
      pctStart: numberOption(0.3, { above: 0, below: 1 }),
      divFactor: numberOption(25, { above: 0 }),
      finalDivFactor: numberOption(1e4, { above: 0 }),
    },
    ({ maxLearningRate: peak, totalSteps, pctStart, divFactor, finalDivFactor }): Rate => {
      const start = peak / divFactor;
      const top = pctStart * totalSteps - 1;
      const between = (from: number, to: number, progress: number): number => to + (from - to) * cosine(progress, 0);
      return {
        rate: (step) =>
          step <= top ? between(start, peak, share(step, top)) : between(peak, start / finalDivFactor, share(step - top, totalSteps - 1 - top)),
      };
    },
  ),
};

export type ScheduleName = keyof typeof schedules;

/** What users may pass where a learning rate may change, a number aside. */
export type ScheduleLike = ScheduleName | (string & {}) | Schedule | ScheduleFunction;

/** A learning rate: one number, a schedule, or a function from the number of updates so far to the rate. */
export type LearningRate = number | Schedule | ScheduleFunction;

function decays(step: number, { decaySteps, staircase }: { readonly decaySteps: number; readonly staircase: boolean }): number {
  return staircase ? Math.floor(step / decaySteps) : step / decaySteps;
}

function refuse(schedule: string, argument: string, received: unknown, expected: string): never {
  throw new ArgumentError(`schedule '${schedule}': ${argument} must be ${expected}, got ${JSON.stringify(received)}`, {
    argument,
    received,
    expected,
  });
}

const catalogue: Catalogue<Schedule> = {
  kind,
  table: schedules,
  holds: (value) => typeof (value as Partial<Schedule>).rate === 'function',
  fromFunction: (value, name) => fromFunction(value as ScheduleFunction, name),
};

function fromFunction(rate: ScheduleFunction, name: string): Schedule {
  return {
    name,
    config: {},
    rate(step) {
      return checkedRate(`schedule function '${name}'`, rate(step), step);
    },
  };
}

function checkedRate(owner: string, rate: unknown, step: number): number {
  if (typeof rate === 'number' && Number.isFinite(rate) && rate >= 0) return rate;
  throw new ArgumentError(`${owner} must return a finite number ≥ 0; it gave ${String(rate)} for step ${step}`, { argument: kind, received: rate });
}

/** @throws ArgumentError on an unknown name (with the nearest known ones) or on anything that is no schedule. */
export function resolveSchedule(value: ScheduleLike): Schedule {
  return resolve(catalogue, value);
}

const isNamed = (value: unknown): boolean => isRecord(value) && typeof value.name === 'string';

/** An option that takes a learning rate; a saved model keeps schedules as `{ name, config }`. */
export function learningRateOption(fallback: number): Option<number | Schedule, LearningRate> {
  const isNumber = numberOption(fallback, { from: 0 });
  return {
    fallback,
    expected: `${isNumber.expected}, a schedule or a function of the step`,
    accepts: (value) => isNumber.accepts(value) || typeof value === 'function' || isNamed(value),
    read(value) {
      if (typeof value === 'number') return value;
      const isDescription = typeof value === 'object' && !('rate' in value);
      return isDescription ? scheduleFromConfig((value as Named).name, (value as Named).config) : resolveSchedule(value);
    },
    describe: (value) => (typeof value === 'number' ? value : describeEntry(value)),
  };
}

/** The learning rate of the update after `step` others. @throws ArgumentError where a schedule gives what is none. */
export function rateAt(rate: number | Schedule, step: number): number {
  return typeof rate === 'number' ? rate : checkedRate(`schedule '${rate.name}'`, rate.rate(step), step);
}

/** The schedule of that name and options, as a saved model keeps them. @throws ArgumentError on an unknown name or option. */
export function scheduleFromConfig(name: string, config: Readonly<Record<string, unknown>>): Schedule {
  return make(catalogue, name, config);
}
