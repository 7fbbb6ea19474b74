import type { NdArray } from '../core/ndarray.js';
import type { Loss } from '../losses.js';
import type { Signal } from '../network/layer.js';
import type { Layout, Network } from '../network/network.js';
import { RunningMeans } from '../training/history.js';
import { evaluationProgram, predictionProgram } from '../training/program.js';
import { logEntries } from '../training/step.js';
import { eachBatch, fed, INFERENCE_BATCH, joinRows, withRows } from './feeding.js';
import { typesOf } from './fit-data.js';
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

/** Losses and metrics of rows, without a step. @throws ArgumentError, DataError if stateful layers keep a state for other numbers of rows. */
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

/** What predicts, and from what. */
export interface PredictionParts extends Pick<BatchParts, 'programs' | 'state'> {
  readonly network: Network;
  readonly layout: Layout;
  readonly inputs: readonly NdArray[];
  /** As many as suit unless given. */
  readonly batchSize: number | undefined;
}

/** Every output of the network. @throws ArgumentError, DataError where stateful layers keep a state for other numbers of rows; ShapeError where an output has no axis of rows. */
export async function predictRows({ network, layout, programs, state, inputs, batchSize }: PredictionParts): Promise<NdArray[]> {
  if (batchSize !== undefined) checkBatches(network, inputs[0]?.shape[0] ?? 0, batchSize);
  const size = inferenceBatch(network, inputs, batchSize);
  const types = typesOf(inputs);
  const { session, program } = await programs.load('prediction', types, INFERENCE_BATCH, () => predictionProgram(network, types, layout));
  const parts: NdArray[][] = network.outputs.map(() => []);
  const names = parts.map((_, i) => `output_${i}`);
  const engine = await programs.engine(INFERENCE_BATCH);
  await eachBatch(engine, inputs, size, async (arrays, rows) => {
    const feeds = { ...fed({ inputs: types, targets: [], weights: [] }, arrays), ...(await state.feeds(engine, program.reads)) };
    const fetched = await runKeeping(session, program, state, feeds, names);
    parts.forEach((list, i) => {
      list.push(withRows(fetched[`output_${i}`] as NdArray, network.outputs[i] as Signal, rows));
    });
  });
  return parts.map(joinRows);
}
