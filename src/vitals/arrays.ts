import { NdArray } from '../core/ndarray.js';
import { type StaticShape, sizeOf } from '../core/shape.js';
import { constant, type Tensor } from '../graph/node.js';
import { concat, gather, mul, pad, reshape } from '../graph/ops/index.js';
import { plainMeanSquares } from './mean-square.js';

/** A trained array as training keeps it: one, several stacked along a first axis, or vectors end to end. */
export interface KeptArray {
  readonly kind: 'single' | 'stacked' | 'packed';
  /** Shapes of the arrays in it, in order. */
  readonly parts: readonly StaticShape[];
  /** Place of its first part among all trained arrays. */
  readonly index: number;
}

/** Arrays that are measured together: as rows of a matrix [n, entries]. */
export interface ArrayGroup {
  /** Places among all trained arrays, in the order of the rows. */
  readonly indices: readonly number[];
  /** By what to multiply mean squares of rows that were filled up with zeros. */
  readonly shares: readonly number[] | undefined;
  /** One tensor of each kept array of the group as the matrix. */
  rows(of: (index: number) => Tensor): Tensor;
}

/** Larger arrays are measured by themselves: copying them side by side would cost more than it saves. */
const LARGE = 65_536;

/** The kept arrays in groups: equal small ones side by side, so that a figure costs a few operators for all of them. */
export function arrayGroups(kept: readonly KeptArray[]): ArrayGroup[] {
  const groups = new Map<string, KeptArray[]>();
  for (const array of kept) {
    const size = sizeOf(array.parts[0] ?? []);
    const key = array.kind === 'single' && size <= LARGE ? `${size}` : `alone ${array.index}`;
    groups.set(key, [...(groups.get(key) ?? []), array]);
  }
  return [...groups.values()].map((group): ArrayGroup => {
    const [first] = group as [KeptArray];
    if (first.kind === 'packed') return packedGroup(first);
    const count = group.reduce((sum, { parts }) => sum + parts.length, 0);
    return {
      indices: group.flatMap(({ index, parts }) => parts.map((_, i) => index + i)),
      shares: undefined,
      rows: (of) => {
        const flat = group.map(({ index }) => reshape(of(index), [group.length === 1 ? count : 1, -1]));
        return flat.length === 1 ? (flat[0] as Tensor) : concat(flat, 0);
      },
    };
  });
}

function packedGroup({ index, parts }: KeptArray): ArrayGroup {
  const sizes = parts.map(sizeOf);
  const longest = Math.max(...sizes);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const places = new BigInt64Array(sizes.length * longest).fill(BigInt(total));
  let start = 0;
  sizes.forEach((size, row) => {
    for (let i = 0; i < size; i++) places[row * longest + i] = BigInt(start + i);
    start += size;
  });
  const picked = constant(new NdArray(places, [sizes.length, longest]));
  return {
    indices: parts.map((_, i) => index + i),
    shares: sizes.map((size) => longest / size),
    rows: (of) => gather(pad(of(index), { axis: 0, before: 0, after: 1 }), picked),
  };
}

/** Mean square of every array of a group, of numbers of ordinary size. */
export function arrayMeanSquares(group: ArrayGroup, rows: Tensor): Tensor {
  return scaled(plainMeanSquares(rows), group.shares);
}

/** Each of a vector's numbers by its factor, where there are any. */
export function scaled(vector: Tensor, factors: readonly number[] | undefined): Tensor {
  if (!factors) return vector;
  const values = NdArray.zeros([factors.length], vector.dtype === 'float64' ? 'float64' : 'float32');
  factors.forEach((factor, i) => {
    values.set(i, factor);
  });
  return mul(vector, constant(values));
}
