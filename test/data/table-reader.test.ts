import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '#src/core/errors.js';
import { type TableFitOptions, TableReader } from '#src/data/table-reader.js';

const homes = 'size,city,rooms,price\n10.5,Oslo,2,100.5\n?,Rom,4,250\n30,NA,3,120.25\n20,Oslo,,90\n';
const learn = (text = homes, options: TableFitOptions = {}): TableReader => TableReader.fit(text, { name: 'homes.csv', ...options });
const again = (reader: TableReader): TableReader => TableReader.from(JSON.stringify(reader));

describe('TableReader', () => {
  it('fills gaps with the median, says where they were, and gives each text a flag', () => {
    const reader = learn();
    expect(reader.featureNames).toEqual(['size', 'size missing', 'city missing', 'city=Oslo', 'city=Rom', 'rooms', 'rooms missing']);
    expect(reader.features.map(({ flag }) => flag)).toEqual([false, true, true, true, true, false, true]);
    const { x, y, featureNames } = reader.read(homes);
    expect(x.toNested()).toEqual([
      [10.5, 0, 0, 1, 0, 2, 0],
      [20, 1, 0, 0, 1, 4, 0],
      [30, 0, 1, 0, 0, 3, 0],
      [20, 0, 0, 1, 0, 3, 1],
    ]);
    expect(y.toNested()).toEqual([[100.5], [250], [120.25], [90]]);
    expect(featureNames).toEqual(reader.featureNames);
  });

  it('takes the mean of the middle two as the median of an even count, also of large numbers', () => {
    const { x } = learn('a,y\n3e38,1.5\n1,2\n?,3\n2,4\n3.2e38,5\n').read('a,y\n,1\n');
    expect(x.at(0)).toBeCloseTo(1.5e38, -30);
  });

  it('reads other tables as it read the first: other order, other columns beside, no target', () => {
    const reader = again(learn());
    const { x } = reader.readFeatures('id,rooms,city,size\n7,5,Rom,\n');
    expect(x.toNested()).toEqual([[20, 1, 0, 0, 1, 5, 0]]);
  });

  it('finds each of very many columns in any order', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `gene ${i}`);
    const table = (order: readonly number[], rows: readonly number[]): string =>
      [order.map((i) => names[i] ?? ''), ...rows.map((row) => order.map((i) => String(i + row / 2)))].map((cells) => cells.join(',')).join('\n');
    const order = names.map((_, i) => i);
    const reader = learn(table(order, [0, 1, 3]), { target: null });
    const { x } = reader.readFeatures(table([...order].reverse(), [1]));
    expect(x.data.every((value, i) => value === i + 0.5)).toBe(true);
  });

  it('knows a header by its names where it could not guess it', () => {
    const reader = learn('kind,y\ncat,a\ndog,b\n', { header: true });
    expect(again(reader).readFeatures('kind\ndog\n').x.toNested()).toEqual([[0, 1]]);
  });

  it('without a header goes by places, with the target or without', () => {
    const reader = again(learn('1,a,5.5\n2,b,6\n', { target: 1 }));
    expect(reader.readFeatures('3,a,7\n').x.toNested()).toEqual([[3, 7]]);
    expect(reader.readFeatures('3,7\n').x.toNested()).toEqual([[3, 7]]);
    expect(() => reader.readFeatures('3,7,8,9\n')).toThrow(/4 columns, expected 3/);
  });

  it('keeps the numbers of classes, whatever another table holds', () => {
    const reader = again(learn('a,kind\n1,cat\n2,ape\n3,dog\n'));
    expect(reader.classNames).toEqual(['ape', 'cat', 'dog']);
    expect([...reader.read('a,kind\n1,dog\n2,cat\n').y.data]).toEqual([2, 1]);
    expect(() => reader.read('a,kind\n1,dog\n2,cow\n', { name: 'new.csv' })).toThrow(
      /^new\.csv: row 2, column 'kind' holds the class 'cow', which the model was not trained on; it knows ape, cat, dog/,
    );
  });

  it('tells classes apart as the fitted table wrote them, whatever rows another one holds', () => {
    const texts = again(learn('a,y\n1,01\n2,1\n3,x\n4,01\n5,1\n', { task: 'classification' }));
    expect(texts.classNames).toEqual(['01', '1', 'x']);
    expect([...texts.read('a,y\n1,01\n2,1\n').y.data]).toEqual([0, 1]);
    expect([...texts.read('a,y\n1,1.0\n2,x\n3,01\n').y.data]).toEqual([1, 2, 0]);
    const points = again(learn('a,y\n1,1.0\n2,2.0\n3,other\n'));
    expect([...points.read('a,y\n1,2.0\n2,1.0\n').y.data]).toEqual([1, 0]);
    const numbers = again(learn('a,y\n1,1.0\n2,2\n'));
    expect([...numbers.read('a,y\n1,2.00\n2,01\n').y.data]).toEqual([1, 0]);
    expect(() => numbers.read('a,y\n1,2.0\n2,x\n')).toThrow(
      /row 2, column 'y' holds the class 'x', which the model was not trained on; it knows 1, 2$/,
    );
    expect(() => points.read('a,y\n1,3.0\n')).toThrow(/row 1, column 'y' holds the class '3\.0'/);
  });

  it('reads columns and target as told', () => {
    const reader = learn('zip,id,y\n100,k1,1\n200,k2,2\n', { columns: { zip: 'text', id: 'skip' }, task: 'regression', indicators: false });
    expect(reader.featureNames).toEqual(['zip=100', 'zip=200']);
    expect(reader.read('zip,id,y\n200,k9,7\n').y.toNested()).toEqual([[7]]);
    expect(learn('a,y\n1,0.5\n2,0.25\n', { task: 'classification' }).classNames).toEqual(['0.25', '0.5']);
    expect(learn('a,b\n1,2\n,3\n', { target: null, indicators: false }).featureNames).toEqual(['a', 'b']);
  });

  it('lets unknown texts become zeros where asked', () => {
    const table = 'size,city,rooms\n1,Bonn,2\n';
    expect(() => learn().readFeatures(table, { name: 'new.csv' })).toThrow(
      /^new\.csv: row 1, column 'city' holds 'Bonn', but the column had no such value in the table that the reader was fitted on; its values were '', 'Oslo', 'Rom'/,
    );
    expect(learn().readFeatures(table, { unknown: 'zeros' }).x.toNested()).toEqual([[1, 0, 0, 0, 0, 2, 0]]);
    expect(() => learn('c,y\nA,1.5\nB,2\n', { header: true }).readFeatures('c\n?\n')).toThrow(
      /column 'c' is missing, but the column had no such value/,
    );
  });

  it.each<[string, string, TableFitOptions, RegExp]>([
    [
      'a column that is text in one row',
      'age,y\n1,0\nold,1\n3,1\n',
      {},
      /^homes\.csv: row 2, column 'age' holds 'old', but 2 of the column's 3 values are numbers/,
    ],
    ['a column of gaps', 'age,x,y\n?,1,0\n,2,1\n', { header: true }, /column 'age' has no value in any row; drop it/],
    ['a target that is always the same', 'age,y\n1,7\n2,7\n', {}, /the target, column 'y', is '7' in every row, so there is nothing to learn/],
    ['a target with a gap', 'age,y\n1,7\n2,\n', {}, /row 2, column 'y', the target, is missing/],
    ['a text target for a number', 'age,y\n1,a\n2,b\n', { task: 'regression' }, /row 1, column 'y' holds 'a', expected a number/],
    [
      'a column that names its rows',
      `id,y\n${Array.from({ length: 300 }, (_, i) => `k${i},${i / 7}`).join('\n')}`,
      {},
      /column 'id' holds 300 different texts in 300 rows, more than 256/,
    ],
    ['no column beside the target', 'y\n1\n2\n', {}, /no column is left besides the target/],
  ])('refuses %s', (_, text, options, message) => {
    expect(() => learn(text, options)).toThrow(DataError);
    expect(() => learn(text, options)).toThrow(message);
  });

  it.each<[string, TableFitOptions, RegExp]>([
    ['a target that does not exist', { target: 'prise' }, /no column is named 'prise'; did you mean 'price'/],
    ['a column that does not exist', { columns: { town: 'skip' } }, /no column is named 'town'/],
    ['the target among the columns', { columns: { price: 'text' } }, /'price' is the target/],
    ['a kind that does not exist', { columns: { city: 'word' as 'text' } }, /must be read as 'number', 'text' or 'skip', got 'word'/],
  ])('refuses %s', (_, options, message) => {
    expect(() => learn(homes, options)).toThrow(ArgumentError);
    expect(() => learn(homes, options)).toThrow(message);
  });

  it('names what another table lacks', () => {
    expect(() => learn().readFeatures('size,rooms,town\n1,2,Rom\n', { name: 'new.csv', header: true })).toThrow(
      /^new\.csv: the column 'city' is missing/,
    );
    expect(() => learn().read('size,city,rooms\n1,Rom,2\n', { header: true })).toThrow(/the column 'price' is missing/);
    expect(() => learn().readFeatures('1,Rom,2\n')).toThrow(/does not contain the column names 'size', 'city', 'rooms'; restore the header/);
    expect(() => learn(homes, { target: null }).read(homes)).toThrow(/fitted without a target; call readFeatures/);
  });

  it('comes back from JSON alone, and from nothing else', () => {
    const reader = learn();
    expect(again(reader).schema).toEqual(reader.schema);
    for (const broken of [
      '{',
      '{}',
      '[]',
      'null',
      3,
      { ...reader.schema, version: 2 },
      { ...reader.schema, decimalCommas: ',' },
      { ...reader.schema, columns: [{ name: 'a' }] },
    ]) {
      expect(() => TableReader.from(broken)).toThrow(DataError);
    }
  });

  const file = `${process.env.EVENKEEL_DATA ?? '../shared/data'}/california-housing/housing.csv`;
  const there = existsSync(file);
  if (!there) console.info(`skipped: California housing (no ${file})`);
  it.runIf(there)('reads California housing from its raw file', () => {
    const bytes = readFileSync(file);
    const reader = TableReader.fit(bytes, { target: 'median_house_value' });
    const { x, y } = reader.read(bytes);
    expect(x.shape).toEqual([20640, 14]);
    expect(y.shape).toEqual([20640, 1]);
    const column = (name: string): number[] => {
      const at = reader.featureNames.indexOf(name);
      return Array.from({ length: 20640 }, (_, row) => x.at(row * 14 + at));
    };
    expect(column('total_bedrooms missing').reduce((a, b) => a + b)).toBe(207);
    expect(column('ocean_proximity=INLAND').reduce((a, b) => a + b)).toBe(6551);
  });
});
