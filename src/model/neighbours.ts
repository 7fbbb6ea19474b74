import type { DType } from '../core/dtype.js';
import type { NdArray } from '../core/ndarray.js';
import { argMaxOf, rowsOf, rowWidth, spreadRows, takeRows } from '../data/dataset.js';
import { emitModel } from '../graph/emit.js';
import { input, type Tensor } from '../graph/node.js';
import { encodeOnnx } from '../graph/onnx/encode.js';
import { cast, div, gemm, greater, mul, reduceMean, reduceSum, sqrt, square, sub, where } from '../graph/ops/index.js';
import type { Engine } from '../runtime/index.js';
import { logEntries, type StepSpec } from '../training/step.js';
import type { InputFacts, NeighbourFacts, TargetFacts } from '../vitals/facts.js';
import { ofOneUnit } from '../vitals/features.js';
import type { Checked } from './weights.js';

/** Validation rows, at most, whose neighbours are looked for; multiplications that this may take, by which rows to look among are bounded. */
const MOST_ROWS = 512;
const MOST_WORK = 2 ** 30;
/** Fewer rows to look among, where there are more, or to answer for, tell little. */
const FEWEST_ROWS = 64;
/** Element types of what is measured, grey levels included; others number things, and numbers that are near stand for nothing near. */
const measures: readonly DType[] = ['float32', 'float64', 'uint8'];
/** Metrics that are shares of right answers. */
const accuracies = ['accuracy', 'sparseCategoricalAccuracy', 'categoricalAccuracy', 'binaryAccuracy'];
/** Neighbours that are asked: the nearest one, or some together. */
const COUNTS = [1, 5] as const;
/** Of what lies between chance and no error, the least that neighbours must reach: with less, near rows have nothing in common. */
const LEAST = 0.1;

export interface NeighbourParts {
  readonly spec: StepSpec;
  readonly engine: Engine;
  readonly train: Pick<Checked, 'inputs' | 'targets'>;
  readonly validation: Pick<Checked, 'inputs' | 'targets'>;
  readonly data: readonly InputFacts[] | undefined;
  readonly targets: readonly TargetFacts[] | undefined;
}

/**
 * What validation rows come to when each is answered as the training rows nearest to it are: what a network should surpass that has learned from them. Nearness is
 * Euclidean, each feature in its own standard deviations unless all are of one unit; one neighbour or five, whichever does better (Fix and Hodges 1951; Cover and
 * Hart 1967: the nearest one errs at most twice as often as the best there can be, where rows are many).
 * Undefined where it cannot be compared: several inputs or outputs, inputs that number things, classes without accuracy among the metrics, numbers under
 * another loss than the mean squared error.
 */
export async function neighbourFacts(parts: NeighbourParts): Promise<NeighbourFacts | undefined> {
  const { engine, train, validation, data } = parts;
  const [seen, asked] = [train.inputs[0], validation.inputs[0]];
  const question = questionOf(parts);
  if (!seen || !asked || train.inputs.length > 1 || !measures.includes(seen.dtype) || !question) return undefined;
  const features = rowWidth(seen);
  const answered = spreadRows(asked, MOST_ROWS);
  const among = spreadRows(seen, Math.floor(MOST_WORK / (answered.length * features)));
  if (answered.length < FEWEST_ROWS || among.length < FEWEST_ROWS) return undefined;
  const rows = (array: NdArray, wanted: readonly number[]): NdArray => takeRows(array, Uint32Array.from(wanted)).reshape([wanted.length, features]);
  const nearest = await nearestRows(engine, rows(asked, answered), rows(seen, among), data?.[0] !== undefined && ofOneUnit(data[0]));
  const { chance, perfect, log } = question;
  const base = chance(answered, among);
  const values = COUNTS.map((count) => question.value(answered, (at) => (nearest[at] ?? []).slice(0, count).map((place) => among[place] ?? 0)));
  const value = values.reduce((best, one) => (Math.abs(perfect - one) < Math.abs(perfect - best) ? one : best));
  if (!((value - base) / (perfect - base) > LEAST)) return undefined;
  return { log, value, chance: base, perfect, rows: among.length };
}

/** How answers are compared with what is logged. Rows are given by number, those that are answered for and those that answer. */
interface Question {
  readonly log: string;
  /** What is logged of a network without error. */
  readonly perfect: number;
  readonly chance: (answered: readonly number[], among: readonly number[]) => number;
  /** @param neighbours rows that answer for the one at that place, nearest first. */
  readonly value: (answered: readonly number[], neighbours: (at: number) => readonly number[]) => number;
}

function questionOf({ spec, train, validation, targets }: NeighbourParts): Question | undefined {
  const [fact, known, wanted, loss] = [targets?.[0], train.targets[0], validation.targets[0], spec.losses[0]];
  if (!fact || !known || !wanted || !loss || train.targets.length > 1) return undefined;
  const width = rowWidth(known);
  const plain = spec.lossWeights[0] === 1 && !isPenalized(spec);
  if (fact.kind === 'real') return loss.name === 'meanSquaredError' && plain ? ofNumbers(known, wanted, width) : undefined;
  const at = (spec.metrics[0] ?? []).findIndex(({ name, weighted }) => !weighted && accuracies.includes(name));
  const log = logEntries(spec)[at + 1]?.name;
  const one = width === 1 || fact.kind === 'distribution';
  return at >= 0 && log !== undefined && one ? ofClasses(known, wanted, width, `val_${log}`) : undefined;
}

/** Whether losses hold more than errors. */
function isPenalized({ network: { layers, variables } }: StepSpec): boolean {
  const adds = layers.some((layer) => layer.kind === 'activityRegularization' || 'activityRegularizer' in layer.config());
  return adds || variables.some(({ trainable, regularizer }) => trainable && regularizer !== undefined);
}

function ofClasses(known: NdArray, wanted: NdArray, width: number, log: string): Question {
  const classes = (rows: readonly number[]): number[] => rows.map((row) => classIn(known, width, row));
  const hits = (rows: readonly number[], answer: (at: number) => number | undefined): number =>
    rows.filter((row, at) => classIn(wanted, width, row) === answer(at)).length / rows.length;
  return {
    log,
    perfect: 1,
    chance: (answered, among) => {
      const usual = mostFrequent(classes(among));
      return hits(answered, () => usual);
    },
    value: (answered, neighbours) => hits(answered, (at) => mostFrequent(classes(neighbours(at)))),
  };
}

function ofNumbers(known: NdArray, wanted: NdArray, width: number): Question {
  const columns = Array.from({ length: width }, (_, k) => k);
  const means = (rows: readonly number[]): number[] =>
    columns.map((k) => rows.reduce((sum, row) => sum + known.at(row * width + k), 0) / Math.max(1, rows.length));
  const error = (rows: readonly number[], answer: (at: number) => readonly number[]): number => {
    const squares = rows.flatMap((row, at) => {
      const given = answer(at);
      return columns.map((k) => (wanted.at(row * width + k) - (given[k] ?? 0)) ** 2);
    });
    return squares.reduce((sum, square) => sum + square, 0) / squares.length;
  };
  return {
    log: 'val_loss',
    perfect: 0,
    chance: (answered, among) => {
      const mean = means(among);
      return error(answered, () => mean);
    },
    value: (answered, neighbours) => error(answered, (at) => means(neighbours(at))),
  };
}

/** A row's class: its label, or where its target is highest. */
const classIn = (targets: NdArray, width: number, row: number): number => (width === 1 ? targets.at(row) : argMaxOf(targets, row * width, width));

/** The most frequent value; of several the one that came first. */
function mostFrequent(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [first] = [...counts].sort(([, a], [, b]) => b - a);
  return first?.[0];
}

/** A feature's variance over its mean square below which it is rounding alone. */
const CONSTANT = 1e-10;

/** Squared distances of asked rows from others, less what is the same for all others. @param oneUnit whether features stay as wide as they are, else each counts in its deviations */
function distancesOf(asked: Tensor, among: Tensor, oneUnit: boolean): Tensor {
  const [q, a] = [cast(asked, 'float32'), cast(among, 'float32')];
  const mean = reduceMean(a, { axes: [0], keepdims: true });
  const centred = sub(a, mean);
  const variance = reduceMean(square(centred), { axes: [0], keepdims: true });
  const varies = greater(variance, mul(square(mean), CONSTANT));
  const scaled = (x: Tensor): Tensor => (oneUnit ? x : where(varies, div(x, sqrt(variance)), 0));
  const others = scaled(centred);
  return gemm(scaled(sub(q, mean)), others, reduceSum(square(others), { axes: [1] }), { alpha: -2, transB: true });
}

/** For each asked row places of the nearest rows, nearest first. */
async function nearestRows(engine: Engine, asked: NdArray, among: NdArray, oneUnit: boolean): Promise<number[][]> {
  const [q, a] = [input('asked', asked.shape, asked.dtype), input('among', among.shape, among.dtype)];
  const graph = emitModel([q, a], { distances: distancesOf(q, a, oneUnit) }, { name: 'neighbours' });
  const session = await engine.load(encodeOnnx(graph), { name: 'neighbours' });
  try {
    const { fetched } = await session.run({ asked, among }, { distances: 'fetch' });
    const [distances, rows] = [(fetched.distances as NdArray).data as Float32Array, rowsOf(among)];
    return Array.from({ length: rowsOf(asked) }, (_, row) => least(distances.subarray(row * rows, (row + 1) * rows)));
  } finally {
    await session.dispose();
  }
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
