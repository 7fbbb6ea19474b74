import {
  createEngine,
  doctor,
  fromConfig,
  initializers,
  layers,
  type Model,
  model,
  NdArray,
  optimizers,
  Random,
  schedules,
  sequential,
  type Treatment,
  toConfig,
} from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { build, type Patient, row } from '../patients.js';
import { glyphSet } from '../sets.js';

const data = { x: glyphSet.x.slice(0, 2000), y: glyphSet.y.slice(0, 2000) };
const test = { x: glyphSet.x.slice(5000, 6400), y: glyphSet.y.slice(5000, 6400) };
const treat = (patient: Patient, options: Parameters<typeof doctor.treat>[2] = {}): Promise<Treatment> =>
  doctor.treat(build({ compile: { metrics: ['accuracy'] }, ...patient }), data, { epochs: 8, ...options });
const accuracy = async (model: Model): Promise<number> => {
  model.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return (await model.evaluate(test)).accuracy ?? 0;
};

const healthy: Patient = { hidden: () => row(4, 48, { activation: 'selu', kernelInitializer: 'lecunNormal' }), compile: { optimizer: 'adam' } };
const zeros: Patient = { hidden: () => row(3, 48, { activation: 'relu', kernelInitializer: 'zeros' }) };
const logistic: Patient = {
  hidden: () => row(10, 48, { activation: 'sigmoid', kernelInitializer: initializers.normal({ stddev: 1 }) }),
  compile: { optimizer: 'adam' },
};
/** Nothing is surely ill in it before its first step. */
const slow: Patient = {
  hidden: () => row(2, 48, { activation: 'relu', kernelInitializer: 'heNormal' }),
  compile: { optimizer: optimizers.sgd({ learningRate: 1e-3 }) },
};
const rate = (learningRate: number): Patient => ({
  hidden: () => row(3, 48, { activation: 'relu', kernelInitializer: 'heNormal' }),
  compile: { optimizer: optimizers.sgd({ learningRate }) },
});

describe('treat', () => {
  it.each<[string, Patient, string[]]>([
    ['weights that are all alike', zeros, ['suiting-initializer']],
    ['steps far too small', rate(1e-6), ['raise-learning-rate', 'adaptive-optimizer']],
    ['steps far too large', rate(30), ['lower-learning-rate', 'adaptive-optimizer']],
  ])('cures %s', async (_, patient, any) => {
    const treatment = await treat(patient);
    expect(treatment.remedies.filter(({ id }) => any.includes(id))).not.toEqual([]);
    expect(treatment).toMatchObject({ outcome: 'cured', changed: true, interrupted: false });
    expect(treatment.findings.some(({ severity }) => severity === 'ill')).toBe(true);
    expect(treatment.after.grade.score).toBeGreaterThan(treatment.before.grade.score + 0.5);
    expect(await accuracy(treatment.model)).toBeGreaterThan(0.8);
    expect(String(treatment)).toContain('was ill');
  });

  it('tells once of a network that a remedy asks for and that cannot be', async () => {
    const lines: string[] = [];
    await treat(logistic, { epochs: 1, allow: ['critical-initializer'], onProgress: (line) => lines.push(line) });
    expect(lines.filter((line) => line.startsWith("no such network: initializer 'critical': 'sigmoid' has no critical weights"))).toHaveLength(1);
  });

  it('leaves a healthy network alone: it is trained as it is, at the price of one training', async () => {
    const treatment = await treat(healthy);
    expect(treatment).toMatchObject({ outcome: 'healthy', changed: false, remedies: [] });
    expect(treatment.steps).toBe(treatment.plainSteps);
    expect(treatment.plainSteps).toBe(8 * Math.ceil(1700 / 32));
  });

  it('sees what a change would gain where nothing is ill and the network does barely what neighbours do, and keeps it where that is little', async () => {
    const kernelInitializer = initializers.varianceScaling({ scale: 0.04, mode: 'fanIn', distribution: 'truncatedNormal' });
    const barely: Patient = { hidden: () => row(2, 32, { activation: 'relu', kernelInitializer }), compile: { optimizer: 'adam' } };
    const treatment = await treat(barely, { epochs: 12 });
    expect(treatment).toMatchObject({ outcome: 'healthy', changed: false });
    const runs = treatment.trials.filter(({ kind, remedies }) => kind === 'full' && remedies.length > 0);
    expect(runs.length).toBeGreaterThan(0);
    for (const { grade } of runs) expect(grade?.score).toBeLessThan(1.09 * treatment.before.grade.score);
  });

  it('cures a network that breaks off in its first step', async () => {
    const endless: Patient = { hidden: () => row(30, 64, { activation: 'relu', kernelInitializer: initializers.normal({ stddev: 30 }) }) };
    const treatment = await treat(endless, { budget: { trials: 3 } });
    expect(treatment.trials.find(({ kind }) => kind !== 'look')).toMatchObject({ remedies: [], steps: 0 });
    expect(treatment.changed).toBe(true);
    expect(treatment.after.grade.score).toBeGreaterThan(treatment.before.grade.score + 0.5);
  });

  it('trains a network as it is that looks ill before its first step, and whose first steps show that it learns', async () => {
    const sureOfItself: Patient = {
      hidden: () => Array.from({ length: 2 }, () => [layers.dense(100), layers.batchNormalization(), layers.activation('relu')]).flat(),
      head: () => [layers.dense(10, { activation: 'softmax', kernelInitializer: initializers.normal({ stddev: 3 }) })],
      compile: { optimizer: optimizers.sgd({ learningRate: 0.03 }), metrics: ['accuracy'] },
    };
    const treatment = await treat(sureOfItself, { epochs: 60 });
    expect(treatment.trials[0]).toMatchObject({ kind: 'look', ill: ['initial-loss'] });
    expect(treatment).toMatchObject({ outcome: 'healthy', changed: false, steps: treatment.plainSteps });
    expect(treatment.after.grade.score).toBeGreaterThan(0.8);
  });

  it('says so where a change takes away what was ill, and nothing is left to gain', async () => {
    const random = new Random(13);
    const sides = Array.from({ length: 24 }, (_, row) => (row % 2 ? 1 : -1));
    const few = {
      x: new NdArray(Float32Array.from(sides.flatMap((side) => [100 * side * (1 + random.uniform()), 100 * random.normal()])), [24, 2]),
      y: new NdArray(
        Float32Array.from(sides, (side) => Number(side > 0)),
        [24, 1],
      ),
    };
    const raw = sequential([layers.input([2]), layers.dense(8, { activation: 'relu' }), layers.dense(1, { activation: 'sigmoid' })], { seed: 1 });
    const treatment = await doctor.treat(raw.compile({ optimizer: 'sgd', loss: 'binaryCrossentropy' }), few, { epochs: 50, batchSize: 1 });
    expect([treatment.before.grade.accuracy, treatment.after.grade.accuracy]).toEqual([1, 1]);
    expect(treatment).toMatchObject({ outcome: 'cured', changed: true });
    expect(treatment.after.findings.filter(({ severity }) => severity === 'ill')).toEqual([]);
  });

  it('leaves a network alone whose labels say nothing of its rows, whatever a change seems to gain', async () => {
    const random = new Random(21);
    const noise = {
      x: new NdArray(
        Float32Array.from({ length: 1800 }, () => random.normal()),
        [600, 3],
      ),
      y: new NdArray(
        Int32Array.from({ length: 600 }, () => random.integer(3)),
        [600],
      ),
    };
    const blind = sequential([layers.input([3]), layers.dense(16, { activation: 'tanh' }), layers.dense(3, { activation: 'softmax' })], { seed: 1 });
    const treatment = await doctor.treat(blind.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' }), noise, { epochs: 10 });
    expect(treatment.before.grade.score).toBeLessThan(0.1);
    expect(treatment).toMatchObject({ outcome: 'healthy', changed: false });
  });

  it('counts rows as their weights say', async () => {
    const fives = Float32Array.from({ length: 2000 }, (_, row) => Number(data.y.at(row) < 5));
    const weighted = await doctor.treat(
      build({ ...healthy, compile: { ...healthy.compile, metrics: ['accuracy'] } }),
      { ...data, sampleWeight: fives },
      { epochs: 8 },
    );
    const scores = await weighted.model.predict(test.x);
    const shares = Array.from({ length: test.y.size }, (_, row) => [5, 6, 7, 8, 9].reduce((sum, label) => sum + scores.at(row * 10 + label), 0));
    expect(shares.filter((share) => share > 0.5).length).toBeLessThan(0.05 * test.y.size);
  });

  it('leaves frozen layers as they are', async () => {
    const base = () => layers.dense(48, { activation: 'tanh', kernelInitializer: initializers.normal({ stddev: 1e-6 }), trainable: false });
    const given = build({ hidden: () => [base()], compile: { metrics: ['accuracy'] } });
    const arrays = (await given.getWeights()).map(
      ({ size, shape }) =>
        new NdArray(
          Float32Array.from({ length: size }, (_, i) => 0.1 * Math.sin(i * i)),
          shape,
        ),
    );
    await given.setWeights(arrays);
    const at = given.variables.findIndex(({ name }) => name === 'dense_1/kernel');
    const treatment = await doctor.treat(given, data, { epochs: 2, allow: ['suiting-initializer', 'lsuv', 'change-activation'] });
    const after = treatment.model.variables.findIndex(({ name }) => name === 'dense_1/kernel');
    expect((await treatment.model.getWeights())[after]?.data).toEqual(arrays[at]?.data);
  });

  it('leaves nothing in the engine where it fails', async () => {
    const engine = await createEngine();
    let open = 0;
    const load: typeof engine.load = async (...given) => {
      const session = await engine.load(...given);
      open += 1;
      const dispose = session.dispose.bind(session);
      return Object.assign(session, {
        dispose: async () => {
          open -= 1;
          await dispose();
        },
      });
    };
    const counting = new Proxy(engine, {
      get: (target, key) => {
        const value: unknown = key === 'load' ? load : Reflect.get(target, key, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const given = sequential(
      [layers.input([28, 28], { dtype: 'uint8' }), layers.flatten(), ...logistic.hidden(), layers.dense(10, { activation: 'softmax' })],
      {
        engine: counting,
      },
    );
    given.compile({ optimizer: 'sgd', loss: 'sparseCategoricalCrossentropy' });
    const failing = () => {
      throw new Error('the display is gone');
    };
    await expect(doctor.treat(given, data, { epochs: 3, onProgress: failing })).rejects.toThrow('the display is gone');
    await given.dispose();
    expect(open).toBe(0);
    await engine.dispose();
  });

  it('does not touch the model that is handed in', async () => {
    const model = build(zeros);
    const [weights, config] = [await model.getWeights(), toConfig(model)];
    const { model: treated } = await doctor.treat(model, data, { epochs: 1 });
    expect(treated).not.toBe(model);
    expect(toConfig(model)).toEqual(config);
    expect((await model.getWeights()).map((array) => [...array.data])).toEqual(weights.map((array) => [...array.data]));
  });

  it('gives the same again for the same seed', async () => {
    const [one, two] = [await treat(zeros), await treat(zeros)];
    expect(one.remedies).toEqual(two.remedies);
    const arrays = await Promise.all([one.model.getWeights(), two.model.getWeights()]);
    expect(arrays[0].map(({ data: values }) => [...values])).toEqual(arrays[1].map(({ data: values }) => [...values]));
  });

  it('draws weights anew by the seed that it is given', async () => {
    const drawn = async (seed: number): Promise<number[]> => {
      const { model } = await treat(zeros, { validationData: test, epochs: 1, seed, allow: ['suiting-initializer'] });
      expect(model.seed).toBe(seed);
      const kernel = (await model.getWeights()).find(({ shape }) => shape.length === 2);
      return Array.from(kernel?.data ?? [], Number);
    };
    const [one, two, again] = [await drawn(5), await drawn(6), await drawn(5)];
    expect(again).toEqual(one);
    expect(two).not.toEqual(one);
  });

  it('trains what it chose as if no trial had been made with the same model', async () => {
    const { after, model } = await treat(zeros, { validationData: test, epochs: 3 });
    const anew = fromConfig(after.config, { warn: () => {} });
    await anew.fit(data, { epochs: 3, batchSize: 32, verbose: 0 });
    const arrays = await Promise.all([anew.getWeights(), model.getWeights()]);
    expect(arrays[1].map(({ data: values }) => [...values])).toEqual(arrays[0].map(({ data: values }) => [...values]));
  });

  it('keeps what must stay', async () => {
    const keep = ['activations', 'architecture', 'optimizer'] as const;
    const treatment = await treat(logistic, { keep });
    const given = toConfig(build(logistic));
    const config = toConfig(treatment.model);
    const described = (one: typeof given) =>
      one.layers.filter(({ kind }) => kind !== 'normalization').map(({ kind, config: { units, activation } }) => ({ kind, units, activation }));
    expect(described(config)).toEqual(described(given));
    expect(config.compile?.optimizer).toMatchObject({ name: 'adam' });
  });

  it.each([
    ['weights', 'change-activation'],
    ['initializers', 'change-activation'],
    ['weights', 'suiting-initializer'],
    ['learningRate', 'adaptive-optimizer'],
  ] as const)('keeps %s, which %s would alter too', async (kept, remedy) => {
    const options = { epochs: 2, allow: [remedy, 'larger-batch'] };
    const ids = ({ trials }: Treatment): string[] => trials.flatMap(({ remedies }) => remedies.map(({ id }) => id));
    const sick = { ...logistic, compile: { optimizer: 'sgd' } };
    expect(ids(await treat(sick, options))).toContain(remedy);
    expect(ids(await treat(sick, { ...options, keep: [kept] }))).not.toContain(remedy);
    await expect(treat(sick, { epochs: 2, allow: [remedy], keep: [kept] })).rejects.toThrow(
      `keep leaves no remedy: the one that is allowed changes '${kept}'`,
    );
  });

  it('applies allowed remedies alone, and denied ones never', async () => {
    const allowed = await treat(logistic, { allow: ['change-activation'] });
    expect(new Set(allowed.trials.flatMap(({ remedies }) => remedies.map(({ id }) => id)))).toEqual(new Set(['change-activation']));
    const denied = await treat(logistic, { deny: ['change-activation'] });
    expect(denied.trials.flatMap(({ remedies }) => remedies.map(({ id }) => id))).not.toContain('change-activation');
  });

  it('adds no normalization to SELU, which normalizes by itself, where a trial of it leaves something to wish for', async () => {
    const deep: Patient = {
      ...logistic,
      hidden: () => row(20, 48, { activation: 'sigmoid', kernelInitializer: initializers.normal({ stddev: 1 }) }),
    };
    const { trials } = await treat({ ...deep, compile: { optimizer: 'sgd' } }, { allow: ['change-activation', 'normalize'] });
    const changed = trials.filter(({ kind, remedies }) => kind === 'short' && remedies.length > 0);
    expect(changed[0]?.remedies[0]?.what).toContain('use selu instead of sigmoid');
    expect(changed[0]?.grade?.score).toBeLessThan(0.8);
    expect(trials.flatMap(({ remedies }) => remedies.map(({ id }) => id))).not.toContain('normalize');
  });

  it('says of a network that no allowed remedy cures that it is uncured', async () => {
    for (const [allowed, words] of [
      ['clip-gradients', /^none of the remedies tried helps\n/],
      ['raise-clip', /^no remedy was tried\n/],
    ] as const) {
      const treatment = await treat(zeros, { allow: [allowed] });
      expect(treatment).toMatchObject({ outcome: 'uncured', changed: false });
      expect(String(treatment)).toMatch(words);
    }
  });

  it('refuses a network of which nothing is trained', async () => {
    const frozen: Patient = {
      hidden: () => [layers.dense(8, { trainable: false })],
      head: () => [layers.dense(10, { activation: 'softmax', trainable: false })],
    };
    await expect(treat(frozen)).rejects.toThrow(/the model has no trainable weights, so there is nothing to treat/);
  });

  it('keeps the name of an output that it scales, by which targets come', async () => {
    const input = layers.input([2]);
    const hidden = layers.dense(16, { activation: 'tanh' }).apply(input);
    const outputs = [layers.dense(1, { name: 'price' }).apply(hidden), layers.dense(1, { activation: 'sigmoid', name: 'sold' }).apply(hidden)];
    const two = model({ inputs: input, outputs }, { seed: 1 }).compile({
      optimizer: 'adam',
      loss: { price: 'mse', sold: 'binaryCrossentropy' },
      metrics: { price: ['mae'] },
    });
    const x = new NdArray(
      Float32Array.from({ length: 1200 }, (_, i) => Math.sin(i * i)),
      [600, 2],
    );
    const y = {
      price: Float32Array.from({ length: 600 }, (_, row) => 2e5 + 1e5 * x.at(2 * row)),
      sold: Float32Array.from({ length: 600 }, (_, row) => Number(x.at(2 * row + 1) > 0)),
    };
    const treatment = await doctor.treat(two, { x, y }, { epochs: 10 });
    expect(treatment.remedies.map(({ id }) => id)).toContain('scale-targets');
    const found = await treatment.model.evaluate(x, y);
    expect(Object.keys(found)).toEqual(Object.keys(await two.evaluate(x, y)));
    expect(found[Object.keys(found).find((name) => /^price_m/.test(name)) ?? '']).toBeLessThan(5e4);
  });

  it('spends no more trials and steps than it may', async () => {
    const treatment = await treat(logistic, { budget: { trials: 1 } });
    expect(treatment.trials.filter(({ kind, remedies }) => kind === 'short' && remedies.length > 0)).toHaveLength(1);
    const plain = treatment.plainSteps;
    const bounded = await treat(logistic, { budget: { steps: Math.ceil(1.25 * plain) } });
    expect(bounded.steps).toBeLessThanOrEqual(Math.ceil(1.25 * plain));
  });

  it('goes on from the last healthy epoch, where it is asked to, and keeps what was learned', async () => {
    const learningRate = schedules.piecewiseConstantDecay({ boundaries: [200], values: [0.03, 300] });
    const breaks: Patient = { ...rate(0.03), compile: { optimizer: optimizers.sgd({ learningRate }) } };
    const [anew, during] = [await treat(breaks), await treat(breaks, { during: true })];
    expect(anew.findings.map(({ rule }) => rule)).toContain('not-finite');
    // It breaks behind step 200, in the fourth epoch; where in it the last steps were kept depends on where chunks end.
    expect(anew.before.steps).toBeGreaterThanOrEqual(162);
    expect(anew.before.steps).toBeLessThan(216);
    expect([anew.changed, during.changed]).toEqual([true, true]);
    // Three of eight epochs were healthy: five are left.
    expect([anew.after.steps, during.after.steps]).toEqual([432, 270]);
    expect(during.remedies.every(({ cost }) => cost === 'training' || cost === 'weights')).toBe(true);
    expect(await accuracy(during.model)).toBeGreaterThan(0.8);
  });

  it('goes on from before the trouble where the run goes through it, ill', async () => {
    // Steps that are far too large from the sixth of eight epochs on, which nothing comes back from: the network ends as chance, with finite numbers.
    const learningRate = schedules.piecewiseConstantDecay({ boundaries: [300], values: [0.03, 2] });
    const breaks: Patient = { ...rate(0.03), compile: { optimizer: optimizers.sgd({ learningRate }) } };
    const during = await treat(breaks, { during: true });
    expect(during.before.grade.score).toBeLessThan(0.5);
    expect(during.after.steps).toBeLessThanOrEqual(3 * 54);
    expect(await accuracy(during.model)).toBeGreaterThan(0.8);
  });

  it('trains a model that was trained before as a fit would, from its step on', async () => {
    const learningRate = schedules.piecewiseConstantDecay({ boundaries: [200], values: [0.003, 0.0003] });
    const trained: Patient = { ...healthy, compile: { optimizer: optimizers.adam({ learningRate }), metrics: ['accuracy'] } };
    const once = { epochs: 1, batchSize: 32, validationData: test, verbose: 0 } as const;
    const [given, fitted] = [build(trained), build(trained)];
    for (const model of [given, fitted]) await model.fit(data, { ...once, epochs: 5 });
    const { outcome, model } = await doctor.treat(given, data, { epochs: 1, batchSize: 32, validationData: test });
    await fitted.fit(data, once);
    expect(outcome).toBe('healthy');
    expect(await model.getWeights()).toEqual(await fitted.getWeights());
  });

  it('drawn remedies come from the same list and cost as much', async () => {
    const treatment = await treat(zeros, { choose: 'random', budget: { trials: 2 }, epochs: 2 });
    const drawn = treatment.trials.filter(({ kind, remedies }) => kind === 'short' && remedies.length > 0);
    expect(drawn).toHaveLength(2);
    expect(drawn.every(({ remedies }) => remedies.every(({ answers }) => answers.length === 0))).toBe(true);
  });

  it('keeps the best so far where it is stopped, and throws where nothing was tried', async () => {
    const controller = new AbortController();
    const treatment = await treat(zeros, {
      allow: ['suiting-initializer'],
      validationData: test,
      signal: controller.signal,
      onProgress: (line) => {
        if (line.startsWith('trial') && !line.includes('untreated')) controller.abort();
      },
    });
    expect(treatment.interrupted).toBe(true);
    expect(treatment.changed).toBe(true);
    expect(await accuracy(treatment.model)).toBeGreaterThan(0.15);
    // What is stopped here is the whole run, with the model of the trial: the trial's weights and grade come back.
    expect(await accuracy(treatment.model)).toBeCloseTo(treatment.after.grade.accuracy ?? 0, 6);
    await expect(treat(healthy, { signal: AbortSignal.abort() })).rejects.toThrow('training was aborted after step 0');
  });
});

describe('what cannot be treated', () => {
  it('a budget too small to try anything: with what it would take', async () => {
    await expect(treat(zeros, { budget: { steps: 100 } })).rejects.toThrow(/one full training of 8 epochs takes 432.*allow at least 532/s);
    await expect(treat(zeros, { budget: { seconds: 0.01 } })).rejects.toThrow(/too small: a full training takes about .* s/);
  });

  it('a budget that is spent before the network as it is was trained', async () => {
    // A clock that runs with its readings: nothing of what it says depends on the machine.
    let now = 0;
    const clock = () => {
      now += 1000;
      return now;
    };
    const lines: string[] = [];
    const within = (seconds: number) => treat(slow, { budget: { seconds }, clock, onProgress: (line) => lines.push(line) });
    await expect(within(2)).rejects.toThrow(/a budget of 2 s is too small: a full training takes about .* s on top of the .* allow at least \d+ s/);
    expect(lines).toEqual([]);
    now = 0;
    const enough = await within(1e6);
    expect(enough.steps).toBeGreaterThanOrEqual(enough.plainSteps);
  });

  it('data that are at fault', async () => {
    const model = build(healthy);
    const alike = { x: data.x, y: new NdArray(new Uint8Array(2000)) };
    await expect(doctor.treat(model, alike)).rejects.toThrow('the problem is the data, not the network: all 2000 targets are the same (0)');
    const blank = { x: NdArray.zeros([2000, 28, 28], 'uint8'), y: data.y };
    await expect(doctor.treat(model, blank)).rejects.toThrow('all rows of x are the same');
    const few = { x: data.x.slice(0, 4), y: data.y.slice(0, 4) };
    await expect(doctor.treat(model, few)).rejects.toThrow('4 rows are too few');
    const floats = { hidden: healthy.hidden, data: { x: NdArray.zeros([20, 4]), y: data.y.slice(0, 20) } };
    const broken = { x: NdArray.from(Array.from({ length: 20 }, (_, i) => [i, 1, 2, i === 7 ? Number.NaN : 3])), y: data.y.slice(0, 20) };
    await expect(doctor.treat(build(floats), broken)).rejects.toThrow(/NaN|not finite/);
  });

  it.each<[string, Parameters<typeof doctor.treat>[2], string]>([
    ['an unknown option', { epoch: 3 } as never, "unknown option 'epoch'; did you mean 'epochs'?"],
    ['epochs of 0', { epochs: 0 }, 'epochs must be a whole number ≥ 1'],
    ['an unknown thing to keep', { keep: ['activation' as never] }, "did you mean 'activations'"],
    ['an unknown remedy', { deny: ['change-activations'] }, "did you mean 'change-activation'"],
    [
      'nothing that is left to try',
      { allow: ['lsuv', 'normalize'], deny: ['normalize', 'lsuv'] },
      "allow and deny leave no remedy: both name 'lsuv', 'normalize'",
    ],
    ['all kept', { keep: ['data'], allow: ['standardize-inputs'] }, "keep leaves no remedy: the one that is allowed changes 'data'"],
    ['an empty list of allowed ones', { allow: [] }, 'allow and deny leave no remedy: allow is an empty list'],
    ['only such as are proposed', { allow: ['fewer-layers'] }, "leave no remedy: 'fewer-layers' is only proposed, never applied"],
    ['a budget that is a number', { budget: 60 as never }, 'treat: expected a budget such as { trials: 4, steps: 5000, seconds: 60 }, got 60'],
    ['no budget at all', { budget: null as never }, 'a budget such as'],
    ['a word for a switch', { during: 'no' as never }, "expected true or false for during, got 'no'"],
    ['a progress that is no function', { onProgress: 'log' as never }, "expected a function for onProgress, got 'log'"],
    ['a clock that is no function', { clock: 3 as never }, 'expected a function for clock, got 3'],
    ['a signal that is none', { signal: {} as never }, 'treat: expected an AbortSignal'],
    ['accepted findings that are no list', { baseline: 'old' as never }, 'treat: baseline must be a list'],
    ['accepted findings that are none', { baseline: [{}] as never }, 'expected a list of accepted findings, such as { rule, layers }, as baseline'],
    ['an unknown way to choose', { choose: 'luck' as never }, "'evidence' or 'random'"],
    ['an unknown rule', { ignore: ['vanishing'] }, 'unknown rule'],
    ['a budget of nothing', { budget: { trials: 0 } }, 'budget.trials must be a whole number ≥ 1, got 0'],
    ['a budget of one trial and a half', { budget: { trials: 1.5 } }, 'budget.trials must be a whole number ≥ 1, got 1.5'],
    ['a budget of steps and a half', { budget: { steps: 5000.5 } }, 'budget.steps must be a whole number ≥ 1, got 5000.5'],
    ['a budget of no time', { budget: { seconds: 0 } }, 'budget.seconds must be a number above 0, got 0'],
    ['targets in the place of options', data.y as never, 'rows and targets are passed together: treat(model, { x, y }, options), got'],
    ['targets as a list there', [0, 1] as never, 'rows and targets are passed together: treat(model, { x, y }, options), got [0, 1]'],
    ['validation rows as a pair', { validationData: [[[0]], [1]] as never }, 'treat: expected { x, y } for validationData, got [[[0]], [1]]'],
    ['a budget of what there is not', { budget: { tries: 3 } as never }, "not 'tries'"],
    ['no validation rows', { validationSplit: 0 }, 'validationSplit must be above 0'],
  ])('%s', async (_, options, message) => {
    await expect(doctor.treat(build(healthy), data, options)).rejects.toThrow(message);
  });

  it('a stream, and a model that is not compiled', async () => {
    await expect(doctor.treat(build(healthy), (() => []) as never)).rejects.toThrow('treat needs arrays');
    const { sequential } = await import('evenkeel');
    const bare = sequential([layers.input([28, 28], { dtype: 'uint8' }), layers.flatten(), layers.dense(10)]);
    await expect(doctor.treat(bare, data)).rejects.toThrow('not compiled');
  });
});
