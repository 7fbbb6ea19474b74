import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-'));
afterAll(() => rmSync(folder, { recursive: true }));
const run = (...words: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 60_000 });

const netOf = (name: string, depth: number, activation: string, kernelInitializer: unknown, compile = true): string => {
  const hidden = Array.from({ length: depth }, () => ({ kind: 'dense', units: 64, activation, kernelInitializer }));
  const path = join(folder, name);
  writeFileSync(
    path,
    JSON.stringify({
      layers: [
        { kind: 'input', shape: [28, 28], dtype: 'uint8' },
        { kind: 'flatten' },
        { kind: 'normalization', axis: null },
        ...hidden,
        { kind: 'dense', units: 10, activation: 'softmax' },
      ],
      ...(compile ? { compile: { loss: 'sparse_categorical_crossentropy' } } : {}),
    }),
  );
  return path;
};
const sick = netOf('sick.json', 20, 'sigmoid', 'glorot_uniform');
const healthy = netOf('healthy.json', 10, 'selu', 'lecun_normal', false);

describe('evenkeel check', () => {
  it('tells layer by layer what was forecast and measured, and in a sentence what is wrong', () => {
    const { status, stdout, stderr } = run('check', sick, '--data', 'glyphs');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toMatch(/^Layer +Fans +Activation +Initializer +Forward +measured +Backward +measured/);
    expect(stdout).toMatch(/^dense_5 +64→64 +sigmoid +glorotUniform/m);
    expect(stdout).toMatch(/^ILL {2}vanishing-gradient in dense_1…dense_10: .*a factor of 0\.2\d+ per layer over 20 layers/m);
  });

  it('shows of layers that walk along a sequence what becomes of the gradient on its way back', () => {
    const path = join(folder, 'walking.json');
    const layers = [
      { kind: 'input', shape: [28, 28] },
      { kind: 'simpleRnn', units: 32, recurrentInitializer: { name: 'orthogonal', gain: 0.5 }, returnSequences: true },
      { kind: 'lstm', units: 8 },
      { kind: 'dense', units: 10, activation: 'softmax' },
    ];
    writeFileSync(path, JSON.stringify({ layers, compile: { loss: 'sparse_categorical_crossentropy' } }));
    const { stdout } = run('check', path);
    expect(stdout).toMatch(/Along time +along time, measured/);
    // 27 steps at 0.5 and less where tanh bends leave at most 0.5²⁷.
    const [, forecast = '', measured = ''] = /^simpleRnn_1 +tanh +glorotUniform +(\S+) +(\S+)/m.exec(stdout) ?? [];
    expect(Number(forecast)).toBeLessThan(0.5 ** 27);
    expect(Number(measured)).toBeGreaterThan(Number(forecast));
    expect(stdout).toMatch(/^lstm_1 .*'lstm', is not covered by the theory/m);
  });

  it('tells how sharply the loss bends, and the rate that this bears where the optimizer has one', () => {
    const of = (optimizer: object): string => {
      const path = join(folder, 'rated.json');
      const layers = [
        { kind: 'input', shape: [28, 28], dtype: 'uint8' },
        { kind: 'flatten' },
        { kind: 'normalization', axis: null },
        { kind: 'dense', units: 32, activation: 'relu', kernelInitializer: 'heNormal' },
        { kind: 'dense', units: 10, activation: 'softmax' },
      ];
      writeFileSync(path, JSON.stringify({ layers, compile: { optimizer, loss: 'sparseCategoricalCrossentropy' } }));
      return path;
    };
    const fast = of({ name: 'sgd', config: { learningRate: 20 } });
    const { stdout } = run('check', fast, '--data', 'glyphs');
    const [, bound = ''] = /^Sharpest curvature of the loss \(λ_max\) \S+: steps along it grow above a learning rate of (\S+)$/m.exec(stdout) ?? [];
    expect(Number(bound)).toBeGreaterThan(0.01);
    expect(Number(bound)).toBeLessThan(1);
    expect(stdout).toMatch(
      /^ILL {2}unstable-rate: the learning rate is 20, but steps along the sharpest direction, of curvature \S+, grow from \S+ on$/m,
    );
    expect(stdout).toMatch(/^ +· lower the learning rate to 0\.\d+$/m);
    expect(JSON.parse(run('check', fast, '--json').stdout)).toMatchObject({ sharpness: expect.any(Number), stableRate: expect.any(Number) });
    expect(run('check', of({ name: 'adam' }), '--data', 'glyphs').stdout).toMatch(/^Sharpest curvature of the loss \(λ_max\) \S+$/m);
  });

  it('finds nothing ill in a healthy network, with data or without', () => {
    for (const data of [['--data', 'glyphs'], []]) {
      const { status, stdout } = run('check', healthy, ...data);
      expect({ status, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({ status: 0, last: 'healthy: no findings' });
    }
  });

  it('forecasts through an activation of the user’s own', () => {
    const path = join(folder, 'own.mjs');
    writeFileSync(
      path,
      `import { layers, ops, sequential } from 'evenkeel';
      const swish = (x) => ops.mul(x, ops.sigmoid(x));
      const own = (activation) => sequential([layers.input([64]), layers.dense(64, { activation }), layers.dense(64, { activation }), layers.dense(1)], { seed: 1 });
      export default () => own(swish).compile({ loss: 'mse' });
      `,
    );
    const table = join(folder, 'table.mjs');
    writeFileSync(
      table,
      `import { layers, sequential } from 'evenkeel';
      export default () => sequential([layers.input([64]), layers.dense(64, { activation: 'silu' }), layers.dense(64, { activation: 'silu' }), layers.dense(1)], { seed: 1 }).compile({ loss: 'mse' });`,
    );
    const gainsOf = (file: string): number[] => {
      const { layers } = JSON.parse(run('check', file, '--json').stdout) as { layers: { forwardGain: { predicted?: { value: number } } }[] };
      return layers.flatMap(({ forwardGain: { predicted } }) => predicted?.value ?? []);
    };
    const [mine, known] = [gainsOf(path), gainsOf(table)];
    expect(run('check', path).stdout).not.toContain('lookups');
    expect(known).toHaveLength(2);
    expect(mine).toEqual(known.map((gain) => expect.closeTo(gain, 6)));
  });

  it('tells a function in a module without data what summary tells it, or what it is told', () => {
    const path = join(folder, 'function.mjs');
    writeFileSync(
      path,
      `import { layers, sequential } from 'evenkeel';
      export default ({ inputShape, classes }) => sequential([layers.input(inputShape), layers.flatten(), layers.dense(classes, { activation: 'softmax' })]);`,
    );
    // 28 · 28 features of 10 classes, and 7 · 2 of 3.
    expect(run('check', path).stdout).toMatch(/^dense_1 +784→10 /m);
    expect(run('summary', path).stdout).toContain('[N, 784]');
    expect(run('check', path, '--input-shape', '7,2', '--classes', '3').stdout).toMatch(/^dense_1 +14→3 /m);
    const described = join(folder, 'described.json');
    writeFileSync(described, JSON.stringify({ layers: [{ kind: 'input', shape: [4] }, { kind: 'dense', units: 3 }] })); // biome-ignore format: a row of layers
    for (const command of ['check', 'summary'])
      expect(run(command, described, '--input-shape', '3,3')).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(`--input-shape: '${described}' already determines this; remove --input-shape`),
      });
    expect(run('check', path, '--classes', '10', '--data', 'glyphs')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--classes: 'glyphs' already determines this; remove --classes or --data"),
    });
  });

  describe('without data makes up', () => {
    const check = (layers: unknown[], ...words: string[]) => {
      const path = join(folder, 'made-up.json');
      writeFileSync(path, JSON.stringify({ layers }));
      return run('check', path, ...words);
    };
    const softmax = { kind: 'dense', units: 5, activation: 'softmax' };
    const bytes = [{ kind: 'input', shape: [6], dtype: 'uint8' }, { kind: 'dense', units: 8, activation: 'tanh' }, softmax];
    const sequence = [{ kind: 'input', shape: [7, 3] }, { kind: 'simpleRnn', units: 8, returnSequences: true }, softmax];
    const wide = [
      { kind: 'input', shape: [6] },
      { kind: 'dense', units: 12 },
      { kind: 'reshape', targetShape: [4, 3] },
    ];

    it('targets in the units that a last rescaling answers in', () => {
      const answering = (...last: unknown[]) => check([{ kind: 'input', shape: [6] }, { kind: 'dense', units: 12, activation: 'selu' }, { kind: 'dense', units: 2 }, ...last], '--loss', 'mse'); // biome-ignore format: a row of layers
      const plain = answering().stdout;
      const scaled = answering({ kind: 'rescaling', scale: [50, 0.02], offset: 300 }).stdout;
      expect(plain).not.toMatch(/(raw-targets|risk|ill) in/);
      expect(scaled).not.toMatch(/raw-targets/);
    });

    it('bytes for an input of bytes, as large as they are in pictures', () => {
      const { stdout } = check(bytes);
      expect(stdout).toMatch(/raw-features in input_1: the features of input_1 have an RMS of 1[345]\d/);
    });

    it.each(['meanSquaredError', 'categoricalCrossentropy', 'sparseCategoricalCrossentropy', 'binaryCrossentropy', 'circle', 'dice', 'poisson'])(
      'targets that %s takes',
      (loss) => {
        expect(check(bytes, '--loss', loss).stderr).toBe('');
      },
    );

    it.each([
      ['labels for each step of a sequence', sequence, []],
      ['rows of classes for each step of a sequence', sequence, ['--loss', 'categorical_crossentropy']],
      ['numbers of the output’s shape', wide, ['--loss', 'mse']],
      [
        'numbers that a layer behind another looks up',
        [
          { kind: 'input', shape: [6] },
          { kind: 'reshape', targetShape: [3, 2] },
          { kind: 'embedding', inputDim: 4, outputDim: 4 },
          { kind: 'flatten' },
          softmax,
        ],
        [],
      ],
      [
        'numbers that a layer inside of another looks up',
        [
          { kind: 'input', shape: [3, 5], dtype: 'int32' },
          { kind: 'timeDistributed', layer: { kind: 'embedding', config: { inputDim: 7, outputDim: 2 } } },
          { kind: 'flatten' },
          softmax,
        ],
        [],
      ],
    ])('%s', (_, layers, words) => {
      expect(check(layers, ...words)).toMatchObject({ stderr: '', status: 0 });
    });
  });

  it('names classes as a saved model does', () => {
    const saved = join(folder, 'named.safetensors');
    const table = join(folder, 'named.csv');
    writeFileSync(table, ['a,b,kind', ...Array.from({ length: 60 }, (_, i) => `${i % 9},${(i * 7) % 11},${i % 9 > 4 ? 'high' : 'low'}`)].join('\n'));
    expect(run('train', table, '--epochs', '1', '--quiet', '--out', saved).status).toBe(0);
    expect(run('check', saved).stderr).toBe('');
  });

  it('prints JSON, leaves rules out, and accepts what a baseline holds', () => {
    const json = run('check', sick, '--json');
    const { layers, findings } = JSON.parse(json.stdout) as { layers: Record<string, unknown>[]; findings: Record<string, unknown>[] };
    expect(layers).toHaveLength(21);
    expect(layers[3]).toMatchObject({ name: 'dense_4', fanIn: 64, initializer: 'glorotUniform', forwardGain: { measured: expect.any(Number) } });
    const backward = layers[3]?.backwardGain as { predicted: { low: number; high: number }; measured: number };
    expect(backward.measured).toBeGreaterThan(0.8 * backward.predicted.low);
    expect(backward.measured).toBeLessThan(1.2 * backward.predicted.high);
    for (const finding of findings) {
      expect(Object.keys(finding).toSorted()).toEqual([
        'cause',
        'confidence',
        'expected',
        'layers',
        'margin',
        'measured',
        'remedies',
        'rule',
        'severity',
        'step',
      ]);
    }
    const accepted = join(folder, 'accepted.json');
    writeFileSync(accepted, json.stdout);
    expect(run('check', sick, '--baseline', accepted).status).toBe(0);
    const rules = [...new Set(findings.map(({ rule }) => String(rule)))].flatMap((rule) => ['--ignore', rule]);
    expect(run('check', sick, ...rules).stdout).toContain('healthy: no findings');
  });

  it('says what is wrong with its arguments, with status 2', () => {
    const frozen = join(folder, 'frozen.json');
    writeFileSync(frozen, JSON.stringify({ layers: [{ kind: 'input', shape: [4] }, { kind: 'flatten' }] }));
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{');
    for (const [words, message] of [
      [['check', 'missing.json'], /there is no 'missing.json'/],
      [['check', sick, '--ignore', 'vanishing-gradien'], /unknown rule 'vanishing-gradien'; did you mean 'vanishing-gradient'/],
      [['check', sick, '--baseline', broken], /broken.json is not JSON/],
      [['check', sick, '--baseline', sick], /a baseline must be a list of/],
      [['check', sick, '--data', 'glyph'], /there is no 'glyph'; did you mean 'glyphs'/],
      [['check', frozen], /the model has no trainable weights/],
    ] as const) {
      const { status, stderr } = run(...words);
      expect(stderr).toMatch(message);
      expect(status).toBe(2);
    }
  });
});

describe('a recorded run', () => {
  it('is watched while it goes on, and diagnosed afterwards', () => {
    const trace = join(folder, 'run.jsonl');
    const events = join(folder, 'logs', 'first');
    const recorded = ['--trace', trace, '--tensorboard', events];
    const watched = run('train', sick, '--data', 'glyphs', '--epochs', '1', '--quiet', '--watch', ...recorded);
    expect(watched.status).toBe(0);
    expect(readdirSync(events)).toEqual([expect.stringMatching(/^events\.out\.tfevents\.\d{10}\.evenkeel\.0$/)]);
    expect(watched.stderr).toMatch(/ILL {2}vanishing-gradient/);
    const strip = /^dense_1 +[.:\-=+*#%@0]+$[\s\S]*^RMS of dL\/dz, log scale: \S+ .* steps 1 to \d+$/m;
    expect(watched.stderr).toMatch(strip);
    expect(run('diagnose', trace).stdout).toMatch(strip);
    const { status, stdout } = run('diagnose', trace, '--json');
    const { findings } = JSON.parse(stdout) as { findings: { rule: string }[] };
    expect(status).toBe(1);
    expect(findings.map(({ rule }) => rule)).toContain('loss-stalls');
    expect(run('diagnose', sick)).toMatchObject({ status: 2, stderr: expect.stringContaining('is not a trace') });
  });
});
