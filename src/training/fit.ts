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

async function runEpochs(run: FitRun, watch: Watch | undefined, keepWeights: () => KeptWeights): Promise<History> {
  const history = new History();
  history.trace = watch?.trace;
  const heard = run.callbacks.some(({ onRecord }) => onRecord);
  const entries = logEntries(run.spec);
  const began = run.clock();
  const buffers = new ChunkBuffers((bytes) => run.engine.allocate(bytes));
  const pace = new Pace();
  const flags = { stop: false };
  let step = run.iterations;
  let reported: Record<string, number> = {};
  let rate = run.learningRate;
  const rateOf = (at: number): number => rateAt(rate, updatesBefore(run.spec.optimizer, at));
  const control: { -readonly [K in keyof TrainingControl]: TrainingControl[K] } = {
    get learningRate() {
      return rateOf(step);
    },
    set learningRate(value) {
      checkNumber('learningRate', value, 'a finite number ≥ 0', Number.isFinite(value) && value >= 0);
      rate = value;
    },
    step,
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
      reported[name] = value;
    },
    stop: () => {
      flags.stop = true;
    },
  };
  let logs: Logs = {};
  const record = async (records: readonly TraceRecord[]): Promise<void> => {
    watch?.catchUp();
    for (const one of records) {
      watch?.trace.add(one);
      for (const callback of run.callbacks) await callback.onRecord?.(one, control);
    }
  };
  for (const callback of run.callbacks) await callback.onTrainBegin?.(control);
  if (watch) for (const callback of run.callbacks) await callback.onTraceBegin?.(watch.trace.header, control);
  for (let index = run.initialEpoch; index < run.epochs && !flags.stop; index++) {
    control.epoch = index;
    for (const callback of run.callbacks) await callback.onEpochBegin?.(index, control);
    if (flags.stop) break;
    const means = new RunningMeans(entries, run.program.vitals?.penalized);
    const epoch = run.source.epoch(index);
    const first = step;
    const take = (batch: number): Promise<Chunk | undefined> =>
      epoch.take(
        Math.min(
          run.maxChunk,
          stepsUntilCallback(run.callbacks, first + batch - run.iterations),
          watch?.most(first + batch) ?? pace.steps,
          pace.steps,
        ),
        buffers.next(),
      );
    try {
      let batch = 0;
      let chunk = await unlessAborted(take(batch), run.signal, step);
      if (!chunk)
        throw new DataError(`epoch ${index + 1} has no data: the generator ended immediately. Does it restart for every epoch?`, {
          argument: 'data',
        });
      while (chunk && !flags.stop) {
        const started = run.clock();
        const upcoming = take(batch + chunk.steps);
        // Reported when its turn comes: what the engine does now still counts.
        upcoming.catch(() => {});
        const rates = Array.from({ length: chunk.steps }, (_, k) => rateOf(step + k));
        const result = await runChunk(run, chunk, rates, { step, epoch: index }, watch);
        pace.add(chunk.steps, run.clock() - started);
        const width = result.length / chunk.steps;
        for (let k = 0; k < chunk.steps; k++) means.add(result, k * width, chunk.batchSize);
        batch += chunk.steps;
        step += chunk.steps;
        control.step = step;
        logs = means.logs();
        if (heard) await record(watch?.steps() ?? []);
        else watch?.defer();
        for (const callback of run.callbacks) {
          const period = periodOf(callback);
          if (period !== undefined && (step - run.iterations) % period === 0) await callback.onBatchEnd?.(batch - 1, logs, control);
          await callback.onProgress?.(batch, logs, control);
        }
        chunk = flags.stop ? undefined : await unlessAborted(upcoming, run.signal, step);
      }
      for (const callback of run.callbacks) if (callback.every === 'epoch') await callback.onBatchEnd?.(batch - 1, logs, control);
    } catch (error) {
      // Not waited for: a generator that hangs must not hold up the error that ends the fit.
      epoch.close?.().catch(() => {});
      if (error instanceof AbortError) error.history = history.history;
      if (!(error instanceof NonFiniteError)) throw error;
      if (watch) {
        const place = error.details.received as NonFinitePlace | undefined;
        await record([...watch.steps(place?.step ?? 0), watch.recorder.failure(place, step, error.message)]);
      }
      for (const callback of run.callbacks) await callback.onNonFinite?.(error, control);
      if (!flags.stop) throw error;
      history.failure = error;
      break;
    }
    await epoch.close?.();
    if (watch && !flags.stop) await record(await watch.endPass(index, step));
    if (run.validate && run.signal?.aborted) throw Object.assign(stopped(run.signal, step), { history: history.history });
    const validation = await run.validate?.();
    if (validation) logs = { ...logs, ...validation.logs('val_') };
    // One object, so that what a callback reports reaches those that follow it.
    reported = { ...logs };
    logs = reported;
    for (const callback of run.callbacks) await callback.onEpochEnd?.(index, logs, control);
    history.add(index, logs);
    const penalties = { ...means.penalties(), ...validation?.penalties('val_') };
    if (watch) await record([watch.recorder.epoch(index, step, logs, penalties)]);
  }
  history.steps = step - run.iterations;
  history.seconds = (run.clock() - began) / 1000;
  if (watch) await record([{ kind: 'end', steps: history.steps, seconds: history.seconds }]);
  await run.settle?.();
  for (const callback of run.callbacks) await callback.onTrainEnd?.(logs, control);
  return history;
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
