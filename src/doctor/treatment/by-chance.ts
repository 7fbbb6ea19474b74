import type { Random } from '../../core/random.js';
import type { CourseEnd } from './by-evidence.js';
import { best, shortOnes } from './choose.js';
import { type Look, possibly } from './clinic.js';
import type { Candidate, Course } from './course.js';
import { applicable } from './methods.js';

/** Remedies drawn together at most. */
const TOGETHER = 2;
/** Draws at most for one trial: many remedies have nothing to change. */
const DRAWS = 50;

/**
 * Remedies drawn by chance from the same list, tried with the same budget and chosen by the same validation: what any choice by evidence must beat
 * (arXiv 2301.11568).
 */
export async function treatByChance(course: Course, start: Candidate): Promise<CourseEnd> {
  const look = await course.clinic.look(start.patient);
  const before = await course.short(start);
  const random = course.options.random.stream('chance');
  while (course.canTry(start.patient)) {
    const candidate = await drawn(course, start, look, random);
    if (!candidate) break;
    await course.short(candidate);
  }
  return { findings: look.findings, before, after: await course.full(best(shortOnes(course)) ?? before) };
}

/** One or more remedies that have something to change, whatever it is. */
async function drawn(course: Course, start: Candidate, look: Look, random: Random): Promise<Candidate | undefined> {
  const wanted = 1 + random.integer(TOGETHER);
  let [candidate, known] = [start, look.examination];
  for (let draw = 0; draw < DRAWS && candidate.remedies.length < wanted; draw++) {
    const remedy = applicable[random.integer(applicable.length)];
    if (!remedy || candidate.remedies.some(({ id }) => id === remedy.hint.id)) continue;
    const changes = course.changes(candidate, known, remedy, []);
    const change = changes[random.integer(Math.max(1, changes.length))];
    const plan = change && course.clinic.plan(change.patient, look.examination);
    if (change && plan && (await possibly(() => course.clinic.look(change.patient)))) [candidate, known] = [change, plan];
  }
  return candidate.remedies.length > 0 ? candidate : undefined;
}
