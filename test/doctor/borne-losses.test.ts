import { doctor, initializers, layers, NdArray, optimizers, Random, regularizers, sequential, type Trace } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { by, examine, type Patient, row, severityOf, train } from './patients.js';
import { glyphSet } from './sets.js';

describe('losses that some networks bear and others do not', () => {
  it('a large first loss: steps of an optimizer that divides by gradients’ sizes are no larger for it', async () => {
    const patient: Patient = {
      hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }),
      head: () => [layers.dense(10, { activation: 'softmax', kernelInitializer: initializers.normal({ stddev: 6 }) })],
    };
    expect(severityOf(await examine(by(patient, optimizers.sgd())), 'initial-loss')).toBe('ill');
    expect(severityOf(await examine(by(patient, optimizers.adam())), 'initial-loss')).toBe('risk');
    expect(severityOf(await examine(by(patient, optimizers.sgd({ globalClipNorm: 1 }))), 'initial-loss')).toBe('risk');
  });

  it('a large first loss of numbers, as far as it is that of targets which are not standardized', async () => {
    const rows = Array.from({ length: 512 }, (_, row) => row);
    const patient = (mean: number, stddev: number): Patient => ({
      hidden: () => row(2, 32, { activation: 'relu', kernelInitializer: 'heNormal' }),
      head: () => [layers.dense(1, { kernelInitializer: initializers.normal({ stddev }) })],
      compile: { loss: 'mse' },
      data: {
        x: new NdArray(
          Float32Array.from(rows, (row) => Math.sin(row)),
          [512, 1],
        ),
        y: new NdArray(
          Float32Array.from(rows, (row) => mean + Math.cos(row)),
          [512, 1],
        ),
      },
    });
    const far = await examine(patient(100, 0.1));
    const [facts] = far.header.training?.targets ?? [];
    expect(facts?.chanceLoss).toBeCloseTo(0.5, 1);
    expect(facts?.zeroLoss).toBeCloseTo(10_000.5, -2);
    // Steps that throw weights out have it as their cause.
    const ignore = ['step-too-large'];
    expect(doctor.diagnose(far, { ignore }).find(({ rule }) => rule === 'initial-loss')?.severity).toBe('risk');
    expect(severityOf(await examine(patient(0, 3)), 'initial-loss')).toBe('ill');
    expect(severityOf(await examine(patient(0, 0.1)), 'initial-loss')).toBeUndefined();
  });

  it('units that died, where most of what targets leave was learned: grey levels have an entropy of their own', async () => {
    const pixels = glyphSet.x.slice(0, 2048).reshape([2048, 784]);
    const grey = new NdArray(
      Float32Array.from({ length: pixels.size }, (_, i) => pixels.at(i) / 255),
      pixels.shape,
    );
    const trace = await train({
      hidden: () => [128, 32, 128].map((units) => layers.dense(units, { activation: 'relu', kernelInitializer: 'heNormal' })),
      head: () => [layers.dense(784, { activation: 'sigmoid' })],
      compile: { optimizer: 'adam', loss: 'binaryCrossentropy' },
      data: { x: grey, y: grey },
      standardized: false,
      fit: { epochs: 12 },
    });
    const { losses, chanceLoss = 0, partOfChance } = new Examination(trace);
    expect((losses.at(-1) ?? 0) / chanceLoss).toBeGreaterThan(0.45);
    expect(partOfChance).toBeLessThan(0.45);
    expect(severityOf(trace, 'died-in-training')).toBe('risk');
  });

  it('whatever showed, where a training does as well on other rows as their nearest neighbours, if those do well', async () => {
    const slow: Patient = {
      hidden: () => row(2, 32, { activation: 'tanh' }),
      compile: { optimizer: optimizers.sgd({ learningRate: 5e-4 }), metrics: ['accuracy'] },
      fit: { epochs: 5, validationSplit: 0.1 },
    };
    const trace = await train(slow);
    const reached = Number(trace.epochs.at(-1)?.logs.val_accuracy);
    const against = (value: number, perfect = 1): Trace => {
      const training = { ...(trace.header.training as NonNullable<typeof trace.header.training>) };
      return {
        ...trace,
        header: { ...trace.header, training: { ...training, neighbours: { log: 'val_accuracy', value, chance: 0.1, perfect, rows: 500 } } },
      };
    };
    expect(reached).toBeGreaterThan(0.2);
    expect(severityOf(trace, 'slow-learning')).toBe('ill');
    // An error of none at all would be what it reached and a little more, or far beyond.
    expect(severityOf(against(reached, reached + 0.05), 'slow-learning')).toBe('risk');
    expect(severityOf(against(reached, reached + 0.05), 'below-neighbours')).toBeUndefined();
    expect(severityOf(against(reached, 10 * reached), 'slow-learning')).toBe('ill');
    expect(severityOf(against(0.1 + (reached - 0.1) / 0.87), 'below-neighbours')).toBe('ill');
    expect(severityOf(against(0.1 + (reached - 0.1) / 0.89), 'below-neighbours')).toBeUndefined();
  });

  it('much loss that is left, where next to no class is told wrongly any more, on rows that are too few to have neighbours', async () => {
    const rows = Array.from({ length: 200 }, (_, row) => row);
    const trace = await train({
      hidden: () => row(1, 8, { activation: 'relu' }),
      head: () => [layers.dense(2, { activation: 'softmax' })],
      compile: { optimizer: 'adam', metrics: ['accuracy'] },
      data: {
        x: new NdArray(Float32Array.from(rows.flatMap((row) => [row % 2 ? 1 : -1, Math.sin(row)])), [200, 2]),
        y: new NdArray(
          Int32Array.from(rows, (row) => row % 2),
          [200],
        ),
      },
      fit: { epochs: 20, validationSplit: 0.2 },
    });
    const logs = trace.epochs.at(-1)?.logs ?? {};
    expect(Number(logs.loss)).toBeGreaterThan(0.22 * Math.log(2));
    expect([logs.val_accuracy, trace.header.training?.neighbours]).toEqual([1, undefined]);
    expect(severityOf(trace, 'slow-learning')).toBe('risk');
    const ofEvery = (change: Trace['epochs'][number]['logs']): Trace => ({
      ...trace,
      epochs: trace.epochs.map((epoch) => ({ ...epoch, logs: { ...epoch.logs, ...change } })),
    });
    // Half of the rows are of each class: 0.98 is 96 % of the way from there, 0.9 is 80 %, whatever the training rows come to.
    expect(severityOf(ofEvery({ val_accuracy: 0.98 }), 'slow-learning')).toBe('risk');
    expect(severityOf(ofEvery({ val_accuracy: 0.9 }), 'slow-learning')).toBe('ill');
  });

  it('a loss weighed more, by a rate that is less by as much: the training is the same', async () => {
    const told = await Promise.all(
      [1, 100, 0.01].map(async (lossWeight) => {
        const trace = await train({
          hidden: () => row(3, 32, { activation: 'tanh' }),
          compile: { optimizer: optimizers.sgd({ learningRate: 5e-4 / lossWeight }), lossWeights: [lossWeight] },
          fit: { epochs: 5, validationSplit: 0.1 },
        });
        return doctor.diagnose(trace).map(({ rule, severity }) => `${severity} ${rule}`);
      }),
    );
    expect(told[0]).toContain('ill slow-learning');
    expect(told[1]).toEqual(told[0]);
    expect(told[2]).toEqual(told[0]);
  });

  it('weights that cost: what is added to the loss is not what chance is asked for', async () => {
    const trace = await train({
      hidden: () => row(3, 64, { activation: 'relu', kernelInitializer: 'heNormal', kernelRegularizer: regularizers.l2({ l2: 0.02 }) }),
      compile: { optimizer: 'adam' },
      fit: { epochs: 5 },
    });
    const [first, last] = [trace.steps[0], trace.epochs.at(-1)];
    expect(Number(first?.penalty)).toBeGreaterThan(2 * Math.log(10));
    expect(Number(first?.loss) - Number(first?.penalty)).toBeLessThan(1.5 * Math.log(10));
    expect(Number(last?.logs.loss)).toBeGreaterThan(0.22 * Math.log(10));
    expect(doctor.diagnose(trace).filter(({ severity }) => severity === 'ill')).toEqual([]);
  });

  it('weights that cost less and less, of a network that learns nothing: what falls is no learning', async () => {
    const random = new Random(1);
    const noise = (width: number) =>
      new NdArray(
        Float32Array.from({ length: 400 * width }, () => random.normal()),
        [400, width],
      );
    const trace = await train({
      hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal', kernelRegularizer: regularizers.l2({ l2: 0.1 }) }),
      head: () => [layers.dense(1)],
      compile: { loss: 'mse', optimizer: optimizers.sgd({ learningRate: 0.01 }) },
      data: { x: noise(4), y: noise(1) },
      fit: { epochs: 30, batchSize: 16 },
    });
    const [first, last] = [Number(trace.epochs[0]?.logs.loss), Number(trace.epochs.at(-1)?.logs.loss)];
    expect(last).toBeLessThan(0.5 * first);
    const { learns, chanceLoss = Number.NaN, losses } = new Examination(trace);
    expect(learns).toBe(false);
    expect(chanceLoss).toBeGreaterThan(0.8);
    expect(losses.at(-1)).toBeGreaterThan(0.95 * chanceLoss);
    expect(doctor.diagnose(trace).find(({ rule }) => rule === 'loss-stalls')?.cause).toMatch(/the loss without penalties is/);
    // Older traces do not tell what the last epochs' losses hold.
    const old = { ...trace, epochs: trace.epochs.map(({ penalties, ...epoch }) => epoch) };
    const before = new Examination(old);
    expect([before.learns, before.chanceLoss, before.losses.at(-1)]).toEqual([false, undefined, last]);
    expect(severityOf(old, 'loss-stalls')).toBeUndefined();
  });

  it('weights that cost do not hide that a network learns too slowly', async () => {
    const slow = (l2: number): Patient => ({
      hidden: () => row(2, 32, { activation: 'tanh', kernelRegularizer: regularizers.l2({ l2 }) }),
      compile: { optimizer: optimizers.sgd({ learningRate: 5e-4 }) },
      fit: { epochs: 5, validationSplit: 0.1 },
    });
    const trace = await train(slow(0.05));
    expect(Number(trace.steps[0]?.penalty)).toBeGreaterThan(Math.log(10));
    expect(severityOf(trace, 'slow-learning')).toBe('ill');
    // What oscillates, or does not, is what steps make less.
    const { losses, minimized } = new Examination(trace);
    trace.epochs.forEach(({ logs }, i) => {
      expect(minimized[i]).toBe(logs.loss);
      expect(losses[i]).toBeLessThan(Number(logs.loss) - Math.log(10) / 2);
    });
  });

  it('a loss that rises while weights cost less: both together are what is learned', async () => {
    const trace = await train({ hidden: () => row(1, 16, { activation: 'tanh', kernelRegularizer: regularizers.l2({ l2: 0.02 }) }) });
    const [epoch] = trace.epochs;
    if (!epoch) throw new Error('no epoch was recorded');
    const ended = (errors: readonly number[], penalties: readonly number[]): Examination => {
      const of = (error: number, i: number) => ({
        ...epoch,
        epoch: i,
        logs: { loss: error + (penalties[i] ?? 0) },
        penalties: { loss: penalties[i] ?? 0 },
      });
      return new Examination({ ...trace, epochs: errors.map(of) });
    };
    expect(ended([0.9, 0.4, 0.6, 0.5, 0.7], [4, 3, 2, 1.8, 1.4]).learns).toBe(true);
    expect(ended([0.9, 0.4, 0.6, 0.5, 0.7], [1, 1, 1, 1, 1]).learns).toBe(false);
  });

  it('numbers, by the share of their variance, as classes', async () => {
    const targets = (left: number, neighbours: number, penalty?: number): Trace => {
      const logs = { loss: left + (penalty ?? 0), val_loss: left + (penalty ?? 0) };
      const penalties = penalty === undefined ? {} : { penalties: { loss: penalty, val_loss: penalty } };
      const epoch = { kind: 'epoch', epoch: 0, step: 50, logs, ...penalties } as const;
      return {
        header: {
          ...bare.header,
          training: { ...bare.header.training, epochs: 1, neighbours: { log: 'val_loss', value: neighbours, chance: 1, perfect: 0, rows: 500 } },
        },
        steps: [],
        passes: [],
        epochs: [epoch],
      } as unknown as Trace;
    };
    const bare = await examine({ hidden: () => row(1, 8, { activation: 'tanh' }) });
    expect(severityOf(targets(0.11, 0.001), 'below-neighbours')).toBeUndefined();
    expect(severityOf(targets(0.135, 0.001), 'below-neighbours')).toBe('ill');
    expect(severityOf(targets(0.46, 0.4), 'below-neighbours')).toBeUndefined();
    expect(severityOf(targets(0.48, 0.4), 'below-neighbours')).toBe('ill');
    expect(severityOf(targets(0.46, 0.4, 3), 'below-neighbours')).toBeUndefined();
    expect(severityOf(targets(0.48, 0.4, 3), 'below-neighbours')).toBe('ill');
  });

  it('a loss that oscillates, where other rows are answered nearly as well as by their neighbours', async () => {
    const trace = await train({
      hidden: () => row(1, 16, { activation: 'tanh' }),
      compile: { metrics: ['accuracy'] },
      fit: { epochs: 1, validationSplit: 0.1 },
    });
    const [epoch] = trace.epochs;
    if (!epoch || !trace.header.training) throw new Error('no epoch was recorded');
    const swinging = (val_accuracy: number): Trace => ({
      ...trace,
      header: {
        ...trace.header,
        training: { ...trace.header.training, neighbours: { log: 'val_accuracy', value: 0.9, chance: 0.1, perfect: 1, rows: 500 } } as NonNullable<
          typeof trace.header.training
        >,
      },
      epochs: [1, 2, 1, 2, 1, 2].map((loss, i) => ({ ...epoch, epoch: i, logs: { loss, val_accuracy } })),
    });
    expect(severityOf(swinging(0.1 + 0.85 * 0.8), 'loss-oscillates')).toBe('ill');
    expect(severityOf(swinging(0.1 + 0.89 * 0.8), 'loss-oscillates')).toBe('risk');
  });

  it('a loss that was less before, once next to nothing is left of it', async () => {
    const trace = await train({ hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }) });
    const ended = (losses: readonly number[]): Examination => {
      const [epoch] = trace.epochs;
      if (!epoch) throw new Error('no epoch was recorded');
      return new Examination({ ...trace, epochs: losses.map((loss, i) => ({ ...epoch, epoch: i, logs: { ...epoch.logs, loss } })) });
    };
    expect(ended([1, 0.02, 0.06]).learns).toBe(true);
    expect(ended([1, 0.3, 0.9]).learns).toBe(false);
  });

  it('penalties beside which an error is lost: what is left of it is not told', async () => {
    const patient: Patient = {
      hidden: () => row(2, 32, { activation: 'tanh', kernelRegularizer: regularizers.l2({ l2: 0.01 }) }),
      fit: { epochs: 3, validationSplit: 0.1 },
    };
    const trace = await train(patient);
    expect(new Examination(trace).bare).toBe(true);
    const grown = trace.epochs.map((epoch, i) => {
      const added = 10 ** (4 + 3 * i);
      return { ...epoch, logs: { ...epoch.logs, loss: added, val_loss: added }, penalties: { loss: added, val_loss: added } };
    });
    const { bare, learns, losses } = new Examination({ ...trace, epochs: grown });
    expect([bare, learns]).toEqual([false, false]);
    expect(Math.min(...losses)).toBeGreaterThan(1);
  });
});

describe('losses that may be below 0, or whose chance is not known', () => {
  const random = new Random(5);
  const rows = Array.from({ length: 600 }, () => [random.normal(), random.normal()] as const);
  const x = new NdArray(Float32Array.from(rows.flat()), [600, 2]);
  const directions = Float32Array.from(rows.flatMap(([a, b]) => [Math.cos(a + b), Math.sin(a + b)]));
  const turned = { x, y: new NdArray(directions, [600, 2]) };
  const towards = (loss: string, learningRate: number): Patient => ({
    hidden: () => row(1, 32, { activation: 'tanh' }),
    head: () => [layers.dense(2)],
    compile: { optimizer: optimizers.adam({ learningRate }), loss },
    data: turned,
    standardized: false,
    fit: { epochs: 20 },
  });

  it('fall where they grow in size', async () => {
    const trace = await train(towards('cosineSimilarity', 0.01));
    const { losses } = new Examination(trace);
    expect([losses[0], losses.at(-1)]).toEqual([expect.closeTo(-0.7, 0), expect.closeTo(-1, 1)]);
    expect(doctor.diagnose(trace).filter(({ severity }) => severity === 'ill')).toEqual([]);
    expect(severityOf(await train(towards('cosineSimilarity', 1e-8)), 'loss-stalls')).toBe('ill');
  });

  it('oscillate by shares of their size, and not about 0', async () => {
    const trace = await train(towards('cosineSimilarity', 0.01));
    const courseOf = (losses: readonly number[]): Trace => {
      const [epoch] = trace.epochs;
      if (!epoch) throw new Error('no epoch was recorded');
      const { training, ...header } = trace.header;
      const epochs = losses.map((loss, at) => ({ ...epoch, epoch: at, logs: { loss }, penalties: {} }));
      return { ...trace, header: { ...header, ...(training ? { training: { ...training, targets: [{ kind: 'real' }] } } : {}) }, epochs };
    };
    expect(severityOf(courseOf([-1, -2, -3, -3.2, -3.4, -3.5]), 'loss-oscillates')).toBeUndefined();
    expect(severityOf(courseOf([5, 0.02, 0.03, 0.02, 0.04, 0.01]), 'loss-oscillates')).toBeUndefined();
    expect(severityOf(courseOf([-1, -3, -1.5, -3, -1.2, -3]), 'loss-oscillates')).toBe('risk');
  });

  it('do not stall where an earlier fit had learned what there is', async () => {
    const model = sequential([layers.input([2]), ...row(1, 32, { activation: 'tanh' }), layers.dense(2)], { seed: 1 });
    model.compile({ optimizer: optimizers.adam({ learningRate: 0.01 }), loss: 'huber' });
    await model.fit(turned, { epochs: 40, verbose: 0 });
    const more = await model.fit(turned, { epochs: 12, verbose: 0, callbacks: [doctor.watch({ onFinding: 'ignore' })] });
    if (!more.trace) throw new Error('no trace was recorded');
    const { losses } = new Examination(more.trace);
    expect((losses.at(-1) ?? 0) / (losses[0] ?? 1)).toBeGreaterThan(0.5);
    expect(severityOf(more.trace, 'loss-stalls')).toBeUndefined();
  });
});

describe('classes that are weighed', () => {
  it('are compared with the weighed loss of chance, and with no neighbours', async () => {
    const random = new Random(11);
    const rows = Array.from({ length: 1500 }, (_, i) => {
      const rare = Number(i % 20 === 0);
      return { features: [random.normal() + 3 * rare, random.normal()], rare };
    });
    const trace = await train({
      hidden: () => row(1, 16, { activation: 'relu', kernelInitializer: 'heNormal' }),
      head: () => [layers.dense(1, { activation: 'sigmoid' })],
      compile: { optimizer: optimizers.adam({ learningRate: 0.01 }), loss: 'binaryCrossentropy', metrics: ['accuracy'] },
      data: {
        x: new NdArray(Float32Array.from(rows.flatMap(({ features }) => features)), [1500, 2]),
        y: new NdArray(
          Float32Array.from(rows, ({ rare }) => rare),
          [1500, 1],
        ),
      },
      standardized: false,
      fit: { epochs: 15, classWeight: { 0: 1, 1: 19 }, validationSplit: 0.2 },
    });
    // Both classes weigh as much: 2 · 0.95 · log 2.
    expect(trace.header.training?.targets?.[0]).toMatchObject({ weighed: true, chanceLoss: expect.closeTo(1.9 * Math.log(2), 1) });
    expect(trace.header.training?.neighbours).toBeUndefined();
    expect(doctor.diagnose(trace).map(({ rule, severity }) => `${severity} ${rule}`)).toEqual([]);
  });
});
