import { countOf } from '../../core/count.js';
import { ArgumentError } from '../../core/errors.js';
import type { Random } from '../../core/random.js';
import type { Examination } from '../examination.js';
import type { Finding } from '../finding.js';
import { remedies as hints } from '../remedies.js';
import type { Guard, Look, Run } from './attempt.js';
import type { Clinic } from './clinic.js';
import { sayShare } from './describe.js';
import type { Alterable } from './method.js';
import { withoutDecay } from './methods/training.js';
import type { Applicable } from './methods.js';
import type { Patient } from './patient.js';
import type { AppliedRemedy, Trial } from './treatment.js';

/** A patient with the remedies that made it. */
export interface Candidate {
  readonly patient: Patient;
  readonly remedies: readonly AppliedRemedy[];
  /** Ids of remedies that those make needless. */
  readonly spared: readonly string[];
}

/** A candidate that was trained, for its first steps or to the end. */
export interface Tried extends Candidate {
  readonly run: Run;
  readonly kind: 'short' | 'full';
}

/** What may be spent; the full run is not a trial. */
export interface Budget {
  /** Short trainings, that of the untreated network not counted. */
  readonly trials: number;
  readonly steps: number;
  readonly seconds: number;
}

export interface CourseOptions {
  readonly budget: Budget;
  readonly keep: readonly Alterable[];
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[];
  readonly random: Random;
  readonly progress: (line: string) => void;
  /** Whether a run that turns ill goes on from its last healthy epoch instead of anew. */
  readonly during: boolean;
}

/** Steps in which a network shows whether it learns, and share of a training that a trial takes: more of a training that is short. */
const TELLING = 50;
const SHARES = { from: 0.1, to: 0.2 };

/** Share of a training of so many steps that a trial takes. */
export const shortShare = (steps: number): number => Math.min(SHARES.to, Math.max(SHARES.from, TELLING / steps));

/** The remedy that is taken back before another is applied. */
export const DECAY = hints.decayLearningRate.id;

/** What can be altered without losing what a network has learned. */
const goingOn: readonly Alterable[] = ['learningRate', 'optimizer', 'batchSize', 'weights'];

/** Findings by which training suffers. */
export const illOf = ({ findings }: { readonly findings: readonly Finding[] }): Finding[] => findings.filter(({ severity }) => severity === 'ill');

/** What was tried on the way, and what may still be spent. */
export class Course {
  readonly clinic: Clinic;
  readonly options: CourseOptions;
  readonly trials: Trial[] = [];
  readonly tried: Tried[] = [];
  readonly #began: number;

  constructor(clinic: Clinic, options: CourseOptions) {
    this.clinic = clinic;
    this.options = options;
    this.#began = clinic.options.clock();
  }

  get seconds(): number {
    return (this.clinic.options.clock() - this.#began) / 1000;
  }

  /** Whether a remedy may be applied. */
  allows({ hint, method }: Applicable, { epochsDone }: Patient): boolean {
    const { keep, allow, deny } = this.options;
    // What was learned stays where a run goes on.
    if (epochsDone > 0 && !method.alters.every((one) => goingOn.includes(one))) return false;
    return !method.alters.some((one) => keep.includes(one)) && !deny.includes(hint.id) && (allow?.includes(hint.id) ?? true);
  }

  /** All ways in which a remedy changes a candidate. */
  changes(candidate: Candidate, examination: Examination, { hint, method }: Applicable, answers: readonly string[]): Candidate[] {
    if (candidate.spared.includes(hint.id) || !this.allows({ hint, method }, candidate.patient)) return [];
    const decays = candidate.remedies.some(({ id }) => id === DECAY);
    const patient = decays ? withoutDecay(candidate.patient) : candidate.patient;
    const kept = candidate.remedies.filter(({ id }) => id !== DECAY && !method.supersedes?.includes(id));
    return method
      .apply({
        patient,
        facts: examination.facts,
        examination,
        steps: this.clinic.stepsOf(patient),
        random: this.options.random,
        keep: this.options.keep,
      })
      .map(({ patient: after, what, rate, revived, spares = [] }) => ({
        patient: after,
        remedies: [...kept, { id: hint.id, cost: hint.cost, what, answers, ...(rate ? { rate } : {}), ...(revived ? { revived } : {}) }],
        spared: [...candidate.spared, ...spares],
      }));
  }

  /** One minibatch of a candidate; undefined where there is no such network. */
  async look(candidate: Candidate): Promise<Look | undefined> {
    const look = await this.clinic.possibly(() => this.clinic.look(candidate.patient));
    if (look) this.trials.push({ remedies: candidate.remedies, kind: 'look', steps: 0, ill: illOf(look).map(({ rule }) => rule) });
    return look;
  }

  /** The first steps of a candidate's training. */
  async short(candidate: Candidate): Promise<Tried> {
    return this.#train(candidate, 'short', undefined);
  }

  /** The same; undefined where there is no such network. */
  async shortIfPossible(candidate: Candidate): Promise<Tried | undefined> {
    return this.clinic.possibly(() => this.short(candidate));
  }

  /** A candidate's whole training. `judge` may end it early. @throws ArgumentError if all time is spent on its way, and nothing else was tried. */
  async full(candidate: Candidate, judge?: Guard['judge']): Promise<Tried> {
    const { patient } = candidate;
    const { budget, during } = this.options;
    const timed = budget.seconds < Number.POSITIVE_INFINITY;
    return this.#train(candidate, 'full', judge && { judge, keeps: during, ...(timed ? { reached: this.#clockOf(patient) } : {}) });
  }

  async #train(candidate: Candidate, kind: 'short' | 'full', guard?: Guard): Promise<Tried> {
    const names = candidate.remedies.map(({ what }) => what).join('; ');
    const { patient } = candidate;
    const run = await (kind === 'short' ? this.clinic.short(patient, shortShare(this.clinic.stepsOf(patient))) : this.clinic.whole(patient, guard));
    const tried = { ...candidate, run, kind };
    const ill = illOf(run).map(({ rule }) => rule);
    this.tried.push(tried);
    this.trials.push({ remedies: candidate.remedies, kind, steps: run.steps, grade: run.grade, ill });
    const { score } = run.grade;
    this.options.progress(
      `${kind === 'short' ? 'trial' : 'full run'}, ${names === '' ? 'untreated' : names}: score ${sayShare(score)} after ${countOf(run.steps, 'step')}`,
    );
    this.#checkTime(tried);
    return tried;
  }

  /** Short trainings of what was changed. */
  get treatedTrials(): number {
    return this.tried.filter(({ kind, remedies }) => kind === 'short' && remedies.length > 0).length;
  }

  /** Whether another trial, and the full run after it, can be paid for. */
  canTry(patient: Patient): boolean {
    const { trials, steps } = this.options.budget;
    const whole = this.clinic.stepsOf(patient);
    return (
      this.treatedTrials < trials &&
      this.clinic.steps + Math.ceil((1 + shortShare(whole)) * whole) <= steps &&
      this.seconds < this.options.budget.seconds - this.#fullSeconds()
    );
  }

  /** Whether a whole training can be paid for. */
  canRun(patient: Patient): boolean {
    const { steps, seconds } = this.options.budget;
    return this.clinic.steps + this.clinic.stepsOf(patient) <= steps && this.seconds < seconds - this.#fullSeconds();
  }

  /** Seconds that a whole training takes, from what was run so far; 0 where nothing came beyond its first step. */
  #fullSeconds(): number {
    const last = this.tried.findLast(({ run }) => run.steps > 0);
    return last ? (last.run.seconds / last.run.steps) * this.clinic.stepsOf(last.patient) : 0;
  }

  /** @throws ArgumentError if the first trial shows that a whole training cannot be paid for. */
  #checkTime({ kind }: Tried): void {
    const needed = this.seconds + this.#fullSeconds();
    if (this.tried.length > 1 || kind === 'full' || needed <= this.options.budget.seconds) return;
    throw this.#tooLittleTime(this.#fullSeconds(), this.seconds, needed);
  }

  /** What ends a first training that has spent all time before its end, as soon as as many steps as a trial takes tell how long it would be. */
  #clockOf(patient: Patient): (steps: number) => void {
    const [whole, before] = [this.clinic.stepsOf(patient), this.seconds];
    const share = shortShare(whole);
    return (steps) => {
      if (this.tried.length > 0 || steps < share * whole || steps >= whole || this.seconds <= this.options.budget.seconds) return;
      const full = ((this.seconds - before) / steps) * whole;
      // That of the untreated network, a trial, and what the trial goes on as.
      throw this.#tooLittleTime(full, before, before + (2 + share) * full);
    };
  }

  #tooLittleTime(full: number, spent: number, needed: number): ArgumentError {
    const { seconds } = this.options.budget;
    return new ArgumentError(
      `treat: a budget of ${seconds} s is too small: a full training takes about ${full.toFixed(1)} s on top of the ${spent.toFixed(1)} s spent so far; allow at least ${Math.ceil(1.5 * needed)} s, or use fewer epochs`,
      { argument: 'budget', received: seconds, expected: Math.ceil(1.5 * needed) },
    );
  }
}
