import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-tables-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['dist/cli/main.js', ...words], { encoding: 'utf8', timeout: 100_000 });
}
function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** One unit on two columns, as a description. */
const unit = (more: object = {}): string => {
  const layers = [
    { kind: 'input', shape: [2] },
    { kind: 'dense', units: 1 },
  ];
  return write('net.json', JSON.stringify({ layers, ...more }));
};

/** Rents that depend on size and town; every tenth size is missing. */
const rows = Array.from({ length: 400 }, (_, i) => {
  const [size, town] = [20 + ((i * 37) % 100), ['Oslo', 'Rom', 'Bonn'][i % 3]];
  return { size: i % 10 === 7 ? '' : size, town, rent: (10 * size + (town === 'Oslo' ? 500 : 0) + 0.5).toFixed(1) };
});
const rents = write('rents.csv', ['size,town,rent', ...rows.map(({ size, town, rent }) => `${size},${town},${rent}`)].join('\n'));
const saved = join(folder, 'rents.safetensors');

describe('a table for a model of numbers', () => {
  it('has whole ones as its target at first, and others later', () => {
    const net = unit({ compile: { loss: 'mse', optimizer: 'adam' } });
    const whole = write('whole.csv', 'a,b,y\n1,2,3\n2,3,4\n3,4,5\n4,5,6\n5,6,8\n6,7,8\n7,7,9\n');
    const parts = write('parts.csv', 'a,b,y\n1,2,3.5\n2,3,4\n3,3,12\n');
    const out = join(folder, 'net.safetensors');
    expect(run('train', net, '--data', whole, '--quiet', '--out', out).status).toBe(0);
    expect(run('train', out, '--data', parts, '--task', 'regression', '--quiet', '--out', out).status).toBe(0);
    expect(run('train', out, '--data', whole, '--quiet', '--out', out).status).toBe(0);
    expect(run('predict', out, '--data', parts).stdout).toMatch(/^y\n-?\d/);
    expect(run('train', out, '--data', parts, '--task', 'classification').stderr).toContain('the model was trained for regression');
  });
});

describe('a table without a model', () => {
  beforeAll(() => {
    const trained = run('train', rents, '--target', 'rent', '--test-split', '0.2', '--epochs', '40', '--json', '--out', saved);
    expect(trained.stderr).toContain(
      'no MODEL given: 3 hidden layers of 32 SELU units on standardized features, AdamW, 40 epochs with batches of 16',
    );
    const { test } = JSON.parse(trained.stdout) as { test: { rootMeanSquaredError: number } };
    expect(test.rootMeanSquaredError).toBeLessThan(150);
  }, 60_000);

  it('predicts in the units of its target, from columns in any order, with gaps and texts', () => {
    const { stdout, status } = run('predict', saved, '--data', write('new.csv', 'town,id,size\nOslo,1,50\nRom,2,50\nRom,3,\n'));
    expect(status).toBe(0);
    const [header, ...lines] = stdout.trim().split('\n');
    expect(header).toBe('rent');
    const [oslo = 0, rom = 0, unknown = 0] = lines.map(Number);
    expect(Math.abs(oslo - 1000)).toBeLessThan(200);
    expect(Math.abs(oslo - rom - 500)).toBeLessThan(150);
    expect(Math.abs(unknown - 700)).toBeLessThan(400);
  });

  it('names a text that training never saw, or takes it as none', () => {
    const path = write('unknown.csv', 'town,size\nParis,50\n');
    expect(run('predict', saved, '--data', path)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("row 1, column 'town' holds 'Paris', but the column had no such value"),
    });
    expect(run('predict', saved, '--data', path).stderr).toContain('Correct the cell, or encode unknown texts as zeros (--unknown zeros)');
    expect(run('predict', saved, '--data', path, '--unknown', 'zeros')).toMatchObject({ status: 0 });
    // A training has no such option.
    const more = write('unknown-rents.csv', 'town,size,rent\nParis,50,900\nOslo,40,800\n');
    expect(run('train', saved, '--data', more).stderr).toMatch(
      /the column had no such value in the table that the reader was fitted on; its values were .*\. Correct the cell$/m,
    );
  });

  it('names a column that is missing', () => {
    expect(run('train', saved, '--data', rents, '--standardize')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--standardize: a saved model was trained on the features as they were'),
    });
    expect(run('predict', saved, '--data', rents, '--target', 'size')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("--target: the model was trained on 'rent'"),
    });
    expect(run('predict', saved, '--data', write('less.csv', 'size,twon\n50,Rom\n'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("the column 'town' is missing; did you mean 'twon'?"),
    });
  });

  it('goes on with a saved model, whose table is read as before', () => {
    const more = run('train', saved, '--data', rents, '--epochs', '1', '--json', '--quiet');
    const { history } = JSON.parse(more.stdout) as { history: { rootMeanSquaredError: number[] } };
    expect(history.rootMeanSquaredError[0]).toBeLessThan(300);
    expect(run('train', saved, '--data', rents, '--target', 'size')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("trained on 'rent'"),
    });
    expect(run('train', saved, '--data', rents, '--task', 'classification')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--task: the model was trained for regression and cannot be trained further for classification'),
    });
  });

  it('says how many classes whole numbers were taken for, and how not to, where few rows are of each', () => {
    const told = (different: number, ...words: string[]): string => {
      const lines = Array.from({ length: 120 }, (_, i) => `${i},${(i * 37) % different}`);
      return run('train', write('ages.csv', ['a,age', ...lines].join('\n')), '--epochs', '1', ...words).stderr;
    };
    const doubt =
      'the target holds whole numbers, 40 different ones in 120 rows, which are treated as classes; if they are quantities, use --task regression';
    expect(told(40, '--test-split', '0.5')).toContain('; the target is one of 40 classes\n');
    expect(told(40, '--test-split', '0.5')).toContain(doubt);
    expect(told(40, '--quiet')).toBe(`${doubt}\n`);
    expect(told(3)).toContain('; the target is one of 3 classes\n');
    expect(told(3)).not.toContain('--task');
    for (const task of ['classification', 'regression']) expect(told(40, '--task', task)).not.toContain('are taken for classes');
    expect(told(40, '--task', 'regression')).not.toContain('the target is one of');
  });

  it('tells classes apart where the target is text', () => {
    const kinds = write(
      'kinds.csv',
      ['a,b,kind', ...Array.from({ length: 300 }, (_, i) => `${i % 9},${(i * 7) % 11},${i % 9 > 4 ? 'high' : 'low'}`)].join('\n'),
    );
    const model = join(folder, 'kinds.safetensors');
    const { stdout } = run('train', '--data', kinds, '--test-split', '0.25', '--quiet', '--json', '--out', model, '--epochs', '30');
    expect((JSON.parse(stdout) as { test: { accuracy: number } }).test.accuracy).toBeGreaterThan(0.95);
    expect(run('predict', model, '--data', kinds).stdout.split('\n')[0]).toBe('high,low');
  });

  it.each([
    ['a column that does not exist', 'a,b\n1,2\n3,4\n', ['--target', 'c'], /no column is named 'c'/],
    ['text among numbers', 'a,b\n1,2\nx,4\n5,6\n', [], /row 2, column 'a' holds 'x', but 2 of the column's 3 values are numbers/],
    ['a column of gaps', 'a,c,b\n1,,2\n3,,4\n', [], /column 'c' has no value in any row; drop it/],
    ['a constant target', 'a,b\n1,2\n3,2\n', [], /the target, column 'b', is '2' in every row/],
  ])('refuses %s', (_, text, options, message) => {
    const { status, stderr } = run('train', '--data', write('bad.csv', text), ...options);
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it('remembers decimal commas', () => {
    const half = (value: number): string => String(value + 0.5).replace('.', ',');
    const lines = Array.from({ length: 60 }, (_, i) => `${half(i % 9)};${half((i * 7) % 11)};${half(2 * (i % 9))}`);
    const model = join(folder, 'commas.safetensors');
    run('train', write('commas.csv', ['a;b;y', ...lines].join('\n')), '--epochs', '1', '--quiet', '--out', model);
    const predicted = ['a;b\n1,500;2,250\n', 'a;b\n1.5;2.25\n', 'a,b\n1.500,2.250\n'].map((text) =>
      run('predict', model, '--data', write('later.csv', text)),
    );
    expect(predicted[0]).toMatchObject({ status: 0, stderr: '' });
    expect(predicted.slice(1)).toEqual([predicted[0], predicted[0]].map((same) => expect.objectContaining({ stdout: same?.stdout })));
    expect(run('train', model, '--data', write('later.csv', 'a;b;y\n1,5;2,250;1.500\n'), '--epochs', '1')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        "row 1, column 'y' holds '1.500', which is ambiguous: the point may be a decimal point or a thousands separator",
      ),
    });
  });

  describe('--without', () => {
    const lines = Array.from({ length: 300 }, (_, i) => `house ${i},${i % 9},${(i * 7) % 11},${(2 * (i % 9) + 0.5).toFixed(1)}`);
    const named = write('named.csv', ['id,a,b,price', ...lines].join('\n'));
    const words = ['--epochs', '1', '--quiet', '--out', join(folder, 'without.safetensors')];

    it('is told where a column cannot be read, and leaves it out for good', () => {
      expect(run('train', named, ...words)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("To leave the column out, use --without 'id'"),
      });
      expect(run('train', named, '--without', 'id', '--without', 'b', ...words)).toMatchObject({ status: 0, stderr: '' });
      const saved = join(folder, 'without.safetensors');
      expect(run('predict', saved, '--data', named)).toMatchObject({ status: 0, stderr: '' });
      expect(run('predict', saved, '--data', write('only.csv', 'a\n3\n'))).toMatchObject({ status: 0, stderr: '' });
      expect(run('predict', saved, '--data', named, '--without', 'b', '--without', '0')).toMatchObject({ status: 0, stderr: '' });
    });

    it('cannot take from a saved model what it needs, however the column is named', () => {
      const [byName, byPlace] = [join(folder, 'by-name.safetensors'), join(folder, 'by-place.safetensors')];
      const bare = write('by-place.csv', lines.join('\n'));
      run('train', named, '--without', 'id', '--epochs', '1', '--quiet', '--out', byName);
      run('train', bare, '--without', '0', '--epochs', '1', '--quiet', '--out', byPlace);
      const refused = (words: string[], message: string, status = 2) => {
        const ended = run(...words);
        expect(ended.stderr).toContain(message);
        expect(ended.status).toBe(status);
      };
      refused(['predict', byName, '--data', named, '--without', 'a'], "the model was trained with the column 'a' and needs it");
      refused(['predict', byName, '--data', named, '--without', '1'], "the model was trained with the column '1' ('a') and needs it");
      refused(['predict', byName, '--data', named, '--without', 'idd'], "no column is named 'idd'; did you mean 'id'?", 1);
      refused(['train', byName, '--data', named, '--without', '-1'], "the model was trained with the column '-1' ('price')");
      refused(['predict', byPlace, '--data', bare, '--without', '1'], "the model was trained with the column '1' and needs it");
      refused(['predict', byPlace, '--data', bare, '--target', '2'], "the model was trained on '3'");
      expect(run('predict', byPlace, '--data', bare, '--without', '0', '--target', '3')).toMatchObject({ status: 0, stderr: '' });
    });

    it.each([
      ['written for people', 'a,y\n$5,0\n$6,1\n', [], /Write plain numbers, such as 1234\.5\. To leave the column out, use --without 'a'\n$/],
      ['mistaken', 'a,y\n1,0\ntwo,1\n4,1\n', [], /correct the cell\. To leave the column out, use --without 'a'\n$/],
      ['without names', '1,0\n2,1\n', ['--target', 'y'], /the file has no header; pass the column's index\n$/],
    ])('is what the command line advises for columns that are %s, and no option of code', (_, text, words, message) => {
      expect(run('train', write('advice.csv', text), ...words).stderr).toMatch(message);
    });

    it('is an option of every command that reads tables', () => {
      const net = unit();
      const bare = write('bare.csv', lines.join('\n'));
      expect(run('check', net, '--data', named, '--without', 'id').stderr).toBe('');
      expect(run('treat', net, '--data', bare, '--without', '0', '--epochs', '1', '--trials', '1', '--quiet').stderr).toBe('');
    });

    it('serves models of which no table is known', () => {
      const plain = join(folder, 'plain.safetensors');
      const make = write(
        'save.mjs',
        `import { layers, sequential } from '${process.cwd()}/dist/index.js';
        await sequential([layers.input([2]), layers.dense(1)]).save(process.argv[2]);`,
      );
      expect(spawnSync(process.execPath, [make, plain], { encoding: 'utf8' }).stderr).toBe('');
      expect(run('predict', plain, '--data', named, '--without', 'id')).toMatchObject({ status: 0, stderr: '' });
      expect(run('predict', plain, '--data', named, '--without', 'id', '--unknown', 'zeros')).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('--unknown: the model was not trained on a table, so it has no texts'),
      });
      expect(run('predict', plain, '--data', 'glyphs', '--unknown', 'zeros')).toMatchObject({
        status: 2,
        stderr: expect.stringContaining("--unknown: it is about texts in a table; 'glyphs' is not a table"),
      });
      expect(run('predict', plain, '--data', named)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('remove the columns that are not features'),
      });
    });

    it.each([
      [['train', named, '--without', 'idd'], 1, /no column is named 'idd'; did you mean 'id'/],
      [['train', named, '--without', 'price'], 2, /column 'price' is the target, since it is the last column; choose another with --target/],
      [['train', '--data', 'glyphs', '--without', 'id'], 2, /--without names columns of a table; 'glyphs' is not a table/],
    ])('%j is refused', (given, status, message) => {
      const { stderr, ...ended } = run(...given);
      expect(stderr).toMatch(message);
      expect(ended.status).toBe(status);
    });
  });

  it('refuses options that do not go together', () => {
    expect(run('train', '--data', 'glyphs', '--test-split', '0.2')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('its own test rows'),
    });
    expect(run('train', '--data', 'glyphs', '--task', 'regression')).toMatchObject({ status: 2, stderr: expect.stringContaining('--task') });
  });

  it('reads gzipped text, and a header with an empty cell', () => {
    const path = join(folder, 'rents.csv.gz');
    const lines = rows.map(({ size, town, rent }, i) => `${i},${size},${town},${rent}`);
    writeFileSync(path, gzipSync([',size,town,rent', ...lines].join('\n')));
    const model = join(folder, 'gzipped.safetensors');
    const { stderr, stdout } = run('train', path, '--epochs', '1', '--without', '0', '--out', model);
    expect(stderr).toContain('AdamW, 1 epoch with batches of 16');
    expect(stdout).toContain('rootMeanSquaredError');
    expect(run('predict', model, '--data', rents).stdout.split('\n')).toHaveLength(402);
  });

  it.each([
    [['train', folder], /'.*' is neither a table \(\.csv, .*\) nor a model/],
    [['train', join(folder, 'folder.csv')], /--data: '.*folder\.csv' is a folder; pass a table in it/],
    [['predict', folder, '--data', rents], /FILE: '.*' is a folder; pass a file in it/],
    [['diagnose', folder], /TRACE: '.*' is a folder/],
    [['summary', folder], /MODEL: '.*' is a folder/],
    [['info', join(folder, 'nope')], /FILE: there is no '.*nope'; expected the path of a file/],
    [['train', 'houses.csv.bz2'], /'houses\.csv\.bz2' is neither a table/],
  ])('%j: says what the path is', (words, message) => {
    mkdirSync(join(folder, 'folder.csv'), { recursive: true });
    const { status, stderr } = run(...words);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it('reads parquet', () => {
    const { parquet } = JSON.parse(readFileSync('test/fixtures/files.json', 'utf8')) as { parquet: Record<string, string> };
    const path = join(folder, 'homes.parquet');
    writeFileSync(path, Buffer.from(parquet.snappy ?? '', 'base64'));
    expect(run('train', '--data', path, '--target', 'price', '--epochs', '1', '--quiet', '--validation-split', '0')).toMatchObject({ status: 0 });
  });
});

const housing = `${process.env.EVENKEEL_DATA ?? '../shared/data'}/california-housing/housing.csv`;
const there = existsSync(housing);
if (!there) console.info(`skipped: California housing (no ${housing})`);

describe.runIf(there)('California housing', () => {
  it('from its raw table, with the default network: RMSE at most 55,000 on a held-out fifth, in under a minute', { timeout: 120_000 }, () => {
    const began = performance.now();
    const { stdout } = run('train', '--data', housing, '--target', 'median_house_value', '--test-split', '0.2', '--quiet', '--json');
    expect((JSON.parse(stdout) as { test: { rootMeanSquaredError: number } }).test.rootMeanSquaredError).toBeLessThan(55_000);
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});
