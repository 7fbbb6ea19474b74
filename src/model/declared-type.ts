import type { DType, FloatDType } from '../core/dtype.js';
import { DataError } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import { rowAndColumn } from '../data/dataset.js';

/** The least and the largest number of each type; of the widest ones the largest that a float holds as well. */
const ranges: { readonly [D in Exclude<DType, FloatDType>]: readonly [low: number, high: number] } = {
  bool: [0, 1],
  int8: [-(2 ** 7), 2 ** 7 - 1],
  uint8: [0, 2 ** 8 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  uint16: [0, 2 ** 16 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), 2 ** 63 - 1024],
  uint64: [0, 2 ** 64 - 2048],
};

/** The same numbers as elements of the whole type that the input `name` declares. @throws DataError with the row where one is none of that type. */
export function ofDeclaredType(array: NdArray, dtype: Exclude<DType, FloatDType>, name: string): NdArray {
  if (array.dtype === dtype) return array;
  const [low, high] = ranges[dtype];
  for (let i = 0; i < array.size; i++) {
    const value = array.at(i);
    if (!(value >= low && value <= high && Number.isInteger(value))) {
      const [row] = rowAndColumn(array, i);
      throw new DataError(
        `${name} is declared ${dtype}, but x holds ${value} in row ${row}; expected whole numbers from ${low} to ${high}. If the data are already scaled, remove dtype from layers.input; otherwise round them, or declare a wider type.`,
        { layer: name, argument: 'x', received: value, expected: dtype },
      );
    }
  }
  return array.cast(dtype);
}
