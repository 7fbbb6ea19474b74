import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '#src/core/random.js';
import { forecast, forecastFacts, type LayerForecast } from '#src/doctor/forecast.js';
import {
  type ActivationName,
  createEngine,
  type Engine,
  type ForecastOptions,
  initializers,
  layers,
  type Model,
  ops,
  sequential,
  model as wire,
} from '#src/index.js';
import { factsOf } from '#src/network/facts.js';
import type { InputFacts, LayerFacts, NetworkFacts } from '#src/vitals/facts.js';
import { drawWeights, gainMeter, normalArray } from '../../bench/harness/gains.js';

type Initializer = Parameters<typeof layers.dense>[1] extends infer O ? NonNullable<O extends { kernelInitializer?: infer I } ? I : never> : never;

const deep = (activation: ActivationName, kernelInitializer: Initializer, { depth = 12, widths = [64, 96] } = {}): Model =>
  sequential([
    layers.input([widths[0] ?? 1]),
    ...Array.from({ length: depth }, (_, i) =>
      layers.dense(widths[(i + 1) % widths.length] ?? 1, { kernelInitializer, ...(i < depth - 1 ? { activation } : {}) }),
    ),
  ]);
const sums = (told: { readonly layers: readonly LayerForecast[] }) => told.layers.filter(({ role }) => role === 'weights');
const named = (told: { readonly layers: readonly LayerForecast[] }, name: string): LayerForecast => {
  const found = told.layers.find((layer) => layer.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};
const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

describe('forecast against networks at initialization', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ threads: 1 });
  });
  afterAll(() => engine.dispose());

  it.each([
    ['linear', 'glorotUniform', 0.03],
    ['tanh', 'lecunNormal', 0.03],
    ['sigmoid', 'glorotUniform', 0.03],
    ['relu', 'heNormal', 0.03],
    ['relu', 'glorotNormal', 0.03],
    ['selu', 'lecunNormal', 0.03],
    ['softplus', 'heNormal', 0.05],
    ['gelu', 'heNormal', 0.06],
    ['elu', 'orthogonal', 0.03],
    ['softsign', 'critical', 0.03],
    ['tanh', initializers.critical({ distribution: 'orthogonal' }), 0.03],
    ['sigmoid', initializers.normal({ stddev: 1 }), 0.06],
  ] as const)('%s with %o: gains within the bound, single ones within their intervals', async (activation, initializer, bound) => {
    const [rows, seeds] = [64, 6];
    const net = deep(activation, initializer);
    const told = sums(forecast(net, { batchSize: rows }));
    const meter = await gainMeter(net, engine);
    let [inside, count] = [0, 0];
    const errors = { z: [] as number[], g: [] as number[] };
    const holds = (estimate: LayerForecast['zRms'], value: number) => {
      count++;
      if (estimate && value >= estimate.low && value <= estimate.high) inside++;
      return Math.log(value / (estimate?.value ?? Number.NaN));
    };
    for (let seed = 1; seed <= seeds; seed++) {
      const random = new Random(seed);
      const { z, g } = await meter.measure(drawWeights(net, random), normalArray(random.stream('x'), [rows, 64]), random.stream('direction'));
      for (let i = 1; i < told.length; i++) {
        errors.z.push(holds(told[i]?.forwardGain, (z[i] ?? 0) / (z[i - 1] ?? 1)));
        errors.g.push(holds(told[i - 1]?.backwardGain, (g[i - 1] ?? 0) / (g[i] ?? 1)));
      }
    }
    await meter.dispose();
    expect(Math.abs(mean(errors.z))).toBeLessThan(bound);
    expect(Math.abs(mean(errors.g))).toBeLessThan(bound);
    expect(inside / count).toBeGreaterThan(0.8);
  });

  it('knows that critical layers of every kind keep the gradient', () => {
    const [options, depthwise] = [
      { activation: 'relu', kernelInitializer: 'critical' } as const,
      { activation: 'relu', depthwiseInitializer: 'critical' } as const,
    ];
    const told = forecast(
      sequential([
        layers.input([12, 12, 8]),
        layers.conv2d(6, 3, options),
        layers.depthwiseConv2d(3, { ...depthwise, depthMultiplier: 2 }),
        layers.conv2dTranspose(5, 4, { ...options, strides: 2 }),
        layers.flatten(),
        layers.dense(2000, { activation: 'relu', kernelInitializer: initializers.critical({ distribution: 'orthogonal' }) }),
        layers.dense(3),
      ]),
    );
    for (const { chi } of sums(told).slice(0, -1)) expect(chi).toBeCloseTo(1, 6);
  });

  it('counts saturated and silent entries as a network shows them', async () => {
    const told = sums(forecast(deep('sigmoid', initializers.normal({ stddev: 1 }), { widths: [100] })));
    expect(Math.round(100 * (told[8]?.saturated ?? 0))).toBe(51);
    expect(told[8]?.dead).toBe(0);
    const relu = sums(forecast(deep('relu', 'heNormal'), { batchSize: 32 }));
    expect(relu[4]?.silent).toBeCloseTo(0.5, 12);
    expect(relu[0]?.dead).toBeLessThan(1e-6);
    // The deeper, the more alike the rows, and the likelier that a unit is silent for all.
    expect(relu[10]?.dead).toBeGreaterThan(relu[4]?.dead ?? 1);
    expect(relu[10]?.dead).toBeLessThan(0.5);
  });
});

describe('what a forecast says of whole networks', () => {
  it('30 ReLU layers with Glorot weights lose half the variance a layer', () => {
    const told = forecast(deep('relu', 'glorotNormal', { depth: 30, widths: [100] }));
    expect(told.runs).toHaveLength(1);
    expect(told.runs[0]).toMatchObject({
      phase: 'ordered',
      fixedPoint: 0,
      activation: 'relu',
      suits: { auto: 'heNormal', critical: { biasVariance: 0 } },
    });
    expect(told.runs[0]?.chi).toBeCloseTo(0.5, 9);
    expect(told.trainableDepth).toBeCloseTo(6 / Math.LN2, 6);
    expect(told.depth).toBe(30);
    // 0.707^28, first hidden layer against the last.
    expect(Math.log(sums(told)[0]?.gradient?.value ?? 0)).toBeCloseTo(28 * Math.log(Math.SQRT1_2), 0);
    expect(String(told)).toMatch(/ordered.*signals die out.*about 9 layers \(this network: 30\)/);
    expect(String(told)).toContain('suited: heNormal');
  });

  it.each([
    ['relu', 'heNormal', 'critical', null],
    ['selu', 'lecunNormal', 'chaotic', 1],
    ['tanh', 'heNormal', 'chaotic', 0.618],
    ['sigmoid', 'lecunNormal', 'ordered', 0.2647],
  ] as const)('%s with %s is %s', (activation, initializer, phase, q) => {
    const [run] = forecast(deep(activation, initializer, { widths: [50] })).runs;
    expect(run?.phase).toBe(phase);
    if (q !== null) expect(run?.fixedPoint).toBeCloseTo(q, 3);
    else expect(run).toMatchObject({ kept: true, trainableDepth: null });
  });

  it('is data', () => {
    const told = forecast(deep('tanh', 'glorotUniform'));
    expect(JSON.parse(JSON.stringify(told))).toMatchObject({ depth: 12, batchSize: 32, unknown: [] });
  });

  it('takes well under a second for 1,000 layers', () => {
    const facts = factsOf(deep('tanh', 'heNormal', { depth: 1000, widths: [8] }).network);
    const start = performance.now();
    const told = forecastFacts(facts);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(told.layers).toHaveLength(1001);
  });

  it('keeps sizes beyond the range of float32 apart', () => {
    const told = sums(forecast(deep('relu', initializers.normal({ stddev: 1 }), { depth: 60, widths: [100] })));
    expect(Math.log(told.at(-1)?.zRms?.value ?? 0)).toBeGreaterThan(100);
  });
});

describe('layers of every kind', () => {
  it('batch and layer normalization bring variances back to 1', () => {
    const told = forecast(
      sequential([
        layers.input([50]),
        layers.dense(60, { kernelInitializer: initializers.normal({ stddev: 3 }) }),
        layers.batchNormalization(),
        layers.activation('relu'),
        layers.dense(70, { kernelInitializer: 'heNormal' }),
        layers.layerNormalization(),
        layers.activation('tanh'),
        layers.dense(10),
      ]),
    );
    expect(told.unknown).toEqual([]);
    const bends = told.layers.filter(({ role }) => role === 'activation');
    for (const bend of bends) expect(bend.zRms?.value).toBeCloseTo(1, 1);
    // σ of the first sums is 3 √50, and a gradient shrinks by it.
    const down = named(told, 'dense_1');
    expect(Math.log(down.zRms?.value ?? 0)).toBeCloseTo(Math.log(3 * Math.sqrt(50)), 1);
    expect(down.backwardGain?.value).toBeLessThan(0.2);
  });

  it('skip connections add squares, concatenation keeps sizes, dropout raises them, frozen or not', () => {
    const x = layers.input([50]);
    const a = layers.dense(50, { kernelInitializer: 'lecunNormal', name: 'a' }).apply(x);
    const both = layers.add({ name: 'both' }).apply([x, a]);
    const joined = layers.concatenate({ name: 'joined' }).apply([both, a]);
    const dropped = layers.dropout(0.5, { name: 'dropped', trainable: false }).apply(joined);
    const told = forecast(wire({ inputs: [x], outputs: [layers.dense(3, { kernelInitializer: 'lecunNormal', name: 'out' }).apply(dropped)] }));
    const square = (name: string) => (named(told, name).hRms?.value ?? 0) ** 2;
    expect(square('a')).toBeCloseTo(1, 1);
    expect(square('both')).toBeCloseTo(2, 1);
    expect(square('joined')).toBeCloseTo(1.5, 1);
    expect(square('dropped') / 3).toBeCloseTo(1, 1);
    // From `out`, a's gradient comes by two ways: 3/100 each, doubled by dropout.
    expect((named(told, 'a').backwardGain?.value ?? 0) ** 2).toBeCloseTo(2 * 2 * (3 / 100), 1);
  });

  it('shared layers, flatten, embedding and several inputs', () => {
    const [x, y] = [layers.input([4, 8]), layers.input([5], { dtype: 'int32' })];
    const shared = layers.dense(8, { kernelInitializer: 'lecunNormal', name: 'twice' });
    const first = layers.flatten().apply(shared.apply(shared.apply(x)));
    const words = layers.flatten().apply(layers.embedding(30, 6).apply(y));
    const told = forecast(wire({ inputs: [x, y], outputs: [layers.dense(2).apply(layers.concatenate().apply([first, words]))] }));
    expect(told.unknown).toEqual([]);
    expect(told.layers.map(({ name }) => name)).toContain('twice#2');
    expect((named(told, 'embedding_1').hRms?.value ?? 0) ** 2).toBeCloseTo(0.05 ** 2 / 3, 3);
  });

  it('says which kinds theory does not know, and forecasts again behind a normalization only', () => {
    const told = forecast(
      sequential([
        layers.input([20]),
        layers.dense(20, { name: 'before' }),
        layers.lambda((x) => ops.square(x), { name: 'mine' }),
        layers.dense(20, { name: 'lost' }),
        layers.layerNormalization({ name: 'norm' }),
        layers.dense(20, { name: 'found', kernelInitializer: 'lecunNormal' }),
      ]),
    );
    expect(told.unknown).toEqual(['mine', 'lost']);
    expect(named(told, 'mine').why).toContain("'lambda'");
    expect(named(told, 'lost').why).toContain("'mine'");
    expect(named(told, 'lost').zRms).toBeUndefined();
    expect(named(told, 'found').zRms?.value).toBeCloseTo(1, 1);
    expect(named(told, 'before').gradient).toBeUndefined();
    expect(String(told)).toContain("its kind, 'lambda', is not covered by the theory");
  });

  it('says where all units are one, and where nothing is left', () => {
    const told = forecast(
      sequential([layers.input([9]), layers.dense(9, { kernelInitializer: 'ones' }), layers.dense(9, { kernelInitializer: 'zeros' })]),
    );
    expect(told.layers[1]?.why).toContain('all its units are identical');
    expect(told.unknown).toEqual(['dense_1', 'dense_2']);
  });

  it("functions of the user's own", () => {
    const net = sequential([
      layers.input([40]),
      layers.dense(40, {
        activation: function bow(x) {
          return ops.mul(ops.tanh(x), 2);
        },
        kernelInitializer: function mine(shape, random) {
          return Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal(0, 1 / Math.sqrt(40)));
        },
      }),
      layers.dense(3),
    ]);
    const told = forecast(net);
    expect(told.unknown).toEqual([]);
    // 2 tanh of a standard normal number: RMS 2 / 1.5925.
    expect(told.layers[1]?.hRms?.value).toBeCloseTo(2 / 1.5925, 1);
    const blind = forecastFacts(factsOf(net.network));
    expect(blind.layers[1]?.why).toContain("'mine'");
  });
});

describe('data', () => {
  const facts = factsOf(deep('selu', 'lecunNormal').network);
  const raw: InputFacts = {
    layer: 0,
    rows: 100,
    features: 64,
    mean: 90,
    rms: 130,
    min: 0,
    max: 255,
    constantFeatures: 0,
    featureMean: 90,
    featureDeviations: [1, 100],
  };

  it('of another size show in the first sums', () => {
    const [plain, loud] = [forecastFacts(facts), forecastFacts(facts, { inputs: [raw] })].map((told) => sums(told)[0]?.zRms?.value ?? 0);
    expect((loud ?? 0) / (plain ?? 1) / 130).toBeCloseTo(1, 1);
  });

  it('are given to the forecast of a model as to that of its facts', () => {
    const options: ForecastOptions = { inputs: [raw], batchSize: 8 };
    expect(forecast(deep('selu', 'lecunNormal'), options)).toEqual(forecastFacts(facts, options));
  });

  const far = (stddev: number, bias: number, mean = 0) =>
    sequential([
      layers.input([64]),
      ...Array.from({ length: 130 }, () =>
        layers.dense(64, {
          activation: 'relu',
          kernelInitializer: initializers.normal({ mean, stddev }),
          biasInitializer: initializers.normal({ stddev: bias }),
        }),
      ),
      layers.dense(1),
    ]);

  it('knows sums and gradients beyond the numbers whose squares float64 holds, with biases that are nothing beside them as without', () => {
    const [bare, biased] = [far(5, 0), far(5, 1)].map((net) => sums(forecast(net))) as [LayerForecast[], LayerForecast[]];
    expect(bare[129]?.zRms?.value).toBeGreaterThan(1e180);
    for (const at of [0, 60, 129]) {
      expect(Math.log(biased[at]?.zRms?.value ?? 0)).toBeCloseTo(Math.log(bare[at]?.zRms?.value ?? 0), 2);
      expect(Math.log(biased[at]?.gradient?.value ?? 0)).toBeCloseTo(Math.log(bare[at]?.gradient?.value ?? 0), 2);
    }
    // Of mean 0 as with a mean that is nothing beside the deviation.
    const [small, shifted] = [far(0.0005, 0), far(0.0005, 0, 1e-9)].map((net) => sums(forecast(net)));
    expect(small?.[129]?.zRms?.value).toBeLessThan(1e-300);
    expect(Math.log(shifted?.[129]?.zRms?.value ?? 0)).toBeCloseTo(Math.log(small?.[129]?.zRms?.value ?? 0), 2);
  });

  it('knows sums of branches there', () => {
    const enter = layers.input([64]);
    const wide = () => layers.dense(64, { kernelInitializer: initializers.normal({ stddev: 5 }) });
    let x = enter;
    for (let block = 0; block < 130; block++) x = layers.add().apply([x, wide().apply(x)]);
    const told = forecast(wire({ inputs: enter, outputs: layers.dense(1).apply(x) }));
    expect(told.unknown).toEqual([]);
    // Each adds 64 · 25 times the mean square: growth by √1601 in RMS.
    expect(Math.log(named(told, 'dense_101').zRms?.value ?? 0)).toBeCloseTo(Math.log(5 * 8) + 50 * Math.log(1601), -1);
  });

  it('knows both sides on which a unit is silent', () => {
    const silent = (activation: ActivationName) => forecast(deep(activation, initializers.normal({ stddev: 1 }), { depth: 2 })).layers[1];
    // Sums of 64 standard normal numbers: a deviation of 8. Half are below 0, and 0.2266 above 6, 0.75 of it.
    expect(silent('relu6')?.silent).toBeCloseTo(0.5 + 0.2266, 2);
    expect(silent('relu6')?.dead).toBeLessThan(0.01);
    expect(silent('relu')?.silent).toBeCloseTo(0.5, 2);
  });

  it('tells sums that are always 0 from weights that are too large to square', () => {
    const why = (stddev: number) =>
      forecast(sequential([layers.input([4]), layers.dense(4, { kernelInitializer: initializers.normal({ stddev }) })])).layers[1]?.why;
    expect(why(1e-200)).toBe('its pre-activations are 0 for every input');
    expect(why(1e200)).toBe('its weights or biases are too large for float64 to hold their squares');
  });

  it.each<[string, () => unknown, RegExp]>([
    ['no layers', () => forecastFacts({ ...facts, layers: [] }), /network with layers, got .*; a trace has one in header.network$/],
    ['nothing', () => forecastFacts(undefined as unknown as NetworkFacts), /network with layers/],
    ['a batch of 0', () => forecastFacts(facts, { batchSize: 0 }), /batchSize/],
    [
      'an option that is misspelt',
      () => forecast(deep('relu', 'heNormal'), { batchsize: 8 } as never),
      /forecast: unknown option 'batchsize'; did you mean 'batchSize'/,
    ],
    ['inputs that are no list', () => forecast(deep('relu', 'heNormal'), { inputs: 5 } as never), /forecast: inputs must be a list, got 5/],
    ['data of no input', () => forecastFacts(facts, { inputs: [{ ...raw, layer: 3 }] }), /not an input/],
    ['data that are no numbers', () => forecastFacts(facts, { inputs: [{ ...raw, rms: Number.NaN }] }), /finite/],
    [
      'a layer before its input',
      () => forecastFacts({ ...facts, layers: facts.layers.map((layer, i): LayerFacts => (i === 1 ? { ...layer, inputs: [2] } : layer)) }),
      /does not come before/,
    ],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
