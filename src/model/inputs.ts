import { countOf } from '../core/count.js';
import { type FloatDType, isFloat, isTypedArray } from '../core/dtype.js';
import { ArgumentError, DataError, RaggedError, ShapeError, show } from '../core/errors.js';
import { nearestNames } from '../core/names.js';
import { type ArrayLike, NdArray } from '../core/ndarray.js';
import { product, sameShape, showShape } from '../core/shape.js';
import { finiteAs, rowAndColumn, rowsOf, rowWidth } from '../data/dataset.js';
import type { Loss, TargetRange } from '../losses.js';
import type { Network } from '../network/network.js';
import { ofDeclaredType } from './declared-type.js';
import { checkIndices } from './indices.js';

/** One array; several in the order of the model's inputs or outputs; or several by layer name. */
export type Arrays = ArrayLike | readonly NdArray[] | Readonly<Record<string, ArrayLike>>;

/** The arrays as users give them, in the order of `names`; nested numbers become `dtype`. @throws ArgumentError if a name is missing or unknown. */
export function orderArrays(kind: string, given: Arrays, names: readonly string[], dtype: FloatDType): NdArray[] {
  if (given instanceof NdArray || isTypedArray(given)) return [NdArray.from(given)];
  if (Array.isArray(given)) {
    const list = given as readonly unknown[];
    const arrays = list.length > 0 && list.every((item) => item instanceof NdArray || isTypedArray(item));
    return arrays ? list.map((item) => NdArray.from(item as ArrayLike)) : [NdArray.from(given as ArrayLike, dtype)];
  }
  if (given === null || typeof given !== 'object') {
    throw new ArgumentError(`${kind} must be an array, a list of arrays or an object of arrays by name, got ${show(given)}`, {
      argument: kind,
      received: given,
    });
  }
  const record = given as Readonly<Record<string, ArrayLike>>;
  for (const key of Object.keys(record)) {
    if (names.includes(key)) continue;
    const [near] = nearestNames(key, names);
    throw new ArgumentError(`${kind} has an array '${key}', but the model's are ${names.join(', ')}${near ? `; did you mean '${near}'?` : ''}`, {
      argument: kind,
      received: key,
    });
  }
  return names.map((name) => {
    const array = record[name];
    if (array === undefined) throw new ArgumentError(`${kind} lacks the array '${name}'`, { argument: kind, expected: name });
    return NdArray.from(array, dtype);
  });
}

/** Arrays that fit the network's inputs: whole numbers where an input declares them, other floats in the network's dtype. @throws ShapeError, DataError naming the input and what it expects. */
export function checkInputs(network: Network, given: Arrays): NdArray[] {
  const names = network.inputs.map((signal) => signal.call.layer.title);
  // Nested whole numbers lose nothing on their way to a whole type.
  const nested = network.inputs.every(({ dtype }) => isFloat(dtype)) ? network.dtype : 'float64';
  const arrays = unragged(names, () => orderArrays('x', given, names, nested));
  if (arrays.length !== names.length) {
    throw new ArgumentError(`the model has ${countOf(names.length, 'input')} (${names.join(', ')}), got ${countOf(arrays.length, 'array')}`, {
      argument: 'x',
      received: arrays.length,
      expected: names.length,
    });
  }
  return arrays.map((array, i) => {
    const { shape, dtype } = network.inputs[i] as (typeof network.inputs)[number];
    const expected = shape.slice(1) as number[];
    const name = names[i] as string;
    if (array.shape[0] === 0) refuseEmpty('x');
    if (!sameShape(array.shape.slice(1), expected)) {
      throw new ShapeError(`${name} expects ${showShape(['N', ...expected])}, got ${showShape(array.shape)}. ${shapeHint(array.shape, expected)}`, {
        layer: name,
        argument: 'x',
        expected,
        received: array.shape,
      });
    }
    const finite = finiteAs(array, isFloat(dtype) && isFloat(array.dtype) ? network.dtype : array.dtype, name);
    const typed = isFloat(dtype) ? finite : ofDeclaredType(finite, dtype, name);
    checkIndices(network, i, typed);
    return typed;
  });
}

/** Says what to do about rows of different lengths. */
function unragged<T>(names: readonly string[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RaggedError)) throw error;
    throw new DataError(
      `${names.join(', ')}: ${error.message}. If these are sequences of different lengths, pad them with padSequences; layers.embedding with maskZero, or layers.masking, then skips the padding`,
      { ...error.details, argument: 'x' },
      { cause: error },
    );
  }
}

function shapeHint(received: readonly number[], expected: readonly number[]): string {
  if (sameShape(received, expected)) return 'Is the batch axis missing? Pass a single instance as [1, …].';
  if (product(received.slice(1)) === product(expected))
    return "The sizes agree: reshape the data, or give layers.input the data's shape and add layers.flatten.";
  return 'layers.input takes the shape of one instance, without the batch axis.';
}

/** Targets that fit the outputs and losses. @throws ShapeError, DataError: labels out of range with their row. */
export function checkTargets(network: Network, losses: readonly Loss[], given: Arrays, rows: number): NdArray[] {
  const names = network.outputs.map((signal) => signal.call.layer.title);
  const arrays = orderArrays('y', given, names, network.dtype);
  if (arrays.length !== names.length) {
    throw new ArgumentError(`the model has ${countOf(names.length, 'output')} (${names.join(', ')}), got ${countOf(arrays.length, 'target array')}`, {
      argument: 'y',
      received: arrays.length,
      expected: names.length,
    });
  }
  return arrays.map((array, i) => {
    const name = names[i] as string;
    if (rowsOf(array) !== rows) {
      throw new DataError(`x has ${countOf(rows, 'row')} and y has ${rowsOf(array)}; every row needs a target`, {
        argument: 'y',
        received: rowsOf(array),
        expected: rows,
      });
    }
    const finite = finiteAs(array, isFloat(array.dtype) ? network.dtype : array.dtype, `y of ${name}`);
    const loss = losses[i];
    const { shape = [] } = network.outputs[i] ?? {};
    const classes = shape.at(-1);
    if (loss?.targets === 'labels' && typeof classes === 'number') checkLabels(array, classes, name);
    // Targets of another size are refused by the loss, which knows why.
    if (loss?.takes && rowWidth(array) === product(shape.slice(1) as number[])) checkRange(array, loss, loss.takes, name);
    return finite;
  });
}

function checkLabels(labels: NdArray, classes: number, name: string): void {
  for (let i = 0; i < labels.size; i++) {
    const label = labels.at(i);
    if (label >= 0 && label < classes && Number.isInteger(label)) continue;
    const hint =
      classes === 1
        ? "A single unit cannot distinguish classes: end with a softmax layer of one unit per class or, for two classes, with a sigmoid and 'binaryCrossentropy'."
        : label === classes
          ? 'Do the labels start at 1? They must start at 0.'
          : 'Does the last layer have one unit per class?';
    throw new DataError(
      `label ${label} in row ${rowAndColumn(labels, i)[0]} is not ${classes === 1 ? 'the one class, 0,' : `one of the ${classes} classes 0 to ${classes - 1}`} of ${name}. ${hint}`,
      {
        layer: name,
        argument: 'y',
        received: label,
        expected: `0 … ${classes - 1}`,
      },
    );
  }
}

/** How far rounding may take a sum of shares beyond 1. */
const ROUNDING = 1e-6;

function checkRange(targets: NdArray, loss: Loss, { from, to }: TargetRange, name: string): void {
  const { data } = targets;
  const [low, high] = [from - ROUNDING, to + ROUNDING];
  for (let i = 0; i < data.length; i++) {
    if ((data[i] as number) >= low && (data[i] as number) <= high) continue;
    const [value, [row, column]] = [targets.at(i), rowAndColumn(targets, i)];
    const place = rowWidth(targets) > 1 ? `row ${row}, column ${column}` : `row ${row}`;
    const expected = to === Number.POSITIVE_INFINITY ? `numbers from ${from} on` : `${from} to ${to}`;
    throw new DataError(`target ${Number(value.toPrecision(7))} in ${place} of ${name}: ${loss.name} takes ${expected}. ${rangeHint(loss, value)}`, {
      layer: name,
      argument: 'y',
      received: value,
      expected,
    });
  }
}

function rangeHint({ targets }: Loss, value: number): string {
  if (targets === 'binary' && value === -1) return "Write −1 and 1 as 0 and 1, or use 'hinge', which takes both.";
  const classes = targets !== 'real' && value > 0 && Number.isInteger(value);
  return `For numbers use 'mse'${classes ? ", for class numbers 'sparseCategoricalCrossentropy' with one output per class" : ''}.`;
}

/** Number of rows of arrays that belong together. @throws DataError if they differ or there are none. */
export function commonRows(arrays: readonly NdArray[], kind: string): number {
  const rows = arrays.map(rowsOf);
  const [count = 0] = rows;
  if (rows.some((other) => other !== count))
    throw new DataError(`the arrays of ${kind} have ${rows.join(' and ')} rows; they must have the same number`, { argument: kind, received: rows });
  if (count === 0) refuseEmpty(kind);
  return count;
}

function refuseEmpty(kind: string): never {
  throw new DataError(`${kind} has no rows. Did a filter remove all of them, or was a file empty?`, {
    argument: kind,
    received: 0,
    expected: 'at least 1 row',
  });
}
