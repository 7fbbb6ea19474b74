import {
  ArgumentError,
  createEngine,
  type Engine,
  initializers,
  layers,
  type Model,
  type ModelOptions,
  NdArray,
  ops,
  optimizers,
  SharedPrograms,
  schedules,
  sequential,
  type Tensor,
} from 'evenkeel';
import { afterAll, describe, expect, it } from 'vitest';
import { randomArray } from '../layers/wiring.js';

const x = randomArray([48, 6], 1).cast('float32');
const y = new NdArray(
  Int32Array.from({ length: 48 }, (_, i) => i % 3),
  [48],
);

const real = await createEngine();
afterAll(() => real.dispose());

/** An engine that notes which graph each session runs, and which sessions are open. */
function noting() {
  const open = new Set<number>();
  const loads: string[] = [];
  const ran: string[] = [];
  const load: Engine['load'] = async (model, options) => {
    const session = await real.load(model, options);
    const [graph, id] = [Buffer.from(model).toString('base64'), loads.length];
    loads.push(String(options?.name));
    open.add(id);
    const noted: typeof session = {
      run: (...given) => {
        ran.push(graph);
        return session.run(...given);
      },
      dispose: async () => {
        open.delete(id);
        await session.dispose();
      },
    };
    return noted;
  };
  const engine: Engine = new Proxy(real, {
    get: (target, key) => {
      const value: unknown = key === 'load' ? load : Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { engine, open, loads, ran };
}

type Made = (options: ModelOptions) => Model;
type Dense = NonNullable<Parameters<typeof layers.dense>[1]>;

/** Two hidden layers of 8 units. */
const network =
  (given: { first?: Dense; second?: Dense; units?: number; optimizer?: unknown; between?: 'dropout' | 'batch'; seed?: number } = {}): Made =>
  (options) =>
    sequential(
      [
        layers.input([6]),
        layers.dense(8, { activation: 'relu', ...given.first }),
        ...(given.between === 'dropout' ? [layers.dropout(0.5)] : given.between === 'batch' ? [layers.batchNormalization()] : []),
        layers.dense(given.units ?? 8, { activation: 'relu', ...given.second }),
        layers.dense(3, { activation: 'softmax' }),
      ],
      { seed: given.seed ?? 1, ...options },
    ).compile({
      optimizer: (given.optimizer ?? optimizers.adam({ learningRate: 0.01 })) as 'adam',
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });

/** 50 equal layers, which become a loop, but for one of them. */
const deep =
  (odd: string): Made =>
  (options) =>
    sequential(
      [
        layers.input([6]),
        ...Array.from({ length: 50 }, (_, i) =>
          layers.dense(6, { activation: 'tanh', kernelInitializer: (i === 25 ? odd : 'glorotUniform') as 'heNormal' }),
        ),
        layers.dense(3, { activation: 'softmax' }),
      ],
      { seed: 1, ...options },
    ).compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });

const frozen: Made = (options) => {
  const model = network()(options);
  const [, first] = model.layers;
  if (first) first.trainable = false;
  return model;
};

const { sgd, adam } = optimizers;
/** Networks with others that have the same programs, and such that have not. */
const cases: readonly (readonly [what: string, one: Made, other: Made, training: boolean, prediction: boolean])[] = [
  [
    'initializers',
    network(),
    network({ first: { kernelInitializer: 'lecunNormal', biasInitializer: initializers.constant({ value: 0.1 }) } }),
    true,
    true,
  ],
  ['an initializer that data scale', network(), network({ first: { kernelInitializer: 'lsuv' } }), true, true],
  ['learning rates', network(), network({ optimizer: adam({ learningRate: 0.3 }) }), true, true],
  [
    'schedules',
    network(),
    network({ optimizer: adam({ learningRate: schedules.exponentialDecay({ initialLearningRate: 0.1, decaySteps: 9, decayRate: 0.5 }) }) }),
    true,
    true,
  ],
  [
    'rates that begin at 0 under Adam',
    network(),
    network({ optimizer: adam({ learningRate: schedules.polynomialDecay({ initialLearningRate: 0, endLearningRate: 0.1, decaySteps: 9 }) }) }),
    true,
    true,
  ],
  [
    'rates that begin at 0 under SGD',
    network({ optimizer: sgd({ learningRate: 0.1 }) }),
    network({ optimizer: sgd({ learningRate: schedules.polynomialDecay({ initialLearningRate: 0, endLearningRate: 0.1, decaySteps: 9 }) }) }),
    false,
    true,
  ],
  ['optimizers that lay arrays out alike', network({ optimizer: adam({}) }), network({ optimizer: adam({ beta1: 0.8 }) }), false, true],
  ['optimizers', network(), network({ optimizer: sgd({}) }), false, false],
  ['activations', network(), network({ first: { activation: 'tanh' } }), false, false],
  ['units', network(), network({ units: 9 }), false, false],
  ['penalties', network(), network({ first: { kernelRegularizer: 'l2' } }), false, false],
  ['normalization', network(), network({ between: 'batch' }), false, false],
  ['seeds of dropout', network({ between: 'dropout' }), network({ between: 'dropout', seed: 2 }), false, false],
  ['layers that are frozen', network(), frozen, false, false],
  ['a row that begins alike', deep('glorotUniform'), deep('glorotUniform'), true, true],
  ['a row of which one begins otherwise', deep('glorotUniform'), deep('heNormal'), false, false],
];

/** Trains two epochs, predicts, and tells what ran. */
async function used(
  made: Made,
  { engine, ran }: ReturnType<typeof noting>,
  programs?: SharedPrograms,
): Promise<{ graphs: Set<string>; outputs: number[] }> {
  const before = ran.length;
  const model = made({ engine, ...(programs ? { programs } : {}) });
  await model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0, validationData: { x, y } });
  const outputs = Array.from((await model.predict(x)).data as Float32Array);
  await model.dispose();
  return { graphs: new Set(ran.slice(before)), outputs };
}

describe('shared programs', () => {
  // Alone is the oracle: its graphs are its own.
  it.each(cases)('with other %s', async (_, one, other, training, prediction) => {
    const noted = noting();
    const programs = new SharedPrograms();
    for (const made of [one, other]) {
      const { graphs, outputs } = await used(made, noted, programs);
      const alone = await used(made, noting());
      expect(outputs).toEqual(alone.outputs);
      expect(graphs).toEqual(alone.graphs);
    }
    const count = (name: string): number => noted.loads.filter((load) => load === name).length;
    expect([count('training'), count('prediction')]).toEqual([training ? 1 : 2, prediction ? 1 : 2]);
  });

  it('are not shared where functions are the user’s own', async () => {
    // Both have the name, and what a description tells of functions is the name.
    const scaled = (factor: number) => ({ scaled: (z: Tensor): Tensor => ops.mul(z, factor) }).scaled;
    const { engine, loads } = noting();
    const programs = new SharedPrograms();
    const outputs = [];
    for (const factor of [1, 2]) {
      const model = network({ first: { activation: scaled(factor) } })({ engine, programs });
      outputs.push(Array.from((await model.predict(x)).data as Float32Array));
      await model.dispose();
    }
    expect(outputs[0]).not.toEqual(outputs[1]);
    expect(loads).toEqual(['prediction', 'prediction']);
  });

  it('of a loss alone are those of all optimizers that lay arrays out alike', async () => {
    const noted = noting();
    const programs = new SharedPrograms();
    for (const optimizer of [sgd({ learningRate: 0.1 }), sgd({ globalClipNorm: 1, weightDecay: 0.1 })]) {
      const measured = async (options: ModelOptions) => {
        const model = network({ optimizer })(options);
        const { gradients } = await model.gradients(x, y);
        const curvature = await model.curvature(x, y);
        await model.dispose();
        return { gradients, curvature };
      };
      expect(await measured({ engine: noted.engine, programs })).toEqual(await measured({ engine: real }));
    }
    expect(noted.loads).toEqual(['gradients', 'curvature']);
  });

  it('of examinations are those of the training that follows', async () => {
    const { engine, loads } = noting();
    const model = network()({ engine });
    await model.examine(x, y);
    await model.fit(x, y, { verbose: 0, callbacks: [{ vitals: {} }] });
    expect(loads.filter((name) => name === 'training')).toHaveLength(1);
    await model.dispose();
  });

  it('stay while somebody uses them, a few of them longer, and none once the store is closed', async () => {
    const { engine, open } = noting();
    const programs = new SharedPrograms();
    const kept = network({ units: 4 })({ engine, programs });
    await kept.predict(x);
    for (let units = 5; units < 20; units++) {
      const model = network({ units })({ engine, programs });
      await model.predict(x);
      await model.dispose();
    }
    expect(open.size).toBe(1 + 8);
    programs.close();
    await expect.poll(() => open.size).toBe(1);
    const late = network({ units: 5 })({ engine, programs });
    await late.predict(x);
    await late.dispose();
    await expect.poll(() => open.size).toBe(1);
    expect((await kept.predict(x)).shape).toEqual([48, 3]);
    await kept.dispose();
    await expect.poll(() => open.size).toBe(0);
  });

  it('that could not be loaded are asked for again', async () => {
    const programs = new SharedPrograms();
    let fails = true;
    const engine: Engine = new Proxy(real, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (key === 'load' && fails) return () => Promise.reject(new Error('no room'));
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const model = network()({ engine, programs });
    await expect(model.predict(x)).rejects.toThrow('no room');
    fails = false;
    expect((await model.predict(x)).shape).toEqual([48, 3]);
    await model.dispose();
    programs.close();
  });

  it('are refused where they are something else', () => {
    const wrong = () => network()({ programs: new Map() as unknown as SharedPrograms });
    expect(wrong).toThrow(ArgumentError);
    expect(wrong).toThrow(/model: expected .*new SharedPrograms\(\).*got a Map/);
  });
});
