import { describe, expect, it } from 'vitest';
import { NdArray } from '#src/core/ndarray.js';
import { emitModel } from '#src/graph/emit.js';
import { input, type Tensor, topological } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';
import { simplify } from '#src/graph/simplify.js';
import { generator, relativeError, valuesFor } from './differences.js';
import { compute } from './engine.js';

const {
  add,
  concat,
  conv,
  expandLike,
  greater,
  ifElse,
  mul,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,

  sizeAs,
  sub,
  transpose,
  where,
} = ops;

const toLast = [0, 2, 3, 1];
const toFirst = [0, 3, 1, 2];

/** [N, channels, height, width]. */
const x = input('x', ['N', 3, 4, 5]);
const y = input('y', ['N', 3, 4, 5]);
const kernel = input('kernel', [3, 3, 3, 3]);
const gamma = input('gamma', [3]);
/** [N, height, width, channels]. */
const last = input('last', ['N', 4, 5, 3]);
const inputs = [x, y, kernel, gamma, last];

/** Elements that transposes move, by the shapes of what they give for a batch of 2. */
function moved(...outputs: Tensor[]): number[][] {
  return topological(simplify(outputs))
    .filter(({ record }) => record.name === 'Transpose')
    .map(({ outputs: [tensor] }) => (tensor as Tensor).shape.map((dim) => (typeof dim === 'number' ? dim : 2)));
}

async function expectSame(...outputs: Tensor[]): Promise<void> {
  const next = generator(5);
  const feeds = new Map(
    inputs.map((tensor) => [tensor, valuesFor({ shape: tensor.shape.map((dim) => (typeof dim === 'number' ? dim : 2)) }, next).cast('float32')]),
  );
  const plain = await compute(outputs, feeds, { simplify: false });
  const clean = await compute(outputs, feeds, { simplify: true });
  plain.forEach((array, i) => {
    expect(clean[i]?.shape).toEqual(array.shape);
    expect(relativeError(clean[i], array)).toBeLessThanOrEqual(1e-6);
  });
}

const around = { before: [1, 1], after: [1, 1] };
const turned = transpose(x, toLast);
const back = (tensor: Tensor): Tensor => transpose(tensor, toFirst);

describe('transposes that take each other back', () => {
  it.each<[string, () => Tensor]>([
    ['around nothing', () => relu(back(turned))],
    ['around functions of one number', () => back(relu(mul(turned, 2)))],
    ['around a factor for each channel', () => back(add(mul(turned, gamma), reshape(gamma, [1, 1, 1, 3])))],
    ['around two that are turned alike', () => back(where(greater(turned, 0), transpose(y, toLast), 0))],
    ['around moments of each channel', () => back(sub(turned, reduceMean(turned, { axes: [0, 1, 2] })))],
    ['around what is spread over the others', () => back(mul(turned, expandLike(reduceSum(turned, { axes: [0, 1, 2], keepdims: true }), turned)))],
    ['around means of each instance', () => back(sub(turned, reduceMean(turned, { axes: [1, 2], keepdims: true })))],
    ['around pieces joined', () => back(concat([turned, transpose(y, toLast)], 3))],
    ['around a share of all elements', () => back(mul(turned, sizeAs(turned, 'float32')))],
    ['between convolutions', () => conv(back(relu(add(transpose(conv(x, kernel, undefined, around), toLast), gamma))), kernel, undefined, around)],
  ])('go %s', async (_, make) => {
    expect(moved(make()).filter((shape) => shape.length === 4)).toEqual([]);
    await expectSame(make());
  });

  it('are one where they do not', async () => {
    const twice = transpose(turned, [0, 1, 3, 2]);
    expect(moved(twice)).toEqual([[2, 4, 3, 5]]);
    await expectSame(twice);
  });

  it('leave what reduces every axis, or gives them in another order, right', async () => {
    await expectSame(
      reduceSum(turned),
      reduceSum(turned, { axes: [1] }),
      reduceMax(turned, { axes: [0, 2] }),
      reduceMean(turned, { axes: [3], keepdims: true }),
      reduceSum(transpose(x, [3, 1, 0, 2]), { axes: [1] }),
    );
  });
});

describe('transposes stay', () => {
  it('where another operand would have to be turned instead', async () => {
    const mixed = relu(add(turned, last));
    expect(moved(mixed)).toEqual([[2, 4, 5, 3]]);
    await expectSame(mixed);
  });

  it('once, where some want the one order and some the other', async () => {
    const outputs = [reshape(relu(turned), ['N', 60]), back(relu(turned))];
    expect(moved(...outputs)).toEqual([[2, 4, 5, 3]]);
    await expectSame(...outputs);
  });

  it('in the branch that they are in', () => {
    const condition = greater(reduceSum(gamma), 0);
    const [chosen] = ifElse(
      condition,
      () => [mul(transpose(relu(x), toLast), gamma)],
      () => [last],
    ) as [Tensor];
    const { nodes } = emitModel(inputs, { chosen }).graph;
    expect(nodes.map(({ opType }) => opType)).not.toContain('Transpose');
  });

  it('and lengths are asked of what was turned', async () => {
    const counted = mul(reshape(x, ['N', 60]), ops.cast(ops.dimOf(transpose(x, [2, 3, 0, 1]), 2), 'float32'));
    expect(moved(counted)).toEqual([]);
    await expectSame(counted);
  });

  it('where lengths that only the data tell would have to change places', async () => {
    const [image, mask] = [input('image', ['N', 'H', 'W', 2]), input('mask', ['N', 1, 'H', 'W'])];
    const masked = mul(transpose(image, toFirst), mask);
    const pixels = new NdArray(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), [1, 2, 2, 2]);
    const feeds = new Map([
      [image, pixels],
      [mask, new NdArray(Float32Array.of(1, 0, 10, 100), [1, 1, 2, 2])],
    ]);
    const [value] = await compute([masked], feeds);
    expect(value?.toNested()).toEqual([
      [
        [
          [1, 0],
          [50, 700],
        ],
        [
          [2, 0],
          [60, 800],
        ],
      ],
    ]);
  });
});
