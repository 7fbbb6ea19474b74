import { doctor, type Finding, initializers, type Layer, layers, NdArray, optimizers, Random, regularizers, type Trace } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { examine, type Patient, row, train } from './patients.js';
import { glyphSet } from './sets.js';

const drawn = (activation: string, stddev: number, depth: number): Patient => ({
  hidden: () => row(depth, 64, { activation, kernelInitializer: initializers.normal({ stddev }) }),
});
const by = (patient: Patient, optimizer: ReturnType<typeof optimizers.sgd>): Patient => ({ ...patient, compile: { optimizer } });
const severityOf = (trace: Trace, rule: string): Finding['severity'] | undefined => doctor.diagnose(trace).find((one) => one.rule === rule)?.severity;

describe('what some networks bear and others do not', () => {
  it('a large first loss: steps of an optimizer that divides by gradients’ sizes are no larger for it', async () => {
    const patient: Patient = {
      hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }),
      head: () => [layers.dense(10, { activation: 'softmax', kernelInitializer: initializers.normal({ stddev: 6 }) })],
    };
    expect(severityOf(await examine(by(patient, optimizers.sgd())), 'initial-loss')).toBe('ill');
    expect(severityOf(await examine(by(patient, optimizers.adam())), 'initial-loss')).toBe('risk');
    expect(severityOf(await examine(by(patient, optimizers.sgd({ globalClipNorm: 1 }))), 'initial-loss')).toBe('risk');
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

  it('a cause is told, and so answered, before what it leads to', async () => {
    const dropping: Patient = {
      hidden: () => row(3, 32, { activation: 'relu', kernelInitializer: 'heNormal' }).flatMap((layer) => [layer, layers.dropout(0.8)]),
      compile: { optimizer: 'adam', metrics: ['accuracy'] },
      fit: { epochs: 3, validationSplit: 0.1 },
    };
    const ill = doctor.diagnose(await train(dropping)).flatMap(({ rule, severity }) => (severity === 'ill' ? [rule] : []));
    expect(ill).toContain('strong-dropout');
    expect(ill.at(-1)).toBe('below-neighbours');
  });

  it('a loss weighed more, by a rate that is less by as much: the training is the same', async () => {
    const told = await Promise.all(
      [1, 100, 0.01].map(async (lossWeight) => {
        const trace = await train({
          hidden: () => row(3, 32, { activation: 'tanh' }),
          compile: { optimizer: optimizers.sgd({ learningRate: 5e-4 / lossWeight }), lossWeights: [lossWeight] },
          fit: { epochs: 5 },
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

  it('clipping at every step: what all gradients are multiplied by falls out where they are divided by their size', async () => {
    const patient: Patient = { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }) };
    expect(severityOf(await train(by(patient, optimizers.sgd({ globalClipNorm: 1e-3 }))), 'clipping-always')).toBe('ill');
    expect(severityOf(await train(by(patient, optimizers.adam({ globalClipNorm: 1e-3 }))), 'clipping-always')).toBe('risk');
  });

  it('half of the entries on the flat side, where there is one such side alone', async () => {
    expect(severityOf(await examine(drawn('tanh', 1, 3)), 'saturation')).toBe('ill');
    expect(severityOf(await examine(drawn('elu', 1, 3)), 'saturation')).toBe('risk');
  });

  it('a large first step, where the sums of all hidden layers are normalised', async () => {
    const optimizer = optimizers.adam({ learningRate: 0.08 });
    const plain: Patient = { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }) };
    const normalized: Patient = {
      hidden: () =>
        Array.from({ length: 2 }, (): Layer[] => [
          layers.dense(64, { kernelInitializer: 'heNormal' }),
          layers.layerNormalization(),
          layers.activation('relu'),
        ]).flat(),
    };
    expect(severityOf(await examine(by(plain, optimizer)), 'step-too-large')).toBe('ill');
    expect(severityOf(await examine(by(normalized, optimizer)), 'step-too-large')).not.toBe('ill');
    expect(severityOf(await examine(by(normalized, optimizers.adam({ learningRate: 2 }))), 'step-too-large')).toBe('ill');
  });

  it('pixels that are seldom inked, of pictures standardised as a whole', async () => {
    // One corner is inked once, and faintly.
    const values = Float32Array.from({ length: glyphSet.x.size }, (_, i) => (i % 784 === 0 ? (i === 0 ? 20 : 0) : glyphSet.x.at(i)));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const pictures = {
      x: new NdArray(
        values.map((value) => (value - mean) / deviation),
        glyphSet.x.shape,
      ),
      y: glyphSet.y,
    };
    const patient: Patient = { hidden: () => row(2, 64, { activation: 'selu', kernelInitializer: 'lecunNormal' }), standardized: false };
    const trace = await examine({ ...patient, data: pictures });
    const [facts] = trace.header.data ?? [];
    expect((facts?.featureDeviations[1] ?? 0) / (facts?.featureDeviations[0] ?? 1)).toBeGreaterThan(30);
    expect(severityOf(trace, 'raw-features')).toBeUndefined();
    // The same numbers in other units, column by column, are no pictures any more.
    const scaled = Float32Array.from({ length: values.length }, (_, i) => pictures.x.at(i) * 10 ** ((i % 784) % 4));
    const units = { x: new NdArray(scaled, pictures.x.shape), y: pictures.y };
    expect(severityOf(await examine({ ...patient, data: units }), 'raw-features')).toBeDefined();
  });

  it('sequences that begin with nothing, through which rectifiers pass nothing back', async () => {
    const blank = (rows: number) => ({
      x: new NdArray(
        Float32Array.from({ length: glyphSet.x.size }, (_, i) => (i % 784 < rows * 28 ? 0 : glyphSet.x.at(i) / 255)),
        glyphSet.x.shape,
      ),
      y: glyphSet.y,
    });
    const kept = { activation: 'relu', recurrentInitializer: 'identity' } as const;
    const patient = (rows: number, options: Parameters<typeof layers.simpleRnn>[1]): Patient => ({
      hidden: () => [layers.reshape([28, 28]), layers.simpleRnn(64, options)],
      standardized: false,
      data: blank(rows),
    });
    const trace = await examine(patient(6, kept));
    expect(trace.steps[0]?.signals.gRmsByTime?.flatMap((sizes) => sizes?.[0] ?? [])).toContain(0);
    expect(severityOf(trace, 'vanishing-along-time')).not.toBe('ill');
    const small = { activation: 'relu', recurrentInitializer: initializers.orthogonal({ gain: 0.3 }) } as const;
    expect(severityOf(await examine(patient(6, small)), 'vanishing-along-time')).toBe('ill');
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

  it('features that are not standardised, where units saturate by them: a cause is told beside what it does', async () => {
    const tenfold = {
      x: new NdArray(
        Float32Array.from({ length: glyphSet.x.size }, (_, i) => glyphSet.x.at(i) / 8),
        glyphSet.x.shape,
      ),
      y: glyphSet.y,
    };
    const patient = (activation: string): Patient => ({ hidden: () => row(1, 64, { activation }), standardized: false, data: tenfold });
    const saturated = await examine(patient('tanh'));
    expect(severityOf(saturated, 'saturation')).toBe('ill');
    expect(severityOf(saturated, 'raw-features')).toBe('ill');
    const findings = doctor.diagnose(saturated, { ignore: ['saturation'] });
    expect(findings.find(({ rule }) => rule === 'raw-features')?.severity).toBe('risk');
    expect(severityOf(await examine(patient('leakyRelu')), 'raw-features')).toBe('risk');
  });

  it('a first step that throws the weights out, where units end on their flat sides', async () => {
    const trained = async (learningRate: number): Promise<Trace> =>
      train({
        hidden: () => row(3, 64, { activation: 'tanh', kernelInitializer: 'glorotNormal' }),
        compile: { optimizer: optimizers.adam({ learningRate }) },
      });
    const thrown = await trained(0.1);
    expect(severityOf(thrown, 'saturation')).toBe('ill');
    expect(severityOf(thrown, 'step-too-large')).toBe('ill');
    const calm = await trained(1e-3);
    expect(severityOf(calm, 'step-too-large')).toBeUndefined();
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
