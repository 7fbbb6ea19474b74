import { countOf } from '../core/count.js';
import type { FloatDType } from '../core/dtype.js';
import { ArgumentError, DataError, ShapeError, show } from '../core/errors.js';
import { NdArray } from '../core/ndarray.js';
import { showShape } from '../core/shape.js';
import { argMaxOf, finiteAs, rowsOf } from '../data/dataset.js';
import type { Network } from '../network/network.js';
import { type Arrays, orderArrays } from './inputs.js';

/** Weight of each class: by class number, or a list from class 0 on. */
export type ClassWeight = Readonly<Record<number, number>> | readonly number[];

/** Arrays of one dataset, checked. */
export interface Checked {
  readonly inputs: readonly NdArray[];
  readonly targets: readonly NdArray[];
  /** Sample weights [N]: none, one array for all outputs, or one for each. */
  readonly weights: readonly NdArray[];
}

/** Arrays of checked rows in the order in which they are fed. */
export function arraysOf({ inputs, targets, weights }: Checked): NdArray[] {
  return [...inputs, ...targets, ...weights];
}

/** Sample weights [N] in the network's dtype: none, one array for all outputs, or one for each. @throws ShapeError, DataError if they do not fit. */
export function checkSampleWeight(network: Network, given: Arrays | undefined, rows: number): NdArray[] {
  if (given === undefined || given === null) return [];
  const names = network.outputs.map((signal) => signal.call.layer.title);
  const arrays = orderArrays('sampleWeight', given, names, network.dtype);
  if (arrays.length !== 1 && arrays.length !== names.length) {
    throw new ArgumentError(
      `sampleWeight needs one array for all outputs or one for each of ${names.join(', ')}, got ${countOf(arrays.length, 'array')}`,
      {
        argument: 'sampleWeight',
        received: arrays.length,
        expected: names.length,
      },
    );
  }
  return arrays.map((array) => {
    if (array.shape.length === 0 || array.size !== rowsOf(array)) {
      throw new ShapeError(`sampleWeight must hold one number per row, shape [N], got ${showShape(array.shape)}; to weight outputs use lossWeights`, {
        argument: 'sampleWeight',
        received: array.shape,
        expected: [rows],
      });
    }
    if (array.size !== rows) {
      throw new DataError(`x has ${countOf(rows, 'row')} and sampleWeight has ${array.size}; every row needs a weight`, {
        argument: 'sampleWeight',
        received: array.size,
        expected: rows,
      });
    }
    return finiteAs(array.reshape([rows]), network.dtype, 'sampleWeight');
  });
}

/** The rows with the weights of their classes; labels are numbers, or one-hot rows. @throws ArgumentError, ShapeError if classes cannot be told. */
export function withClassWeights(checked: Checked, classWeight: ClassWeight | undefined): Checked {
  if (classWeight === undefined || classWeight === null) return checked;
  const { targets, weights } = checked;
  if (weights.length > 0) {
    throw new ArgumentError('fit: pass either sampleWeight or classWeight; to use both, multiply them into one sampleWeight', {
      argument: 'classWeight',
    });
  }
  if (targets.length !== 1) {
    throw new ArgumentError(`fit: classWeight is for models with one output, this one has ${targets.length}; use one sampleWeight per output`, {
      argument: 'classWeight',
    });
  }
  const table = readClassWeight(classWeight);
  const target = targets[0] as NdArray;
  const rows = rowsOf(target);
  const width = target.size / rows;
  if (target.shape.length > 2) {
    throw new ShapeError(`classWeight needs labels [N] or one-hot rows [N, classes], got targets of shape ${showShape(target.shape)}`, {
      argument: 'classWeight',
      received: target.shape,
    });
  }
  const result = NdArray.zeros([rows], weightType(checked));
  for (let row = 0; row < rows; row++)
    result.set(row, table.get(width === 1 ? Math.trunc(target.at(row)) : argMaxOf(target, row * width, width)) ?? 1);
  return { ...checked, weights: [result] };
}

/** Weights have the dtype of the floats they meet. */
function weightType({ inputs, targets }: Checked): FloatDType {
  return [...inputs, ...targets].some(({ dtype }) => dtype === 'float64') ? 'float64' : 'float32';
}

/** @throws ArgumentError if a class that is given a weight is none of the network's, and no row's. */
export function checkClasses({ targets: [target] }: Checked, units: number, classWeight: ClassWeight | undefined): void {
  if (classWeight === undefined || classWeight === null || target === undefined || target.shape.length > 2) return;
  const [rows, classes] = [rowsOf(target), Math.max(2, units)];
  const width = target.size / rows;
  const beyond = [...readClassWeight(classWeight).keys()].filter((label) => label < 0 || label >= classes);
  if (beyond.length === 0) return;
  const found = new Set(width === 1 ? Array.from({ length: rows }, (_, row) => Math.trunc(target.at(row))) : []);
  const stray = beyond.find((label) => !found.has(label));
  if (stray === undefined) return;
  throw new ArgumentError(`fit: classWeight has a weight for class ${stray}, which no row has; the network has ${classes} classes, numbered from 0`, {
    argument: 'classWeight',
    received: stray,
    expected: `0 … ${classes - 1}`,
  });
}

function readClassWeight(given: ClassWeight): Map<number, number> {
  if (typeof given !== 'object') {
    throw new ArgumentError(`fit: classWeight must be an object such as { 0: 1, 1: 5 } or a list, got ${show(given)}`, {
      argument: 'classWeight',
      received: given,
    });
  }
  return new Map(
    Object.entries(given).map(([key, weight]) => {
      const label = Number(key);
      if (Number.isInteger(label) && typeof weight === 'number' && Number.isFinite(weight)) return [label, weight];
      throw new ArgumentError(`fit: classWeight maps class numbers to finite numbers, got ${show(key)}: ${show(weight)}`, {
        argument: 'classWeight',
        received: weight,
      });
    }),
  );
}
