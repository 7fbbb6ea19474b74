import type { CourseEnd } from './by-evidence.js';
import { best, shortOnes } from './choose.js';
import type { Candidate, Course } from './course.js';
import { drawn } from './draw.js';

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
