import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { input, type Tensor } from '#src/graph/node.js';
import { finiteMark } from '#src/training/finite.js';
import { compute } from '../graph/engine.js';

const shapes = [[4, 3], [2, 3], [5], [1], [], [], [2, 3, 1], [4, 3]];
const state = (): Tensor[] => shapes.map((shape, i) => input(`s${i}`, shape));
const arrays = (): NdArray[] =>
  shapes.map((shape, i) => NdArray.from(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1 + i)).reshape(shape));

async function marked(values: readonly NdArray[]): Promise<number | undefined> {
  const tensors = state();
  const [mark] = await compute([finiteMark(tensors)], new Map(tensors.map((tensor, i) => [tensor, values[i] as NdArray])));
  return mark?.at(0);
}

describe('the mark of a state', () => {
  it('is 0 where every number is finite, the largest included', async () => {
    expect(await marked(arrays())).toBe(0);
    const large = arrays();
    for (const array of large) for (let i = 0; i < array.size; i++) array.set(i, i % 2 === 0 ? 3.4e38 : -3.4e38);
    expect(await marked(large)).toBe(0);
  });

  it.each(shapes.map((_, i) => i))('is NaN where one number of array %i is not finite', async (i) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const values = arrays();
      const array = values[i] as NdArray;
      array.set(array.size - 1, value);
      expect(await marked(values)).toBeNaN();
    }
  });

  it('takes some nodes for arrays of one kind, however many there are, and looks at large ones by themselves', () => {
    const nodes = (tensors: readonly Tensor[]): number => emitModel(tensors, { mark: finiteMark(tensors) }).graph.nodes.length;
    const many = (count: number, rows: number): Tensor[] => Array.from({ length: count }, (_, i) => input(`s${i}`, [rows, 8]));
    expect(nodes(many(50, 8))).toBe(nodes(many(5, 8)));
    expect(nodes(many(6, 1 << 18))).toBeGreaterThan(nodes(many(3, 1 << 18)));
  });
});
