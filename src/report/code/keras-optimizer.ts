import { type Call, isCall } from './calls.js';

/** An optimizer as Keras has it, with what has to be said of it. */
export interface KerasOptimizer {
  readonly value: unknown;
  readonly notes: readonly string[];
}

/** Lengths that Keras's schedules count in minibatches. */
const lengths: ReadonlySet<string> = new Set(['decaySteps', 'firstDecaySteps', 'warmupSteps']);

const optionOf = ({ options }: Call, name: string): unknown => options.find(([key]) => key === name)?.[1];

/** Its schedule counts minibatches in Keras, where several may make an update. @param constrained whether weights have constraints. */
export function kerasOptimizer(optimizer: unknown, constrained: boolean): KerasOptimizer {
  if (!isCall(optimizer)) return { value: optimizer, notes: [] };
  const each = Number(optionOf(optimizer, 'gradientAccumulationSteps') ?? 1);
  const averages = optionOf(optimizer, 'useEma') === true;
  const rate = optionOf(optimizer, 'learningRate');
  const scheduled = each > 1 && typeof rate === 'object';
  const options = optimizer.options.map(
    ([key, value]) => [key, key === 'learningRate' && isCall(value) ? inMinibatches(value, each) : value] as const,
  );
  return {
    value: { ...optimizer, options },
    notes: [
      ...(scheduled
        ? [`Keras's schedules count minibatches, ${each} of which make an update${runsAhead(rate) ? ': rates run ahead by part of an update' : ''}`]
        : []),
      ...(averages && each > 1 ? [`Keras averages weights after every minibatch, not after every update of ${each}`] : []),
      ...(averages && constrained ? ['Keras averages weights before their constraints, not behind'] : []),
    ],
  };
}

/** Whether a rate changes from one minibatch of an update to the next. */
const runsAhead = (rate: unknown): boolean => isCall(rate) && rate.name !== 'piecewiseConstantDecay' && optionOf(rate, 'staircase') !== true;

/** An update of `each` minibatches is made with the last of them: a boundary that update n is within is one of minibatch n · each + each − 1. */
function inMinibatches(schedule: Call, each: number): Call {
  const options = schedule.options.map(([key, value]) => {
    if (lengths.has(key)) return [key, Number(value) * each] as const;
    return [key, key === 'boundaries' && Array.isArray(value) ? value.map((bound) => (Number(bound) + 1) * each - 1) : value] as const;
  });
  return { ...schedule, options };
}
