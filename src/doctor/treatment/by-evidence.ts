import { value } from '../examination.js';
import type { Finding } from '../finding.js';
import { best, better, distress, shortOnes } from './choose.js';
import type { Look } from './clinic.js';
import { type Candidate, type Course, illOf, type Tried } from './course.js';
import { applicable, methodOf } from './methods.js';

/** Looks at most before the first trial: each costs about as much as some tens of steps. */
const MOST_LOOKS = 12;
/** Remedies at most that looks add up. */
const MOST_REMEDIES = 4;
/** From this confidence on a finding is answered before the first step. */
const CERTAIN = 0.6;
/** A trial with this score leaves little to gain; with less than the second, much, so that the last trial is worth its steps. */
const GOOD = 0.9;
const POOR = 0.6;
/** What helps most networks that are slow without a finding that says why, smallest first. */
const boosters = ['adaptive-optimizer', 'suiting-initializer', 'change-activation', 'normalize'];

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
async function settle(course: Course, start: Candidate, look: Look): Promise<{ readonly candidate: Candidate; readonly look: Look }> {
  let state = { candidate: start, look };
  let looks = 0;
  while (state.candidate.remedies.length < MOST_REMEDIES) {
    const [first] = illOf(state.look);
    if (!first) return state;
    let found: typeof state | undefined;
    for (const candidate of answersTo(course, state.candidate, state.look, illOf(state.look))) {
      if (looks++ >= MOST_LOOKS) break;
      const next = await course.look(candidate);
      if (!next || distress(next) >= distress(found?.look ?? state.look) - 0.1) continue;
      found = { candidate, look: next };
      const cleared = !illOf(next).some(({ rule }) => rule === first.rule);
      if (cleared && illOf(next).length < illOf(state.look).length) break;
    }
    if (!found) return state;
    state = found;
  }
  return state;
}

/** What to try after the best so far: answers to what its run showed, then what helps most networks. */
function nextAfter(course: Course, tried: Tried, done: ReadonlySet<string>): Candidate | undefined {
  const { run } = tried;
  const answers = answersTo(course, tried, run, illOf(run));
  const boosts = boosters.flatMap((id) => {
    const remedy = applicable.find(({ hint }) => hint.id === id);
    const has = tried.remedies.some((one) => one.id === id);
    return remedy && !has ? course.changes(tried, run.examination, remedy, []).slice(0, 1) : [];
  });
  return [...answers, ...boosts].find((candidate) => !done.has(keyOf(candidate)));
}

const keyOf = ({ remedies }: Candidate): string =>
  remedies
    .map(({ what }) => what)
    .sort()
    .join('; ');

/** Whether a look is sure enough to change a network before its first step. */
const isCertain = (look: Look): boolean => illOf(look).some(({ confidence }) => confidence >= CERTAIN);

/**
 * The smallest remedy that works. A network in which nothing is surely ill is trained as it is, watched; what shows then, or showed before the first step, is answered:
 * first by what one minibatch shows to help, then by short trials from the same start; the full run of the smallest change that does best comes last.
 */
export async function treatByEvidence(course: Course, start: Candidate): Promise<CourseEnd> {
  const look = await course.clinic.look(start.patient);
  course.trials.push({ remedies: [], kind: 'look', steps: 0, ill: illOf(look).map(({ rule }) => rule) });
  if (isCertain(look)) return answer(course, start, look, undefined);
  const untreated = await course.full(start, (seen) => isCertain(seen));
  if (untreated.run.whole && illOf(untreated.run).length === 0) return spur(course, untreated, look);
  return answer(course, start, look, untreated);
}

/** Answers what is ill. @param untreated the run of the network as it is, where one was begun. */
async function answer(course: Course, start: Candidate, look: Look, untreated: Tried | undefined): Promise<CourseEnd> {
  const findings = untreated ? untreated.run.findings : look.findings;
  const { candidate } = await settle(course, start, look);
  const before = await course.short(start);
  if (candidate !== start && course.canTry(candidate.patient)) await course.short(candidate);
  const done = new Set(shortOnes(course).map(keyOf));
  // A run that was begun shows more than a minibatch.
  let lead = best(shortOnes(course)) ?? before;
  if (untreated && lead === before) lead = { ...before, run: { ...untreated.run, grade: before.run.grade } };
  while (course.canTry(lead.patient) && lead.run.grade.score < (course.treatedTrials < 2 ? GOOD : POOR)) {
    const next = nextAfter(course, lead, done);
    if (!next) break;
    done.add(keyOf(next));
    const check = await course.look(next);
    if (!check || distress(check) > distress(look) + 1) continue;
    const tried = await course.short(next);
    if (better(tried, lead)) lead = tried;
  }
  return { findings, before: untreated ?? before, after: await finish(course, best(shortOnes(course)) ?? before, untreated) };
}

/** Share of chance's loss below which a network fits the rows that it is trained on: what is missing then is not its gradients' fault. */
const FITTED = 0.25;

function fits({ examination: { trace, chanceLoss } }: Look): boolean {
  const loss = value(trace.epochs.at(-1)?.logs.loss);
  return loss !== undefined && chanceLoss !== undefined && loss < FITTED * chanceLoss;
}

/** A network in which nothing is ill, and which does not fit its rows all the same: changed only where a tenth of its training, changed, does better than all of it. */
async function spur(course: Course, untreated: Tried, look: Look): Promise<CourseEnd> {
  const stay = { findings: untreated.run.findings, before: untreated, after: untreated };
  if (untreated.run.grade.score >= GOOD || fits(untreated.run)) return stay;
  const done = new Set<string>();
  while (course.canTry(untreated.patient)) {
    const next = nextAfter(course, untreated, done);
    if (!next) return stay;
    done.add(keyOf(next));
    const check = await course.look(next);
    if (!check || distress(check) > distress(look)) continue;
    const tried = await course.short(next);
    if (!better(tried, untreated)) continue;
    const full = await course.full(tried);
    return better(full, untreated) ? { ...stay, after: full } : stay;
  }
  return stay;
}

/** The full run of what did best; where that breaks off, of what did best besides. */
async function finish(course: Course, chosen: Tried, untreated: Tried | undefined): Promise<Tried> {
  if (chosen.remedies.length === 0 && untreated?.run.whole) return untreated;
  const full = await course.full(chosen);
  if (full.run.grade.score >= chosen.run.grade.score - 0.1) return full;
  const others = shortOnes(course).filter(({ remedies }) => remedies !== chosen.remedies);
  const second = best(others);
  const { steps } = course.options.budget;
  if (!second || second.run.grade.score <= full.run.grade.score || course.clinic.steps + course.clinic.stepsOf(second.patient) > steps) return full;
  const again = await course.full(second);
  return again.run.grade.score > full.run.grade.score ? again : full;
}
