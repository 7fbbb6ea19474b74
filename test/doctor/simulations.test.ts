import {
  type ActivationName,
  type InitializerLike,
  initializers,
  layers,
  type Model,
  NdArray,
  type Signal,
  sequential,
  model as wire,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import type { StepRecord } from '#src/vitals/trace.js';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function normalRows(rows: number, columns: number, seed: number): NdArray {
  const random = new Random(seed);
  return new NdArray(
    Float32Array.from({ length: rows * columns }, () => random.normal(0, 1)),
    [rows, columns],
  );
}

function plain(
  activation: ActivationName,
  kernelInitializer: InitializerLike,
  { width, depth, seed }: { width: number; depth: number; seed: number },
): Model {
  const hidden = Array.from({ length: depth }, () => layers.dense(width, { activation, kernelInitializer }));
  const output = layers.dense(10, { activation: 'softmax', kernelInitializer: 'lecunNormal' });
  return sequential([layers.input([width]), ...hidden, output], { seed }).compile({ loss: 'sparseCategoricalCrossentropy', optimizer: 'sgd' });
}

/** One batch of standard normal rows, forward and backward at initialization. */
async function firstStep(net: Model, width: number, rows: number, seed: number): Promise<StepRecord> {
  const labels = new NdArray(
    Int32Array.from({ length: rows }, (_, i) => i % 10),
    [rows],
  );
  const { steps } = await net.examine(normalRows(rows, width, seed), labels);
  await net.dispose();
  return steps[0] as StepRecord;
}

// The figures are those of THEORY.md's own simulations, which were made elsewhere.
describe('networks at initialization do what simulations did', () => {
  it.each([
    ['relu', 2, 0.995],
    ['relu', 1, 0.704],
    ['relu', 1 / 3, 0.407],
    ['tanh', 1 / 3, 0.569],
    ['sigmoid', 1, 0.234],
  ] as const)('%s, σ_w² = %d: the RMS gradient is multiplied by %d from a layer to the one below', async (activation, variance, factor) => {
    const [width, depth] = [128, 20];
    const gains = [];
    for (let seed = 0; seed < 6; seed++) {
      const kernel = initializers.normal({ stddev: Math.sqrt(variance / width) });
      const { signals } = await firstStep(plain(activation, kernel, { width, depth, seed }), width, 256, seed);
      gains.push(Math.log(Number(signals.gRms[0]) / Number(signals.gRms[depth - 1])) / (depth - 1));
    }
    expect(Math.abs(Math.exp(mean(gains)) / factor - 1)).toBeLessThan(0.015);
  });

  it('logistic units with N(0, 1) weights at width 300: the RMS gradient grows, and half of the units get next to nothing', async () => {
    const [width, depth] = [300, 20];
    const { signals } = await firstStep(plain('sigmoid', initializers.normal({ stddev: 1 }), { width, depth, seed: 3 }), width, 256, 3);
    expect(Number(signals.gRms[0])).toBeGreaterThan(Number(signals.gRms[depth - 1]));
    const median = Number(signals.gQuantiles?.[0]?.[2]) / Number(signals.gRms[0]);
    expect(median).toBeGreaterThan(5e-5 / 4);
    expect(median).toBeLessThan(5e-5 * 4);
    expect(Math.abs(Number(signals.saturated?.[depth - 1]) - 0.71)).toBeLessThan(0.03);
  });

  it.each([
    ['the old uniform rule', initializers.uniform({ minval: -0.1, maxval: 0.1 }), 0.49],
    ['Glorot and Bengio’s', 'glorotUniform' as const, 0.8],
  ])('tanh layers drawn by %s: the mean singular value of their Jacobians', async (_, kernelInitializer, expected) => {
    const [width, depth] = [100, 5];
    const input = layers.input([width]);
    const sums = [];
    let signal: Signal = input;
    for (let i = 0; i < depth; i++) {
      const sum = layers.dense(width, { kernelInitializer }).apply(signal);
      sums.push(sum);
      signal = layers.activation('tanh').apply(sum);
    }
    const net = wire({ inputs: input, outputs: sums }, { seed: 5 });
    const weights = await net.getWeights();
    // The figure depends on the signal's size; this is one at which tanh is nearly straight, as for images that are mostly background.
    const random = new Random(5);
    const row = Float32Array.from({ length: width }, () => random.normal(0, 0.3));
    const found = await net.predict(new NdArray(row, [1, width]), { all: true });
    const values = found.map((z, i) => {
      const kernel = (weights[2 * i] as NdArray).toNested() as number[][];
      const slopes = Array.from(z.data as Float32Array, (x) => 1 - Math.tanh(x) ** 2);
      return mean(singularValues(kernel.map((row) => row.map((w, unit) => w * (slopes[unit] ?? Number.NaN)))));
    });
    await net.dispose();
    expect(Math.abs(mean(values) - expected)).toBeLessThan(0.03);
  });

  it('ReLU nets with He weights: the logarithm of a row’s length spreads by 5 L/n', async () => {
    const [width, depth, nets] = [100, 20, 300];
    const logs = [];
    const net = sequential([
      layers.input([width]),
      ...Array.from({ length: depth }, () => layers.dense(width, { activation: 'relu', useBias: false })),
    ]);
    const row = normalRows(1, width, 9);
    const length = (x: NdArray): number => Array.from(x.data, Number).reduce((sum, value) => sum + value * value, 0);
    const random = new Random(17);
    for (let draw = 0; draw < nets; draw++) {
      const kernels = Array.from({ length: depth }, () => {
        const kernel = new Float32Array(width * width);
        for (let i = 0; i < kernel.length; i++) kernel[i] = random.normal(0, Math.sqrt(2 / width));
        return new NdArray(kernel, [width, width]);
      });
      await net.setWeights(kernels);
      logs.push(Math.log(length(await net.predict(row)) / length(row)));
    }
    await net.dispose();
    const centre = mean(logs);
    const variance = logs.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (nets - 1);
    // 0.99 simulated; of 300 draws a variance is known within 8 % (one standard error).
    expect(Math.abs(variance / 0.99 - 1)).toBeLessThan(0.25);
  });
});

/** By Jacobi's rotations of the columns until all are at right angles (one-sided). */
function singularValues(matrix: readonly (readonly number[])[]): number[] {
  const n = matrix[0]?.length ?? 0;
  const columns = Array.from({ length: n }, (_, j) => Float64Array.from(matrix, (row) => row[j] ?? 0));
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
  for (let sweep = 0, turned = true; turned && sweep < 30; sweep++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b] = [columns[p] as Float64Array, columns[q] as Float64Array];
        const [aa, bb, ab] = [dot(a, a), dot(b, b), dot(a, b)];
        if (Math.abs(ab) < 1e-8 * Math.sqrt(aa * bb)) continue;
        turned = true;
        const zeta = (bb - aa) / (2 * ab);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const [c, s] = [1 / Math.hypot(1, t), t / Math.hypot(1, t)];
        a.forEach((x, i) => {
          const y = b[i] ?? 0;
          a[i] = c * x - s * y;
          b[i] = s * x + c * y;
        });
      }
    }
  }
  return columns.map((column) => Math.sqrt(dot(column, column)));
}
