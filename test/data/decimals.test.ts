import { describe, expect, it } from 'vitest';
import { DataError } from '#src/core/errors.js';
import { TableReader } from '#src/data/table-reader.js';

const again = (reader: TableReader): TableReader => TableReader.from(JSON.stringify(reader));
const commas = again(TableReader.fit('a;b;y\n1,5;2,25;0,5\n3,75;4,5;1\n'));
const bare = again(TableReader.fit('1,5;2,25;0,5\n3,75;4,5;1\n'));
const points = again(TableReader.fit('a;b;y\n1.5;2.25;0.5\n3.75;4.5;1\n'));
const features = (reader: TableReader, text: string): unknown => reader.readFeatures(text, { name: 'new.csv' }).x.toNested();

describe('a reader that was fitted on decimal commas', () => {
  it('remembers them', () => {
    expect([commas, bare, points].map(({ decimalCommas }) => decimalCommas)).toEqual([true, true, false]);
    expect('decimalCommas' in points.schema).toBe(false);
    // The commas of a text, or of a column that is left out, are none of the reader's numbers.
    expect(TableReader.fit('a;b;y\n1,5;2;0\n2,5;3;1\n', { columns: { a: 'skip' } }).decimalCommas).toBe(false);
    expect(TableReader.fit('a;b;y\n1,5;2;0\n2,5;3;1\n', { columns: { a: 'text' } }).decimalCommas).toBe(false);
  });

  it.each([
    ['commas', 'a;b\n1,5;2,25\n'],
    ['commas that alone could mean thousands', 'a;b\n1,500;2,250\n'],
    ['commas beside a column of others', 'b;id;a\n2,250;7.5;1,5\n'],
    ['commas behind tabs', 'a\tb\n1,500\t2,250\n'],
    ['commas in quotes', 'a,b\n"1,5","2,250"\n'],
    ['points', 'a;b\n1.5;2.25\n'],
    ['points, one of which can only be decimal', 'a;b\n1.500;2.25\n'],
    ['points between commas', 'a,b\n1.500,2.250\n'],
    ['a column of each', 'a;b\n1,5;2.25\n'],
  ])('reads %s', (_, text) => {
    expect(features(commas, text)).toEqual([[1.5, 2.25]]);
  });

  it('takes whole numbers apart at commas, where more than one column is expected', () => {
    expect(features(bare, '1,2\n3,4\n')).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('goes by places in the same way', () => {
    for (const text of ['1,500;2,250\n', '1,500\t2,250\n', '1.5;2.25\n', '1.5,2.25\n', '1,500;2,250;0,500\n']) {
      expect(features(bare, text)).toEqual([[1.5, 2.25]]);
    }
  });

  it('needs nothing that parts the cells of a single column', () => {
    const one = TableReader.fit('a;y\n1,5;0\n2,5;1\n');
    expect(features(one, 'a\n1,500\n2\n')).toEqual([[1.5], [2]]);
    expect(features(one, 'a,y\n1,5\n2,0\n')).toEqual([[1], [2]]);
    expect(features(TableReader.fit('1,5;0\n2,5;1\n'), '1,5\n2,5\n')).toEqual([[1.5], [2.5]]);
  });

  it.each([
    ['points', 'a;b\n1.500;2\n', "row 1, column 'a'", '1.500'],
    ['a column of points beside commas', 'a;b\n1,5;2.250\n', "row 1, column 'b'", '2.250'],
    ['points among commas', 'a;b\n1,5;2\n1.500;3\n', "row 2, column 'a'", '1.500'],
  ])('asks what is meant by %s that could part thousands', (_, text, place, cell) => {
    expect(() => features(commas, text)).toThrow(DataError);
    expect(() => features(commas, text)).toThrow(
      `new.csv: ${place} holds '${cell}', which is ambiguous: the point may be a decimal point or a thousands separator, and the table that the reader was fitted on has decimal commas. Write fractions with commas (${cell.replace('.', ',')}), or thousands without points (${cell.replace('.', '')})`,
    );
  });

  it.each([
    [
      'commas beside points',
      'a;b\n1,500;2.25\n',
      /row 1, column 'a' holds '1,500', and such values look like numbers written with a decimal comma.*such as 1234\.5$/,
    ],
    ['commas in the quotes of a file of commas', 'a,b\n"1,500",2\n', /row 1, column 'a' holds '1,500', and such values look like numbers/],
    [
      'both in a number',
      'a;b\n"1.234,5";2,25\n',
      /row 1, column 'a' holds '1\.234,5', and such values look like numbers written with a decimal comma.*such as 1234,5$/,
    ],
    ['both in a column', 'a;b\n1,5;2\n1.25;3\n', /row 1, column 'a' holds '1,5', and such values look like numbers/],
    ['no number', 'a;b\n1,5;2\nx;3\n', /row 2, column 'a' holds 'x', expected a number/],
  ])('refuses %s', (_, text, message) => {
    expect(() => features(commas, text)).toThrow(message);
  });

  it('reads targets so, numbers and classes', () => {
    expect(commas.read('a;b;y\n1;2;1,500\n').y.toNested()).toEqual([[1.5]]);
    expect(() => commas.read('a;b;y\n1;2;1.500\n')).toThrow(
      /column 'y' holds '1\.500', which is ambiguous: the point may be a decimal point or a thousands separator, and the table that the reader was fitted on has decimal commas\. Write fractions with commas \(1,500\), or thousands/,
    );
    const kinds = again(TableReader.fit('a;y\n1,25;0,5\n2,5;1,125\n', { task: 'classification' }));
    expect([...kinds.read('a;y\n1;1,125\n').y.data]).toEqual([1]);
  });

  it('leaves texts as they are written', () => {
    const reader = again(TableReader.fit('a;b;y\n1,5;2,5;0\n7,5;3,5;1\n', { columns: { a: 'text' } }));
    expect(reader.featureNames).toEqual(['a=1,5', 'a=7,5', 'b']);
    expect(features(reader, 'a;b\n7,5;1,250\n')).toEqual([[0, 1, 1.25]]);
  });
});

describe('a reader that knows of no decimal commas', () => {
  const { decimalCommas, ...schema } = commas.schema;
  it.each([
    ['was kept by an earlier version', TableReader.from(schema)],
    ['was fitted on points', points],
  ])('judges each table by itself where it %s', (_, reader) => {
    expect(decimalCommas).toBe(true);
    expect(features(reader, 'a;b\n1,5;2,250\n')).toEqual([[1.5, 2.25]]);
    expect(features(reader, 'a;b\n1.500;2.250\n')).toEqual([[1.5, 2.25]]);
    expect(() => features(reader, 'a;b\n1,500;2,250\n')).toThrow(
      /row 1, column 'a' holds '1,500', and such values look like numbers written with a decimal comma,.*Write plain numbers, such as 1234\.5$/,
    );
  });

  it('cuts a table without a header at its semicolons and tabs, not at its commas', () => {
    const reader = TableReader.fit('1.5;2.25;0\n3.75;4.5;1\n');
    expect(() => features(reader, '1,500;2,250\n')).toThrow(/row 1, column 0 \(counted from 0\) holds '1,500', and such values look like numbers/);
    expect(TableReader.fit('1,5\t2,25\t0,5\n3,75\t4,5\t1,5\n').read('1,5\t2,25\t0,5\n').x.toNested()).toEqual([[1.5, 2.25]]);
  });
});

describe('fitting on decimal commas', () => {
  it('names a text among them', () => {
    expect(() => TableReader.fit('a;y\n1,5;0\nx;1\n2,5;1\n', { name: 'new.csv' })).toThrow(
      /^new\.csv: row 2, column 'a' holds 'x', but 2 of the column's 3 values are numbers/,
    );
  });
});
