import { layers, ndarray, sequential } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { ArgumentError, ShapeError } from '#src/core/errors.js';
import { Random } from '#src/core/random.js';
import { input, type Tensor } from '#src/graph/node.js';
import { abs, sigmoid, softmax, sub } from '#src/graph/ops/index.js';
import { losses, resolveLoss } from '#src/losses.js';
import { isMean, type MeanMetric, type Metric, metricFromConfig, metrics, resolveMetric, type SumMetric } from '#src/metrics.js';
import { array, evaluate, fixed, flatten, type Nested, operators } from './evaluate.js';
import fixture from './fixtures/metrics.json' with { type: 'json' };

interface Golden {
  readonly test: string;
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly batches: readonly { readonly target: readonly Nested[]; readonly output: readonly Nested[]; readonly weights?: readonly Nested[] }[];
  readonly expected: number | readonly number[];
  readonly atol: number;
}

const goldens = (fixture.cases as unknown as Golden[]).map((one, i) => [`${one.name} (${one.test}, case ${i})`, one] as const);

/** Cases of the origin that are not among the fixtures. */
const leftOut = [
  { name: 'Accuracy', cases: 5, reason: 'accuracy is the one of three that suits the loss, as in Keras’s compile' },
  { name: 'Mean and Sum', cases: 9, reason: 'they take values, not targets and outputs' },
  { name: 'ignore_class', cases: 3, reason: 'rows that do not count get sample weight 0 here' },
  { name: 'from_sorted_ids', cases: 2, reason: 'outputs of a network are scores' },
  { name: 'BinaryAccuracy with weights for each element', cases: 2, reason: 'sample weights are one number per row' },
] as const;

describe('golden values', () => {
  it.each(goldens)('%s', async (_, { name, options, batches, expected, atol }) => {
    const metric = metricFromConfig(name, options);
    const totals: number[] = [];
    for (const { target, output, weights } of batches) {
      const [t, y] = [fixed(target), fixed(output)];
      const w = weights ?? target.map(() => 1);
      const { values } = await evaluate({ values: isMean(metric) ? metric.perSample(t, y) : metric.sums(t, y, weights && fixed(weights)) });
      const sums = isMean(metric)
        ? [values.reduce((sum, value, i) => sum + value * (w[i] as number), 0), (w as number[]).reduce((a, b) => a + b, 0)]
        : values;
      const before = sums.map((_, i) => totals[i] ?? 0);
      const combine = isMean(metric) ? undefined : metric.combine;
      totals.splice(0, totals.length, ...(combine?.(before, sums) ?? sums.map((value, i) => value + (before[i] ?? 0))));
    }
    const mean = () => (totals[1] === 0 ? 0 : (totals[0] as number) / (totals[1] as number));
    const received = flatten(isMean(metric) ? mean() : metric.result(totals));
    expect(received.length).toBe(flatten(expected).length);
    flatten(expected).forEach((value, i) => {
      expect(Math.abs((received[i] as number) - value), `${received[i]} against ${value}`).toBeLessThanOrEqual(atol + 1e-5 * Math.abs(value));
    });
  });

  it('leaves out what is named here, of 258 cases', () => {
    expect(goldens.length + leftOut.reduce((sum, { cases }) => sum + cases, 0)).toBe(258);
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

describe('moreIsBetter', () => {
  // Rows of three classes each; turned around, the scores are those of the next row.
  const rows = [
    [0.7, 0.1, 0.2],
    [0.1, 0.8, 0.1],
    [0.3, 0.1, 0.6],
  ];
  const classes = rows.map((_, row) => rows.map((_, column) => Number(row === column)));

  async function judged(name: string, metric: Metric, scores: readonly (readonly number[])[]): Promise<number> {
    const [t, y] = [name.startsWith('sparse') ? fixed([0, 1, 2], 'int32') : fixed(classes), fixed(scores)];
    const { values } = await evaluate({ values: isMean(metric) ? metric.perSample(t, y) : metric.sums(t, y) });
    return flatten(isMean(metric) ? values : metric.result(values)).reduce((a, b) => a + b, 0);
  }

  // All of three classes are among the five highest.
  const telling = (Object.entries(metrics) as [string, () => Metric][]).filter(([name]) => !/topK/i.test(name));

  it.each(telling)('tells whether %s is higher of right outputs than of wrong ones', async (name, make) => {
    const metric = make();
    const [right, wrong] = [await judged(name, metric, rows), await judged(name, metric, [...rows.slice(1), ...rows.slice(0, 1)])];
    expect(right).not.toBe(wrong);
    expect(right > wrong).toBe(metric.moreIsBetter === true);
  });
});

describe('topK', () => {
  const [rows, width, k] = [64, 9, 3];
  const random = new Random(5);
  // Many are equal.
  const scores = Array.from({ length: rows }, () => Array.from({ length: width }, () => Math.floor(4 * random.uniform()) / 4));
  const truth = scores.map((row) => row.map(() => Number(random.uniform() < 0.3)));
  const weights = scores.map(() => Math.floor(3 * random.uniform()));

  /** Weights of true ones among the k first of each row in falling order, and of all of those. */
  function counted(): { precision: number; recall: number } {
    let [hits, chosen, wanted] = [0, 0, 0];
    scores.forEach((row, n) => {
      const order = row.map((_, i) => i).sort((a, b) => (row[b] ?? 0) - (row[a] ?? 0) || a - b);
      const weight = weights[n] ?? 0;
      hits += weight * order.slice(0, k).filter((i) => truth[n]?.[i] === 1).length;
      chosen += weight * k;
      wanted += weight * (truth[n] ?? []).filter((value) => value === 1).length;
    });
    return { precision: hits / chosen, recall: hits / wanted };
  }

  it.each(['native', 'wasm'] as const)('takes the first of equal scores, in evaluation and training: %s', async (backend) => {
    const net = sequential([layers.input([width]), layers.activation('linear')], { backend }).compile({
      loss: 'mse',
      weightedMetrics: [metrics.precision({ topK: k }), metrics.recall({ topK: k })],
    });
    const [x, y, sampleWeight] = [ndarray(scores), ndarray(truth), ndarray(weights)];
    const { precision, recall } = counted();
    const evaluated = await net.evaluate(x, y, { sampleWeight });
    expect(evaluated.precision).toBeCloseTo(precision, 6);
    expect(evaluated.recall).toBeCloseTo(recall, 6);
    const { last } = await net.fit(x, y, { sampleWeight, batchSize: 16, verbose: 0 });
    expect(last.precision).toBeCloseTo(precision, 6);
    expect(last.recall).toBeCloseTo(recall, 6);
  });

  it('grows with the classes, not with their square', async () => {
    const [x, y] = [input('x', ['N', 2000]), input('y', ['N', 2000])];
    const sums = (metrics.precision({ topK: 5 }) as SumMetric).sums(y, x);
    const elements = new Map<Tensor, number>();
    const look = (tensor: Tensor): void => {
      if (elements.has(tensor)) return;
      elements.set(
        tensor,
        tensor.shape.reduce<number>((size, dim) => size * (typeof dim === 'number' ? dim : 1), 1),
      );
      for (const one of tensor.node.inputs) look(one);
    };
    look(sums);
    expect(Math.max(...elements.values())).toBeLessThanOrEqual(3 * 2000);
  });
});

describe('r2Score', () => {
  /** 1 − Σw(t − y)² / Σw(t − t̄)² in float64, in two passes. */
  function byHand(t: readonly number[], y: readonly number[], w: readonly number[]): number {
    const sum = (value: (i: number) => number) => t.reduce((total, _, i) => total + (w[i] ?? 0) * value(i), 0);
    const mean = sum((i) => t[i] ?? 0) / sum(() => 1);
    return 1 - sum((i) => ((t[i] ?? 0) - (y[i] ?? 0)) ** 2) / sum((i) => ((t[i] ?? 0) - mean) ** 2);
  }

  /** The metric of minibatches with these numbers of rows, from their sums. */
  async function inParts(t: readonly number[], y: readonly number[], w: readonly number[] | undefined, sizes: readonly number[]): Promise<number> {
    const metric = metrics.r2Score() as SumMetric;
    let [start, sums]: [number, readonly number[]] = [0, new Array(6).fill(0)];
    for (const size of sizes) {
      const part = (values: readonly number[]) => values.slice(start, start + size);
      const column = (values: readonly number[]) => fixed(part(values).map((value) => [value]));
      const { more } = await evaluate({ more: metric.sums(column(t), column(y), w && fixed(part(w))) });
      sums = metric.combine?.(sums, more) ?? [];
      start += size;
    }
    return metric.result(sums) as number;
  }

  const random = new Random(3);
  const noise = Array.from({ length: 90 }, () => [random.normal(), random.normal(), random.uniform()] as const);

  it.each([0, 100, 2000, -200_000])('is right of targets around %d, in minibatches of unequal size, with and without weights', async (offset) => {
    const t = noise.map(([one]) => Math.fround(offset + one));
    const y = t.map((value, i) => Math.fround(value + 0.5 * (noise[i]?.[1] ?? 0)));
    // A minibatch whose rows count nothing is among them.
    const w = noise.map(([, , weight], i) => (i >= 30 && i < 60 ? 0 : Math.fround(weight)));
    for (const sizes of [[90], [30, 30, 30], [50, 37, 3]]) {
      expect(await inParts(t, y, undefined, sizes)).toBeCloseTo(byHand(t, y, new Array(90).fill(1)), 4);
      expect(await inParts(t, y, w, sizes)).toBeCloseTo(byHand(t, y, w), 4);
    }
  });

  it('is 0 of targets that do not vary, however the mean is rounded', async () => {
    const t = new Array<number>(90).fill(Math.fround(0.1));
    expect(await inParts(t, t, undefined, [50, 37, 3])).toBe(0);
  });
});

describe('resolveMetric', () => {
  const sparse = losses.sparseCategoricalCrossentropy();
  const row = (...values: number[]) => fixed([values]);

  const cases: [string, Parameters<typeof resolveMetric>[1], Tensor, Tensor, number][] = [
    ['labels', sparse, fixed([2], 'uint8'), row(0.1, 0.2, 0.7), 1],
    ["labels, by a loss of one's own", resolveLoss((target) => target), fixed([2], 'uint8'), row(0.1, 0.2, 0.7), 1],
    ["labels in a column, by a loss of one's own", resolveLoss((target) => target), fixed([[0]], 'uint8'), row(0.1, 0.2, 0.7), 0],
    ["one-hot rows, by a loss of one's own", resolveLoss((target) => target), row(0, 0, 1), row(0.1, 0.2, 0.7), 1],
    ['one-hot rows', losses.categoricalCrossentropy(), row(0, 1, 0), row(0.1, 0.2, 0.7), 0],
    ['binary targets', losses.binaryCrossentropy(), row(1), row(0.4), 0],
    ['binary targets from logits', losses.binaryCrossentropy({ fromLogits: true }), row(1), row(0.4), 1],
    ['several binary targets', losses.binaryCrossentropy(), row(1, 0, 1, 1), row(0.9, 0.1, 0.8, 0.2), 0.75],
    ['real targets, several outputs', losses.meanSquaredError(), row(0, 1), row(0.2, 0.3), 1],
    ['labels −1 under hinge', losses.hinge(), row(-1), row(-0.2), 1],
    ['labels 1 under hinge', losses.hinge(), row(1), row(0.2), 1],
    ['labels 0 under squaredHinge', losses.squaredHinge(), row(0), row(0.2), 0],
    ['probabilities under hinge', losses.hinge(), row(-1), sigmoid(row(-0.2)), 1],
    ['labels −1 and 1 of several outputs under hinge', losses.hinge(), row(-1, 1, -1), row(0.2, 0.3, -1), 1],
    ['real targets, one output', losses.meanSquaredError(), row(1), row(0.7), 1],
  ];
  it.each(cases)("'accuracy' suits %s", async (_, loss, target, output, expected) => {
    for (const name of ['accuracy', 'acc']) {
      const metric = resolveMetric(name, loss, output.shape) as MeanMetric;
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
    const own = resolveMetric((target: Tensor, output: Tensor) => abs(sub(target, output)), sparse, ['N', 2]) as MeanMetric;
    expect((await evaluate({ values: own.perSample(row(1, 2), row(0, 0)) })).values).toEqual([1.5]);
  });

  it('suggests the nearest name and checks options', () => {
    expect(() => resolveMetric('binaryAcuracy', sparse, ['N', 3])).toThrow(/unknown metric 'binaryAcuracy'; did you mean 'binaryAccuracy'/);
    expect(() => metrics.auc({ numThresholds: 2.5 })).toThrow(/numThresholds must be a whole number ≥ 2, got 2\.5/);
    expect(() => metrics.precision({ classId: 0.5 })).toThrow(/classId must be a whole number ≥ 0, got 0\.5/);
    expect(() => metrics.binaryAccuracy({ threshold: 2 })).toThrow("metric 'binaryAccuracy': threshold must be a finite number ≥ 0 and ≤ 1, got 2");
    expect(() => resolveMetric({} as never, sparse, ['N'])).toThrow(ArgumentError);
  });
});
