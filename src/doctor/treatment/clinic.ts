import { ArgumentError, ShapeError } from '../../core/errors.js';
import type { NdArray } from '../../core/ndarray.js';
import type { Model } from '../../model/model.js';
import { fromConfig } from '../../model/persistence.js';
import { factsOf } from '../../network/facts.js';
import type { Callback, KeptWeights } from '../../training/callbacks.js';
import type { Trace } from '../../vitals/trace.js';
import { type DiagnoseOptions, diagnoseExamination } from '../diagnose.js';
import { Examination } from '../examination.js';
import type { Finding } from '../finding.js';
import type { Forecast } from '../forecast.js';
import { type Grade, gradeOf } from './grade.js';
import type { Material } from './material.js';
import { build, type Making, type Patient, startAt } from './patient.js';

/** Rows of a look: enough to tell dead units from unlucky ones. */
const LOOK_ROWS = 256;

/** A network as one minibatch showed it. */
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
  /** Epochs after which nothing was surely ill, where the run was guarded: the model has the weights of the last of them. */
  readonly healthyEpochs: number;
}

export interface ClinicOptions extends DiagnoseOptions {
  readonly making: Making;
  readonly material: Material;
  readonly epochs: number;
  readonly signal?: AbortSignal | undefined;
  readonly clock: () => number;
}

/** Model of a trial, with its programs loaded, and the state that it had before. */
interface Begun {
  readonly model: Model;
  readonly start: ReadonlyMap<string, NdArray>;
}

/** Where patients are looked at and trained: it has the data, and counts what is spent. */
export class Clinic {
  /** Steps of all runs so far. */
  steps = 0;
  readonly options: ClinicOptions;
  /** Of patients whose whole training may still come. */
  readonly #begun = new Map<Patient, Begun>();

  constructor(options: ClinicOptions) {
    this.options = options;
  }

  get rows(): number {
    return this.options.material.train.inputs[0]?.shape[0] ?? 0;
  }

  /** Steps of a whole training of a patient, those left where some were taken. */
  stepsOf(patient: Patient): number {
    return this.stepsPerEpoch(patient) * this.#epochsOf(patient);
  }

  stepsPerEpoch({ batchSize }: Patient): number {
    return Math.ceil(this.rows / Math.min(batchSize, this.rows));
  }

  #epochsOf({ epochsDone }: Patient): number {
    return Math.max(1, this.options.epochs - epochsDone);
  }

  /** What is known of a patient's network without a look at it; whatever was measured of the one that it was made from is not. Undefined where there is no such network. */
  plan({ config }: Patient, { trace }: Examination): Examination | undefined {
    const { compile: _, ...wiring } = config;
    const made = possible(() => fromConfig(wiring, this.options.making));
    if (!made) return undefined;
    const network = factsOf(made.network);
    const watched = network.layers.flatMap(({ role }, at) => (role === 'weights' || role === 'activation' ? [at] : []));
    return new Examination({ header: { ...trace.header, network, watched, arrays: [] }, steps: [], passes: [], epochs: [] });
  }

  /** One minibatch forward and backward, no step. @throws EvenkeelError where the network cannot be built. */
  async look(patient: Patient): Promise<Look> {
    const { material } = this.options;
    const model = await build(patient, this.options.making);
    try {
      const head = (array: NdArray): NdArray => array.slice(0, LOOK_ROWS);
      return this.#judged(await model.examine(material.train.inputs.map(head), material.train.targets.map(head)));
    } finally {
      await model.dispose();
    }
  }

  /**
   * Trains a patient from its start, watched. The whole training after a trial of the same patient takes over the trial's model, whose programs are loaded;
   * where it is stopped, the model is what the trial left.
   * @param share of a whole training: its first steps. `until`: ends the run early where what was found says so; the model then has the weights of the last
   * epoch after which it did not, in `healthyEpoch`.
   */
  async run(patient: Patient, { share = 1, until }: { readonly share?: number; readonly until?: (look: Look) => boolean } = {}): Promise<Run> {
    const whole = this.stepsOf(patient);
    const perEpoch = this.stepsPerEpoch(patient);
    const wanted = Math.min(whole, Math.max(1, Math.round(share * whole)));
    // Beyond one epoch by whole ones: so no call of the engine is shorter than it would be.
    const steps = wanted < perEpoch ? wanted : perEpoch * Math.round(wanted / perEpoch);
    const began = this.options.clock();
    const trial = this.#begun.get(patient);
    this.#begun.delete(patient);
    const end = await trial?.model.getState();
    if (trial) await startAt(trial.model, trial.start, patient);
    const model = trial?.model ?? (await build(patient, this.options.making));
    try {
      const start = steps < whole ? await model.getState() : undefined;
      const run = await this.#train(model, patient, { steps, began, until });
      if (start) this.#begun.set(patient, { model, start });
      return run;
    } catch (error) {
      if (end) await model.setState(end);
      throw error;
    }
  }

  async #train(
    model: Model,
    patient: Patient,
    { steps, began, until }: { readonly steps: number; readonly began: number; readonly until: ((look: Look) => boolean) | undefined },
  ): Promise<Run> {
    const { material, signal, clock } = this.options;
    const whole = this.stepsOf(patient);
    const perEpoch = this.stepsPerEpoch(patient);
    const guard = until && this.#guard(until);
    const callback: Callback = {
      ...guard?.callback,
      every: steps < perEpoch ? steps : 'epoch',
      vitals: {},
      onNonFinite: (_, control) => {
        guard?.goBack();
        control.stop();
      },
      onBatchEnd: (_, __, control) => {
        if (control.step - patient.stepsDone >= steps) control.stop();
      },
    };
    const history = await model.fit(material.train.inputs as NdArray[], material.train.targets as NdArray[], {
      epochs: Math.ceil(steps / perEpoch),
      batchSize: patient.batchSize,
      verbose: 0,
      // Trials are judged by what they come to alone.
      ...(steps < whole ? {} : { validationData: { x: material.validation.inputs as NdArray[], y: material.validation.targets as NdArray[] } }),
      callbacks: [callback],
      ...(signal ? { signal } : {}),
    });
    this.steps += history.steps;
    const grade = await gradeOf(model, material.validation);
    const look = this.#judged(history.trace as Trace, guard?.forecast());
    const seconds = (clock() - began) / 1000;
    return { ...look, model, grade, steps: history.steps, seconds, whole: history.steps >= steps, healthyEpochs: guard?.healthyEpochs() ?? 0 };
  }

  /** Ends a run where `until` says so, and goes back to the weights of the last epoch after which it did not. */
  #guard(until: (look: Look) => boolean) {
    let forecast: Forecast | undefined;
    let kept: KeptWeights | undefined;
    let healthyEpochs = 0;
    let ended = false;
    const callback: Callback = {
      onRecord: (record, control) => {
        const { trace } = control;
        if (!trace || ended || !(record.kind === 'epoch' || (record.kind === 'step' && trace.steps.length === 1))) return;
        const look = this.#judged(trace, forecast);
        forecast = look.examination.forecast;
        if (until(look)) {
          ended = true;
          kept?.restore();
          control.stop();
        } else if (record.kind === 'epoch') {
          kept?.release();
          kept = control.keepWeights();
          healthyEpochs = record.epoch + 1;
        }
      },
    };
    return { callback, goBack: () => kept?.restore(), healthyEpochs: () => healthyEpochs, forecast: () => forecast };
  }

  #judged(trace: Trace, forecast?: Forecast): Look {
    const { ignore, baseline } = this.options;
    const examination = new Examination(trace, forecast);
    const options = { ...(ignore ? { ignore } : {}), ...(baseline ? { baseline } : {}) };
    return { examination, findings: diagnoseExamination(examination, options) };
  }
}

/** What work gives, or undefined where what it works on cannot be: shapes that do not fit, an initializer that an activation has none of. */
export async function possibly<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    return undefinedIfImpossible(error);
  }
}

/** The same of work that nobody waits for. */
function possible<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    return undefinedIfImpossible(error);
  }
}

function undefinedIfImpossible(error: unknown): undefined {
  if (!(error instanceof ArgumentError || error instanceof ShapeError)) throw error;
}
