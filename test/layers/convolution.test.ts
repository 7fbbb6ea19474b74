import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, doctor, layers, load, NdArray, ShapeError, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { dtypes } from '#src/core/dtype.js';
import { factsOf } from '#src/network/facts.js';
import type { Layer } from '#src/network/layer.js';
import { Network } from '#src/network/network.js';
import { randomArray } from './wiring.js';

const image = (...shape: number[]) => layers.input(shape);

describe('what does not fit', () => {
  it.each([
    [
      'a kernel larger than its input',
      () => layers.conv2d(2, 5, { name: 'c' }).apply(image(3, 3, 1)),
      /^c: a kernel of \[5, 5\] does not fit into \[3, 3\].*padding: 'same'/,
    ],
    ['a dilated kernel', () => layers.conv1d(2, 3, { dilationRate: 4 }).apply(image(8, 1)), /a kernel of \[9\] \(dilated by \[4\]\).*\[8\]/],
    [
      'a pool of what is one element',
      () => layers.maxPooling2d().apply(image(1, 4, 2)),
      /^maxPooling2d: a pool of \[2, 2\] does not fit into \[1, 4\]/,
    ],
    [
      'channels that groups do not divide',
      () => layers.conv2d(4, 1, { groups: 2 }).apply(image(3, 3, 3)),
      /^conv2d: 3 channels cannot be divided evenly into 2 groups/,
    ],
    [
      'images without channels',
      () => layers.conv2d(4, 3).apply(image(28, 28)),
      /\[N, rows, columns, channels\], got \[N, 28, 28\]\. Is a reshape to \[28, 28, 1\] missing\?/,
    ],
    ['cropping all away', () => layers.cropping1d({ cropping: [2, 1] }).apply(image(3, 1)), /crops \[\[2, 1\]\] from \[3\]/],
  ])('%s', (_, work, message) => {
    expect(work).toThrow(ShapeError);
    expect(work).toThrow(message);
  });

  it.each([
    [
      'strides with dilation',
      () => layers.conv2d(1, 3, { strides: 2, dilationRate: 2 }),
      /conv2d: dilationRate of 2 cannot be combined with strides of 2/,
    ],
    ['filters that groups do not divide', () => layers.conv2d(3, 3, { groups: 2 }), /conv2d: 3 filters cannot be divided evenly into 2 groups/],
    ['causal images', () => layers.conv2d(3, 3, { padding: 'causal' }), /padding must be 'valid' or 'same', got 'causal'/],
    ['sizes for too many axes', () => layers.conv1d(3, [3, 3]), /kernelSize must be a whole number ≥ 1, got \[3, 3\]/],
    [
      'output padding of a whole stride',
      () => layers.conv2dTranspose(1, 3, { strides: 2, outputPadding: 2 }),
      /outputPadding \[2, 2\] must be smaller than strides \[2, 2\]/,
    ],
  ])('%s', (_, work, message) => {
    expect(work).toThrow(ArgumentError);
    expect(work).toThrow(message);
  });
});

it.each([
  ['conv2d', layers.conv2d(6, 3, { groups: 2, strides: [1, 2] }), [5, 5, 4], { fanIn: 18, fanOut: 13.5 }],
  ['depthwiseConv2d', layers.depthwiseConv2d(3, { depthMultiplier: 2 }), [5, 5, 4], { fanIn: 9, fanOut: 18 }],
  ['conv1dTranspose', layers.conv1dTranspose(3, 4, { strides: 2 }), [5, 2], { fanIn: 4, fanOut: 12 }],
] as const)('%s knows how many units feed one, and how many one feeds', (_, layer: Layer, shape, fans) => {
  const from = layers.input([...shape]);
  const facts = factsOf(new Network([from], [layer.apply(from)], 'float32'));
  expect(facts.layers.at(-1)).toMatchObject(fans);
});

const net = () =>
  sequential(
    [
      layers.input([9, 8, 2]),
      layers.zeroPadding2d(),
      layers.conv2d(4, 3, { padding: 'same', activation: 'relu', kernelInitializer: 'heNormal' }),
      layers.spatialDropout2d(0.1),
      layers.maxPooling2d({ poolSize: 3, strides: 2 }),
      layers.depthwiseConv2d(2, { depthMultiplier: 2 }),
      layers.batchNormalization(),
      layers.separableConv2d(4, 2, { padding: 'same', activation: 'relu' }),
      layers.upSampling2d({ interpolation: 'bilinear' }),
      layers.conv2dTranspose(3, 3, { strides: 2, outputPadding: 1 }),
      layers.cropping2d({
        cropping: [
          [1, 0],
          [0, 2],
        ],
      }),
      layers.averagePooling2d({ padding: 'same' }),
      layers.reshape([-1, 3]),
      layers.conv1d(4, 3, { padding: 'causal', dilationRate: 2, activation: 'relu' }),
      layers.spatialDropout1d(0.1),
      layers.zeroPadding1d(),
      layers.maxPooling1d(),
      layers.depthwiseConv1d(2),
      layers.separableConv1d(4, 2),
      layers.conv1dTranspose(4, 2),
      layers.upSampling1d(),
      layers.cropping1d(),
      layers.averagePooling1d(),
      layers.globalAveragePooling1d(),
      layers.dense(3, { activation: 'softmax' }),
    ],
    { seed: 5 },
  ).compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });

const x = randomArray([12, 9, 8, 2], 3).cast('float32');
const y = NdArray.from([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2], 'int32');

describe('a network of them all', () => {
  it('trains, and is the same after saving and loading', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
    try {
      const model = net();
      await model.fit(x, y, { epochs: 2, batchSize: 5, verbose: 0 });
      const path = join(folder, 'net.safetensors');
      await model.save(path);
      const again = await load(path);
      expect(again.layers.map((layer) => layer.config())).toEqual(model.layers.map((layer) => layer.config()));
      expect((await again.predict(x)).toNested()).toEqual((await model.predict(x)).toNested());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is examined, watched and forecast: channels are units', async () => {
    const model = net();
    const trace = await model.examine(x, y);
    expect(trace.steps).toHaveLength(1);
    expect(() => doctor.diagnose(trace)).not.toThrow();
    const history = await model.fit(x, y, { epochs: 1, batchSize: 6, verbose: 0, callbacks: [doctor.watch({ warn: () => {} })] });
    expect(history.trace).toBeDefined();
    const forecast = doctor.forecast(model);
    const of = (name: string) => forecast.layers.find((layer) => layer.name.startsWith(name));
    expect(of('zeroPadding2d')).toMatchObject({ known: false, why: expect.stringMatching(/not covered by the theory/) });
    expect(of('maxPooling2d')).toMatchObject({ known: false, why: expect.stringMatching(/'spatialDropout2d_1' is not known/) });
    expect(of('conv2d')?.fanIn).toBe(18);
  });
});

describe('in float64, with any number of rows', () => {
  it.each([
    ['conv1d', [5, 1], () => layers.conv1d(2, 2, { strides: 2 })],
    ['conv2d', [4, 4, 1], () => layers.conv2d(2, 3)],
    ['depthwiseConv1d', [4, 1], () => layers.depthwiseConv1d(2)],
    ['conv1dTranspose to one channel', [3, 2], () => layers.conv1dTranspose(1, 3, { strides: 2 })],
  ] as const)('%s of one channel learns by the slopes of central differences', async (_, shape, layer) => {
    const model = sequential([layers.input(shape), layer(), layers.flatten(), layers.dense(1)], { dtype: 'float64', seed: 2 });
    model.compile({ loss: 'mse' });
    const [inputs, targets] = [randomArray([3, ...shape], 5), randomArray([3, 1], 6)];
    const { gradients } = await model.gradients(inputs, targets);
    const [name, gradient] = [...gradients][0] as [string, NdArray];
    const kernel = (await model.getState()).get(name) as NdArray;
    for (let i = 0; i < kernel.size; i++) {
      const at = async (by: number): Promise<number> => {
        const moved = new NdArray(Float64Array.from(kernel.data as Float64Array), kernel.shape);
        moved.set(i, kernel.at(i) + by);
        await model.setState(new Map([[name, moved]]));
        return (await model.evaluate(inputs, targets)).loss as number;
      };
      expect(gradient.at(i)).toBeCloseTo(((await at(1e-5)) - (await at(-1e-5))) / 2e-5, 8);
    }
    await model.dispose();
  });
});

it.each(['int16', 'uint16', 'int32', 'uint8'] as const)('zeros are put around pictures of %s', async (dtype) => {
  const net = sequential([layers.input([1, 2, 1], { dtype }), layers.zeroPadding2d(), layers.flatten()]);
  const given = await net.predict(NdArray.zeros([1, 1, 2, 1], dtype));
  expect(given.size).toBe(12);
  const picture = new NdArray(dtypes[dtype].allocate(2), [1, 1, 2, 1], dtype);
  picture.set(0, 7);
  picture.set(1, 9);
  expect(Array.from((await net.predict(picture)).data, Number)).toEqual([0, 0, 0, 0, 0, 7, 9, 0, 0, 0, 0, 0]);
});
