import type { Finding } from '../finding.js';
import type { Guard, Look } from './attempt.js';
import { best, distress, GOOD, leads, POOR, shortOnes } from './choose.js';
import { type Candidate, type Course, illOf, type Tried } from './course.js';
import { finish } from './finish.js';
import { answersTo, keyOf, nextAfter, tryOut, withAll } from './next.js';
import { goneOn } from './patient.js';

/** Looks at most before the first trial: each costs about as much as some tens of steps. */
const MOST_LOOKS = 12;
/** Remedies at most that looks add up. */
const MOST_REMEDIES = 4;
/** From this margin on a finding is answered before the first step: networks nearer to a threshold often train. */
const CERTAIN = 1.5625;
/** Trials before the first full run, unless networks have hardly begun to learn: more of them are cheaper than a full run of such. */
const ENOUGH = 3;
/** Trials of a network in which nothing is ill, and of one that is far from what could be: it has more to gain. */
const [FEW, MORE] = [3, 6];
const FAR = 0.5;
/** By how much more of what neighbours reach than it should a network leaves little to gain: one that does barely enough often gains a tenth. Deep ones gain by whatever makes them learn sooner. */
const AMPLE = 0.06;

/** Where a course of treatment came to. */
export interface CourseEnd {
  /** What was found before anything was changed. */
  readonly findings: readonly Finding[];
  readonly before: Tried;
  readonly after: Tried;
}

/** A candidate, and what one minibatch showed of it. */
interface Settled {
  readonly candidate: Candidate;
  readonly look: Look;
}

/** With targets and features brought to unit size, where targets are too large or too small: until then a minibatch shows little else. */
async function withData(course: Course, start: Candidate, look: Look): Promise<Settled> {
  if (!illOf(look).some(({ remedies }) => remedies.some(({ id }) => id === 'scale-targets'))) return { candidate: start, look };
  const candidate = withAll(course, start, look, ['standardize-inputs', 'scale-targets']);
  const next = candidate === start ? undefined : await course.look(candidate);
  return next && distress(next) < distress(look) ? { candidate, look: next } : { candidate: start, look };
}

/** Adds remedies, cheapest first, as long as one minibatch shows each to help. No step is spent. */
async function settle(course: Course, start: Candidate, look: Look): Promise<Candidate> {
  let state = await withData(course, start, look);
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

/** Whether a look is sure enough to change a network before its first step. */
const isCertain = (look: Look): boolean => illOf(look).some(({ margin }) => margin >= CERTAIN);

/** Epochs in a row that must show a network surely ill before its run is ended: the first ones of many that train look so. */
const PATIENCE = 3;
/** An epoch that leaves less than this of the last one's loss is no sign of illness, whatever else is. */
const FALLEN = 0.95;

/** Parts of what neighbours reach: from the first on a network is well on its way, whatever it looks like; a trial that comes to the second leaves little to gain. */
const [ON_ITS_WAY, WELL] = [0.78, 0.85];

/** Whether a run is ill, and whether it has been so surely, and got no further, for long enough to be ended. */
function patience(): Guard['judge'] {
  let surely = 0;
  return (look) => {
    const [before, last] = look.examination.losses.slice(-2);
    const falls = before !== undefined && last !== undefined && last < FALLEN * before;
    const learns = (look.examination.partOfNeighbours ?? 0) >= ON_ITS_WAY;
    surely = isCertain(look) && !falls && !learns ? surely + 1 : 0;
    if (surely >= PATIENCE) return 'over';
    return illOf(look).length === 0 || learns ? 'healthy' : 'ill';
  };
}

/** Whether the first steps of a network come to that part of what neighbours reach. */
const comesTo = (part: number, { run: { grade, examination } }: Tried): boolean =>
  grade.score >= part * (examination.neighbourScore ?? Number.POSITIVE_INFINITY);

/** Whether a trial leaves little to gain. */
const isWell = (tried: Tried): boolean => tried.run.grade.score >= GOOD || comesTo(WELL, tried);

/**
 * The smallest remedy that works. A network in which nothing is surely ill is trained as it is, watched; what shows then, or showed before the first step, is answered:
 * first by what one minibatch shows to help, then by short trials from the same start; the full run of the smallest change that does best comes last.
 */
export async function treatByEvidence(course: Course, start: Candidate): Promise<CourseEnd> {
  const look = await course.clinic.look(start.patient);
  course.trials.push({ remedies: [], kind: 'look', steps: 0, ill: illOf(look).map(({ rule }) => rule) });
  if (isCertain(look)) {
    const begun = await course.short(start);
    if (!comesTo(ON_ITS_WAY, begun)) return answer(course, start, look, { begun });
  }
  const untreated = await course.full(start, patience());
  if (untreated.run.whole && illOf(untreated.run).length === 0) return spur(course, start, untreated);
  if (untreated.run.healthy) {
    const patient = goneOn(start.patient, untreated.run.healthy);
    return answer(course, { ...start, patient }, await course.clinic.look(patient), { untreated });
  }
  return answer(course, start, look, { untreated });
}

/** What was seen of the network as it is: its first steps, or a run that was to be whole. */
interface Seen {
  readonly begun?: Tried;
  readonly untreated?: Tried;
}

/** Answers what is ill. */
async function answer(course: Course, start: Candidate, look: Look, { begun, untreated }: Seen): Promise<CourseEnd> {
  const findings = untreated ? untreated.run.findings : look.findings;
  const candidate = await settle(course, start, look);
  // What went through needs no trial, and what broke off once breaks off again, however well it begins.
  const known = untreated && (untreated.run.whole || untreated.run.examination.trace.failure !== undefined);
  const before = known ? untreated : (begun ?? (await course.short(start)));
  if (candidate !== start && course.canTry(candidate.patient)) await tryOut(course, candidate, look);
  const done = new Set(shortOnes(course).map(keyOf));
  let lead = best(shortOnes(course));
  // A run that was begun shows more than a minibatch, or a trial.
  const shown = (): Tried => (lead && lead.remedies.length > 0 ? lead : { ...(untreated ?? before), patient: start.patient });
  const wanting = (): boolean => !lead || (course.treatedTrials < ENOUGH ? !isWell(lead) : lead.run.grade.score < POOR);
  while (course.canTry(start.patient) && wanting()) {
    const next = nextAfter(course, shown(), done);
    if (!next) break;
    done.add(keyOf(next));
    const tried = await tryOut(course, next, look);
    if (tried && (!lead || leads(tried, lead))) lead = tried;
  }
  const chosen = best(shortOnes(course));
  if (!chosen) return { findings, before, after: before };
  return { findings, before: untreated ?? before, after: await finish(course, chosen, untreated, done) };
}

/** By how much a trial must surpass the untreated network's first steps to be worth a whole training. */
const DECISIVE = 0.05;

/** A network in which nothing is ill, and which does not do well all the same: changed only where it learns faster, and comes farther, changed. */
async function spur(course: Course, start: Candidate, untreated: Tried): Promise<CourseEnd> {
  const stay = { findings: untreated.run.findings, before: untreated, after: untreated };
  const { grade, examination } = untreated.run;
  const { score } = grade;
  if (score >= GOOD || examination.suffices(examination.isDeep ? 0 : AMPLE) || !course.canTry(start.patient)) return stay;
  const begun = await course.short(start);
  const done = new Set<string>();
  let lead = begun;
  for (let trial = 0; trial < (score < FAR ? MORE : FEW) && course.canTry(start.patient); trial++) {
    const next = nextAfter(course, { ...untreated, patient: start.patient }, done);
    if (!next) break;
    done.add(keyOf(next));
    const tried = await tryOut(course, next, untreated.run);
    if (tried && tried.run.grade.score > lead.run.grade.score + (lead === begun ? DECISIVE : 0)) lead = tried;
  }
  return lead === begun ? stay : { ...stay, after: await finish(course, lead, untreated, done) };
}
