import { NdArray } from '../core/ndarray.js';
import { SINGLE } from '../network/network.js';
import type { Resident } from '../runtime/index.js';
import { rateAt } from '../schedules.js';
import { type Logs, WATCHED } from '../training/callbacks.js';
import { RunningMeans } from '../training/history.js';
import { gradientProgram, nextName } from '../training/program.js';
import { measured } from '../training/recording.js';
import { ITERATIONS, logEntries, type StepSpec } from '../training/step.js';
import { updatesBefore } from '../training/update.js';
import { Watch } from '../training/watch.js';
import type { StepRecord, Trace } from '../vitals/trace.js';
import { batchCurvature, isTrained, soonRows, spread } from './curvature.js';
import { fed } from './feeding.js';
import { type BatchParts, fetchedOf, rowsIn, typesOf } from './minibatch.js';
import { traceHeader } from './trace-header.js';
import { arraysOf } from './weights.js';

/** Loss and metrics of a minibatch, and the gradient of every trainable array by name. */
export interface BatchGradients {
  readonly logs: Logs;
  readonly gradients: ReadonlyMap<string, NdArray>;
}

/** Loss, metrics and the gradient of every trainable array, in training mode. */
export async function batchGradients(parts: BatchParts): Promise<BatchGradients> {
  const spec = { ...parts.spec, layout: SINGLE };
  const { session, program } = await parts.programs.load('gradients', typesOf(spec), rowsIn(parts.checked), () => gradientProgram(spec));
  const trained = spec.network.variables.filter((variable) => variable.trainable).map(({ name }) => name);
  const fetched = await fetchedOf(session, { ...parts, spec, program }, ['logs', ...trained.map((_, i) => `gradient_${i}`)]);
  const means = new RunningMeans(logEntries(spec));
  means.add((fetched.logs as NdArray).data as ArrayLike<number>, 0, rowsIn(parts.checked));
  return { logs: means.logs(), gradients: new Map(trained.map((name, i) => [name, fetched[`gradient_${i}`] as NdArray])) };
}

export interface ExamineOptions {
  /**
   * Whether the largest eigenvalue of the loss's Hessian is measured too, or on how many of the rows; default where the optimizer's steps have a bound that follows from it
   * and at most 64 layers have weights, on as many rows as take some seconds.
   */
  readonly sharpness?: boolean | number;
}

async function sharpnessOf(parts: BatchParts): Promise<Pick<StepRecord, 'sharpness' | 'stableRate'>> {
  const { sharpness, stableRate } = await batchCurvature(parts);
  return { sharpness: measured(sharpness), ...(stableRate === undefined ? {} : { stableRate }) };
}

/** Everything that vital signs tell of one step, which is taken and thrown away: a trace of one record, and what became of the units in its rows. */
export async function examineBatch(
  parts: BatchParts,
  {
    sharpness = parts.spec.optimizer.stableProduct !== undefined && isTrained(parts) && soonRows(parts.spec.network, rowsIn(parts.checked)),
  }: ExamineOptions = {},
): Promise<Trace> {
  const { model, spec: given, programs, state, checked } = parts;
  // The program of a training that is watched, which often comes next.
  const spec: StepSpec = { ...given, vitals: WATCHED };
  const vitals = { ...WATCHED, every: 1, spaced: false };
  const rows = rowsIn(checked);
  const engine = await programs.engine(rows);
  const { session, program } = await programs.training(spec, rows);
  const [counter] = await state.read([ITERATIONS]);
  const step = counter?.at(0) ?? 0;
  const opened = { sample: checked };
  const header = traceHeader({ model, spec, vitals, layout: program.vitals, engine, opened, batchSize: rows, epochs: 1 });
  const watch = (await Watch.open(engine, program, spec, state, header, step)) as Watch;
  try {
    const learningRate = rateAt(spec.optimizer.learningRate, updatesBefore(spec.optimizer, step));
    const rates = NdArray.zeros([1], spec.network.dtype);
    rates.set(0, learningRate);
    const chunked = Object.fromEntries(
      Object.entries(fed(spec, arraysOf(checked))).map(([name, array]) => [name, array.reshape([1, ...array.shape])]),
    );
    const feeds = { ...chunked, learning_rate: rates, ...(await state.feeds(engine, program.reads)), ...watch.feeds(step, 1) };
    const writes = program.writes.map((name) => [nextName(name), 'keep'] as const);
    const result = await session.run(feeds, { logs: 'fetch', finite: 'fetch', ...Object.fromEntries(writes), ...watch.plan });
    const stepped = Object.fromEntries(program.writes.map((name) => [name, result.kept[nextName(name)] as Resident]));
    const after = await session.run({ ...feeds, ...stepped }, { logs: 'fetch' }).finally(() => engine.free(Object.values(stepped)));
    watch.take(result, { firstStep: step, epoch: 0, learningRates: [learningRate] });
    const more = {
      lossAfter: measured(after.fetched.logs?.at(0)),
      ...(sharpness ? await sharpnessOf(sharpness === true ? parts : spread(parts, sharpness)) : {}),
    };
    const records = [
      ...watch.steps().map((record) => ({ ...record, ...more, step })),
      ...(await watch.endPass(0, step + 1)).map((record) => ({ ...record, step })),
    ];
    for (const record of records) watch.trace.add(record);
    return watch.trace;
  } finally {
    watch.close();
  }
}
