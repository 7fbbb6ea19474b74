import { countOf } from '../core/count.js';
import { AbortError, ArgumentError } from '../core/errors.js';
import { refuse } from '../core/expect.js';
import { Random } from '../core/random.js';
import type { BatchLike } from '../model/arguments.js';
import { toOwnConfig } from '../model/config.js';
import type { Model } from '../model/model.js';
import { Bends, lookupsOf } from './forecast.js';
import { treatByChance } from './treatment/by-chance.js';
import { type CourseEnd, treatByEvidence } from './treatment/by-evidence.js';
import { best } from './treatment/choose.js';
import { Clinic } from './treatment/clinic.js';
import { Course, illOf, shortShare, type Tried } from './treatment/course.js';
import { describeTreatment, NOTICEABLE } from './treatment/describe.js';
import { materialOf } from './treatment/material.js';
import { methodOf } from './treatment/methods.js';
import { checkTreatOptions, type TreatOptions } from './treatment/options.js';
import { admit } from './treatment/patient.js';
import { tidied } from './treatment/tidy.js';
import type { Evidence, Outcome, Treatment } from './treatment/treatment.js';

export type { TreatOptions } from './treatment/options.js';

/**
 * Finds the smallest change by which a model trains, and proves it: what one minibatch shows to help is applied before a step is spent, short trials from the
 * same start decide, then comes the full run. The given model stays as it is; a network in which nothing is ill is trained
 * as it is, and changed only where that scores 9 % higher, or 19 % with gates instead of a simple RNN.
 * @param data rows to train and to judge by; nothing that grades the model in the end.
 * @throws ArgumentError on a wrong option, where nothing is trained, or on a budget too small to try anything, with what it would take; DataError if the
 * data are at fault;
 * AbortError if `signal` fires before anything was tried.
 */
export async function treat(model: Model, data: BatchLike, options: TreatOptions = {}): Promise<Treatment> {
  if (!Array.isArray(model?.network?.calls)) refuse('treat', 'model', 'a compiled model, such as sequential([…]).compile({ … })', model);
  checkTreatOptions(options);
  if (!model.variables.some(({ trainable }) => trainable)) {
    throw new ArgumentError('treat: the model has no trainable weights, so there is nothing to treat. Are all layers frozen?', {
      argument: 'model',
    });
  }
  const { epochs = 5, batchSize = 32, validationData, validationSplit = 0.15, seed = model.seed, budget = {}, choose = 'evidence' } = options;
  const clock = options.clock ?? (() => performance.now());
  const progress = options.onProgress ?? (() => {});
  const material = materialOf(model, data, validationData, validationSplit, seed);
  const { engine, backend, threads, programs, warn } = model.options;
  const { config, functions } = toOwnConfig(model);
  const clinic = new Clinic({
    material,
    bends: new Bends(lookupsOf(model)),
    epochs,
    signal: options.signal,
    clock,
    progress,
    making: {
      ...(engine ? { engine } : {}),
      ...(backend ? { backend } : {}),
      ...(threads ? { threads } : {}),
      ...(programs ? { programs } : {}),
      ...(warn ? { warn } : {}),
      custom: { ...functions, ...options.custom },
    },
    ...(options.ignore ? { ignore: options.ignore } : {}),
    ...(options.baseline ? { baseline: options.baseline } : {}),
  });
  const patient = await admit(model, batchSize, { ...config, seed });
  const plainSteps = clinic.stepsOf(patient);
  const { trials = 6, steps = 3 * plainSteps, seconds = Number.POSITIVE_INFINITY } = budget;
  const least = Math.ceil((1 + 2 * shortShare(plainSteps)) * plainSteps);
  if (steps < least) {
    throw new ArgumentError(
      `treat: a budget of ${countOf(steps, 'step')} is too small: one full training of ${countOf(epochs, 'epoch')} takes ${countOf(plainSteps, 'step')}, and trying one remedy against the untreated network another ${least - plainSteps}; allow at least ${least}, or use fewer epochs`,
      { argument: 'budget', received: steps, expected: least },
    );
  }
  const course = new Course(clinic, {
    budget: { trials, steps, seconds },
    keep: options.keep ?? [],
    allow: options.allow,
    deny: options.deny ?? [],
    random: new Random(seed).stream('treatment'),
    progress,
    during: options.during ?? false,
  });
  const start = { patient, remedies: [], spared: [] };
  let interrupted = false;
  let end: CourseEnd | undefined;
  try {
    end = await (choose === 'random' ? treatByChance : treatByEvidence)(course, start);
  } catch (error) {
    const so = best(lastRuns(course));
    const first = course.tried[0];
    if (!(error instanceof AbortError) || !so || !first) throw error;
    interrupted = true;
    end = { findings: first.run.findings, before: first, after: so };
  } finally {
    await clinic.close();
    await forget(course, end?.after);
  }
  return new Treated(end, course, { plainSteps, interrupted });
}

/** Of each model the last run, after which its weights are: a whole training may go on with a trial's model. */
const lastRuns = ({ tried }: Course): Tried[] =>
  tried.filter(({ run: { model } }, at) => !tried.slice(at + 1).some(({ run }) => run.model === model));

/** Frees what trials hold in the engine, but for the one that is kept. */
async function forget({ tried }: Course, kept: Tried | undefined): Promise<void> {
  for (const { run } of tried) if (run.model !== kept?.run.model) await run.model.dispose();
}

/** What a course of treatment came to. */
class Treated implements Treatment {
  readonly outcome: Outcome;
  readonly model: Model;
  readonly changed: boolean;
  readonly remedies: Treatment['remedies'];
  readonly findings: Treatment['findings'];
  readonly before: Evidence;
  readonly after: Evidence;
  readonly trials: Treatment['trials'];
  readonly proposals: Treatment['proposals'];
  readonly steps: number;
  readonly plainSteps: number;
  readonly seconds: number;
  readonly interrupted: boolean;

  constructor({ findings, before, after }: CourseEnd, course: Course, { plainSteps, interrupted }: Pick<Treatment, 'plainSteps' | 'interrupted'>) {
    this.model = after.run.model;
    this.changed = after.remedies.length > 0;
    this.remedies = tidied(after.remedies, before.patient, after.patient);
    this.findings = findings;
    this.before = evidenceOf(before, course);
    this.after = evidenceOf(after, course);
    this.outcome = outcomeOf(findings, before, after);
    this.trials = course.trials.map((trial) => (trial.remedies === after.remedies ? { ...trial, remedies: this.remedies } : trial));
    this.proposals = findings.flatMap(({ remedies }) => remedies.filter(({ id }) => methodOf(id) === undefined));
    this.steps = course.clinic.steps;
    this.plainSteps = plainSteps;
    this.seconds = course.seconds;
    this.interrupted = interrupted;
  }

  toString(): string {
    return describeTreatment(this);
  }
}

function evidenceOf({ patient, run }: Tried, { clinic }: Course): Evidence {
  return {
    config: patient.config,
    batchSize: patient.batchSize,
    epochs: clinic.options.epochs,
    findings: run.findings,
    grade: run.grade,
    rows: clinic.options.material.validation.inputs[0]?.shape[0] ?? 0,
    steps: run.steps,
    trace: run.examination.trace,
  };
}

function outcomeOf(findings: Treatment['findings'], before: Tried, after: Tried): Outcome {
  const [was, is] = [before.run.grade.score, after.run.grade.score];
  const well = illOf(after.run).length === 0;
  // What was feared of a network as it was drawn, its whole training may bear.
  if (after.remedies.length === 0) return illOf({ findings }).length === 0 || (after.run.whole && well) ? 'healthy' : 'uncured';
  if (is < was || after.run.examination.trace.failure) return 'uncured';
  if (well) return 'cured';
  // What is still ill has to do better than before, and than chance, by more than other rows would show.
  return is - Math.max(0, was) > NOTICEABLE ? 'improved' : 'uncured';
}
