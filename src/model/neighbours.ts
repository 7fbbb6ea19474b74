import type { DType } from '../core/dtype.js';
import { NdArray } from '../core/ndarray.js';
import { product } from '../core/shape.js';
import { argMaxOf, rowsOf, rowWidth, spreadRows, takeRows } from '../data/dataset.js';
import { accuracies } from '../metrics.js';
import type { Network } from '../network/network.js';
import type { Engine } from '../runtime/index.js';
import { logEntries, type StepSpec } from '../training/step.js';
import type { InputFacts, NeighbourFacts, TargetFacts } from '../vitals/facts.js';
import { ofOneUnit } from '../vitals/features.js';
import { KERNEL_STEPS, kernelAnswers } from './kernel-ridge.js';
import { alike, comparedDistances, computed, type Rows } from './nearness.js';
import type { Checked } from './weights.js';

/** Validation rows, at most, whose neighbours are looked for; multiplications that this may take, by which rows to look among are bounded. */
const MOST_ROWS = 512;
const MOST_WORK = 2 ** 30;
/** Fewer rows to look among, where there are more, or to answer for, tell little. */
const FEWEST_ROWS = 64;
/** Element types of what is measured, grey levels included; others number things, and numbers that are near stand for nothing near. */
const measures: readonly DType[] = ['float32', 'float64', 'uint8'];
/** Accuracies of several decisions a row. */
const decided: readonly string[] = ['accuracy', 'binaryAccuracy'];
const ofOneClass: readonly string[] = accuracies;
/** Neighbours that are asked: the nearest one, or some together; of as many votes the nearer ones win. */
const COUNTS = [1, 5] as const;
const NEARER = 1e-6;
/** Rows at most that answer all together, and multiplications that this may take. */
const MOST_TOGETHER = 2048;
const MOST_WORK_TOGETHER = 2 ** 33;
/** Features of pictures, at least: fewer that look like one unit may be columns of a table, each brought to [0, 1]. */
const FEWEST_PIXELS = 64;
/** Of what lies between chance and no error, the least that neighbours must reach: with less, near rows have nothing in common. */
const LEAST = 0.1;
/** Squared errors that float32 makes of numbers, over their squares. */
const ROUNDING = 1e-12;
/** Numbers that chance is compared with at most. */
const MOST_COMPARED = 2 ** 20;
/** Squared correlation of columns that hold the same. */
const ALIKE = 0.999;

export interface NeighbourParts {
  readonly spec: StepSpec;
  readonly engine: Engine;
  readonly train: Checked;
  readonly validation: Checked;
  readonly data: readonly InputFacts[] | undefined;
  readonly targets: readonly TargetFacts[] | undefined;
}

/**
 * What validation rows come to when each is answered as the training rows near to it are: what a network should surpass that has learned from them. Nearness is
 * Euclidean, each feature in its own standard deviations unless all are of one unit; where few look so, in whichever way the nearest answer better. One neighbour answers (Fix and Hodges 1951;
 * Cover and Hart 1967: it errs at most twice as often as the best there can be, where rows are many), or five, or all by kernel ridge regression; whichever does best.
 * Of several inputs features stand side by side. Undefined where it cannot be compared: several outputs, inputs that number things, classes without accuracy
 * among the metrics, numbers under a loss that asks for something else than about a mean, rows that are weighed, or targets that a network must squeeze through
 * fewer numbers, or that are the inputs themselves: those neighbours know.
 */
export async function neighbourFacts(parts: NeighbourParts): Promise<NeighbourFacts | undefined> {
  const { engine, train, validation, data } = parts;
  const [seen, asked] = [train.inputs[0], validation.inputs[0]];
  const question = questionOf(parts);
  if (!seen || !asked || !train.inputs.every(({ dtype }) => measures.includes(dtype)) || !question) return undefined;
  const features = train.inputs.reduce((sum, array) => sum + rowWidth(array), 0);
  const answered = spreadRows(asked, MOST_ROWS);
  const among = spreadRows(seen, Math.floor(MOST_WORK / (answered.length * features)));
  if (answered.length < FEWEST_ROWS || among.length < FEWEST_ROWS) return undefined;
  const exam = question.ask(answered, among);
  const { columns, value } = exam;
  const [wanted, known] = [sideBySide(validation.inputs, answered), sideBySide(train.inputs, among)];
  const { numbers, log } = question;
  const perfect = exam.perfect;
  const best = (values: readonly number[]): number => values.reduce((a, b) => (Math.abs(perfect - b) < Math.abs(perfect - a) ? b : a));
  const together = spreadRows(known, mostTogether(features, columns));
  const taught = meansOf(
    exam,
    together.map((place) => [place]),
  ).cast('float32');
  const byNearest = async (oneUnit: boolean): Promise<Reached> => {
    const lists = await nearestRows(engine, { asked: wanted, known }, oneUnit);
    const answers = COUNTS.map((count) => lists.map((places) => places.slice(0, count)));
    return { oneUnit, value: best(answers.map((places) => value(meansOf(exam, places, NEARER)))) };
  };
  const oneUnit = data?.[0] !== undefined && train.inputs.length === 1 && ofOneUnit(data[0]);
  const ways = [await byNearest(oneUnit), ...(oneUnit && features < FEWEST_PIXELS ? [await byNearest(false)] : [])];
  // All rows together cost most by far: they are asked in the way in which near ones say most.
  const nearest = ways.reduce((a, b) => (best([a.value, b.value]) === a.value ? a : b));
  const all = value(await kernelAnswers(engine, { asked: wanted, known: sideBySide([known], together) }, taught, nearest.oneUnit));
  const reached = best([nearest.value, all]);
  const usual = meansOf(exam, [among.map((_, place) => place)]);
  const base = value(takeRows(usual, new Uint32Array(answered.length)));
  // Numbers that are all alike leave chance what rounding leaves.
  if (numbers && base - perfect <= ROUNDING * Math.abs(value(NdArray.zeros([answered.length, columns])))) return undefined;
  const part = (reached - base) / (perfect - base);
  if (!(part > LEAST)) return undefined;
  if (!numbers || answered.length === rowsOf(asked)) return { log, value: reached, chance: base, perfect, rows: among.length };
  // A few numbers that are far out may make most of a loss: what is logged is that of all validation rows.
  const every = spreadRows(asked, Math.max(MOST_ROWS, Math.floor(MOST_COMPARED / columns)));
  const whole = question.ask(every, among);
  const chance = whole.value(takeRows(usual, new Uint32Array(every.length)));
  return { log, value: chance + part * (whole.perfect - chance), chance, perfect: whole.perfect, rows: among.length };
}

/** Whether what neighbours know is not what a network is asked for: the targets are its inputs, each column up to scale, or go through a layer narrower than both. */
function isCode({ spec: { network }, train }: NeighbourParts): boolean {
  const [known, wanted] = [train.inputs[0], train.targets[0]];
  if (!known || !wanted || train.inputs.length > 1 || rowWidth(wanted) < 2) return false;
  return areAlike(known, wanted) || isSqueezed(network, Math.min(rowWidth(known), rowWidth(wanted)));
}

/** Whether each column of some rows is that of others, but for where it begins and how far it goes. */
function areAlike(known: NdArray, wanted: NdArray): boolean {
  const width = rowWidth(known);
  if (rowWidth(wanted) !== width) return false;
  const rows = spreadRows(known, FEWEST_ROWS);
  return Array.from({ length: width }, (_, k) => k).every((k) => {
    const [x, y] = [known, wanted].map((array) => {
      const column = rows.map((row) => array.at(row * width + k));
      const mean = column.reduce((a, b) => a + b, 0) / column.length;
      return column.map((value) => value - mean);
    }) as [number[], number[]];
    const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, one, i) => sum + one * (b[i] as number), 0);
    return dot(x, y) ** 2 >= ALIKE * dot(x, x) * dot(y, y);
  });
}

/** Whether all that outputs know of inputs goes through some layer of fewer numbers than these. */
function isSqueezed({ calls, outputs }: Network, width: number): boolean {
  return calls.some((narrow) => {
    const [, ...lengths] = narrow.outputs[0]?.shape ?? [];
    if (narrow.inputs.length === 0 || !lengths.every((length) => typeof length === 'number') || product(lengths) >= width) return false;
    const reached = new Set(outputs.map(({ call }) => call).filter((call) => call !== narrow));
    for (const { inputs } of reached) for (const { call } of inputs) if (call !== narrow) reached.add(call);
    return ![...reached].some(({ inputs }) => inputs.length === 0);
  });
}

/** Some rows of all inputs, [rows, features]: as they are, or as floats where they come from several. */
function sideBySide(inputs: readonly NdArray[], wanted: readonly number[]): NdArray {
  const parts = inputs.map((array) => takeRows(array, Uint32Array.from(wanted)).reshape([wanted.length, rowWidth(array)]));
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const features = parts.reduce((sum, part) => sum + rowWidth(part), 0);
  const all = new Float32Array(wanted.length * features);
  let from = 0;
  for (const part of parts) {
    const [width, { data }] = [rowWidth(part), part.cast('float32')];
    for (let row = 0; row < wanted.length; row++) all.set((data as Float32Array).subarray(row * width, (row + 1) * width), row * features + from);
    from += width;
  }
  return new NdArray(all, [wanted.length, features]);
}

/** Rows that can answer together: pairs of them are compared by features, and looked at again in every step for every column. */
const mostTogether = (features: number, columns: number): number =>
  Math.min(MOST_TOGETHER, Math.floor(Math.sqrt(MOST_WORK_TOGETHER / (features + KERNEL_STEPS * columns))));

/** What the nearest rows come to, each feature as wide as it is or in its own deviations. */
interface Reached {
  readonly oneUnit: boolean;
  readonly value: number;
}

/** How answers are compared with what is logged. */
interface Question {
  readonly log: string;
  /** Whether numbers are asked for, not classes. */
  readonly numbers: boolean;
  /** @param answered validation rows, by number @param among training rows */
  readonly ask: (answered: readonly number[], among: readonly number[]) => Exam;
}

/** Rows to answer from, and what answers come to. */
interface Exam {
  /** Numbers in an answer: shares of classes, or what targets hold. */
  readonly columns: number;
  /** What is logged of a network without error. */
  readonly perfect: number;
  /** Adds a share of what a training row says, by its place, to a row of answers. */
  readonly add: (answers: NdArray, row: number, place: number, share: number) => void;
  /** What is logged where validation rows are answered so, [rows, columns]. */
  readonly value: (answers: NdArray) => number;
}

function questionOf(parts: NeighbourParts): Question | undefined {
  const { spec, train, validation, targets } = parts;
  const [fact, known, wanted, loss] = [targets?.[0], train.targets[0], validation.targets[0], spec.losses[0]];
  // Rows that are weighed ask for other answers than those near to them give.
  if (!fact || !known || !wanted || !loss || train.targets.length > 1 || train.weights.length > 0) return undefined;
  const width = rowWidth(known);
  const { apart } = loss;
  if (fact.kind === 'real') {
    if (!apart || validation.weights.length > 0 || isCode(parts)) return undefined;
    return ofNumbers(known, wanted, width, (answer, target) => (spec.lossWeights[0] ?? 1) * apart(target, answer));
  }
  const one = width === 1 || fact.kind === 'distribution';
  if (!one && !(fact.kind === 'binary' && loss.targets === 'binary' && !isCode(parts))) return undefined;
  const at = (spec.metrics[0] ?? []).findIndex(({ name, weighted }) => !weighted && (one ? ofOneClass : decided).includes(name));
  const log = logEntries(spec)[at + 1]?.name;
  if (at < 0 || log === undefined) return undefined;
  return one ? ofClasses(known, wanted, width, `val_${log}`) : ofDecisions(known, wanted, width, `val_${log}`);
}

function ofClasses(known: NdArray, wanted: NdArray, width: number, log: string): Question {
  const ask = (answered: readonly number[], among: readonly number[]): Exam => {
    const classes = among.map((row) => classIn(known, width, row));
    const columnOf = new Map([...new Set(classes)].map((one, column) => [one, column]));
    const [columns, said] = [columnOf.size, classes.map((one) => columnOf.get(one) ?? 0)];
    const right = answered.map((row) => columnOf.get(classIn(wanted, width, row)));
    return {
      columns,
      perfect: 1,
      add(answers, row, place, share) {
        const at = row * columns + (said[place] ?? 0);
        answers.set(at, answers.at(at) + share);
      },
      value: (answers) => right.filter((column, row) => column === argMaxOf(answers, row * columns, columns)).length / right.length,
    };
  };
  return { log, numbers: false, ask };
}

/** Several decisions a row, each by its own column. */
function ofDecisions(known: NdArray, wanted: NdArray, columns: number, log: string): Question {
  const isRight = (answer: number, target: number): number => Number(answer > 0.5 === target > 0.5);
  return { log, numbers: false, ask: byColumns(known, wanted, columns, isRight) };
}

function ofNumbers(known: NdArray, wanted: NdArray, columns: number, lossOf: (answer: number, target: number) => number): Question {
  return { log: 'val_loss', numbers: true, ask: byColumns(known, wanted, columns, lossOf) };
}

/** Answers that are what targets hold, compared number by number: the mean of that stands. */
function byColumns(known: NdArray, wanted: NdArray, columns: number, compare: (answer: number, target: number) => number): Question['ask'] {
  return (answered, among) => {
    const right = takeRows(wanted, Uint32Array.from(answered));
    const mean = (answer: (i: number) => number): number => {
      let sum = 0;
      for (let i = 0; i < right.size; i++) sum += compare(answer(i), right.at(i));
      return sum / right.size;
    };
    return {
      columns,
      perfect: mean((i) => right.at(i)),
      add(answers, row, place, share) {
        const from = (among[place] ?? 0) * columns;
        for (let k = 0; k < columns; k++) answers.set(row * columns + k, answers.at(row * columns + k) + share * known.at(from + k));
      },
      value: (answers) => mean((i) => answers.at(i)),
    };
  };
}

/** A row's class: its label, or where its target is highest. */
const classIn = (targets: NdArray, width: number, row: number): number => (width === 1 ? targets.at(row) : argMaxOf(targets, row * width, width));

/** For each list of places the mean of what their rows say. @param nearer by how much less each counts than the one before */
function meansOf({ columns, add }: Exam, lists: readonly (readonly number[])[], nearer = 0): NdArray {
  const means = NdArray.zeros([lists.length, columns], 'float64');
  lists.forEach((places, row) => {
    const total = places.reduce((sum, _, rank) => sum + 1 - nearer * rank, 0);
    places.forEach((place, rank) => {
      add(means, row, place, (1 - nearer * rank) / total);
    });
  });
  return means;
}

/** For each asked row places of the nearest known ones, nearest first. */
async function nearestRows(engine: Engine, rows: Rows<NdArray>, oneUnit: boolean): Promise<number[][]> {
  const distances = await computed(engine, 'neighbours', { asked: rows.asked, known: rows.known }, (inputs) => {
    const { asked, known } = alike(inputs, oneUnit);
    return comparedDistances(asked, known);
  });
  const [values, width] = [distances.data as Float32Array, rowsOf(rows.known)];
  return Array.from({ length: rowsOf(rows.asked) }, (_, row) => least(values.subarray(row * width, (row + 1) * width)));
}

/** Places of the least values, least first. */
function least(values: Float32Array): number[] {
  const most = Math.max(...COUNTS);
  const places: number[] = [];
  let bound = Number.POSITIVE_INFINITY;
  for (let place = 0; place < values.length; place++) {
    const value = values[place] as number;
    if (!(value < bound)) continue;
    const at = places.findIndex((other) => value < (values[other] as number));
    places.splice(at < 0 ? places.length : at, 0, place);
    if (places.length > most) places.pop();
    if (places.length === most) bound = values[places[most - 1] as number] as number;
  }
  return places;
}
