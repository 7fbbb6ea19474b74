import { remedies as hints } from '../remedies.js';
import type { Look } from './attempt.js';
import { better, GOOD, POOR, shortOnes } from './choose.js';
import { type Course, illOf, type Tried } from './course.js';
import { drawn } from './draw.js';
import { keyOf, mendsWiring, nextAfter, tryOut } from './next.js';

/** Trials in a row that do no better, after which a network that was changed is given up. */
const PATIENT = 6;

/** Share of chance's loss below which a network fits the rows that it is trained on: what is missing then is not its gradients' fault. */
const FITTED = 0.25;

const fits = ({ examination: { partOfChance } }: Look): boolean => partOfChance !== undefined && partOfChance < FITTED;

/** Part of what neighbours reach that leaves nothing to treat, and a score that does where they reach more. */
const [REACHED, NEARLY_ALL] = [0.95, 0.93];

/** Whether a whole run leaves nothing to treat: it went through, nothing is ill, and the network does as well on other rows as their neighbours; where those are not known, it fits its own rows or does well on others. */
function satisfies({ run }: Tried): boolean {
  if (!run.whole || illOf(run).length > 0) return false;
  const [{ score }, part] = [run.grade, run.examination.partOfNeighbours];
  return part === undefined ? fits(run) || score >= GOOD : part >= REACHED || score >= NEARLY_ALL;
}

/** By how much a changed network must surpass a whole training of the one that it was made from, and more where nothing was ill in that: less is not worth a change. */
const [WORTH, WORTH_OF_WELL] = [1.07, 1.09];
/** The same of gates instead of a simple RNN: another network altogether, with four times the weights, that does better than nearly any of those. */
const WORTH_OF_ANOTHER = 1.19;
/** Where that leaves little to gain, the share of what is missing that a change must make up for at least. */
const MISSING = 0.6;

/** What a change must come to where nothing was learned and nothing is ill: labels that say nothing of their rows are answered better by some hundredths of them, by chance. */
const MORE_THAN_CHANCE = 0.1;

/** Whether a change does enough for a network that trains by itself. */
function isWorth({ run: { grade }, remedies }: Tried, { run }: Tried): boolean {
  const { score } = run.grade;
  const well = illOf(run).length === 0;
  if (!(score > 0)) return grade.score > (well ? Math.max(score, MORE_THAN_CHANCE) : score);
  if (!well) return grade.score > Math.min(WORTH * score, score + MISSING * (1 - score));
  const isAnother = remedies.some(({ id }) => id === hints.gatedRecurrence.id);
  return grade.score > (isAnother ? WORTH_OF_ANOTHER : WORTH_OF_WELL) * score;
}

/**
 * The full run of what did best; where that is not enough, of what did better in a trial, and at last of what came next, as often as the budget allows.
 * The best by validation stands, or the network as it was where that does nearly as well; where only its first steps were seen, and did better, it is trained to its end.
 */
export async function finish(course: Course, chosen: Tried, untreated: Tried | undefined, done: Set<string>): Promise<Tried> {
  const whole = untreated?.run.whole ? untreated : undefined;
  const first = chosen.remedies.length === 0 && whole ? whole : await course.full(chosen);
  const ran = new Set([keyOf(chosen)]);
  let kept = whole && first.run.grade.score < whole.run.grade.score ? whole : first;
  const run = async (tried: Tried): Promise<void> => {
    ran.add(keyOf(tried));
    const full = await course.full(tried);
    if (full.run.grade.score > kept.run.grade.score) kept = full;
  };
  let trial = chosen;
  // What a linear network knows it knows soon; one that bends comes farther, and later.
  const mayCatchUp = (tried: Tried): boolean => mendsWiring(tried, kept.run) && tried.run.grade.score > POOR * trial.run.grade.score;
  const chance = course.options.random.stream('chance');
  for (let fruitless = 0; fruitless < PATIENT && !satisfies(kept) && course.canTry(kept.patient); fruitless++) {
    // What the evidence speaks for first; then whatever has something to change.
    const next = nextAfter(course, kept, done) ?? (await drawn(course, kept, kept.run, chance));
    if (!next) break;
    if (done.has(keyOf(next))) continue;
    done.add(keyOf(next));
    const tried = await tryOut(course, next, kept.run);
    if (!tried || !(better(tried, trial) || mayCatchUp(tried)) || !course.canRun(tried.patient)) continue;
    [trial, fruitless] = [tried, -1];
    await run(tried);
  }
  // What begins slower may end better.
  const others = shortOnes(course).filter(
    (one) => one.remedies.length > 0 && !ran.has(keyOf(one)) && one.run.grade.score > POOR * trial.run.grade.score,
  );
  for (const other of others.sort((a, b) => b.run.grade.score - a.run.grade.score)) {
    if (satisfies(kept) || !course.canRun(other.patient)) break;
    await run(other);
  }
  // Nothing that is given back has done worse than the network as it was, as far as that was seen.
  const begun = whole ? undefined : shortOnes(course).find(({ remedies }) => remedies.length === 0);
  if (begun && begun.run.grade.score > kept.run.grade.score && !ran.has(keyOf(begun)) && course.canRun(begun.patient)) await run(begun);
  return whole && kept !== whole && !isWorth(kept, whole) ? whole : kept;
}
