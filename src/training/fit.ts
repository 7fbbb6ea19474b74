import { AbortError, ArgumentError, DataError, NonFiniteError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import type { Engine, Resident, Session } from '../runtime/index.js';
import { rateAt, type Schedule } from '../schedules.js';
import type { TraceHeader, TraceRecord } from '../vitals/trace.js';
import { stopped, unlessAborted } from './abort.js';
import { type BatchSource, type Chunk, ChunkBuffers } from './batches.js';
import { type Callback, type KeptWeights, type Logs, periodOf, stepsUntilCallback, type TrainingControl } from './callbacks.js';
import { History, RunningMeans } from './history.js';
import { nextName, type Program } from './program.js';
import { locateNonFinite, type NonFinitePlace } from './replay.js';
import type { State } from './state.js';
import { feedNames, logEntries, networkEntries, type StepSpec } from './step.js';
import { updatesBefore } from './update.js';
import { Watch } from './watch.js';

/** Milliseconds that one engine call should take: long enough to drown its overhead, short enough to stop and report in time. */
const CHUNK_MILLISECONDS = 150;
/** Steps of the first call, before the speed is known. */
const FIRST_CHUNK = 4;

export interface FitRun {
  readonly engine: Engine;
  readonly session: Session;
  readonly program: Program;
  readonly spec: StepSpec;
  readonly state: State;
  readonly source: BatchSource;
  readonly epochs: number;
  readonly initialEpoch: number;
  /** Optimizer steps taken before this fit. */
  readonly iterations: number;
  readonly learningRate: number | Schedule;
  readonly callbacks: readonly Callback[];
  readonly validate: (() => Promise<RunningMeans>) | undefined;
  /** Most steps per engine call; unlimited unless given. */
  readonly maxChunk: number;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds since some origin. */
  readonly clock: () => number;
  /** Saves the model as it is. */
  readonly save: (path: string) => Promise<void>;
  /** What remains to be done after the last step, before callbacks hear of the end. */
  readonly settle?: () => Promise<void>;
  /** The first line of the trace, where the program measures vital signs. */
  readonly header?: () => Promise<TraceHeader>;
}

/** Trains: epochs of chunks of steps. Where chunks begin and end changes no result. @throws NonFiniteError, DataError, AbortError */
export async function runFit(run: FitRun): Promise<History> {
  const kept = new Set<KeptWeights>();
  const watch = run.header && (await Watch.open(run.engine, run.program, run.spec, run.state, await run.header(), run.iterations));
  try {
    return await runEpochs(run, watch, () => {
      const names = networkEntries(run.spec.network, run.spec.layout).map(({ name }) => name);
      const weights = run.state.keep(names);
      kept.add(weights);
      return weights;
    });
  } finally {
    for (const weights of kept) weights.release();
    watch?.close();
  }
}

/** Where a fit stands; callbacks change some of it through their control. */
interface Progress {
  /** Steps done, those before this fit included. */
  step: number;
  rate: number | Schedule;
  logs: Logs;
  /** What callbacks report; the logs of an epoch that ends, themselves. */
  reported: Record<string, number>;
  stop: boolean;
}

type Control = { -readonly [K in keyof TrainingControl]: TrainingControl[K] };

/** A fit with what all its epochs share. */
interface Fitting {
  readonly run: FitRun;
  readonly watch: Watch | undefined;
  readonly history: History;
  readonly progress: Progress;
  readonly control: Control;
  readonly buffers: ChunkBuffers;
  readonly pace: Pace;
  /** Whether a callback hears of every record. */
  readonly heard: boolean;
}

async function runEpochs(run: FitRun, watch: Watch | undefined, keepWeights: () => KeptWeights): Promise<History> {
  const history = new History();
  history.trace = watch?.trace;
  const began = run.clock();
  const progress: Progress = { step: run.iterations, rate: run.learningRate, logs: {}, reported: {}, stop: false };
  const control = controlOf(run, watch, keepWeights, progress);
  const buffers = new ChunkBuffers((bytes) => run.engine.allocate(bytes));
  const heard = run.callbacks.some(({ onRecord }) => onRecord);
  const fitting: Fitting = { run, watch, history, progress, control, buffers, pace: new Pace(), heard };
  const entries = logEntries(run.spec);
  for (const callback of run.callbacks) await callback.onTrainBegin?.(control);
  if (watch) for (const callback of run.callbacks) await callback.onTraceBegin?.(watch.trace.header, control);
  for (let index = run.initialEpoch; index < run.epochs && !progress.stop; index++) {
    control.epoch = index;
    for (const callback of run.callbacks) await callback.onEpochBegin?.(index, control);
    if (progress.stop) break;
    const means = new RunningMeans(entries, run.program.vitals?.penalized);
    if (!(await trainEpoch(fitting, index, means))) break;
    await endEpoch(fitting, index, means);
  }
  history.steps = progress.step - run.iterations;
  history.seconds = (run.clock() - began) / 1000;
  if (watch) await record(fitting, [{ kind: 'end', steps: history.steps, seconds: history.seconds }]);
  await run.settle?.();
  for (const callback of run.callbacks) await callback.onTrainEnd?.(progress.logs, control);
  return history;
}

/** What callbacks see of a fit, and steer it by. */
function controlOf(run: FitRun, watch: Watch | undefined, keepWeights: () => KeptWeights, progress: Progress): Control {
  return {
    get learningRate() {
      return rateIn(run, progress, progress.step);
    },
    set learningRate(value) {
      checkNumber('learningRate', value, 'a finite number ≥ 0', Number.isFinite(value) && value >= 0);
      progress.rate = value;
    },
    step: progress.step,
    epoch: run.initialEpoch,
    epochs: run.epochs,
    steps: run.source.steps,
    save: run.save,
    keepWeights,
    get trace() {
      watch?.catchUp();
      return watch?.trace;
    },
    report: (name, value) => {
      checkNumber(`report('${name}', …)`, value, 'a number', typeof value === 'number');
      progress.reported[name] = value;
    },
    stop: () => {
      progress.stop = true;
    },
  };
}

const rateIn = (run: FitRun, { rate }: Progress, step: number): number => rateAt(rate, updatesBefore(run.spec.optimizer, step));

/** Adds to the trace, and tells callbacks. */
async function record({ run, watch, control }: Fitting, records: readonly TraceRecord[]): Promise<void> {
  watch?.catchUp();
  for (const one of records) {
    watch?.trace.add(one);
    for (const callback of run.callbacks) await callback.onRecord?.(one, control);
  }
}

/** The steps of one epoch. @returns false where a value was not finite and a callback stopped the fit for it. */
async function trainEpoch(fitting: Fitting, index: number, means: RunningMeans): Promise<boolean> {
  const epoch = fitting.run.source.epoch(index);
  try {
    await runChunks(fitting, epoch, index, means);
  } catch (error) {
    // Not waited for: a generator that hangs must not hold up the error that ends the fit.
    epoch.close?.().catch(() => {});
    await endByFailure(fitting, error);
    return false;
  }
  await epoch.close?.();
  return true;
}

/** Chunk after chunk; the next is made ready while the engine runs. */
async function runChunks(fitting: Fitting, epoch: ReturnType<BatchSource['epoch']>, index: number, means: RunningMeans): Promise<void> {
  const { run, watch, progress, control, buffers, pace, heard } = fitting;
  const first = progress.step;
  const take = (batch: number): Promise<Chunk | undefined> =>
    epoch.take(
      Math.min(run.maxChunk, stepsUntilCallback(run.callbacks, first + batch - run.iterations), watch?.most(first + batch) ?? pace.steps, pace.steps),
      buffers.next(),
    );
  let batch = 0;
  let chunk = await unlessAborted(take(batch), run.signal, progress.step);
  if (!chunk)
    throw new DataError(`epoch ${index + 1} has no data: the generator ended immediately. Does it restart for every epoch?`, {
      argument: 'data',
    });
  while (chunk && !progress.stop) {
    const { step } = progress;
    const started = run.clock();
    const upcoming = take(batch + chunk.steps);
    // Reported when its turn comes: what the engine does now still counts.
    upcoming.catch(() => {});
    const rates = Array.from({ length: chunk.steps }, (_, k) => rateIn(run, progress, step + k));
    const result = await runChunk(run, chunk, rates, { step, epoch: index }, watch);
    pace.add(chunk.steps, run.clock() - started);
    const width = result.length / chunk.steps;
    for (let k = 0; k < chunk.steps; k++) means.add(result, k * width, chunk.batchSize);
    batch += chunk.steps;
    progress.step += chunk.steps;
    control.step = progress.step;
    progress.logs = means.logs();
    if (heard) await record(fitting, watch?.steps() ?? []);
    else watch?.defer();
    await tellOfBatches(fitting, batch);
    chunk = progress.stop ? undefined : await unlessAborted(upcoming, run.signal, progress.step);
  }
  for (const callback of run.callbacks) if (callback.every === 'epoch') await callback.onBatchEnd?.(batch - 1, progress.logs, control);
}

async function tellOfBatches({ run, progress, control }: Fitting, batch: number): Promise<void> {
  for (const callback of run.callbacks) {
    const period = periodOf(callback);
    if (period !== undefined && (progress.step - run.iterations) % period === 0) await callback.onBatchEnd?.(batch - 1, progress.logs, control);
    await callback.onProgress?.(batch, progress.logs, control);
  }
}

/** Throws what ended an epoch, unless it is a value that is not finite and a callback stops the fit for it. */
async function endByFailure(fitting: Fitting, error: unknown): Promise<void> {
  const { run, watch, history, progress, control } = fitting;
  if (error instanceof AbortError) error.history = history.history;
  if (!(error instanceof NonFiniteError)) throw error;
  if (watch) {
    const place = error.details.received as NonFinitePlace | undefined;
    await record(fitting, [...watch.steps(place?.step ?? 0), watch.recorder.failure(place, progress.step, error.message)]);
  }
  for (const callback of run.callbacks) await callback.onNonFinite?.(error, control);
  if (!progress.stop) throw error;
  history.failure = error;
}

/** Validates, and adds the epoch to history and trace. */
async function endEpoch(fitting: Fitting, index: number, means: RunningMeans): Promise<void> {
  const { run, watch, history, progress, control } = fitting;
  if (watch && !progress.stop) await record(fitting, await watch.endPass(index, progress.step));
  if (run.validate && run.signal?.aborted) throw Object.assign(stopped(run.signal, progress.step), { history: history.history });
  const validation = await run.validate?.();
  // One object, so that what a callback reports reaches those that follow it.
  progress.reported = { ...progress.logs, ...validation?.logs('val_') };
  progress.logs = progress.reported;
  for (const callback of run.callbacks) await callback.onEpochEnd?.(index, progress.logs, control);
  history.add(index, progress.logs);
  const penalties = { ...means.penalties(), ...validation?.penalties('val_') };
  if (watch) await record(fitting, [watch.recorder.epoch(index, progress.step, progress.logs, penalties)]);
}

/** @throws ArgumentError if a callback hands the fit what is no such number. */
function checkNumber(argument: string, received: unknown, expected: string, fits: boolean): void {
  if (!fits) throw new ArgumentError(`control.${argument} takes ${expected}, got ${show(received)}`, { argument, received, expected });
}

/** Steps of the next engine call: as many as fit its time. The number stays while it is near, so that buffers made for one chunk serve the next. */
class Pace {
  steps = FIRST_CHUNK;

  /** Takes a chunk's time into account; short ones, at the end of an epoch, tell of the call's overhead. */
  add(steps: number, milliseconds: number): void {
    const fitting = (CHUNK_MILLISECONDS * steps) / Math.max(milliseconds, 1e-3);
    if (steps < this.steps / 2 || (fitting >= this.steps / 2 && fitting < 2 * this.steps)) return;
    // Step by step upwards, while the speed is still uncertain.
    this.steps = Math.max(1, Math.round(Math.min(8 * this.steps, fitting)));
  }
}

/** Runs one chunk and takes its state over. @returns the values of every step, one after the other. */
async function runChunk(
  run: FitRun,
  chunk: Chunk,
  learningRates: readonly number[],
  { step, epoch }: { readonly step: number; readonly epoch: number },
  watch: Watch | undefined,
): Promise<ArrayLike<number>> {
  const { engine, session, program, spec, state } = run;
  const dtype = spec.network.dtype;
  const rates = NdArray.zeros([chunk.steps], dtype);
  learningRates.forEach((rate, k) => {
    rates.set(k, rate);
  });
  const before = await state.feeds(engine, program.reads);
  const feeds = { ...Object.fromEntries(feedNames(spec).map((name, i) => [name, chunk.arrays[i] as NdArray])), learning_rate: rates, ...before };
  const writes = program.writes.map((name) => [nextName(name), 'keep'] as const);
  const plan = { logs: 'fetch', finite: 'fetch', ...Object.fromEntries(writes), ...watch?.plan } as const;
  const running = session.run({ ...feeds, ...watch?.feeds(step, chunk.steps) }, plan);
  watch?.catchUp();
  const result = await running;
  const { fetched, kept } = result;
  watch?.take(result, { firstStep: step, epoch, learningRates });
  const logs = fetched.logs as NdArray;
  const values = logs.data as Float32Array | Float64Array;
  // Metrics may be without a finite value; the loss, which comes first of a step's values, and the state may not.
  const losses = Array.from({ length: chunk.steps }, (_, k) => values[(k * values.length) / chunk.steps]);
  if (!losses.every(Number.isFinite) || !Number.isFinite(fetched.finite?.at(0))) {
    engine.free(writes.flatMap(([name]) => kept[name] ?? []));
    // That the steps cannot be run again must not hide why they were to be.
    const found = await locateNonFinite(engine, spec, chunk, before, rates.data as Float32Array | Float64Array, step).catch((error: Error) => error);
    const place = found instanceof Error ? undefined : found;
    throw new NonFiniteError(
      describePlace(found, step, chunk.steps),
      place ? { layer: place.layer, received: place } : {},
      found instanceof Error ? { cause: found } : {},
    );
  }
  state.replace(Object.fromEntries(program.writes.map((name) => [name, kept[nextName(name)] as Resident])));
  return values;
}

function describePlace(place: NonFinitePlace | Error | undefined, step: number, steps: number): string {
  const safe = `The model is back in its state of step ${step}, before the failure.`;
  const unplaced = `a non-finite value occurred between steps ${step + 1} and ${step + steps}`;
  if (!place) return `${unplaced}, but not when these steps were repeated one at a time, so its place is unknown. ${safe}`;
  if (place instanceof Error) return `${unplaced}; its place is unknown, since repeating these steps failed: ${place.message}. ${safe}`;
  const range = ({ name, min, max }: { name: string; min: number; max: number }): string =>
    `${name} in [${min.toPrecision(4)}, ${max.toPrecision(4)}]`;
  const from = place.inputs.length > 0 ? ` from ${place.inputs.map(range).join(' and ')}` : '';
  return `the first non-finite value: step ${place.step}, layer ${place.layer}, operator ${place.operator} (${place.pass})${from}, giving ${range(place.output)}. ${likelyCause(place)} ${safe}`;
}

function likelyCause({ pass, layer, operator, inputs }: NonFinitePlace): string {
  if (pass === 'data') return 'It was already in the data or the weights: check them for NaN.';
  if (layer === 'loss' && operator === 'Log' && inputs.some(({ min }) => min < 0))
    return "The loss takes the logarithm of outputs, which must be positive: give the last layer the activation 'softplus' or 'exponential'.";
  return 'Likely causes: a learning rate that is too large, initial weights that are too large, or features that are not standardized.';
}
