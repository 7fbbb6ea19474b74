import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '#src/core/errors.js';
import { input, type Tensor } from '#src/graph/node.js';
import { abs, sigmoid, softmax, sub } from '#src/graph/ops/index.js';
import { losses } from '#src/losses.js';
import { metricFromConfig, metrics, resolveMetric } from '#src/metrics.js';
import { array, evaluate, fixed, type Nested, operators } from './evaluate.js';
import fixture from './fixtures/metrics.json' with { type: 'json' };

interface Golden {
  readonly test: string;
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly target: readonly Nested[];
  readonly output: readonly Nested[];
  readonly weights?: readonly number[];
  readonly expected: number;
  readonly atol: number;
}

const goldens = (fixture.cases as unknown as Golden[]).map((one, i) => [`${one.name} (${one.test}, case ${i})`, one] as const);

describe('golden values', () => {
  it.each(goldens)('%s', async (_, { name, options, target, output, weights, expected, atol }) => {
    const [t, y] = [input('t', array(target).shape), input('y', array(output).shape)];
    const feeds = new Map([
      [t, array(target)],
      [y, array(output)],
    ]);
    const { values } = await evaluate({ values: metricFromConfig(name, options).perSample(t, y) }, feeds);
    const w = weights ?? target.map(() => 1);
    const mean = values.reduce((sum, value, i) => sum + value * (w[i] as number), 0) / w.reduce((a, b) => a + b, 0);
    expect(Math.abs(mean - expected)).toBeLessThanOrEqual(atol + 1e-5 * Math.abs(expected));
  });

  it('covers every accuracy', () => {
    const accuracies = Object.keys(metrics).filter((name) => name.endsWith('Accuracy'));
    expect(accuracies.filter((name) => !fixture.cases.some((one) => one.name === name))).toEqual([]);
  });
});

describe('accuracy of links', () => {
  it('needs no softmax', () => {
    const [x, y] = [input('x', ['N', 10]), input('y', ['N'], 'int32')];
    expect(operators([x, y], { hits: metrics.sparseCategoricalAccuracy().perSample(y, softmax(x)) })).toEqual(['ArgMax', 'Cast', 'Equal', 'Cast']);
  });

  it('needs no sigmoid: the threshold moves to the logits', async () => {
    const x = input('x', [4, 1]);
    const target = fixed([1, 1, 1, 0]);
    // The log-odds of 0.9 are 2.197.
    const values = metrics.binaryAccuracy({ threshold: 0.9 }).perSample(target, sigmoid(x));
    expect(operators([x], { values })).not.toContain('Sigmoid');
    expect((await evaluate({ values }, new Map([[x, array([[2.1], [2.3], [-100], [100]])]]))).values).toEqual([0, 1, 0, 0]);
  });

  it('averages over the axes between batch and classes', async () => {
    const output = fixed([
      [
        [0.9, 0.1],
        [0.9, 0.1],
      ],
    ]);
    const values = metrics.sparseCategoricalAccuracy().perSample(fixed([[0, 1]], 'int32'), output);
    expect((await evaluate({ values })).values).toEqual([0.5]);
  });

  it('refuses shapes that do not fit', () => {
    expect(() => metrics.categoricalAccuracy().perSample(input('t', ['N', 4]), input('y', ['N', 3]))).toThrow(ShapeError);
  });
});

describe('resolveMetric', () => {
  const sparse = losses.sparseCategoricalCrossentropy();
  const row = (...values: number[]) => fixed([values]);

  const cases: [string, Parameters<typeof resolveMetric>[1], Tensor, Tensor, number][] = [
    ['labels', sparse, fixed([2], 'uint8'), row(0.1, 0.2, 0.7), 1],
    ['one-hot rows', losses.categoricalCrossentropy(), row(0, 1, 0), row(0.1, 0.2, 0.7), 0],
    ['binary targets', losses.binaryCrossentropy(), row(1), row(0.4), 0],
    ['binary targets from logits', losses.binaryCrossentropy({ fromLogits: true }), row(1), row(0.4), 1],
    ['several binary targets', losses.binaryCrossentropy(), row(1, 0, 1, 1), row(0.9, 0.1, 0.8, 0.2), 0.75],
    ['real targets, several outputs', losses.meanSquaredError(), row(0, 1), row(0.2, 0.3), 1],
    ['real targets, one output', losses.meanSquaredError(), row(1), row(0.7), 1],
  ];
  it.each(cases)("'accuracy' suits %s", async (_, loss, target, output, expected) => {
    for (const name of ['accuracy', 'acc']) {
      const metric = resolveMetric(name, loss, output.shape);
      expect(metric.name).toBe('accuracy');
      const { values } = await evaluate({ values: metric.perSample(target, output) });
      expect(values).toEqual([expected]);
    }
  });

  it.each(Object.entries(metrics))('%s comes back from its name and config', (name, make) => {
    const { config } = make();
    expect(metricFromConfig(name, JSON.parse(JSON.stringify(config)))).toMatchObject({ name, config });
  });

  it('knows Keras spellings, short names and functions', async () => {
    expect(resolveMetric('sparse_categorical_accuracy', sparse, ['N', 3]).name).toBe('sparseCategoricalAccuracy');
    expect(resolveMetric('mae', sparse, ['N', 3]).name).toBe('meanAbsoluteError');
    const own = resolveMetric((target: Tensor, output: Tensor) => abs(sub(target, output)), sparse, ['N', 2]);
    expect((await evaluate({ values: own.perSample(row(1, 2), row(0, 0)) })).values).toEqual([1.5]);
  });

  it('suggests the nearest name and checks options', () => {
    expect(() => resolveMetric('binaryAcuracy', sparse, ['N', 3])).toThrow(/unknown metric 'binaryAcuracy'; did you mean 'binaryAccuracy'/);
    expect(() => metrics.binaryAccuracy({ threshold: 2 })).toThrow("metric 'binaryAccuracy': threshold must be a finite number ≥ 0 and ≤ 1, got 2");
    expect(() => resolveMetric({} as never, sparse, ['N'])).toThrow(ArgumentError);
  });
});
