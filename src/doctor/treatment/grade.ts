import type { NdArray } from '../../core/ndarray.js';
import { Random } from '../../core/random.js';
import { argMaxOf, rowsOf, takeRows } from '../../data/dataset.js';
import type { Loss, TargetKind } from '../../losses.js';
import type { Model } from '../../model/model.js';
import type { Checked } from '../../model/weights.js';
import { batchOf } from './material.js';

/** How well a model does on rows that it was not trained on, whatever its loss. */
export interface Grade {
  /**
   * 1 where all is right, 0 for the best constant answer: of classes the accuracy beyond the largest class's share, of numbers the explained variance. Of targets that
   * are no numbers of the outputs, how much less the loss is than with the targets of other rows.
   */
  readonly score: number;
  /** Share of right answers, mean over outputs; absent where targets are numbers. */
  readonly accuracy?: number;
  /** Share of the targets' variance that is explained, mean over outputs; absent unless all targets are numbers. */
  readonly explained?: number;
  /** The loss, where the score is made of it. */
  readonly loss?: number;
  /** False where what the model gave is not finite, of which nothing else is known. */
  readonly finite?: false;
}

/** Shares of right answers: the model's, and that of always giving what is most frequent. */
interface Hits {
  readonly right: number;
  readonly chance: number;
}

function hitsOf(truths: readonly number[], answers: readonly number[]): Hits {
  const counts = new Map<number, number>();
  for (const truth of truths) counts.set(truth, (counts.get(truth) ?? 0) + 1);
  const right = truths.filter((truth, i) => truth === answers[i]).length;
  return { right: right / truths.length, chance: Math.max(...counts.values()) / truths.length };
}

const decided = (output: NdArray, loss: Loss) => {
  const threshold = loss.config.fromLogits === true ? 0 : 0.5;
  return (i: number): number => Number(output.at(i) > threshold);
};

/** How answers are compared, by how targets look; each gives the hits of all decisions. */
const decisions: { readonly [K in TargetKind]?: (output: NdArray, target: NdArray, loss: Loss) => Hits } = {
  labels: (output, target, loss) => {
    const classes = output.shape.at(-1) ?? 1;
    const truths = Array.from({ length: target.size }, (_, row) => target.at(row));
    if (classes === 1)
      return hitsOf(
        truths,
        truths.map((_, row) => decided(output, loss)(row)),
      );
    return hitsOf(
      truths,
      truths.map((_, row) => argMaxOf(output, row * classes, classes)),
    );
  },
  oneHot: (output, target) => {
    const classes = output.shape.at(-1) ?? 1;
    const rows = Array.from({ length: output.size / classes }, (_, row) => row * classes);
    return hitsOf(
      rows.map((start) => argMaxOf(target, start, classes)),
      rows.map((start) => argMaxOf(output, start, classes)),
    );
  },
  binary: (output, target, loss) => {
    const decide = decided(output, loss);
    const places = Array.from({ length: target.size }, (_, i) => i);
    return hitsOf(
      places.map((i) => Number(target.at(i) > 0.5)),
      places.map(decide),
    );
  },
};

/** Explained variance: 1 less the share of the targets' variance that is left. */
function explained(output: NdArray, target: NdArray): number {
  const width = target.size / Math.max(1, rowsOf(target));
  let [left, all] = [0, 0];
  for (let column = 0; column < width; column++) {
    let mean = 0;
    for (let i = column; i < target.size; i += width) mean += (target.at(i) * width) / target.size;
    for (let i = column; i < target.size; i += width) {
      left += (target.at(i) - output.at(i)) ** 2;
      all += (target.at(i) - mean) ** 2;
    }
  }
  return all > 0 ? 1 - left / all : 0;
}

/** What a loss holds beside errors: as much as was added in a step of so many rows. */
export interface Added {
  readonly penalty: number;
  readonly batchSize: number;
}

/** Grades a model on checked rows. A model that gives what is not finite has score −1, as has any that is worse than that. */
export async function gradeOf(model: Model, checked: Checked, added?: Added): Promise<Grade> {
  const { inputs, targets } = checked;
  const outputs = await model.predict(inputs as NdArray[], { all: true });
  if (!outputs.every(({ data }) => Array.prototype.every.call(data, Number.isFinite))) return { score: -1, finite: false };
  const { losses } = model.compiled;
  if (outputs.some(({ size }, i) => losses[i]?.targets === 'groups' || (losses[i]?.targets === 'real' && targets[i]?.size !== size)))
    return byLoss(model, checked, added);
  const graded = outputs.map((output, i): Grade => {
    const [target, loss] = [targets[i] as NdArray, losses[i] as Loss];
    const compare = decisions[loss.targets];
    if (!compare || isReal(target, loss)) {
      const share = explained(output, target);
      return { score: share, explained: share };
    }
    const { right, chance } = compare(output, target, loss);
    return { score: chance < 1 ? (right - chance) / (1 - chance) : right, accuracy: right };
  });
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const accuracies = graded.flatMap(({ accuracy }) => accuracy ?? []);
  const shares = graded.flatMap(({ explained: share }) => share ?? []);
  return {
    score: Math.max(-1, mean(graded.map(({ score }) => score))),
    ...(accuracies.length === graded.length ? { accuracy: mean(accuracies) } : {}),
    ...(shares.length === graded.length ? { explained: mean(shares) } : {}),
  };
}

/** What the loss says, against the same rows with each other's targets: what is between outputs and targets only the loss knows. */
async function byLoss(model: Model, checked: Checked, { penalty, batchSize }: Partial<Added> = {}): Promise<Grade> {
  const order = new Random(0).permutation(rowsOf(checked.inputs[0] as NdArray));
  // Penalties on what is active grow with the rows of a run.
  const options = penalty !== undefined && penalty !== 0 && batchSize !== undefined ? { batchSize } : {};
  const lossOf = async (rows: Checked): Promise<number> => ((await model.evaluate(batchOf(rows), options)).loss ?? Number.NaN) - (penalty ?? 0);
  const others = { ...checked, targets: checked.targets.map((target) => takeRows(target, order)) };
  const [loss, chance] = [await lossOf(checked), await lossOf(others)];
  const score = (chance - loss) / Math.abs(chance);
  return { score: Number.isFinite(score) ? Math.max(-1, Math.min(1, score)) : -1, loss };
}

/** Binary cross-entropy takes any number from 0 to 1: shares are no decisions. */
function isReal(target: NdArray, loss: Loss): boolean {
  if (loss.targets !== 'binary') return false;
  for (let i = 0; i < target.size; i++) if (target.at(i) !== 0 && target.at(i) !== 1) return true;
  return false;
}
