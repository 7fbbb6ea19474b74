import { doctor, initializers, type LossFunction, layers, NdArray, ops, optimizers, Random, type Trace } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { build, type Patient, row, severityOf, train } from './patients.js';

const FEATURES = 8;
const he = { activation: 'relu', kernelInitializer: 'heNormal' } as const;

/** Normal features, and what is made of each row of them. */
function setOf(rows: number, seed: number, target: (x: readonly number[], random: Random) => number, integer = false) {
  const random = new Random(seed);
  const x = Array.from({ length: rows }, () => Array.from({ length: FEATURES }, () => random.normal(0, 1)));
  const y = x.map((features) => target(features, random));
  return {
    x: new NdArray(Float32Array.from(x.flat()), [rows, FEATURES]),
    y: new NdArray(integer ? Int32Array.from(y) : Float32Array.from(y), [rows, 1]),
  };
}

const illOf = (trace: Trace): string[] => doctor.diagnose(trace).flatMap(({ rule, severity }) => (severity === 'ill' ? [rule] : []));

describe('rare classes', () => {
  const rare = setOf(2000, 1, ([a = 0, b = 0]) => Number(a + b > 3.1), true);
  const patient: Patient = {
    hidden: () => row(1, 16, he),
    head: () => [layers.dense(1, { activation: 'sigmoid' })],
    compile: { optimizer: optimizers.sgd({ learningRate: 0.05, momentum: 0.9 }), loss: 'binaryCrossentropy' },
    data: rare,
    standardized: false,
  };

  it('make an undecided network start above chance, which is advice at most', async () => {
    const trace = await build(patient).examine(rare.x, rare.y);
    const { constantLoss = 0, undecidedLoss } = new Examination(trace);
    expect(undecidedLoss).toBeCloseTo(Math.LN2, 6);
    expect(constantLoss).toBeLessThan(Math.LN2 / 6);
    const found = doctor.diagnose(trace).find(({ rule }) => rule === 'initial-loss');
    expect(found).toMatchObject({ severity: 'risk', margin: 1, remedies: [{ id: 'bias-at-odds' }] });
  });

  it('are told of a network that is sure of the wrong ones', async () => {
    const sure = { activation: 'sigmoid', kernelInitializer: 'zeros', biasInitializer: initializers.constant({ value: 20 }) } as const;
    const trace = await build({ ...patient, head: () => [layers.dense(1, sure)] }).examine(rare.x, rare.y);
    expect(severityOf(trace, 'initial-loss')).toBe('ill');
  });

  it('whose noise no neighbours know either are suffered from by none', async () => {
    const trace = await train({ ...patient, fit: { epochs: 1 } });
    const { training } = trace.header;
    if (!training) throw new Error('no training was recorded');
    const reached = (value: number): Trace => ({
      ...trace,
      epochs: trace.epochs.map((epoch) => ({ ...epoch, logs: { loss: 0.08, val_accuracy: 0.95 } })),
      header: { ...trace.header, training: { ...training, neighbours: { log: 'val_accuracy', value, chance: 0.93, perfect: 1, rows: 500 } } },
    });
    const part = new Examination(reached(0.95)).partOfChance ?? 0;
    expect(part).toBeGreaterThan(0.5);
    expect(new Examination(reached(0.95)).suffers).toBe(false);
    expect(new Examination(reached(0.99)).suffers).toBe(true);
  });
});

describe('without validation rows', () => {
  const noisy = (seed: number) => setOf(600, seed, ([a = 0, b = 0, c = 0], random) => Number(random.uniform(0, 1) < 0.35 !== a * b + c > 0), true);
  const patient = (learningRate: number, epochs: number): Patient => ({
    hidden: () => row(2, 64, he),
    head: () => [layers.dense(1, { activation: 'sigmoid' })],
    compile: { optimizer: optimizers.adam({ learningRate }), loss: 'binaryCrossentropy' },
    data: noisy(2),
    standardized: false,
    fit: { epochs },
  });

  it('what is learned by heart is no learning that a budget ended', async () => {
    const trace = await train(patient(2e-3, 15));
    const { partOfChance = 0 } = new Examination(trace);
    expect(partOfChance).toBeGreaterThan(0.22);
    expect(partOfChance).toBeLessThan(0.9);
    expect(severityOf(trace, 'slow-learning')).toBe('risk');
    expect(illOf(trace)).toEqual([]);
  });

  it('a training that has only begun is ill', async () => {
    const clean = setOf(600, 3, ([a = 0, b = 0]) => Number(a + b > 0), true);
    const slow = { ...patient(1e-4, 6), hidden: () => row(1, 16, he), data: clean };
    const trace = await train(slow);
    expect(new Examination(trace).partOfChance).toBeGreaterThan(0.9);
    expect(severityOf(trace, 'slow-learning')).toBe('ill');
  });
});

describe('losses that may be below 0', () => {
  const counts = setOf(1000, 4, ([a = 0, b = 0], random) => {
    const mean = 1000 * Math.exp(0.3 * a + 0.3 * Math.sin(2 * b));
    return Math.round(mean + Math.sqrt(mean) * random.normal(0, 1));
  });
  const log = initializers.constant({ value: Math.log(1000) });
  const patient = (learningRate: number, loss: LossFunction | string = 'poisson'): Patient => ({
    hidden: () => row(1, 32, he),
    head: () => [layers.dense(1, { activation: 'exponential', kernelInitializer: initializers.normal({ stddev: 0.01 }), biasInitializer: log })],
    compile: { optimizer: optimizers.adam({ learningRate }), loss },
    data: counts,
    standardized: false,
    fit: { epochs: 10 },
  });
  /** The same, of which no table knows its least value. */
  const ownPoisson: LossFunction = (target, output) => ops.sub(output, ops.mul(target, ops.log(output)));

  it('are asked how much of what there is to learn is left', async () => {
    const trace = await train(patient(0.01));
    const { partOfChance } = new Examination(trace);
    expect(trace.epochs.at(-1)?.logs.loss).toBeLessThan(-1000);
    expect(partOfChance).toBeLessThan(0.2);
    expect(illOf(trace)).toEqual([]);
  });

  it('are told of steps that change nothing, before the first one and after the last', async () => {
    for (const loss of ['poisson', ownPoisson]) {
      const sick = patient(1e-7, loss);
      expect(severityOf(await build(sick).examine(counts.x.slice(0, 256), counts.y.slice(0, 256)), 'step-too-small')).toBe('ill');
      expect(severityOf(await train(sick), 'step-too-small')).toBe('ill');
    }
    expect(illOf(await train(patient(0.01, ownPoisson)))).toEqual([]);
  });
});
