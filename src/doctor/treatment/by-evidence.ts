import { value } from '../examination.js';
import type { Finding } from '../finding.js';
import type { Look } from './attempt.js';
import { best, better, distress, shortOnes } from './choose.js';
import { type Candidate, type Course, DECAY, illOf, type Tried } from './course.js';
import { drawn } from './draw.js';
import { methodOf } from './methods.js';
import { goneOn } from './patient.js';

/** Looks at most before the first trial: each costs about as much as some tens of steps. */
const MOST_LOOKS = 12;
/** Remedies at most that looks add up. */
const MOST_REMEDIES = 4;
/** From this margin on a finding is answered before the first step: networks nearer to a threshold often train. */
const CERTAIN = 1.5625;
/** A trial with this score leaves little to gain. With less than the second a network has hardly begun to learn: more trials are cheaper than a full run of it. */
const GOOD = 0.9;
const POOR = 0.25;
/** Trials before the first full run, unless networks have hardly begun to learn. */
const ENOUGH = 3;
/** Trials in a row that do no better, after which a network in which nothing is ill is left alone. */
const FRUITLESS = 2;
/** The same of one that is ill after its treatment, or whose score is below the second: it has more to gain. */
const PATIENT = 6;
const FAR = 0.5;
/** What no network suffers from, and most that are slow lack; then what changes more, smallest first. */
const basics = ['standardize-inputs', 'suiting-initializer', 'adaptive-optimizer'];
const boosters = ['raise-learning-rate', 'change-activation', 'normalize', 'residual', 'lower-learning-rate'];
/** Normalised networks bear larger steps, and learn most in few of them (Ioffe and Szegedy 2015, section 4.2). */
const boosts = ['normalize', 'raise-learning-rate'];

/** Where a course of treatment came to. */
export interface CourseEnd {
  /** What was found before anything was changed. */
  readonly findings: readonly Finding[];
  readonly before: Tried;
  readonly after: Tried;
}

/** Ways to answer what is ill, in the order of the findings, the cheapest remedy first. */
function answersTo(course: Course, candidate: Candidate, look: Look, findings: readonly Finding[]): Candidate[] {
  const seen = new Set<string>();
  return findings.flatMap(({ remedies }) =>
    remedies.flatMap(({ id }) => {
      const remedy = methodOf(id);
      if (!remedy || seen.has(id)) return [];
      seen.add(id);
      const answers = findings.filter((one) => one.remedies.some((hint) => hint.id === id)).map(({ rule }) => rule);
      return course.changes(candidate, look.examination, remedy, answers);
    }),
  );
}

/** Adds remedies, cheapest first, as long as one minibatch shows each to help. No step is spent. */
async function settle(course: Course, start: Candidate, look: Look): Promise<Candidate> {
  let state = { candidate: start, look };
  let looks = 0;
  while (state.candidate.remedies.length < MOST_REMEDIES) {
    const [first] = illOf(state.look);
    if (!first) return state.candidate;
    let found: typeof state | undefined;
    for (const candidate of answersTo(course, state.candidate, state.look, illOf(state.look))) {
      if (looks++ >= MOST_LOOKS) break;
      const next = await course.look(candidate);
      if (!next || distress(next) >= distress(found?.look ?? state.look) - 0.1) continue;
      found = { candidate, look: next };
      const cleared = !illOf(next).some(({ rule }) => rule === first.rule);
      if (cleared && illOf(next).length < illOf(state.look).length) break;
    }
    if (!found) return state.candidate;
    state = found;
  }
  return state.candidate;
}

/** The candidate with more remedies, each where it has something to change and is allowed. */
function withAll(course: Course, candidate: Candidate, look: Look, ids: readonly string[]): Candidate {
  let [state, known] = [candidate, look.examination];
  for (const id of ids) {
    const remedy = methodOf(id);
    const answers = illOf(look).flatMap(({ rule, remedies }) => (remedies.some((hint) => hint.id === id) ? [rule] : []));
    const [next] = remedy && !state.remedies.some((one) => one.id === id) ? course.changes(state, known, remedy, answers) : [];
    const plan = next && course.clinic.plan(next.patient, look.examination);
    if (next && plan) [state, known] = [next, plan];
  }
  return state;
}

/**
 * What to try after the best so far: what helps most networks, together; what answers the first thing that its run showed; what makes most networks learn faster,
 * together; then everything by itself.
 */
function nextAfter(course: Course, tried: Tried, done: ReadonlySet<string>): Candidate | undefined {
  const { run } = tried;
  const isNew = (candidate: Candidate | undefined): candidate is Candidate =>
    candidate !== undefined && keyOf(candidate) !== keyOf(tried) && !done.has(keyOf(candidate));
  const together = withAll(course, tried, run, basics);
  if (isNew(together)) return together;
  const [answer, ...answers] = answersTo(course, tried, run, illOf(run));
  if (isNew(answer)) return answer;
  const faster = withAll(course, tried, run, boosts);
  if (isNew(faster)) return faster;
  const singles = boosters.flatMap((id) => {
    const remedy = methodOf(id);
    const has = tried.remedies.some((one) => one.id === id);
    return remedy && !has ? course.changes(tried, run.examination, remedy, []) : [];
  });
  return [...answers, ...singles].find(isNew);
}

/** The first steps of a candidate whose rate will fall towards its end: of these steps it changes none, and of whole trainings it makes nearly all better. */
function tryOut(course: Course, candidate: Candidate, { examination }: Look): Promise<Tried | undefined> {
  const decay = methodOf(DECAY);
  const [falling] = decay ? course.changes(candidate, examination, decay, []) : [];
  return course.shortIfPossible(falling ?? candidate);
}

const keyOf = ({ remedies }: Candidate): string =>
  remedies
    .filter(({ id }) => id !== DECAY)
    .map(({ what }) => what)
    .sort()
    .join('; ');

/** Whether a look is sure enough to change a network before its first step. */
const isCertain = (look: Look): boolean => illOf(look).some(({ margin }) => margin >= CERTAIN);

/** Epochs in a row that must show a network surely ill before its run is ended: the first ones of many that train look so. */
const PATIENCE = 3;

/** Whether a run has been surely ill for long enough to be ended. */
function patience(): (look: Look) => boolean {
  let surely = 0;
  return (look) => {
    surely = isCertain(look) ? surely + 1 : 0;
    return surely >= PATIENCE;
  };
}

/**
 * The smallest remedy that works. A network in which nothing is surely ill is trained as it is, watched; what shows then, or showed before the first step, is answered:
 * first by what one minibatch shows to help, then by short trials from the same start; the full run of the smallest change that does best comes last.
 */
export async function treatByEvidence(course: Course, start: Candidate): Promise<CourseEnd> {
  const look = await course.clinic.look(start.patient);
  course.trials.push({ remedies: [], kind: 'look', steps: 0, ill: illOf(look).map(({ rule }) => rule) });
  if (isCertain(look)) return answer(course, start, look, undefined);
  const untreated = await course.full(start, patience());
  if (untreated.run.whole && illOf(untreated.run).length === 0) return spur(course, untreated);
  if (course.options.during && untreated.run.healthyEpochs > 0) {
    const { model, healthyEpochs } = untreated.run;
    const patient = await goneOn(start.patient, model, healthyEpochs, healthyEpochs * course.clinic.stepsPerEpoch(start.patient));
    return answer(course, { ...start, patient }, await course.clinic.look(patient), untreated);
  }
  return answer(course, start, look, untreated);
}

/** Answers what is ill. @param untreated the run of the network as it is, where one was begun. */
async function answer(course: Course, start: Candidate, look: Look, untreated: Tried | undefined): Promise<CourseEnd> {
  const findings = untreated ? untreated.run.findings : look.findings;
  const candidate = await settle(course, start, look);
  // What went through needs no trial, and what broke off once breaks off again, however well it begins.
  const known = untreated && (untreated.run.whole || untreated.run.examination.trace.failure !== undefined);
  const before = known ? untreated : await course.short(start);
  if (candidate !== start && course.canTry(candidate.patient)) await tryOut(course, candidate, look);
  const done = new Set(shortOnes(course).map(keyOf));
  let lead = best(shortOnes(course));
  // A run that was begun shows more than a minibatch, or a trial.
  const shown = (): Tried => (lead && lead.remedies.length > 0 ? lead : { ...(untreated ?? before), patient: start.patient });
  const wanting = (): boolean => !lead || lead.run.grade.score < (course.treatedTrials < ENOUGH ? GOOD : POOR);
  while (course.canTry(start.patient) && wanting()) {
    const next = nextAfter(course, shown(), done);
    if (!next) break;
    done.add(keyOf(next));
    const tried = await tryOut(course, next, look);
    if (tried && (!lead || better(tried, lead))) lead = tried;
  }
  const chosen = best(shortOnes(course));
  if (!chosen) return { findings, before, after: before };
  return { findings, before: untreated ?? before, after: await finish(course, chosen, untreated, done) };
}

/** Share of chance's loss below which a network fits the rows that it is trained on: what is missing then is not its gradients' fault. */
const FITTED = 0.25;

function fits({ examination: { trace, chanceLoss } }: Look): boolean {
  const loss = value(trace.epochs.at(-1)?.logs.loss);
  return loss !== undefined && chanceLoss !== undefined && loss < FITTED * chanceLoss;
}

/** By how much a trial must surpass a whole run to put it in doubt. */
const DECISIVE = 0.02;

/** A network in which nothing is ill, and which does not do well all the same: changed only where a tenth of its training, changed, does better than all of it. */
async function spur(course: Course, untreated: Tried): Promise<CourseEnd> {
  const stay = { findings: untreated.run.findings, before: untreated, after: untreated };
  const { score } = untreated.run.grade;
  if (score >= GOOD) return stay;
  const done = new Set<string>();
  const patience = score < FAR ? PATIENT : FRUITLESS;
  for (let fruitless = 0; fruitless < patience && course.canTry(untreated.patient); fruitless++) {
    const next = nextAfter(course, untreated, done);
    if (!next) return stay;
    done.add(keyOf(next));
    const tried = await tryOut(course, next, untreated.run);
    if (!tried || tried.run.grade.score < score + DECISIVE) continue;
    const full = await course.full(tried);
    return better(full, untreated) ? { ...stay, after: full } : stay;
  }
  return stay;
}

/** Whether a whole run leaves nothing to treat: it went through, nothing is ill, and the network fits its rows or does well on others. */
function satisfies({ run }: Tried): boolean {
  return run.whole && illOf(run).length === 0 && (fits(run) || run.grade.score >= GOOD);
}

/** The full run of what did best; where that is not enough, of what did better in a trial, as often as the budget allows. The best by validation stands. */
async function finish(course: Course, chosen: Tried, untreated: Tried | undefined, done: Set<string>): Promise<Tried> {
  const whole = untreated?.run.whole ? untreated : undefined;
  const first = chosen.remedies.length === 0 && whole ? whole : await course.full(chosen);
  let kept = whole && first !== whole && !better(first, whole) ? whole : first;
  let trial = chosen;
  const chance = course.options.random.stream('chance');
  for (let fruitless = 0; fruitless < PATIENT && !satisfies(kept) && course.canTry(kept.patient); fruitless++) {
    // What the evidence speaks for first; then whatever has something to change.
    const next = nextAfter(course, kept, done) ?? (await drawn(course, kept, kept.run, chance));
    if (!next) break;
    if (done.has(keyOf(next))) continue;
    done.add(keyOf(next));
    const tried = await tryOut(course, next, kept.run);
    if (!tried || !better(tried, trial) || !course.canRun(tried.patient)) continue;
    [trial, fruitless] = [tried, -1];
    const full = await course.full(tried);
    if (full.run.grade.score > kept.run.grade.score) kept = full;
  }
  return kept;
}
