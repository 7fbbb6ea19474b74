import { NdArray } from '../core/ndarray.js';
import type { Engine, Resident, RunResult } from '../runtime/index.js';
import type { LiveTrace } from '../vitals/live-trace.js';
import { isObserved, stepsUntilObserved } from '../vitals/request.js';
import type { PassRecord, StepRecord, TraceHeader } from '../vitals/trace.js';
import { FIRED, initialName, type VitalsLayout } from './observe.js';
import { nextName, OBSERVED, type Program } from './program.js';
import { type MeasuredChunk, Recorder } from './recording.js';
import type { State } from './state.js';
import type { StepSpec } from './step.js';

/** Counts of units that are cheaper sent to and fro with each chunk than kept in the engine, and asked for when a pass is over. */
const FEW_UNITS = 4096;

type Pinned = Awaited<ReturnType<State['pin']>>;

/** The engine's side of a trace: what the program reads and leaves there beside the state, and the records made of it. */
export class Watch {
  readonly recorder: Recorder;
  readonly #engine: Engine;
  readonly #layout: VitalsLayout;
  readonly #request: Pick<TraceHeader, 'every' | 'spaced'>;
  readonly #initial: Pinned;
  #fired: NdArray | Resident | undefined;
  #taken: MeasuredChunk | undefined;
  #due = false;
  /** Steps taken before the fit. */
  readonly #start: number;
  /** Steps taken before the pass at hand. */
  #passStart: number;

  private constructor(engine: Engine, layout: VitalsLayout, recorder: Recorder, initial: Pinned, step: number) {
    this.#engine = engine;
    this.#layout = layout;
    this.#request = recorder.trace.header;
    this.recorder = recorder;
    this.#initial = initial;
    this.#fired = layout.unitCount > 0 ? NdArray.zeros([layout.unitCount], 'int32') : undefined;
    this.#start = step;
    this.#passStart = step;
  }

  /** Undefined where the program measures nothing. @param step optimizer steps before the run. */
  static async open(
    engine: Engine,
    { vitals }: Program,
    spec: StepSpec,
    state: State,
    header: TraceHeader,
    step: number,
  ): Promise<Watch | undefined> {
    if (!vitals) return undefined;
    const initial = await state.pin(
      engine,
      vitals.initial.map(({ name }) => name),
    );
    return new Watch(engine, vitals, new Recorder(header, vitals, spec.optimizer), initial, step);
  }

  get trace(): LiveTrace {
    return this.recorder.trace;
  }

  /** Most steps of a run that begins after `step` steps: none follows one that is observed, unless all are. */
  most(step: number): number {
    const { every } = this.#request;
    return every === 1 ? Number.POSITIVE_INFINITY : stepsUntilObserved(this.#request, step, this.#start);
  }

  /** What a run reads beside the state. @param step optimizer steps before it. @param steps its own. */
  feeds(step: number, steps: number): Record<string, NdArray | Resident> {
    const starts = Object.entries(this.#initial.residents).map(([name, resident]) => [initialName(name), resident] as const);
    const last = BigInt(isObserved(this.#request, step + steps - 1, this.#start));
    return {
      ...Object.fromEntries(starts),
      ...(this.#layout.counted ? { [OBSERVED]: new NdArray(BigInt64Array.of(last), []) } : {}),
      ...(this.#fired ? { [FIRED]: this.#fired } : {}),
    };
  }

  /** What a run gives beside the state. */
  get plan(): Record<string, 'fetch' | 'keep'> {
    const { unitCount, unitFigures } = this.#layout;
    const fired = unitCount > FEW_UNITS ? 'keep' : 'fetch';
    return { vitals: 'fetch', ...(unitFigures ? { units: 'fetch' } : {}), ...(unitCount > 0 ? { [nextName(FIRED)]: fired } : {}) };
  }

  /** Takes over what a run gave. */
  take({ fetched, kept }: RunResult, chunk: Pick<MeasuredChunk, 'firstStep' | 'epoch' | 'learningRates'>): void {
    const { vitals, units, logs } = fetched;
    if (vitals && logs) {
      const width = logs.size / chunk.learningRates.length;
      const each = (at: number): number[] => chunk.learningRates.map((_, k) => logs.at(k * width + at));
      this.#taken = { ...chunk, vitals, units, losses: each(0), penalties: this.#layout.penalized ? each(width - 1) : undefined };
    }
    const fired = kept[nextName(FIRED)] ?? fetched[nextName(FIRED)];
    if (!fired) return;
    this.#free();
    this.#fired = fired;
  }

  /** The observed steps of the run that was taken last, before step `end`. */
  steps(end = Number.POSITIVE_INFINITY): StepRecord[] {
    return this.#taken ? this.recorder.chunk(this.#taken).filter(({ step }) => step < end) : [];
  }

  /** Leaves the records of the run that was taken last to `catchUp`: nobody waits for them. */
  defer(): void {
    this.#due = true;
  }

  /** Makes the records that are due. Called while the engine runs the next chunk, so that they cost no time of their own. */
  catchUp(): void {
    if (!this.#due) return;
    this.#due = false;
    for (const record of this.steps()) this.trace.add(record);
  }

  /** What became of the units in the pass that ends with this step. */
  async endPass(epoch: number, step: number): Promise<PassRecord[]> {
    this.catchUp();
    const first = this.#passStart + 1;
    this.#passStart = step;
    if (!this.#fired) return [];
    const [fired] = 'id' in this.#fired ? await this.#engine.get([this.#fired]) : [this.#fired];
    return [this.recorder.pass(epoch, first, step, fired as NdArray)];
  }

  /** Lets go of what it holds in the engine. */
  close(): void {
    this.#free();
    this.#initial.release();
  }

  #free(): void {
    if (this.#fired && 'id' in this.#fired) this.#engine.free([this.#fired]);
    this.#fired = undefined;
  }
}
