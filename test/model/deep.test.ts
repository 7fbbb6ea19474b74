import { type ActivationLike, layers, type Model, NdArray, NonFiniteError, ops, optimizers, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import type { NonFinitePlace } from '#src/training/replay.js';
import { ReferenceNet } from '../training/reference.js';
import { labelled, pieces, values } from '../training/sets.js';

/** Layers enough for the row to become a loop. */
const DEPTH = 70;
const WIDTH = 6;
const set = labelled(40, WIDTH);

interface Deep {
  readonly dtype?: 'float32' | 'float64';
  readonly activation?: ActivationLike;
  readonly frozen?: readonly number[];
  readonly seed?: number;
}

function build({ dtype = 'float64', activation = 'tanh', frozen = [], seed = 4 }: Deep = {}): Model {
  const hidden = Array.from({ length: DEPTH }, (_, i) =>
    layers.dense(WIDTH, { activation, kernelInitializer: 'orthogonal', trainable: !frozen.includes(i) }),
  );
  const model = sequential([layers.input([WIDTH]), ...hidden, layers.dense(3, { activation: 'softmax' })], { seed, dtype });
  return model.compile({
    loss: 'sparseCategoricalCrossentropy',
    optimizer: optimizers.sgd({ learningRate: 0.1, momentum: 0.9 }),
    metrics: ['accuracy'],
  });
}

async function reference(model: Model): Promise<ReferenceNet> {
  const arrays = (await model.getWeights()).map((array) => array.toNested());
  return new ReferenceNet(
    Array.from({ length: DEPTH + 1 }, (_, i) => ({
      kernel: arrays[2 * i] as number[][],
      bias: arrays[2 * i + 1] as number[],
      activation: i < DEPTH ? ('tanh' as const) : ('softmax' as const),
    })),
  );
}

function expectClose(actual: readonly number[][], expected: readonly number[][], error = 1e-9): void {
  expect(actual.map((list) => list.length)).toEqual(expected.map((list) => list.length));
  actual.forEach((list, k) => {
    list.forEach((value, i) => {
      expect(Math.abs(value - (expected[k]?.[i] ?? Number.NaN))).toBeLessThanOrEqual(error);
    });
  });
}

describe('a row of equal layers', () => {
  it('trains as a trainer written by hand does', async () => {
    const model = build();
    const net = await reference(model);
    expect(new Set((await model.getWeights()).map((array) => array.at(0))).size).toBeGreaterThan(DEPTH);
    const history = await model.fit(set, { epochs: 4, batchSize: 8, shuffle: false, verbose: 0 });
    const losses = [0, 1, 2, 3].map(() => {
      const steps = pieces(set.nested, 8).map((rows, i) => net.step(rows, pieces(set.labels, 8)[i] ?? [], { learningRate: 0.1, momentum: 0.9 }));
      return steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length;
    });
    expectClose([history.history.loss ?? []], [losses]);
    expectClose(values(await model.getWeights()), net.weights);
    expect((await model.evaluate(set)).loss).toBeCloseTo(net.gradients(set.nested, set.labels).loss, 9);
  });

  it('has a gradient for every layer by name', async () => {
    const model = build();
    const { gradients } = await model.gradients(set.x, set.y);
    expect([...gradients.keys()].slice(0, 3)).toEqual(['dense_1/kernel', 'dense_1/bias', 'dense_2/kernel']);
    const expected = (await reference(model)).gradients(set.nested, set.labels).gradients.flatMap(({ kernel, bias }) => [kernel.flat(), bias]);
    expectClose(values(gradients.values()), expected, 1e-12);
  });

  it.each([
    ['clipNorm', { clipNorm: 0.01 }],
    ['clipValue', { clipValue: 0.001 }],
    ['layerClipNorm', { layerClipNorm: 0.01 }],
    ['globalClipNorm', { globalClipNorm: 0.05 }],
  ])('clips the gradient of each array or layer apart: %s', async (_, clip) => {
    const model = build().compile({ loss: 'sparseCategoricalCrossentropy', optimizer: optimizers.sgd({ learningRate: 0.5, ...clip }) });
    const before = values(await model.getWeights());
    const gradients = values((await model.gradients(set.x, set.y)).gradients.values());
    await model.trainOnBatch(set.x, set.y);
    const norm = (list: readonly number[]): number => Math.hypot(...list);
    const all = norm(gradients.flat());
    // Kernel and bias of a layer stand side by side.
    const ofLayer = (k: number): number => norm([...(gradients[k - (k % 2)] ?? []), ...(gradients[k - (k % 2) + 1] ?? [])]);
    const bound = (list: readonly number[], k: number): number[] => {
      if ('clipValue' in clip) return list.map((value) => Math.max(-0.001, Math.min(0.001, value)));
      if ('layerClipNorm' in clip) return list.map((value) => Math.min(1, 0.01 / ofLayer(k)) * value);
      const factor = 'clipNorm' in clip ? Math.min(1, 0.01 / norm(list)) : Math.min(1, 0.05 / all);
      return list.map((value) => factor * value);
    };
    expect(gradients.some((list) => norm(list) > 0.01)).toBe(true);
    const expected = before.map((list, k) => list.map((value, i) => value - 0.5 * (bound(gradients[k] ?? [], k)[i] ?? Number.NaN)));
    expectClose(values(await model.getWeights()), expected, 1e-12);
  });

  it('gives the same bits in chunks of any length', async () => {
    const run = async (chunk: number) => {
      const model = build({ dtype: 'float32' });
      await model.fit(set, { epochs: 2, batchSize: 7, verbose: 0, chunk });
      return values((await model.getState()).values());
    };
    expect(await run(5)).toEqual(await run(1));
  });

  it('keeps its weights and slots when layers of it are frozen and thawed', async () => {
    const model = build();
    await model.fit(set, { batchSize: 8, verbose: 0 });
    const before = await model.getState();
    for (const layer of [20, 21, 40]) model.layer(`dense_${layer}`).trainable = false;
    await model.fit(set, { batchSize: 8, verbose: 0 });
    const after = await model.getState();
    const changed = (name: string) => String(before.get(name)?.data) !== String(after.get(name)?.data);
    for (const layer of [20, 21, 40]) expect(changed(`dense_${layer}/kernel`)).toBe(false);
    for (const layer of [1, 19, 22, 39, 41, DEPTH + 1]) expect(changed(`dense_${layer}/kernel`)).toBe(true);
    const frozen = build({ frozen: [19, 20, 39] });
    expect(values(await frozen.getWeights())).toEqual(values(await build().getWeights()));
  });

  it('frozen as a whole passes its gradient on', async () => {
    const model = build({ frozen: Array.from({ length: DEPTH - 1 }, (_, i) => i + 1) });
    const net = await reference(model);
    const { gradients } = await model.gradients(set.x, set.y);
    expect([...gradients.keys()]).toEqual(['dense_1/kernel', 'dense_1/bias', `dense_${DEPTH + 1}/kernel`, `dense_${DEPTH + 1}/bias`]);
    const before = values(await model.getWeights());
    await model.fit(set, { batchSize: 40, shuffle: false, verbose: 0 });
    net.step(set.nested, set.labels, { learningRate: 0.1 });
    const after = values(await model.getWeights());
    expectClose(after.slice(0, 2), net.weights.slice(0, 2));
    expect(after.slice(2, 2 * DEPTH)).toEqual(before.slice(2, 2 * DEPTH));
  });

  it('of a random activation draws other numbers in every layer, also where it was frozen when it was built', async () => {
    const differs = async (frozen: readonly number[]) => {
      const model = build({ activation: 'rrelu', frozen });
      for (const layer of model.layers) layer.trainable = true;
      const eye = Float64Array.from({ length: WIDTH * WIDTH }, (_, i) => (i % (WIDTH + 1) === 0 ? 1 : 0));
      const weights = (await model.getWeights()).map((array, i) => {
        if (i >= 2 * DEPTH) return array;
        // Identities with a shift below 0: each layer multiplies what comes by its own random slope, then takes 1 away.
        return i % 2 === 0 ? new NdArray(eye, [WIDTH, WIDTH]) : new NdArray(new Float64Array(WIDTH).fill(-1));
      });
      await model.setWeights(weights);
      const { gradients } = await model.gradients(set.x.slice(0, 1), set.y.slice(0, 1));
      const ratio = (layer: number) => {
        const [upper, lower] = [gradients.get(`dense_${layer + 1}/bias`), gradients.get(`dense_${layer}/bias`)];
        return (lower?.at(0) ?? Number.NaN) / (upper?.at(0) ?? Number.NaN);
      };
      return new Set([DEPTH - 5, DEPTH - 4, DEPTH - 3, DEPTH - 2].map((layer) => ratio(layer).toFixed(9))).size;
    };
    expect(await differs([])).toBe(4);
    expect(await differs(Array.from({ length: DEPTH }, (_, i) => i))).toBe(4);
  });

  it('tells the layer where a value stops being finite', async () => {
    // x · 30 with a log of the shifted signal would hide the place; plain growth overflows float32 in a layer that can be computed.
    const model = build({ dtype: 'float32', activation: 'linear' });
    const weights = (await model.getWeights()).map((array, i) =>
      i % 2 === 0 && i < 2 * DEPTH
        ? new NdArray(
            Float32Array.from({ length: WIDTH * WIDTH }, (_, k) => (k % (WIDTH + 1) === 0 ? 10 : 0)),
            array.shape,
          )
        : array,
    );
    await model.setWeights(weights);
    const x = new NdArray(new Float32Array(4 * WIDTH).fill(1), [4, WIDTH]);
    const error = await model.fit(x, new Uint8Array(4), { verbose: 0 }).then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(NonFiniteError);
    // 10³⁸ still fits, 10³⁹ does not.
    expect((error as NonFiniteError).details.received as NonFinitePlace).toMatchObject({ step: 1, layer: 'dense_39', pass: 'forward' });
    expect(values(await model.getWeights())).toEqual(values(weights));
  });
});

it('layers with an activation of the user’s own stay apart', async () => {
  const model = build({ activation: (z) => ops.tanh(z) });
  const net = await reference(model);
  await model.fit(set, { batchSize: 8, shuffle: false, verbose: 0 });
  pieces(set.nested, 8).forEach((rows, i) => {
    net.step(rows, pieces(set.labels, 8)[i] ?? [], { learningRate: 0.1, momentum: 0.9 });
  });
  expectClose(values(await model.getWeights()), net.weights);
});
