import type { Random } from '../../core/random.js';
import type { Look } from './attempt.js';
import type { Candidate, Course } from './course.js';
import { applicable } from './methods.js';

/** Remedies drawn together at most. */
const TOGETHER = 2;
/** Draws at most for one trial: many remedies have nothing to change. */
const DRAWS = 50;

/** One or more remedies that have something to change, whatever it is. */
export async function drawn(course: Course, start: Candidate, look: Look, random: Random): Promise<Candidate | undefined> {
  const wanted = 1 + random.integer(TOGETHER);
  let [candidate, known] = [start, look.examination];
  const allowed = applicable.filter((remedy) => course.allows(remedy, start.patient));
  for (let draw = 0; draw < DRAWS && candidate.remedies.length < start.remedies.length + wanted; draw++) {
    const remedy = allowed[random.integer(Math.max(1, allowed.length))];
    if (!remedy || candidate.remedies.some(({ id }) => id === remedy.hint.id)) continue;
    const changes = course.changes(candidate, known, remedy, []);
    const change = changes[random.integer(Math.max(1, changes.length))];
    const plan = change && course.clinic.plan(change.patient, look.examination);
    if (change && plan && (await course.clinic.possibly(() => course.clinic.look(change.patient)))) [candidate, known] = [change, plan];
  }
  return candidate.remedies.length > start.remedies.length ? candidate : undefined;
}
