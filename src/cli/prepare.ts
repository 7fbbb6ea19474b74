import { countOf } from '../core/count.js';
import { DataError } from '../core/errors.js';
import { findName } from '../core/names.js';
import { NdArray } from '../core/ndarray.js';
import type { Dataset } from '../data/dataset.js';
import type { Loss } from '../losses.js';
import type { Model } from '../model/model.js';
import { lossSuiting } from '../model/suit.js';
import { optimizerFromConfig, optimizers } from '../optimizers.js';
import { fitted, type RunData, relabelled } from './load-data.js';
import type { LoadedModel } from './load-model.js';
import { UsageError } from './print.js';
import { compiledOptions, standardized } from './rebuild.js';

export interface TrainingChoice {
  readonly optimizer?: string;
  readonly lr?: number;
  readonly loss?: string;
  /** Put a normalization layer behind the input. */
  readonly standardize?: boolean;
}

/** A compiled model and data that suit each other. */
export interface PreparedRun {
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset | undefined;
}

/** Brings model and data together. @throws UsageError, DataError or ShapeError if they do not suit each other. */
export async function prepareRun({ model: loaded, classNames }: LoadedModel, data: RunData, choice: TrainingChoice): Promise<PreparedRun> {
  requireSimple(loaded);
  const model = choice.standardize ? await standardized(loaded) : loaded;
  const named = (set: Dataset): Dataset => (classNames ? relabelled(set, classNames) : set);
  const train = named(data.train);
  compileFor(model, train, choice);
  const [loss] = model.compiled.losses as [Loss];
  const shape = model.inputs[0]?.shape.slice(1) as number[];
  const units = Number(model.outputs[0]?.shape.at(-1));
  const suit = (set: Dataset): Dataset => ({ ...set, x: fitted(set.x, shape), y: targetsFor(loss, set, units) });
  return { model, train: suit(train), test: data.test && suit(named(data.test)) };
}

/** Compiles the model where it is not, or where options say otherwise. */
function compileFor(model: Model, data: Dataset, { optimizer, lr, loss }: TrainingChoice): void {
  const own = model.isCompiled ? compiledOptions(model) : undefined;
  if (own && optimizer === undefined && lr === undefined && loss === undefined) return;
  const chosen = loss ?? own?.loss ?? lossSuiting(model.network, data.classNames !== undefined || data.y.shape.length === 1);
  model.compile({ ...own, loss: chosen, optimizer: chooseOptimizer(model, optimizer, lr) });
  if (own) return;
  const targets = model.compiled.losses[0]?.targets;
  // Groups are no classes of the output: nothing tells how many were found.
  if (targets !== 'groups') model.compile({ ...compiledOptions(model), metrics: [targets === 'real' ? 'meanAbsoluteError' : 'accuracy'] });
}

function chooseOptimizer(model: Model, name: string | undefined, lr: number | undefined) {
  const own = model.isCompiled ? model.compiled.optimizer : optimizers.sgd();
  if (name === undefined && lr === undefined) return own;
  const key = name === undefined ? own.name : findName(name, optimizers);
  return optimizerFromConfig(key ?? 'sgd', { ...(key === own.name ? own.config : {}), ...(lr === undefined ? {} : { learningRate: lr }) });
}

/** @throws UsageError unless data of one array and one target suit the model. */
export function requireSimple(model: Model): void {
  const [ins, outs] = [model.inputs.length, model.outputs.length];
  if (ins !== 1 || outs !== 1)
    throw new UsageError(
      `the model has ${countOf(ins, 'input')} and ${countOf(outs, 'output')}; the command line supports one input and one output; use a script for more`,
    );
}

/** Targets as the loss wants them: labels, rows of 0 and 1, 0 or 1, or the numbers that were read as labels. @throws DataError */
function targetsFor(loss: Loss, { y, classNames }: Dataset, outputs: number): NdArray {
  const labels = y.shape.length === 1 && y.dtype !== 'float32' && y.dtype !== 'float64';
  if (!labels) return y;
  if (loss.targets === 'oneHot') return oneHot(y, outputs);
  if (loss.targets === 'binary' && outputs > 1) return oneHot(y, outputs);
  if (loss.targets === 'binary' && (classNames?.length ?? 2) > 2)
    throw new DataError(
      `the target has ${classNames?.length} classes, but a single output can only separate two classes; use a softmax of ${classNames?.length} units`,
    );
  if (loss.targets !== 'real') return y;
  const numbers = classNames?.map(Number) ?? [];
  const text = numbers.findIndex((value) => !Number.isFinite(value));
  if (text >= 0)
    throw new DataError(
      `the target holds the text '${classNames?.[text]}', but the loss '${loss.name}' needs numbers; use a softmax and a loss for classes`,
    );
  return new NdArray(
    Float32Array.from({ length: y.size }, (_, row) => numbers[y.at(row)] ?? y.at(row)),
    [y.size, 1],
  );
}

function oneHot(labels: NdArray, classes: number): NdArray {
  const rows = NdArray.zeros([labels.size, classes], 'uint8');
  for (let row = 0; row < labels.size; row++) {
    const label = labels.at(row);
    if (label < 0 || label >= classes)
      throw new DataError(
        `label ${label} in row ${row} is not ${classes === 1 ? 'the one class, 0' : `one of the ${classes} classes 0 to ${classes - 1}`}`,
      );
    rows.set(row * classes + label, 1);
  }
  return rows;
}
