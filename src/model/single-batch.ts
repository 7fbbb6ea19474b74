import { NdArray } from '../core/ndarray.js';
import { SINGLE } from '../network/network.js';
import type { Resident, Session } from '../runtime/index.js';
import { rateAt } from '../schedules.js';
import { extremeEigenvalues } from '../theory/tridiagonal.js';
import { type Logs, WATCHED } from '../training/callbacks.js';
import { curvatureProgram } from '../training/curvature.js';
import { RunningMeans } from '../training/history.js';
import { gradientProgram, nextName, type Program } from '../training/program.js';
import { measured } from '../training/recording.js';
import type { State } from '../training/state.js';
import { ITERATIONS, logEntries, type StepSpec } from '../training/step.js';
import { updatesBefore } from '../training/update.js';
import { Watch } from '../training/watch.js';
import type { StepRecord, Trace } from '../vitals/trace.js';
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

const rowsIn = ({ inputs }: Checked): number => inputs[0]?.shape[0] ?? 1;

/** Loss, metrics and the gradient of every trainable array, in training mode. */
export async function batchGradients(parts: BatchParts): Promise<{
  readonly logs: Logs;
  readonly gradients: ReadonlyMap<string, NdArray>;
}> {
  const spec = { ...parts.spec, layout: SINGLE };
  const { session, program } = await parts.programs.load('gradients', typesOf(spec), rowsIn(parts.checked), () => gradientProgram(spec));
  const trained = spec.network.variables.filter((variable) => variable.trainable).map(({ name }) => name);
  const fetched = await fetchedOf(session, { ...parts, spec, program }, ['logs', ...trained.map((_, i) => `gradient_${i}`)]);
  const means = new RunningMeans(logEntries(spec));
  means.add((fetched.logs as NdArray).data as ArrayLike<number>, 0, rowsIn(parts.checked));
  return { logs: means.logs(), gradients: new Map(trained.map((name, i) => [name, fetched[`gradient_${i}`] as NdArray])) };
}

/** What programs of one batch are known by. */
const typesOf = ({ inputs, targets, weights }: StepSpec): unknown[] => [inputs, targets, weights];

const numbersOf = (array: NdArray | undefined): number[] => Array.from(array?.cast('float64').data ?? [], Number);

/** What a program without a step gives for the minibatch. */
async function fetchedOf(session: Session, { spec, program, state, checked }: BatchParts & { readonly program: Program }, names: readonly string[]) {
  const values = await state.read(program.reads);
  const kept = Object.fromEntries(program.reads.map((name, i) => [name, values[i] as NdArray]));
  const plan = Object.fromEntries(names.map((name) => [name, 'fetch' as const]));
  const { fetched } = await session.run({ ...fed(spec, arraysOf(checked)), ...kept }, plan);
  return fetched;
}

export interface CurvatureOptions {
  readonly steps?: number;
}

export interface ExamineOptions {
  readonly sharpness?: boolean;
}

/** How a loss bends along the directions in which weights can move. */
export interface Curvature {
  /** Largest eigenvalue of the Hessian, λ_max. */
  readonly sharpness: number;
  /** Least eigenvalue, below 0 where the loss bends downwards. */
  readonly least: number;
  /** Whether the last quarter of the iteration changed the sharpness by less than 1 %. */
  readonly settled: boolean;
  /** Learning rate above which the compiled optimizer's steps along the sharpest direction grow; undefined where it divides gradients by their size, and where the loss bends upwards nowhere. */
  readonly stableRate: number | undefined;
}

/** Steps of the iteration, which mostly settle the sharpness. */
const CURVATURE_STEPS = 20;
/** Part of the largest entry below which the length of what is left is rounding error: the directions have run out. */
const EXHAUSTED = 1e-6;
/** By what part the last quarter of the iteration may change what is settled. */
const SETTLED = 0.01;

/** The extreme eigenvalues of the Hessian on one minibatch, in training mode. */
export async function batchCurvature(parts: BatchParts, { steps = CURVATURE_STEPS }: CurvatureOptions = {}): Promise<Curvature> {
  const spec = { ...parts.spec, layout: SINGLE };
  const { session, program } = await parts.programs.load('curvature', [...typesOf(spec), steps], rowsIn(parts.checked), () =>
    curvatureProgram(spec, steps),
  );
  const { diagonal, beside } = await fetchedOf(session, { ...parts, spec, program }, ['diagonal', 'beside']);
  const [entries, links] = [numbersOf(diagonal), numbersOf(beside)];
  const scale = Math.max(...entries.map(Math.abs));
  const end = links.findIndex((link) => link <= EXHAUSTED * scale);
  const size = end < 0 ? steps : end + 1;
  const after = (count: number) => extremeEigenvalues({ diagonal: entries.slice(0, count), beside: links.slice(0, count - 1) });
  const { least, largest: sharpness } = after(size);
  const earlier = after(Math.ceil(0.75 * size)).largest;
  const { stableProduct } = spec.optimizer;
  return {
    sharpness,
    least,
    settled: end >= 0 || Math.abs(sharpness - earlier) <= SETTLED * Math.abs(sharpness),
    stableRate: stableProduct !== undefined && sharpness > 0 ? stableProduct / sharpness : undefined,
  };
}

async function sharpnessOf(parts: BatchParts): Promise<Pick<StepRecord, 'sharpness' | 'stableRate'>> {
  const { sharpness, stableRate } = await batchCurvature(parts);
  return { sharpness: measured(sharpness), ...(stableRate === undefined ? {} : { stableRate }) };
}

/** Everything that vital signs tell of one step, which is taken and thrown away: a trace of one record, and what became of the units in its rows. */
export async function examineBatch(
  parts: BatchParts,
  { sharpness = parts.spec.optimizer.stableProduct !== undefined }: ExamineOptions = {},
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
    const stepped = Object.fromEntries(program.writes.map((name) => [name, result.kept[nextName(name)] as Resident]));
    const after = await session.run({ ...feeds, ...stepped }, { logs: 'fetch' });
    watch.take(result, { firstStep: step, epoch: 0, learningRates: [learningRate] });
    engine.free(writes.flatMap(([name]) => result.kept[name] ?? []));
    const more = { lossAfter: measured(after.fetched.logs?.at(0)), ...(sharpness ? await sharpnessOf(parts) : {}) };
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
