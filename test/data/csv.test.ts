import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '#src/core/errors.js';
import { readCsv } from '#src/data/csv.js';
import { TableReader } from '#src/data/table-reader.js';

describe('readCsv', () => {
  it('reads numbers and text classes, the header found by itself', () => {
    const { x, y, classNames, featureNames } = readCsv('width,height,kind\n1,2.5,cat\n-3e1,.5,ape\n0,+4,cat\n');
    expect([x.dtype, x.toNested()]).toEqual([
      'float32',
      [
        [1, 2.5],
        [-30, 0.5],
        [0, 4],
      ],
    ]);
    expect([y.dtype, y.toNested()]).toEqual(['int32', [1, 0, 1]]);
    expect(classNames).toEqual(['ape', 'cat']);
    expect(featureNames).toEqual(['width', 'height']);
  });

  it('finds that there is no header', () => {
    const { x, featureNames } = readCsv('5.1,3.5,setosa\n4.9,3.0,setosa\n7,3.2,virginica\n');
    expect([x.shape, featureNames]).toEqual([
      [3, 2],
      ['1', '2'],
    ]);
  });

  it('finds a header with empty cells, whose columns are named by their places', () => {
    expect(readCsv(',a,b,y\n0,5,u,1.5\n1,6,v,2.5\n').featureNames).toEqual(['unnamed 0', 'a', 'b=u', 'b=v']);
    expect(readCsv('a,,y\n0,5,1.5\n1,6,2.5\n', { columns: { 0: 'skip' } }).featureNames).toEqual(['unnamed 1']);
    expect(readCsv('a,,,y\n0,5,1,1.5\n1,6,2,2.5\n', { columns: { 'unnamed 2': 'skip' } }).featureNames).toEqual(['a', 'unnamed 1']);
    // Sodium is a name, above numbers; gaps in a first row of data are none.
    expect(readCsv('RI,Na,kind\n1,13.5,u\n2,14.5,v\n').featureNames).toEqual(['RI', 'Na']);
    expect(readCsv(',cat\n5,dog\n6,cat\n').x.shape).toEqual([3, 2]);
    expect(readCsv(',3,cat\n5,2,dog\n6,4,cat\n').x.shape).toEqual([3, 3]);
    // What pandas counts from 0 on stands beneath no name, be all else text.
    expect(readCsv(',who,kind\n0,ann,dog\n1,bob,cat\n').featureNames).toEqual(['unnamed 0', 'who=ann', 'who=bob']);
    expect(readCsv(',who,kind\n0,ann,dog\n2,bob,cat\n').x.shape).toEqual([3, 5]);
    // One row is a header only where nothing is known of its table.
    const { reader } = readCsv('x,cat\nz,dog\n', { header: false });
    expect(reader.readFeatures('x,dog\n').x.shape).toEqual([1, 2]);
  });

  it('finds tabs beside commas, where cells at an end of a line are empty', () => {
    expect(readCsv('size, m2\trooms\tgarden\tprice\n52.5\t2\t1\t100.5\n\t3\t\t150.5\n90\t4\t2\t210.5\n').featureNames).toEqual([
      'size, m2',
      'size, m2 missing',
      'rooms',
      'garden',
      'garden missing',
    ]);
    const gap = readCsv('size, m2\trooms\tprice\tgarden\n52.5\t2\t100.5\t1\n70\t3\t150.5\t\n90\t4\t210.5\t3\n', { target: 'price' });
    expect([gap.featureNames, [...gap.y.data]]).toEqual([
      ['size, m2', 'rooms', 'garden', 'garden missing'],
      [100.5, 150.5, 210.5],
    ]);
    const named = readCsv('\twho, first\tlabel\n0\tDoe, J\tyes\n1\tRoe, K\tno\n2\tDoe, J\tyes\n');
    expect([named.x.shape, named.classNames]).toEqual([
      [3, 3],
      ['no', 'yes'],
    ]);
    // A tab before every line parts nothing.
    expect(readCsv('\t1 2.5 a\n\t3 4.5 b\n\t5 6.5 a\n').x.shape).toEqual([3, 2]);
  });

  it('does as told about the header', () => {
    expect(readCsv('1,2\n3,4\n5,6\n', { header: true }).featureNames).toEqual(['1']);
    expect(() => readCsv('a,b\n3,4\n5,6\n', { header: false, name: 't.csv' })).toThrow(
      /^t\.csv: row 1, column 0 \(counted from 0\) holds 'a', but 2 of the column's 3 values/,
    );
  });

  it('numbers classes in the order of their values', () => {
    const { y, classNames } = readCsv('0.5,10\n0.5,9\n0.5,-1\n0.5,10.0\n');
    expect([[...y.data], classNames]).toEqual([
      [2, 1, 0, 2],
      ['-1', '9', '10'],
    ]);
  });

  it('keeps a target that is a quantity: with fractions, or with many values', () => {
    const fractions = readCsv('1,0.5\n2,7\n');
    expect([fractions.y.dtype, fractions.y.toNested(), fractions.classNames]).toEqual(['float32', [[0.5], [7]], undefined]);
    const many = readCsv(Array.from({ length: 257 }, (_, i) => `${i / 2},${i}`).join('\n'));
    expect([many.y.dtype, many.y.at(256)]).toEqual(['float32', 256]);
  });

  it('takes numbers so large that none has a fraction for quantities', () => {
    const of = (size: number) => readCsv(Array.from({ length: 20 }, (_, i) => `${i},${size * (1 + i / 7)}`).join('\n'));
    expect(of(1e20).y.dtype).toBe('float32');
    expect(of(1e20).classNames).toBeUndefined();
    expect(of(7e6).classNames).toHaveLength(20);
  });

  it.each([
    ['name', 'b'],
    ['index', 1],
    ['index from the back', -2],
  ])('takes the target by its %s', (_, target) => {
    const { x, y, featureNames } = readCsv('a,b,c\n1,0.5,3\n4,0.25,6\n', { target });
    expect([x.toNested(), y.toNested(), featureNames]).toEqual([
      [
        [1, 3],
        [4, 6],
      ],
      [[0.5], [0.25]],
      ['a', 'c'],
    ]);
  });

  it.each([
    ['CRLF', '1,2,a\r\n3,4,b\r\n'],
    ['CR alone', '1,2,a\r3,4,b'],
    ['semicolons', '1;2;a\n3;4;b'],
    ['tabs', '1\t2\ta\n3\t4\tb\n'],
    ['runs of spaces', ' 1  2   a\n 3 4  b \n'],
    ['tabs, some doubled', '1\t\t2\ta\n3\t4\tb'],
    ['spaces after commas', '1, 2, a\n3, 4, b\n'],
    ['blank lines', '\n1,2,a\n\n3,4,b\n\n'],
    ['a byte order mark', '\uFEFF1,2,a\n3,4,b'],
    ['quotes around cells', '"1","2","a"\n"3","4","b"'],
  ])('understands %s', (_, text) => {
    for (const input of [text, new TextEncoder().encode(text)]) {
      const { x, y, classNames } = readCsv(input);
      expect([x.toNested(), [...y.data], classNames]).toEqual([
        [
          [1, 2],
          [3, 4],
        ],
        [0, 1],
        ['a', 'b'],
      ]);
    }
  });

  it.each([
    ['houses.csv', /a path \('houses\.csv'\); read the file first: await readFile\(path\)/],
    ['/data/my homes.TSV', /a path/],
    ['x.parquet', /parquetTable/],
  ])('takes text, not the path %s', (path, message) => {
    expect(() => readCsv(path)).toThrow(message);
    expect(() => TableReader.fit(path)).toThrow(message);
  });

  it('takes nothing but text and bytes', () => {
    expect(() => readCsv(new URL('file:///houses.csv') as unknown as string)).toThrow(
      /expected the text or the bytes of a table, got a URL; read the file first/,
    );
  });

  it('keeps delimiters and line ends inside quotes', () => {
    expect(readCsv('size,name\n1,"a, b"\n2,"c\nd"\n').classNames).toEqual(['a, b', 'c\nd']);
  });

  it('keeps spaces inside quotes where spaces part cells, as in what R writes', () => {
    const { x, y, featureNames } = readCsv('"name" "v" "y"\n"John" 1 0\n"Ann Lee" 2 1\n"Jim ""J"" Roe" 3 1\n');
    expect(featureNames).toEqual(['name=Ann Lee', 'name=Jim "J" Roe', 'name=John', 'v']);
    expect([x.toNested(), [...y.data]]).toEqual([
      [
        [0, 0, 1, 1],
        [1, 0, 0, 2],
        [0, 1, 0, 3],
      ],
      [0, 1, 1],
    ]);
    expect(readCsv('"a b" "u v"\n"c d" "w x"\n', { header: false }).featureNames).toEqual(['1=a b', '1=c d']);
    expect(readCsv('5" 1 a\n6" 2 b\n').featureNames).toEqual(['1=5"', '1=6"', '2']);
  });

  it('takes the delimiter that cuts lines into the most cells, a comma where others cut as many', () => {
    for (const text of ['Smith, John;5;1\nDoe, Ann;6;0\nRoe, Jim;7;1\n', 'Smith, John\t5\t1\nDoe, Ann\t6\t0\nRoe, Jim\t7\t1\n']) {
      expect(readCsv(text).featureNames).toEqual(['1=Doe, Ann', '1=Roe, Jim', '1=Smith, John', '2']);
    }
    expect(readCsv('a;b,1,0\nc;d,2,1\n').featureNames).toEqual(['1=a;b', '1=c;d', '2']);
    expect(readCsv('u;v,0\nw;x,1\n').featureNames).toEqual(['1=u;v', '1=w;x']);
  });

  it('reads decimal commas beside semicolons and tabs, where nothing says that they are anything else', () => {
    for (const text of ['a;b;y\n3,14;1,234;1,5\n2;;2,25\n', 'a\tb\ty\n3,14\t1,234\t1,5\n2\t\t2,25\n', '3,14;1,234;1,5\n2,5;1,234;2,25\n']) {
      const { x, y } = readCsv(text);
      expect([x.at(0), x.at(1), y.at(0), y.at(1)]).toEqual([3.14, 1.234, 1.5, 2.25].map(Math.fround));
    }
    // Texts stay, and so does a comma in a file of points.
    expect(readCsv('a;b;y\n"1,5 m";2;0\n"7,5 m";2,5;1\n').featureNames).toEqual(['a=1,5 m', 'a=7,5 m', 'b']);
    expect(() => readCsv('a;b;y\n3,14;1.5;0\n2,5;2.5;1\n')).toThrow(/row 1, column 'a' holds '3,14', and nearly all/);
    // Semicolons part cells also where commas could stand for thousands.
    expect(() => readCsv('1,234;0\n2,500;1\n')).toThrow(/row 1, column 0 \(counted from 0\) holds '1,234', and nearly all/);
  });

  it.each<[string, string, RegExp]>([
    [
      'decimal commas in quotes',
      'a,y\n"3,14",0\n"2,71",1\n',
      /row 1, column 'a' holds '3,14', and nearly all values of the column look like numbers/,
    ],
    ['thousands', 'a,b,y\n1,"1,234",0\n2,950,1\n3,"2,500",1\n', /row 1, column 'b' holds '1,234'/],
    ['thousands that could be decimals', 'a;y\n1,234;0\n2,500;1\n', /row 1, column 'a' holds '1,234'/],
    ['currencies', 'a,y\n$5,0\n€ 7.50,1\n"USD 1,000",1\n', /column 'a' holds '\$5'/],
    ['percent signs', 'a,y\n5 %,0\n7%,1\n', /column 'a' holds '5 %'/],
    ['a target of decimal commas', 'a,y\n1,"3,5"\n2,"4,25"\n', /row 1, column 'y', the target, holds '3,5'.*task to 'classification'/],
    ['a missing target', 'age,y\n1,a\n3,?\n', /row 2, column 'y', the target, is missing/],
    [
      'text among numbers',
      'age,y\n1,0\ntwo,1\n4,1\n',
      /row 2, column 'age' holds 'two', but 2 of the column's 3 values are numbers; correct the cell, or read the column as text/,
    ],
    ['infinity', 'age,y\n1,0\nInfinity,1\n4,1\n', /row 2, column 'age' holds 'Infinity', but 2/],
    ['a number beyond float32', 'age,y\n1,0\n1e39,1\n', /row 2, column 'age' holds 1e39, which exceeds the range of float32/],
    ['a number beyond float64', 'age,y\n1,0\n1e999,1\n', /row 2, column 'age' holds 1e999/],
    ['a hexadecimal number', 'age,y\n1,0\n0x10,1\n3,1\n', /row 2, column 'age' holds '0x10'/],
    ['a ragged row', '1,2,3\n4,5\n', /CSV: .*line 2/],
    ['a ragged row between spaces', '1 2 3\n4 5\n6 7 8\n', /row 2 has 2 cells, the first row has 3/],
    ['an open quote', '1,"2\n3,4\n', /is every quote closed/],
    ['an empty file', '', /no rows of data/],
    ['a header alone', 'a,b\n', /there are no rows of data below the header/],
    ['one column', '1\n2\n', /no column is left besides the target/],
    ['two columns of one name', 'a,a,b\n1,2,3\n', /two columns are named 'a'/],
  ])('refuses %s', (_, text, message) => {
    expect(() => readCsv(text)).toThrow(DataError);
    expect(() => readCsv(text)).toThrow(message);
  });

  it('suggests the nearest column for a target that does not exist', () => {
    const read = () => readCsv('height,width\n1,2\n', { target: 'hieght' });
    expect(read).toThrow(ArgumentError);
    expect(read).toThrow(/no column is named 'hieght'; did you mean 'height'/);
    expect(() => readCsv('1,2\n', { target: 'a' })).toThrow(/has no header/);
    expect(() => readCsv('1,2\n', { target: 2 })).toThrow(/target 2 is not a column; the file has 2/);
  });

  const folder = `${process.env.EVENKEEL_DATA ?? '../shared/data'}/uci`;
  const there = existsSync(folder);
  if (!there) console.info(`skipped: the real tables (no ${folder})`);
  // Rows, features and classes as the sets' own descriptions state them.
  it.skipIf(!there).each<[string, number, number, number, string | number]>([
    ['iris/raw/iris.csv', 150, 4, 3, -1],
    ['wine/raw/wine.csv', 178, 13, 3, -1],
    ['magic/raw/magic04.data', 19_020, 10, 2, -1],
    ['letter/raw/letter-recognition.data', 20_000, 16, 26, 0],
    ['htru2/raw/HTRU_2.csv', 17_898, 8, 2, -1],
    ['spambase/raw/spambase.data', 4_601, 57, 2, -1],
    ['conn-bench-sonar-mines-rocks/raw/sonar.all-data', 208, 60, 2, -1],
    ['wine-quality-red/raw/winequality-red.csv', 1_599, 11, 6, 'quality'],
  ])('reads %s', (file, rows, features, classes, target) => {
    const { x, classNames } = readCsv(readFileSync(`${folder}/${file}`), { target, name: file });
    expect([x.shape, classNames?.length]).toEqual([[rows, features], classes]);
  });
});
