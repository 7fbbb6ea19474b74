import type { NdArray } from '../core/ndarray.js';
import type { Loss } from '../losses.js';
import type { Network } from '../network/network.js';
import { RunningMeans } from '../training/history.js';
import { evaluationProgram } from '../training/program.js';
import { logEntries } from '../training/step.js';
import { eachBatch, fed, INFERENCE_BATCH } from './feeding.js';
import type { BatchParts } from './minibatch.js';
import { checkBatches, inferenceBatch, runKeeping } from './stateful.js';
import { arraysOf } from './weights.js';

/** Whether the loss of a row depends on the rows that are computed with it: then training and validation compare at one batch size alone. */
export function dependsOnBatch({ layers }: Network, losses: readonly Loss[]): boolean {
  return layers.some(({ addsLoss }) => addsLoss) || losses.some(({ batchwise }) => batchwise === true);
}

/** What is computed, where, and how many rows at a time. */
export interface EvaluationParts extends Pick<BatchParts, 'spec' | 'programs' | 'state' | 'checked'> {
  /** As many as suit unless given. */
  readonly batchSize: number | undefined;
  /** Whether what is added to the loss is told too. */
  readonly penalized: boolean;
}

/** Losses and metrics of rows, without a step. @throws ArgumentError, DataError where stateful layers keep a state for other numbers of rows. */
export async function evaluateRows({ spec, programs, state, checked, batchSize, penalized }: EvaluationParts): Promise<RunningMeans> {
  const { network, inputs, targets, weights } = spec;
  if (batchSize !== undefined) checkBatches(network, checked.inputs[0]?.shape[0] ?? 0, batchSize);
  const size = inferenceBatch(network, checked.inputs, batchSize);
  const { session, program } = await programs.load('evaluation', [inputs, targets, weights, penalized], INFERENCE_BATCH, () =>
    evaluationProgram(spec, penalized),
  );
  const means = new RunningMeans(logEntries(spec), penalized);
  const engine = await programs.engine(INFERENCE_BATCH);
  await eachBatch(engine, arraysOf(checked), size, async (arrays, rows) => {
    const feeds = { ...fed(spec, arrays), ...(await state.feeds(engine, program.reads)) };
    const fetched = await runKeeping(session, program, state, feeds, ['logs']);
    means.add((fetched.logs as NdArray).data as ArrayLike<number>, 0, rows);
  });
  return means;
}
