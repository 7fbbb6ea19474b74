import { countOf } from '../core/count.js';
import type { Model } from '../model/model.js';
import { rateAt } from '../schedules.js';
import type { Callback } from '../training/callbacks.js';
import { ITERATIONS } from '../training/step.js';
import { updatesBefore } from '../training/update.js';
import { automaticOptimizer, isAutomatic } from './default-model.js';
import { printNote } from './print.js';
import { compiledOptions } from './rebuild.js';

/** Learning rate of the step that comes after so many. */
function rateOf({ compiled: { optimizer } }: Model, step: number): number {
  return rateAt(optimizer.learningRate, updatesBefore(optimizer, step));
}

const isScheduled = ({ compiled }: Model): boolean => typeof compiled.optimizer.learningRate !== 'number';

/**
 * Gives a network that this command made a schedule over further steps, where its own is at its end: at a rate of 0 it would learn nothing. Weights, and what
 * the optimizer has gathered, stay: without it the first steps would throw the weights out.
 */
export async function renewSchedule(model: Model, steps: number): Promise<void> {
  if (!isScheduled(model) || !isAutomatic(model)) return;
  const state = await model.getState();
  const taken = state.get(ITERATIONS)?.at(0) ?? 0;
  if (rateOf(model, taken) > 0) return;
  model.compile({ ...compiledOptions(model), optimizer: automaticOptimizer(steps, taken) });
  await model.setState(state);
  printNote(
    `the model's learning rate had decayed to 0 in the ${countOf(taken, 'step')} it was trained for: the schedule starts again over the next ${steps}`,
  );
}

/** Says before a training which of its steps a schedule leaves without a rate. */
export function tellRestingSteps(model: Model): Callback {
  return {
    onTrainBegin({ step: first, steps: perEpoch, epochs }) {
      if (perEpoch === undefined || !isScheduled(model)) return;
      const end = first + epochs * perEpoch;
      let resting = end;
      while (resting > first && rateOf(model, resting - 1) === 0) resting -= 1;
      if (resting === end) return;
      const ways = '--lr sets a constant one';
      if (resting === first)
        printNote(`the learning rate schedule ended before step ${first + 1}: the rate is 0, and nothing will be learned; ${ways}`);
      else
        printNote(
          `the learning rate schedule ends after step ${resting}: in the last ${end - resting} of ${countOf(end - first, 'step')} the rate is 0, and nothing is learned; ${ways}`,
        );
    },
  };
}
