import type { Course, Tried } from './course.js';
import { illOf } from './course.js';

/** Scores nearer than this, or than that part of what is missing, are equal: the smaller change wins. */
const LEAST = 0.02;
const PART = 0.1;

/** What was tried for as long and did best; of such as did equally well, the one that changes least. */
export function best(tried: readonly Tried[]): Tried | undefined {
  const bySize = [...tried].sort((a, b) => a.remedies.length - b.remedies.length || b.run.grade.score - a.run.grade.score);
  return bySize.reduce<Tried | undefined>((chosen, one) => (chosen === undefined || better(one, chosen) ? one : chosen), undefined);
}

/** Whether one did so much better than another that a larger change is worth it; or, where trials were too short to tell, is less ill. */
export function better(one: Tried, other: Tried): boolean {
  const [score, than] = [one.run.grade.score, other.run.grade.score];
  const least = Math.max(LEAST, PART * (1 - than));
  return score > than + least || (score > than - LEAST && distress(one.run) < distress(other.run) - 1);
}

/** Whether one did better than another, so that what is tried next builds upon it. */
export const leads = (one: Tried, other: Tried): boolean => one.run.grade.score > other.run.grade.score + LEAST;

/** Trials so far, the untreated network's included. */
export const shortOnes = ({ tried }: Course): Tried[] => tried.filter(({ kind }) => kind === 'short');

/** How ill a network is, from what was found: one for each finding that training suffers from, more for what is far beyond its limit. */
export function distress(look: Parameters<typeof illOf>[0]): number {
  return illOf(look).reduce((sum, { margin }) => sum + 1 + Math.log10(Math.min(margin, 1e6)) / 6, 0);
}

/** A trial with this score leaves little to gain. With less than the second a network has hardly begun to learn. */
export const GOOD = 0.9;
export const POOR = 0.25;
