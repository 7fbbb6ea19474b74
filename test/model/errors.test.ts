import {
  ArgumentError,
  DataError,
  EvenkeelError,
  type FitOptions,
  type Layer,
  layers,
  type Model,
  model,
  NdArray,
  ShapeError,
  sequential,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { values } from '../training/sets.js';

const quiet: FitOptions = { verbose: 0 };

function classifier(loss = 'sparseCategoricalCrossentropy'): Model {
  const net = sequential([
    layers.input([4], { name: 'features' }),
    layers.dense(8, { activation: 'relu' }),
    layers.dense(3, { activation: 'softmax', name: 'classes' }),
  ]);
  return net.compile({ loss, metrics: ['accuracy'] });
}

const x = NdArray.zeros([5, 4]);
const y = new NdArray(Uint8Array.of(0, 1, 2, 1, 0));

/** What goes wrong for a fit goes wrong for evaluate and trainOnBatch in the same words; and nothing is lost. */
async function refused(net: Model, inputs: unknown, targets: unknown, type: typeof EvenkeelError, message: RegExp): Promise<void> {
  const before = values(await net.getWeights());
  for (const attempt of [
    () => net.fit(inputs as NdArray, targets as NdArray, quiet),
    () => net.evaluate(inputs as NdArray, targets as NdArray),
    () => net.trainOnBatch(inputs as NdArray, targets as NdArray),
    () => net.gradients(inputs as NdArray, targets as NdArray),
  ]) {
    const error = await attempt().then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toMatch(message);
  }
  expect(values(await net.getWeights())).toEqual(before);
}

const nan = (row: number, column: number, value = Number.NaN): NdArray => {
  const array = NdArray.zeros([5, 4]);
  array.set(row * 4 + column, value);
  return array;
};

describe('data that do not fit', () => {
  it.each<[string, unknown, unknown, typeof EvenkeelError, RegExp]>([
    ['another width', NdArray.zeros([5, 3]), y, ShapeError, /^features expects \[N, 4\], got \[5, 3\]/],
    [
      'images where vectors go',
      NdArray.zeros([5, 2, 2]),
      y,
      ShapeError,
      /got \[5, 2, 2\]\. The sizes agree: reshape the data, or.*add layers\.flatten/,
    ],
    ['one instance without the batch axis', new Float32Array(4), y, ShapeError, /got \[4\]\. Is the batch axis missing\?/],
    ['a scalar', NdArray.zeros([]), y, ShapeError, /features expects \[N, 4\], got \[\]/],
    [
      'ragged rows',
      [
        [1, 2, 3, 4],
        [1, 2, 3],
      ],
      y,
      DataError,
      /ragged.*\[1\] has 3 elements, its neighbours have 4/,
    ],
    ['words', [[1, 2, 3, 'four']], [0], DataError, /element \[0, 3\] is 'four', expected a number/],
    ['holes', [[1, 2, 3, undefined]], [0], DataError, /\[0, 3\] is undefined/],
    ['two arrays for one input', [x, x], y, ArgumentError, /the model has 1 input \(features\), got 2 arrays/],
    ['an array by another name', { feature: x }, y, ArgumentError, /x has an array 'feature'.*did you mean 'features'\?/],
    ['no rows', NdArray.zeros([0, 4]), new Uint8Array(0), DataError, /x has no rows/],
    ['an empty list', [], [], EvenkeelError, /./],
    ['a number', 3, y, ArgumentError, /x must be an array/],
    ['NaN', nan(3, 2), y, DataError, /features holds NaN at row 3, column 2/],
    ['infinity', nan(0, 1, Number.NEGATIVE_INFINITY), y, DataError, /features holds -Infinity at row 0, column 1/],
    ['too few targets', x, y.slice(0, 4), DataError, /x has 5 rows and y has 4; every row needs a target/],
    ['no target', x, [], EvenkeelError, /x has 5 rows and y has 0/],
    [
      'a label beyond the classes',
      x,
      new Uint8Array([0, 1, 9, 1, 0]),
      DataError,
      /label 9 in row 2 is not one of the 3 classes 0 to 2 of classes\. Does the last layer/,
    ],
    ['labels from 1', x, new Uint8Array([1, 2, 3, 1, 2]), DataError, /label 3 in row 2 .*Do the labels start at 1\?/],
    ['a label below 0', x, new Int32Array([0, -1, 0, 0, 0]), DataError, /label -1 in row 1/],
    ['half a label', x, [0, 0.5, 1, 1, 1], DataError, /label 0.5 in row 1/],
    ['NaN for a label', x, [0, Number.NaN, 1, 1, 1], DataError, /y of classes holds NaN at row 1/],
    ['one-hot labels', x, NdArray.zeros([5, 3]), ShapeError, /targets of shape \[N, 3\].*look one-hot: use 'categoricalCrossentropy'/],
    ['targets by another name', x, { class: y }, ArgumentError, /y has an array 'class'.*did you mean 'classes'\?/],
  ])('%s', (_, inputs, targets, type, message) => refused(classifier(), inputs, targets, type, message));

  it('labels where one-hot vectors go', () =>
    refused(classifier('categoricalCrossentropy'), x, y, ShapeError, /\[N\].*sparseCategoricalCrossentropy/));

  it.each<[string, string, unknown, RegExp]>([
    [
      'a number',
      'binaryCrossentropy',
      [[0], [102.56], [1], [1], [0]],
      /^target 102\.56 in row 1 of p: binaryCrossentropy takes 0 to 1\. For numbers use 'mse'\.$/,
    ],
    [
      'a class number',
      'binaryFocalCrossentropy',
      [0, 1, 2, 1, 0],
      /^target 2 in row 2 of p: .* 'mse', for class numbers 'sparseCategoricalCrossentropy'/,
    ],
    ['−1 for no', 'binaryCrossentropy', new Int8Array([1, 1, -1, 1, 1]), /^target -1 in row 2 .*Write −1 and 1 as 0 and 1, or use 'hinge'/],
    ['a long integer', 'binaryCrossentropy', new BigInt64Array([1n, 0n, 1n, 7n, 0n]), /^target 7 in row 3/],
    ['a count below 0', 'poisson', [[3], [0], [1], [1], [-2]], /^target -2 in row 4 of p: poisson takes numbers from 0 on\. For numbers use 'mse'/],
  ])('targets that a loss has no meaning for: %s', (_, loss, targets, message) => {
    const net = sequential([layers.input([4]), layers.dense(1, { activation: 'sigmoid', name: 'p' })]).compile({ loss });
    return refused(net, x, targets, DataError, message);
  });

  it('rows of numbers where shares of classes go', async () => {
    const rows = Array.from({ length: 5 }, (_, i) => [0, 1, i === 3 ? -3 : 0]);
    await refused(
      classifier('categoricalCrossentropy'),
      x,
      rows,
      DataError,
      /^target -3 in row 3, column 2 of classes: categoricalCrossentropy takes 0 to 1/,
    );
  });

  it('rounded shares, any targets of other losses and of own ones are taken', async () => {
    const rounded = NdArray.from(Array.from({ length: 5 }, () => [1 + 2e-7, 0, -2e-7]));
    await classifier('categoricalCrossentropy').fit(x, rounded, quiet);
    const any = NdArray.from(Array.from({ length: 5 }, (_, i) => [i - 2, 100, -7]));
    for (const loss of ['mse', 'hinge', 'klDivergence', 'meanSquaredLogarithmicError']) await classifier(loss).fit(x, any, quiet);
  });

  it('numbers that float32 does not hold', async () => {
    const [far, rows] = [new NdArray(new Float64Array(20).fill(1e39), [5, 4]), NdArray.from(Array.from({ length: 5 }, () => [0, 0, 1]))];
    const message =
      /holds 1e\+39 at row 0, column 0 \(counted from 0;.*the largest float32 is 3\.4e38\. Rescale the feature, or create the model with/;
    await refused(classifier('mse'), far, rows, DataError, message);
    await expect(classifier().predict(far)).rejects.toThrow(message);
    await refused(
      classifier('mse'),
      x,
      new NdArray(new Float64Array(15).fill(1e39), [5, 3]),
      DataError,
      /^y of classes holds 1e\+39 at row 0, column 0/,
    );
    const weighed = classifier('mse').fit(x, rows, { ...quiet, sampleWeight: new Float64Array(5).fill(1e39) });
    await expect(weighed).rejects.toThrow(/^sampleWeight holds 1e\+39 at row 0/);
    const wide = sequential([layers.input([4]), layers.dense(3)], { dtype: 'float64' });
    expect((await wide.predict(far)).data.every(Number.isFinite)).toBe(true);
  });

  it('targets of another width', () => refused(classifier('mse'), x, NdArray.zeros([5, 2]), ShapeError, /classes|\[N, 2\].*\[N, 3\]/));

  it('predict says the same', async () => {
    await expect(classifier().predict(NdArray.zeros([5, 3]))).rejects.toThrow(/^features expects \[N, 4\], got \[5, 3\]/);
    await expect(classifier().predict(nan(4, 3))).rejects.toThrow(/NaN at row 4, column 3/);
    await expect(classifier().predict(NdArray.zeros([0, 4]))).rejects.toThrow(/x has no rows/);
  });

  it('inputs of different lengths, or one that is missing', async () => {
    const [a, b] = [layers.input([1], { name: 'a' }), layers.input([1], { name: 'b' })];
    const net = model({ inputs: [a, b], outputs: layers.add().apply([a, b]) }).compile({ loss: 'mse' });
    await refused(net, { a: [[1], [2]], b: [[1]] }, [[1], [2]], DataError, /arrays of x have 2 and 1 rows/);
    await refused(net, { a: [[1], [2]] }, [[1], [2]], ArgumentError, /x lacks the array 'b'/);
    await refused(net, [new NdArray(Float32Array.of(1), [1, 1])], [[1]], ArgumentError, /the model has 2 inputs \(a, b\), got 1 array/);
  });

  it('targets that are missing are missed', async () => {
    const net = classifier();
    await expect(net.evaluate(x)).rejects.toThrow(/evaluate needs targets: evaluate\(x, y\)/);
    const listed = async () => net.fit(x, y, { ...quiet, validationData: [x, y] as unknown as { x: NdArray; y: NdArray } });
    await expect(listed).rejects.toThrow(/validationData must be \{ x, y \}/);
  });

  it('validation data are checked before the first step', async () => {
    const net = classifier();
    const before = values(await net.getWeights());
    const wrong = net.fit(x, y, { ...quiet, validationData: { x: NdArray.zeros([2, 3]), y: new Uint8Array(2) } });
    await expect(wrong).rejects.toThrow(/features expects \[N, 4\], got \[2, 3\]/);
    expect(values(await net.getWeights())).toEqual(before);
  });
});

describe('the order of calls', () => {
  const fresh = (): Model => sequential([layers.input([4]), layers.dense(3)]);

  it.each<[string, (net: Model) => Promise<unknown>]>([
    ['fit', (net) => net.fit(x, y, quiet)],
    ['evaluate', (net) => net.evaluate(x, y)],
    ['trainOnBatch', (net) => net.trainOnBatch(x, y)],
    ['gradients', (net) => net.gradients(x, y)],
  ])('%s before compile', async (_, call) => {
    await expect(call(fresh())).rejects.toThrow(ArgumentError);
    await expect(call(fresh())).rejects.toThrow(/the model is not compiled: call model\.compile/);
  });

  it('predict needs no compile', async () => {
    expect((await fresh().predict(x)).shape).toEqual([5, 3]);
  });

  it('two at once', async () => {
    const net = classifier();
    const first = net.fit(x, y, { ...quiet, epochs: 3 });
    for (const second of [net.fit(x, y, quiet), net.evaluate(x, y), net.predict(x), net.gradients(x, y)]) {
      await expect(second).rejects.toThrow(/the model is busy: first await the fit, evaluate or predict in progress/);
    }
    expect((await first).steps).toBe(3);
    expect((await net.fit(x, y, quiet)).steps).toBe(1);
  });

  it('weights read while a fit is under way are those of some step', async () => {
    const net = classifier();
    const seen: boolean[] = [];
    const read = async () =>
      void seen.push(
        values(await net.getWeights())
          .flat()
          .every(Number.isFinite),
      );
    await net.fit(x, y, { ...quiet, epochs: 5, callbacks: [{ onBatchEnd: read }] });
    expect(seen).toEqual([true, true, true, true, true]);
  });

  it('what is trained is settled when a fit begins, of layers inside of others too', async () => {
    const inner = layers.dense(3);
    const net = sequential([layers.input([2, 2]), layers.timeDistributed(inner), layers.flatten(), layers.dense(3)]).compile({ loss: 'mse' });
    const rows = NdArray.zeros([5, 2, 2]);
    const thaw = (layer: Layer) => ({
      onEpochEnd: () => {
        layer.trainable = layer.trainable === false;
      },
    });
    const message =
      /trainable was set to false while a model with this layer is training\. What a fit trains is fixed when it begins.*set trainable before or after fit$/;
    await expect(net.fit(rows, NdArray.zeros([5, 3]), { ...quiet, callbacks: [thaw(inner)] })).rejects.toThrow(message);
    await expect(net.fit(rows, NdArray.zeros([5, 3]), { ...quiet, callbacks: [thaw(net.layers[3] as Layer)] })).rejects.toThrow(message);
    const same = {
      onEpochEnd: () => {
        inner.trainable = true;
      },
    };
    await net.fit(rows, NdArray.zeros([5, 3]), { ...quiet, callbacks: [same] });
    inner.trainable = false;
    const [before] = values(await net.getWeights());
    await net.fit(rows, NdArray.zeros([5, 3]), { ...quiet, callbacks: [{ onEpochEnd: () => net.getWeights().then(() => {}) }] });
    expect(values(await net.getWeights())[0]).toEqual(before);
  });

  it('a fit within a callback is refused, not a hang', async () => {
    const net = classifier();
    const inside = { onEpochEnd: () => net.fit(x, y, quiet).then(() => {}) };
    await expect(net.fit(x, y, { ...quiet, callbacks: [inside] })).rejects.toThrow(/busy/);
  });

  it('fit without targets', async () => {
    await expect((classifier().fit as (given: unknown) => Promise<unknown>)(x)).rejects.toThrow(
      /fit needs targets: fit\(x, y, options\), or fit\(\{ x, y \}, options\)/,
    );
  });
});

describe('options of compile', () => {
  const two = (): Model => {
    const input = layers.input([2]);
    return model({ inputs: input, outputs: [layers.dense(1, { name: 'left' }).apply(input), layers.dense(1, { name: 'right' }).apply(input)] });
  };
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no loss', {}, /compile needs a loss, such as 'sparseCategoricalCrossentropy'/],
    ['an unknown option', { loss: 'mse', optimiser: 'sgd' }, /compile: unknown option 'optimiser'; did you mean 'optimizer'\?/],
    ['an unknown loss', { loss: 'crossentropy' }, /unknown loss 'crossentropy'/],
    ['a misspelt loss', { loss: 'meanSquaredErorr' }, /unknown loss 'meanSquaredErorr'; did you mean 'meanSquaredError'/],
    ['a misspelt optimizer', { loss: 'mse', optimizer: 'adma' }, /unknown optimizer 'adma'; did you mean 'adam'/],
    ['a misspelt metric', { loss: 'mse', metrics: ['acuracy'] }, /unknown metric 'acuracy'; did you mean 'accuracy'/],
    ['a loss too many', { loss: ['mse', 'mse', 'mse'] }, /loss has 3 entries, the model has 2 outputs/],
    ['a loss of no output', { loss: { left: 'mse', rigth: 'mse' } }, /loss names 'rigth', which is not an output; did you mean 'right'\?/],
    ['an output without loss', { loss: { left: 'mse' } }, /loss lacks the output 'right'/],
    ['metrics of no output', { loss: 'mse', metrics: { lef: ['mae'] } }, /metrics names 'lef', which is not an output; did you mean 'left'\?/],
    ['a weight of no output', { loss: 'mse', lossWeights: { up: 1 } }, /lossWeights names 'up'/],
    ['a weight that is none', { loss: 'mse', lossWeights: [1, Number.NaN] }, /a loss weight must be a finite number, got NaN/],
    ['too many weights', { loss: 'mse', lossWeights: [1, 2, 3] }, /lossWeights has 3 entries, the model has 2 outputs/],
    ['a metric, not a list', { loss: 'mse', metrics: 'mae' }, /metrics must be a list/],
    ['metrics that are none', { loss: 'mse', metrics: null }, /metrics must be a list, or lists by output, got null/],
    ['weighted metrics that are none', { loss: 'mse', weightedMetrics: null }, /weightedMetrics must be a list/],
    ['nothing', undefined as never, /compile needs/],
  ])('%s', (_, options, message) => {
    expect(() => two().compile(options as never)).toThrow(ArgumentError);
    expect(() => two().compile(options as never)).toThrow(message);
  });

  it.each<[string, string[], object, RegExp]>([
    [
      'an output',
      ['val', 'other'],
      { loss: 'mse' },
      /'val_loss' would be a value of training, of the output layer 'val', and one of validation, of 'loss'/,
    ],
    ['two outputs', ['val_a', 'a'], { loss: 'mse' }, /'val_a_loss' .*'val_a'.* of the output layer 'a'; give the output layer 'val_a' a name/],
    ['a metric', ['only'], { loss: 'mse', metrics: [{ name: 'val_loss', perSample: () => 0 }] }, /of the metric 'val_loss', and one of validation/],
  ])('whose values of training and of validation would have one name: %s', (_, names, options, message) => {
    const entry = layers.input([2]);
    const net = model({ inputs: entry, outputs: names.map((name) => layers.dense(1, { name }).apply(entry)) });
    expect(() => net.compile(options as never)).toThrow(message);
    // One output's values are not called after it.
    sequential([layers.input([2]), layers.dense(1, { name: 'val' })]).compile({ loss: 'mse', metrics: ['mae'] });
  });

  it('that fail leave the model as it was', async () => {
    const net = classifier();
    expect(() => net.compile({ loss: 'nope' })).toThrow(ArgumentError);
    const whole = sequential([layers.input([4], { dtype: 'uint8' }), layers.flatten()]);
    expect(() => whole.compile({ loss: 'mse' })).toThrow(
      /flatten_1 outputs integers \(uint8\), through which no gradient can flow; end the model with a layer that has weights/,
    );
    expect((await net.fit(x, y, quiet)).steps).toBe(1);
  });
});

it('a model larger than memory is refused before anything is allocated', () => {
  expect(() => layers.dense(2 ** 20).apply(layers.input([2 ** 20]))).toThrow(ShapeError);
  expect(() => layers.dense(2 ** 20).apply(layers.input([2 ** 20]))).toThrow(/dense: .*\[1048576, 1048576\].*an array holds at most/);
});
