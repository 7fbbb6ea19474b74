import type { Named } from '../../../core/catalogue.js';

type Options = Named['config'];

/** Options of schedules that are rates. */
const rateOptions = ['initialLearningRate', 'endLearningRate', 'warmupTarget', 'maxLearningRate', 'values'];

/** As people write it: three digits. */
export const written = (value: number): number => Number(value.toPrecision(3));

const numbersOf = (value: unknown): number[] => [value].flat().filter((one) => typeof one === 'number');

/** Options of a schedule; undefined where the rate is a number. */
function scheduleOf({ config }: Named): Options | undefined {
  const rate = config.learningRate;
  return typeof rate === 'object' && rate !== null ? ((rate as { readonly config?: Options }).config ?? {}) : undefined;
}

/** Whether the rate follows a schedule. */
export const isScheduled = (optimizer: Named): boolean => scheduleOf(optimizer) !== undefined;

/** The learning rate, of a schedule the highest that it names; undefined where that is no number above 0, such as of a function. */
export function rateOf(optimizer: Named): number | undefined {
  const schedule = scheduleOf(optimizer);
  const rates = schedule ? rateOptions.flatMap((option) => numbersOf(schedule[option])) : numbersOf(optimizer.config.learningRate ?? 0.01);
  const highest = Math.max(...rates);
  return highest > 0 && Number.isFinite(highest) ? highest : undefined;
}

/** The optimizer with another rate; a schedule keeps its course, and all its rates change in the same proportion. */
export function withRate(optimizer: Named, rate: number): Named {
  const [schedule, before] = [scheduleOf(optimizer), rateOf(optimizer)];
  if (!schedule || before === undefined) return { ...optimizer, config: { ...optimizer.config, learningRate: rate } };
  const scaled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(scaled);
    return typeof value === 'number' ? Number(((value * rate) / before).toPrecision(6)) : value;
  };
  const config = Object.fromEntries(Object.entries(schedule).map(([key, value]) => [key, rateOptions.includes(key) ? scaled(value) : value]));
  return { ...optimizer, config: { ...optimizer.config, learningRate: { ...(optimizer.config.learningRate as Options), config } } };
}
