import { NdArray } from '../core/ndarray.js';
import { SINGLE } from '../network/network.js';
import type { Engine } from '../runtime/index.js';
import { rateAt } from '../schedules.js';
import { extremeEigenvalues } from '../theory/tridiagonal.js';
import { type Logs, WATCHED } from '../training/callbacks.js';
import { curvatureProgram } from '../training/curvature.js';
import { RunningMeans } from '../training/history.js';
import { gradientProgram, nextName } from '../training/program.js';
import type { State } from '../training/state.js';
import { ITERATIONS, logEntries, type StepSpec } from '../training/step.js';
import { updatesBefore } from '../training/update.js';
import { Watch } from '../training/watch.js';
import type { Trace } from '../vitals/trace.js';
import { fed } from './feeding.js';
import type { Programs } from './programs.js';
import { traceHeader } from './trace-header.js';
import { arraysOf, type Checked } from './weights.js';

/** What works on one minibatch without a step. */
export interface BatchParts {
  readonly model: string;
  readonly spec: StepSpec;
  readonly programs: Programs;
  readonly state: State;
  readonly checked: Checked;
}

/** Part of the largest entry below which the length of what is left is rounding error. */
const EXHAUSTED = 1e-6;

const rowsIn = ({ inputs }: Checked): number => inputs[0]?.shape[0] ?? 1;

/** Loss, metrics and the gradient of every trainable array, in training mode. */
export async function batchGradients({ spec: given, programs, state, checked }: BatchParts): Promise<{
  readonly logs: Logs;
  readonly gradients: ReadonlyMap<string, NdArray>;
}> {
  const spec = { ...given, layout: SINGLE };
  const { session, program } = await programs.load('gradients', [spec.inputs, spec.targets, spec.weights], rowsIn(checked), () =>
    gradientProgram(spec),
  );
  const values = await state.read(program.reads);
  const kept = Object.fromEntries(program.reads.map((name, i) => [name, values[i] as NdArray]));
  const trained = spec.network.variables.filter((variable) => variable.trainable).map(({ name }) => name);
  const plan = { logs: 'fetch', ...Object.fromEntries(trained.map((_, i) => [`gradient_${i}`, 'fetch'] as const)) } as const;
  const { fetched } = await session.run({ ...fed(spec, arraysOf(checked)), ...kept }, plan);
  const means = new RunningMeans(logEntries(spec));
  means.add((fetched.logs as NdArray).data as ArrayLike<number>, 0, rowsIn(checked));
  return { logs: means.logs(), gradients: new Map(trained.map((name, i) => [name, fetched[`gradient_${i}`] as NdArray])) };
}

/** How strongly a loss bends, over all directions of the weights. */
export interface Curvature {
  /** Largest eigenvalue of the Hessian, λ_max: the sharpness. */
  readonly largest: number;
  /** Least one; below 0 where the loss bends downwards. */
  readonly least: number;
  /** Whether the last quarter of the steps changed `largest` by less than 1 %. */
  readonly settled: boolean;
}

/** The Hessian's extreme eigenvalues on one minibatch, after so many steps of Lanczos's iteration. */
export async function batchCurvature({ spec: given, programs, state, checked }: BatchParts, steps: number): Promise<Curvature> {
  const spec = { ...given, layout: SINGLE };
  const key = [spec.inputs, spec.targets, spec.weights, steps];
  const { session, program } = await programs.load('curvature', key, rowsIn(checked), () => curvatureProgram(spec, steps));
  const values = await state.read(program.reads);
  const kept = Object.fromEntries(program.reads.map((name, i) => [name, values[i] as NdArray]));
  const { fetched } = await session.run({ ...fed(spec, arraysOf(checked)), ...kept }, { diagonal: 'fetch', beside: 'fetch' });
  const numbers = (name: string): number[] => Array.from((fetched[name] as NdArray).data as ArrayLike<number>);
  const [diagonal, beside] = [numbers('diagonal'), numbers('beside')];
  // Where directions run out, what follows is of no matrix.
  const scale = Math.max(...diagonal.map(Math.abs));
  const end = beside.findIndex((link) => link <= EXHAUSTED * scale);
  const size = end < 0 ? steps : end + 1;
  const after = (count: number) => extremeEigenvalues({ diagonal: diagonal.slice(0, count), beside: beside.slice(0, count - 1) });
  const { least, largest } = after(size);
  const earlier = after(Math.ceil(0.75 * size)).largest;
  return { largest, least, settled: size < steps || Math.abs(largest - earlier) <= 0.01 * Math.abs(largest) };
}

/** Everything that vital signs tell of one step, which is taken and thrown away: a trace of one record, and what became of the units in its rows. */
export async function examineBatch({ model, spec: given, programs, state, checked }: BatchParts, engine: Engine): Promise<Trace> {
  // The program of a training that is watched, which often comes next.
  const spec: StepSpec = { ...given, vitals: WATCHED };
  const vitals = { ...WATCHED, every: 1, spaced: false };
  const rows = rowsIn(checked);
  const { session, program } = await programs.training(spec, rows);
  const [counter] = await state.read([ITERATIONS]);
  const step = counter?.at(0) ?? 0;
  const opened = { sample: checked.inputs, sampleTargets: checked.targets };
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
    watch.take(result, { firstStep: step, epoch: 0, learningRates: [learningRate] });
    engine.free(writes.flatMap(([name]) => result.kept[name] ?? []));
    const records = [
      ...watch.steps().map((record) => ({ ...record, step })),
      ...(await watch.endPass(0, step + 1)).map((record) => ({ ...record, step })),
    ];
    for (const record of records) watch.trace.add(record);
    return watch.trace;
  } finally {
    watch.close();
  }
}
