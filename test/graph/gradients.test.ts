import { describe, expect, it } from 'vitest';
import { GradientError } from '#src/core/errors.js';
import { NdArray } from '#src/core/ndarray.js';
import { gradients } from '#src/graph/gradients.js';
import { apply, constant, input, type OpRecord, scalar, type Tensor } from '#src/graph/node.js';
import * as ops from '#src/graph/ops/index.js';
import { type Build, engineLoss, generator, numericGradients, relativeError, symbolicGradients, valuesFor, weighted } from './differences.js';
import { compute, numbers } from './engine.js';
import { gradientCases } from './gradient-cases.js';

const table = Object.values<OpRecord>(ops.records);

describe('every operator with a gradient rule has a case', () => {
  it.each(table.map((record) => [record.name, record] as const))('%s', (name, record) => {
    if (typeof record.gradient === 'function') expect(gradientCases[name]?.length ?? 0).toBeGreaterThan(0);
    else {
      expect(gradientCases[name]).toBeUndefined();
      expect(record.gradient.notDifferentiable).toMatch(/\w+ \w+/);
    }
  });

  it('names nothing that is no operator', () => {
    expect(Object.keys(gradientCases).filter((name) => !(name in ops.records))).toEqual([]);
  });
});

describe('gradients against central differences in float64', () => {
  const rows = Object.entries(gradientCases).flatMap(([name, cases]) => cases.map((testCase) => ({ name, testCase, title: testCase.title })));
  it.each(rows)('$name $title', async ({ name, testCase }) => {
    const next = generator(11);
    const arrays = testCase.args.map((argument) => valuesFor(argument, next));
    const actual = await symbolicGradients(testCase.build, testCase.args, arrays, 'float64');
    const expected =
      name === 'Cast' && testCase.title.includes('float32')
        ? arrays.map(
            (array) =>
              new NdArray(
                Float64Array.from(numbers(array), (x, i) => 2 * x * weight(i)),
                array.shape,
              ),
          )
        : await numericGradients(await engineLoss(testCase.build, testCase.args), arrays);
    for (const [i, gradient] of expected.entries()) expect(relativeError(actual[i], gradient), `input ${i}`).toBeLessThanOrEqual(1e-6);
    const plain = await symbolicGradients(testCase.build, testCase.args, arrays, 'float32');
    for (const [i, gradient] of actual.entries())
      expect(relativeError(plain[i]?.cast('float64'), gradient), `float32, input ${i}`).toBeLessThanOrEqual(2e-4);
  });
});

describe('second derivatives against central differences of the first in float64', () => {
  const rows = Object.entries(gradientCases).flatMap(([name, cases]) => cases.map((testCase) => ({ name, testCase, title: testCase.title })));
  // Differences of what float32 rounds are noise.
  const smooth = rows.filter(({ title }) => !title.includes('float32'));
  /** Every entry of every gradient, each counted differently. */
  const slopes =
    (build: Build): Build =>
    (inputs) =>
      gradients(weighted(build(inputs)), inputs)
        .map((gradient, i) => weighted(gradient, 13 + i))
        .reduce((sum, next) => ops.add(sum, next));
  it.each(smooth)('$name $title', async ({ testCase }) => {
    const next = generator(11);
    const arrays = testCase.args.map((argument) => valuesFor(argument, next));
    const build = slopes(testCase.build);
    const actual = await symbolicGradients(build, testCase.args, arrays, 'float64');
    const expected = await numericGradients(await engineLoss(build, testCase.args), arrays);
    for (const [i, gradient] of expected.entries()) expect(relativeError(actual[i], gradient), `input ${i}`).toBeLessThanOrEqual(1e-5);
  });
});

/** The weights of `weighted`. */
const weights = (() => {
  const next = generator(7);
  return Array.from({ length: 8 }, () => 0.5 + next());
})();
const weight = (i: number): number => weights[i] as number;

describe('operators without a gradient', () => {
  const x = input('x', [2, 3]);
  const whole = ops.cast(x, 'int64');
  const word = ops.cast(x, 'uint32');
  const built: Record<string, () => Tensor> = {
    Mod: () => ops.mod(x, 2),
    Greater: () => ops.greater(x, 0),
    GreaterOrEqual: () => ops.greaterOrEqual(x, 0),
    Less: () => ops.less(x, 0),
    LessOrEqual: () => ops.lessOrEqual(x, 0),
    Equal: () => ops.equal(x, 0),
    And: () => ops.and(ops.greater(x, 0), ops.less(x, 1)),
    Or: () => ops.or(ops.greater(x, 0), ops.less(x, 1)),
    Xor: () => ops.xor(ops.greater(x, 0), ops.less(x, 1)),
    Not: () => ops.not(ops.greater(x, 0)),
    Sign: () => ops.sign(x),
    Floor: () => ops.floor(x),
    Ceil: () => ops.ceil(x),
    Round: () => ops.round(x),
    IsNaN: () => ops.isNaN(x),
    IsInf: () => ops.isInf(x),
    BitwiseXor: () => ops.xorBits(word, 1),
    BitwiseAnd: () => apply(ops.bitsRecords.BitwiseAnd, [word, word]).outputs[0] as Tensor,
    BitwiseOr: () => apply(ops.bitsRecords.BitwiseOr, [word, word]).outputs[0] as Tensor,
    BitShift: () => ops.shiftRight(word, 1),
    ArgMax: () => ops.argMax(x),
    Shape: () => apply(ops.movementRecords.Shape, [x]).outputs[0] as Tensor,
    Size: () => apply(ops.movementRecords.Size, [x]).outputs[0] as Tensor,
    Range: () => ops.range(ops.reduceSum(whole)),
    Loop: () => ops.loop({ count: scalar(2, 'int64'), state: [x], step: (_, [h]) => ({ state: [ops.mul(h as Tensor, x)] }) }).state[0] as Tensor,
  };
  const rigid = table.filter((record) => typeof record.gradient !== 'function');

  it.each(rigid.map((record) => record.name))('%s says so and why', (name) => {
    const make = built[name];
    expect(make, `${name} has no case here`).toBeDefined();
    if (!make) return;
    const y = make();
    y.node.label = 'dense_1';
    const reason = (ops.records as Record<string, OpRecord>)[name]?.gradient as { notDifferentiable: string };
    const attempt = (): unknown => gradients(y, [x], { seeds: [input('seed', y.shape, y.dtype)] });
    expect(attempt).toThrow(GradientError);
    expect(attempt).toThrow(`no gradient through ${name} in dense_1: ${reason.notDifferentiable}`);
  });

  it('block nothing where the gradient does not go through them', async () => {
    const mask = ops.cast(ops.greater(x, 0), 'float32');
    const [gradient] = gradients(ops.reduceSum(ops.mul(x, mask)), [x]) as [Tensor];
    const data = valuesFor({ shape: [2, 3] }, generator(1)).cast('float32');
    const [result] = await compute([gradient], new Map([[x, data]]));
    expect(numbers(result)).toEqual(numbers(data).map((value) => (value > 0 ? 1 : 0)));
  });

  it('include scatters that keep the largest, and those into more than rows', () => {
    const at = (shape: number[]): Tensor => constant(new NdArray(new BigInt64Array(shape.reduce((a, b) => a * b, 1)), shape));
    const largest = apply(ops.indexingRecords.ScatterElements, [x, at([2, 3]), x], { axis: 0, reduction: 'max' }).outputs[0] as Tensor;
    expect(() => gradients(largest, [x])).toThrow("reduction 'max'");
    const elements = apply(ops.indexingRecords.ScatterND, [x, at([4, 2]), input('updates', [4])], { reduction: 'add' }).outputs[0] as Tensor;
    expect(() => gradients(elements, [x])).toThrow(/ScatterND with indices \[4, 2\]/);
  });
});

describe('gradients', () => {
  const x = input('x', [3], 'float64');
  const data = new Map([[x, valuesFor({ shape: [3], values: [0.5, -1, 2] }, generator(1))]]);

  it('goes through a wanted tensor to those behind it', async () => {
    const h = ops.mul(x, x);
    const loss = ops.reduceSum(ops.mul(h, 3));
    const results = await compute(gradients(loss, [h, x]), data);
    expect(results.map(numbers)).toEqual([
      [3, 3, 3],
      [3, -6, 12],
    ]);
  });

  it('is zero where the loss does not depend on a tensor', async () => {
    const other = input('other', [2], 'float64');
    const [result] = await compute(gradients(ops.reduceSum(x), [other]), data);
    expect(numbers(result)).toEqual([0, 0]);
  });

  it('starts from seeds, and sums over several outputs', async () => {
    const seed = constant(valuesFor({ shape: [3], values: [1, 10, 100] }, generator(1)));
    const rate = scalar(0.5, 'float64');
    const results = await compute([...gradients([ops.mul(x, 2), ops.reduceSum(ops.mul(x, x))], [x], { seeds: [seed, rate] })], data);
    expect(results.map(numbers)).toEqual([[2.5, 19, 202]]);
  });

  it('differentiates gradients again', async () => {
    const [slope] = gradients(ops.reduceSum(ops.pow(x, 3)), [x]) as [Tensor];
    const [curvature] = gradients(slope, [x]) as [Tensor];
    const [third] = gradients(curvature, [x]) as [Tensor];
    const results = await compute([slope, curvature, third], data);
    expect(results.map(numbers)).toEqual([
      [0.75, 3, 12],
      [3, -6, 12],
      [6, 6, 6],
    ]);
  });

  it('shares a tie of the largest, and gives a tie of two to the first', async () => {
    const same = ops.mul(x, 0);
    const [all] = gradients(ops.reduceMax(same), [same]) as [Tensor];
    const other = ops.mul(x, 0);
    const both = gradients(ops.reduceSum(ops.max(same, other)), [same, other]);
    const results = await compute([all, ...both], data, { simplify: false });
    expect(results.map(numbers)).toEqual([
      [1 / 3, 1 / 3, 1 / 3],
      [1, 1, 1],
      [0, 0, 0],
    ]);
  });

  it('goes through values that a flush makes zero, unless it is too small itself', async () => {
    const signal = input('signal', [3]);
    const delta = input('delta', [3]);
    const y = ops.flush(signal);
    const results = await compute(
      [y, ...gradients(y, [signal], { seeds: [delta] })],
      new Map([
        [signal, NdArray.from([1e-25, 0.5, -1e-18])],
        [delta, NdArray.from([2, 1e-25, -3])],
      ]),
    );
    expect(results.map(numbers)).toEqual([
      [0, 0.5, Math.fround(-1e-18)],
      [2, 0, -3],
    ]);
  });

  it('labels what it makes, and leaves the forward pass as it is', () => {
    const unlabelled = ops.mul(x, 2);
    const y = ops.sin(unlabelled);
    y.node.label = 'wave';
    const [gradient] = gradients(y, [x]) as [Tensor];
    expect(unlabelled.node.label).toBeUndefined();
    expect(gradient.node.inputs[0]?.node.label).toBe('wave/gradient');
  });

  it('names operator, place and shapes where a rule cannot be applied', () => {
    const open = input('open', ['N', 2], 'float64');
    const y = ops.concat([open, open], 0);
    y.node.label = 'join_1';
    expect(() => gradients(y, [open])).toThrow(GradientError);
    expect(() => gradients(y, [open])).toThrow(/no gradient through Concat in join_1 with inputs \[N, 2\], \[N, 2\]: .*lengths of axis 0/);
  });
});
