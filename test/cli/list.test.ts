import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type Activation, activations, initializers, layers, NdArray, ops, sequential } from 'evenkeel';
import { afterEach, describe, expect, it } from 'vitest';
import { kindNames, listText, tableOf, tablesPage } from '#src/cli/list.js';
import { maker } from '#src/core/catalogue.js';

const list = (...words: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', 'list', ...words], { encoding: 'utf8', timeout: 60_000 });

const columnOf = (kind: string, name: string, column: string): string | undefined => {
  const { columns, rows } = tableOf(kind);
  return rows.find((row) => row[0] === name)?.[columns.indexOf(column)];
};

describe('the tables', () => {
  it('stand in docs/tables.md as they are; else run npm run tables', () => {
    expect(readFileSync('docs/tables.md', 'utf8')).toBe(tablesPage());
  });

  it('say what is known of an entry', () => {
    expect(columnOf('activations', 'relu6', 'range')).toBe('0 … 6');
    expect(columnOf('activations', 'selu', 'self-normalizing')).toBe('yes');
    expect(columnOf('activations', 'selu', 'initializer')).toBe('lecunNormal');
    expect(columnOf('activations', 'leakyRelu', 'also written')).toBe('leaky_relu');
    expect(columnOf('activations', 'leakyRelu', 'options')).toBe('slope 0.01');
    expect(columnOf('optimizers', 'adam', 'options')).toContain('learningRate 0.001');
    expect(columnOf('layers', 'batchNormalization', 'in Keras')).toBe('BatchNormalization');
    expect(columnOf('callbacks', 'reduceLROnPlateau', 'in Keras')).toBe('ReduceLROnPlateau');
    expect(columnOf('callbacks', 'checkpoint', 'in Keras')).toBe('ModelCheckpoint');
    expect(['lstm', 'conv2dTranspose', 'leakyRelu', 'repeat'].map((name) => columnOf('layers', name, 'in Keras'))).toEqual([
      ...['LSTM', 'Conv2DTranspose', 'LeakyReLU', ''],
    ]);
    expect(columnOf('metrics', 'topKCategoricalAccuracy', 'also written')).toBe('top_k_categorical_accuracy');
  });

  it('have an entry for every name of every kind', () => {
    for (const [kind, table] of Object.entries({ activations, initializers, layers })) {
      expect(tableOf(kind).rows.map((row) => row[0])).toEqual(Object.keys(table));
    }
    for (const kind of kindNames) {
      const { columns, rows } = tableOf(kind);
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) expect(row).toHaveLength(columns.length);
    }
  });
});

describe('evenkeel list', () => {
  it('prints the names of all kinds, or one kind with its facts', () => {
    const all = list();
    expect(all.status).toBe(0);
    expect(
      all.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(':')[0]),
    ).toEqual(kindNames);
    expect(list('Activations').stdout).toBe(`${listText('activations')}\n`);
  });

  it('knows the rules, and the remedies with what they alter', () => {
    expect(list('rules').stdout).toMatch(/^vanishing-gradient +\S/m);
    const remedies = list('remedies').stdout;
    expect(remedies).toMatch(/^lower-learning-rate +lower the learning rate tenfold +learningRate$/m);
    expect(remedies).toMatch(/^fewer-layers +use fewer layers +only proposed$/m);
  });

  it('suggests the nearest kind', () => {
    const { status, stderr } = list('activation');
    expect(status).toBe(2);
    expect(stderr).toContain("unknown kind 'activation'; did you mean 'activations'?");
  });
});

describe('an activation that a table is given at run time', () => {
  const table = activations as Record<string, unknown>;
  afterEach(() => {
    delete table.rootRamp;
  });

  it('is listed, documented, resolved in either spelling, and trained', async () => {
    const facts = { ...activations.softplus(), range: [0, Number.POSITIVE_INFINITY], initializer: 'heNormal' } as const;
    const apply: Activation['apply'] = (x) => ops.mul(ops.add(x, ops.sqrt(ops.add(ops.square(x), 4))), 0.5);
    table.rootRamp = maker('activation', 'rootRamp', {}, () => ({ ...facts, name: 'rootRamp', config: {}, apply }));
    expect(listText().split('\n')[0]).toContain('rootRamp');
    expect(listText('activations')).toMatch(/^rootRamp +root_ramp .*0 … ∞/m);
    expect(tablesPage()).toContain('| rootRamp | root_ramp |');
    const model = sequential([layers.input([1]), layers.dense(1, { activation: 'root_ramp', kernelInitializer: 'ones' })]);
    const y = await model.predict(new NdArray(Float32Array.of(-1.5, 0, 3), [3, 1]));
    // (x + √(x² + 4)) / 2
    [0.5, 1, (3 + Math.sqrt(13)) / 2].forEach((value, i) => {
      expect(y.at(i)).toBeCloseTo(value, 6);
    });
  });
});
