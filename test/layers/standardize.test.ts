import { describe, expect, it } from 'vitest';
import type { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import type { Tensor } from '#src/graph/node.js';
import { square } from '#src/graph/ops/index.js';
import { standardize, standardizeFeatures } from '#src/layers/standardize.js';
import {
  type Argument,
  type Build,
  engineLoss,
  feedsOf,
  generator,
  makeInputs,
  numericGradients,
  relativeError,
  symbolicGradients,
  valuesFor,
  weighted,
} from '../graph/differences.js';
import { compute, numbers } from '../graph/engine.js';

const EPSILON = 0.01;

/** Mean 0 and variance 1 along some axes, element by element, from the definition. */
function byHand(x: NdArray, axes: readonly number[]): number[] {
  const strides = x.shape.map((_, i) => x.shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const groupOf = (flat: number): string => x.shape.map((dim, i) => (axes.includes(i) ? 0 : Math.floor(flat / (strides[i] ?? 1)) % dim)).join();
  const groups = new Map<string, number[]>();
  for (let i = 0; i < x.size; i++) groups.set(groupOf(i), [...(groups.get(groupOf(i)) ?? []), x.at(i)]);
  return Array.from({ length: x.size }, (_, i) => {
    const group = groups.get(groupOf(i)) ?? [];
    const mean = group.reduce((a, b) => a + b, 0) / group.length;
    const variance = group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / group.length;
    return (x.at(i) - mean) / Math.sqrt(variance + EPSILON);
  });
}

interface Case {
  readonly what: string;
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  readonly affine?: readonly ('gamma' | 'beta')[];
}

const instances: Case[] = [
  { what: 'the last axis', shape: [4, 5], axes: [1] },
  { what: 'two axes of four', shape: [2, 3, 2, 3], axes: [1, 3] },
];
const features: Case[] = [
  { what: 'scale and shift', shape: [5, 3], axes: [0], affine: ['gamma', 'beta'] },
  { what: 'a scale alone', shape: [5, 3], axes: [0], affine: ['gamma'] },
  { what: 'a shift alone', shape: [5, 3], axes: [0], affine: ['beta'] },
  { what: 'neither', shape: [5, 3], axes: [0], affine: [] },
  { what: 'channels last', shape: [3, 2, 2, 3], axes: [0, 1, 2], affine: ['gamma', 'beta'] },
  { what: 'channels first', shape: [3, 3, 2, 2], axes: [0, 2, 3], affine: ['gamma', 'beta'] },
];

function buildOf({ axes, affine }: Case): Build {
  if (!affine) return ([x]) => standardize(x as Tensor, axes, EPSILON);
  return ([x, ...rest]) => {
    const of = (name: 'gamma' | 'beta'): Tensor | undefined => rest[affine.indexOf(name)];
    return standardizeFeatures(x as Tensor, axes, EPSILON, { gamma: of('gamma'), beta: of('beta') }).y;
  };
}

function argumentsOf({ shape, affine = [] }: Case): Argument[] {
  return [{ shape }, ...affine.map(() => ({ shape: [3], low: 0.5, high: 2 }))];
}

describe.each([...instances, ...features])('standardizing: $what', (one) => {
  const [build, args] = [buildOf(one), argumentsOf(one)];
  const next = generator(3);
  const arrays = args.map((argument) => valuesFor(argument, next));

  it('gives mean 0 and variance 1, scaled and shifted', async () => {
    const inputs = makeInputs(args, 'float64');
    const [y] = await compute([build(inputs)], feedsOf(inputs, arrays));
    const [x, ...rest] = arrays as [NdArray, ...NdArray[]];
    const along = one.shape.map((_, i) => i).find((i) => !one.axes.includes(i)) ?? 0;
    const stride = one.shape.slice(along + 1).reduce((a, b) => a * b, 1);
    const of = (name: 'gamma' | 'beta', flat: number, otherwise: number): number =>
      rest[one.affine?.indexOf(name) ?? -1]?.at(Math.floor(flat / stride) % 3) ?? otherwise;
    const expected = byHand(x, one.axes).map((value, i) => value * of('gamma', i, 1) + of('beta', i, 0));
    numbers(y).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 12);
    });
  });

  it('has the gradients of central differences', async () => {
    const expected = await numericGradients(await engineLoss(build, args), arrays);
    for (const simple of [true, false]) {
      const found = await symbolicGradients(build, args, arrays, 'float64', simple);
      found.forEach((gradient, i) => {
        expect(relativeError(gradient, expected[i] as NdArray)).toBeLessThan(1e-6);
      });
    }
  });

  it('and its gradients have theirs', async () => {
    const twice: Build = (inputs) => square(gradients(weighted(square(build(inputs)), 11), [inputs[0] as Tensor])[0] as Tensor);
    const expected = await numericGradients(await engineLoss(twice, args), arrays);
    const found = await symbolicGradients(twice, args, arrays, 'float64');
    found.forEach((gradient, i) => {
      expect(relativeError(gradient, expected[i] as NdArray)).toBeLessThan(1e-5);
    });
  });
});
