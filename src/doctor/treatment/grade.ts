import { isFromTable } from '../../core/catalogue.js';
import type { NdArray } from '../../core/ndarray.js';
import { Random } from '../../core/random.js';
import { argMaxOf, rowsOf, takeRows } from '../../data/dataset.js';
import type { Loss, TargetKind } from '../../losses.js';
import { dependsOnBatch } from '../../model/evaluation.js';
import type { Model } from '../../model/model.js';
import type { Checked } from '../../model/weights.js';
import type { Layer } from '../../network/layer.js';
import { savedOf } from './likelihood.js';
import { batchOf } from './material.js';

/** How well a model does on rows that it was not trained on, independent of its loss. */
export interface Grade {
  /**
   * 1 where all is right, 0 for the best constant answer: of classes the accuracy beyond the largest class's share, of numbers the explained variance, each row
   * with its weight. Where one class has nearly all rows, so that accuracy has next to nothing to gain, also how much less the cross-entropy is than that of the shares. Of targets that are no numbers of the outputs, under losses of directions or of one's own, and where steps are masked, how much less the loss is than with the targets of other rows.
   */
  readonly score: number;
  /** Accuracy, mean over outputs; absent if targets are numbers. */
  readonly accuracy?: number;
  /** How much less the cross-entropy is than that of the classes' shares, as a part of it; where the score is made of that. */
  readonly saved?: number;
  /** Share of the targets' variance that is explained, mean over outputs; absent unless all targets are numbers. */
  readonly explained?: number;
  /** The loss, where the score is made of it. */
  readonly loss?: number;
  /** False if the outputs are not finite, in which case nothing else is known. */
  readonly finite?: false;
}

/** Shares of right answers: the model's, and that of always giving what is most frequent. */
interface Hits {
  readonly right: number;
  readonly chance: number;
}

/** How much each of some answers counts. */
type Weigh = (place: number) => number;

function hitsOf(truths: readonly number[], answers: readonly number[], weigh: Weigh): Hits {
  const counts = new Map<number, number>();
  let [right, all] = [0, 0];
  for (const [i, truth] of truths.entries()) {
    const weight = weigh(i);
    counts.set(truth, (counts.get(truth) ?? 0) + weight);
    all += weight;
    if (truth === answers[i]) right += weight;
  }
  return all > 0 ? { right: right / all, chance: Math.max(...counts.values()) / all } : { right: 0, chance: 1 };
}

/** Decisions by which side of a threshold outputs are on. */
function decisionsOf(output: NdArray, target: NdArray, sides: { readonly threshold: number; readonly middle: number }, weigh: Weigh): Hits {
  const places = Array.from({ length: target.size }, (_, i) => i);
  return hitsOf(
    places.map((i) => Number(target.at(i) > sides.middle)),
    places.map((i) => Number(output.at(i) > sides.threshold)),
    weigh,
  );
}

const thresholdOf = (loss: Loss): number => (loss.config.fromLogits === true ? 0 : 0.5);

/** How answers are compared, by how targets look; each gives the hits of all decisions. */
const decisions: { readonly [K in TargetKind]?: (output: NdArray, target: NdArray, loss: Loss, weigh: Weigh) => Hits } = {
  labels: (output, target, loss, weigh) => {
    const classes = output.shape.at(-1) ?? 1;
    if (classes === 1) return decisionsOf(output, target, { threshold: thresholdOf(loss), middle: 0.5 }, weigh);
    const truths = Array.from({ length: target.size }, (_, row) => target.at(row));
    return hitsOf(
      truths,
      truths.map((_, row) => argMaxOf(output, row * classes, classes)),
      weigh,
    );
  },
  oneHot: (output, target, _, weigh) => {
    const classes = output.shape.at(-1) ?? 1;
    const rows = Array.from({ length: output.size / classes }, (_, row) => row * classes);
    return hitsOf(
      rows.map((start) => argMaxOf(target, start, classes)),
      rows.map((start) => argMaxOf(output, start, classes)),
      weigh,
    );
  },
  binary: (output, target, loss, weigh) => decisionsOf(output, target, { threshold: thresholdOf(loss), middle: 0.5 }, weigh),
  real: (output, target, _, weigh) => decisionsOf(output, target, { threshold: 0, middle: 0 }, weigh),
};

/** Explained variance: 1 less the share of the targets' variance that is left. */
function explained(output: NdArray, target: NdArray, weigh: Weigh): number {
  const rows = Math.max(1, rowsOf(target));
  const width = target.size / rows;
  let [left, all] = [0, 0];
  for (let column = 0; column < width; column++) {
    let [sum, count] = [0, 0];
    for (let i = column; i < target.size; i += width) {
      sum += weigh(i) * target.at(i);
      count += weigh(i);
    }
    const mean = count > 0 ? sum / count : 0;
    for (let i = column; i < target.size; i += width) {
      left += weigh(i) * (target.at(i) - output.at(i)) ** 2;
      all += weigh(i) * (target.at(i) - mean) ** 2;
    }
  }
  return all > 0 ? 1 - left / all : 0;
}

/** How much each of so many answers to all rows counts: as much as its row. */
function weighBy(weights: NdArray | undefined, answers: number): Weigh {
  if (!weights) return () => 1;
  const each = Math.max(1, answers / weights.size);
  return (place) => weights.at(Math.floor(place / each));
}

/** Whether right answers are known by comparing outputs with targets: not where numbers make groups or stand for more than themselves, or where some steps do not count. */
function isCompared(loss: Loss, output: NdArray, target: NdArray | undefined, masked: boolean): boolean {
  if (masked && output.shape.length > 2) return false;
  if (loss.targets !== 'real') return loss.targets !== 'groups';
  return isFromTable(loss) && loss.compares !== 'directions' && target?.size === output.size;
}

/** Whether a layer says which steps of its sequence count. */
const masks = (layer: Layer): boolean =>
  layer.kind === 'masking' || (layer.config() as { readonly maskZero?: unknown }).maskZero === true || layer.inside.some(masks);

/** From this share of the largest class on, few rows are left by which accuracy could tell networks apart. */
const NEARLY_ALL = 0.8;

/** What a loss holds beside errors: as much as was added in a step of so many rows. */
export interface Added {
  readonly penalty: number;
  readonly batchSize: number;
  /** The loss of chance by rows of a minibatch, of the network that was graded first: of losses that compare rows with each other, each network has its own, by which less loss may score less. */
  readonly chances?: Map<number, number>;
}

/** Grades a model on checked rows. A model that gives what is not finite has score −1, as has any that is worse than that. */
export async function gradeOf(model: Model, checked: Checked, added?: Added): Promise<Grade> {
  const { inputs, targets, weights } = checked;
  const outputs = await model.predict(inputs as NdArray[], { all: true });
  if (!outputs.every(({ data }) => Array.prototype.every.call(data, Number.isFinite))) return { score: -1, finite: false };
  const { losses } = model.compiled;
  const masked = model.layers.some(masks);
  if (!outputs.every((output, i) => isCompared(losses[i] as Loss, output, targets[i], masked))) return byLoss(model, checked, added);
  const graded = outputs.map((output, i): Grade => {
    const [target, loss] = [targets[i] as NdArray, losses[i] as Loss];
    const compare = isReal(target, loss) ? undefined : decisions[loss.targets];
    const own = weights[weights.length > 1 ? i : 0];
    if (!compare) {
      const share = explained(output, target, weighBy(own, target.size));
      return { score: share, explained: share };
    }
    const answers = loss.targets === 'oneHot' ? output.size / (output.shape.at(-1) ?? 1) : target.size;
    const { right, chance } = compare(output, target, loss, weighBy(own, answers));
    const beyond = chance < 1 ? (right - chance) / (1 - chance) : right;
    const saved = chance >= NEARLY_ALL ? savedOf(output, target, loss, weighBy(own, answers)) : undefined;
    return saved !== undefined && saved > beyond ? { score: saved, accuracy: right, saved } : { score: beyond, accuracy: right };
  });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const accuracies = graded.flatMap(({ accuracy }) => accuracy ?? []);
  const shares = graded.flatMap(({ explained: share }) => share ?? []);
  const savings = graded.flatMap(({ saved }) => saved ?? []);
  return {
    score: Math.max(-1, mean(graded.map(({ score }) => score))),
    ...(accuracies.length === graded.length ? { accuracy: mean(accuracies) } : {}),
    ...(savings.length === graded.length ? { saved: mean(savings) } : {}),
    ...(shares.length === graded.length ? { explained: mean(shares) } : {}),
  };
}

/** What the loss says, against the same rows with each other's targets: what is between outputs and targets only the loss knows. */
async function byLoss(model: Model, checked: Checked, { penalty, batchSize, chances }: Partial<Added> = {}): Promise<Grade> {
  const order = new Random(0).permutation(rowsOf(checked.inputs[0] as NdArray));
  // Penalties on what is active grow with the rows of a run, and where rows are compared with each other there are as many pairs as in training.
  const counts = (penalty !== undefined && penalty !== 0) || dependsOnBatch(model.network, model.compiled.losses);
  const options = counts && batchSize !== undefined ? { batchSize } : {};
  const lossOf = async (rows: Checked): Promise<number> => ((await model.evaluate(batchOf(rows), options)).loss ?? Number.NaN) - (penalty ?? 0);
  const others = { ...checked, targets: checked.targets.map((target) => takeRows(target, order)) };
  const [loss, own] = [await lossOf(checked), await lossOf(others)];
  const [only, ...more] = model.compiled.losses;
  const compares = only?.targets === 'groups' && more.length === 0;
  const chance = (compares ? chances?.get(batchSize ?? 0) : undefined) ?? own;
  if (compares && Number.isFinite(chance)) chances?.set(batchSize ?? 0, chance);
  // A cosine has a least value, 0 is none.
  const room = only?.compares === 'directions' && more.length === 0 ? chance + 1 : Math.abs(chance);
  const score = (chance - loss) / room;
  return { score: Number.isFinite(score) ? Math.max(-1, Math.min(1, score)) : -1, loss };
}

/** Whether targets are numbers that outputs should come near to. Binary cross-entropy takes any number from 0 to 1: shares are no decisions. */
function isReal(target: NdArray, loss: Loss): boolean {
  if (loss.targets === 'real') return loss.compares === undefined;
  if (loss.targets !== 'binary') return false;
  for (let i = 0; i < target.size; i++) if (target.at(i) !== 0 && target.at(i) !== 1) return true;
  return false;
}
