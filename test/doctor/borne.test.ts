import { doctor, initializers, type Layer, layers, NdArray, optimizers, type Trace } from 'evenkeel';
import { describe, expect, it } from 'vitest';
import { Examination } from '#src/doctor/examination.js';
import { by, examine, type Patient, row, severityOf, train } from './patients.js';
import { glyphSet } from './sets.js';

const drawn = (activation: string, stddev: number, depth: number): Patient => ({
  hidden: () => row(depth, 64, { activation, kernelInitializer: initializers.normal({ stddev }) }),
});

/** Recurrent weights by which next to nothing is left of a gradient after some steps. */
const forgetting = { activation: 'relu', recurrentInitializer: initializers.orthogonal({ gain: 0.3 }) } as const;

/** Pictures of digits whose grey levels are multiplied. */
const glyphsBy = (factor: number) => ({
  x: new NdArray(
    Float32Array.from({ length: glyphSet.x.size }, (_, i) => factor * glyphSet.x.at(i)),
    glyphSet.x.shape,
  ),
  y: glyphSet.y,
});

/** Narrow layers, each normalized. */
const normalizedRow = (count: number) => Array.from({ length: count }, () => [layers.dense(8), layers.batchNormalization()]).flat();

describe('what some networks bear and others do not', () => {
  it('small steps, which grow with the gradient unless they are divided by its size', async () => {
    const patient: Patient = { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }) };
    const small = async (optimizer: ReturnType<typeof optimizers.sgd>) => {
      const trace = await examine(by(patient, optimizer));
      const { update, weight } = trace.steps[0]?.arrays ?? { update: [], weight: [] };
      const kernels = trace.header.arrays.flatMap((name, i) => (name.endsWith('kernel') ? [Number(update[i]) / Number(weight[i])] : []));
      expect(Math.max(...kernels)).toBeGreaterThan(5e-5);
      expect(Math.max(...kernels)).toBeLessThan(2e-4);
      return severityOf(trace, 'step-too-small');
    };
    expect(await small(optimizers.sgd({ learningRate: 3e-4 }))).toBeUndefined();
    expect(await small(optimizers.adam({ learningRate: 1e-5 }))).toBe('ill');
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

  it('clipping at every step: what all gradients are multiplied by falls out where they are divided by their size', async () => {
    const patient: Patient = { hidden: () => row(2, 64, { activation: 'relu', kernelInitializer: 'heNormal' }) };
    expect(severityOf(await train(by(patient, optimizers.sgd({ globalClipNorm: 1e-3 }))), 'clipping-always')).toBe('ill');
    expect(severityOf(await train(by(patient, optimizers.adam({ globalClipNorm: 1e-3 }))), 'clipping-always')).toBe('risk');
  });

  it('half of the entries on the flat side, where there is one such side alone', async () => {
    expect(severityOf(await examine(drawn('tanh', 1, 3)), 'saturation')).toBe('ill');
    expect(severityOf(await examine(drawn('elu', 1, 3)), 'saturation')).toBe('risk');
  });

  it('saturated layers, as long as they let enough through together, and more of them where steps are divided by the size of the gradient', async () => {
    const saturated = (depth: number, ...first: Layer[]): Patient => ({
      hidden: () => [...first, layers.dense(64), ...drawn('tanh', 0.4, depth).hidden()],
    });
    const told = async (patient: Patient) => severityOf(await examine(patient), 'saturation');
    const adam = optimizers.adam();
    expect(await told(saturated(1))).toBe('risk');
    expect(await told(saturated(4))).toBe('ill');
    expect(await told(by(saturated(4), adam))).toBe('risk');
    expect(await told(by(saturated(8), adam))).toBe('ill');
    // Steps of a sequence share their weights; gates carry a state past them.
    const steps = (walking: Layer) => [layers.reshape([28, 28]), walking, layers.layerNormalization()];
    expect(await told(by(saturated(4, ...steps(layers.lstm(32))), adam))).toBe('ill');
    const between = (walking: Layer): Patient => ({ hidden: () => [...steps(walking), layers.dense(64), ...drawn('tanh', 0.43, 3).hidden()] });
    for (const walking of [layers.lstm(32), layers.gru(32)]) {
      const through = doctor.diagnose(await examine(between(walking))).find(({ rule }) => rule === 'saturation')?.measured.value ?? 0;
      expect(through).toBeGreaterThan(0.14);
      expect(through).toBeLessThan(0.2);
      expect(await told(by(between(walking), adam))).toBe('risk');
    }
    expect(await told(by(between(layers.simpleRnn(32)), adam))).toBe('ill');
  });

  it('features that are not standardized, in front of an LSTM, whose cell adds up what its gates let through', async () => {
    const bytes = glyphsBy(1.2);
    const told = async (...walking: Layer[]) =>
      severityOf(
        await examine(by({ hidden: () => [layers.reshape([28, 28]), ...walking], standardized: false, data: bytes }, optimizers.adam())),
        'raw-features',
      );
    expect(await told(layers.lstm(32))).toBe('risk');
    expect(await told(layers.bidirectional(layers.lstm(32)))).toBe('risk');
    expect(await told(layers.gru(32))).toBe('ill');
    expect(await told(layers.simpleRnn(32))).toBe('ill');
    expect(await told(layers.gru(32, { returnSequences: true }), layers.lstm(32))).toBe('ill');
  });

  it('layers that start as constants, where steps are divided by the size of the gradient and move all of them at about one pace', async () => {
    const constant = (depth: number): Patient => ({
      hidden: () => row(depth, 64, { activation: 'tanh', biasInitializer: initializers.constant({ value: 5 }) }),
      fit: { epochs: 20 },
    });
    const told = async (patient: Patient) => {
      const trace = await examine(patient);
      return ['saturation', 'coma', 'signal-dying'].map((rule) => severityOf(trace, rule));
    };
    const loss = async (patient: Patient) => (await train(patient)).epochs.at(-1)?.logs.loss ?? Number.NaN;
    const [adam, ill, risk] = [optimizers.adam(), ['ill', 'ill', 'ill'], ['risk', 'risk', 'risk']];
    expect(await told(constant(2))).toEqual(ill);
    expect(await told(by(constant(2), adam))).toEqual(risk);
    expect(await loss(by(constant(2), adam))).toBeLessThan(0.01);
    expect(await told(by(constant(5), adam))).toEqual(ill);
    expect(await loss(by(constant(5), adam))).toBeGreaterThan(2);
    // Saturated by weights, outputs differ from row to row.
    expect(severityOf(await examine(by(drawn('tanh', 2, 3), adam)), 'saturation')).toBe('ill');
  });

  it('signals that shrink, where steps are divided by the size of the gradient', async () => {
    const shrinking = drawn('leakyRelu', 0.015, 4);
    expect(severityOf(await examine(shrinking), 'signal-dying')).toBe('ill');
    expect(severityOf(await examine(by(shrinking, optimizers.adam())), 'signal-dying')).toBe('risk');
    expect(severityOf(await examine(by(drawn('leakyRelu', 0.015, 8), optimizers.adam())), 'signal-dying')).toBe('ill');
  });

  it('sums of 0, from which no signal grows', async () => {
    const trace = await examine({
      hidden: () => [layers.dense(8, { activation: 'relu', kernelInitializer: 'zeros' }), layers.dense(8, { biasInitializer: 'ones' })],
    });
    expect(severityOf(trace, 'constant-weights')).toBe('ill');
    expect(severityOf(trace, 'signal-exploding')).toBeUndefined();
  });

  it('a gradient that normalization divides by the size of sums, which does not matter behind it', async () => {
    const patient = (normalized: boolean): Patient => ({
      hidden: () =>
        [1000, 1, 1].flatMap((scale) => [
          ...(normalized ? [layers.rescaling(scale)] : []),
          layers.dense(32),
          ...(normalized ? [layers.batchNormalization()] : [layers.rescaling(1 / scale)]),
          layers.activation('tanh'),
        ]),
    });
    const [normalized, divided] = [await examine(patient(true)), await examine(patient(false))];
    const ratio = ({ steps, header }: Trace): number => {
      const sizes = steps[0]?.signals.gRms.filter((_, column) => header.network.layers[header.watched[column] ?? -1]?.kind === 'dense') ?? [];
      return Number(sizes[0]) / Number(sizes[2]);
    };
    expect(ratio(normalized)).toBeLessThan(0.01);
    expect(ratio(divided)).toBeLessThan(0.01);
    expect(severityOf(normalized, 'vanishing-gradient')).toBeUndefined();
    expect(severityOf(divided, 'vanishing-gradient')).toBe('ill');
  });

  it('gradients that shrink with weights that are small throughout, as long as steps change all of them alike and are not small', async () => {
    const alike = drawn('leakyRelu', 0.025, 4);
    const at = async (learningRate: number, patient = alike) =>
      severityOf(await examine(by(patient, optimizers.sgd({ learningRate }))), 'vanishing-gradient');
    expect(await at(1)).toBe('risk');
    expect(await at(1e-4)).toBe('ill');
    const last = layers.dense(64, { activation: 'leakyRelu', kernelInitializer: initializers.normal({ stddev: 1e-4 }) });
    const uneven: Patient = { hidden: () => [...row(3, 64, { activation: 'leakyRelu', kernelInitializer: 'heNormal' }), last] };
    expect(await at(1, uneven)).toBe('ill');
  });

  it('entries without a gradient where a maximum takes others', async () => {
    const block = (): Layer[] => [
      layers.conv2d(8, 3, { activation: 'relu', padding: 'same', kernelInitializer: 'heNormal' }),
      layers.maxPooling2d({ poolSize: 2 }),
    ];
    const trace = await examine({
      hidden: () => [layers.reshape([28, 28, 1]), layers.averagePooling2d({ poolSize: 2 }), ...block(), ...block(), layers.flatten()],
    });
    expect(trace.steps[0]?.signals.gQuantiles?.[0]?.[3]).toBe(0);
    expect(severityOf(trace, 'vanishing-gradient')).toBeUndefined();
  });

  it('a large first step, where the sums of all hidden layers are normalized', async () => {
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

  it('pixels that are seldom inked, of pictures standardized as a whole', async () => {
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
    expect(severityOf(await examine(patient(6, forgetting)), 'vanishing-along-time')).toBe('ill');
  });

  it('a gradient that is lost along time over few steps, or in several layers in a row, which one of them may keep', async () => {
    const walking = (count: number, steps = 28): Patient => ({
      hidden: () => [
        layers.reshape([steps, 784 / steps]),
        ...Array.from({ length: count - 1 }, () => layers.simpleRnn(16, { ...forgetting, returnSequences: true })),
        layers.simpleRnn(16, forgetting),
      ],
      standardized: false,
    });
    const severity = async (patient: Patient) => severityOf(await examine(patient), 'vanishing-along-time');
    expect(await severity(walking(1))).toBe('ill');
    expect(await severity(walking(2))).toBe('risk');
    expect(await severity(walking(1, 14))).toBe('ill');
    expect(await severity(walking(1, 8))).toBe('risk');
  });

  it('less of what neighbours reach, where layers walk along steps, or many are normalized', async () => {
    const least = async (hidden: Patient['hidden']) => new Examination(await examine({ hidden })).leastOfNeighbours;
    const walking = (count: number) => [
      layers.reshape([28, 28]),
      ...Array.from({ length: count }, (_, i) => layers.simpleRnn(8, { returnSequences: i < count - 1 })),
    ];
    expect(await least(() => normalizedRow(11))).toBe(0.87);
    expect(await least(() => normalizedRow(12))).toBe(0.78);
    expect(await least(() => row(12, 8, {}))).toBe(0.87);
    expect(await least(() => walking(1))).toBe(0.83);
    expect(await least(() => walking(2))).toBe(0.78);
  });

  it('less of it in many layers, whatever they are, and more of the loss of chance', async () => {
    const ended = async (hidden: Patient['hidden']) => {
      const trace = await train({ hidden, compile: { metrics: ['accuracy'] }, fit: { epochs: 1 } });
      const [epoch] = trace.epochs;
      const { training } = trace.header;
      if (!epoch || !training) throw new Error('no epoch was recorded');
      const neighbours = { log: 'val_accuracy', value: 0.9, chance: 0.1, perfect: 1, rows: 500 };
      const header = { ...trace.header, training: { ...training, epochs: 6, neighbours } };
      return (left: number, part: number) => {
        const epochs = Array.from({ length: 6 }, (_, at) => {
          const loss = left * Math.log(10) * (1 + 0.2 * (5 - at));
          return { ...epoch, epoch: at, logs: { loss, val_loss: loss, val_accuracy: 0.1 + 0.8 * part }, penalties: {} };
        });
        const findings = doctor.diagnose({ ...trace, header, epochs }).filter(({ severity }) => severity === 'ill');
        return ['slow-learning', 'below-neighbours'].map((id) => findings.some(({ rule }) => rule === id));
      };
    };
    const [plain, deep, deeper] = [await ended(() => row(16, 8, {})), await ended(() => normalizedRow(16)), await ended(() => row(25, 8, {}))];
    expect([plain(0.2, 0.88), plain(0.25, 0.85)]).toEqual([
      [false, false],
      [true, true],
    ]);
    expect([deep(0.28, 0.79), deep(0.33, 0.77)]).toEqual([
      [false, false],
      [true, true],
    ]);
    for (const one of [deeper, await ended(() => normalizedRow(20))]) {
      expect([one(0.45, 0.62), one(0.55, 0.58)]).toEqual([
        [false, false],
        [true, true],
      ]);
    }
  });

  it('features that are not standardized, where units saturate by them: a cause is told beside what it does', async () => {
    const tenfold = glyphsBy(1 / 8);
    const patient = (activation: string): Patient => ({ hidden: () => row(1, 64, { activation }), standardized: false, data: tenfold });
    const saturated = await examine(patient('tanh'));
    expect(severityOf(saturated, 'saturation')).toBe('ill');
    expect(severityOf(saturated, 'raw-features')).toBe('ill');
    const findings = doctor.diagnose(saturated, { ignore: ['saturation'] });
    expect(findings.find(({ rule }) => rule === 'raw-features')?.severity).toBe('risk');
    expect(severityOf(await examine(patient('leakyRelu')), 'raw-features')).toBe('risk');
  });

  it('features that a layer at every step standardizes', async () => {
    const steps = (...first: readonly Layer[]) =>
      examine({
        hidden: () => [layers.reshape([28, 28]), ...first, layers.flatten(), ...row(1, 64, { activation: 'relu', kernelInitializer: 'heNormal' })],
        standardized: false,
      });
    const { normalization, timeDistributed } = layers;
    for (const normalize of [() => timeDistributed(normalization()), () => timeDistributed(layers.batchNormalization()), () => normalization()])
      expect(severityOf(await steps(normalize()), 'raw-features')).toBeUndefined();
    expect(severityOf(await steps(timeDistributed(layers.dense(28))), 'raw-features')).toBeDefined();
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
});
