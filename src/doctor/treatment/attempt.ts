import { AbortError } from '../../core/errors.js';
import type { Model } from '../../model/model.js';
import type { Callback, KeptWeights, Logs, TrainingControl } from '../../training/callbacks.js';
import type { History } from '../../training/history.js';
import type { NeighbourFacts } from '../../vitals/facts.js';
import type { Trace } from '../../vitals/trace.js';
import type { Examination } from '../examination.js';
import type { Finding } from '../finding.js';
import { value } from '../measured.js';
import { type Grade, gradeOf } from './grade.js';
import { batchOf, type Material } from './material.js';
import type { Healthy, Patient } from './patient.js';

/** A network as one minibatch, or a run, showed it. */
export interface Look {
  readonly examination: Examination;
  readonly findings: readonly Finding[];
}

/** A network after some steps. */
export interface Run extends Look {
  readonly model: Model;
  readonly grade: Grade;
  /** Steps taken, and seconds from the network's making to its grade. */
  readonly steps: number;
  readonly seconds: number;
  /** Whether it took all the steps that were asked for. */
  readonly whole: boolean;
  /** The model after its last healthy epoch, where it was kept. */
  readonly healthy: Healthy | undefined;
}

/** Looks on at a training that goes through in one. */
export interface Guard {
  /** What was found: no illness, one, or one that has lasted for long enough to end the training. */
  judge(look: Look): 'healthy' | 'ill' | 'over';
  /** Whether the model is kept as it is after every healthy epoch, so that another run can go on from there. */
  readonly keeps: boolean;
  /** Hears of its steps on the way, and ends it by what it throws. */
  reached?(steps: number): void;
}

export interface AttemptOptions {
  readonly material: Material;
  readonly epochs: number;
  readonly perEpoch: number;
  /** @param run an earlier look at the same run. */
  readonly judge: (trace: Trace, run: Examination | undefined) => Look;
  /** Takes the steps that were taken. */
  readonly spend: (steps: number) => void;
  /** Who looks on, and may end the training early. */
  readonly guard: Guard | undefined;
  readonly signal: AbortSignal | undefined;
  readonly clock: () => number;
  /** What is known of the validation rows' neighbours from an earlier attempt; undefined where this is the first. */
  readonly neighbours: NeighbourFacts | false | undefined;
  /** Losses of chance, as grades keep them. */
  readonly chances: Map<number, number>;
  /** When the network began to be made. */
  readonly began: number;
}

/** What some wait for and others give. */
class Gate<T> {
  readonly promise: Promise<T>;
  #resolve: (value: T) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  open(value: T): void {
    this.#resolve(value);
  }
}

/** One training of a patient, which can wait behind its first steps until it is known whether it is worth the rest. */
export class Attempt {
  readonly #model: Model;
  readonly #patient: Patient;
  readonly #options: AttemptOptions;
  /** Step to wait behind. */
  #halt = Number.POSITIVE_INFINITY;
  #fit: Promise<History> | undefined;
  readonly #reached = new Gate<Trace>();
  readonly #goOn = new Gate<boolean>();
  #counted = 0;
  #seconds = 0;
  #since: number;
  #first: Examination | undefined;
  #kept: KeptWeights | undefined;
  #healthy: Healthy | undefined;
  #ended = false;
  #waited = false;

  constructor(model: Model, patient: Patient, options: AttemptOptions) {
    this.#model = model;
    this.#patient = patient;
    this.#options = options;
    this.#since = options.began;
  }

  /** The first steps; what there is where it broke off before. */
  async short(steps: number): Promise<Run> {
    this.#halt = this.#patient.stepsDone + steps;
    this.#fit = this.#train();
    const reached = await Promise.race([this.#reached.promise, this.#fit]);
    return 'header' in reached ? this.#run(reached, steps, steps) : this.#ran(reached, steps);
  }

  /** All steps, or all that are left; where that is stopped, the model is what the first steps left. @throws AbortError */
  async rest(): Promise<Run> {
    const wanted = this.#options.epochs * this.#options.perEpoch;
    if (!this.#fit) return this.#ran(await this.#train(), wanted);
    const { signal, clock } = this.#options;
    if (signal?.aborted) throw new AbortError(`training was aborted after step ${this.#counted}`, {}, { cause: signal.reason });
    this.#since = clock();
    const before = await this.#model.getState();
    this.#goOn.open(true);
    try {
      return await this.#ran(await this.#fit, wanted);
    } catch (error) {
      await this.#model.setState(before);
      throw error;
    }
  }

  /** Ends it where it waits; whatever broke it off was told to who asked for its steps. */
  async end(): Promise<void> {
    this.#goOn.open(false);
    await this.#fit?.catch(() => {});
  }

  #train(): Promise<History> {
    const { material, epochs, signal } = this.#options;
    return this.#model.fit(batchOf(material.train), {
      epochs,
      batchSize: this.#patient.batchSize,
      verbose: 0,
      validationData: batchOf(material.validation),
      callbacks: [this.#callback()],
      ...(signal ? { signal } : {}),
    });
  }

  #callback(): Callback {
    const { perEpoch, neighbours } = this.#options;
    // The epoch in which it waits, and behind which minibatch. Calls of the engine are as long as they can be before that epoch, and once it waits no more.
    const steps = this.#halt - this.#patient.stepsDone;
    const [epoch, at] = [Math.floor(steps / perEpoch), steps % perEpoch];
    let begun = 0;
    const every = (): number | 'epoch' => (at > 0 && begun > epoch && !this.#waited ? steps : 'epoch');
    return {
      onEpochBegin: () => {
        begun += 1;
      },
      get every() {
        return every();
      },
      vitals: neighbours === undefined ? {} : { neighbours },
      onBatchEnd: async (_, logs, control) => {
        if (control.step === this.#halt && at > 0) await this.#wait(control, logs);
      },
      onRecord: async (record, control) => {
        const { trace } = control;
        if (!trace || this.#ended) return;
        const isEpoch = record.kind === 'epoch';
        if (isEpoch || record.kind === 'step') this.#options.guard?.reached?.(record.step - this.#patient.stepsDone);
        if (isEpoch || (record.kind === 'step' && trace.steps.length === 1)) await this.#guard(trace, control, isEpoch);
        if (isEpoch && control.step === this.#halt) await this.#wait(control);
      },
      onNonFinite: (_, control) => {
        this.#kept?.restore();
        control.stop();
      },
    };
  }

  /** Hands out what was seen so far, and waits until it is known whether to go on. @param unfinished means of an epoch that is not over. */
  async #wait(control: TrainingControl, unfinished?: Logs): Promise<void> {
    const { trace } = control;
    if (!trace) return;
    this.#waited = true;
    const { header, steps, passes, epochs } = trace;
    const open = unfinished ? [{ kind: 'epoch', epoch: control.epoch, step: control.step, logs: unfinished } as const] : [];
    this.#reached.open({ header, steps: [...steps], passes: [...passes], epochs: [...epochs, ...open] });
    if (!(await this.#decided())) control.stop();
  }

  /** Whether to go on; not where the work was called off meanwhile. */
  async #decided(): Promise<boolean> {
    const { signal } = this.#options;
    const stop = (): void => this.#goOn.open(false);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await this.#goOn.promise;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Ends the training where it is ill for long enough, with the weights of the epoch before. */
  async #guard(trace: Trace, control: TrainingControl, isEpoch: boolean): Promise<void> {
    const { guard, judge } = this.#options;
    if (!guard) return;
    const look = judge(trace, this.#first);
    this.#first ??= look.examination;
    const found = guard.judge(look);
    if (found === 'over') {
      this.#ended = true;
      this.#kept?.restore();
      control.stop();
    } else if (isEpoch) {
      this.#kept?.release();
      this.#kept = control.keepWeights();
      if (found === 'healthy' && guard.keeps) this.#healthy = { epochs: control.epoch + 1, model: this.#model, state: await this.#model.getState() };
    }
  }

  #ran(history: History, wanted: number): Promise<Run> {
    return this.#run(history.trace as Trace, history.steps, wanted);
  }

  /** Judges and grades the model as it is now. */
  async #run(trace: Trace, steps: number, wanted: number): Promise<Run> {
    const { spend, judge, material, chances, clock } = this.#options;
    spend(steps - this.#counted);
    this.#counted = steps;
    const grade = await gradeOf(this.#model, material.validation, {
      penalty: value(trace.steps.at(-1)?.penalty) ?? 0,
      batchSize: this.#patient.batchSize,
      chances,
    });
    const look = judge(trace, this.#first);
    this.#first ??= look.examination;
    this.#seconds += (clock() - this.#since) / 1000;
    return { ...look, model: this.#model, grade, steps, seconds: this.#seconds, whole: steps >= wanted, healthy: this.#healthy };
  }
}
