import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Dim, type Shape, showShape } from '../core/shape.js';
import { Tensor } from '../graph/node.js';
import * as g from '../graph/ops/index.js';

/** How targets look: class numbers, one row of class weights per sample, 0 or 1 per output, any numbers, or numbers of groups that are no classes of the output. */
export type TargetKind = 'labels' | 'oneHot' | 'binary' | 'real' | 'groups';

/** Numbers that targets may be, both ends included. */
export interface TargetRange {
  readonly from: number;
  readonly to: number;
}

/** Targets that are probabilities, or 0 and 1. */
export const shares: TargetRange = { from: 0, to: 1 };

/** Targets of many rows, one after the other. */
export interface TargetRows {
  readonly numbers: ArrayLike<number>;
  /** Numbers of one row. */
  readonly width: number;
  /** Length of the output's last axis: classes, where targets are labels. */
  readonly units: number;
  /** How much each row counts; all alike unless given. */
  readonly weights?: ArrayLike<number> | undefined;
}

/** Losses of outputs that are the same for every row. */
export interface Chance {
  /** Mean loss of the best of them, and the standard error of that where the rows are a sample. */
  readonly loss: number;
  readonly error: number;
  /** Mean loss of outputs without error; 0 unless given. */
  readonly least?: number;
  /** Mean loss of a last layer that gives nothing: zeros, or what they are made by what the loss expects behind it. */
  readonly undecided?: number;
}

/** Undefined where no row counts. */
export type ChanceRule = (rows: TargetRows) => Chance | undefined;

/** What training minimizes; `name` and `config` are stored in a saved model. */
export interface Loss {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly targets: TargetKind;
  /** What it compares of numbers, where that is not how near they are: an output that is far from its target may then be as right as one that is near. */
  readonly compares?: 'signs' | 'directions';
  /** Whether a sample's loss depends on the other samples of its minibatch; default false. */
  readonly batchwise?: boolean;
  /** Targets that it has a meaning for, any number unless given; others are refused before the first step. */
  readonly takes?: TargetRange;
  /** The loss of one number, where what it asks for is about a mean of what is to be expected: what others predict may then be valued by it. */
  readonly apart?: (target: number, output: number) => number;
  /** Where it grows as errors do once they are large, not as their squares. */
  readonly grows?: 'linearly';
  /** What the best constant output comes to, where there is a formula. */
  readonly chance?: ChanceRule;
  /** Losses [N] of the samples; axes between the batch and the last are averaged. @throws ShapeError where target and output do not fit. */
  perSample(target: Tensor, output: Tensor): Tensor;
}

/** Probabilities are kept this far from 0 and 1, as in Keras. */
export const EPSILON = 1e-7;

/** The word for a loss in messages. */
export const kind = 'loss';

/** Mean over every axis but the first. */
export function meanPerSample(values: Tensor): Tensor {
  return values.rank < 2 ? values : g.reduceMean(values, { axes: values.shape.slice(1).map((_, i) => i + 1) });
}

/** The logits behind an output that is the sigmoid of something, reshaped or not; else undefined. */
export function sigmoidLogits(output: Tensor): Tensor | undefined {
  const { record, inputs } = output.node;
  return record === g.records.Sigmoid ? inputs[0] : g.behindReshape(output, sigmoidLogits);
}

export function misfit(owner: string, target: Tensor, output: Tensor, hint: string): never {
  throw new ShapeError(`${owner}: targets of shape ${showShape(target.shape)} do not fit outputs of shape ${showShape(output.shape)}; ${hint}`, {
    argument: 'target',
    received: target.shape,
    expected: output.shape,
  });
}

function fits(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i] || typeof dim === 'string' || typeof b[i] === 'string');
}

/**
 * Targets, one for each output, in the output's dtype; a last axis of length 1 may be missing on either side.
 * @throws ShapeError if they do not fit: broadcasting would compare every sample with every other.
 */
export function alignTarget(owner: string, target: Tensor, output: Tensor): Tensor {
  const aligned = ofRank(target, output);
  if (!fits(aligned.shape, output.shape)) misfit(owner, target, output, 'every output needs one target');
  return g.cast(aligned, output.dtype);
}

/** Targets of the output's rank where a last axis of length 1 is all that one of both has more; others as they are. */
function ofRank(target: Tensor, output: Tensor): Tensor {
  if (target.rank === output.rank - 1 && output.shape.at(-1) === 1) return g.unsqueeze(target, [target.rank]);
  if (target.rank === output.rank + 1 && target.shape.at(-1) === 1) return g.squeeze(target, [output.rank]);
  return target;
}

/** Class numbers, of the output's shape without its last axis. @throws ShapeError if they do not fit. */
export function alignLabels(owner: string, target: Tensor, output: Tensor): Tensor {
  const labels = target.rank === output.rank && target.shape.at(-1) === 1 ? g.squeeze(target, [target.rank - 1]) : target;
  if (!fits(labels.shape, output.shape.slice(0, -1))) {
    const oneHot = fits(target.shape, output.shape);
    misfit(owner, target, output, oneHot ? "these targets look one-hot: use 'categoricalCrossentropy' or labels" : 'every sample needs one label');
  }
  return labels;
}

/**
 * A custom loss, built from graph operators: one number per sample [N], or per element, which is averaged over all axes but the first. If target and output
 * differ only by a trailing axis of length 1, the target is reshaped to match: [N] becomes [N, 1]. Class labels [N] for outputs [N, classes] are passed
 * unchanged.
 */
export type LossFunction = (target: Tensor, output: Tensor) => Tensor;

/** Whether an axis may be as long as the batch: `3*N` is not, of a length with a name of its own nothing is known. */
function mayBeRows(axis: Dim, rows: Dim): boolean {
  if (axis === rows) return true;
  if (typeof axis === 'number') return false;
  return typeof rows === 'number' || g.factorsOf([axis]).names.join() !== g.factorsOf([rows]).names.join();
}

/** A user's own loss or metric. It throws ArgumentError if the function returns something else than one row per sample. */
export function perSampleOf(what: string, name: string, compute: LossFunction): Loss['perSample'] {
  return (target, output) => {
    const values: unknown = compute(ofRank(target, output), output);
    const [axis] = values instanceof Tensor ? values.shape : [];
    const [rows = 'N'] = output.shape;
    if (values instanceof Tensor && axis !== undefined && mayBeRows(axis, rows)) return meanPerSample(values);
    const received = values instanceof Tensor ? (axis === undefined ? 'a scalar' : `a tensor of shape ${showShape(values.shape)}`) : typeof values;
    throw new ArgumentError(
      `${what} function '${name}' must return a tensor with one row per sample, [${rows}] or [${rows}, …], got ${received}; do not average over the batch, and sum only over the other axes: ops.reduceSum(x, { axes: [1] })`,
      { argument: what, received: values, expected: [rows] },
    );
  };
}
