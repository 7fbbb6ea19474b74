import { isLong, type TypedArray } from '../core/dtype.js';
import { DataError } from '../core/errors.js';
import type { NdArray } from '../core/ndarray.js';
import { rowAndColumn } from '../data/dataset.js';
import { Concatenate } from '../layers/merge.js';
import { Embedding } from '../layers/shaping.js';
import type { Layer } from '../network/layer.js';
import type { Network } from '../network/network.js';

/** Whether a layer hands numbers on as they are, in another place. */
const handsOn = (layer: Layer): boolean => (layer.role === 'shape' && layer.keepsIntegers) || layer instanceof Concatenate;

/** The embedding that looks up what an input gives, moved about at most, and knows the fewest numbers; undefined where there is none. */
function tableBehind({ calls, inputs }: Network, place: number): Embedding | undefined {
  const same = new Set(inputs.slice(place, place + 1));
  const tables: Embedding[] = [];
  for (const { layer, inputs: from, output } of calls) {
    if (!from.some((signal) => same.has(signal))) continue;
    if (layer instanceof Embedding) tables.push(layer);
    else if (handsOn(layer)) same.add(output);
  }
  return tables.sort((a, b) => a.inputDim - b.inputDim)[0];
}

/** Checks what an embedding will look up of the input number `place`. @throws DataError with the row where a number has no vector. */
export function checkIndices(network: Network, place: number, array: NdArray): void {
  const table = tableBehind(network, place);
  if (!table) return;
  const at = firstUnknown(array.data, table.inputDim);
  if (at < 0) return;
  const [index, [row]] = [array.at(at), rowAndColumn(array, at)];
  throw new DataError(
    `index ${index} in row ${row} is out of range for ${table.title}, which has ${table.inputDim} vectors, 0 to ${table.inputDim - 1}. ${hintOf(index, table)}`,
    { layer: table.title, argument: 'x', received: index, expected: `0 … ${table.inputDim - 1}` },
  );
}

function hintOf(index: number, { inputDim, maskZero }: Embedding): string {
  if (!Number.isInteger(index)) return 'Indices must be whole numbers: an embedding takes word or class numbers, not features.';
  if (index < 0) return 'Does it mark padding or an unknown word? Both need indices from 0 on; with maskZero, 0 is the padding.';
  const least = `inputDim must be at least the largest index plus one, here ${index + 1}${maskZero ? ' (0, the padding, counts too)' : ''}.`;
  return index === inputDim ? `${least} Do the indices start at 1?` : least;
}

/** Where the first number stands that is none of 0 to `count` − 1; −1 where there is none. */
function firstUnknown(data: TypedArray, count: number): number {
  if (isLong(data)) {
    const end = BigInt(count);
    return (data as BigInt64Array).findIndex((index) => index < 0n || index >= end);
  }
  for (let i = 0; i < data.length; i++) {
    const index = data[i] as number;
    if (!(index >= 0 && index < count && Number.isInteger(index))) return i;
  }
  return -1;
}
