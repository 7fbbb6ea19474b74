import { ArgumentError, type NonFiniteError, show } from '../core/errors.js';
import { suggestion } from '../core/names.js';
import type { NeighbourFacts } from '../vitals/facts.js';
import type { VitalsRequest } from '../vitals/request.js';
import type { Trace, TraceHeader, TraceRecord, VitalsLevel } from '../vitals/trace.js';

/** Values of a step or an epoch by name: `loss`, `accuracy`, `val_loss` … */
export type Logs = Readonly<Record<string, number>>;

/** A snapshot of the weights during a fit. It stays in the engine; nothing is copied. */
export interface KeptWeights {
  /** Restores these weights in the model; optimizer slots and step counter are unchanged. */
  restore(): void;
  /** Releases the snapshot. Done automatically at the end of the fit. */
  release(): void;
}

/** What a callback can inspect and change. */
export interface TrainingControl {
  /**
   * Learning rate of the next step. Setting it, also to the value that it has, overrides a schedule until the fit ends: the next fit starts from the
   * compiled rate or schedule again, whereas Keras's optimizer keeps the new rate.
   * @throws ArgumentError if it is set to what is no finite number ≥ 0.
   */
  learningRate: number;
  /** Optimizer steps taken so far, earlier fits included. */
  readonly step: number;
  readonly epoch: number;
  /** Number of epochs requested. */
  readonly epochs: number;
  /** Steps per epoch, if known. */
  readonly steps: number | undefined;
  /** Saves the model as it is now, as `model.save` does. @throws FileError if the file cannot be written. */
  save(path: string): Promise<void>;
  /** Takes a snapshot of the current weights, including running statistics. */
  keepWeights(): KeptWeights;
  /** In `onEpochEnd`: adds a value to the epoch's logs, for the callbacks that follow and the history. @throws ArgumentError if it is no number. */
  report(name: string, value: number): void;
  /** Vital signs measured so far; undefined if no callback requested any. */
  readonly trace?: Trace | undefined;
  /** Ends the fit after this step (in `onBatchEnd`) or epoch. */
  stop(): void;
}

/**
 * Hooks into training. Methods may be asynchronous; training waits, and the model's `predict` and `evaluate` may be called meanwhile.
 * The engine runs many steps per call: `every` says how often `onBatchEnd` must be called, and so how long a call may be.
 */
export interface Callback {
  /** Steps of the fit between calls of `onBatchEnd`, counted through its epochs, or once an epoch. Default 1, which costs one engine call per step. */
  readonly every?: number | 'epoch';
  onTrainBegin?(control: TrainingControl): void | Promise<void>;
  onTrainEnd?(logs: Logs, control: TrainingControl): void | Promise<void>;
  onEpochBegin?(epoch: number, control: TrainingControl): void | Promise<void>;
  /** After validation; logs hold the epoch's means. */
  onEpochEnd?(epoch: number, logs: Logs, control: TrainingControl): void | Promise<void>;
  /** After step `batch` (from 0) of the epoch; logs are the means of the epoch so far. */
  onBatchEnd?(batch: number, logs: Logs, control: TrainingControl): void | Promise<void>;
  /**
   * A value became non-finite; the error says where. The model is back in its state before the failure. The fit throws the error unless a callback calls
   * `control.stop()` here: it then ends with the history of the complete epochs, and the error in `history.failure`.
   */
  onNonFinite?(error: NonFiniteError, control: TrainingControl): void | Promise<void>;
  /** Vital signs to measure; the most detailed request of all callbacks is used. Default none. */
  readonly vitals?: VitalsWish;
  /** Before the first step, where something is measured: the facts about network, training and data. */
  onTraceBegin?(header: TraceHeader, control: TrainingControl): void | Promise<void>;
  /** What was measured, in order: observed steps, what became of units in a pass, epochs, what was not finite, the end. */
  onRecord?(record: TraceRecord, control: TrainingControl): void | Promise<void>;
  /** After every engine call, however many steps it took: for displays. `batches` of the epoch are done. */
  onProgress?(batches: number, logs: Logs, control: TrainingControl): void | Promise<void>;
}

/** Every method that a callback may have. */
export const hooks: { readonly [K in Extract<keyof Callback, `on${string}`>]-?: true } = {
  onTrainBegin: true,
  onTrainEnd: true,
  onEpochBegin: true,
  onEpochEnd: true,
  onBatchEnd: true,
  onNonFinite: true,
  onTraceBegin: true,
  onRecord: true,
  onProgress: true,
};

/** Names of an object's methods, those of its class included. */
function methodsOf(object: object): string[] {
  const names: string[] = [];
  for (let at: object | null = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) names.push(...Object.getOwnPropertyNames(at));
  return names;
}

/** @throws ArgumentError if one is no object, or waits for an event that there is not. */
export function checkCallbacks(callbacks: readonly unknown[]): void {
  for (const callback of callbacks) {
    if (typeof callback !== 'object' || callback === null) {
      throw new ArgumentError(`fit: a callback is an object with methods such as onEpochEnd(epoch, logs), got ${show(callback)}`, {
        argument: 'callbacks',
        received: callback,
      });
    }
    const unknown = methodsOf(callback).find((name) => /^on[A-Z_]/.test(name) && !Object.hasOwn(hooks, name));
    if (unknown !== undefined) {
      throw new ArgumentError(
        `fit: callback has an unknown hook '${unknown}', which would never be called${suggestion(unknown, Object.keys(hooks))}`,
        {
          argument: 'callbacks',
          received: unknown,
        },
      );
    }
  }
}

/** Steps until some callback must be called, where the fit has taken so many. */
export function stepsUntilCallback(callbacks: readonly Callback[], taken: number): number {
  return callbacks.reduce((least, callback) => {
    const period = periodOf(callback);
    return period === undefined ? least : Math.min(least, period - (taken % period));
  }, Number.POSITIVE_INFINITY);
}

/** Steps between calls of `onBatchEnd`; undefined where it is not called within an epoch. */
export function periodOf(callback: Callback): number | undefined {
  if (!callback.onBatchEnd || callback.every === 'epoch') return undefined;
  const { every = 1 } = callback;
  if (!Number.isInteger(every) || every < 1) {
    throw new ArgumentError(`the option every of a callback must be a whole number ≥ 1 or 'epoch', got ${show(every)}`, {
      argument: 'every',
      received: every,
    });
  }
  return every;
}

/** Vital signs that a callback requests. */
export interface VitalsWish {
  /** Steps between observations; 400 unless given, the first steps more often. */
  readonly every?: number;
  /** Default 'full'. */
  readonly level?: VitalsLevel;
  /** Whether each unit's mean pre-activation and the sizes of its activation and gradient are recorded at observed steps; default false. */
  readonly units?: boolean;
  /** Score of a nearest-neighbour baseline on the validation rows: reuse that of an earlier fit, or false to skip it. Computed if absent. */
  readonly neighbours?: NeighbourFacts | false;
}

/** Steps between observations unless a callback says otherwise; the first ones are then observed too, farther and farther apart. */
export const DEFAULT_EVERY = 400;

/** What all callbacks together want measured. @throws ArgumentError */
export function vitalsWanted(callbacks: readonly Callback[]): VitalsRequest | undefined {
  const wishes = callbacks.flatMap(({ vitals }) => vitals ?? []);
  if (wishes.length === 0) return undefined;
  for (const { every = DEFAULT_EVERY, level = 'full', units = false, neighbours = false } of wishes) {
    if (!Number.isInteger(every) || every < 1)
      throw new ArgumentError(`vitals: every must be a whole number of steps ≥ 1, got ${show(every)}`, { argument: 'every', received: every });
    if (level !== 'moments' && level !== 'full')
      throw new ArgumentError(`vitals: level must be 'moments' or 'full', got ${show(level)}`, { argument: 'level', received: level });
    if (typeof units !== 'boolean')
      throw new ArgumentError(`vitals: units must be true or false, got ${show(units)}`, { argument: 'units', received: units });
    if (neighbours !== false && typeof neighbours?.value !== 'number')
      throw new ArgumentError(`vitals: neighbours must be false, or a trace's header.training.neighbours, got ${show(neighbours)}`, {
        argument: 'neighbours',
        received: neighbours,
      });
  }
  return {
    every: Math.min(...wishes.map(({ every = DEFAULT_EVERY }) => every)),
    spaced: wishes.some(({ every }) => every === undefined),
    level: wishes.every(({ level }) => level === 'moments') ? 'moments' : 'full',
    ...(wishes.some(({ units }) => units) ? { units: true } : {}),
  };
}

/** What is measured where a callback asks for vital signs and says no more. */
export const WATCHED: VitalsRequest = { every: DEFAULT_EVERY, spaced: true, level: 'full' };

/** What was said of neighbours: facts, or that none are wanted; undefined where they are to be looked for. */
export function neighboursGiven(callbacks: readonly Callback[]): NeighbourFacts | false | undefined {
  return callbacks.map(({ vitals }) => vitals?.neighbours).find((given) => given !== undefined);
}
