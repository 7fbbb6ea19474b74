import { NdArray } from '../../core/ndarray.js';
import { type Dim, product } from '../../core/shape.js';
import { apply, applyOne, constant, filled, int64, type OpRecord, type Tensor } from '../node.js';
import { add, equal, mul, where } from './arithmetic.js';
import { convTranspose } from './convolution.js';
import { scatterElementsAdd } from './indexing.js';
import { concat } from './joining.js';
import { like, movementRecords, reshape, reshapeLike, unsqueeze } from './movement.js';
import {
  attributesOf,
  countsOf,
  entry,
  known,
  leftover,
  padSpatial,
  seenBy,
  spatial,
  tapsOf,
  type Windows,
  windowAttributes,
  windows,
  windowsOf,
} from './windows.js';

const { Expand } = movementRecords;

/** Whether windows stand side by side and nothing was added to the input. */
function isTiling(at: Windows): boolean {
  return at.kernel.every(
    (length, axis) =>
      entry(at.strides, axis) === length &&
      (length === 1 || entry(at.dilations, axis) === 1) &&
      entry(at.before, axis) === 0 &&
      entry(at.after, axis) === 0,
  );
}

/** The largest of each window. With `storage_order`, its place in the whole input as a second output, which costs five times as much. */
const MaxPool: OpRecord = {
  name: 'MaxPool',
  attributes: { ...windowAttributes, storage_order: 'int' },
  infer: ([x], attributes) => {
    const from = x as Tensor;
    const shape: Dim[] = [...from.shape.slice(0, 2), ...countsOf(from.shape, windowsOf(attributes))];
    return attributes.storage_order === undefined ? like(from, shape) : [...like(from, shape), { dtype: 'int64', shape }];
  },
  gradient: ({ inputs: [x], outputs: [y], attributes, dys: [dy] }) => {
    const [from, most] = [x as Tensor, y as Tensor];
    const at = windowsOf(attributes);
    if (!dy) return [undefined];
    if (isTiling(at) && product(at.kernel) <= MOST_SLICES) return [toFirst(from, most, dy, at)];
    const places = apply(MaxPool, [from], { ...attributesOf(at), storage_order: 0 }).outputs[1] as Tensor;
    const flat = reshape(from, [-1]);
    return [reshapeLike(scatterElementsAdd(flat, reshape(places, [-1]), reshape(dy, [-1]), 0), from)];
  },
};

/** Taps up to which slices beat the engine's indices. */
const MOST_SLICES = 9;
/** What each tap sees gets the delta where it is its window's largest and no tap before it was. */
function toFirst(x: Tensor, y: Tensor, dy: Tensor, at: Windows): Tensor {
  const counts = spatial(y);
  const taps = tapsOf(at.kernel);
  let rest = dy;
  const parts = taps.map((tap, i) => {
    if (i === taps.length - 1) return rest;
    const hit = equal(seenBy(tap, x, at, counts), y);
    const part = where(hit, rest, 0);
    rest = where(hit, 0, rest);
    return part;
  });
  const rank = counts.length;
  // The last axis first: [N, C, ...counts] parts become [N, C, ..., count, taps].
  const joined = at.kernel.reduceRight<Tensor[]>((pieces, length, axis) => {
    const position = 2 + axis + 1;
    return Array.from({ length: pieces.length / length }, (_, i) =>
      concat(
        pieces.slice(i * length, (i + 1) * length).map((piece) => unsqueeze(piece, [position])),
        position,
      ),
    );
  }, parts);
  const wide = reshape(joined[0] as Tensor, [...x.shape.slice(0, 2), ...counts.map((count, axis) => count * entry(at.kernel, axis))]);
  return padSpatial(wide, new Array<number>(rank).fill(0), leftover(spatial(x), at));
}

/** The largest element of each window; outside of the input there is none. */
export function maxPool(x: Tensor, at: Windows): Tensor {
  return applyOne(MaxPool, [x], attributesOf(at));
}

/** The mean of each window, of the elements inside the input unless `count_include_pad`. */
const AveragePool: OpRecord = {
  name: 'AveragePool',
  attributes: { ...windowAttributes, count_include_pad: 'int' },
  infer: ([x], attributes) => {
    const from = x as Tensor;
    return like(from, [...from.shape.slice(0, 2), ...countsOf(from.shape, windowsOf(attributes))]);
  },
  gradient: ({ inputs: [x], attributes, dy }) => {
    const from = x as Tensor;
    const at = windowsOf(attributes);
    const shares = mul(dy, share(from, dy, at, attributes.count_include_pad === 1));
    return [isTiling(at) ? repeated(shares, from, at) : spreadOver(shares, from, at)];
  },
  compose64: ([x], attributes) => {
    const from = x as Tensor;
    const at = windowsOf(attributes);
    const counts = known(countsOf(from.shape, at));
    const padded = padSpatial(from, at.before, at.after);
    const sum = tapsOf(at.kernel)
      .map((tap) => seenBy(tap, padded, at, counts))
      .reduce((a, b) => add(a, b));
    return mul(sum, share(from, sum, at, attributes.count_include_pad === 1));
  },
};

/** 1 / elements in each window, [...counts]; a number where all have as many. */
function share(x: Tensor, y: Tensor, at: Windows, padding: boolean): Tensor {
  if (padding || [...at.before, ...at.after].every((length) => length === 0)) return filled(1 / product(at.kernel), [], x.dtype);
  const [lengths, counts] = [spatial(x), spatial(y)];
  const inside = counts.map((count, axis) =>
    Array.from({ length: count }, (_, i) => {
      const start = i * entry(at.strides, axis) - entry(at.before, axis);
      const taps = Array.from({ length: entry(at.kernel, axis) }, (_, tap) => start + tap * entry(at.dilations, axis));
      return taps.filter((place) => place >= 0 && place < entry(lengths, axis)).length;
    }),
  );
  const array = NdArray.zeros(counts, x.dtype);
  tapsOf(counts).forEach((place, i) => {
    array.set(i, 1 / place.reduce((elements, at, axis) => elements * (inside[axis]?.[at] ?? 1), 1));
  });
  return constant(array);
}

/** Each element over its window; zeros for what no window sees. */
function repeated(y: Tensor, x: Tensor, at: Windows): Tensor {
  const counts = spatial(y);
  const lead = y.shape.slice(0, 2);
  const narrow = reshape(y, [...lead, ...counts.flatMap((count) => [count, 1])]);
  const wide = applyOne(Expand, [narrow, int64([1, 1, ...at.kernel.flatMap((length) => [1, length])])]);
  const full = reshape(wide, [...lead, ...counts.map((count, axis) => count * entry(at.kernel, axis))]);
  return padSpatial(
    full,
    counts.map(() => 0),
    leftover(spatial(x), at),
  );
}

/** The same where windows overlap or leave gaps: a transposed convolution by ones, channel by channel. */
function spreadOver(y: Tensor, x: Tensor, at: Windows): Tensor {
  const [lengths, ones] = [spatial(x), filled(1, [1, 1, ...at.kernel], x.dtype)];
  const { kernel: _, ...places } = at;
  const single = reshape(y, [-1, 1, ...spatial(y)]);
  return reshapeLike(convTranspose(single, ones, undefined, { ...places, outputPadding: leftover(lengths, at) }), x);
}

/** The mean of each window over the elements inside the input, as in Keras. */
export function averagePool(x: Tensor, at: Windows): Tensor {
  return applyOne(AveragePool, [x], { ...attributesOf(at), count_include_pad: 0 });
}

export const poolingRecords = { MaxPool, AveragePool };
export { type Windows, windows };
