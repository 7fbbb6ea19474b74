import { isFromTable } from '../../core/catalogue.js';
import type { NdArray } from '../../core/ndarray.js';
import { argMaxOf } from '../../data/dataset.js';
import { EPSILON } from '../../losses/loss.js';
import type { Loss } from '../../losses.js';

/** The class that is right, and the probability that was given to it; columns of decisions have shares of their own. */
interface Answer {
  readonly truth: number;
  readonly probability: number;
  readonly column: number;
}

const kept = (probability: number): number => Math.min(Math.max(probability, EPSILON), 1 - EPSILON);

/** The probability of one of some classes in a row, from their logits or from numbers that are made to sum to 1. */
function probabilityOf(output: NdArray, start: number, classes: number, truth: number, fromLogits: boolean): number {
  const values = Array.from({ length: classes }, (_, i) => output.at(start + i));
  const most = Math.max(...values);
  const parts = fromLogits ? values.map((one) => Math.exp(one - most)) : values;
  return (parts[truth] ?? 0) / parts.reduce((a, b) => a + b, 0);
}

function answersOf(output: NdArray, target: NdArray, { targets, config }: Loss): Answer[] {
  const fromLogits = config.fromLogits === true;
  const width = output.shape.at(-1) ?? 1;
  if (targets === 'binary' || width === 1) {
    return Array.from({ length: target.size }, (_, i) => {
      const truth = Number(target.at(i) > 0.5);
      const one = fromLogits ? 1 / (1 + Math.exp(-output.at(i))) : output.at(i);
      return { truth, probability: truth === 1 ? one : 1 - one, column: i % width };
    });
  }
  return Array.from({ length: output.size / width }, (_, row) => {
    const truth = targets === 'oneHot' ? argMaxOf(target, row * width, width) : target.at(row);
    return { truth, probability: probabilityOf(output, row * width, width, truth, fromLogits), column: 0 };
  });
}

/**
 * How much less the cross-entropy of what was given is than that of the classes' shares, as a part of it: 0 for the best constant answer, 1 where all that is right was sure.
 * Undefined where a loss takes no probabilities, and where there is one class alone.
 */
export function savedOf(output: NdArray, target: NdArray, loss: Loss, weigh: (place: number) => number): number | undefined {
  if (!isFromTable(loss) || !/crossentropy$/i.test(loss.name)) return undefined;
  const answers = answersOf(output, target, loss);
  const shares = new Map<number, Map<number, number>>();
  let given = 0;
  for (const [i, { truth, probability, column }] of answers.entries()) {
    const weight = weigh(i);
    const counts = shares.get(column) ?? new Map<number, number>();
    shares.set(column, counts.set(truth, (counts.get(truth) ?? 0) + weight));
    given -= weight * Math.log(kept(probability));
  }
  const constant = [...shares.values()].reduce((sum, counts) => {
    const all = [...counts.values()].reduce((a, b) => a + b, 0);
    return [...counts.values()].reduce((rest, count) => (count > 0 ? rest - count * Math.log(count / all) : rest), sum);
  }, 0);
  return constant > 0 ? 1 - given / constant : undefined;
}
