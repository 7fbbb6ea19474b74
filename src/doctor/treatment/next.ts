import type { Finding } from '../finding.js';
import type { Look } from './attempt.js';
import { POOR } from './choose.js';
import { type Candidate, type Course, DECAY, illOf, type Tried } from './course.js';
import { methodOf } from './methods.js';

const [RAISE, LOWER, ADAPTIVE] = ['raise-learning-rate', 'lower-learning-rate', 'adaptive-optimizer'];
/** What no network suffers from, and most that are slow lack; then what changes more, smallest first. */
const basics = ['standardize-inputs', 'scale-targets', 'suiting-initializer', ADAPTIVE];
const boosters = ['bend-layers', RAISE, 'change-activation', 'normalize', 'gated-recurrence', 'residual', LOWER];
/** Findings that follow from how a network is wired, and what it is asked for: nothing else makes up for them. */
const wired: ReadonlySet<string> = new Set(['linear-layers', 'loss-mismatch', 'unreachable-targets']);
/** Normalized networks bear larger steps, and learn most in few of them (Ioffe and Szegedy 2015, section 4.2). */
const boosts = ['normalize', RAISE];
const everything = [...basics, 'bend-layers', 'lower-dropout', 'change-activation', 'residual', ...boosts];

/** Ways to answer what is ill, in the order of the findings, the cheapest remedy first. */
export function answersTo(course: Course, candidate: Candidate, look: Look, findings: readonly Finding[]): Candidate[] {
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

/** The candidate with more remedies, each where it has something to change and is allowed. */
export function withAll(course: Course, candidate: Candidate, look: Look, ids: readonly string[]): Candidate {
  let [state, known] = [candidate, look.examination];
  for (const id of ids) {
    const remedy = methodOf(id);
    const answers = illOf(look).flatMap(({ rule, remedies }) => (remedies.some((hint) => hint.id === id) ? [rule] : []));
    const [next] = remedy && mayAdd(state, id) ? course.changes(state, known, remedy, answers) : [];
    const plan = next && course.clinic.plan(next.patient, look.examination);
    if (next && plan) [state, known] = [next, plan];
  }
  return state;
}

/**
 * What could be tried after the best so far: what answers a mistake in the wiring; what helps most networks, together; what answers the first thing that its run showed; what makes most networks learn
 * faster, together; then everything by itself, and everything at once. Made one by one, since each costs the making of some networks.
 */
function* candidatesAfter(course: Course, tried: Tried): Generator<Candidate> {
  const { run, remedies } = tried;
  yield* answersTo(
    course,
    tried,
    run,
    illOf(run).filter(({ rule }) => wired.has(rule)),
  );
  yield withAll(course, tried, run, remedies.some(({ id }) => id === RAISE) ? basics.filter((id) => id !== ADAPTIVE) : basics);
  const [answer, ...answers] = answersTo(course, tried, run, illOf(run));
  if (answer) yield answer;
  yield withAll(course, tried, run, boosts);
  yield* answers;
  // What it might bear is worth an answer where it has hardly begun to learn.
  if (run.grade.score < POOR) {
    yield withAll(course, tried, run, everything);
    yield* answersTo(course, tried, run, risksOf(run));
  }
  for (const id of boosters) {
    const remedy = methodOf(id);
    if (remedy && mayAdd(tried, id)) yield* course.changes(tried, run.examination, remedy, []);
  }
  yield withAll(course, tried, run, everything);
}

/** The first of what could be tried that changes something and was not tried before. */
export function nextAfter(course: Course, tried: Tried, done: ReadonlySet<string>): Candidate | undefined {
  for (const candidate of candidatesAfter(course, tried)) {
    const key = keyOf(candidate);
    if (key !== keyOf(tried) && !done.has(key)) return candidate;
  }
  return undefined;
}

const risksOf = ({ findings }: Look): Finding[] => findings.filter(({ severity }) => severity === 'risk');

/** Whether a candidate answers a mistake in the wiring that a run suffers from. */
export const mendsWiring = ({ remedies }: Candidate, run: Look): boolean =>
  illOf(run).some(({ rule }) => wired.has(rule) && remedies.some(({ answers }) => answers.includes(rule)));

/** Whether a remedy may be applied to a candidate: once, but for rates, which are raised with care, and not lowered where they were chosen. */
function mayAdd({ remedies }: Candidate, id: string): boolean {
  const count = (wanted: string): number => remedies.filter((one) => one.id === wanted).length;
  if (id === LOWER && count(RAISE) + count(ADAPTIVE) > 0) return false;
  return count(id) < (id === RAISE ? 2 : 1);
}

/** The first steps of a candidate whose rate will fall towards its end: of these steps it changes none, and of whole trainings it makes nearly all better. */
export function tryOut(course: Course, candidate: Candidate, { examination }: Look): Promise<Tried | undefined> {
  const decay = methodOf(DECAY);
  const [falling] = decay ? course.changes(candidate, examination, decay, []) : [];
  return course.shortIfPossible(falling ?? candidate);
}

/** What tells one candidate from another. */
export const keyOf = ({ remedies }: Candidate): string =>
  remedies
    .filter(({ id }) => id !== DECAY)
    .map(({ what }) => what)
    .sort()
    .join('; ');
