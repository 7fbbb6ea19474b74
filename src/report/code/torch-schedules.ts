import { isDescribed } from '../../layers/registry.js';
import { type ScheduleName, scheduleFromConfig } from '../../schedules.js';
import { isOwn, ofOwn } from './calls.js';
import { noted } from './python.js';

type Options = Readonly<Record<string, unknown>>;

/** A schedule as a function of the step in Python: its rates as shares of one, which the optimizer is made with. */
interface Shares {
  readonly of: number;
  readonly share: string;
  readonly lines?: readonly string[];
}

const fixed = (value: number): string => String(Number(value.toPrecision(12)));

/** From one share to another, as `way` goes from 1 to 0. */
const between = (from: number, to: number, way: string): string => (to === 0 ? times(from, way) : `${times(from - to, way)} + ${fixed(to)}`);
const times = (factor: number, value: string): string => (factor === 1 ? value : `${fixed(factor)} * ${value}`);

/** The first rate that is not 0, or 1: shares of 0 are nothing. */
const someOf = (...rates: readonly number[]): number => rates.find((rate) => rate > 0) ?? 1;

/** Steps in decays, whole ones where they fall like stairs. */
const decays = ({ decaySteps, staircase }: Options): string => `(step ${staircase === true ? '//' : '/'} ${decaySteps})`;

const schedules: Readonly<Record<ScheduleName, (options: Options) => Shares>> = {
  exponentialDecay: ({ initialLearningRate, decayRate, ...options }) => ({
    of: Number(initialLearningRate),
    share: `${decayRate} ** ${decays(options)}`,
  }),
  inverseTimeDecay: ({ initialLearningRate, decayRate, ...options }) => ({
    of: Number(initialLearningRate),
    share: `1 / (1 + ${decayRate} * ${decays(options)})`,
  }),
  polynomialDecay({ initialLearningRate, endLearningRate, decaySteps, power, cycle }) {
    const [from, to] = [Number(initialLearningRate), Number(endLearningRate)];
    const of = someOf(from);
    // Whole numbers of cycles, rounded up.
    const gone = cycle === true ? `step / (${decaySteps} * max(1, -(-step // ${decaySteps})))` : `min(step / ${decaySteps}, 1)`;
    return { of, share: between(from / of, to / of, power === 1 ? `(1 - ${gone})` : `(1 - ${gone}) ** ${power}`) };
  },
  piecewiseConstantDecay({ boundaries, values }) {
    const list = (numbers: readonly number[]): string => `[${numbers.map(fixed).join(', ')}]`;
    const [bounds, rates] = [boundaries as readonly number[], values as readonly number[]];
    const of = rates[0] === 0 ? 1 : Number(rates[0]);
    return {
      of,
      share: `shares[sum(step > bound for bound in ${list(bounds)})]`,
      lines: [`shares = ${list(rates.map((rate) => rate / of))}`],
    };
  },
  cosineDecay({ initialLearningRate, warmupTarget, warmupSteps, decaySteps, alpha }) {
    const [from, least] = [Number(initialLearningRate), Number(alpha)];
    if (warmupTarget === undefined) return { of: from, share: between(1, least, `half_cosine(step / ${decaySteps})`) };
    const of = someOf(from, Number(warmupTarget));
    const [start, top] = [from / of, Number(warmupTarget) / of];
    if (warmupSteps === 0) return { of, share: between(top, top * least, `half_cosine(step / ${decaySteps})`) };
    const up = between(top, start, `step / ${warmupSteps}`);
    const down = between(top, top * least, `half_cosine((step - ${warmupSteps}) / ${decaySteps})`);
    return { of, share: `${up} if step < ${warmupSteps} else ${down}` };
  },
  cosineDecayRestarts: ({ initialLearningRate, firstDecaySteps, tMul, mMul, alpha }) => ({
    of: Number(initialLearningRate),
    share: between(1, Number(alpha), `restarting(step / ${firstDecaySteps}, ${tMul}, ${mMul})`),
  }),
  oneCycle({ maxLearningRate, totalSteps, pctStart, divFactor, finalDivFactor }) {
    const [total, start] = [Number(totalSteps), 1 / Number(divFactor)];
    const top = Number(pctStart) * total - 1;
    const up = between(start, 1, `half_cosine(step / ${fixed(top)})`);
    const down = between(1, start / Number(finalDivFactor), `half_cosine((step - ${fixed(top)}) / ${fixed(total - 1 - top)})`);
    // A rise of one step, or of none, begins at the top.
    return { of: Number(maxLearningRate), share: top > 0 ? `${up} if step <= ${fixed(top)} else ${down}` : down };
  },
};

/** What a schedule of ours is in Python. */
function sharesOf({ name, config = {} }: { readonly name: string; readonly config?: Options }): Shares {
  const schedule = scheduleFromConfig(name, config);
  return schedules[schedule.name as ScheduleName](schedule.config);
}

/** The rate that the optimizer is made with: 1 where a schedule is the user's own. */
export function baseRate(rate: unknown): number {
  if (!isDescribed(rate)) return typeof rate === 'number' ? rate : 0.01;
  return isOwn(rate) ? 1 : sharesOf(rate).of;
}

const scheduled = (share: string): string => `schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, ${share})`;
const afterStep = '# after each step: schedule.step()';

/** How the rate goes on, where it is no number. */
export function scheduleLines(rate: unknown): string[] {
  if (!isDescribed(rate)) return [];
  if (isOwn(rate)) return [noted(scheduled(rate.name), [ofOwn(rate.name, 'PyTorch')]), afterStep];
  const { lines = [], share } = sharesOf(rate);
  return [...lines, scheduled(`lambda step: ${share}`), afterStep];
}
