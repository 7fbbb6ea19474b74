import { ArgumentError, ShapeError } from '../../core/errors.js';
import type { NdArray } from '../../core/ndarray.js';
import { spreadRows, takeRows } from '../../data/dataset.js';
import type { Model } from '../../model/model.js';
import { fromConfig } from '../../model/persistence.js';
import { SharedPrograms } from '../../model/shared-programs.js';
import type { ExamineOptions } from '../../model/single-batch.js';
import { factsOf } from '../../network/facts.js';
import type { NeighbourFacts } from '../../vitals/facts.js';
import type { Trace } from '../../vitals/trace.js';
import { type DiagnoseOptions, diagnoseExamination } from '../diagnose.js';
import { Examination } from '../examination.js';
import type { Bends } from '../forecast.js';
import { stepTooLarge } from '../rules/speed.js';
import { Attempt, type Guard, type Look, type Run } from './attempt.js';
import type { Material } from './material.js';
import { build, lossWeightsOf, type Making, type Patient } from './patient.js';

/** Rows of a look: enough to tell dead units from unlucky ones. */
const LOOK_ROWS = 256;

export interface ClinicOptions extends DiagnoseOptions {
  readonly making: Making;
  readonly material: Material;
  /** Candidates bend by the same few functions, among them such as the model brings with it. */
  readonly bends: Bends;
  readonly epochs: number;
  readonly signal?: AbortSignal | undefined;
  readonly clock: () => number;
  /** Takes a line for each network that cannot be. */
  readonly progress: (line: string) => void;
}

/** Where patients are looked at and trained: it has the data, and counts what is spent. */
export class Clinic {
  /** Steps of all runs so far. */
  steps = 0;
  readonly options: ClinicOptions;
  /** What the first training found of the validation rows' neighbours, its loss not weighed; false where that was nothing. */
  #neighbours: NeighbourFacts | false | undefined;
  /** Candidates often differ in weights and rates alone. */
  readonly #programs = new SharedPrograms();
  readonly #making: Making;
  /** Whether looks measure how the loss bends, which takes as long as all else: where the first one sees steps that go too far, and the optimizer's have a bound. */
  #curved: boolean | undefined;
  readonly #chances = new Map<number, number>();
  /** Why networks cannot be, each once. */
  readonly #told = new Set<string>();
  /** Trainings whose rest may still come. */
  readonly #waiting = new Map<Patient, Attempt>();

  constructor(options: ClinicOptions) {
    this.options = options;
    this.#making = { programs: this.#programs, ...options.making };
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

  /** What work gives, or undefined where what it works on cannot be: shapes that do not fit, an initializer that an activation has none of. Why is told: a remedy's own mistake looks the same. */
  async possibly<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      return this.#impossible(error);
    }
  }

  #impossible(error: unknown): undefined {
    if (!(error instanceof ArgumentError || error instanceof ShapeError)) throw error;
    if (this.#told.has(error.message)) return;
    this.#told.add(error.message);
    this.options.progress(`no such network: ${error.message}`);
  }

  /** What is known of a patient's network without a look at it; whatever was measured of the one that it was made from is not. Undefined where there is no such network. */
  plan({ config }: Patient, { trace }: Examination): Examination | undefined {
    const { compile: _, ...wiring } = config;
    let made: Model;
    try {
      made = fromConfig(wiring, this.options.making);
    } catch (error) {
      return this.#impossible(error);
    }
    const network = factsOf(made.network);
    const watched = network.layers.flatMap(({ role }, at) => (role === 'weights' || role === 'activation' ? [at] : []));
    return new Examination(
      { header: { ...trace.header, network, watched, arrays: [] }, steps: [], passes: [], epochs: [] },
      { bends: this.options.bends },
    );
  }

  /** One minibatch forward and backward, no step. @throws EvenkeelError if the network cannot be built. */
  async look(patient: Patient): Promise<Look> {
    const { material } = this.options;
    const model = await build(patient, this.#making);
    try {
      const some = (array: NdArray): NdArray => takeRows(array, Uint32Array.from(spreadRows(array, LOOK_ROWS)));
      const [x, y] = [material.train.inputs.map(some), material.train.targets.map(some)];
      const seen = async (options: ExamineOptions): Promise<Look> => this.#judged(await model.examine(x, y, options));
      if (this.#curved) return await seen({});
      const look = await seen({ sharpness: false });
      this.#curved ??= model.compiled.optimizer.stableProduct !== undefined && look.findings.some(({ rule }) => rule === stepTooLarge.id);
      return this.#curved ? await seen({}) : look;
    } finally {
      await model.dispose();
    }
  }

  /** The first steps of a patient's training, watched; it waits behind them until `whole` asks for the rest, or `close` for no more. */
  async short(patient: Patient, share: number): Promise<Run> {
    const whole = this.stepsOf(patient);
    const steps = Math.min(whole, Math.max(1, Math.round(share * whole)));
    const attempt = await this.#begin(patient);
    this.#waiting.set(patient, attempt);
    return attempt.short(steps);
  }

  /**
   * A patient's whole training, watched: what is left of it where its first steps were taken.
   * @param guard ends it early, unless its first steps were taken before, where what was found says so; the model then has the weights of the last epoch after which it did not.
   */
  async whole(patient: Patient, guard?: Guard): Promise<Run> {
    const waiting = this.#waiting.get(patient);
    this.#waiting.delete(patient);
    return waiting ? waiting.rest() : (await this.#begin(patient, guard)).rest();
  }

  /** Ends what still waits: models have the weights of their last step. */
  async close(): Promise<void> {
    for (const attempt of this.#waiting.values()) await attempt.end();
    this.#waiting.clear();
    this.#programs.close();
  }

  async #begin(patient: Patient, guard?: Guard): Promise<Attempt> {
    const { material, signal, clock } = this.options;
    const began = clock();
    const [weight = 1] = lossWeightsOf(patient);
    return new Attempt(await build(patient, this.#making), patient, {
      material,
      epochs: this.#epochsOf(patient),
      perEpoch: this.stepsPerEpoch(patient),
      neighbours: this.#neighbours && timesWeight(this.#neighbours, weight),
      judge: (trace, run) => {
        const { neighbours } = trace.header.training ?? {};
        this.#neighbours ??= neighbours ? timesWeight(neighbours, 1 / weight) : false;
        return this.#judged(trace, run);
      },
      spend: (steps) => {
        this.steps += steps;
      },
      guard,
      signal,
      clock,
      chances: this.#chances,
      began,
    });
  }

  #judged(trace: Trace, run?: Examination): Look {
    const { ignore, baseline } = this.options;
    const examination = new Examination(trace, { run, bends: this.options.bends });
    const options = { ...(ignore ? { ignore } : {}), ...(baseline ? { baseline } : {}) };
    return { examination, findings: diagnoseExamination(examination, options) };
  }
}

/** The same facts where the loss is multiplied by so much; what is told as accuracy stays. */
function timesWeight(facts: NeighbourFacts, weight: number): NeighbourFacts {
  const { log, value, chance, perfect } = facts;
  return log === 'val_loss' ? { ...facts, value: value * weight, chance: chance * weight, perfect: perfect * weight } : facts;
}
